"""The planner gives capacity to whoever makes all together better off."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.core.records import NOWHERE, PV, Reason, Tariffs
from marketsim.market.params import PlannedParams
from marketsim.market.planned import PlannedAllocation, _level, build
from marketsim.testing.engine_kit import orders_of
from marketsim.testing.gates_kernel import head_gate
from marketsim.testing.worlds import build_context

SELL, BUY = -1, 1
SURPLUS = [(0, SELL, 80_000, 60), (1, SELL, 80_000, 40), (2, BUY, 250_000, 80, 80)]


def tariffs(wholesale: int | None = 60_000) -> Tariffs:
    ticks = None if wholesale is None else np.array([wholesale])
    return Tariffs(np.array([300_000]), np.array([80_000]), ticks)


def surplus(rows=SURPLUS):
    """Those who sell have PV, and leave the rest to the utility."""
    orders = orders_of(rows)
    sells = orders.side == SELL
    return orders._replace(
        component=np.where(sells, PV, orders.component), fallback=np.where(sells, 1, orders.fallback)
    )


class Line:
    """A gate and a grid model: what connections use of one limit differs, and what they lose."""

    kernel = None

    def __init__(self, most: float, use: list[float], lost: list[float]) -> None:
        self.most, self.use, self.lost = most, np.array(use), np.array(lost)
        self.net = np.zeros(len(use))

    def open(self, *_):
        pass

    def open_at(self, firm_wh, kvar):
        pass

    def open_state(self, grid):
        pass

    def close(self):
        return None

    def margins(self, market, net_wh):
        return np.array([self.use @ net_wh - self.most]) / 1e3

    def gradient(self, market, net_wh, limits):
        return self.use[None, :] / 1e3

    def drawn_wh(self, market, net_wh):
        return float((self.lost - 1.0) @ net_wh)

    def drawn_slope(self, market, net_wh):
        return self.lost - 1.0

    def admit(self, market, source, sink, wh):
        assert sink == NOWHERE
        fits = int(max(min((self.most - self.use @ self.net) / self.use[source], wh), 0))
        self.net[source] += fits
        return fits, int(Reason.NONE if fits == wh else Reason.LINE_LOADING), -1

    def release(self, market, source, sink, wh):
        self.net[source] -= wh


def granted(line: Line, steps: int = 12) -> list[int]:
    n = len(line.use)
    orders = surplus([(row, SELL, 80_000, 1000) for row in range(n)])
    after, rejects = PlannedAllocation(steps, line).grant(orders, line, tariffs())  # type: ignore[arg-type]
    assert rejects.size == 0
    assert after.energy_wh.tolist() == orders.energy_wh.tolist()
    assert after.firm_wh.tolist() == line.net.tolist(), "what is planned is committed, and nothing else"
    return after.firm_wh.tolist()


def test_where_all_can_flow_all_of_it_does():
    assert granted(Line(1e6, [1.0, 2.0], [0.0, 0.0])) == [1000, 1000]


def test_who_uses_least_of_a_limit_goes_first():
    """2,000 of the limit: 1,000 Wh at 1 each, and 200 of the others at 5 each; first come would give 400 and nothing."""
    assert granted(Line(2000.0, [5.0, 1.0], [0.0, 0.0])) == [200, 1000]


def test_who_loses_least_goes_first_where_use_is_equal():
    assert granted(Line(1500.0, [1.0, 1.0], [0.2, 0.0])) == [500, 1000]


def test_without_programmes_the_best_simple_rule_is_taken():
    """First come, 400 and 0 Wh, is worse than one limit for all, 333 Wh each."""
    assert sum(granted(Line(2000.0, [5.0, 1.0], [0.0, 0.0]), steps=0)) >= 666


@given(
    st.lists(st.floats(0.5, 5.0), min_size=2, max_size=5),
    st.floats(100.0, 8000.0),
    st.lists(st.floats(0, 0.3), min_size=5),
)
def test_it_is_the_fractional_knapsack_to_the_wh(use, most, lost):
    """On one limit the optimum is greedy by value for each unit of the limit (Dantzig 1957)."""
    line = Line(most, use, lost[: len(use)])
    found = np.array(granted(line))
    room, best = most, 0.0
    for row in np.argsort((line.lost - 1.0) / line.use):
        part = min(1000.0, room / line.use[row])
        room, best = room - part * line.use[row], best + part * (1.0 - line.lost[row])
    assert line.use @ found <= most + 1e-6
    assert -line.drawn_wh(0, found.astype(float)) >= best - len(use)


@pytest.mark.parametrize("compiled", [True, False])
def test_without_a_model_the_gate_alone_is_asked(compiled):
    after, _ = PlannedAllocation().grant(surplus(), head_gate(50, 5, compiled=compiled), tariffs())
    assert after.firm_wh.tolist()[:2] == [50, 0]


def test_at_a_price_below_zero_surplus_is_held_back():
    after, rejects = PlannedAllocation().grant(surplus(), head_gate(1_000, 5), tariffs(-10_000))
    assert after.energy_wh.tolist() == [0, 0, 80]
    assert rejects.energy_wh.tolist() == [60, 40]
    assert set(rejects.reason.tolist()) == {int(Reason.ALLOCATION)}


def test_a_device_dearer_than_upstream_is_held_back_and_a_store_is_not():
    orders = surplus()._replace(component=np.array([0, 1, -1]), fallback=np.array([0, 0, 0]))
    after, _ = PlannedAllocation(priced=(True, False)).grant(orders, head_gate(1_000, 5), tariffs())
    assert after.energy_wh.tolist() == [0, 40, 80]
    after, _ = PlannedAllocation(priced=(True, False)).grant(orders, head_gate(1_000, 5), tariffs(90_000))
    assert after.energy_wh.tolist() == [60, 40, 80]


def test_surplus_that_its_owner_does_not_leave_to_the_utility_stays_open():
    orders = surplus()._replace(fallback=np.array([0, 0, 0]), limit_ticks=np.array([100_000, 80_000, 250_000]))
    after, _ = PlannedAllocation().grant(orders, head_gate(1_000, 5), tariffs())
    assert after.firm_wh.tolist()[:2] == [0, 40]


@given(st.lists(st.integers(0, 50), min_size=1, max_size=6), st.data())
def test_one_limit_for_all_is_level(caps, data):
    cap = np.array(caps)
    total = data.draw(st.integers(0, int(cap.sum())))
    done = _level(total, cap)
    assert done.sum() == total
    assert (done <= cap).all()
    assert (done[done < cap].max(initial=0) - done[done < cap].min(initial=99)) <= 1
    assert (done[done < cap].max(initial=0) >= done.max()) or (done == cap)[np.argmax(done)]


def test_build_takes_the_model_of_the_grid():
    assert build(PlannedParams(steps=3), build_context())._steps == 3
