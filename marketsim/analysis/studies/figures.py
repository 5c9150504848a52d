"""The figures of a study, as SVG for papers and PNG for everything else: response curves, heat map, tornado."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from marketsim.analysis.studies.answer import OUT_OF_LIMITS, REFUSED, AxisFinding, held_text, main_axis, series_of
from marketsim.analysis.studies.axes import Axis
from marketsim.analysis.studies.plan import StudyPlan
from marketsim.analysis.studies.sensitivity import Sensitivity
from marketsim.analysis.studies.table import holds_numbers
from marketsim.core.currency import named
from marketsim.core.errors import MissingDependency
from marketsim.core.files import make_folder
from marketsim.results.folder import save_figure

if TYPE_CHECKING:
    import pandas as pd

COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#7F7F7F")
"""Told apart by people with any kind of colour blindness (Okabe and Ito 2008)."""
_MARKERS: Final = "osD^vP*X"
STYLE: Final = {
    "svg.hashsalt": "marketsim",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
}
"""Of figures on a screen; the same figure gives the same file."""
_MOST_AXES: Final = 12


class _Panel(NamedTuple):
    kpi: str
    title: str
    scale: float = 1.0


_PANELS: Final = (
    _Panel("voltage_max_pu", "Highest voltage [p.u.]"),
    _Panel("loading_max_percent", "Highest loading [% of the rating]"),
    _Panel("slots_with_violation", "Slots out of limits"),
    _Panel("rejected_kwh", "Energy refused by the gate [MWh]", 1e-3),
    _Panel("p2p_share", "Demand met by peers [%]", 100.0),
    _Panel("fbs", "Fairness between sellers (FBS)"),
    _Panel("consumer_cost", "Consumers pay [1,000 currency]", 1e-3),
    _Panel("prosumer_cost", "Prosumers pay [1,000 currency]", 1e-3),
)
"""What decides, from the wires to the money."""


def draw_figures(
    folder: Path, plan: StudyPlan, table: pd.DataFrame, found: Sequence[AxisFinding], moved: Sequence[Sensitivity]
) -> list[Path]:
    """Write the figures that a study's design allows; MissingDependency without matplotlib."""
    matplotlib = _import_matplotlib()
    make_folder(folder)
    written: list[Path] = []
    with warnings.catch_warnings(action="ignore"), matplotlib.rc_context(STYLE):  # about fonts
        for name, draw in _drawings(plan, table, found, moved):
            written += _saved(folder / name, draw(), f"{plan.scenario.name}: {name}")
    return written


def _drawings(
    plan: StudyPlan, table: pd.DataFrame, found: Sequence[AxisFinding], moved: Sequence[Sensitivity]
) -> Iterator[tuple[str, Callable[[], Any]]]:
    axis = main_axis(plan.axes)
    numbers = [panel for panel in _PANELS if panel.kpi in table and holds_numbers(table[panel.kpi])]
    currency = plan.scenario.model.currency
    known = [panel for panel in numbers if table[panel.kpi].notna().any()]
    panels = [panel._replace(title=named(panel.title, currency)) for panel in known]
    if axis is not None and panels:
        yield "response", lambda: _response(plan, table, axis, panels, found)
    plane = _plane(plan.axes) if plan.design == "grid" else None
    if plane is not None and panels:
        yield "heatmap", lambda: _heatmap(table, plane, panels)
    shown = [panel for panel in panels if any(each.kpi == panel.kpi for each in moved)]
    if shown and len({each.axis for each in moved}) > 1:
        yield "tornado", lambda: _tornado(shown, moved)


def _saved(stem: Path, figure: Any, title: str) -> list[Path]:
    """The same bytes for the same figure: without the date."""
    save_figure(figure, stem.with_suffix(".svg"), metadata={"Date": None, "Title": title})
    save_figure(figure, stem.with_suffix(".png"), dpi=150, metadata={"Title": title, "Software": None})
    return [stem.with_suffix(".svg"), stem.with_suffix(".png")]


