"""What the critic said, and where it and the rule differ."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.report.series import PlotSeries
from marketsim.results.reader import Run

SCORES: Final = ("ftg", "fbs", "fpp")
MOST_DIFFERENCES: Final = 20


class Difference(NamedTuple):
    """One score of one slot on which critic and rule disagree."""

    slot: int
    score: str
    critic: float
    rule: float


class CriticView(NamedTuple):
    """A critic's log beside the rule's scores."""

    slots: IntArray
    """Of each critique of the first market [n]."""
    scores: dict[str, FloatArray]
    """By name; NaN where undefined [n]."""
    rule: dict[str, FloatArray]
    """The rule's scores of the same slots [n]."""
    sources: dict[str, int]
    """How many critiques came from where."""
    errors: dict[str, int]
    """Why answers could not be used, and how often."""
    latency_median_s: float
    latency_worst_s: float
    mean_difference: dict[str, float]
    """Mean |critic - rule| by score; NaN where they never meet."""
    largest: list[Difference]

    @property
    def is_rule(self) -> bool:
        """Whether the rule itself gave every score."""
        return set(self.sources) == {"rule"}


def critic_view(run: Run, series: PlotSeries, slots: IntArray) -> CriticView | None:
    """The critiques of the run's first market; None where there are none."""
    log = [entry for entry in run.critiques if entry.get("market", 0) == 0]
    if not log:
        return None
    own = np.array([int(entry["slot"]) for entry in log], dtype=np.int64)
    scores = {name: np.array([_number(entry.get(name)) for entry in log]) for name in SCORES}
    rule = {name: _at(series.get(name), slots, own) for name in SCORES}
    latency = np.array([_number(entry.get("latency_s")) for entry in log])
    known = latency[np.isfinite(latency)]
    return CriticView(
        slots=own,
        scores=scores,
        rule=rule,
        sources=dict(Counter(str(entry.get("source")) for entry in log).most_common()),
        errors=dict(Counter(str(entry["error"]) for entry in log if entry.get("error")).most_common(10)),
        latency_median_s=float(np.median(known)) if len(known) else float("nan"),
        latency_worst_s=float(known.max()) if len(known) else float("nan"),
        mean_difference={name: _mean_difference(scores[name], rule[name]) for name in SCORES},
        largest=_largest(own, scores, rule),
    )


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _at(values: FloatArray | None, slots: IntArray, wanted: IntArray) -> FloatArray:
    found = np.full(len(wanted), np.nan)
    if values is None or not len(slots):
        return found
    place = np.minimum(np.searchsorted(slots, wanted), len(slots) - 1)
    hit = slots[place] == wanted
    found[hit] = values[place[hit]]
    return found


def _mean_difference(critic: FloatArray, rule: FloatArray) -> float:
    gap = np.abs(critic - rule)
    return float(np.nanmean(gap)) if np.isfinite(gap).any() else float("nan")


def _largest(slots: IntArray, scores: dict[str, FloatArray], rule: dict[str, FloatArray]) -> list[Difference]:
    rows = [
        Difference(int(slots[row]), name, float(scores[name][row]), float(rule[name][row]))
        for name in SCORES
        for row in np.flatnonzero(np.abs(scores[name] - rule[name]) > 1e-9)
    ]
    return sorted(rows, key=lambda each: (-abs(each.critic - each.rule), each.slot, each.score))[:MOST_DIFFERENCES]
