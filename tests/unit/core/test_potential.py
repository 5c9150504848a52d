"""What could have been traded: hand-computed positions, one store on one side only."""

import numpy as np
import pytest

from marketsim.core.potential import availability, clearing, gains_from_trade
from marketsim.core.records import FIRM
from marketsim.testing.records import Deal, Fleet, Prices, slot_record
from marketsim.testing.worlds import community

RETAIL, FEED_IN = 300_000, 80_000


def stand(load_wh, pv_wh, n_markets=1, **options):
    people = community(len(load_wh) // n_markets, n_markets)
    record = slot_record(people, load_wh, pv_wh, **options)
    return record, people


def available(load_wh, pv_wh, n_markets=1, **options):
    record, people = stand(load_wh, pv_wh, n_markets, **options)
    found = availability(record.positions, record.inputs.tariffs, people)
    return found.supply_wh.tolist(), found.demand_wh.tolist()


def cleared(load_wh, pv_wh, n_markets=1, **options):
    record, people = stand(load_wh, pv_wh, n_markets, **options)
    return clearing(record.positions, record.inputs.tariffs, people)


def test_surplus_and_firm_demand_are_available():
    assert available([100, 500], [700, 0]) == ([600, 0], [0, 500])


def test_must_run_energy_is_available():
    generator = Fleet([400, 0], [400, 0], dispatch_wh=[400, 0], stores=False)
    assert available([100, 500], [0, 0], fleets=[generator]) == ([300, 0], [0, 500])


def test_a_fleet_without_declared_value_is_not_counted():
    assert available([0, 500], [0, 0], fleets=[Fleet([-100, -100], [100, 100])]) == ([0, 0], [0, 500])


def test_flexible_demand_counts_only_above_the_feed_in_tariff():
    cars = Fleet([-50, -70], [0, 0], marginal_ticks=[FEED_IN, FEED_IN + 1], stores=False)
    assert available([0, 0], [0, 0], fleets=[cars]) == ([0, 0], [0, 70])


def test_flexible_supply_counts_only_below_retail():
    generators = Fleet([0, 0], [50, 70], marginal_ticks=[RETAIL, RETAIL - 1], stores=False)
    assert available([0, 0], [0, 0], fleets=[generators]) == ([0, 70], [0, 0])


def test_a_store_at_rest_buys_when_supply_abounds():
    battery = Fleet([-30, 0, 0], [30, 0, 0], marginal_ticks=120_000)
    assert available([0, 50, 0], [0, 0, 100], fleets=[battery]) == ([0, 0, 100], [30, 50, 0])


def test_a_store_at_rest_sells_when_demand_abounds():
    battery = Fleet([-30, 0, 0], [30, 0, 0], marginal_ticks=120_000)
    assert available([0, 100, 0], [0, 0, 10], fleets=[battery]) == ([30, 0, 10], [0, 100, 0])


def test_a_store_at_the_price_stands_on_the_short_side():
    battery = Fleet([-30, 0, 0], [30, 0, 0], marginal_ticks=120_000)
    assert available([0, 60, 0], [0, 0, 50], fleets=[battery])[0] == [30, 0, 50]
    assert available([0, 50, 0], [0, 0, 60], fleets=[battery])[1] == [30, 50, 0]


def test_two_stores_of_different_value_stand_on_opposite_sides():
    batteries = Fleet([-30, -30], [30, 30], marginal_ticks=[120_000, 200_000])
    assert available([0, 0], [0, 0], fleets=[batteries]) == ([30, 0], [0, 30])


def test_a_store_that_was_dispatched_has_one_mode_only():
    charging = Fleet([-30, 0], [30, 0], marginal_ticks=120_000, dispatch_wh=[-10, 0])
    assert available([0, 100], [50, 0], fleets=[charging]) == ([40, 0], [20, 100])


def test_markets_are_cleared_apart():
    best = cleared([0, 50, 0, 90], [100, 0, 40, 0], n_markets=2)
    assert best.price_ticks.tolist() == [FEED_IN, RETAIL]
    assert best.gains.tolist() == [50 * (RETAIL - FEED_IN), 40 * (RETAIL - FEED_IN)]


def test_the_clearing_price_is_the_marginal_value():
    batteries = Fleet([0, 0, 0], [30, 0, 20], marginal_ticks=[120_000, 0, 200_000])
    best = cleared([0, 40, 0], [0, 0, 0], fleets=[batteries])
    assert best.price_ticks.tolist() == [200_000]
    assert (best.below_wh.tolist(), best.above_wh.tolist()) == ([30], [40])
    assert best.gains.tolist() == [30 * (RETAIL - 120_000) + 10 * (RETAIL - 200_000)]


def test_a_store_gains_nothing_from_trade_with_itself():
    battery = Fleet([-30, 0], [30, 0], marginal_ticks=[120_000, 0])
    assert cleared([0, 0], [0, 0], fleets=[battery]).gains.tolist() == [0]


def test_an_empty_market_has_no_gains():
    assert cleared([0, 0], [0, 0]).gains.tolist() == [0]


def test_equal_tariffs_leave_no_gains():
    best = cleared([0, 50], [100, 0], prices=Prices(100_000, 100_000))
    assert (best.gains.tolist(), best.price_ticks.tolist()) == ([0], [100_000])


def test_gains_are_those_of_true_values_whatever_the_price():
    battery = Fleet([0, 0], [30, 0], marginal_ticks=120_000)
    deals = [Deal(1, 0, 40, 290_000), Deal(1, 0, 30, 90_000, sells=0)]
    record, _ = stand([0, 90], [40, 0], fleets=[battery], deals=deals)
    gains, blind = gains_from_trade(record.orders, record.trades, record.positions, record.inputs.tariffs, 1)
    assert gains.tolist() == [40 * (RETAIL - FEED_IN) + 30 * (RETAIL - 120_000)]
    assert blind.tolist() == [0]


@pytest.mark.parametrize("component", [0, FIRM])
def test_trade_of_undeclared_value_is_counted_apart(component):
    battery = Fleet([-30, 0], [0, 0])
    deal = Deal(0, 1, 20, 90_000, buys=0) if component == 0 else Deal(0, 1, 20, 90_000)
    record, _ = stand([25, 0], [0, 40], fleets=[battery], deals=[deal])
    gains, blind = gains_from_trade(record.orders, record.trades, record.positions, record.inputs.tariffs, 1)
    assert blind.tolist() == [20 if component == 0 else 0]
    assert gains.tolist() == [0 if component == 0 else 20 * (RETAIL - FEED_IN)]


def test_read_only_positions_are_accepted():
    record, people = stand([0, 50], [100, 0])
    for column in record.positions:
        column.flags.writeable = False
    assert availability(record.positions, record.inputs.tariffs, people).supply_wh.tolist() == [100, 0]
    assert np.array_equal(clearing(record.positions, record.inputs.tariffs, people).gains, [50 * (RETAIL - FEED_IN)])
