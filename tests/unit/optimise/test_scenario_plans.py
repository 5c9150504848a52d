"""One plan for several days that may come: the first decision is common, and nothing that is common is better."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog, minimize_scalar

from marketsim.core.programme import BlockBuilder, StoreRatings, put_stores
from marketsim.devices import battery, ev, heat_pump, shiftable_load
from marketsim.devices.params import BatteryParams, EvParams, HeatPumpParams, ShiftableLoadParams
from marketsim.optimise.day import Ends, MeteredDay
from marketsim.optimise.pool import Aims, plan_day
from marketsim.optimise.scenarios import DayScenario, Risk, plan_scenarios
from tests.unit.optimise.test_day import community, priced

FLEETS = (
    (battery.build, BatteryParams(energy_kwh=8, power_kw=4)),
    (ev.build, EvParams(power_kw=7)),
    (heat_pump.build, HeatPumpParams(power_kw=3, buffer_kwh=12)),
    (shiftable_load.build, ShiftableLoadParams(share=0.2)),
)
NIGHT, DAY, FEED_IN, MOST = 0.2, 0.5, 0.05, 8.0


def store(slots, capacity=10.0, power=MOST, efficiency=1.0):
    """A block with one store, empty at the start."""
    block, one = BlockBuilder(slots, 1), np.ones(1)
    ratings = StoreRatings(capacity * one, power * one, efficiency * one, efficiency * one, 0.0 * one)
    put_stores(block, np.zeros(1, dtype=np.int64), slots, ratings, np.zeros(1))
    return block.done()


def night_before(need, retail=(NIGHT, DAY), **ratings):
    """Cheap power first, a need afterwards that is not known yet."""
    needs = np.array([[0.0], [need]])
    prices = np.array(retail)[:, None]
    day = MeteredDay(needs, np.zeros((2, 1)), prices, np.full((2, 1), FEED_IN), 1.0, np.zeros(1, dtype=np.int64))
    return DayScenario([store(2, **ratings)], day)


def charged(plan):
    """What the store draws in the first slot [kWh]."""
    return -float(plan.net_kwh[0, 0, 0])


def test_a_store_is_filled_as_a_newsvendor_buys():
    """A kWh stored costs 0.20 at night, saves 0.50 where it is needed and earns 0.05 where it is not: it is worth storing as long as the
    need exceeds it with a probability above (0.20 - 0.05) / (0.50 - 0.05) = 1/3. By hand: needs 2 or 6 kWh, as likely. Each kWh up to 6 is
    needed with 1/2, so 6 are stored: cost 6 x 0.20 - (0 + 4) x 0.05 / 2 = 1.10. The mean plan stores 4: 0.80 now, then 2 x 0.50 or
    -2 x 0.05, 1.25 in the mean."""
    few, many = night_before(2.0), night_before(6.0)
    plan = plan_scenarios([few, many], 1, Ends(), Aims("cost"))
    assert charged(plan) == pytest.approx(6.0)
    assert plan.cost == pytest.approx(6 * NIGHT - 0.5 * 4 * FEED_IN)
    mean = plan_day(*night_before(4.0), Ends(), Aims("cost"))
    assert charged(mean) == pytest.approx(4.0)
    cost_of_mean = 4 * NIGHT + 0.5 * (2 * DAY - 2 * FEED_IN)
    assert plan.cost == pytest.approx(1.10)
    assert cost_of_mean == pytest.approx(1.25)


def test_with_four_needs_it_stores_up_to_the_quantile():
    """Needs 1, 3, 5, 7 as likely: P(need > q) >= 1/3 holds up to q = 5 (1/2 below 5, 1/4 above)."""
    plan = plan_scenarios([night_before(need) for need in (1.0, 3.0, 5.0, 7.0)], 1, Ends(), Aims("cost"))
    assert charged(plan) == pytest.approx(5.0)


def test_with_the_dearest_scenarios_alone_it_stores_for_them():
    """At a price at which the mean is against it: 0.40 at night is worth it above a probability of 7/9; the dearest half always needs 6."""
    days = [night_before(need, (0.4, DAY)) for need in (2.0, 6.0)]
    assert charged(plan_scenarios(days, 1, Ends(), Aims("cost"))) == pytest.approx(2.0)
    assert charged(plan_scenarios(days, 1, Ends(), Aims("cost"), Risk(1.0, 0.5))) == pytest.approx(6.0)
    whole = plan_scenarios(days, 1, Ends(), Aims("cost"), Risk(1.0, 1.0))
    assert charged(whole) == pytest.approx(2.0)  # the dearest of all is the mean


@pytest.mark.parametrize("risk", [Risk(), Risk(0.3, 0.4), Risk(1.0, 0.25)])
@pytest.mark.parametrize("seed", range(4))
def test_no_other_first_decision_is_better(seed, risk):
    """Oracle: recourse solved for each scenario alone by linprog, CVaR by sorting, the first decision by search in one dimension."""
    rng = np.random.default_rng(seed)
    needs, retail = rng.uniform(0.0, 8.0, (5, 3)), (0.25, *rng.uniform(0.2, 0.5, 2), 0.3)
    efficiency = 0.9

    def of(need):
        needed = np.array([[1.0], *([each] for each in need)])
        day = MeteredDay(
            needed, np.zeros((4, 1)), np.array(retail)[:, None], np.full((4, 1), FEED_IN), 1.0, np.zeros(1, dtype=int)
        )
        return DayScenario([store(4, 10.0, 6.0, efficiency)], day)

    def recourse(first, need):
        """Columns c, d, s, import, export of three slots; the store begins with what was charged."""
        eye, none = np.eye(3), np.zeros((3, 3))
        later = eye - np.eye(3, k=-1)
        equal = np.block([
            [-efficiency * eye, eye / efficiency, later, none, none],
            [-eye, eye, none, eye, -eye],
        ])  # fmt: skip
        right = np.concatenate(([efficiency * first, 0.0, 0.0], need))
        cost = np.concatenate((np.zeros(9), retail[1:], np.full(3, -FEED_IN)))
        bounds = [(0, 6)] * 6 + [(0, 10)] * 3 + [(0, None)] * 6
        return linprog(cost, A_eq=equal, b_eq=right, bounds=bounds).fun + (1.0 + first) * retail[0]

    def worth(first):
        costs = np.sort([recourse(first, need) for need in needs])[::-1]
        share = np.clip(risk.tail * len(costs) - np.arange(len(costs)), 0.0, 1.0)
        return (1 - risk.weight) * costs.mean() + risk.weight * (share @ costs) / (risk.tail * len(costs))

    found = minimize_scalar(worth, bounds=(0.0, 6.0), method="bounded", options={"xatol": 1e-7})
    best = min(float(found.fun), worth(0.0), worth(6.0))
    plan = plan_scenarios([of(need) for need in needs], 1, Ends(), Aims("cost"), risk)
    assert worth(charged(plan)) == pytest.approx(best, abs=1e-6)


@pytest.mark.parametrize("aims", [Aims("cost"), Aims("cost", peak_price=0.4), Aims("peak"), Aims("peak_then_cost")])
@pytest.mark.parametrize("risk", [Risk(), Risk(0.5, 0.5)])
def test_of_equal_days_it_is_the_plan_of_that_day(aims, risk):
    """Cost and peak to 1e-6, whatever the aim, the number of common slots and the weight of the dearest."""
    blocks, day = community(5, FLEETS)
    day = priced(day, np.where(np.arange(24)[:, None] < 7, 0.2, 0.35))
    one = plan_day(blocks, day, Ends(-1), aims)
    for common in (1, 6):
        plan = plan_scenarios([DayScenario(blocks, day)] * 3, common, Ends(-1), aims, risk)
        assert plan.peak_kw == pytest.approx(one.peak_kw, abs=1e-5) or aims == Aims("cost")
        assert plan.cost == pytest.approx(one.cost, abs=1e-5) or aims.objective == "peak"
        if aims == Aims("cost", peak_price=0.4):
            assert plan.cost == pytest.approx(one.cost, abs=1e-6)


def differing(seed, n=4):
    """Scenarios of one community that begin alike."""
    blocks, day = community(seed, FLEETS)
    day = priced(day, np.where(np.arange(24)[:, None] < 7, 0.2, 0.35))
    rng = np.random.default_rng(seed)
    factors = np.concatenate((np.ones((n, 3)), rng.uniform(0.3, 2.0, (n, 21))), axis=1)
    return [DayScenario(blocks, day._replace(need_kwh=day.need_kwh * factor[:, None])) for factor in factors]


@pytest.mark.parametrize("common", [1, 3])
def test_the_first_slots_are_common_and_the_later_ones_are_not(common, monkeypatch):
    """By the plans of the single scenarios, as they are averaged."""
    from marketsim.optimise import scenarios as module

    kept = []
    told = module.told_plan
    monkeypatch.setattr(module, "told_plan", lambda *given: kept.append(told(*given)) or kept[-1])
    plan = plan_scenarios(differing(2), common, Ends(-1), Aims("cost", peak_price=0.3))
    nets = np.array([each.net_kwh for each in kept])
    assert np.abs(nets[:, :, :common] - nets[0][:, :common]).max() < 1e-7
    assert np.abs(nets[:, :, common:] - nets[0][:, common:]).max() > 0.1
    assert plan.net_kwh == pytest.approx(nets.mean(axis=0))


def test_it_is_no_worse_than_any_first_decision_of_one_day_and_no_better_than_knowing():
    """The mean of the costs of those who know (wait and see) is a bound; so is every fixed first decision, from above."""
    days = differing(3)
    aims = Aims("cost", peak_price=0.3)
    alone = [plan_day(*each, Ends(-1), aims) for each in days]
    knowing = np.mean([each.cost for each in alone])
    plan = plan_scenarios(days, 1, Ends(-1), aims)
    assert plan.cost >= knowing - 1e-9
    for first in alone:
        held = [
            DayScenario([_held(b, n[0]) for b, n in zip(each.blocks, first.net_kwh, strict=True)], each.day)
            for each in days
        ]
        assert plan.cost <= np.mean([plan_day(*each, Ends(-1), aims).cost for each in held]) + 1e-6


def _held(block, net):
    """The block with the net energy of its first slot as given [k], to what rounding leaves."""
    meter, k = block.meter, len(net)
    now = meter.slot == 0
    rows = np.unique(meter.agent[now])
    lower = np.concatenate((block.row_lower, net[rows] - block.fixed_kwh[0, rows] - 1e-9))
    upper = np.concatenate((block.row_upper, net[rows] - block.fixed_kwh[0, rows] + 1e-9))
    place = np.full(k, -1)
    place[rows] = len(block.row_lower) + np.arange(len(rows))
    entries = block.entries
    return block._replace(
        row_lower=lower,
        row_upper=upper,
        entries=entries._replace(
            row=np.concatenate((entries.row, place[meter.agent[now]])),
            column=np.concatenate((entries.column, meter.column[now])),
            value=np.concatenate((entries.value, meter.value[now])),
        ),
    )


def test_scenarios_that_do_not_fit_together_are_refused():
    """None at all, and of different lengths."""
    one = night_before(1.0)
    longer = DayScenario([store(3)], one.day._replace(need_kwh=np.zeros((3, 1))))
    for given in ([], [one, longer]):
        with pytest.raises(ValueError, match="at least one, all over the same slots, meters and agents"):
            plan_scenarios(given, 1, Ends(), Aims("cost"))


def test_prices_tell_what_a_kwh_is_worth_in_the_mean():
    """Of the first slot the night price; with a weight on the dearest nothing is said."""
    days = [night_before(2.0), night_before(6.0)]
    assert plan_scenarios(days, 1, Ends(), Aims("cost")).price[0, 0] == pytest.approx(NIGHT)
    assert np.isnan(plan_scenarios(days, 1, Ends(), Aims("cost"), Risk(0.5)).price).all()
