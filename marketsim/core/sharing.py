"""Cost sharing: a period is gathered slot by slot, and in its last slot each agent gets what it is short of its share.

Nothing before that slot knows of it: prices, trades and what strategies see are those of the market, and the
reference run has no sharing.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from marketsim.core.arrays import IntArray
from marketsim.core.clock import Clock
from marketsim.core.errors import RunError
from marketsim.core.laws import check_shares
from marketsim.core.period import Period
from marketsim.core.ports import EstimatedShares, EstimatedSharing, FollowingSharing, Sharing
from marketsim.core.read_only import read_only
from marketsim.core.records import Community, LedgerLine, SlotRecord
from marketsim.core.standing import MemberStanding
from marketsim.core.world import SharedPeriods

_MOST_MONEY: Final = 2.0**62
_QUANTITIES: Final = 3  # load, PV, net


class Periods:
    """The period that a run is in; ``take`` is given every slot in turn."""

    def __init__(self, sharing: SharedPeriods, community: Community, clock: Clock) -> None:
        self._name, self._rule, self._slots = sharing.name, sharing.rule, sharing.slots
        self._community, self._last = community, clock.slots - 1
        self._longest = min(sharing.slots, clock.slots)
        self._begin(None)

    def _begin(self, standing: MemberStanding | None) -> None:
        """Arrays of its own for each period: a rule may keep what it was given."""
        self._taken, self._standing = 0, standing
        self._energy_wh = np.empty((_QUANTITIES, self._longest, self._community.n_agents), dtype=np.int64)
        self._ticks = np.empty((2, self._longest, self._community.n_markets), dtype=np.int64)
        self._bill = np.zeros((LedgerLine.SHARING, self._community.n_agents), dtype=np.int64)
        self._size = 0.0
        """Bound of every sum of payments, and of energy at its prices [1e-9 currency]."""

    def take(self, record: SlotRecord, standing: MemberStanding | None = None) -> SlotRecord:
        """The record of the next slot; of the last one of a period with the line of sharing.

        ``standing`` is that before the slot; None: nothing is known of it.
        """
        if not self._taken:
            self._begin(standing)
        self._gather(record)
        slot = record.inputs.time.slot
        if (slot + 1) % self._slots and slot != self._last:
            return record
        shared = self._shared(record)
        self._taken = 0
        return shared

    def _gather(self, record: SlotRecord) -> None:
        energy, prices, lines = record.energy, record.inputs.tariffs, record.ledger.money[: LedgerLine.SHARING]
        row = self._taken
        self._energy_wh[:, row] = record.inputs.load_wh, energy.pv_used_wh, energy.net_wh
        self._ticks[:, row] = prices.retail_ticks, prices.feed_in_ticks
        self._size += _magnitude(lines) + _magnitude(energy.net_wh) * float(np.abs(self._ticks[:, row]).max(initial=0))
        if not self._size < _MOST_MONEY:
            raise RunError(
                f"slot {record.inputs.time.slot}: 64 bits cannot count the money of the {row + 1} slots so far that "
                f"{self._name!r} is to share; choose market: {{sharing_period: day}}, or none as sharing"
            )
        self._bill += lines
        self._taken += 1

    def _shared(self, record: SlotRecord) -> SlotRecord:
        rows = self._taken
        load_wh, pv_wh, net_wh = self._energy_wh[:, :rows]
        retail, feed_in = self._ticks[:, :rows]
        time, community, bill = record.inputs.time, self._community, self._bill
        period: Period = read_only(
            Period(time, community, load_wh, pv_wh, net_wh, retail, feed_in, bill, self._standing)
        )
        found = estimated(self._rule, period)
        check_shares(period, found.money, self._name)
        if isinstance(self._rule, FollowingSharing):
            self._rule = self._rule.after(period)
        money = record.ledger.money.copy()
        money[LedgerLine.SHARING] = found.money - period.paid_money
        return record._replace(ledger=record.ledger._replace(money=money), share_errors=found.standard_errors)


def estimated(rule: Sharing, period: Period) -> EstimatedShares:
    """Shares of a period by a rule, with standard errors where it draws."""
    match rule:
        case EstimatedSharing() as drawn:
            return drawn.estimate(period)
        case _:
            return EstimatedShares(rule.share(period), None)


def _magnitude(values: IntArray) -> float:
    return float(np.abs(values, dtype=np.float64).sum())
