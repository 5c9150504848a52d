"""Imbalances of energy, money and the feeder, computed from records independently of who made them; zero by law."""

from __future__ import annotations

from typing import Final

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.metric import Kpi, Value
from marketsim.core.records import Community, LedgerLine, SlotRecord
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


def energy_imbalance_wh(record: SlotRecord) -> int:
    """Violation of both energy balances of every agent, and of purchases against sales [Wh]."""
    energy, exchange = record.energy, record.exchange
    device = np.add.reduce(energy.device_wh, axis=0)
    through_meter = exchange.export_wh + energy.sold_wh - exchange.import_wh - energy.bought_wh
    at_meter = energy.net_wh - through_meter
    components = energy.pv_used_wh + device - record.inputs.load_wh - through_meter
    peers = int(np.add.reduce(energy.bought_wh)) - int(np.add.reduce(energy.sold_wh))
    return _distance(at_meter) + _distance(components) + abs(peers)


def _distance(imbalance: IntArray) -> int:
    return int(np.add.reduce(np.abs(imbalance)))


def money_imbalance(record: SlotRecord, community: Community) -> int:
    """Sum of all payments, and imports and exports on the bills against energy times tariff [1e-9 currency]."""
    ledger, tariffs, exchange = record.ledger, record.inputs.tariffs, record.exchange
    total = int(ledger.money.sum()) + int(ledger.utility.sum()) + int(ledger.operator.sum())
    imports = ledger.money[LedgerLine.IMPORTS] - exchange.import_wh * tariffs.retail_ticks[community.market]
    exports = ledger.money[LedgerLine.EXPORTS] + exchange.export_wh * tariffs.feed_in_ticks[community.market]
    return abs(total) + _distance(imports) + _distance(exports)


def grid_imbalance_wh(record: SlotRecord, community: Community) -> FloatArray:
    """|slack energy - (imports - exports + losses)| [Wh] [n_markets]; NaN where the power flow has no solution."""
    exchange, grid = record.exchange, record.grid
    drawn = np.zeros(community.n_markets, dtype=np.int64)
    np.add.at(drawn, community.market, exchange.import_wh - exchange.export_wh)
    return np.asarray(np.abs(grid.slack_wh - (drawn + grid.losses_wh)))


class LawsMetric:
    """Port ``Metric``: the laws."""

    def __init__(self, community: Community) -> None:
        self._community = community
        self._energy_wh = 0
        self._money = 0
        self._grid_wh = float("nan")

    @property
    def definitions(self) -> tuple[Kpi, ...]:
        """Imbalances of the run."""
        return LAWS

    @property
    def columns(self) -> tuple[Kpi, ...]:
        """Imbalances of the slot."""
        return LAWS

    def observe(self, record: SlotRecord, reference: SlotRecord | None) -> dict[str, Value]:  # noqa: ARG002
        """Take in a slot."""
        energy = energy_imbalance_wh(record)
        money = money_imbalance(record, self._community)
        grid = float("nan")
        if record.grid.v_pu.shape[1]:
            grid = float(np.fmax.reduce(grid_imbalance_wh(record, self._community)))
        self._energy_wh += energy
        self._money += money
        self._grid_wh = float(np.fmax(self._grid_wh, grid))
        return _row(energy, money, grid)

    def summary(self) -> dict[str, Value]:
        """The KPIs of all slots so far."""
        return _row(self._energy_wh, self._money, self._grid_wh)


def _row(energy_wh: int, money: int, grid_wh: float) -> dict[str, Value]:
    return {
        "energy_imbalance_wh": energy_wh,
        "money_imbalance": money,
        "grid_imbalance_wh": None if np.isnan(grid_wh) else grid_wh,
    }


def build(params: LawsParams, context: BuildContext) -> LawsMetric:  # noqa: ARG001 - part of the port
    """The metric of a simulation."""
    return LawsMetric(context.community)
