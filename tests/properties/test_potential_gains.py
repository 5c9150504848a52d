"""What could have been traded, against linear programmes over all possible trades."""

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from marketsim.core.potential import availability, clearing, gains_from_trade
from marketsim.core.records import UNDECLARED
from marketsim.fairness.measures import tradable
from marketsim.testing.records import Deal, Fleet, Prices, slot_record
from marketsim.testing.worlds import community

RETAIL, FEED_IN = 300_000, 80_000
amount = st.integers(0, 900)
value = st.one_of(st.integers(-150_000, 350_000), st.sampled_from([UNDECLARED, FEED_IN, 190_000, RETAIL]))
PRICES = st.sampled_from(
    [Prices(RETAIL, FEED_IN), Prices(RETAIL, 0), Prices(RETAIL, -40_000), Prices(-50_000, -90_000), Prices(0, 0)]
)


@st.composite
def positions(draw):
    """Load, PV and a store of up to six agents, and prices of either sign."""
    n = draw(st.integers(1, 6))
    columns = [draw(st.lists(kind, min_size=n, max_size=n)) for kind in (amount, amount, amount, amount, value)]
    return columns[0], columns[1], Fleet([-down for down in columns[2]], columns[3], columns[4]), draw(PRICES)


def best_by_programme(record):
    """Maximum of sum v b - sum v s over balanced trades [1e-9 currency]; surplus can be curtailed, what must run cannot."""
    place, prices = record.positions, record.inputs.tariffs
    retail, feed_in = int(prices.retail_ticks[0]), int(prices.feed_in_ticks[0])
    known = place.marginal_ticks[0] != UNDECLARED
    own = place.marginal_ticks[0]
    n = len(own)
    worth = np.concatenate((np.full(n, retail), own, np.full(n, -max(feed_in, 0)), np.full(n, -feed_in), -own))
    caps = np.concatenate(
        (
            place.firm_demand_wh,
            np.where(known, place.down_wh[0], 0),
            place.surplus_wh,
            place.must_run_wh,
            np.where(known, place.up_wh[0], 0),
        )
    )
    worth = np.where(np.concatenate((np.ones(n, bool), known, np.ones(2 * n, bool), known)), worth, 0)
    sign = np.repeat([1.0, -1.0], [2 * n, 3 * n])
    found = linprog(-worth / 1e3, A_eq=sign[None, :], b_eq=[0.0], bounds=[(0, cap) for cap in caps])
    return -found.fun * 1e3


@settings(max_examples=120)
@given(positions())
def test_merit_order_earns_the_most_possible(case):
    load, pv, store, prices = case
    people = community(len(load))
    record = slot_record(people, load, pv, fleets=[store], prices=prices)
    best = clearing(record.positions, record.inputs.tariffs, people)
    assert abs(int(best.gains[0]) - best_by_programme(record)) <= 1.0


@settings(max_examples=120)
@given(positions())
def test_the_price_balances_supply_and_demand(case):
    """Supply strictly below the price and demand strictly above it can always be served."""
    load, pv, store, prices = case
    people = community(len(load))
    place = (record := slot_record(people, load, pv, fleets=[store], prices=prices)).positions
    best = clearing(place, record.inputs.tariffs, people)
    price, own = best.price_ticks[0], place.marginal_ticks[0]
    known, kept = own != UNDECLARED, max(prices.feed_in_ticks, 0)
    supply = int(place.up_wh[0][known & (own <= price)].sum())
    supply += int(place.surplus_wh.sum()) * (price >= kept) + int(place.must_run_wh.sum()) * (
        price >= prices.feed_in_ticks
    )
    demand = int(place.down_wh[0][known & (own >= price)].sum()) + int(place.firm_demand_wh.sum()) * (
        price <= prices.retail_ticks
    )
    assert supply >= best.above_wh[0]
    assume(best.below_wh[0] > 0)
    assert demand >= best.below_wh[0]


@settings(max_examples=120)
@given(positions())
def test_no_store_is_available_on_both_sides(case):
    load, pv, store, prices = case
    people = community(len(load))
    record = slot_record(people, load, pv, fleets=[store], prices=prices)
    place = record.positions
    found = availability(place, record.inputs.tariffs, people)
    sells = found.supply_wh - place.surplus_wh * (prices.retail_ticks >= 0) - place.must_run_wh
    buys = found.demand_wh - place.firm_demand_wh
    assert not ((sells > 0) & (buys > 0)).any()
    assert (np.isin(sells, [0, *place.up_wh[0]]) & np.isin(buys, [0, *place.down_wh[0]])).all()


@settings(max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=5))
def test_the_potential_is_the_largest_flow_between_different_agents(amounts):
    supply, demand = np.array(amounts).T.copy()
    n = len(supply)
    out_of, into = (np.kron(np.eye(n), np.ones((1, n))), np.kron(np.ones((1, n)), np.eye(n)))
    allowed = [(0, None if i != j else 0) for i in range(n) for j in range(n)]
    found = linprog(
        -np.ones(n * n), A_ub=np.concatenate((out_of, into)), b_ub=np.concatenate((supply, demand)), bounds=allowed
    )
    assert tradable(supply, demand) == round(-found.fun)


@settings(max_examples=80)
@given(positions(), st.data())
def test_no_trades_earn_more_than_the_optimum(case, data):
    load, pv, store, prices = case
    n = len(load)
    assume(n >= 2)
    people = community(n)
    place = slot_record(people, load, pv, fleets=[store], prices=prices).positions
    mode = [data.draw(st.booleans()) for _ in range(n)]
    selling = {(i, -2): int(place.surplus_wh[i]) for i in range(n)}
    selling |= {(i, 0): int(place.up_wh[0, i]) for i in range(n) if mode[i]}
    buying = {(i, -1): int(place.firm_demand_wh[i]) for i in range(n)}
    buying |= {(i, 0): int(place.down_wh[0, i]) for i in range(n) if not mode[i]}
    deals = []
    for _ in range(data.draw(st.integers(1, 6))):
        buyer, seller = data.draw(st.sampled_from(sorted(buying))), data.draw(st.sampled_from(sorted(selling)))
        most = min(buying[buyer], selling[seller])
        if most and buyer[0] != seller[0]:
            energy = data.draw(st.integers(1, most))
            buying[buyer] -= energy
            selling[seller] -= energy
            deals.append(Deal(buyer[0], seller[0], energy, 190_000, buys=buyer[1], sells=seller[1]))
    record = slot_record(people, load, pv, fleets=[store], deals=deals, prices=prices)
    earned, _ = gains_from_trade(record.orders, record.trades, record.positions, record.inputs.tariffs, 1)
    assert earned[0] <= clearing(record.positions, record.inputs.tariffs, people).gains[0]
