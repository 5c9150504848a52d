"""Reviewed experts against a programme written otherwise, and what a plan costs against sums by hand."""

import numpy as np
import pytest

from marketsim.experts.case import DayCase, random_cases
from marketsim.experts.judging import JudgedDay, broken_limits, cost_of, scale_of
from marketsim.experts.library.compose import code_of, devices_of
from marketsim.experts.model import BatteryModel, CurtailableModel, GeneratorModel, ProsumerModel
from marketsim.experts.preferences import Preference
from marketsim.experts.sandbox.client import CodeMember

DEVICES = {
    "pv_kw": 60.0,
    "battery": BatteryModel(energy_kwh=80, power_kw=30, efficiency=0.9, min_soc=0.2, max_soc=0.8, wear_per_kwh=0.02),
    "generator": GeneratorModel(max_kw=40, min_kw=5, ramp_kw_per_h=30, cost_per_kwh=0.15, quadratic_cost=1e-3),
    "curtailable": CurtailableModel(share=0.3, cost_per_kwh=0.25),
}
SETS = [{key: DEVICES[key] for place, key in enumerate(DEVICES) if chosen >> place & 1} for chosen in range(16)]
EVENING = Preference("stored_kwh", 40.0, 18.0, 24.0)
QUIET = Preference("generator_kw", 10.0, 22.0, 6.0)
SHY = Preference("export_kw", 5.0)
WHOLE = Preference("curtailed_kw", 0.0)
THRIFTY = Preference("import_kw", 20.0)


def reference(model, case, preferences=()):
    """The optimum by cumulative sums over net powers, the way in which the library is not written."""
    cp = pytest.importorskip("cvxpy")
    n, h = len(case.load_kw), case.slot_hours
    zero = np.zeros(n)
    grid, cost, limits = cp.Variable(n), 0, []
    gen = chg = dis = cut = cp.Constant(zero)
    sun = cp.Variable(n)
    limits += [sun >= 0, sun <= case.pv_available_kw]
    stored = None
    if model.generator is not None:
        own, gen = model.generator, cp.Variable(n)
        steps = gen - cp.hstack([[case.generator_kw], gen[:-1]])
        limits += [gen >= own.min_kw, gen <= own.max_kw, cp.norm_inf(steps) <= own.ramp_kw_per_h * h]
        cost += h * (own.quadratic_cost * cp.sum_squares(gen) + own.cost_per_kwh * cp.sum(gen))
    if model.battery is not None:
        own, chg, dis = model.battery, cp.Variable(n), cp.Variable(n)
        stored = case.stored_kwh + h * cp.cumsum(own.efficiency * chg - dis / own.efficiency_out)
        limits += [chg >= 0, dis >= 0, chg <= own.power_kw, dis <= own.power_kw]
        limits += [stored >= own.min_soc * own.energy_kwh, stored <= own.max_soc * own.energy_kwh]
        missing = model.terminal.soc * own.energy_kwh - stored[-1]
        short, spare = (
            model.terminal.missing_per_kwh / own.efficiency,
            model.terminal.spare_per_kwh * own.efficiency_out,
        )
        cost += spare * missing + (short - spare) * cp.pos(missing) + own.wear_per_kwh * h * cp.sum(chg + dis)
    if model.curtailable is not None:
        own, cut = model.curtailable, cp.Variable(n)
        limits += [cut >= 0, cut <= own.share * case.load_kw]
        cost += own.cost_per_kwh * h * cp.sum(cut)
    limits.append(grid == case.load_kw - gen - dis + chg - cut - sun)
    middle, half = (case.buy_price + case.sell_price) / 2, (case.buy_price - case.sell_price) / 2
    cost += h * (middle @ grid + half @ cp.abs(grid))
    for wish in preferences:
        opens = None if stored is None else cp.hstack([[case.stored_kwh], stored[:-1]])
        missed = {
            "stored_kwh": None if opens is None else wish.limit - opens,
            "generator_kw": gen - wish.limit,
            "curtailed_kw": cut - wish.limit,
            "import_kw": grid - wish.limit,
            "export_kw": -grid - wish.limit,
        }[wish.quantity]
        cost += wish.weight * h * cp.sum(cp.multiply(wish.holds_at(case.hour), cp.pos(missed)))
    problem = cp.Problem(cp.Minimize(cost), limits)
    problem.solve(solver=cp.CLARABEL)
    assert problem.status == "optimal"
    return problem.value


def planned(sandbox, model, case, preferences=()):
    ended = sandbox.solve([CodeMember(code_of(model, preferences), case.state())])
    assert ended.value is not None, ended.told
    return JudgedDay.of(ended.value["members"][0]), ended.value["objective"]


@pytest.mark.parametrize("devices", SETS, ids=lambda own: ",".join(own) or "load")
def test_a_reviewed_expert_is_as_good_as_the_reference(sandbox, devices):
    """Each set of devices, on random cases: limits kept, cost within a thousandth of what could move."""
    model = ProsumerModel(load_peak_kw=50, **devices)
    for case in random_cases(model, 7, 3):
        plan, objective = planned(sandbox, model, case)
        best, scale = reference(model, case), scale_of(model, case)
        assert broken_limits(model, case, plan) == []
        assert cost_of(model, case, plan) == pytest.approx(best, abs=1e-3 * scale)
        assert cost_of(model, case, plan) >= best - 1e-4 * scale
        assert objective == pytest.approx(best, abs=5e-3 * scale)


