"""The part of a report about equity over time: what bills since the start weigh on incomes, day after day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.build import AgentSpec
from marketsim.core.equity import burdens, gini_of_rows
from marketsim.report.people import REFERENCE, agent_pieces
from marketsim.report.series import plain
from marketsim.results.reader import Run


class EquityDays(NamedTuple):
    """Burdens of all slots so far at the end of each day, of members that have an income; NaN where undefined [n_days]."""

    gini: FloatArray
    worst: FloatArray
    """The heaviest, as a part of income."""
    gini_alone: FloatArray
    """The same of the reference run on the same day."""
    worst_alone: FloatArray

    def data(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {name: plain(values, 6) for name, values in self._asdict().items()}


def equity_days(run: Run, agents: Sequence[AgentSpec], slots_per_day: int, slot_hours: float) -> EquityDays | None:
    """Equity day by day; None unless all members of the one market have an income. Shared assets are no members."""
    members = np.array([row for row, agent in enumerate(agents) if agent.owners is None])
    incomes = [agents[row].income for row in members]
    if len(members) < 2 or None in incomes or len(agents) != len(run.manifest["agents"]) or not run.n_slots:
        return None
    days = -(-run.n_slots // slots_per_day)
    paid, alone = (np.zeros((days, len(agents))) for _ in range(2))
    for piece in agent_pieces(run, ["slot", "agent", "paid_money", REFERENCE]):
        at = piece.column("slot").to_numpy() // slots_per_day, piece.column("agent").to_numpy()
        np.add.at(paid, at, piece.column("paid_money").to_numpy())
        there = piece.column(REFERENCE).to_numpy() if REFERENCE in piece.column_names else np.nan
        np.add.at(alone, at, there)
    income = np.array(incomes, dtype=np.float64)
    hours = np.minimum(np.arange(1, days + 1) * slots_per_day, run.n_slots) * slot_hours
    both = [
        np.array(
            [burdens(row, income, each) for row, each in zip(np.cumsum(money, axis=0)[:, members], hours, strict=True)]
        )
        for money in (paid, alone)
    ]
    here, there = both
    return EquityDays(gini_of_rows(here), here.max(axis=1), gini_of_rows(there), there.max(axis=1))
