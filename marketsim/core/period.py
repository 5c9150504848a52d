"""A finished period of a run, as a rule of cost sharing sees it."""

from __future__ import annotations

from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.clock import SlotTime
from marketsim.core.records import Community
from marketsim.core.standing import MemberStanding

MOST_CELLS: Final = 10_000_000
"""Slots times agents of a period, which is in memory as a whole: 240 MB."""


class Period(NamedTuple):
    """What happened and what it cost, read-only.

    Sums of payments, and of energy at the prices of its slot, over any agents and slots of a period stay below 2^62
    in size: 64-bit integers hold them.
    """

    time: SlotTime
    """The last slot, in whose ledger the line of sharing is booked."""
    community: Community
    load_wh: IntArray
    """Firm load [n_slots, n_agents]."""
    pv_wh: IntArray
    """PV generated [n_slots, n_agents]."""
    net_wh: IntArray
    """Through the meter: generation positive [n_slots, n_agents]."""
    retail_ticks: IntArray
    """[n_slots, n_markets]."""
    feed_in_ticks: IntArray
    """[n_slots, n_markets]."""
    bill_money: IntArray
    """What each agent paid over the period, by the ``LedgerLine`` before SHARING [5, n_agents] [1e-9 currency]."""
    standing: MemberStanding | None = None
    """Where agents stood before the period; None: nothing is known of it."""

    @property
    def n_slots(self) -> int:
        """Number of slots."""
        return len(self.net_wh)

    @property
    def paid_money(self) -> IntArray:
        """What each agent paid in all, receipts taken off [1e-9 currency] [n_agents]."""
        return np.asarray(self.bill_money.sum(axis=0))

    def of_markets(self, per_agent: IntArray) -> list[int]:
        """Exact sum of a whole number of each agent over each market [n_markets]."""
        starts = np.searchsorted(self.community.market, np.arange(self.community.n_markets + 1)).tolist()
        values = per_agent.tolist()
        return [sum(values[first:after]) for first, after in pairwise(starts)]
