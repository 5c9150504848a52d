"""The optimum under grid limits, against a feeder whose exact optimum is a linear programme.

On the linear DistFlow equations the squared voltages are linear in the net injections, so the limits of the
voltages themselves, which the successive programmes linearise, have an exact linear form to compare with.
"""

import numpy as np
import pytest
from scipy.optimize import linprog

from marketsim.core.grid_model import GridModel
from marketsim.core.potential import clearing
from marketsim.metrics.optimum import market_legs, merit_order, merit_order_net_wh
from marketsim.optimise.welfare import WelfareLegs, constrained_gains
from marketsim.testing.records import Fleet, slot_record
from marketsim.testing.worlds import community

GAP = 220_000


class DistFlow:
    """Connections in a row behind a source of 1 p.u.; ``r`` [p.u./Wh] between neighbours; solves are counted."""

    def __init__(self, n, r, v_min=0.95, v_max=1.05, collapse=0.0):
        place = np.arange(1, n + 1)
        self.matrix = 2 * r * np.minimum.outer(place, place)
        self.band = v_min, v_max
        self.collapse = collapse
        self.solves = self.gradients = 0

    def open(self, record):
        pass

    def open_at(self, firm_wh, kvar):
        pass

    def open_state(self, grid):
        pass

    def _voltage(self, net_wh):
        return np.sqrt(np.maximum(1.0 + self.matrix @ net_wh, 0.0))

    def surely_admits(self, market, net_wh):
        return False

    def margins(self, market, net_wh):
        self.solves += 1
        v = self._voltage(net_wh)
        return None if v.min() < self.collapse else np.concatenate((v - self.band[1], self.band[0] - v))

    def gradient(self, market, net_wh, limits):
        self.gradients += 1
        slope = self.matrix / (2 * self._voltage(net_wh))[:, None]
        return np.concatenate((slope, -slope))[limits]

    def exact(self, legs):
        """Optimum of the linear programme in squared voltages."""
        sign = np.where(legs.sells, -1.0, 1.0)
        moves = np.zeros((len(self.matrix), len(sign)))
        moves[legs.connection[legs.moves], np.flatnonzero(legs.moves)] = -sign[legs.moves]
        flow, base = self.matrix @ moves, self.matrix @ legs.base_wh
        low, high = self.band[0] ** 2 - 1, self.band[1] ** 2 - 1
        found = linprog(
            -sign * legs.value_ticks,
            A_ub=np.concatenate((flow, -flow)) * 1e3,
            b_ub=np.concatenate((high - base, base - low)) * 1e3,
            A_eq=sign[None, :],
            b_eq=[0.0],
            bounds=[(0, cap) for cap in legs.cap_wh],
        )
        return -found.fun


def stand(load_wh, pv_wh, **options):
    """Legs, merit order, and the gains of the latter."""
    people = community(len(load_wh))
    record = slot_record(people, load_wh, pv_wh, exports=False, **options)
    best = clearing(record.positions, record.inputs.tariffs, people)
    legs = market_legs(record, people, 0)
    return legs, merit_order(legs, best, 0), int(best.gains[0])


def test_the_fake_is_a_grid_model():
    assert isinstance(DistFlow(1, 1e-6), GridModel)


def test_legs_are_positions_with_true_values():
    battery = Fleet([-3, 0], [4, 0], marginal_ticks=[120_000, -1])
    legs, _, _ = stand([0, 50], [70, 0], fleets=[battery])
    assert legs.cap_wh.tolist() == [50, 0, 70, 4, 3]
    assert legs.value_ticks.tolist() == [300_000, 80_000, 80_000, 120_000, 120_000]
    assert legs.sells.tolist() == [False, True, True, True, False]
    assert legs.moves.tolist() == [False, False, True, True, True]
    assert legs.base_wh.tolist() == [0, -50]


def test_undeclared_fleets_have_no_leg():
    legs, _, _ = stand([0, 50], [70, 0], fleets=[Fleet([-3, 0], [4, 0])])
    assert legs.cap_wh.tolist() == [50, 0, 70]


def test_surplus_that_flows_by_right_is_part_of_the_base():
    people = community(2)
    record = slot_record(people, [0, 50], [70, 0])
    right = np.where(record.orders.component == -2, 30, record.orders.firm_wh)
    legs = market_legs(record._replace(orders=record.orders._replace(firm_wh=right)), people, 0)
    assert legs.base_wh.tolist() == [30, -50]
    assert legs.cap_wh.tolist() == [50, 30, 40]


def test_legs_of_one_market_leave_out_the_others():
    people = community(2, 2)
    legs = market_legs(slot_record(people, [0, 50, 0, 20], [70, 0, 90, 0]), people, 1)
    assert (legs.cap_wh.tolist(), legs.base_wh.tolist()) == ([20, 0, 90], [0, -20])


def test_merit_order_is_balanced_and_earns_the_optimum():
    battery = Fleet([-30, 0, 0], [30, 0, 0], marginal_ticks=120_000)
    legs, traded, gains = stand([0, 60, 0], [0, 0, 50], fleets=[battery])
    assert legs.gains(traded) == pytest.approx(gains)
    assert (np.where(legs.sells, traded, -traded)).sum() == pytest.approx(0.0)


def test_merit_order_shares_the_margin_pro_rata():
    legs, traded, _ = stand([0, 0, 60], [90, 30, 0])
    assert traded[legs.moves].tolist() == [45.0, 15.0]


