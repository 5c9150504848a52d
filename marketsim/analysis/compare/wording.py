"""A comparison in words, the same on a terminal and on the page of a study."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from marketsim.analysis.compare import verdicts as words
from marketsim.analysis.compare.verdicts import KpiVerdict
from marketsim.core.currency import PLAIN, named
from marketsim.metrics.presentation import HEADLINE, INCIDENTS, percent_scale, relative_change
from marketsim.metrics.wording import number

HEAD: Final = ("", "unit", "A", "B", "B - A", "change", "95 % interval", "verdict")
INTERVAL: Final = HEAD.index("95 % interval")
HEADLINE_NAMES: Final = tuple(line.name for line in HEADLINE)
_LINES: Final = {line.name: line for line in HEADLINE}


def has_intervals(verdicts: Sequence[KpiVerdict]) -> bool:
    """Whether any difference has an interval to show."""
    return any(each.low is not None and each.difference for each in verdicts)


def comparison_table(
    verdicts: Sequence[KpiVerdict], currency: str = PLAIN, *, every: bool = False
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Head and rows of a comparison, the main KPIs or with ``every`` all; without a column of intervals where there are none."""
    by_name = {each.kpi: each for each in verdicts}
    names = by_name if every else [name for name in HEADLINE_NAMES if name in by_name]
    shown = [row for name in names if (row := _row(by_name[name], currency, every=every)) is not None]
    keep = [place for place in range(len(HEAD)) if place != INTERVAL or has_intervals(verdicts)]
    return tuple(HEAD[place] for place in keep), [tuple(row[place] for place in keep) for row in shown]


def _row(each: KpiVerdict, currency: str, *, every: bool) -> tuple[str, ...] | None:
    """A KPI as the table shows it; None where it is not shown."""
    line = _LINES.get(each.kpi)
    nothing = each.base is None and each.other is None
    if nothing or (not every and (line is None or (each.kpi in INCIDENTS and not each.base and not each.other))):
        return None
    label, unit = (each.kpi, "") if line is None else (line.label, line.unit)
    scale = percent_scale(each.kpi, unit)
    values = (each.base, each.other, each.difference, each.low, each.high)
    left, right, gap, low, high = (None if value is None else scale * value for value in values)
    change = relative_change(unit, left, right)
    interval = "-" if low is None or high is None else f"{number(low, unit)} to {number(high, unit)}"
    figures = (number(left, unit), number(right, unit), number(gap, unit, sign=True) if gap else number(gap))
    verdict = f"open ({each.verdict})" if each.verdict in (words.ONE_SEED, words.FEW_SEEDS) else each.verdict
    return (label, named(unit, currency), *figures, "" if not change else f"{100 * change:+.1f} %", interval, verdict)


def verdict_text(verdicts: Sequence[KpiVerdict]) -> str:
    """The whole comparison in a sentence or two, and how to learn more."""

    def count(*kinds: str) -> int:
        return sum(each.verdict in kinds for each in verdicts)

    equal, known = count(words.EQUAL), count(words.EQUAL, words.DIFFERS, words.NOISE)
    unsure = count(words.ONE_SEED, words.FEW_SEEDS)
    if not unsure and equal == known:
        return f"No KPI differs ({equal} are equal to the last digit)."
    if unsure:
        seeds = max(each.seeds for each in verdicts)
        return (
            f"{unsure} KPIs differ, {equal} are equal. With {seeds} {'seed' if seeds == 1 else 'seeds'} an arm it cannot "
            f"be said whether the differences exceed the noise between seeds: that takes at least {words.FEWEST} "
            f"(marketsim whatif SCENARIO --vary PATH=A,B --seeds {words.FEWEST}, then marketsim compare STUDY)."
        )
    return (
        f"{count(words.DIFFERS)} KPIs differ beyond the noise of {max(each.seeds for each in verdicts)} seeds, "
        f"{count(words.NOISE)} lie within it, {equal} are equal. At 95 % about one KPI in twenty differs by chance."
    )
