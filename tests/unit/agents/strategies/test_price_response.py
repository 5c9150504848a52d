"""Demand that answers to prices by thresholds: by hand, and in runs whose energies and bills are counted."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pydantic import ValidationError

import marketsim as ms
from marketsim.agents.params import PriceResponseParams, ThresholdsParams
from marketsim.agents.strategies.fleets import own_fleets
from marketsim.agents.strategies.plan import NO_OFFER, Draft
from marketsim.agents.strategies.price_response import LetGo, PriceSwitch, Waiting, build
from marketsim.core.records import UNDECLARED, Side
from marketsim.testing.strategy_kit import FEED_IN, ev, heat_pump, observed, priced, reach, strategy_context

KEYS = np.arange(1, 5, dtype=np.uint64)
NO_TIME = 0.0


def switch(above, below, measure="price", within_h=NO_TIME, keys=KEYS[:1]):
    return PriceSwitch(ThresholdsParams(above=above, below=below), measure, within_h, keys)


def seen_at(slot, price, k=1, minutes=60):
    """What k agents without devices see at a retail price [currency/kWh]."""
    context = strategy_context([{"heat_pump": heat_pump()}] * k, slot_minutes=minutes)
    nothing = np.zeros(k, dtype=np.int64)
    seen = observed(context, nothing, nothing, [reach(nothing, nothing, nothing)], slot=slot)
    return seen._replace(retail_ticks=np.full(k, round(price * 1e6)))


def held_at(own, prices):
    return [bool(own.of(seen_at(slot, price)).held[0]) for slot, price in enumerate(prices)]


def test_demand_is_held_above_one_price_and_comes_back_below_another():
    """Between 0.20 and 0.30, and at either, it stays as it was."""
    prices = (0.25, 0.31, 0.30, 0.25, 0.20, 0.19, 0.20, 0.25, 0.30, 0.5, 0.1)
    assert held_at(switch(0.3, 0.2), prices) == [False, True, True, True, True, False, False, False, False, True, False]


def test_a_price_that_is_asked_for_twice_in_a_slot_counts_once():
    own = switch(0.3, 0.2, within_h=1.0)
    assert own.of(seen_at(0, 0.5)).held[0]
    assert [bool(own.of(seen_at(1, 0.1)).held[0]) for _ in range(5)] == [own.of(seen_at(1, 0.1)).held[0]] * 5


def test_a_run_that_begins_anew_holds_nobody():
    own = switch(0.3, 0.2)
    assert held_at(own, (0.5, 0.25)) == [True, True]
    assert held_at(own, (0.25,)) == [False]


def test_each_agent_comes_back_at_a_delay_of_its_own():
    """Of delays between 0 and 3 hours: the first at once or later, all within three hours, and nobody leaves again."""
    own = switch(0.3, 0.3, within_h=3.0, keys=np.arange(1, 201, dtype=np.uint64))
    own.of(seen_at(0, 0.5, 200, 30))
    held = np.array([own.of(seen_at(1 + step, 0.1, 200, 30)).held for step in range(8)])
    assert held.sum(axis=1).tolist() == sorted(held.sum(axis=1).tolist(), reverse=True)
    assert 0 < held[3].sum() < 200
    assert not held[6].any()


def test_thresholds_are_drawn_from_their_ranges():
    keys = np.arange(1, 1001, dtype=np.uint64)
    own, again = (switch((0.30, 0.40), (0.10, 0.20), keys=keys) for _ in range(2))
    shares = [
        own.of(seen_at(slot, price, 1000)).held.mean()
        for slot, price in enumerate((0.29, 0.35, 0.41, 0.25, 0.15, 0.09))
    ]
    assert shares == pytest.approx([0.0, 0.5, 1.0, 1.0, 0.5, 0.0], abs=0.06)
    assert (own.of(seen_at(5, 0.09, 1000)).back_ticks == again.of(seen_at(0, 0.09, 1000)).back_ticks).all()


class Published:
    """Prices of the slots to come, for agents of two markets."""

    def __init__(self, prices):
        self._ticks = np.round(np.array(prices) * 1e6).astype(np.int64)

    def tariffs(self, horizon):
        assert horizon == len(self._ticks)
        return self._ticks, self._ticks // 2


def test_quantiles_are_of_the_prices_of_the_day_to_come_of_each_market():
    """As numpy has them, linear between ranks; a flat price is above none of its quantiles."""
    rng = np.random.default_rng(3)
    day = rng.uniform(0.1, 0.5, (24, 2))
    prices, market = day[:, [0, 0, 1, 1]], np.array([0, 0, 1, 1])
    own = switch((0.2, 0.9), (0.1, 0.2), "quantile", keys=KEYS)
    seen = seen_at(0, 0.3, 4)._replace(market=market, forecast=Published(prices), slots_per_day=24)
    above, below = own._ticks(seen)
    for agent in range(4):
        for found, share in ((above, own._above), (below, own._below)):
            assert found[agent] == pytest.approx(1e6 * np.quantile(prices[:, agent], share[agent]), abs=1)
    flat = seen._replace(forecast=Published(np.full((24, 4), 0.3)))
    assert not switch(0.0, 0.0, "quantile", keys=KEYS).of(flat).held.any()


def planned(policy, name, device, one, price, load_wh=0, pv_wh=0, before=None):
    """(dispatch, side, value) of one agent's device at a price, thresholds at 0.30 and 0.20; after a slot at ``before``."""
    context = strategy_context([{name: device}], slot_minutes=60)
    own, (fleet,) = switch(0.3, 0.2), own_fleets(context)
    for slot, retail in enumerate([price] if before is None else [before, price]):
        seen = observed(context, [load_wh], [pv_wh], [one], slot=slot)
        seen = seen._replace(retail_ticks=np.array([round(retail * 1e6)]))
        draft = Draft.opened(seen)
        policy(fleet, own).plan(seen, draft)
    return int(draft.dispatch_wh[0, 0]), int(draft.side[0, 0]), int(draft.value_ticks[0, 0])