@pytest.mark.parametrize("seed", range(20))
def test_net_injections_of_all_markets_are_those_of_each_ones_merit_order(seed):
    rng = np.random.default_rng(seed)
    people = community(4, 3)
    n = people.n_agents
    fleets = [
        Fleet(-rng.integers(0, 40, n), rng.integers(0, 40, n), rng.choice([-1, 80_000, 150_000, 190_000, 300_000], n))
        for _ in range(2)
    ]
    record = slot_record(people, rng.integers(0, 90, n), rng.integers(0, 90, n), fleets=fleets)
    if seed % 2:
        right = np.where(record.orders.component == -2, record.orders.energy_wh // 2, record.orders.firm_wh)
        record = record._replace(orders=record.orders._replace(firm_wh=right))
    best = clearing(record.positions, record.inputs.tariffs, people)
    net = merit_order_net_wh(record, people, best).reshape(3, 4)
    for market in range(3):
        legs = market_legs(record, people, market)
        assert net[market] == pytest.approx(legs.net_wh(merit_order(legs, best, market)))


def test_a_far_seller_gives_way_to_a_nearer_one_without_loss():
    """Pro rata the far seller lifts the voltage too high; all from the near one does not."""
    legs, start, gains = stand([6000, 0, 0], [0, 6000, 6000])
    grid = DistFlow(3, 1e-5, v_max=1.07)
    assert grid.margins(0, legs.net_wh(start)).max() > 0
    assert constrained_gains(legs, grid, 0, start, 12) == pytest.approx(gains, rel=1e-6)


def test_a_limit_on_all_sellers_costs_gains():
    legs, start, gains = stand([6000, 0, 0], [0, 6000, 6000])
    grid = DistFlow(3, 1e-5, v_max=1.02)
    found = constrained_gains(legs, grid, 0, start, 12)
    assert found == pytest.approx(grid.exact(legs), rel=1e-6)
    assert found < 0.9 * gains


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 8, 9, 10])
def test_the_optimum_is_that_of_the_exact_programme(seed):
    rng = np.random.default_rng(seed)
    n = 8
    surplus = rng.integers(0, 8000, n) * (np.arange(n) % 2)
    load = rng.integers(0, 8000, n) * (np.arange(n) % 2 == 0)
    flexible = Fleet(-rng.integers(0, 4000, n), rng.integers(0, 4000, n), rng.integers(60_000, 320_000, n))
    legs, start, gains = stand(load, surplus, fleets=[flexible])
    grid = DistFlow(n, 6e-6)
    base = grid.margins(0, legs.net_wh(np.zeros(len(start))))
    grid.band = 0.95 - max(base[n:].max(), 0.0), 1.05 + max(base[:n].max(), 0.0)
    assert grid.margins(0, legs.net_wh(start)).max() > 0
    found = constrained_gains(legs, grid, 0, start, 25)
    assert found <= gains + 1
    assert found == pytest.approx(grid.exact(legs), rel=2e-6)


def test_limits_that_forbid_everything_leave_nothing():
    legs, start, _ = stand([0, 50], [70, 0])
    base = DistFlow(2, 1e-4, v_min=0.0).margins(0, legs.base_wh)
    grid = DistFlow(2, 1e-4, v_min=0.0, v_max=float(1.05 + base[:2].max()))
    assert constrained_gains(legs, grid, 0, start, 12) == pytest.approx(0, abs=50 * GAP * 1e-3)


def test_an_inadmissible_last_point_is_pulled_back():
    """One step: the tangent overestimates the low voltage, so that the programme's optimum lies outside."""
    cars = Fleet([0, -6000], [0, 0], marginal_ticks=[-1, 200_000], stores=False)
    legs, start, _ = stand([0, 0], [6000, 0], fleets=[cars])
    grid = DistFlow(2, 1e-5, v_min=0.97)
    once = constrained_gains(legs, grid, 0, start, 1)
    assert grid.solves > 2
    assert once == pytest.approx(grid.exact(legs), rel=1e-6)


def test_a_start_without_solution_is_halved():
    """Flexible demand so large that the feeder collapses at the merit order."""
    cars = Fleet([0, -90_000], [0, 0], marginal_ticks=[-1, 200_000], stores=False)
    legs, start, _ = stand([0, 0], [90_000, 0], fleets=[cars])
    grid = DistFlow(2, 4e-6, collapse=0.6)
    assert grid.margins(0, legs.net_wh(start)) is None
    assert constrained_gains(legs, grid, 0, start, 25) == pytest.approx(grid.exact(legs), rel=1e-6)


def test_an_admissible_start_that_earns_its_promise_ends_at_once():
    legs, start, gains = stand([0, 50], [70, 0])
    grid = DistFlow(2, 1e-9)
    assert constrained_gains(legs, grid, 0, start, 12) == gains
    assert grid.gradients == 1


def test_net_injections_count_only_what_moves():
    legs = WelfareLegs(
        connection=np.array([0, 1, 1]),
        sells=np.array([True, True, False]),
        value_ticks=np.array([1, 1, 1]),
        cap_wh=np.array([9, 9, 9]),
        moves=np.array([False, True, True]),
        base_wh=np.array([5, -5]),
    )
    assert legs.net_wh(np.array([4.0, 3.0, 1.0])).tolist() == [5.0, -3.0]