def _figure(count: int, height: float) -> tuple[Any, list[Any]]:
    """A figure of ``count`` panels, four a row at most."""
    from matplotlib.figure import Figure

    wide = min(count, 4)
    rows = -(-count // wide)
    figure = Figure(figsize=(3.1 * wide, height * rows), layout="constrained")
    axes = list(figure.subplots(rows, wide, squeeze=False).flat)
    for unused in axes[count:]:
        unused.remove()
    return figure, axes[:count]


# --- response curves -------------------------------------------------------------------------------------------------


def _response(
    plan: StudyPlan, table: pd.DataFrame, axis: Axis, panels: Sequence[_Panel], found: Sequence[AxisFinding]
) -> Any:
    """Each KPI along the main axis, a line for every combination of the other values."""
    figure, places = _figure(len(panels), 2.4)
    others = [path for each in plan.axes if each is not axis for path in each.paths]
    series = list(series_of(table, others))[: len(COLOURS)]
    for place, panel in zip(places, panels, strict=True):
        for number, (held, rows) in enumerate(series):
            _curve(place, axis.paths[0], rows, panel, number, held_text(held))
        _limit(place, plan, panel)
        for first in sorted({each.first for each in found if each.first is not None and _breaks(each)}):
            place.axvline(first, color="#999999", linestyle=":", linewidth=1.0)
        place.set_title(panel.title)
        place.set_xlabel(axis.paths[0])
    if others:
        handles, labels = places[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=4, frameon=False)
    figure.supxlabel(_caption(plan, found), fontsize=8, color="#555555")
    return figure


def _breaks(finding: AxisFinding) -> bool:
    return finding.criterion in (OUT_OF_LIMITS, REFUSED) and finding.first != finding.values[0]


def _caption(plan: StudyPlan, found: Sequence[AxisFinding]) -> str:
    parts = []
    if any(each.first is not None and _breaks(each) for each in found):
        parts.append("Dotted: first value at which limits are broken or energy is refused.")
    if plan.scenario.model.grid.voltage_band_pu or plan.scenario.model.grid.feeder:
        parts.append("Dashed: limits.")
    if len(plan.seeds) > 2:
        parts.append(f"Bands: 95 % intervals of the mean of {len(plan.seeds)} seeds; weather only where they draw it.")
    return " ".join(parts)


def _curve(place: Any, path: str, rows: pd.DataFrame, panel: _Panel, number: int, label: str) -> None:
    known = rows[rows[panel.kpi].notna()]
    values = np.unique(known[path].to_numpy(dtype=np.float64))
    samples = [panel.scale * known.loc[known[path] == value, panel.kpi].to_numpy(dtype=np.float64) for value in values]
    means = np.array([sample.mean() for sample in samples])
    colour = COLOURS[number]
    # Lines that lie on each other stay visible: later ones are thinner.
    width = 2.4 - 1.4 * min(number, 3) / 3.0
    place.plot(values, means, color=colour, marker=_MARKERS[number], markersize=3.5, linewidth=width, label=label)
    half = np.array([_half_width(sample) for sample in samples])
    if np.isfinite(half).any():
        place.fill_between(values, means - half, means + half, color=colour, alpha=0.18, linewidth=0)


def _half_width(sample: np.ndarray) -> float:
    """Half of the 95 % interval of a mean by Student's t; NaN below three values."""
    if len(sample) < 3:
        return float("nan")
    from scipy.stats import t

    return float(t.ppf(0.975, len(sample) - 1) * sample.std(ddof=1) / np.sqrt(len(sample)))


def _limit(place: Any, plan: StudyPlan, panel: _Panel) -> None:
    band = plan.scenario.model.grid.voltage_band_pu
    limits = {"loading_max_percent": 100.0 if plan.scenario.model.grid.feeder else None}
    limits["voltage_max_pu"] = band[1] if band else None
    limit = limits.get(panel.kpi)
    if limit is not None:
        place.axhline(limit, color="#333333", linestyle="--", linewidth=1.0)


# --- heat map --------------------------------------------------------------------------------------------------------


def _plane(axes: Sequence[Axis]) -> tuple[Axis, Axis] | None:
    """The two axes of a heat map, those of numbers first."""
    wide = [axis for axis in axes if len(axis.levels) > 1]
    ordered = [*(axis for axis in wide if axis.numeric), *(axis for axis in wide if not axis.numeric)]
    return (ordered[0], ordered[1]) if len(ordered) > 1 else None


def _heatmap(table: pd.DataFrame, plane: tuple[Axis, Axis], panels: Sequence[_Panel]) -> Any:
    """Means over seeds and over everything else that is varied."""
    figure, places = _figure(len(panels), 2.6)
    across, up = plane[0].paths[0], plane[1].paths[0]
    for place, panel in zip(places, panels, strict=True):
        grid = table.assign(value=panel.scale * table[panel.kpi].astype("float64")).pivot_table(
            index=up, columns=across, values="value", aggfunc="mean", sort=False, dropna=False
        )
        image = place.imshow(grid.to_numpy(dtype=np.float64), aspect="auto", origin="lower", cmap="cividis")
        figure.colorbar(image, ax=place, shrink=0.9)
        _ticks(place.xaxis, [str(value) for value in grid.columns])
        _ticks(place.yaxis, [str(value) for value in grid.index])
        place.set_xlabel(plane[0].label)
        place.set_ylabel(plane[1].label)
        place.set_title(panel.title)
    return figure


def _ticks(axis: Any, labels: Sequence[str]) -> None:
    step = -(-len(labels) // 8)
    axis.set_ticks(range(0, len(labels), step), labels[::step])


# --- tornado ---------------------------------------------------------------------------------------------------------


_TORNADO_TITLES: Final = {
    "swing": "change from the lowest to the highest value",
    "spearman": "Spearman's rank correlation, with 95 % intervals",
    "sobol": "Sobol indices with 95 % intervals: first order (dark), total (light)",
}


def _tornado(panels: Sequence[_Panel], moved: Sequence[Sensitivity]) -> Any:
    """Bars of every axis, the strongest on top."""
    figure, places = _figure(len(panels), 2.2)
    for place, panel in zip(places, panels, strict=True):
        own = sorted((each for each in moved if each.kpi == panel.kpi), key=_strength)[-_MOST_AXES:]
        scale = panel.scale if own[0].measure == "swing" else 1.0
        rows = range(len(own))
        if own[0].measure == "sobol":
            place.barh(rows, [each.total or 0.0 for each in own], color=COLOURS[5], height=0.7)
        values = [scale * each.value for each in own]
        place.barh(rows, values, color=COLOURS[0], height=0.4 if own[0].measure == "sobol" else 0.7)
        for row, each in zip(rows, own, strict=True):
            if each.low is not None and each.high is not None:
                place.plot([each.low, each.high], [row, row], color="#000000", linewidth=1.0)
        place.set_yticks(rows, [each.axis for each in own])
        place.axvline(0.0, color="#333333", linewidth=0.8)
        place.set_title(panel.title)
    figure.supxlabel(_TORNADO_TITLES[moved[0].measure], fontsize=8, color="#555555")
    return figure


def _strength(each: Sensitivity) -> float:
    return abs(each.value) if each.total is None else each.total


def _import_matplotlib() -> Any:
    try:
        import matplotlib
        import matplotlib.figure
    except ImportError as error:
        raise MissingDependency("matplotlib", "plots", "drawing figures") from error
    return matplotlib
