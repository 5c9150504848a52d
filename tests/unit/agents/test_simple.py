"""The simple form: one agent at a time, what it leaves alone is decided by its strategy."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from marketsim.agents.members import Consumer, Prosumer
from marketsim.agents.model import MarketModel, decides
from marketsim.agents.params import TruthfulParams, ZeroIntelligenceParams, ZipParams
from marketsim.agents.simple import RevisingSimpleStrategy, SimpleStrategy, simple_strategy
from marketsim.agents.strategies import truthful, zero_intelligence
from marketsim.agents.strategies import zip as zip_plus
from marketsim.core.errors import PluginError, RunError
from marketsim.core.records import FIRM, PV, UTILITY_ONLY_TICKS, Fallback, Side
from marketsim.core.simulation import Simulation
from marketsim.core.world import Role
from marketsim.testing.plain_world import plain_world
from marketsim.testing.strategy_kit import (
    StrategyContract,
    battery,
    heat_pump,
    observed,
    quotes_of,
    reach,
    strategy_context,
)
from marketsim.testing.worlds import ConstantProfiles, Scripted, community, plain_decisions


class Scripts:
    """An agent whose ``decide`` is a function."""

    kind = "scripted"

    def __init__(self, name, script):
        self.name, self.decide = name, script


def adapted(scripts, devices=None, build=truthful.build, params=None):
    """A simple strategy of such agents, and its context."""
    context = strategy_context(devices or [{}] * len(scripts), slot_minutes=60)
    strategy = simple_strategy(build(params or TruthfulParams(), context), "truthful")
    strategy.bind([Scripts(f"a{row}", script) for row, script in enumerate(scripts)])
    return strategy, context


def default(view):
    """Leave everything to the strategy."""


HEATED = [{"heat_pump": heat_pump(), "battery": battery()}]
HEATED_RANGES = [reach([-2_000], [-500], [-500], [0.5]), reach([-3_000], [0], [3_000], [0.5])]


def test_who_returns_none_does_what_its_strategy_does():
    """Agents that leave everything alone decide exactly as without the adapter."""
    strategy, context = adapted([default, default], [{"battery": battery()}, {}])
    seen = observed(context, [500, 1_500], [2_000, 0], [reach([-1_000, 0], [0, 0], [3_000, 0], [0.5, np.nan])])
    plain = truthful.build(TruthfulParams(), context).decide(seen)
    decided = strategy.decide(seen)
    assert np.array_equal(decided.dispatch_wh, plain.dispatch_wh)
    assert all(np.array_equal(a, b) for a, b in zip(decided.orders, plain.orders, strict=True))


def test_own_orders_replace_those_of_the_strategy():
    strategy, context = adapted([lambda view: [view.sell(view.surplus_kwh / 2, 0.2)], default])
    orders = strategy.decide(observed(context, [500, 700], [2_500, 0])).orders
    rows = sorted(zip(orders.agent.tolist(), *(column.tolist() for column in orders[1:]), strict=True))
    assert rows == [
        (0, Side.SELL, UTILITY_ONLY_TICKS, 1_000, PV, Fallback.UTILITY),
        (0, Side.SELL, 200_000, 1_000, PV, Fallback.UTILITY),
        (1, Side.BUY, 300_000, 700, FIRM, Fallback.UTILITY),
    ]


@pytest.mark.parametrize("own", [[], [("sell", 0.0, 0.2)], [("buy", 1.0, 0.2)]])
def test_pv_that_is_not_ordered_goes_to_the_utility_and_to_no_peer(own):
    """An empty list leaves all of it; who has no surplus has no order. Own orders come first."""
    script = lambda view: [getattr(view, side)(kwh, price) for side, kwh, price in own]  # noqa: E731
    strategy, context = adapted([script, script])
    orders = strategy.decide(observed(context, [500, 700], [2_500, 0])).orders
    rest = [int(column[-1]) for column in orders]
    assert rest == [0, Side.SELL, UTILITY_ONLY_TICKS, 2_000, PV, Fallback.UTILITY]
    assert (orders.component[:-1] == FIRM).all()


def test_orders_have_prices_of_either_sign():
    """Whoever wants to may pay for being rid of energy, or ask to be paid for taking it."""
    strategy, context = adapted([lambda view: [view.sell(view.surplus_kwh, -0.02), view.buy(1.0, -0.000001)]])
    prices = strategy.decide(observed(context, [500], [2_500])).orders.price_ticks.tolist()
    assert prices == [-20_000, -1]


def test_orders_may_be_yielded():
    def decide(view):
        yield view.buy(view.demand_kwh, 0.25)

    strategy, context = adapted([decide])
    assert strategy.decide(observed(context, [500], [0])).orders.price_ticks.tolist() == [250_000]


def test_the_view_speaks_in_kwh_and_currency():
    seen_by_agent = {}

    def decide(view):
        names = ("slot", "day", "hour", "slot_hours", "retail", "feed_in", "last_price", "load_kwh", "pv_kwh")
        seen_by_agent.update({name: getattr(view, name) for name in (*names, "demand_kwh", "surplus_kwh")})
        seen_by_agent.update(fill=view.last_fill, refused=view.last_refused, voltage=view.voltage_pu)
        seen_by_agent.update(devices=view.devices, ev=view.ev, load=view.forecast("load_kw", 3).tolist())
        seen_by_agent["prices"] = [price.tolist() for price in view.prices(2)]

    strategy, context = adapted([decide])
    strategy.decide(observed(context, [500], [2_000], slot=30, last_price_ticks=110_000))
    assert (seen_by_agent["slot"], seen_by_agent["day"], seen_by_agent["hour"]) == (30, 1, 6.0)
    assert (seen_by_agent["retail"], seen_by_agent["feed_in"], seen_by_agent["last_price"]) == (0.30, 0.08, 0.11)
    assert (seen_by_agent["load_kwh"], seen_by_agent["pv_kwh"]) == (0.5, 2.0)
    assert (seen_by_agent["demand_kwh"], seen_by_agent["surplus_kwh"]) == (0.0, 1.5)
    assert (seen_by_agent["fill"], seen_by_agent["refused"]) == (0.0, 0.0)
    assert math.isnan(seen_by_agent["voltage"])
    assert seen_by_agent["load"] == [0.5] * 3
    assert seen_by_agent["prices"] == [[0.3, 0.3], [0.08, 0.08]]
    assert seen_by_agent["devices"] == ()
    assert seen_by_agent["ev"].lo_kwh == 0.0


def test_a_device_is_seen_with_its_range_and_plan():
    """2 kWh of surplus beside a heat pump: it heats from the surplus, and nothing is left to buy for it."""
    views = []
    strategy, context = adapted([lambda view: views.append(view.heat_pump)], HEATED)
    strategy.decide(observed(context, [500], [4_500], HEATED_RANGES))
    assert views[0][:5] == ("heat_pump", -2.0, -0.5, -0.5, 0.5)
    assert (views[0].planned_kwh, views[0].up_kwh, views[0].down_kwh) == (-2.0, 0.0, 0.0)


def test_other_devices_are_planned_around_a_dispatched_one():
    """A heat pump that stands still leaves the surplus to the battery; what it does is no longer offered."""
    positions = []

    def decide(view):
        view.dispatch("heat_pump", -0.5)
        positions.append((view.battery.planned_kwh, view.heat_pump.planned_kwh, view.surplus_kwh))

    strategy, context = adapted([decide], HEATED)
    decided = strategy.decide(observed(context, [500], [2_500], HEATED_RANGES))
    assert positions == [(-1.5, -0.5, 0.0)]
    assert decided.dispatch_wh[:, 0].tolist() == [-500, -1_500]
    assert 0 not in decided.orders.component.tolist()


def test_dispatch_is_held_to_what_the_device_can_do():
    strategy, context = adapted([lambda view: view.dispatch("heat_pump", -50.0)], HEATED)
    decided = strategy.decide(observed(context, [500], [0], HEATED_RANGES))
    assert decided.dispatch_wh[0, 0] == -2_000


def test_a_device_can_be_offered_at_an_own_price():
    strategy, context = adapted([lambda view: [view.buy(1.0, 0.12, device="heat_pump", fallback="keep")]], HEATED)
    orders = strategy.decide(observed(context, [500], [0], HEATED_RANGES)).orders
    assert [int(column[0]) for column in orders] == [0, Side.BUY, 120_000, 1_000, 0, Fallback.KEEP]


def test_fallbacks_differ_by_what_is_traded():
    """PV and firm energy fall back on the utility unless told otherwise; devices keep theirs."""
    orders = []

    def decide(view):
        orders.extend([view.sell(1, 0.1), view.buy(1, 0.1), view.sell(1, 0.1, "battery"), view.buy(1, 0.1, "battery")])
        orders.extend([view.sell(1, 0.1, fallback="keep"), view.buy(1, 0.1, "battery", "utility")])

    strategy, context = adapted([decide], HEATED)
    strategy.decide(observed(context, [500], [0], HEATED_RANGES))
    utility, keep = Fallback.UTILITY, Fallback.KEEP
    assert [order.fallback for order in orders] == [utility, utility, keep, keep, keep, utility]


def test_random_numbers_depend_on_agent_and_slot_alone():
    drawn = []
    strategy, context = adapted([lambda view: drawn.append(view.rng.random())] * 2)
    for slot in (3, 4, 3):
        strategy.decide(observed(context, [500, 500], [0, 0], slot=slot))
    assert drawn[:2] == drawn[4:]
    assert len(set(drawn)) == 4


def test_random_numbers_go_on_within_a_slot():
    drawn = []
    strategy, context = adapted([lambda view: drawn.extend((view.rng.random(), view.rng.random()))])
    strategy.decide(observed(context, [500], [0]))
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (lambda view: [view.buy(math.nan, 0.2)], "ValueError: energy_kwh has to be a number from 0 to 1e.09, not nan"),
        (lambda view: [view.buy(1.0, math.nan)], "ValueError: price has to be a number from -1e.06 to 1e.06, not nan"),
        (lambda view: [view.sell(-1.0, 0.2)], "ValueError: energy_kwh has to be .*, not -1.0"),
        (lambda view: [view.sell(1.0, -2e6)], "ValueError: price has to be .*, not -2000000.0"),
        (lambda view: [view.buy(math.inf, 0.2)], "not inf"),
        (lambda view: [view.buy(1.0, 0.2, device="sauna")], "no device 'sauna' in this simulation; there are: none"),
        (lambda view: view.dispatch("sauna", 1.0), "no device 'sauna'"),
        (lambda view: [view.buy(1.0, 0.2, fallback="never")], "fallback is 'utility' or 'keep', not 'never'"),
        (lambda view: [view.buy("much", 0.2)], "could not convert string to float: 'much'"),
        (lambda view: view.buy(1.0, 0.2), r"TypeError: decide returns a list of orders, not an order"),
        (lambda view: [(1, 0.2)], r"TypeError: decide returns orders .*, not \(1, 0.2\)"),
        (lambda view: 7, "TypeError: 'int' object is not iterable"),
        (lambda view: 1 / 0, "ZeroDivisionError: division by zero"),
    ],
)
def test_what_is_malformed_stops_the_run_and_names_the_agent(script, message):
    """The error names agent, kind, class, slot and time, and carries the cause."""
    strategy, context = adapted([default, script])
    with pytest.raises(
        RunError, match=rf"agent 'a1' of kind 'scripted' \(.*Scripts\) failed in slot 5 .*{message}"
    ) as caught:
        strategy.decide(observed(context, [500, 500], [0, 0], slot=5))
    assert "2016-07-12 05:00" in str(caught.value)
    assert isinstance(caught.value.__cause__, Exception)


def test_agents_have_to_be_bound():
    context = strategy_context([{}])
    strategy = simple_strategy(truthful.build(TruthfulParams(), context), "truthful")
    with pytest.raises(RunError, match="1 agents decide for themselves, but 0 are bound"):
        strategy.decide(observed(context, [500], [0]))


def test_a_strategy_without_a_plan_is_no_default():
    with pytest.raises(PluginError, match="'mine' has none: choose one of the built-in strategies"):
        simple_strategy(Scripted(lambda seen: plain_decisions(1, [])), "mine")


def test_only_orders_of_the_strategy_are_revised():
    """Orders of an agent's own keep their price from round to round; those of the strategy are drawn anew."""
    script = [lambda view: [view.buy(view.demand_kwh, 0.25)], default]
    strategy, context = adapted(script, build=zero_intelligence.build, params=ZeroIntelligenceParams())
    assert isinstance(strategy, RevisingSimpleStrategy)
    seen = observed(context, [500, 700], [0, 0])
    orders = strategy.decide(seen).orders
    quotes = quotes_of(context, orders, np.argsort(orders.agent, kind="stable"))
    revised = strategy.revise(seen, quotes)
    assert revised[0] == 250_000
    assert revised[1] != quotes.price_ticks[1]


