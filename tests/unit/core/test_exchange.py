"""The utility takes what is left, as far as owners and grid allow."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.exchange import Residual, exchange_residual, execute
from marketsim.core.records import (
    BLAMES_SINK,
    FIRM,
    NOWHERE,
    PV,
    UTILITY_ONLY_TICKS,
    DeviceRange,
    GridState,
    Orders,
    Positions,
    Reason,
    Tariffs,
    Trades,
    empty_trades,
)
from marketsim.core.rollback import roll_back
from marketsim.testing.worlds import OrderRow, batch

BUY, SELL, KEEP, UTILITY = 1, -1, 0, 1
RANGES = [DeviceRange(*np.zeros((3, 2), dtype=np.int64), level=np.zeros(2))]
TARIFFS = Tariffs(np.array([300]), np.array([80]), None)


class ScriptedGate:
    """Admits at most ``most`` Wh a call; remembers its calls; broken while more than ``capacity`` Wh is committed."""

    kernel = None

    def __init__(self, most: int = 2**62, capacity: int = 2**62) -> None:
        self.most, self.capacity, self.committed = most, capacity, 0
        self.calls: list[tuple[int, int, int]] = []

    def open(self, firm_wh: IntArray, kvar: FloatArray) -> None:
        self.committed = 0

    def admit(self, market: int, source: int, sink: int, wh: int) -> tuple[int, int, int]:
        self.calls.append((source, sink, wh))
        admitted = min(wh, self.most)
        self.committed += admitted
        code = int(Reason.UNDERVOLTAGE) + BLAMES_SINK if sink != NOWHERE else int(Reason.OVERVOLTAGE)
        return (admitted, 0, -1) if admitted == wh else (admitted, code, 7)

    def release(self, market: int, source: int, sink: int, wh: int) -> None:
        self.committed -= wh

    def broken(self) -> BoolArray:
        return np.array([self.committed > self.capacity])

    def sensitivity(self) -> FloatArray:
        raise NotImplementedError

    def close(self) -> GridState:
        raise NotImplementedError


def orders_of(rows: list[OrderRow], firm: Callable[[IntArray], IntArray] = np.zeros_like) -> Orders:
    made = batch(rows)
    zero = np.zeros(len(rows), dtype=np.int64)
    firm_wh = np.where(made.component == FIRM, made.energy_wh, firm(made.energy_wh))
    return Orders(
        market=zero,
        agent=made.agent,
        connection=made.agent,
        side=made.side,
        price_ticks=made.price_ticks,
        energy_wh=made.energy_wh,
        firm_wh=firm_wh,
        component=made.component,
        fallback=made.fallback,
        limit_ticks=made.price_ticks,
    )


def trades_of(*rows: tuple[int, int, int, int]) -> Trades:
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    buy, sell, energy, moves = (np.ascontiguousarray(column) for column in table.T)
    price = np.full(len(rows), 100)
    return Trades(buy, sell, energy, price, price, price, moves)


def place(n_agents: int = 2, **given: list[int]) -> Positions:
    zero = np.zeros(n_agents, dtype=np.int64)
    fleet = np.zeros((1, n_agents), dtype=np.int64)
    base = Positions(fleet, zero, zero, zero, zero, fleet, fleet, fleet - 1, np.zeros(n_agents, dtype=bool))
    return base._replace(**{name: np.array(values, dtype=np.int64) for name, values in given.items()})


@pytest.mark.parametrize(
    ("row", "imported", "exported"),
    [
        ((0, SELL, 90, 500, PV, UTILITY), 0, 500),
        ((0, SELL, UTILITY_ONLY_TICKS, 500, PV, UTILITY), 0, 500),
        ((0, SELL, 81, 500, 0, KEEP), 0, 0),
        ((0, SELL, 80, 500, 0, KEEP), 0, 500),
        ((0, BUY, 299, 500, 0, KEEP), 0, 0),
        ((0, BUY, 300, 500, 0, KEEP), 500, 0),
        ((0, BUY, 100, 500, 0, UTILITY), 500, 0),
        ((0, BUY, 300, 500, FIRM, KEEP), 0, 0),
    ],
)
def test_the_utility_never_overrides_an_owners_limit(row: OrderRow, imported: int, exported: int) -> None:
    """``keep`` energy flows to or from the utility only where its own limit price admits the tariff."""
    residual, _ = exchange_residual(ScriptedGate(), TARIFFS, orders_of([row]), empty_trades())
    assert (residual.imports[0], residual.exports[0]) == (imported, exported)


@pytest.mark.parametrize(
    ("row", "imported", "exported"),
    [
        ((0, SELL, 0, 500, PV, UTILITY), 0, 0),
        ((0, SELL, UTILITY_ONLY_TICKS, 500, PV, UTILITY), 0, 0),
        ((0, SELL, -20, 500, PV, KEEP), 0, 0),
        ((0, SELL, 0, 500, 0, UTILITY), 0, 0),
        ((0, SELL, -20, 500, 0, KEEP), 0, 500),
        ((0, SELL, -19, 500, 0, KEEP), 0, 0),
        ((0, BUY, UTILITY_ONLY_TICKS, 500, 0, UTILITY), 500, 0),
        ((0, BUY, -10, 500, 0, KEEP), 500, 0),
        ((0, BUY, -11, 500, 0, KEEP), 0, 0),
    ],
)
def test_nobody_pays_for_exporting_unasked(row: OrderRow, imported: int, exported: int) -> None:
    """At -10 and -20 PV stays whatever its order says, a device's energy goes at its owner's limit price alone."""
    tariffs = Tariffs(np.array([-10]), np.array([-20]), None)
    residual, _ = exchange_residual(ScriptedGate(), tariffs, orders_of([row]), empty_trades())
    assert (residual.imports[0], residual.exports[0]) == (imported, exported)


def test_exports_are_asked_first() -> None:
    """All exports pass the gate before any import, each side in order of arrival."""
    gate = ScriptedGate()
    rows = [(0, BUY, 300, 10, 0, KEEP), (1, SELL, 80, 20, PV, UTILITY), (0, SELL, 80, 30, PV, UTILITY)]
    exchange_residual(gate, TARIFFS, orders_of(rows), empty_trades())
    assert gate.calls == [(1, NOWHERE, 20), (0, NOWHERE, 30), (NOWHERE, 0, 10)]


def test_what_the_grid_refuses_is_told_with_its_reason() -> None:
    """The refused part names reason and element; the blame flag is no part of the reason."""
    rows = [(1, SELL, 80, 20, PV, UTILITY), (0, BUY, 300, 30, 0, KEEP)]
    residual, refused = exchange_residual(ScriptedGate(15), TARIFFS, orders_of(rows), empty_trades())
    assert (residual.exports.tolist(), residual.imports.tolist()) == ([15, 0], [0, 15])
    assert [int(x[0]) for x in refused] == [-1, 0, 5, Reason.OVERVOLTAGE, 7, SELL]
    assert [int(x[1]) for x in refused] == [1, -1, 15, Reason.UNDERVOLTAGE, 7, BUY]


def test_energy_that_flows_by_right_asks_nobody() -> None:
    """A granted surplus is exported even through a gate that refuses everything."""
    orders = orders_of([(0, SELL, 90, 500, PV, UTILITY)], firm=lambda energy: energy - 100)
    residual, refused = exchange_residual(ScriptedGate(0), TARIFFS, orders, empty_trades())
    assert (residual.by_right[0], residual.exports[0], refused.energy_wh[0]) == (400, 0, 100)


def test_firm_demand_is_always_served() -> None:
    """What peers did not deliver is imported, with or without an order."""
    orders = orders_of([(0, BUY, 300, 600, FIRM, KEEP), (1, SELL, 80, 200, PV, UTILITY)])
    residual = Residual(*np.zeros((3, 2), dtype=np.int64))
    done = execute(place(firm_demand_wh=[600, 50]), RANGES, [True], orders, trades_of((0, 1, 200, 1)), residual)
    assert done.exchange.import_wh.tolist() == [400, 50]
    assert (done.bought_wh.tolist(), done.sold_wh.tolist()) == ([200, 0], [0, 200])


def test_unsold_surplus_fills_the_own_store_before_it_is_curtailed() -> None:
    """With leave to absorb, up to the room of the store; nothing of it passes the meter."""
    positions = place(surplus_wh=[900, 900])._replace(absorb=np.array([True, False]))
    ranges = [DeviceRange(np.array([-500, -500]), np.zeros(2, dtype=np.int64), np.array([400, 400]), np.zeros(2))]
    orders = orders_of([(0, SELL, 90, 900, PV, UTILITY)])
    residual = Residual(*(np.array([x]) for x in (0, 100, 0)))
    exchange, device_wh, *_ = execute(positions, ranges, [True], orders, empty_trades(), residual)
    assert exchange.absorbed_wh[0].tolist() == [500, 0]
    assert exchange.curtailed_wh.tolist() == [300, 900]
    assert device_wh[0].tolist() == [-500, 0]


def test_a_discharging_store_absorbs_nothing() -> None:
    """A store is in one mode a slot: having sold 100 Wh it takes no surplus in."""
    positions = place(surplus_wh=[900, 0])._replace(absorb=np.array([True, True]))
    ranges = [DeviceRange(np.array([-500, 0]), np.zeros(2, dtype=np.int64), np.array([400, 0]), np.zeros(2))]
    orders = orders_of([(0, SELL, 90, 100, 0, KEEP), (1, BUY, 100, 100, FIRM, KEEP)])
    trades = trades_of((1, 0, 100, 1))
    residual = Residual(*np.zeros((3, 2), dtype=np.int64))
    exchange, device_wh, *_ = execute(positions, ranges, [True], orders, trades, residual)
    assert (device_wh[0, 0], exchange.curtailed_wh[0]) == (100, 900)


ROWS = [(0, BUY, 300, 600, FIRM, KEEP), (1, SELL, 80, 200, PV, UTILITY), (0, BUY, 300, 40, 0, KEEP)]
LEGS = ((0, 1, 120, 1), (2, 1, 30, 3))


@pytest.mark.parametrize(
    ("capacity", "imports", "exports", "standing"),
    [(210, 10, 50, [120, 30]), (200, 0, 50, [120, 30]), (150, 0, 0, [120, 30]), (149, 0, 0, [120]), (0, 0, 0, [])],
)
def test_roll_back_takes_the_last_first(capacity: int, imports: int, exports: int, standing: list[int]) -> None:
    """Imports, exports, then trades from the last to the first, and no more than needed."""
    gate = ScriptedGate(capacity=capacity)
    gate.committed = 120 + 30 + 50 + 10
    residual = Residual(*(np.array(x) for x in ([0, 0, 10], [0, 50, 0], [0, 0, 0])))
    trades, after, undone = roll_back(gate, orders_of(ROWS), trades_of(*LEGS), residual)
    assert (after.imports[2], after.exports[1], trades.energy_wh.tolist()) == (imports, exports, standing)
    assert int(undone.energy_wh.sum()) == 210 - imports - exports - sum(standing)
    assert set(undone.reason.tolist()) <= {int(Reason.ROLLED_BACK)}
    assert residual.imports[2] == 10, "the record given is not written into"


def test_trades_that_move_nothing_are_never_rolled_back() -> None:
    """Undoing a purely financial trade would not help the grid."""
    gate = ScriptedGate(capacity=-1)
    none = Residual(*np.zeros((3, 3), dtype=np.int64))
    trades, _, undone = roll_back(gate, orders_of(ROWS), trades_of((0, 1, 120, 0)), none)
    assert (trades.size, undone.size) == (1, 0)
