"""The grid of a simulation: feeder, gate, validation, and what metrics and nets of slots need of them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from marketsim.app.ready import ReadyScenario
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.connections import ConnectionModel, has_limits
from marketsim.core.free_gate_kernel import FreeGate
from marketsim.core.params import Params
from marketsim.core.ports import Gate
from marketsim.core.units import WH_PER_KWH
from marketsim.core.welfare import GridModel
from marketsim.grid.feeder import Feeder
from marketsim.grid.heads import head_names
from marketsim.grid.network import BranchKind, Network
from marketsim.metrics.efficiency import GRID_MODEL_FACT
from marketsim.metrics.grid import BAND_FACT, VoltageBand
from marketsim.metrics.laws import BACKGROUND_FACT
from marketsim.results.tables import ElementNames
from marketsim.scenario.model import VoltageRegulator

if TYPE_CHECKING:
    from marketsim.grid.tap_changer import Law

_RADIAL = {
    "ac": ("marketsim.grid.gate", "RadialGate"),
    "sensitivity": ("marketsim.grid.sensitivity_gate", "SensitivityGate"),
    "observe": ("marketsim.grid.observe_gate", "ObserveGate"),
    "market_first": ("marketsim.grid.market_first_gate", "MarketFirstGate"),
    "doe_equal": ("marketsim.grid.envelope_gate", "EqualEnvelopeGate"),
    "doe_maximal": ("marketsim.grid.envelope_gate", "MaximalEnvelopeGate"),
}
_MESHED = {
    "ac": ("marketsim.grid.meshed_gate", "MeshedGate"),
    "sensitivity": ("marketsim.grid.meshed_gate", "MeshedGate"),
    "observe": ("marketsim.grid.meshed_gate", "MeshedObserveGate"),
    "market_first": ("marketsim.grid.market_first_gate", "MeshedMarketFirstGate"),
    "doe_equal": ("marketsim.grid.envelope_gate", "MeshedEqualEnvelopeGate"),
    "doe_maximal": ("marketsim.grid.envelope_gate", "MeshedMaximalEnvelopeGate"),
}
"""Gate of each mode; on meshed nets ``sensitivity`` is exact, too."""


@dataclass(frozen=True, slots=True)
class GridParts:
    """What the grid contributes to a simulation."""

    gate: Callable[[], Gate]
    """A fresh gate; run and reference run have one each."""
    node_of: IntArray
    """Node of each agent, -1 without a grid [n_agents]."""
    facts: Mapping[str, Any]
    elements: ElementNames
    network: Network | None = None
    background_wh: int = 0
    """Load that belongs to no agent, a market and slot."""


def grid_parts(ready: ReadyScenario, context: BuildContext, reactive: Any) -> GridParts:
    """Feeder and gate of a scenario, or their absence."""
    community = context.community
    if ready.feeder is None or ready.model.grid.gate == "none":
        return GridParts(
            gate=lambda: FreeGate(
                community.n_markets, community.market, community.import_limit_wh, community.export_limit_wh
            ),
            node_of=np.full(community.n_agents, -1, dtype=np.int64),
            facts={GRID_MODEL_FACT: ConnectionModel(community)} if has_limits(community) else {},
            elements=ElementNames(connections=tuple(agent.name for agent in context.agents)),
        )
    network = network_of_run(ready)
    nodes = ready.feeder.nodes_of([_bus_of(agent) for agent in context.agents])
    settings = _settings(ready, context, network, reactive)
    if ready.model.grid.gate == "doe_maximal":
        settings = replace(settings, planner=_ac_model(ready, context, network, nodes, reactive))
    gate_class = _gate_class(ready, network)
    background_wh = int(np.rint(settings.background_kw * (context.clock.slot_hours * WH_PER_KWH)).sum())

    def gate_on(net: Network) -> Gate:
        made: Gate = gate_class(net, nodes, community.n_markets, context.clock.slot_hours, settings)
        return made

    gate, tap_facts = _regulated(ready, network, gate_on, community.n_markets)

    return GridParts(
        gate=gate,
        node_of=np.tile(nodes, community.n_markets),
        facts={
            BAND_FACT: VoltageBand(network.v_min_pu, network.v_max_pu),
            BACKGROUND_FACT: background_wh,
            **tap_facts,
            **_distance(ready, network, nodes),
            **_optimum_model(ready, context, network, nodes, reactive, gate),
        },
        elements=_element_names(context, network),
        network=network,
        background_wh=background_wh,
    )


def _regulated(
    ready: ReadyScenario, network: Network, gate_on: Callable[[Network], Gate], n_markets: int
) -> tuple[Callable[[], Gate], dict[str, Any]]:
    """How a gate is made, with the scenario's tap changers if it has any; the first one made logs their positions."""
    if not is_regulated(ready):
        return lambda: gate_on(network), {}
    from marketsim.grid.tap_changer import LOG_FACT, Positions, RegulatedGate, Regulator, at_position

    laws, log, made = tap_laws(ready), list[Positions](), list[RegulatedGate]()

    def gate() -> Gate:
        regulators = [Regulator(law, start) for law, start in zip(laws, _starts(ready), strict=True)]
        own = RegulatedGate(
            lambda positions: gate_on(at_position(network, laws, positions)), regulators, [] if made else log, n_markets
        )
        made.append(own)
        return own

    return gate, {LOG_FACT: log}


