"""Imbalances of energy, money and the feeder, computed from records independently of who made them; zero by law."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.build import BuildContext
from marketsim.core.metric import Kpi, Value, defined
from marketsim.core.records import Community, SlotRecord
from marketsim.metrics.params import LawsParams

LAWS: Final = (
    Kpi(
        "energy_imbalance_wh",
        "Wh",
        "Sum over agents and slots of |generation + purchases - load - sales - storage| and of the same at the meter.",
        int,
    ),
    Kpi(
        "money_imbalance",
        "1e-9 currency",
        "Sum over slots of |sum of all payments|, and of what exchange and its tariffs do not explain on the bills.",
        int,
    ),
    Kpi(
        "grid_imbalance_wh",
        "Wh",
        "Largest |energy from the source - (imports - exports + losses)| of a slot and market; undefined without a "
        "feeder.",
    ),
)


class Imbalance(NamedTuple):
    """Imbalances of a slot."""

    energy_wh: int
    """Both energy balances of every agent, and purchases against sales."""
    money: int
    """Sum of all payments, imports and exports on the bills against energy times tariff, and what sharing moves beyond a
    market [1e-9 currency]."""
    grid_wh: FloatArray
    """|slack energy - (imports - exports + own load + losses)| [n_markets]; NaN where the power flow has no solution."""


def imbalance(record: SlotRecord, community: Community, background_wh: int = 0) -> Imbalance:
    """Recompute all balances of a slot from what its record says."""
    from marketsim.metrics.tally_kernel import tally_laws

    ledger = record.ledger
    drawn = np.zeros(community.n_markets, dtype=np.int64)
    energy_wh, paid, unexplained = tally_laws(
        record.inputs.load_wh,
        record.energy[:],
        record.exchange[:],
        ledger.money,
        record.inputs.tariffs.retail_ticks,
        record.inputs.tariffs.feed_in_ticks,
        community.market,
        drawn,
    )
    total = paid + int(np.add.reduce(ledger.utility)) + int(np.add.reduce(ledger.operator))
    grid_wh = np.abs(record.grid.slack_wh - (drawn + background_wh + record.grid.shunt_wh + record.grid.losses_wh))
    return Imbalance(energy_wh, abs(total) + unexplained, grid_wh)


class LawsMetric:
    """Port ``Metric``: the laws."""

    definitions = LAWS
    columns = LAWS

    def __init__(self, community: Community, background_wh: int = 0) -> None:
        """``background_wh``: load of the feeder that belongs to no agent, a market and slot."""
        self._community, self._background_wh = community, background_wh
        self._energy_wh = 0
        self._money = 0
        self._grid_wh = math.nan

    def observe(self, record: SlotRecord, reference: SlotRecord | None) -> dict[str, Value]:  # noqa: ARG002
        """Take in a slot."""
        found = imbalance(record, self._community, self._background_wh)
        grid = float(np.fmax.reduce(found.grid_wh)) if record.grid.v_pu.shape[1] else math.nan
        self._energy_wh += found.energy_wh
        self._money += found.money
        self._grid_wh = grid if math.isnan(self._grid_wh) or grid > self._grid_wh else self._grid_wh
        return _row(found.energy_wh, found.money, grid)

    def summary(self) -> dict[str, Value]:
        """The KPIs of all slots so far."""
        return _row(self._energy_wh, self._money, self._grid_wh)


def _row(energy_wh: int, money: int, grid_wh: float) -> dict[str, Value]:
    return {"energy_imbalance_wh": energy_wh, "money_imbalance": money, "grid_imbalance_wh": defined(grid_wh)}


def build(params: LawsParams, context: BuildContext) -> LawsMetric:  # noqa: ARG001 - no parameters
    """The metric of a simulation."""
    return LawsMetric(context.community, 0 if context.grid is None else context.grid.background_wh)
