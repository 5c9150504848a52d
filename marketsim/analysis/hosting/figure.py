"""The figure of a hosting capacity: what share of the placements fits, and how much each bus takes alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from marketsim.analysis.hosting.assets import ASSETS
from marketsim.analysis.hosting.capacity import Capacity, HostingReport
from marketsim.results.folder import save_figure
from marketsim.results.plots.paper import BLUE, GREY, ORANGE, figure, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS: Final = (BLUE, ORANGE)
_WIDTH: Final = 7.0
_MOST_BUSES: Final = 30
"""Bars that still have names; the weakest are shown."""
_LABELS: Final = 28
"""Letters of a bus that still fit."""


def draw(report: HostingReport, path: Path) -> None:
    """Write the figure to ``path`` (svg, pdf or png), the same bytes each time; MissingDependency without matplotlib."""
    save_figure(figure_of(report), path)


def figure_of(report: HostingReport) -> Figure:
    """The share of placements that take a power, by rule, and the weakest buses where they were asked about."""
    by_bus = bool(report.capacities[0].buses)
    shown = min(len(report.capacities[0].buses), _MOST_BUSES)
    height = max(2.8, 1.2 + 0.16 * shown)
    made, panels = figure(_WIDTH, height, columns=2 if by_bus else 1, what="hosting-capacity --figure")
    with style():
        for each, colour in zip(report.capacities, _COLOURS, strict=True):
            _placements(panels[0], each, colour)
        added = f"added {ASSETS[report.options.asset].noun}"
        panels[0].set(
            xlabel=f"{added} on the whole feeder [kW]",
            ylabel="placements that take it [%]",
            ylim=(-3, 103),
            xlim=(0, None),
        )
        if by_bus:
            _buses(panels[1], report, added)
        handles, labels = panels[0].get_legend_handles_labels()
        made.legend(handles, labels, loc="outside upper left", title=report.scenario, alignment="left")
    return made


def _placements(axes: Any, capacity: Capacity, colour: str) -> None:
    """From every placement down to none, a step at the capacity of each; the middle one is marked."""
    kw = np.sort([case.kw for case in capacity.cases])
    share = 100.0 * (1.0 - np.arange(len(kw) + 1) / len(kw))
    axes.step([0.0, *kw], share, where="post", color=colour, label=capacity.rule)
    axes.axvline(capacity.kw[1], color=colour, linestyle=":", linewidth=0.8)


def _buses(axes: Any, report: HostingReport, added: str) -> None:
    """A bar a bus and rule, the weakest on top."""
    weakest = sorted(range(len(report.capacities[0].buses)), key=lambda row: report.capacities[0].buses[row].kw)
    rows = weakest[:_MOST_BUSES]
    places = np.arange(len(rows))
    for each, colour, shift in zip(report.capacities, _COLOURS, (-0.2, 0.2), strict=True):
        axes.barh(places + shift, [each.buses[row].kw for row in rows], height=0.38, color=colour)
    names = [report.capacities[0].buses[row].name for row in rows]
    axes.set_yticks(places, [name if len(name) <= _LABELS else f"{name[: _LABELS - 1]}…" for name in names])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_axisbelow(True)
    axes.axvline(0.0, color=GREY, linewidth=0.5)
    left = len(weakest) - len(rows)
    axes.set_xlabel(f"{added} at one bus alone [kW]{f'; {left} stronger buses not shown' if left else ''}")
