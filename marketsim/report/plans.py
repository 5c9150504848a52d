"""The part of a report that shows the plans of an expert beside what was metered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.units import WH_PER_KWH
from marketsim.report.embed import packed
from marketsim.report.focus import Focus
from marketsim.report.series import demand_numbers, numbers, plain
from marketsim.results.frames import agent_names
from marketsim.results.reader import Run
from marketsim.results.table_columns import PLANNED

MOST_VALUES: Final = 700_000
"""Planned and metered values that a page holds; beyond, agents are left out, those with the smallest plans first."""


class ShownPoint(NamedTuple):
    """A set-point: what it is called, and the column of the table of agents that has what was done."""

    name: str
    label: str
    unit: str
    done: str


POINTS: Final = (
    ShownPoint("generator", "generator", "kW", "generator_wh"),
    ShownPoint("battery", "battery, discharge positive", "kW", "battery_wh"),
    ShownPoint("curtailed", "curtailed load", "kW", "curtailable_load_unserved_wh"),
    ShownPoint("pv", "PV used", "kW", "pv_used_wh"),
    ShownPoint("kvar", "reactive injection", "kvar", "kvar"),
)
"""In the order of ``table_columns.PLANNED``."""
_Pair = tuple[FloatArray, FloatArray]
"""Planned and done of all agents [slots, n_agents]."""


class PlansPart:
    """Plans and what was done in the slots of some stretches, ready for JSON."""

    def __init__(self, pairs: Sequence[Sequence[_Pair]], followed: IntArray, names: Sequence[str]) -> None:
        """``pairs`` of each stretch, by set-point; ``followed``: the agents that follow a plan, at least one."""
        sizes = [np.nansum([np.abs(plan) for plan, _ in own], axis=(0, 1)) for own in pairs]
        self._shown = _largest(followed, np.sum(sizes, axis=0), sum(len(own[0][0]) for own in pairs))
        self.left_out = len(followed) - len(self._shown)
        """Agents that are in the sums alone."""
        self.followed = len(followed)
        self.names = [names[row] for row in self._shown]
        self.points = [
            point
            for place, point in enumerate(POINTS)
            if any(np.nansum(np.abs(column[:, followed])) > 0.0 for own in pairs for column in own[place])
        ] or [POINTS[1]]
        self.states = [self._state(own, followed) for own in pairs]
        self.said = self._distances(pairs, followed)

    def _state(self, pairs: Sequence[_Pair], followed: IntArray) -> dict[str, Any]:
        found: dict[str, Any] = {"slots": len(pairs[0][0])}
        for place, point in enumerate(POINTS):
            if point not in self.points:
                continue
            plan, done = pairs[place]
            high = float(np.nanmax(np.abs(np.stack((plan, done))[:, :, followed]), initial=1e-9))
            found[point.name] = {
                "planned": plain(np.nansum(plan[:, followed], axis=1), 2),
                "done": plain(np.nansum(done[:, followed], axis=1), 2),
                "agents": {
                    "planned": packed(plan[:, self._shown], -high, high),
                    "done": packed(done[:, self._shown], -high, high),
                },
            }
        return found

    def _distances(self, pairs: Sequence[Sequence[_Pair]], followed: IntArray) -> str:
        """How far what was done is from the plans, in words."""
        parts = []
        for point in self.points:
            place = POINTS.index(point)
            gaps = np.concatenate([np.abs(own[place][0] - own[place][1])[:, followed].ravel() for own in pairs])
            known = gaps[np.isfinite(gaps)]
            parts += [f"{point.label} {known.mean():.1f} {point.unit}"] if len(known) else []
        return "Mean distance of what was done from the plan, an agent and slot: " + "; ".join(parts) + "."

    def document(self) -> dict[str, Any]:
        """What all stretches share."""
        points = [{"name": each.name, "label": each.label, "unit": each.unit} for each in self.points]
        return {"names": self.names, "points": points, "followed": self.followed}


def plans_part(run: Run, stretches: Sequence[Focus], names: Sequence[str], slot_hours: float) -> PlansPart | None:
    """The part; None for a run in which nobody follows a plan."""
    if not stretches or PLANNED[0].name not in run.table("agents", slot=0).column_names:
        return None
    pairs = [_pairs(run, each, len(names), slot_hours) for each in stretches]
    followed = np.flatnonzero(np.any([np.isfinite(own[0][0]).any(axis=0) for own in pairs], axis=0))
    return PlansPart(pairs, followed, names) if len(followed) else None


def _largest(followed: IntArray, sizes: FloatArray, n_slots: int) -> IntArray:
    """Those of the followed agents that there is room for, in their order."""
    room = max(1, MOST_VALUES // max(1, 2 * len(POINTS) * n_slots))
    return np.sort(followed[np.argsort(-sizes[followed], kind="stable")[:room]])


def _pairs(run: Run, stretch: Focus, n_agents: int, slot_hours: float) -> list[_Pair]:
    wanted = ["market", "agent", *(column.name for column in PLANNED), *(point.done for point in POINTS)]
    table = run.table("agents", columns=wanted, slot=stretch.positions)
    first = np.cumsum([0, *(len(names) for names in agent_names(run.manifest))])
    row = first[table.column("market").to_numpy()[:n_agents]] + table.column("agent").to_numpy()[:n_agents]
    none, place = np.zeros(table.num_rows), np.argsort(row)

    def column(name: str) -> FloatArray:
        if name not in table.column_names:
            return np.asarray(none.reshape(-1, n_agents))
        demand_numbers(run, "agents", table.schema.field(name))
        found = numbers(table.column(name))
        scale = 1.0 / (WH_PER_KWH * slot_hours) if name.endswith("_wh") else 1.0
        return np.asarray(scale * found).reshape(-1, n_agents)[:, place]

    return [(column(plan.name), column(point.done)) for plan, point in zip(PLANNED, POINTS, strict=True)]
