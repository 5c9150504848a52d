"""The most that all get together, against a feeder whose exact optimum is a linear programme, and against its laws.

On the linear DistFlow equations the squared voltages are linear in the net injections, so the limits of the
voltages themselves, which the successive programmes linearise, have an exact linear form to compare with.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

from marketsim.core.grid_model import GridModel
from marketsim.optimise.joint import JointGains, JointLegs, joint_optimum
from marketsim.optimise.welfare import WelfareLegs, constrained_optimum


class DistFlow:
    """Connections in a row behind a source of 1 p.u.; ``r`` [p.u./Wh] between neighbours; ``loss`` [1/Wh]: quadratic losses."""

    def __init__(self, n, r, v_min=0.95, v_max=1.05, loss=0.0, collapse=0.0):
        place = np.arange(1, n + 1)
        self.shared = np.minimum.outer(place, place)
        self.matrix = 2 * r * self.shared
        self.band, self.loss, self.collapse = (v_min, v_max), loss, collapse

    def open(self, record):
        pass

    def open_at(self, firm_wh, kvar):
        pass

    def open_state(self, grid):
        pass

    def _voltage(self, net_wh):
        return np.sqrt(np.maximum(1.0 + self.matrix @ net_wh, 0.0))

    def margins(self, market, net_wh):
        v = self._voltage(net_wh)
        return None if v.min() < self.collapse else np.concatenate((v - self.band[1], self.band[0] - v))

    def gradient(self, market, net_wh, limits):
        slope = self.matrix / (2 * self._voltage(net_wh))[:, None]
        return np.concatenate((slope, -slope))[limits]

    def drawn_wh(self, market, net_wh):
        return (
            None if self.margins(market, net_wh) is None else -net_wh.sum() + self.loss * net_wh @ self.shared @ net_wh
        )

    def drawn_slope(self, market, net_wh):
        return -1.0 + 2 * self.loss * self.shared @ net_wh

    def rows(self, legs):
        """Limits as rows over the legs: (A, b)."""
        moves = np.zeros((len(self.matrix), len(legs.sign)))
        moves[legs.connection, np.arange(len(legs.sign))] = legs.sign
        flow, base = self.matrix @ moves, self.matrix @ legs.base_wh
        low, high = self.band[0] ** 2 - 1, self.band[1] ** 2 - 1
        return np.concatenate((flow, -flow)), np.concatenate((high - base, base - low))


def legs_of(rng, n, price=60_000):
    """Surplus at odd places, priced devices anywhere, loads at even ones."""
    place = np.arange(n)
    base = -rng.integers(0, 4000, n) * (place % 2 == 0).astype(float)
    connection = np.concatenate((place[place % 2 == 1], place, place))
    sign = np.concatenate((np.ones(n // 2), np.ones(n), -np.ones(n)))
    value = np.concatenate((np.zeros(n // 2, dtype=np.int64), np.tile(rng.integers(20_000, 320_000, n), 2)))
    cap = np.concatenate((rng.integers(0, 9000, n // 2), rng.integers(0, 2000, n), rng.integers(0, 2000, n)))
    return JointLegs(connection, sign, value, cap, base, price)


def test_the_fake_is_a_grid_model():
    assert isinstance(DistFlow(1, 1e-6), GridModel)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.sampled_from([6e-6, 1.2e-5]), st.sampled_from([60_000, 200_000, -30_000]))
def test_the_optimum_is_that_of_the_exact_programme(seed, r, price):
    """Without losses, by HiGHS; and never above the relaxation."""
    legs = legs_of(np.random.default_rng(seed), 6, price)
    grid = DistFlow(6, r, collapse=0.2)
    base = grid.margins(0, legs.base_wh)
    grid.band = 0.95 - max(base[6:].max(), 0.0), 1.05 + max(base[:6].max(), 0.0)
    gains = JointGains(legs, grid, 0)
    found = joint_optimum(gains, [legs.unlimited_wh(), np.zeros(len(legs.sign))], 25)
    rows, room = grid.rows(legs)
    exact = linprog(
        -legs.gain_ticks(), A_ub=rows * 1e3, b_ub=room * 1e3, bounds=[(0, cap) for cap in legs.cap_wh.tolist()]
    )
    assert gains.admits(found)
    assert gains.at(found) == pytest.approx(-exact.fun, rel=1e-5, abs=1.0)
    bound = gains.relaxed()
    assert bound is None if price < 0 else gains.at(found) <= bound + 1.0


@pytest.mark.parametrize("seed", range(5))
def test_losses_count(seed):
    """Against a general solver of smooth programmes, SLSQP; and what the base loses is within the bound."""
    legs = legs_of(np.random.default_rng(seed), 6)
    for loss in (0.0, 2e-6, 8e-6):
        gains = JointGains(legs, DistFlow(6, 1e-10, loss=loss), 0)
        found = joint_optimum(gains, [legs.unlimited_wh(), np.zeros(len(legs.sign))], 60)
        other = minimize(
            lambda x, gains=gains: -gains.at(x * 1e3) * 1e-6,
            np.zeros(len(legs.sign)),
            jac=lambda x, gains=gains: -gains.slope(x * 1e3) * 1e3 * 1e-6,
            bounds=[(0, cap / 1e3) for cap in legs.cap_wh.tolist()],
            method="SLSQP",
            options={"maxiter": 500},
        )
        assert gains.at(found) >= -other.fun / 1e-6 * (1 - 1e-4)
        assert gains.at(found) <= gains.relaxed() + 1.0


def test_it_is_never_behind_a_start():
    legs = legs_of(np.random.default_rng(3), 6)
    gains = JointGains(legs, DistFlow(6, 1.2e-5, v_min=0.8), 0)
    starts = [share * legs.unlimited_wh() for share in (0.0, 0.1, 0.2)]
    best = max(gains.at(start) for start in starts if gains.admits(start))
    assert gains.at(joint_optimum(gains, starts, 0)) == best
    assert gains.at(joint_optimum(gains, starts, 1)) >= best


def test_without_an_admissible_start_there_is_no_answer():
    legs = legs_of(np.random.default_rng(3), 6)
    gains = JointGains(legs, DistFlow(6, 1e-3), 0)
    assert joint_optimum(gains, [np.zeros(len(legs.sign))], 5) is None


def test_without_a_solution_of_the_base_nothing_is_gained_or_bounded():
    legs = legs_of(np.random.default_rng(3), 6)
    gains = JointGains(legs, DistFlow(6, 1e-3, collapse=0.9), 0)
    assert gains.at(np.zeros(len(legs.sign))) is None
    assert gains.relaxed() is None


def test_a_guard_is_kept():
    legs = JointLegs(np.array([1]), np.ones(1), np.zeros(1, dtype=np.int64), np.array([9000]), np.zeros(2), 60_000)
    grid = DistFlow(2, 1e-5)
    found = joint_optimum(JointGains(legs, grid, 0, guard=1e-3), [np.zeros(1)], 12)
    assert grid.margins(0, legs.net_wh(found)).max() == pytest.approx(-1e-3, abs=1e-8)


def peers(load_wh, pv_wh):
    """Trade of firm demand at 0.30 with surplus at 0.08, a leg a connection."""
    n = len(load_wh)
    cap = np.concatenate((load_wh, pv_wh))
    sells = np.arange(2 * n) >= n
    value = np.where(sells, 80_000, 300_000)
    return WelfareLegs(np.tile(np.arange(n), 2), sells, value, cap, sells, -np.array(load_wh))


def test_trade_gives_way_to_a_nearer_seller_without_loss():
    """Pro rata the far seller lifts the voltage too high; all from the near one does not."""
    legs, grid = peers([6000, 0, 0], [0, 6000, 6000]), DistFlow(3, 1e-5, v_max=1.07)
    start = np.array([6000.0, 0, 0, 0, 3000, 3000])
    assert grid.margins(0, legs.net_wh(start)).max() > 0
    found = constrained_optimum(legs, grid, 0, start, 12)
    assert legs.gains(found) == pytest.approx(6000 * 220_000, rel=1e-6)


def test_a_start_of_trade_without_solution_is_halved():
    """So much surplus that the fake has no solution at the start."""
    legs, grid = peers([0, 90_000], [90_000, 0]), DistFlow(2, 4e-6, v_min=0.0, v_max=1.1, collapse=0.6)
    legs = legs._replace(sells=np.array([False, False, True, True]), moves=np.array([False, True, True, True]))
    legs = legs._replace(base_wh=np.zeros(2, dtype=np.int64), value_ticks=np.array([300_000, 300_000, 80_000, 80_000]))
    start = np.array([0.0, 90_000, 90_000, 0])
    assert grid.margins(0, legs.net_wh(start)) is None
    found = constrained_optimum(legs, grid, 0, start, 25)
    assert grid.margins(0, legs.net_wh(found)).max() <= 1e-9
    assert legs.gains(found) > 0
