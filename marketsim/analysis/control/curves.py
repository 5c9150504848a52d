"""Learning curves of an evaluation's arms: what each training wrote, side by side, as a table and a figure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.analysis.control.present import look_of
from marketsim.core.arrays import FloatArray
from marketsim.core.errors import CheckpointError
from marketsim.learning.curve_rows import as_csv
from marketsim.learning.curves import read_curves, read_seconds
from marketsim.results.folder import save_figures

COLUMNS: Final = (
    "arm",
    "seed",
    "update",
    "agent_steps",
    "gradient_steps",
    "took_s",
    "total",
    "system_cost",
    "violations",
)
"""Of the table: decisions that were played, steps of policies or critics (empty where a learner does not count them), wall
time of playing and learning so far [s], return of an episode (mean over agents), and the game's scores (means over slots)."""
_COUNTS: Final = ("update", "agent_steps", "gradient_steps")
_SIZE: Final = (10.0, 11.0)


class TrainingCurve(NamedTuple):
    """What one training wrote, a value an update [U]; NaN where undefined."""

    arm: str
    seed: int
    values: Mapping[str, FloatArray]
    """By column of the table, from ``update`` on."""


def curve_of(arm: str, seed: int, folder: Path) -> TrainingCurve | None:
    """The curve of a training in its folder; None where there is none any more, one without an update, or another version's."""
    try:
        found = read_curves(folder)
    except CheckpointError:
        return None
    updates = found["update"]
    if not updates:
        return None
    columns = {name: np.array(found.get(name, [math.nan] * len(updates))) for name in COLUMNS[2:]}
    return TrainingCurve(arm, seed, {**columns, "took_s": np.cumsum(read_seconds(folder, len(updates)))})


def curves_csv(curves: Iterable[TrainingCurve]) -> str:
    """A row an arm, seed and update under ``COLUMNS``; what is undefined is empty."""
    rows = [
        [curve.arm, str(curve.seed), *(_text(name, float(curve.values[name][place])) for name in COLUMNS[2:])]
        for curve in curves
        for place in range(len(curve.values["update"]))
    ]
    return as_csv([COLUMNS, *rows])


def _text(name: str, value: float) -> str:
    if math.isnan(value):
        return ""
    return str(int(value)) if name in _COUNTS else repr(value)


class _Line(NamedTuple):
    """An arm: means over seeds, and the least and most of them [U]."""

    arm: str
    x: Mapping[str, FloatArray]
    y: Mapping[str, FloatArray]
    """[S, U]."""

    @property
    def last(self) -> float:
        """Mean return in the last update."""
        return float(self.y["total"][:, -1].mean())


def _lines(curves: Sequence[TrainingCurve]) -> list[_Line]:
    """Arms in the order of the table, each as long as its shortest training."""
    lines = []
    for arm in dict.fromkeys(curve.arm for curve in curves):
        own = [curve.values for curve in curves if curve.arm == arm]
        updates = min(len(each["update"]) for each in own)
        stacked = {name: np.stack([each[name][:updates] for each in own]) for name in COLUMNS[3:]}
        x = {name: stacked[name].mean(axis=0) for name in ("agent_steps", "took_s")}
        lines.append(_Line(arm, x, {name: stacked[name] for name in ("total", "violations")}))
    return lines


def draw_curves(curves: Sequence[TrainingCurve], paths: Sequence[Path]) -> None:
    """Return and violations of every training, against decisions and against time; bands: least and most over seeds."""
    from matplotlib.figure import Figure

    lines = _lines(curves)
    drawn = Figure(figsize=_SIZE, layout="constrained")
    panels = drawn.subplots(3, 2, sharex="col")
    best = max(line.last for line in lines)
    near = {line.arm for line in lines if line.last >= 0.0 or line.last == best}
    axes = (("agent_steps", 1e-3, "decisions [thousand]"), ("took_s", 1.0, "playing and learning, wall time [s]"))
    for column, (over, scale, label) in enumerate(axes):
        for place, line in enumerate(lines):
            look = look_of(place)
            named = line.arm if column == 0 else None
            _draw(panels[0, column], line.x[over] * scale, line.y["total"], look, named)
            if line.arm in near:
                _draw(panels[1, column], line.x[over] * scale, line.y["total"], look)
            _draw(panels[2, column], line.x[over] * scale, 100 * line.y["violations"], look)
        panels[2, column].set_xlabel(label)
    for row, (title, unit) in enumerate(
        (
            ("Return of a day, all arms", "scaled reward"),
            ("Return of a day, arms that do not lose against rest", "scaled reward"),
            ("Bus-slots outside the band", "%"),
        )
    ):
        panels[row, 0].set_title(title, fontsize=9, loc="left")
        panels[row, 0].set_ylabel(unit, fontsize=9)
    for panel in panels.flat:
        panel.grid(color="#dddddd", linewidth=0.5)
        panel.tick_params(labelsize=8)
    drawn.legend(loc="outside lower center", ncols=4, fontsize=8, frameon=False)
    seeds = len({curve.seed for curve in curves})
    drawn.suptitle(
        f"Trainings on training days, {seeds} seed{'s' if seeds > 1 else ''}: means, bands from least to most",
        fontsize=10,
    )
    save_figures(drawn, paths)


def _draw(panel: Any, x: FloatArray, y: FloatArray, look: Mapping[str, Any], label: str | None = None) -> None:
    """A line with its band [S, U]."""
    every = max(1, len(x) // 8)
    if len(y) > 1:
        panel.fill_between(x, y.min(axis=0), y.max(axis=0), color=look["color"], alpha=0.12, linewidth=0)
    panel.plot(x, y.mean(axis=0), linewidth=1.2, markersize=4, markevery=every, label=label, **look)
