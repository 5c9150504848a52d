"""An evaluation of weights for people and programs: rows of tables, Markdown, JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from marketsim.analysis.evaluation.statistics import LEVEL, Estimate
from marketsim.analysis.weights.curve import WeightAnswer
from marketsim.analysis.weights.results import MEASURES, WeightsFound

BOUND: Final = "bound"
HEAD: Final = ("weights", *(each.text for each in MEASURES))
PAIR_HEAD: Final = ("weights", "less", "measure", "difference", f"{100 * LEVEL:.0f} % interval", "p", "p (Holm)")
AIM_HEAD: Final = ("to be reached", "reached", "found")
CURVE_HEAD: Final = (
    "burden beyond mean",
    "access beyond mean",
    "feedback: ln w",
    "learned: ln w in a day",
    "learned: ln w settled",
)


def arm_rows(found: WeightsFound) -> list[tuple[str, ...]]:
    """A row an arm under ``HEAD``, and one of the bound."""
    rows = [(arm, *(_span(each.name, own[each.name]) for each in MEASURES)) for arm, own in found.estimates.items()]
    gini, worst = found.bound.mean(axis=0).tolist()
    return [*rows, (BOUND, f"{gini:.3f}", f"{100 * worst:.2f} %", "-", "-", "-")]


def pair_rows(found: WeightsFound) -> list[tuple[str, ...]]:
    """A row a comparison under ``PAIR_HEAD``."""
    rows: list[tuple[str, ...]] = []
    for pair in found.pairs:
        span, text = pair.found.difference, {each.name: each.text for each in MEASURES}[pair.measure]
        interval = f"[{span.low:+.4f}, {span.high:+.4f}]"
        rows.append(
            (pair.arm, pair.other, text, f"{span.mean:+.4f}", interval, f"{pair.found.p:.4f}", f"{pair.p_holm:.4f}")
        )
    return rows


def aim_rows(found: WeightsFound) -> list[tuple[str, ...]]:
    """A row an aim under ``AIM_HEAD``."""
    return [(aim.text, "yes" if aim.reached else "no", aim.found) for aim in found.aims]


def curve_rows(curve: Sequence[WeightAnswer]) -> list[tuple[str, ...]]:
    """A row an answer under ``CURVE_HEAD``."""
    return [tuple(f"{value:+.2f}" for value in answer) for answer in curve]


def markdown(found: WeightsFound, curve: Sequence[WeightAnswer]) -> str:
    """The tables for the docs; ends with a line end."""
    tables = [(HEAD, arm_rows(found)), (PAIR_HEAD, pair_rows(found)), (AIM_HEAD, aim_rows(found))]
    tables.append((CURVE_HEAD, curve_rows(curve)))
    return "\n".join(_table(head, rows) for head, rows in tables if rows)


def as_json(found: WeightsFound, curve: Sequence[WeightAnswer]) -> dict[str, Any]:
    """Everything, with the values of every community and policy."""
    return {
        "part": found.part,
        "days": found.days,
        "communities": list(found.communities),
        "policies": list(found.policies),
        "level": LEVEL,
        "measures": {each.name: each.text for each in MEASURES},
        "arms": {
            arm: {each.name: _estimate(own[each.name], found, arm, place) for place, each in enumerate(MEASURES)}
            for arm, own in found.estimates.items()
        },
        "bound": {"burden_gini": found.bound[:, 0].tolist(), "burden_worst": found.bound[:, 1].tolist()},
        "pairs": [
            {
                "arm": pair.arm,
                "other": pair.other,
                "measure": pair.measure,
                **{name: getattr(pair.found.difference, name) for name in ("mean", "low", "high")},
                "p": pair.found.p,
                "p_holm": pair.p_holm,
            }
            for pair in found.pairs
        ],
        "aims": [aim._asdict() for aim in found.aims],
        "response_curve": [answer._asdict() for answer in curve],
    }


def _estimate(span: Estimate, found: WeightsFound, arm: str, place: int) -> dict[str, Any]:
    values = MEASURES[place].of(found.values[arm])
    return {"mean": span.mean, "low": span.low, "high": span.high, "by_community": values.tolist()}


def _span(measure: str, span: Estimate) -> str:
    if measure == "paid":
        return f"{span.mean:,.0f}"
    scale, unit = (100.0, " %") if measure == "burden_worst" else (1.0, "")
    digits = 2 if unit else 3
    low, middle, high = (f"{scale * value:.{digits}f}" for value in (span.low, span.mean, span.high))
    return f"{middle}{unit} [{low}, {high}]"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
