"""What an agent of a run would pay if something of it were otherwise: the same rule asked again, all else as metered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np

from marketsim.app.shared_run import SharedRun, estimated
from marketsim.core.arrays import IntArray
from marketsim.core.period import Period
from marketsim.core.ports import Sharing
from marketsim.core.records import LedgerLine
from marketsim.sharing.divided import metered_game
from marketsim.sharing.portions import portions

PV: Final = "pv"
LOAD: Final = "load"


class ChangedBill(NamedTuple):
    """What the agent would pay if something of it were otherwise and all else were as metered."""

    change: str
    share_money: int
    """Its share by the same rule [1e-9 currency]."""
    difference_money: int
    """That less what it pays; exactly 0 for what it has not."""
    has: bool
    """Whether it has what is taken away."""


class Otherwise:
    """The rule, what it says now, and the net energies at the meters by their cause [n_slots, n_agents], generation positive."""

    def __init__(self, shared: SharedRun, rule: Sharing, name: str, energies: Mapping[str, IntArray]) -> None:
        self._shared, self._rule, self._name, self._energies = shared, rule, name, energies
        self.now = estimated(rule, shared.period, name)
        self._one_meter = shared.game.at_one_meter().paid_money

    def changes(self, row: int) -> Iterator[ChangedBill]:
        """Without PV, without each kind of device, and with the load of the mean member's hours."""
        period = self._shared.period
        nothing = np.zeros(period.n_slots, dtype=np.int64)
        owned = self._shared.context.agents[row].devices
        for cause in (each for each in self._energies if each != LOAD):
            has = cause in owned or bool(self._energies[cause][:, row].any())
            yield self._asked(row, f"without {cause}", {cause: nothing}, has=has)
        load = period.load_wh
        if load[:, row].any():
            slots = [f"{slot:09d}" for slot in range(period.n_slots)]
            mean = portions(int(load[:, row].sum()), load.sum(axis=1), slots)
            yield self._asked(row, "load at the mean member's hours", {LOAD: -mean}, has=True)

    def _asked(self, row: int, change: str, other: Mapping[str, IntArray], *, has: bool) -> ChangedBill:
        own = {cause: wh[:, row] for cause, wh in self._energies.items()} | dict(other)
        share = int(estimated(self._rule, self._changed(row, own), self._name).money[row])
        return ChangedBill(change, share, share - int(self.now.money[row]), has)

    def _changed(self, row: int, own: Mapping[str, IntArray]) -> Period:
        """The period with other energies of one agent; what that changes of one meter's bill is put on the agent's bill."""
        period = self._shared.period
        changed = period._replace(
            load_wh=_with_column(period.load_wh, row, -own[LOAD]),
            pv_wh=_with_column(period.pv_wh, row, own[PV]),
            net_wh=_with_column(period.net_wh, row, np.sum(list(own.values()), axis=0)),
        )
        bill = period.bill_money.copy()
        one_meter = metered_game(changed, np.arange(self._shared.game.n)).at_one_meter().paid_money
        bill[LedgerLine.IMPORTS, row] += one_meter - self._one_meter
        return changed._replace(bill_money=bill)


def _with_column(table: IntArray, row: int, column: IntArray) -> IntArray:
    found = table.copy()
    found[:, row] = column
    return found
