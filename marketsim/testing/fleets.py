"""The fleets of agents whose devices are built in, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from marketsim.core.build import BuildContext
from marketsim.devices import battery, curtailable_load, ev, generator, heat_pump

BUILDS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "battery": battery.build,
        "ev": ev.build,
        "heat_pump": heat_pump.build,
        "curtailable_load": curtailable_load.build,
        "generator": generator.build,
    }
)


def declared(context: BuildContext) -> BuildContext:
    """The context with what the devices of its agents declare."""
    owned = {name for agent in context.agents for name in agent.devices}
    fleets = []
    for name, build in BUILDS.items():
        if name in owned:
            rows = [agent.devices.get(name) for agent in context.agents] * context.community.n_markets
            fleets.append(build(rows, context).info)
    return replace(context, fleets=tuple(fleets))
