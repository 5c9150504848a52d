"""The mechanisms that ``compare-gates`` puts side by side, each a handful of overrides of the scenario."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final, NamedTuple

from marketsim.agents.params import TruthfulParams
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.build import Choice
from marketsim.core.errors import InputError, Problem


class CongestionMechanism(NamedTuple):
    """How trade is held to the grid."""

    name: str
    text: str
    overrides: Mapping[str, object]
    truthful: bool = False
    """Whether all agents bid their true values, as the mechanism takes bids for values."""


def _gate(name: str, text: str) -> CongestionMechanism:
    """The scenario's own market under a gate."""
    return CongestionMechanism(name, text, {"grid.gate": name})


MECHANISMS: Final = MappingProxyType(
    {
        each.name: each
        for each in (
            _gate("ac", "every trade checked by AC while it is matched"),
            _gate("sensitivity", "screened by sensitivities, AC at the end"),
            _gate("observe", "no check: what markets without a grid do"),
            _gate("doe_equal", "equal operating envelopes, free within"),
            _gate("doe_maximal", "envelopes of the largest sum, free within"),
            _gate("market_first", "trade freely, then curtail the last first"),
            CongestionMechanism(
                "central",
                "a planner with true values known: the least energy from upstream under the AC limits, then trade by merit order",
                {"grid.gate": "ac", "grid.allocation": "planned", "market.engine": "central_optimum"},
                truthful=True,
            ),
        )
    }
)


def chosen(names: Sequence[str]) -> tuple[CongestionMechanism, ...]:
    """Mechanisms by name, in the order asked for; InputError lists every name that there is not."""
    problems = []
    for name in names:
        if name not in MECHANISMS:
            close = get_close_matches(name, list(MECHANISMS), n=1)
            hint = f"did you mean {close[0]}?" if close else f"there is {', '.join(MECHANISMS)}"
            problems.append(Problem("no such mechanism", "--gates", name, hint))
    if problems:
        raise InputError(problems)
    return tuple(MECHANISMS[name] for name in dict.fromkeys(names))


def under(ready: ReadyScenario, mechanism: CongestionMechanism, *, truthful: bool = False) -> ReadyScenario:
    """The scenario under a mechanism; ``truthful``: all agents bid their true values, whatever the mechanism."""
    variant = ready.variant(mechanism.overrides)
    if not (mechanism.truthful or truthful):
        return variant
    strategy = Choice("truthful", TruthfulParams())
    return replace(variant, agents=tuple(replace(agent, strategy=strategy) for agent in variant.agents))
