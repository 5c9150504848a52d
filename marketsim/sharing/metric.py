"""KPIs of shared bills: what the group that would rather leave would gain, and how far sampled shares may be off.

What a group would pay by itself is the bill of one meter, a sum over slots: the bills of all groups are added up slot by slot.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.metric import Kpi, Value, grid_only
from marketsim.core.records import SlotRecord
from marketsim.core.units import MONEY_PER_CURRENCY
from marketsim.sharing.coalitions import all_costs
from marketsim.sharing.metered import MeteredGame
from marketsim.sharing.params import SharesMetricParams
from marketsim.sharing.stability import worst_of_all

EXCESS: Final = Kpi(
    "share_worst_excess",
    "currency",
    "The most that a group of agents, neither nobody nor a whole market, would have paid less behind one meter of its own, at "
    "what its members' meters showed; the largest of all markets. At most 0: no group would rather leave. Undefined for more "
    "agents than `most_members`, and for one.",
)
ERROR: Final = Kpi(
    "share_standard_error",
    "currency",
    "Largest standard error of an agent's shares of all periods, where the rule of sharing draws. Undefined elsewhere.",
)
_BUFFER: Final = 64
"""Slots whose groups are worked out at once."""


class _Groups:
    """Bills of all groups of a market, and of its members [1e-9 currency]."""

    def __init__(self, rows: IntArray) -> None:
        self._rows = rows
        self._costs: FloatArray = np.zeros(1 << len(rows))
        self._paid: IntArray = np.zeros(len(rows), dtype=np.int64)
        self._slots: list[tuple[IntArray, IntArray, int, int]] = []

    def observe(self, record: SlotRecord, market: int) -> None:
        """Take in a slot."""
        tariffs = record.inputs.tariffs
        prices = int(tariffs.retail_ticks[market]), int(tariffs.feed_in_ticks[market])
        self._slots.append((record.energy.net_wh[self._rows], record.energy.pv_used_wh[self._rows], *prices))
        self._paid = self._paid + record.ledger.money[:, self._rows].sum(axis=0)
        if len(self._slots) == _BUFFER:
            self._add_up()

    def _add_up(self) -> None:
        if self._slots:
            net, pv, retail, feed_in = (np.array(column) for column in zip(*self._slots, strict=True))
            self._costs = self._costs + all_costs(MeteredGame(net, pv, retail, feed_in))
            self._slots = []

    def excess(self) -> float | None:
        """The largest of a group; None where there is none."""
        self._add_up()
        worst = worst_of_all(self._costs, self._paid.astype(np.float64))
        return None if worst is None else worst.excess / MONEY_PER_CURRENCY


class SharesMetric:
    """Port ``Metric``."""

    definitions = (EXCESS, grid_only(EXCESS), ERROR)
    columns: tuple[Kpi, ...] = ()

    def __init__(self, market: IntArray, most_members: int) -> None:
        rows = [np.flatnonzero(market == each) for each in np.unique(market)]
        few = [own for own in rows if len(own) <= most_members]
        known = few if len(few) == len(rows) else []
        self._here, self._there = ([_Groups(own) for own in known] for _ in range(2))
        self._compared = False
        self._variance: FloatArray | None = None

    def observe(self, record: SlotRecord, reference: SlotRecord | None) -> dict[str, Value]:
        """Take in a slot."""
        for market, groups in enumerate(self._here):
            groups.observe(record, market)
        if reference is not None:
            self._compared = True
            for market, groups in enumerate(self._there):
                groups.observe(reference, market)
        if record.share_errors is not None:
            squared = np.square(record.share_errors)
            self._variance = squared if self._variance is None else self._variance + squared
        return {}

    def summary(self) -> dict[str, Value]:
        """The KPIs of all slots so far."""
        error = None if self._variance is None else float(np.sqrt(self._variance.max())) / MONEY_PER_CURRENCY
        only = _largest(self._there) if self._compared else None
        return {EXCESS.name: _largest(self._here), f"{EXCESS.name}_grid_only": only, ERROR.name: error}


def _largest(markets: list[_Groups]) -> float | None:
    found = [each for each in (groups.excess() for groups in markets) if each is not None]
    return max(found, default=None)


def build(params: SharesMetricParams, context: BuildContext) -> SharesMetric:
    """The metric of a simulation."""
    return SharesMetric(context.community.market, params.most_members)