COMES = reach([-900], [-900], [-100])
"""A shiftable load: all that waits as it comes, a part of it is due."""
BUFFER = reach([-900], [-100], [-100], [0.5])
LOAD = reach([-400], [0], [0])


def test_a_shiftable_load_waits_but_for_what_is_due():
    """What waits is offered at the price at which it would come back."""
    assert planned(Waiting, "shiftable_load", heat_pump(), COMES, 0.25) == (-900, NO_OFFER, UNDECLARED)
    assert planned(Waiting, "shiftable_load", heat_pump(), COMES, 0.35) == (-100, Side.BUY, 200_000)
    assert planned(Waiting, "shiftable_load", heat_pump(), COMES, 0.25, before=0.35) == (-100, Side.BUY, 200_000)
    assert planned(Waiting, "shiftable_load", heat_pump(), COMES, 0.15, before=0.35) == (-900, NO_OFFER, UNDECLARED)


def test_own_surplus_serves_what_waits_where_it_earns_less_than_that_price():
    assert FEED_IN < 200_000
    assert planned(Waiting, "shiftable_load", heat_pump(), COMES, 0.35, pv_wh=400)[:2] == (-400, Side.BUY)
    assert planned(LetGo, "curtailable_load", priced(0.25), LOAD, 0.35, pv_wh=300)[:2] == (-300, Side.BUY)


def test_a_vehicle_charges_at_once_unless_it_is_held_and_a_buffer_is_filled_while_power_is_cheap():
    car = reach([-2_000], [-50], [-50], [0.4])
    assert [planned(Waiting, "ev", ev(), car, price)[0] for price in (0.15, 0.25, 0.35)] == [-2_000, -2_000, -50]
    assert [planned(Waiting, "heat_pump", heat_pump(), BUFFER, price)[0] for price in (0.15, 0.25, 0.35)] == [
        -900,
        -100,
        -100,
    ]


