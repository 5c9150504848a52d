"""Learning curves as a figure: return, fairness, divergence against the trust region, entropy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from itertools import cycle
from pathlib import Path
from typing import Any, Final, NamedTuple

from marketsim.core.errors import MissingDependency
from marketsim.results.folder import save_figure

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#777777"
"""Told apart by the colour-blind; Okabe, Ito 2008."""
NAMES: Final = ("learning_curves.svg", "learning_curves.png")


class Curve(NamedTuple):
    """A line of a panel."""

    column: str
    label: str
    colour: str


class Panel(NamedTuple):
    """One of the four."""

    title: str
    unit: str
    curves: tuple[Curve, ...]


MOVEMENT: Final = Panel(
    "Movement of policies in an update",
    "KL [nat]",
    (Curve("highest_kl", "farthest agent", ORANGE), Curve("kl", "mean over agents", BLUE)),
)
ENTROPY: Final = Panel("Entropy of policies, mean over agents", "nat", (Curve("entropy", "all heads", BLUE),))


def panels_of(columns: Iterable[str], rewards: Sequence[str], scores: Sequence[str]) -> tuple[Panel, ...]:
    """The panels of a game whose reward has these parts and whose slots these scores, with the curves that there are."""
    parts = [Curve(name, name, colour) for name, colour in zip(rewards, cycle((GREEN, ORANGE, RED)), strict=False)]
    told = [
        Curve(name, name.upper(), colour) for name, colour in zip(scores, cycle((BLUE, ORANGE, GREEN)), strict=False)
    ]
    returns = (Curve("total", "total", BLUE), *parts, Curve("lowest", "agent with the least", GREY))
    panels = (
        Panel("Return of an episode, mean over agents", "scaled reward", returns),
        Panel("Fairness scores, mean over slots", "score", tuple(told)),
        MOVEMENT,
        ENTROPY,
    )
    known = set(columns)
    return tuple(
        panel._replace(curves=tuple(curve for curve in panel.curves if curve.column in known)) for panel in panels
    )


def draw_curves(
    columns: Mapping[str, Sequence[float]],
    limits: Mapping[str, float],
    folder: Path,
    rewards: Sequence[str],
    scores: Sequence[str],
) -> list[Path]:
    """Draw the learning curves into ``folder``; the files, of the same bytes for the same curves.

    ``columns`` are those of ``training.csv``, ``rewards`` and ``scores`` which of them are the game's; ``limits`` are
    lines in the panel of movement, by label [nat]. MissingDependency without matplotlib.
    """
    if find_spec("matplotlib") is None:
        raise MissingDependency("matplotlib", "learn", "The figure of learning curves")
    import matplotlib as mpl
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 6.4), layout="constrained")
    for panel, axes in zip(panels_of(columns, rewards, scores), figure.subplots(2, 2).flat, strict=True):
        if not panel.curves:
            axes.set_axis_off()
            continue
        _draw(panel, axes, columns)
        if panel.title == MOVEMENT.title:
            for (label, height), style in zip(limits.items(), ("--", ":"), strict=False):
                axes.axhline(height, color=RED, linewidth=0.9, linestyle=style, label=label)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=4, fontsize=8, frameon=False)
    paths = [folder / name for name in NAMES]
    with mpl.rc_context({"svg.hashsalt": "marketsim"}):
        for path in paths:
            metadata = {"Date": None} if path.suffix == ".svg" else {"Software": None}
            save_figure(figure, path, dpi=150, metadata=metadata)
    return paths


def _draw(panel: Panel, axes: Any, columns: Mapping[str, Sequence[float]]) -> None:
    marker = "o" if len(columns["episodes"]) < 3 else ""
    for curve in panel.curves:
        axes.plot(
            columns["episodes"], columns[curve.column], color=curve.colour, label=curve.label, linewidth=1.3, marker=marker
        )  # fmt: skip
    axes.set_title(panel.title, fontsize=10, loc="left")
    axes.set_ylabel(panel.unit, fontsize=9)
    axes.set_xlabel("episodes", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(color="#dddddd", linewidth=0.5)
    if panel.unit == "score":
        axes.set_ylim(-0.02, 1.02)
