"""Where agents stand before a day or a period of sharing: what they paid so far, and how much of their use was local."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.records import SlotRecord


class MemberStanding(NamedTuple):
    """Totals since the start of the run, read-only; each [n_agents]."""

    hours: float
    """Length of the run so far."""
    paid_money: IntArray
    """Bills, shares included, receipts taken off [1e-9 currency]."""
    used_wh: IntArray
    """What loads and devices that store nothing used."""
    imported_wh: IntArray
    """Bought from the utility."""

    @classmethod
    def nothing(cls, n_agents: int) -> MemberStanding:
        """Before the first slot."""
        none = np.zeros(n_agents, dtype=np.int64)
        return cls(0.0, none, none, none)

    def after(self, record: SlotRecord, stores: tuple[bool, ...]) -> MemberStanding:
        """With one slot more; ``stores``: which fleets give back what they draw."""
        draws = np.maximum(-record.energy.device_wh[~np.array(stores, dtype=bool)], 0).sum(axis=0)
        return MemberStanding(
            self.hours + record.inputs.time.hours,
            self.paid_money + record.ledger.money.sum(axis=0),
            self.used_wh + record.inputs.load_wh + draws,
            self.imported_wh + record.exchange.import_wh,
        )


def local_share(used_wh: IntArray, imported_wh: IntArray) -> FloatArray:
    """Part of what was used that did not come from the utility; NaN for who used nothing [n] -> [n]."""
    share = np.full(len(used_wh), np.nan)
    np.divide(imported_wh, used_wh, out=share, where=used_wh > 0)
    return np.asarray(np.maximum(1.0 - share, 0.0))
