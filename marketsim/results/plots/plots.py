"""``run.plot``: a figure for each question, a column wide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.currency import label_of
from marketsim.core.errors import InputError
from marketsim.results.frames import agent_names
from marketsim.results.grid_history import FeederMap, GridHistory
from marketsim.results.plots.paper import BLUE, COLUMN_INCHES, GREEN, GREY, ORANGE, PURPLE, RED, SKY, figure, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from marketsim.results.reader import Run

_SCORES: Final = (("ftg", "FTG", BLUE, "-"), ("fbs", "FBS", ORANGE, "--"), ("fpp", "FPP", GREEN, ":"))
_MOST_NAMES: Final = 40
"""Agents whose names still fit below their bars."""


class Plots:
    """Figures of a run; each method returns a matplotlib Figure, ``width`` and ``height`` are in inches.

    ``figure.savefig("name.svg")`` and ``.pdf`` give the same bytes each time.
    """

    def __init__(self, run: Run) -> None:
        self._run = run

    def prices(self, width: float = COLUMN_INCHES, height: float = 2.2) -> Figure:
        """Mean, lowest and highest price of each slot between the tariffs [currency/kWh]."""
        slots, (made, (axes,)) = self._run.slots, figure(width, height)
        with style():
            time = self._time()
            low, high = (_floats(slots[name]) for name in ("price_min", "price_max"))
            axes.fill_between(
                time, low, high, step="post", color=SKY, alpha=0.4, linewidth=0, label="lowest to highest"
            )
            axes.step(time, _floats(slots["mean_price"]), where="post", color=BLUE, label="mean of trades")
            axes.step(time, _floats(slots["retail"]), where="post", color=RED, linestyle="--", label="retail")
            axes.step(time, _floats(slots["feed_in"]), where="post", color=GREEN, linestyle="-.", label="feed-in")
            _finish(axes, f"price [{label_of(self._run.manifest)}/kWh]", columns=2)
        return made

    def volumes(self, width: float = COLUMN_INCHES, height: float = 2.4) -> Figure:
        """Energy from peers and utility, and to the utility or curtailed below zero, each slot [kWh]."""
        slots, (made, (axes,)) = self._run.slots, figure(width, height)
        with style():
            time = self._time()
            peers, imports, exports, curtailed = (
                np.nan_to_num(_floats(slots[f"{name}_kwh"])) for name in ("p2p", "import", "export", "curtailed")
            )
            none = np.zeros_like(peers)
            for base, top, colour, label in (
                (none, peers, BLUE, "from peers"),
                (peers, peers + imports, ORANGE, "from the utility"),
                (none, -exports, GREEN, "to the utility"),
                (-exports, -exports - curtailed, RED, "curtailed"),
            ):
                axes.fill_between(time, base, top, step="post", color=colour, linewidth=0, label=label)
            axes.step(time, _floats(slots["demand_kwh"]), where="post", color="black", linewidth=0.8, label="demand")
            axes.axhline(0.0, color="black", linewidth=0.5)
            _finish(axes, "energy a slot [kWh]", columns=3)
        return made

    def fairness(self, width: float = COLUMN_INCHES, height: float = 2.2) -> Figure:
        """FTG, FBS and FPP of each slot; gaps where a score is undefined."""
        slots, (made, (axes,)) = self._run.slots, figure(width, height)
        with style():
            for name, label, colour, line in _SCORES:
                axes.plot(
                    self._time(),
                    _floats(slots[name]),
                    color=colour,
                    linestyle=line,
                    label=label,
                    marker=".",
                    markersize=2,
                )
            axes.set_ylim(-0.03, 1.03)
            _finish(axes, "score", columns=3)
        return made

    def voltages(self, width: float = COLUMN_INCHES, height: float = 2.2, market: int = 0) -> Figure:
        """Lowest, median and highest voltage of the buses in each slot, with the band [p.u.]; InputError without a grid."""
        history = self._history(range(self._run.n_slots), market)
        made, (axes,) = figure(width, height)
        with style():
            inner, time = history.v_pu[:, 1:], self._time()
            low, middle, high = (np.nanquantile(inner, share, axis=1) for share in (0.0, 0.5, 1.0))
            axes.fill_between(time, low, high, color=SKY, alpha=0.4, linewidth=0, label="all buses")
            axes.plot(time, middle, color=BLUE, label="median bus")
            for height_pu, label in zip(_band(history.feeder), ("limit", None), strict=False):
                axes.axhline(height_pu, color=RED, linestyle="--", label=label)
            _finish(axes, "voltage [p.u.]", columns=3)
        return made

    def loadings(self, width: float = COLUMN_INCHES, height: float = 2.2, market: int = 0) -> Figure:
        """Highest and median loading of the branches in each slot [%]; InputError without a grid."""
        history = self._history(range(self._run.n_slots), market)
        made, (axes,) = figure(width, height)
        with style():
            rated = 100.0 * history.loading[:, history.feeder.rated]
            for share, label, colour, line in ((1.0, "most loaded", PURPLE, "-"), (0.5, "median", GREY, "--")):
                values = np.nanquantile(rated, share, axis=1) if rated.shape[1] else np.full(len(rated), np.nan)
                axes.plot(self._time(), values, color=colour, linestyle=line, label=label)
            axes.axhline(100.0, color=RED, linestyle="--", label="limit")
            axes.set_ylim(bottom=0.0)
            _finish(axes, "loading [% of rating]", columns=3)
        return made

    def bills(self, width: float = COLUMN_INCHES, height: float = 2.4) -> Figure:
        """What each agent pays in all, beside the reference run, from the largest bill to the smallest [currency]."""
        agents = self._run.agents
        sums = agents.groupby(["market", "agent"])[["paid", "reference_paid"]].sum(min_count=1)
        names = [name for own in agent_names(self._run.manifest) for name in own]
        order = np.argsort(-_floats(sums["paid"]), kind="stable")
        made, (axes,) = figure(width, height)
        with style():
            place = np.arange(len(order))
            axes.bar(place, _floats(sums["paid"])[order], color=BLUE, width=0.8, label="market")
            axes.plot(
                place, _floats(sums["reference_paid"])[order], "_", color="black", markersize=4, label="utility only"
            )
            axes.axhline(0.0, color="black", linewidth=0.5)
            if len(order) <= _MOST_NAMES:
                axes.set_xticks(place, [_text(names[row]) for row in order], rotation=90)
            else:
                axes.set_xlabel("agents, by bill")
            axes.grid(visible=False, axis="x")
            axes.set_ylabel(f"pays [{label_of(self._run.manifest)}]")
            axes.legend(loc="upper right")
        return made

    def feeder(self, slot: int, width: float = 2 * COLUMN_INCHES, height: float = 3.2, market: int = 0) -> Figure:
        """The feeder in one slot: buses coloured by voltage, branches as wide as loaded; InputError without a grid."""
        if not 0 <= slot < self._run.n_slots:
            raise InputError(f"slot {slot} is not in this run: it has slots 0 to {self._run.n_slots - 1}")
        history = self._history(range(slot, slot + 1), market)
        made, (axes,) = figure(width, height)
        with style():
            _draw_feeder(made, axes, history)
            axes.set_title(f"slot {slot}, {self._run.slots['begins'].iloc[slot]:%Y-%m-%d %H:%M}", loc="left")
        return made

    def _time(self) -> Any:
        return self._run.slots["begins"].to_numpy()

    def _history(self, slots: range, market: int) -> GridHistory:
        return self._run.grid_history(slots, market)


def _floats(column: Any) -> FloatArray:
    return np.asarray(column.to_numpy(dtype="float64", na_value=np.nan))


def _text(name: str) -> str:
    """A name as letters: matplotlib reads what stands between dollars as mathematics."""
    return name.replace("$", r"\$")


def _band(feeder: FeederMap) -> list[float]:
    """Lower and upper limit of most buses; none where there is no band."""
    limited = np.isfinite(feeder.v_max_pu) & (feeder.v_max_pu < 10.0)
    return (
        [float(np.median(feeder.v_min_pu[limited])), float(np.median(feeder.v_max_pu[limited]))]
        if limited.any()
        else []
    )


def _finish(axes: Axes, label: str, columns: int) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.margins(x=0.0)
    axes.set_ylabel(label)
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=columns, borderaxespad=0.2, handlelength=1.6)


def _draw_feeder(made: Figure, axes: Axes, history: GridHistory) -> None:
    from matplotlib.collections import LineCollection

    feeder, v_pu = history.feeder, history.v_pu[0]
    load = np.nan_to_num(history.loading[0])
    overloaded = load > 1.0
    widths = 0.5 + 3.0 * np.minimum(load, 1.2)
    colours = [RED if over else GREY for over in overloaded]
    axes.add_collection(LineCollection(_paths(feeder), linewidths=widths.tolist(), colors=colours, zorder=1))
    band = _band(feeder) or [float(np.nanmin(v_pu)), float(np.nanmax(v_pu))]
    inside = (v_pu >= feeder.v_min_pu) & (v_pu <= feeder.v_max_pu)
    shown = axes.scatter(
        feeder.x, feeder.y, c=v_pu, s=10, cmap="cividis", vmin=band[0], vmax=band[1], zorder=2, linewidths=0.0
    )
    axes.scatter(
        feeder.x[~inside],
        feeder.y[~inside],
        s=26,
        marker="D",
        facecolors="none",
        edgecolors=RED,
        zorder=3,
        label="out of band",
    )
    axes.scatter(feeder.x[:1], feeder.y[:1], s=36, marker="s", color="black", zorder=4, label="source")
    made.colorbar(shown, ax=axes, label="voltage [p.u.]", pad=0.01, fraction=0.04)
    axes.set_axis_off()
    axes.autoscale_view()
    if feeder.geographic:
        axes.set_aspect("equal")
    most = f"highest loading {100.0 * load.max(initial=0.0):.0f} %"
    axes.legend(loc="upper right", title=most, title_fontsize=7)


def _paths(feeder: FeederMap) -> list[list[tuple[float, float]]]:
    """Each branch as a line; in the diagram first across the lanes, then a step to the right."""
    x, y = feeder.x.tolist(), feeder.y.tolist()
    lines = []
    ends = zip(feeder.from_node.tolist(), feeder.to_node.tolist(), feeder.in_tree.tolist(), strict=True)
    for a, b, in_tree in ends:
        p, q = (a, b) if x[a] <= x[b] else (b, a)
        bend = [] if feeder.geographic or not in_tree else [(x[p], y[q])]
        lines.append([(x[p], y[p]), *bend, (x[q], y[q])])
    return lines
