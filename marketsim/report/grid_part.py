"""The part of a report that draws the feeder."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import numpy as np

from marketsim.app.grid_history import grid_history
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.report.embed import packed
from marketsim.report.focus import Focus
from marketsim.report.series import plain
from marketsim.report.worst_part import worst_branches, worst_buses
from marketsim.results.grid_history import FeederMap, GridHistory
from marketsim.results.reader import Run
from marketsim.results.worst import WorstElements, worst_elements

MOST_VALUES: Final = 700_000
"""Voltages and loadings that a page holds; beyond, slots are left out evenly."""


class GridPart:
    """Map of the feeder and its states in the slots of some stretches, ready for JSON."""

    def __init__(self, run: Run, ready: ReadyScenario, stretches: list[Focus], names: list[str]) -> None:
        """Solve the slots of ``stretches`` anew; InputError or NetworkError where that cannot be done."""
        solved = [grid_history(ready, run, each.positions) for each in stretches]
        self.feeder = solved[0].feeder
        begins = run.table("slots", columns=["begins"]).column("begins").to_numpy()
        found = _worst(run, ready, stretches, solved)
        self.worst_buses, self.worst_branches = worst_buses(found, begins), worst_branches(found, begins)
        n_values = sum(2 * each.v_pu.size + each.loading.size for each in solved)
        self.stride = max(1, -(-n_values // MOST_VALUES))
        """Every so many slots are kept."""
        self._low = min(float(np.nanmin(each.v_pu, initial=1.0)) for each in solved)
        self._high = max(float(np.nanmax(each.v_pu, initial=1.0)) for each in solved)
        self.map = _map(self.feeder, names)
        self.states = [self._state(each) for each in solved]
        self.lowest = _extreme(solved, self.feeder, -1.0)
        self.highest = _extreme(solved, self.feeder, 1.0)

    def _state(self, solved: GridHistory) -> dict[str, Any]:
        kept = slice(None, None, self.stride)
        net_kw, loading = solved.net_kw[kept], max(1.0, float(np.nanmax(solved.loading, initial=0.0)))
        most_kw = float(np.abs(net_kw).max(initial=1e-9))
        return {
            "slots": solved.slots[kept].tolist(),
            "v": packed(solved.v_pu[kept], self._low, self._high),
            "loading": packed(solved.loading[kept], 0.0, loading),
            "net": packed(net_kw, -most_kw, most_kw),
        }


def _worst(run: Run, ready: ReadyScenario, stretches: list[Focus], solved: list[GridHistory]) -> WorstElements:
    """Extremes of all slots; of a run that is shown whole they are solved already."""
    if [each.positions for each in stretches] == [range(run.n_slots)]:
        found = WorstElements(solved[0].feeder)
        found.take(solved[0])
        return found
    return worst_elements(partial(grid_history, ready, run), run.n_slots)


def _map(feeder: FeederMap, names: list[str]) -> dict[str, Any]:
    band = np.flatnonzero(np.isfinite(feeder.v_max_pu) & (feeder.v_max_pu < 10.0))
    return {
        "name": feeder.name,
        "geographic": feeder.geographic,
        "x": plain(feeder.x, 6),
        "y": plain(feeder.y, 6),
        "buses": list(feeder.buses),
        "branches": list(feeder.branches),
        "from": feeder.from_node.tolist(),
        "to": feeder.to_node.tolist(),
        "trafo": np.flatnonzero(feeder.is_trafo).tolist(),
        "tree": np.flatnonzero(feeder.in_tree).tolist(),
        "unrated": np.flatnonzero(~feeder.rated).tolist(),
        "low": plain(feeder.v_min_pu, 5),
        "high": plain(feeder.v_max_pu, 5),
        "band": [float(feeder.v_min_pu[band].min()), float(feeder.v_max_pu[band].max())] if len(band) else None,
        "agents": [_few([names[agent] for agent in at]) for at in feeder.agents_at],
    }


def _few(names: list[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _extreme(solved: list[GridHistory], feeder: FeederMap, sign: float) -> dict[str, Any] | None:
    """Bus and slot of the largest (``sign`` 1) or smallest voltage shown; the source left out."""
    best: tuple[float, int, int] | None = None
    for each in solved:
        values = sign * each.v_pu[:, 1:]
        if not np.isfinite(values).any():
            continue
        row, node = np.unravel_index(int(np.nanargmax(values)), values.shape)
        if best is None or values[row, node] > sign * best[0]:
            best = (float(sign * values[row, node]), int(node) + 1, int(each.slots[row]))
    return None if best is None else {"v_pu": best[0], "bus": feeder.buses[best[1]], "slot": best[2]}
