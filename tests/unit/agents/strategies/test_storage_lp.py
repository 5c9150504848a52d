"""The rolling linear programme as a plan of stores."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.agents.params import LpParams, StorageChoice, TruthfulParams, UtilityOnlyParams
from marketsim.agents.strategies import truthful, utility_only
from marketsim.agents.strategies.fleets import own_fleets
from marketsim.agents.strategies.plan import NO_OFFER, Draft
from marketsim.agents.strategies.storage_lp import LinearProgramme
from marketsim.core.records import Fallback, Side
from marketsim.core.simulation import Simulation
from marketsim.core.world import Role
from marketsim.devices.battery import build as build_battery
from marketsim.devices.params import BatteryParams
from marketsim.testing.plain_world import plain_world
from marketsim.testing.strategy_kit import FEED_IN, RETAIL, battery, observed, reach, strategy_context
from marketsim.testing.worlds import ConstantProfiles, community


class Expecting:
    """A forecast of given series and prices."""

    def __init__(self, load_kw, pv_kw, retail):
        self._series = {"load_kw": np.array(load_kw, dtype=float), "pv_kw": np.array(pv_kw, dtype=float)}
        self._retail = np.array(retail)
        self.asked = []

    def series(self, name, horizon):
        self.asked.append(horizon)
        return self._series[name][:horizon, None]

    def tariffs(self, horizon):
        return self._retail[:horizon, None], np.full((horizon, 1), FEED_IN)


IDEAL = {"charge_efficiency": 1.0, "discharge_efficiency": 1.0, "wear_cost": 0.0}


def planned(load_kw, pv_kw, retail=RETAIL, level=0.5, params=None, slot=0, **rating):
    """(draft, policy, forecast) of one battery of 10 kWh and 4 kW in slots of an hour."""
    context = strategy_context([{"battery": battery(**{**IDEAL, **rating})}], slot_minutes=60)
    horizon = len(load_kw)
    forecast = Expecting(load_kw, pv_kw, np.broadcast_to(retail, horizon))
    one = reach([-int(min(4_000, (1 - level) * 10_000))], [0], [int(min(4_000, level * 10_000))], [level])
    seen = observed(context, [int(load_kw[0] * 1000)], [int(pv_kw[0] * 1000)], [one], slot=slot)
    seen = seen._replace(forecast=forecast)
    policy = LinearProgramme(*own_fleets(context), params or LpParams(horizon_slots=horizon, end_value="none"))
    draft = Draft.opened(seen)
    policy.plan(seen, draft)
    return draft, policy, forecast


def outcome(draft):
    return tuple(int(part[0, 0]) for part in (draft.dispatch_wh, draft.side, draft.value_ticks, draft.most_wh))


def test_own_surplus_is_charged_for_later_need():
    """Charging from own surplus happens in any case."""
    draft, _, _ = planned([0.0, 6.0], [3.0, 0.0], level=0.3, power_kw=9.0)
    assert outcome(draft)[0] == -3_000


def test_own_need_is_served_where_the_plan_says_so():
    draft, _, _ = planned([2.0, 0.0], [0.0, 0.0])
    assert outcome(draft)[0] == 2_000


def test_scarce_energy_waits_for_the_dear_hour():
    """With 2 kWh stored and dearer need to come, nothing is delivered now."""
    draft, _, _ = planned([2.0, 2.0], [0.0, 0.0], [200_000, 300_000], level=0.2)
    assert outcome(draft)[0] == 0


def test_what_the_plan_buys_is_a_bid_with_the_utility_behind_it():
    """Cheap energy for later need is bought from peers at most at retail, the rest from the utility."""
    draft, _, _ = planned([0.0, 6.0], [0.0, 0.0], [150_000, 300_000], level=0.3, power_kw=9.0)
    dispatch, side, value, most = outcome(draft)
    assert (dispatch, side, value, most) == (0, Side.BUY, RETAIL, 3_000)


def test_what_the_plan_exports_is_an_offer_with_the_utility_behind_it():
    draft, _, _ = planned([0.0], [0.0])
    dispatch, side, value, most = outcome(draft)
    assert (dispatch, side, value, most) == (0, Side.SELL, FEED_IN, 4_000)


def test_what_the_plan_leaves_is_offered_at_its_dual_value_to_peers_alone():
    """What is stored is needed later, at 0.28: it is sold now, or more is bought, for what it will save."""
    draft, _, _ = planned([0.0, 4.0, 4.0], [0.0, 0.0, 0.0], [270_000, 280_000, 280_000], level=0.8, wear_cost=0.02)
    dispatch, side, value, _ = outcome(draft)
    assert dispatch == 0
    assert side != NO_OFFER
    assert FEED_IN < value < RETAIL


def test_a_plan_is_followed_until_it_is_time_for_the_next():
    """The programme is solved every so many slots; in between the plan of the last one counts."""
    context = strategy_context([{"battery": battery(**IDEAL)}], slot_minutes=60)
    policy = LinearProgramme(*own_fleets(context), LpParams(every=3, horizon_slots=6))
    forecast = Expecting([1.0] * 6, [0.0] * 6, [RETAIL] * 6)
    for slot, solved in ((0, 2), (1, 2), (2, 2), (3, 4), (4, 4)):
        seen = observed(context, [1_000], [0], [reach([-4_000], [0], [4_000], [0.5])], slot=slot)
        policy.plan(seen._replace(forecast=forecast), Draft.opened(seen))
        assert len(forecast.asked) == solved


def test_going_back_in_time_solves_anew():
    """A strategy that serves another run from its first slot on does not follow an old plan."""
    context = strategy_context([{"battery": battery(**IDEAL)}], slot_minutes=60)
    policy = LinearProgramme(*own_fleets(context), LpParams(every=9, horizon_slots=9))
    forecast = Expecting([1.0] * 9, [0.0] * 9, [RETAIL] * 9)
    for slot in (5, 4):
        seen = observed(context, [1_000], [0], [reach([-4_000], [0], [4_000], [0.5])], slot=slot)
        policy.plan(seen._replace(forecast=forecast), Draft.opened(seen))
    assert len(forecast.asked) == 4


def test_the_horizon_ends_with_the_day():
    forecast = planned([1.0] * 24, [0.0] * 24, params=LpParams(), slot=20)[2]
    assert forecast.asked == [4, 4]


def test_stores_of_others_are_left_alone():
    context = strategy_context([{"battery": battery()}, {}], slot_minutes=60)
    one = reach([-4_000, 0], [0, 0], [4_000, 0], [0.5, np.nan])
    seen = observed(context, [500, 500], [0, 0], [one])
    draft = Draft.opened(seen)
    LinearProgramme(*own_fleets(context), LpParams(horizon_slots=2)).plan(seen, draft)
    assert (draft.dispatch_wh[0, 1], draft.side[0, 1]) == (0, NO_OFFER)


def cost_of_a_day(storage):
    """Bill of one household with a battery, alone with the utility, over a day of two tariffs [currency]."""
    context = strategy_context([{"battery": BatteryParams(energy_kwh=10.0, power_kw=3.0)}], slot_minutes=60)
    strategy = utility_only.build(UtilityOnlyParams(storage=storage), context)
    fleet = build_battery([context.agents[0].devices["battery"]], context)

    class Sunny(ConstantProfiles):
        def at(self, time):
            return {
                "load_kw": np.array([1.0 if time.hour < 17 else 2.0]),
                "pv_kw": np.array([4.0 * (8 <= time.hour < 13)]),
            }

        def forecast(self, time, agents):
            whole = range(time.slot, time.slot + 24)
            slots = [self.at(context.clock.at(slot)) for slot in whole]
            load_kw, pv_kw = ([slot[name][0] for slot in slots] for name in ("load_kw", "pv_kw"))
            return Expecting(load_kw, pv_kw, [RETAIL] * 24)

    world = plain_world(community(1), Sunny([1.0], [0.0]), [Role(strategy, np.arange(1))], [fleet], slots=24)
    payments = [record.ledger.money.sum() + record.wear_money.sum() for record in Simulation(world).run()]
    return sum(payments) / 1e9


def test_with_perfect_forecasts_the_programme_costs_at_most_the_rule():
    """Alone with the utility, the plan's bill and wear are not above those of the self-consumption rule."""
    rule = cost_of_a_day(StorageChoice(self_consumption={}))
    plan = cost_of_a_day(StorageChoice(lp=LpParams(every=1, end_value="none")))
    idle = cost_of_a_day(StorageChoice(idle={}))
    assert plan <= rule + 1e-3
    assert rule < idle


def test_offers_fall_back_on_the_utility_only_where_the_plan_does():
    """Through a whole strategy: bids at retail fall back, dual values do not."""
    context = strategy_context([{"battery": battery(**{**IDEAL, "power_kw": 9.0})}], slot_minutes=60)
    build = truthful.build(TruthfulParams(storage=StorageChoice(lp=LpParams(horizon_slots=2))), context)
    seen = observed(context, [0], [0], [reach([-4_000], [0], [4_000], [0.3])])
    cheap = seen._replace(forecast=Expecting([0.0, 6.0], [0.0, 0.0], [150_000, RETAIL]))
    orders = build.decide(cheap).orders
    assert orders.fallback.tolist() == [Fallback.UTILITY]
    assert orders.price_ticks.tolist() == [RETAIL]
    assert orders.energy_wh.tolist() == pytest.approx([3_000], abs=2)
