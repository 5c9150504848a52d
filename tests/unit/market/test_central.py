"""The central optimum: merit order without limits, the linear programme's optimum with them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import linprog

from marketsim.core.arrays import IntArray
from marketsim.core.build import GridInfo, VoltageBand
from marketsim.core.records import NOWHERE, Orders, Reason, Side, Tariffs
from marketsim.market.central import CentralOptimum, build, merit_order
from marketsim.market.params import CentralOptimumParams
from marketsim.testing.worlds import build_context

TARIFFS = Tariffs(np.array([300_000]), np.array([80_000]), None)


def orders(rows: list[tuple[int, int, int, bool]]) -> Orders:
    """(side, price, Wh, firm) of agents 0, 1, ... in order of arrival."""
    side, price, wh, firm = (np.array(column) for column in zip(*rows, strict=True))
    n, zeros = len(rows), np.zeros(len(rows), dtype=np.int64)
    agent = np.arange(n)
    return Orders(zeros, agent, agent, side, price, wh, np.where(firm, wh, 0), zeros, zeros, price)


class Line:
    """A gate and a grid model in one: net injection of all connections together is limited both ways [Wh]."""

    kernel = None

    def __init__(self, most: int, weights: list[float]) -> None:
        self.most, self.weights = most, np.array(weights)
        self.net = np.zeros(len(weights))
        self.base = self.net.copy()

    def flow(self) -> float:
        return float(self.weights @ self.net)

    def open(self, *_: Any) -> None:
        pass

    def open_at(self, firm_wh: Any, kvar: Any) -> None:
        pass

    def open_state(self, grid: Any) -> None:
        self.base = self.net.copy()

    def close(self) -> None:
        return None

    def margins(self, market: int, net_wh: Any) -> Any:
        flow = self.weights @ (self.base + net_wh)
        return np.array([flow - self.most, -flow - self.most]) / 1000.0

    def gradient(self, market: int, net_wh: Any, limits: IntArray) -> Any:
        return np.stack((self.weights, -self.weights))[limits] / 1000.0

    def admit(self, market: int, source: int, sink: int, wh: int) -> tuple[int, int, int]:
        for part in range(wh, -1, -1):
            moved = self.net.copy()
            if source != NOWHERE:
                moved[source] += part
            if sink != NOWHERE:
                moved[sink] -= part
            if abs(self.weights @ moved) <= self.most + 1e-9:
                self.net = moved
                return part, int(Reason.NONE if part == wh else Reason.LINE_LOADING), -1
        raise AssertionError("nothing is always admissible")


class Free(Line):
    def __init__(self, n: int) -> None:
        super().__init__(10**9, [1.0] * n)


row = st.tuples(st.sampled_from([1, -1]), st.integers(80_000, 300_000), st.integers(0, 500), st.booleans())


def best_gains(of: Orders, limit: Line | None = None) -> float:
    """Optimum of the plain linear programme, by HiGHS."""
    sign = of.side.astype(float)
    rows = None if limit is None else -(sign * np.where(of.firm_wh > 0, 0.0, limit.weights))[None, :]
    found = linprog(
        -sign * of.price_ticks,
        A_ub=None if rows is None else np.concatenate((rows, -rows)),
        b_ub=None if limit is None else [limit.most, limit.most],
        A_eq=sign[None, :],
        b_eq=[0.0],
        bounds=[(0, float(wh)) for wh in of.energy_wh],
    )
    return -float(found.fun)


@given(st.lists(row, min_size=1, max_size=8))
def test_merit_order_earns_the_optimum_of_the_linear_programme(rows: list[tuple[int, int, int, bool]]) -> None:
    """Without a grid both sides trade the same, nobody more than it has, and no quantities earn more."""
    of = orders(rows)
    traded = merit_order(of, np.arange(of.size))
    assert (traded >= 0).all()
    assert (traded <= of.energy_wh).all()
    assert traded[of.side > 0].sum() == traded[of.side < 0].sum()
    assert float((of.side * of.price_ticks * traded).sum()) == pytest.approx(best_gains(of), abs=1e-3)


@given(st.lists(row, min_size=2, max_size=6), st.integers(0, 600))
@example([(1, 80_000, 72, False), (1, 146_667, 72, True), (-1, 80_000, 72, False), (-1, 80_000, 72, True)], 0)
@example([(1, 90_000, 72, False), (1, 146_667, 72, True), (-1, 80_001, 72, False), (-1, 80_000, 72, True)], 0)
def test_under_a_limit_it_earns_the_optimum_to_the_wh(rows: list[tuple[int, int, int, bool]], most: int) -> None:
    """On a linear grid, gains are those of the one linear programme, less a few Wh of rounding and of order."""
    of = orders(rows)
    grid = Line(most, [1.0] * of.size)
    trades, _ = CentralOptimum(grid=grid).match(of, grid, TARIFFS)  # type: ignore[arg-type]
    gains = float((trades.energy_wh * (of.price_ticks[trades.buy_order] - of.price_ticks[trades.sell_order])).sum())
    slack = 4 * of.size * 300_000
    assert best_gains(of, grid) - slack <= gains <= best_gains(of, grid) + 1e-3
    assert abs(grid.flow()) <= most + 1e-9


@given(st.lists(row, min_size=1, max_size=8))
def test_nobody_trades_beyond_limit_or_order(rows: list[tuple[int, int, int, bool]]) -> None:
    """Prices lie between ask and bid, quantities within orders, never both orders of one agent."""
    of = orders(rows)
    trades, rejects = CentralOptimum().match(of, Free(of.size), TARIFFS)  # type: ignore[arg-type]
    assert (trades.price_ticks <= of.price_ticks[trades.buy_order]).all()
    assert (trades.price_ticks >= of.price_ticks[trades.sell_order]).all()
    for side, position in ((Side.BUY, trades.buy_order), (Side.SELL, trades.sell_order)):
        assert (of.side[position] == side).all()
        assert (np.bincount(position, weights=trades.energy_wh, minlength=of.size) <= of.energy_wh).all()
    assert rejects.size == 0


def test_a_firm_buyer_moves_nothing() -> None:
    """Sold to firm demand, only the seller's injection counts against the limit."""
    of = orders([(-1, 80_000, 500, False), (1, 300_000, 500, True)])
    grid = Line(200, [1.0, 1.0])
    trades, _ = CentralOptimum(grid=grid).match(of, grid, TARIFFS)  # type: ignore[arg-type]
    assert trades.energy_wh.sum() == 200
    assert grid.net.tolist() == [200.0, 0.0]


