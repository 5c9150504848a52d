"""Network charges: flat, by node and sensitivity, by distance."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from marketsim.core.build import GridInfo, VoltageBand
from marketsim.core.errors import ScenarioError
from marketsim.core.free_gate_kernel import FreeGate
from marketsim.market.charges import build_distance, build_flat, build_nodal, build_none
from marketsim.market.double_auction import DoubleAuction
from marketsim.market.params import DistanceChargesParams, FlatChargesParams, NoChargesParams, NodalChargesParams
from marketsim.testing.engine_kit import orders_of, tariffs_of
from marketsim.testing.worlds import build_context

BAND = VoltageBand(np.array([0.9]), np.array([1.1]))


def context(n_agents=3, n_markets=1, distance_ohm=None):
    grid = None if distance_ohm is None else GridInfo(BAND, distances=lambda: distance_ohm)
    return build_context(n_agents, n_markets, agents=(SimpleNamespace(),) * n_agents, grid=grid)


class Sensitive(FreeGate):
    def __init__(self, values):
        super().__init__(1)
        self.values = np.array(values, dtype=np.float64)

    def sensitivity(self):
        return self.values


def at(charges, values=()):
    return charges.at(None, Sensitive(values))


def test_no_charges_are_zero_for_everybody():
    table = at(build_none(NoChargesParams(), context()))
    assert table.buy_ticks.tolist() == table.sell_ticks.tolist() == [0, 0, 0]
    assert table.pair_ticks is None


@pytest.mark.parametrize(("share", "buy", "sell"), [(0.5, 7, 6), (0.0, 0, 13), (1.0, 13, 0), (0.25, 3, 10)])
def test_a_flat_charge_is_split_without_loss(share, buy, sell):
    table = at(build_flat(FlatChargesParams(per_kwh=13e-6, buyer_share=share), context()))
    assert (table.buy_ticks[0] + table.sell_ticks[0], table.sell_ticks.dtype) == (13, np.int64)
    assert abs(table.buy_ticks[0] - buy) <= 1
    assert abs(table.sell_ticks[0] - sell) <= 1


def test_nodal_charges_reach_the_scale_where_sensitivity_is_largest():
    table = at(build_nodal(NodalChargesParams(largest_per_kwh=0.02), context()), [1e-6, -2e-6, 0.0])
    assert table.sell_ticks.tolist() == [10_000, -20_000, 0]
    assert (table.buy_ticks == -table.sell_ticks).all()


def test_trade_within_a_bus_is_free_and_a_counter_flow_earns():
    table = at(build_nodal(NodalChargesParams(), context()), [2e-6, 2e-6, 0.5e-6])
    both = table.sell_ticks[:, None] + table.buy_ticks[None, :]
    assert both[0, 1] == 0
    assert both[0, 2] == -both[2, 0] > 0


def test_each_market_has_its_own_largest_sensitivity_and_none_means_no_charge():
    values = [1.0, 2.0, 10.0, 5.0, 0.0, 0.0, np.nan, 4.0]
    table = at(build_nodal(NodalChargesParams(largest_per_kwh=8e-6), context(2, 4)), values)
    assert table.sell_ticks.tolist() == [4, 8, 8, 4, 0, 0, 0, 8]


def test_distance_charges_go_by_the_path_between_buyer_and_seller_in_every_market():
    distance = np.array([[0.0, 1.5, 2.0], [1.5, 0.0, 0.5], [2.0, 0.5, 0.0]])
    charges = build_distance(DistanceChargesParams(per_kwh_ohm=1e-5), context(3, 2, distance_ohm=distance))
    table = at(charges)
    assert table.pair_ticks.shape == (2, 3, 3)
    assert (table.pair_ticks == np.rint(distance * 10)).all()
    orders = orders_of([(0, -1, 10, 5), (1, -1, 10, 5), (2, 1, 40, 5)])
    trades, _ = DoubleAuction().match(orders, FreeGate(2), tariffs_of(2), table.pair_ticks)
    assert (trades.sell_order.tolist(), trades.buyer_ticks.tolist()) == ([1], [15])


def test_distance_charges_without_a_grid_say_so():
    with pytest.raises(ScenarioError, match="need a grid"):
        build_distance(DistanceChargesParams(), context())


@pytest.mark.parametrize("distance", [np.zeros((2, 2)), np.full((3, 3), np.inf)])
def test_distances_that_do_not_fit_are_refused(distance):
    with pytest.raises(ScenarioError, match="finite path between any two of 3 connections"):
        build_distance(DistanceChargesParams(), context(distance_ohm=distance))