def is_regulated(ready: ReadyScenario) -> bool:
    """Whether the scenario has tap changers or regulators."""
    return ready.model.grid.tap_changer is not None or bool(ready.model.grid.regulators)


def _starts(ready: ReadyScenario) -> tuple[int, ...]:
    grid = ready.model.grid
    at_source = () if grid.tap_changer is None else (grid.tap_changer.start,)
    return (*at_source, *(each.start for each in grid.regulators))


def tap_laws(ready: ReadyScenario) -> tuple[Law, ...]:
    """How the scenario's tap changers move, that of the source first; NetworkError for buses and branches that are none."""
    from marketsim.grid.tap_changer import Law, far_end_is_from

    grid, feeder = ready.model.grid, feeder_of(ready)
    laws = []
    for place, changer in enumerate((grid.tap_changer, *grid.regulators)):
        if changer is None:
            continue
        law = Law(
            target_pu=changer.target_pu,
            dead_band_pu=changer.dead_band_pu,
            step=changer.step_percent / 100.0,
            lowest=changer.lowest,
            highest=changer.highest,
            delay_slots=changer.delay_slots,
            node=-1 if changer.bus is None else feeder.node(changer.bus),
        )
        if isinstance(changer, VoltageRegulator):
            branch, network = feeder.branch(changer.branch), feeder.network
            far = (network.from_node if far_end_is_from(network, branch) else network.to_node)[branch]
            held = law.node if changer.bus is not None else int(far)
            law = law._replace(node=held, branch=branch, column=f"tap_position_{place}")
        laws.append(law)
    return tuple(laws)


def _bus_of(agent: Any) -> str:
    if agent.bus is None:
        raise AssertionError(f"agent {agent.name} has no bus, which validation refuses")
    return str(agent.bus)


def network_of_run(ready: ReadyScenario) -> Network:
    """The feeder as a run solves it: ratings scaled, regulated branches turned, own loads where nobody replaces them."""
    feeder = feeder_of(ready)
    return regulated(ready, rated(ready, feeder.network.drawing(own_load_share(ready))))


def own_load_share(ready: ReadyScenario) -> FloatArray:
    """Share of its nominal load that each node of the feeder draws on its own account [n_nodes]."""
    grid, feeder = ready.model.grid, feeder_of(ready)
    share = np.full(feeder.network.n_nodes, grid.load_scale if grid.background else 0.0)
    share[feeder.nodes_of([_bus_of(agent) for agent in ready.agents])] = 0.0
    return share


def rated(ready: ReadyScenario, network: Network) -> Network:
    """The network with ratings scaled to the loading that the scenario allows."""
    grid = ready.model.grid
    allowed = np.where(network.kind == BranchKind.TRAFO, grid.trafo_loading_percent, grid.line_loading_percent) / 100.0
    return network._replace(
        rating_from_pu=network.rating_from_pu * allowed, rating_to_pu=network.rating_to_pu * allowed
    )


def regulated(ready: ReadyScenario, network: Network) -> Network:
    """The network with every regulated branch's from end at the source; NetworkError where that cannot be."""
    from marketsim.grid.tap_changer import facing_source

    for law in tap_laws(ready) if ready.model.grid.regulators else ():
        if law.branch >= 0:
            network = facing_source(network, law.branch)
    return network