def test_what_does_not_revise_stays_so():
    strategy, _ = adapted([default])
    assert type(strategy) is SimpleStrategy


class Frugal(Prosumer):
    """Heats ahead while the sun shines, asks half-way between the tariffs."""

    def decide(self, view):
        if 10 <= view.hour < 14 and view.heat_pump.level < 1:
            view.dispatch("heat_pump", view.heat_pump.lo_kwh)
        if view.surplus_kwh > 0:
            return [view.sell(view.surplus_kwh, (view.retail + view.feed_in) / 2)]
        return None


def test_a_custom_agent_trades_in_a_simulation():
    """Bound by the model, a custom prosumer sells to an ordinary consumer at its own price."""
    context = strategy_context([{}, {}], slot_minutes=60)
    agents = (replace(context.agents[0], kind="frugal"), replace(context.agents[1], kind="consumer"))
    rows = [np.array([0]), np.array([1])]
    custom, plain = (truthful.build(TruthfulParams(), replace(context, rows=own)) for own in rows)
    cast = [Role(simple_strategy(custom, "truthful"), rows[0]), Role(plain, rows[1])]
    world = plain_world(community(2), ConstantProfiles([1.0, 1.0], [3.0, 0.0]), cast)
    assert decides(Frugal)
    with MarketModel(Simulation(world), agents, {"frugal": Frugal, "consumer": Consumer}) as model:
        records = list(model.run())
        assert model.members[0].sold_kwh == 1.0
        prices = {int(price) for record in records for price in record.trades.price_ticks}
        assert prices <= {190_000, 300_000}
        assert 190_000 in prices


class TestContractOverZip(StrategyContract):
    """Agents that leave everything alone keep the contract of every strategy."""

    params = ZipParams()

    @staticmethod
    def build(params, context):
        strategy = simple_strategy(zip_plus.build(params, context), "zip")
        strategy.bind([Scripts(f"a{row}", default) for row in context.rows])
        return strategy

    def test_sees_what_it_says(self):
        """An agent may look at whatever its view shows."""
        _, strategy = self._built()
        assert {"keys", "forecast", "voltage_pu"} <= set(strategy.sees)