def test_a_counter_flow_makes_room() -> None:
    """A purchase worth less than firm demand is planned as well where it lets more through the line."""
    of = orders([(-1, 80_000, 500, False), (1, 300_000, 500, True), (1, 100_000, 300, False), (-1, 90_000, 300, True)])
    grid = Line(200, [1.0] * 4)
    trades, _ = CentralOptimum(grid=grid).match(of, grid, TARIFFS)  # type: ignore[arg-type]
    bought = np.bincount(trades.buy_order, weights=trades.energy_wh, minlength=4)
    assert bought[1] == 500
    assert bought[2] > 0


def test_the_limits_are_those_of_the_context() -> None:
    """It plans with the model of the gate's limits; without a grid, or where the gate limits nothing, with none."""
    grid = Line(1, [1.0])
    band = VoltageBand(np.array([0.9]), np.array([1.1]))
    for info, planned in ((GridInfo(band, grid), grid), (GridInfo(band), None), (None, None)):  # type: ignore[arg-type]
        assert build(CentralOptimumParams(), build_context(grid=info))._grid is planned


def test_charges_between_pairs_are_refused() -> None:
    with pytest.raises(ValueError, match="charges between pairs"):
        CentralOptimum().match(orders([(1, 1, 1, True)]), Free(1), TARIFFS, np.zeros((1, 1, 1), dtype=np.int64))  # type: ignore[arg-type]
