"""The joint expert: its plans keep voltages by AC power flow, on any feeder, and cost what was found for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import pytest

from marketsim.app.planned_days import PlannedDays, nowcast, planned_days
from marketsim.app.ready import load_scenario
from marketsim.core.expert import ExpertView, injections, net_kw
from marketsim.core.setpoints import Setpoints
from marketsim.experts.columns import costs, prosumers
from marketsim.experts.context import ExpertContext
from marketsim.experts.individual import IndividualExpert
from marketsim.experts.joint import JointExpert
from marketsim.experts.model import TerminalModel
from marketsim.experts.params import JointParams, RuleParams
from marketsim.experts.rules import RuleExpert
from marketsim.grid.flow.power_flow_check import Validator
from marketsim.grid.net import feeders
from marketsim.grid.net.feeder import FeederOptions

pytest.importorskip("clarabel", reason="experts need clarabel: pip install 'marketsim[experts]'")
STRESSED = (date(2016, 5, 28), date(2016, 1, 26), date(2016, 7, 27))
"""Overvoltage at noon, undervoltage in the evening, and both small."""


@pytest.fixture(scope="module")
def days(p2p141: Callable[..., dict[str, Any]]) -> PlannedDays:
    return planned_days(load_scenario(p2p141()))


@pytest.fixture(scope="module")
def context(days: PlannedDays) -> ExpertContext:
    return days.expert_context(0.95, TerminalModel())


@pytest.fixture(scope="module")
def joint(context: ExpertContext) -> JointExpert:
    return JointExpert(context, JointParams())


@pytest.fixture(scope="module")
def view_of(days: PlannedDays) -> Callable[[date], ExpertView]:
    return cache(lambda when: days.day((when - days.context.clock.start).days))


def idle(view: ExpertView) -> Setpoints:
    none = np.zeros_like(view.load_kw)
    return Setpoints(none, none, none, view.pv_available_kw, none)


def voltages(context: ExpertContext, view: ExpertView, points: Setpoints) -> np.ndarray:
    """By power-grid-model, which shares no code with the sweep that the expert asks."""
    assert context.grid is not None
    at = injections(view, context.grid.nodes, points)
    network = feeders.load("feeder141", None, FeederOptions(1.0, (0.95, 1.05))).network
    return Validator(network).solve(at.kw, at.kvar).v_pu[:, 1:]


def outside(v: np.ndarray) -> int:
    return int(np.count_nonzero((v > 1.05 + 1e-9) | (v < 0.95 - 1e-9)))


def total(context: ExpertContext, view: ExpertView, points: Setpoints) -> float:
    own = prosumers(context.models)
    return costs(own, view, points, net_kw(view.load_kw, points).sum(axis=1, keepdims=True)).total


@pytest.mark.parametrize("when", STRESSED, ids=str)
def test_a_joint_plan_is_feasible_by_ac_power_flow(
    when: date, joint: JointExpert, context: ExpertContext, view_of: Callable[[date], ExpertView]
) -> None:
    """No bus-slot is outside by an independent power flow, after at most six programmes, where idling leaves many outside."""
    view = view_of(when)
    assert outside(voltages(context, view, idle(view))) > 20
    plan = joint.solve(view)
    assert outside(voltages(context, view, plan.setpoints)) == plan.outside == 0
    assert 2 <= plan.solves <= 6
    assert plan.status == "solved"


def test_voltage_safety_costs_little_and_planning_saves_much(
    joint: JointExpert, context: ExpertContext, view_of: Callable[[date], ExpertView]
) -> None:
    """Joint below individual below idle; on the worst days of a year voltages cost less than a twelfth of what planning saves."""
    unsafe = JointExpert(ExpertContext(context.names, context.models, 0.25, 96), JointParams())
    alone, found = IndividualExpert(context), []
    for when in STRESSED:
        view = view_of(when)
        plans = [idle(view), *(expert.plan(view) for expert in (alone, joint, unsafe))]
        found.append([total(context, view, points) for points in plans])
    idling, individual, safe, free = np.sum(found, axis=0)
    assert free <= safe < individual < idling
    assert safe - free < 0.08 * (idling - free)


@pytest.mark.full
def test_a_weak_weight_leaves_voltages_outside_and_says_so(
    context: ExpertContext, view_of: Callable[[date], ExpertView]
) -> None:
    """Curtailing costs more than a small weight gives: the plan says how many bus-slots it leaves."""
    view = view_of(STRESSED[0])
    plan = JointExpert(context, JointParams(voltage_weight=1.0)).solve(view)
    assert plan.outside == outside(voltages(context, view, plan.setpoints)) > 0
    assert plan.status == f"{plan.outside} bus-slots outside the voltage band"


def test_a_plan_of_what_is_left_of_the_day_keeps_voltages_too(
    joint: JointExpert, context: ExpertContext, view_of: Callable[[date], ExpertView]
) -> None:
    """Shrinking horizon: the afternoon from the state in which the morning's plan leaves it costs no more than that plan's."""
    whole, cut = view_of(STRESSED[0]), 48
    plan = joint.solve(whole)
    assert whole.background is not None
    rest = ExpertView(
        cut, 0.25, whole.buy[cut:], whole.sell[cut:], whole.load_kw[cut:], whole.pv_available_kw[cut:],
        plan.stored_kwh[cut], plan.setpoints.generator_kw[cut - 1],
        whole.background._replace(kw=whole.background.kw[cut:], kvar=whole.background.kvar[cut:]),
    )  # fmt: skip
    later = joint.solve(rest)
    kept = Setpoints(*(each[cut:] for each in plan.setpoints))
    assert outside(voltages(context, rest, later.setpoints)) == 0
    assert total(context, rest, later.setpoints) == pytest.approx(total(context, rest, kept), rel=2e-3, abs=1.0)


def test_rules_with_a_curve_have_fewer_voltages_outside_than_without(
    context: ExpertContext, view_of: Callable[[date], ExpertView]
) -> None:
    """At equal set-points of active power; and rules cost less than idling."""
    plain, curved = (RuleExpert(RuleParams(volt_var=on), context) for on in (False, True))
    idling, cost, without, with_curve = 0.0, 0.0, 0, 0
    for when in STRESSED:
        view = view_of(when)
        one, other = plain.plan(view), curved.plan(view)
        np.testing.assert_array_equal(one.battery_kw, other.battery_kw)
        without += outside(voltages(context, view, one))
        with_curve += outside(voltages(context, view, other))
        cost += total(context, view, one)
        idling += total(context, view, idle(view))
    assert with_curve < 0.6 * without
    assert cost < idling


@pytest.mark.parametrize(
    "feeder", ["pandapower:create_kerber_dorfnetz", "pandapower:mv_oberrhein"], ids=["radial", "meshed"]
)
def test_experts_run_on_other_feeders(feeder: str) -> None:
    """Households on a low-voltage net and plants on a meshed one; what is outside without a plan is inside with one."""
    scale = 1.0 if "kerber" in feeder else 40.0
    scenario = {
        "name": "other",
        "clock": {"start": "2016-06-05", "slots": 24, "slot_minutes": 60},
        "grid": {"feeder": feeder, "gate": "observe"},
        "tariff": {"flat": {"retail": 0.3, "feed_in": 0.08}},
        "agents": [
            {
                "kind": "prosumer",
                "count": 12,
                "buses": "loads",
                "load": {"peak_kw": 3 * scale},
                "pv_kw": 30 * scale,
                "battery": {"energy_kwh": 20 * scale, "power_kw": 8 * scale},
                "strategy": "utility_only",
            }
        ],
    }
    days = planned_days(load_scenario(scenario))
    context, view = days.expert_context(0.95, TerminalModel()), days.day(0)
    plan = JointExpert(context, JointParams()).solve(view)
    assert context.grid is not None
    at = injections(view, context.grid.nodes, plan.setpoints)
    v = context.grid.voltages(at.kw, at.kvar)
    assert ((v <= context.grid.v_max_pu + 1e-9) & (v >= context.grid.v_min_pu - 1e-9)).all()
    assert plan.outside == 0


def test_a_forecast_begins_with_what_is_metered_and_fades_to_what_was_expected() -> None:
    """Twice the expected PV now: twice now, one and a half after 1.5 h, as expected from 3 h on; nothing is scaled from zero."""
    expected = np.tile([10.0, 0.0, 8.0], (16, 1))
    found = nowcast(expected, np.array([20.0, 3.0, 0.0]), 0.25)
    np.testing.assert_allclose(found[0], [20.0, 3.0, 0.0])
    np.testing.assert_allclose(found[6], [15.0, 0.0, 5.0])
    np.testing.assert_allclose(found[12:], expected[12:])


def test_a_sunnier_day_than_was_expected_is_expected_to_go_on_so(p2p141: Callable[..., dict[str, Any]]) -> None:
    """What was metered against the forecast of the slot before scales the hours to come, which a forecast of now cannot tell."""
    days = planned_days(load_scenario(p2p141()))
    clock, when = days.context.clock, 48
    opened = clock.at((date(2016, 7, 27) - clock.start).days * clock.slots_per_day + when)
    foreseen, actual = (
        days.rest(opened, 0, days.stored_kwh(), days.generator_kw(), foreseen=each) for each in (True, False)
    )
    expected = days.profiles.forecast(clock.at(opened.slot - 1), days.rows).series("pv_kw", 14)[1:]
    factor = actual.pv_available_kw[0] / expected[0]
    assert (np.abs(factor - 1.0) > 0.1).any()
    np.testing.assert_allclose(foreseen.pv_available_kw[0], actual.pv_available_kw[0])
    half_faded = expected[6] * (1.0 + 0.5 * (np.clip(factor, 0.25, 4.0) - 1.0))
    kept = half_faded < np.array(
        [min(1.1 * days.ready.agents[row].pv_kw, days.ready.agents[row].pv_kw * 1.62) for row in days.rows]
    )
    np.testing.assert_allclose(foreseen.pv_available_kw[6][kept], half_faded[kept], rtol=1e-9)
    np.testing.assert_allclose(foreseen.pv_available_kw[12], expected[12], rtol=1e-9)