@pytest.mark.parametrize("wish", [EVENING, QUIET, SHY, WHOLE, THRIFTY], ids=lambda wish: wish.quantity)
def test_a_wish_is_weighed_as_it_says(sandbox, wish):
    """With the reference's optimum, missed wishes included."""
    model = ProsumerModel(load_peak_kw=50, **DEVICES)
    for case in random_cases(model, 11, 3):
        plan, _ = planned(sandbox, model, case, [wish])
        best, scale = reference(model, case, [wish]), scale_of(model, case)
        assert cost_of(model, case, plan, [wish]) == pytest.approx(best, rel=1e-3, abs=2e-3 * scale)


@pytest.mark.parametrize("wish", [EVENING, QUIET, WHOLE], ids=lambda wish: wish.quantity)
def test_a_wish_about_a_device_that_is_not_there_is_refused(wish):
    with pytest.raises(ValueError, match=rf"a wish about {wish.quantity}, and there is no"):
        code_of(ProsumerModel(load_peak_kw=1), [wish])


def test_hours_of_a_wish_may_go_over_midnight():
    hours = np.arange(24.0)
    assert QUIET.holds_at(hours).tolist() == [float(hour >= 22 or hour < 6) for hour in hours]
    assert EVENING.holds_at(hours).sum() == 6
    assert SHY.holds_at(hours).all()
    assert Preference("export_kw", 1.0, 0.0, 0.0).holds_at(hours).all()


def test_devices_are_named_in_the_order_of_the_code():
    model = ProsumerModel(load_peak_kw=50, **DEVICES)
    assert devices_of(model) == ("pv", "generator", "battery", "curtailable")
    assert devices_of(ProsumerModel(load_peak_kw=1)) == ()


BY_HAND = DayCase(
    slot_hours=0.5,
    hour=np.array([22.0, 23.0]),
    buy_price=np.array([0.4, 0.2]),
    sell_price=np.array([0.1, 0.1]),
    load_kw=np.array([10.0, 10.0]),
    pv_available_kw=np.array([20.0, 0.0]),
    stored_kwh=40.0,
    generator_kw=5.0,
)
PLAN = JudgedDay(
    generator_kw=np.array([5.0, 6.0]),
    battery_kw=np.array([-10.0, 9.0]),
    curtailed_kw=np.array([0.0, 2.0]),
    pv_kw=np.array([20.0, 0.0]),
    p2p_kw=np.array([0.0, 0.0]),
)


def test_a_plan_costs_what_is_worked_out_by_hand():
    """Grid -5 and -7 kW, both sold; generator 5 and 6 kW; battery 10 and 9 kW; 2 kW curtailed; stored 40 + 4.5 - 5 = 39.5 of 40."""
    model = ProsumerModel(load_peak_kw=10, **DEVICES)
    energy = 0.5 * (-0.1 * 5 - 0.1 * 7)
    generation = 0.5 * (1e-3 * (25 + 36) + 0.15 * 11)
    storing = 0.02 * 0.5 * 19 + 0.5 * 0.2 / 0.9
    assert cost_of(model, BY_HAND, PLAN) == pytest.approx(energy + generation + storing + 0.5 * 0.25 * 2)
    assert PLAN.stored_kwh(DEVICES["battery"], BY_HAND).tolist() == pytest.approx([40.0, 44.5, 39.5])
    assert PLAN.grid_kw(BY_HAND).tolist() == [-5.0, -7.0]


def test_a_missed_wish_costs_its_weight_a_kwh():
    """Export 5 and 7 kW where 6 are wanted, in the second of two slots of half an hour."""
    model = ProsumerModel(load_peak_kw=10, **DEVICES)
    more = cost_of(model, BY_HAND, PLAN, [Preference("export_kw", 6.0)]) - cost_of(model, BY_HAND, PLAN)
    assert more == pytest.approx(1000.0 * 0.5 * 1.0)


BROKEN = {
    "generator_kw of slot 1 is 60, outside 5 to 40": {"generator_kw": [5.0, 60.0]},
    "the generator's ramp of slot 1 is 20, outside -15 to 15": {"generator_kw": [5.0, 25.0]},
    "the generator's ramp of slot 0 is 20, outside -15 to 15": {"generator_kw": [25.0, 25.0]},
    "battery_kw of slot 0 is -31, outside -30 to 30": {"battery_kw": [-31.0, 0.0]},
    "the stored energy of slot 1 is 67, outside 16 to 64": {"battery_kw": [-30.0, -30.0]},
    "curtailed_kw of slot 0 is 4, outside 0 to 3": {"curtailed_kw": [4.0, 0.0]},
    "pv_kw of slot 1 is 1, outside 0 to 0": {"pv_kw": [0.0, 1.0]},
}


@pytest.mark.parametrize("told", BROKEN)
def test_a_broken_limit_is_told_with_its_slot(told):
    model = ProsumerModel(load_peak_kw=10, **DEVICES)
    changed = PLAN._replace(**{name: np.array(values) for name, values in BROKEN[told].items()})
    assert broken_limits(model, BY_HAND, PLAN) == []
    assert told in broken_limits(model, BY_HAND, changed)


def test_what_is_not_there_gives_nothing():
    """A plan that uses devices of others is no plan."""
    told = broken_limits(ProsumerModel(load_peak_kw=10), BY_HAND._replace(pv_available_kw=np.zeros(2)), PLAN)
    assert len(told) == 4


def test_the_same_seed_gives_the_same_cases():
    model = ProsumerModel(load_peak_kw=10, **DEVICES)
    one, same, other = (random_cases(model, seed, 4) for seed in (3, 3, 4))
    assert [each.state() for each in one] == [each.state() for each in same]
    assert [each.state() for each in one] != [each.state() for each in other]
    for case in one:
        assert 4 <= len(case.load_kw) <= 12
        assert (case.sell_price <= case.buy_price).all()
        assert case.hour[-1] + case.slot_hours == pytest.approx(24.0)
