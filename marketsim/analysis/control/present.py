"""An evaluation of controls for people and programs: rows of tables, Markdown, JSON, a figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from marketsim.analysis.control.measures import MEASURES, ControlMeasure, measure_of
from marketsim.analysis.control.results import ControlsFound
from marketsim.analysis.evaluation.statistics import LEVEL, Estimate
from marketsim.results.folder import save_figures

_WIDE: Final = ("saving_share", "violations")
_EFFORT: Final = ("CPU s", "updates", "decisions")
HEAD: Final = ("arm", *(f"{each.name} {each.unit}".strip() for each in MEASURES), *_EFFORT)
SCREEN: Final = ("cost", "saving_share", "over", "under", "curtailed_kwh", "refused_kwh", "missing_kwh")
SCREEN_HEAD: Final = (
    "arm",
    "cost/day",
    "of bound's saving %",
    "over %",
    "under %",
    "curtailed",
    "refused",
    "missing",
    *_EFFORT,
)
PAIR_HEAD: Final = ("arm", "less", "measure", "difference", f"{100 * LEVEL:.0f} % interval", "p", "p (Holm)")


def arm_rows(found: ControlsFound) -> list[tuple[str, ...]]:
    """A row an arm under ``HEAD``."""
    return [
        (arm, *(_cell(each, own[each.name], wide=each.name in _WIDE) for each in MEASURES), *_effort(found, arm))
        for arm, own in found.estimates.items()
    ]


def screen_rows(found: ControlsFound) -> list[tuple[str, ...]]:
    """The same for a screen, under ``SCREEN_HEAD``."""
    return [
        (arm, *(_cell(measure_of(name), own[name], wide=name == _WIDE[0]) for name in SCREEN), *_effort(found, arm))
        for arm, own in found.estimates.items()
    ]


def pair_rows(found: ControlsFound) -> list[tuple[str, ...]]:
    """A row a comparison under ``PAIR_HEAD``."""
    rows: list[tuple[str, ...]] = []
    for pair in found.pairs:
        measure, span = measure_of(pair.measure), pair.found.difference
        low, high = (_number(measure, value, signed=True) for value in (span.low, span.high))
        middle = _number(measure, span.mean, signed=True)
        rows.append((pair.arm, pair.other, measure.name, middle, f"[{low}, {high}]", _p(pair.found.p), _p(pair.p_holm)))
    return rows


def markdown(found: ControlsFound) -> str:
    """The tables for the docs; ends with a line end."""
    return "\n".join(part for part in (_table(HEAD, arm_rows(found)), _table(PAIR_HEAD, pair_rows(found))) if part)


def as_json(found: ControlsFound) -> dict[str, Any]:
    """Everything, with the value of every seed; what is undefined is null."""
    return {
        "part": found.part,
        "days": found.days,
        "seeds": list(found.seeds),
        "level": LEVEL,
        "measures": {measure.name: measure.text for measure in MEASURES},
        "arms": {
            arm: {
                **{name: _estimate(value) for name, value in own.items()},
                **{name: _known(value) for name, value in found.efforts[arm]._asdict().items()},
            }
            for arm, own in found.estimates.items()
        },
        "pairs": [
            {
                "arm": pair.arm,
                "other": pair.other,
                "measure": pair.measure,
                "difference": _estimate(pair.found.difference),
                "p": _known(pair.found.p),
                "p_holm": _known(pair.p_holm),
            }
            for pair in found.pairs
        ],
    }


_MARKERS: Final = "osD^vP*X"
_GOOD: Final = 0.5
"""Share of the bound's saving from which on arms have a panel of their own."""


def figure(found: ControlsFound, paths: Sequence[Path]) -> None:
    """Share of the bound's saving against violations, an arm a point with its intervals; dots: seeds.

    The second panel has those that reach half of the bound's saving.
    """
    from matplotlib.figure import Figure

    drawn = Figure(figsize=(10.0, 6.0), layout="constrained")
    panels = drawn.subplots(1, 2)
    for place, (arm, own) in enumerate(found.estimates.items()):
        if not math.isfinite(own["saving_share"].mean):
            continue
        look = look_of(place)
        _point(panels[0], own, look, arm)
        if own["saving_share"].mean >= _GOOD:
            _point(panels[1], own, look)
    for panel, title in zip(panels, ("all arms", f"at least {100 * _GOOD:.0f} % of the bound's saving"), strict=True):
        panel.set_title(title, fontsize=9)
        panel.set_xlabel("bus-slots outside the band [%]")
        panel.grid(color="#dddddd", linewidth=0.5)
    panels[0].set_ylabel("share of the bound's saving [%]")
    drawn.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    seeds = f"{len(found.seeds)} seed{'s' if len(found.seeds) > 1 else ''}"
    drawn.suptitle(f"{found.days} {found.part} days, {seeds}, {100 * LEVEL:.0f} % intervals", fontsize=10)
    save_figures(drawn, paths)


def look_of(place: int) -> dict[str, Any]:
    """Marker and colour of an arm by its place among those of a figure."""
    import matplotlib as mpl

    return {"marker": _MARKERS[place % len(_MARKERS)], "color": mpl.colormaps["tab20"](place % 20)}


def _point(panel: Any, own: Mapping[str, Estimate], look: Mapping[str, Any], label: str | None = None) -> None:
    saving, violations = own["saving_share"], own["violations"]
    panel.plot(100 * violations.by_seed, 100 * saving.by_seed, ".", color="#999999", markersize=4, zorder=1)
    span = {"color": look["color"], "linewidth": 1.0, "zorder": 2}
    panel.plot([100 * violations.low, 100 * violations.high], 2 * [100 * saving.mean], "-", **span)
    panel.plot(2 * [100 * violations.mean], [100 * saving.low, 100 * saving.high], "-", **span)
    panel.plot([100 * violations.mean], [100 * saving.mean], linestyle="", markersize=7, zorder=3, label=label, **look)


def _effort(found: ControlsFound, arm: str) -> tuple[str, ...]:
    return tuple("-" if not math.isfinite(value) else f"{value:,.0f}" for value in found.efforts[arm])


def _cell(measure: ControlMeasure, value: Estimate, *, wide: bool) -> str:
    text = _number(measure, value.mean)
    if not wide or text == "-":
        return text
    return f"{text} [{_number(measure, value.low)}, {_number(measure, value.high)}]"


def _number(measure: ControlMeasure, value: float, *, signed: bool = False) -> str:
    if not math.isfinite(value):
        return "-"
    shown = measure.factor * value
    return f"{shown:+,.{measure.digits}f}" if signed else f"{shown:,.{measure.digits}f}"


def _p(value: float) -> str:
    return "-" if not math.isfinite(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _estimate(value: Estimate) -> dict[str, Any]:
    numbers = {"mean": _known(value.mean), "low": _known(value.low), "high": _known(value.high)}
    return {**numbers, "by_seed": [_known(each) for each in value.by_seed.tolist()]}


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return ""
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows)) + "\n"
