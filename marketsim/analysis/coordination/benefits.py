"""Who benefits from planning together, by weights of members: the same days in one run under each, against the utility alone.

Weights follow from bills of the days before, so days are one run from the scenario's start and not days by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, get_args

from marketsim.analysis.coordination.study import UTILITY, Plans, coordinated
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.running import simulate
from marketsim.app.user_parts import checked_params, near
from marketsim.core.errors import InputError, Problem
from marketsim.core.weight_params import LearnedWeighting, LearnedWeightsParams, Weighting, WeightRuleParams

ENGINE: Final = "equity_pool"
"""Gives local energy."""
SHARING: Final = "dividend"
"""Gives what assets earn."""
METRIC: Final = "equity"
"""Says where members stand."""
_MOST_DAYS: Final = 366
_NAMED: Final[tuple[str, ...]] = get_args(Weighting)
_LEARNED: Final[tuple[str, ...]] = tuple(LearnedWeighting.model_fields)


class NamedWeights(NamedTuple):
    """A rule of weights as the engine ``equity_pool`` takes it."""

    name: str
    parameters: Mapping[str, Any]

    def checked(self) -> dict[str, Any]:
        """What an engine is told; InputError for weights that there are not, and for what is wrong with their parameters."""
        if self.name in _LEARNED:
            checked_params(LearnedWeightsParams, f"weights {self.name}", self.parameters, InputError)
            return {"weights": {self.name: dict(self.parameters)}}
        if self.name not in _NAMED:
            hint = near(self.name, (*_NAMED, *_LEARNED))
            raise InputError([Problem("there are no such weights", "weights", repr(self.name), hint)])
        checked_params(WeightRuleParams, f"weights {self.name}", self.parameters, InputError)
        return {"weights": self.name, **self.parameters}

    @property
    def label(self) -> str:
        """Its name, with parameters where they are not its own."""
        said = ", ".join(f"{name}: {value}" for name, value in self.parameters.items())
        return f"{self.name} {{{said}}}" if said else self.name


class Benefit(NamedTuple):
    """Where members stand at the end; None where it is undefined, as without incomes."""

    way: str
    burden_gini: float | None
    burden_worst: float | None
    access_gini: float | None
    burdens: Mapping[str, float | None]
    """Of each income class."""
    access: Mapping[str, float | None]
    """Local share of what each income class used."""
    paid: float
    """By all together [currency]."""
    peak_kw: float | None

    def row(self) -> dict[str, Any]:
        """Flat, a column for each class."""
        by_class = {"burden": self.burdens, "access": self.access}
        plain = {name: value for name, value in self._asdict().items() if name not in ("burdens", "access")}
        return {**plain, **{f"{what}_{name}": value for what, own in by_class.items() for name, value in own.items()}}


def benefits(
    ready: ReadyScenario,
    days: int,
    plans: Plans,
    rules: Sequence[NamedWeights],
    tell: Callable[[str], None] | None = None,
) -> tuple[Benefit, ...]:
    """The utility alone, then the pool with its first objective under each rule; ``tell`` hears of each when it begins.

    Local energy goes by weights (engine ``equity_pool``), and so does what shared assets earn, where there are any. InputError
    for a number of days that is none, and for rules that need incomes where somebody has none.
    """
    if not 1 <= days <= _MOST_DAYS:
        raise InputError([Problem(f"must be a whole number from 1 to {_MOST_DAYS}", "--days", str(days))])
    classes = dict.fromkeys(agent.income_class for agent in ready.agents if agent.income_class and agent.owners is None)
    asked = [rule.checked() for rule in rules]
    found: list[Benefit] = []
    for rule, said in zip(rules, asked, strict=True):
        if tell is not None:
            tell(f"weights: {rule.label}")
        pool = coordinated(ready.variant(_under(ready, days, said)), plans.objectives[0], plans)
        summary = simulate(pool).summary
        if not found:
            found.append(_benefit(UTILITY, summary, classes, "_grid_only"))
        found.append(_benefit(rule.label, summary, classes))
    return tuple(found)


def _under(ready: ReadyScenario, days: int, asked: Mapping[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {
        "clock.slots": days * round(24 * 60 / ready.model.clock.slot_minutes),
        "market.engine": {ENGINE: asked},
        "metrics": [METRIC],
    }
    if any(agent.owners is not None for agent in ready.agents):
        changes["market.sharing"] = {SHARING: asked}
    return changes


def _benefit(way: str, summary: Mapping[str, Any], classes: Iterable[str], twin: str = "") -> Benefit:
    return Benefit(
        way,
        burden_gini=summary[f"burden_gini{twin}"],
        burden_worst=summary[f"burden_worst{twin}"],
        access_gini=summary[f"access_gini{twin}"],
        burdens={name: summary[f"burden_{name}{twin}"] for name in classes},
        access={name: summary[f"access_{name}{twin}"] for name in classes},
        paid=sum(summary[f"{who}_cost{twin}"] or 0.0 for who in ("consumer", "prosumer")),
        peak_kw=summary[f"peak_import_kw{twin}"],
    )