def _settings(ready: ReadyScenario, context: BuildContext, network: Network, reactive: Any) -> Any:
    from marketsim.grid.gate_state import GateSettings

    grid, n_connections = ready.model.grid, len(context.agents)
    own_share = own_load_share(ready)
    return GateSettings(
        import_limit_wh=context.community.import_limit_wh[:n_connections],
        export_limit_wh=context.community.export_limit_wh[:n_connections],
        head_import_kw=_or_infinite(grid.head_kw.import_kw),
        head_export_kw=_or_infinite(grid.head_kw.export_kw),
        background_kw=network.nominal_kw * own_share,
        background_kvar=network.nominal_kvar * own_share,
        source_kvar_per_kw=reactive.law.source_kvar_per_kw[:n_connections],
        sink_kvar_per_kw=reactive.law.sink_kvar_per_kw[:n_connections],
        curve_pu=reactive.law.curve_pu,
        curve_kvar=reactive.law.curve_kvar[:n_connections],
        inverter_kva=reactive.law.kva[:n_connections],
        behind_kw=getattr(reactive, "behind_kw", None),
        guard_voltage_pu=grid.guard.voltage_pu,
        guard_loading=grid.guard.loading_percent / 100.0,
        worsen_voltage_pu=grid.worsen_tolerance.voltage_pu,
        worsen_loading=grid.worsen_tolerance.loading_percent / 100.0,
        rated_export_wh=_rated_wh(context, exports=True),
        rated_import_wh=_rated_wh(context, exports=False),
    )


def _rated_wh(context: BuildContext, *, exports: bool) -> IntArray:
    """What each connection is rated to inject, or its devices to draw, a slot [Wh] [n_connections]."""
    pv_scale = float(str(context.facts["pv_scale"]))
    slot_wh = context.clock.slot_hours * WH_PER_KWH
    powers = [
        sum(power_kw(device, exports=exports) for device in agent.devices.values())
        + (agent.pv_kw * pv_scale if exports else 0.0)
        for agent in context.agents
    ]
    return np.rint(np.array(powers) * slot_wh).astype(np.int64)


def power_kw(device: Params, *, exports: bool) -> float:
    """Rated power of a device in one direction [kW]: ``power_kw`` draws, and injects too where the device gives back;
    ``max_kw`` injects. A device of a plugin without either counts for nothing.
    """
    gives_back = hasattr(device, "discharge_efficiency")
    if exports:
        return float(getattr(device, "power_kw", 0.0) if gives_back else getattr(device, "max_kw", 0.0))
    return float(getattr(device, "power_kw", 0.0))


def _or_infinite(limit: float | None) -> float:
    return float("inf") if limit is None else limit


def _gate_class(ready: ReadyScenario, network: Network) -> Any:
    """Class of the scenario's gate; each mode is a module of its own."""
    from marketsim.grid.radial import is_radial

    module, name = (_RADIAL if is_radial(network) else _MESHED)[ready.model.grid.gate]
    return getattr(importlib.import_module(module), name)


def _distance(ready: ReadyScenario, network: Network, nodes: IntArray) -> dict[str, FloatArray]:
    """Electrical distances, where network charges go by them."""
    if "pairwise" not in ready.registry.traits("charges", ready.model.market.charges.name):
        return {}
    from marketsim.grid.distance import distance_ohm

    return {"distance_ohm": distance_ohm(network, nodes)}


def _optimum_model(
    ready: ReadyScenario,
    context: BuildContext,
    network: Network,
    nodes: IntArray,
    reactive: Any,
    gate: Callable[[], Gate],
) -> dict[str, Any]:
    """What the welfare optimum is verified by, where the gate limits anything."""
    grid = ready.model.grid
    if grid.gate == "observe" or is_regulated(ready):  # the model knows one state of the taps
        return {}
    probe = gate() if grid.gate == "ac" else None
    return {GRID_MODEL_FACT: _ac_model(ready, context, network, nodes, reactive, probe)}


def _ac_model(
    ready: ReadyScenario,
    context: BuildContext,
    network: Network,
    nodes: IntArray,
    reactive: Any,
    probe: Gate | None = None,
) -> GridModel:
    from marketsim.grid.ac_model import AcModel, Worsening

    grid = ready.model.grid
    worsening = Worsening(grid.worsen_tolerance.voltage_pu, grid.worsen_tolerance.loading_percent / 100.0)
    return AcModel(network, nodes, context.community, context.clock.slot_hours, reactive.law, worsening, probe)


def _element_names(context: BuildContext, network: Network) -> ElementNames:
    return ElementNames(
        nodes=network.bus_names,
        branches=network.branch_names,
        connections=tuple(agent.name for agent in context.agents),
        laterals=head_names(network),
    )


def feeder_of(ready: ReadyScenario) -> Feeder:
    """The feeder of a scenario that has one."""
    if ready.feeder is None:
        raise AssertionError("the scenario has no feeder")
    return ready.feeder