def test_an_appliance_is_never_begun_early_and_waits_beyond_its_usual_hour():
    """It has no level: at a low price as it comes, while it is held as late as it may."""
    usual = reach([-1_000], [-1_000], [0])
    before = reach([-1_000], [0], [0])
    assert planned(Waiting, "appliance", heat_pump(), before, 0.15)[0] == 0
    assert planned(Waiting, "appliance", heat_pump(), usual, 0.15)[0] == -1_000
    assert planned(Waiting, "appliance", heat_pump(), usual, 0.35)[0] == 0


def test_a_curtailable_load_is_served_or_let_go():
    assert planned(LetGo, "curtailable_load", priced(0.25), LOAD, 0.25) == (-400, NO_OFFER, UNDECLARED)
    assert planned(LetGo, "curtailable_load", priced(0.25), LOAD, 0.35) == (0, Side.BUY, 200_000)


PRICES = [0.2] * 17 + [0.4] * 3 + [0.2] * 4
HOMES = {
    "name": "response",
    "clock": {"start": "2016-07-12", "slots": 24, "slot_minutes": 60},
    "profiles": {"source": "synthetic"},
}


def street(path, prices, agents, slots=24, **strategy):
    """A run of these agents at hourly prices, all with the strategy."""
    scenario = HOMES | {
        "tariff": {"series": {"retail": prices, "feed_in": 0.05}},
        "clock": HOMES["clock"] | {"slots": slots},
        "agents": [each | {"strategy": strategy or "utility_only"} for each in agents],
    }
    path.write_text(json.dumps(scenario))
    return ms.simulate(path).frame("agents", raw=True).astype({"name": str})


def home(**devices):
    return {"kind": "consumer", "count": 3, "load": {"annual_kwh": {"uniform": [2000, 9000]}}, **devices}


def response(above=0.3, below=0.3, **others):
    both = {"above": above, "below": below}
    return {"price_response": {"measure": "price", "shiftable": both, "curtailable": both, **others}}


def test_a_bill_by_hand_pays_each_kwh_once_at_the_price_of_its_slot(tmp_path):
    """From 17 to 20 h only firm load is drawn; what waited comes at 20 h, and what was let go is never paid.

    The whole load L arises as it does without a response; f of it is firm, s may wait, c may be let go.
    """
    parts = {"shiftable_load": {"share": 0.5, "delay_h": 4}, "curtailable_load": {"share": 0.2, "cost_per_kwh": 9.0}}
    plain = street(tmp_path / "a.json", PRICES, [home(**parts)])
    served = street(tmp_path / "b.json", PRICES, [home(**parts)], **response())
    for name, own in served.groupby("name"):
        usual = plain[plain.name == name].reset_index(drop=True)
        own = own.reset_index(drop=True)
        assert (own.load_wh == usual.load_wh).all()
        waits, goes = -usual.shiftable_load_wh.to_numpy(), -usual.curtailable_load_wh.to_numpy()
        assert (waits > 0).all()
        expected = usual.load_wh.to_numpy() + waits + goes
        expected[17:20] -= waits[17:20] + goes[17:20]
        expected[20] += waits[17:20].sum()
        assert own.import_wh.to_numpy().tolist() == expected.tolist()
        assert own.curtailable_load_unserved_wh.sum() == goes[17:20].sum()
        ticks = np.round(np.array(PRICES) * 1e6).astype(np.int64)
        assert own.paid_money.to_numpy().tolist() == (ticks * expected).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_shifted_energy_is_served_within_its_window_and_critical_load_is_never_touched(tmp_path, seed):
    """At any prices and thresholds: what is served lies between all that is due and all that has arisen; none is missed."""
    rng = np.random.default_rng(seed)
    prices = np.round(rng.uniform(0.1, 0.6, 48), 2).tolist()
    delay = int(rng.integers(1, 9))
    low, high = np.sort(np.round(rng.uniform(0.1, 0.6, 2), 2)).tolist()
    homes = [home(shiftable_load={"share": 0.4, "delay_h": delay}), home(curtailable_load={"share": 0.3})]
    plain = street(tmp_path / "a.json", prices, homes, 48)
    within_h = float(seed % 2 * 3)
    moved = street(tmp_path / "b.json", prices, homes, 48, **response(high, low, return_within_h=within_h))
    assert (moved.load_wh == plain.load_wh).all()
    assert (moved.shiftable_load_unserved_wh == 0).all()
    for name, own in moved.groupby("name"):
        arises = np.cumsum(-plain[plain.name == name].shiftable_load_wh.to_numpy())
        served = np.cumsum(-own.shiftable_load_wh.to_numpy())
        due = np.concatenate((np.zeros(delay, dtype=np.int64), arises[:-delay]))
        assert (due <= served).all()
        assert (served <= arises).all()
        let_go = own.curtailable_load_unserved_wh.to_numpy()
        kept = -own.curtailable_load_wh.to_numpy()
        if name in ("consumer-4", "consumer-5", "consumer-6"):
            assert let_go + kept == pytest.approx(own.load_wh.to_numpy() * 0.3 / 0.7, abs=2)
        assert ((let_go == 0) | (kept == 0)).all()
        assert (let_go[: int(np.argmax(np.array(prices) > high))] == 0).all()
        assert within_h or (let_go[np.array(prices) < low] == 0).all()


