"""An evaluation for people and programs: rows of tables, Markdown, JSON, a figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from marketsim.analysis.evaluation.measures import MEASURES
from marketsim.analysis.evaluation.results import ENOUGH, Evaluation, Exploit
from marketsim.analysis.evaluation.statistics import LEVEL, Estimate
from marketsim.results.folder import save_figures

WITH_INTERVAL: Final = ("ftg", "fbs", "fpp", "fbs_week")
BEYOND: Final = "beyond constants"
HEAD: Final = ("arm", *(measure.name for measure in MEASURES), BEYOND, "worst bill")
_WEATHER: Final = (
    "The {} weeks of all seeds are drawn from the same source days: intervals cover who owns what, the days drawn and the "
    "training, not other weather."
)
SCREEN: Final = ("ftg", "fbs", "fbs_week", "fpp", "ftb", "worst_off", "trade_efficiency", "margin_kept")
SCREEN_HEAD: Final = ("arm", *SCREEN)
PAIR_HEAD: Final = ("arm", "less", "measure", "difference", f"{100 * LEVEL:.0f} % interval", "p", "p (Holm)")
AIM_HEAD: Final = ("arm", "aim", "reached", "found")
EXPLOIT_HEAD: Final = ("arm", "agent trained anew", "gains of its turnover", "by seed")
FIGURE_SCORES: Final = ("ftg", "fbs", "fpp")


def days_text(found: Evaluation) -> str:
    """What the intervals cover."""
    return _WEATHER.format(found.part)


def arm_rows(found: Evaluation) -> list[tuple[str, ...]]:
    """A row an arm under ``HEAD``; the three scores with their intervals."""
    return [
        (
            arm,
            *(_cell(own[measure.name], wide=measure.name in WITH_INTERVAL) for measure in MEASURES),
            _beyond(found, arm),
            f"{100 * max(found.bills[arm]):+.1f} %",
        )
        for arm, own in found.estimates.items()
    ]


def screen_rows(found: Evaluation) -> list[tuple[str, ...]]:
    """The same for a screen: what matters most, under ``SCREEN_HEAD``."""
    return [
        (arm, *(_cell(own[name], wide=name in WITH_INTERVAL) for name in SCREEN))
        for arm, own in found.estimates.items()
    ]


def pair_rows(found: Evaluation) -> list[tuple[str, ...]]:
    """A row a comparison under ``PAIR_HEAD``."""
    return [
        (
            pair.arm,
            pair.other,
            pair.measure,
            _signed(pair.found.difference.mean),
            f"[{_signed(pair.found.difference.low)}, {_signed(pair.found.difference.high)}]",
            _p(pair.found.p),
            _p(pair.p_holm),
        )
        for pair in found.pairs
    ]


def aim_rows(found: Evaluation) -> list[tuple[str, ...]]:
    """A row an aim under ``AIM_HEAD``."""
    said = {True: "yes", False: "no", None: "cannot be said"}
    return [(aim.arm, aim.text, said[aim.reached], aim.found) for aim in found.aims]


def exploit_rows(exploits: Sequence[Exploit]) -> list[tuple[str, ...]]:
    """A row an arm and agent under ``EXPLOIT_HEAD``."""
    return [(each.arm, each.agent, _percent(each.mean), ", ".join(map(_percent, each.by_seed))) for each in exploits]


def markdown(found: Evaluation, exploits: Sequence[Exploit] = ()) -> str:
    """The tables for the docs; ends with a line end."""
    parts = (
        _markdown_table(HEAD, arm_rows(found)),
        f"{days_text(found)}\n",
        _markdown_table(PAIR_HEAD, pair_rows(found)),
        _markdown_table(EXPLOIT_HEAD, exploit_rows(exploits)),
        _markdown_table(AIM_HEAD, aim_rows(found)),
    )
    return "\n".join(part for part in parts if part)


def as_json(found: Evaluation) -> dict[str, Any]:
    """Everything, with the value of every seed; what is undefined is null."""
    return {
        "subject": found.subject,
        "seeds": list(found.seeds),
        "weeks": found.weeks,
        "part": found.part,
        "level": LEVEL,
        "measures": {measure.name: measure.text for measure in MEASURES},
        "arms": {
            arm: {
                **{name: _estimate_json(value) for name, value in own.items()},
                **({"beyond_constants": _estimate_json(found.beyond[arm])} if arm in found.beyond else {}),
                "bill_above_alone": list(found.bills[arm]),
            }
            for arm, own in found.estimates.items()
        },
        "pairs": [
            {
                "arm": pair.arm,
                "other": pair.other,
                "measure": pair.measure,
                "difference": _estimate_json(pair.found.difference),
                "p": _known(pair.found.p),
                "p_holm": _known(pair.p_holm),
            }
            for pair in found.pairs
        ],
        "aims": [{"arm": aim.arm, "text": aim.text, "reached": aim.reached, "found": aim.found} for aim in found.aims],
    }


def figure(found: Evaluation, paths: Sequence[Path]) -> None:
    """The three scores of every arm: mean, interval, and every seed as a dot."""
    from matplotlib.figure import Figure

    arms = list(found.estimates)
    drawn = Figure(figsize=(9.0, 1.2 + 0.28 * len(arms)), layout="constrained")
    panels = drawn.subplots(1, len(FIGURE_SCORES), sharey=True)
    for panel, name in zip(panels, FIGURE_SCORES, strict=True):
        for place, arm in enumerate(arms):
            own = found.estimates[arm][name]
            panel.plot(own.by_seed, [place] * len(own.by_seed), ".", color="#999999", markersize=4, zorder=1)
            if math.isfinite(own.mean):
                panel.plot([own.low, own.high], [place, place], "-", color="#0072B2", linewidth=2.5, zorder=2)
                panel.plot([own.mean], [place], "o", color="#0072B2", markersize=5, zorder=3)
        if name in ENOUGH:
            panel.axvline(ENOUGH[name], color="#D55E00", linewidth=0.8, linestyle="--")
        panel.set(xlim=(-0.02, 1.02), xlabel=name.upper(), yticks=range(len(arms)), yticklabels=arms)
        panel.grid(axis="x", color="#dddddd", linewidth=0.5)
    panels[0].invert_yaxis()
    drawn.suptitle(
        f"Scores on {found.part} days: mean and {100 * LEVEL:.0f} % interval over {len(found.seeds)} seeds; dots: seeds",
        fontsize=10,
    )
    save_figures(drawn, paths)


def _beyond(found: Evaluation, arm: str) -> str:
    span = found.beyond.get(arm)
    return "-" if span is None else f"{_signed(span.mean)} [{_signed(span.low)}, {_signed(span.high)}]"


def _percent(share: float) -> str:
    return f"{100 * share:+.1f} %"


def _cell(value: Estimate, *, wide: bool) -> str:
    if not math.isfinite(value.mean):
        return "-"
    return f"{value.mean:.3f} [{value.low:.3f}, {value.high:.3f}]" if wide else f"{value.mean:.3f}"


def _signed(value: float) -> str:
    return f"{value:+.3f}" if math.isfinite(value) else "-"


def _p(value: float) -> str:
    if not math.isfinite(value):
        return "-"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _estimate_json(value: Estimate) -> dict[str, Any]:
    numbers = {"mean": _known(value.mean), "low": _known(value.low), "high": _known(value.high)}
    return {**numbers, "by_seed": [_known(each) for each in value.by_seed.tolist()]}


def _markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