def test_neighbours_serve_what_waits_at_the_price_at_which_it_would_come_back(tmp_path):
    """At retail 0.40 what waits bids 0.25, more than the feed-in tariff of 0.05: a roof sells to it."""
    roof = {"kind": "prosumer", "load": {"annual_kwh": 100}, "pv_kw": 10}
    homes = [home(shiftable_load={"share": 0.9, "delay_h": 12}), roof]
    run = street(tmp_path / "a.json", [0.4] * 24, homes, **response(0.3, 0.25))
    bought = run[run.name.str.startswith("consumer")]
    price = bought.peer_purchases_money.sum() / bought.bought_wh.sum()
    assert bought.bought_wh.sum() > 0
    assert 50_000 <= price <= 400_000
    waits = street(tmp_path / "b.json", [0.4] * 24, homes[:1], **response(0.3, 0.25))
    assert -bought.shiftable_load_wh[bought.slot < 12].sum() > -waits.shiftable_load_wh[waits.slot < 12].sum()


def test_at_one_price_all_day_nothing_is_held(tmp_path):
    """By quantiles: as with the utility alone, but for trade."""
    devices = {
        "shiftable_load": {"share": 0.4},
        "curtailable_load": {"share": 0.2, "cost_per_kwh": 9.0},
        "appliance": {},
    }
    plain, own = (
        street(tmp_path / f"{place}.json", [0.3] * 24, [home(**devices)], **strategy)
        for place, strategy in enumerate(({}, {"price_response": {}}))
    )
    assert (own.import_wh == plain.import_wh).all()


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"shiftable": {"above": 0.2, "below": 0.3}}, r"below \(0.3\) exceeds above \(0.2\)"),
        ({"shiftable": {"above": [0.9, 0.8], "below": 0.3}}, r"above must be \[low, high\]"),
        ({"curtailable": {"above": 1.2, "below": 0.3}}, r"curtailable: quantiles lie in \[0, 1\], not 0.3 to 1.2"),
        ({"measure": "mean"}, "quantile"),
        ({"return_within_h": 25}, "less than or equal to 24"),
    ],
)
def test_thresholds_that_are_none_are_refused(params, said):
    with pytest.raises(ValidationError, match=said):
        PriceResponseParams.model_validate(params)


def test_one_number_is_a_range_and_prices_may_be_any():
    own = PriceResponseParams.model_validate({"measure": "price", "shiftable": {"above": 1.5, "below": [-0.1, 0.2]}})
    assert own.shiftable.ranges() == ((1.5, 1.5), (-0.1, 0.2))


def test_a_generator_serves_by_its_cost_as_ever():
    context = strategy_context([{"generator": priced(0.2)}], slot_minutes=60)
    seen = observed(context, [300], [0], [reach([0], [0], [1_000])])
    made = build(PriceResponseParams(measure="price"), context).decide(seen)
    assert made.dispatch_wh.tolist() == [[300]]
