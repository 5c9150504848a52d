"""Inverters that nobody asks: what they do by themselves in a plan, how they answer to it, and plans that count on no more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest

from marketsim.app.parts import chosen
from marketsim.app.planned_days import PlannedDays, planned_days
from marketsim.app.ready import load_scenario
from marketsim.core.expert import ExpertView, PlannedGrid, injections, net_kw
from marketsim.core.inverters import most_kvar
from marketsim.core.setpoints import Setpoints
from marketsim.experts.inverters import UnaskedInverters, response, unasked_kvar
from marketsim.experts.joint import JointExpert
from marketsim.experts.model import TerminalModel
from marketsim.experts.params import JointParams, RuleParams
from marketsim.experts.rules import RuleExpert

SUNNY = date(2016, 5, 28)
CURVE = {
    "setpoint": {
        "min_power_factor": 0.95,
        "base": "volt_var",
        "voltages_pu": [0.95, 0.985, 1.015, 1.05],
        "q_share": 1.0,
    }
}
MODES: dict[str, Any] = {
    "steered": CURVE,
    "curve": {"volt_var": {}},
    "factor": {"fixed_pf": {"power_factor": 0.95}},
    "steady": {"fixed_q": {"q_share": -0.2}},
    "unity": "unity",
}


class _Case:
    """A sunny day of the community of twenty, over inverters of one mode."""

    def __init__(self, scenario: dict[str, Any], mode: Any) -> None:
        scenario["grid"]["reactive"] = mode
        ready = load_scenario(scenario)
        self.days: PlannedDays = planned_days(ready)
        self.reactive: Any = chosen(ready, "reactive", ready.model.grid.reactive, self.days.context)
        self.inverters: UnaskedInverters = self.days.inverters(self.reactive)
        self.view: ExpertView = self.days.day((SUNNY - self.days.context.clock.start).days)
        assert self.days.grid is not None
        self.grid: PlannedGrid = self.days.grid

    def voltages(self, points: Setpoints) -> np.ndarray:
        at = injections(self.view, self.grid.nodes, points)
        return self.grid.voltages(at.kw, at.kvar)

    def settled(self, points: Setpoints) -> Setpoints:
        return points._replace(kvar=unasked_kvar(self.grid, self.view, points, self.inverters))


@pytest.fixture
def case_of(p2p141: Callable[..., dict[str, Any]]) -> Callable[[str], _Case]:
    return lambda mode: _Case(p2p141(), MODES[mode])


def idle(view: ExpertView) -> Setpoints:
    none = np.zeros_like(view.load_kw)
    return Setpoints(none, none, none, view.pv_available_kw, none)


@pytest.mark.parametrize("mode", MODES)
def test_voltages_and_inverters_agree(mode: str, case_of: Callable[[str], _Case]) -> None:
    """At the voltages of the AC power flow inverters want what they give, and never more than they have."""
    case = case_of(mode)
    points = case.settled(idle(case.view))
    active = case.inverters.active_kw(case.view, points)
    wanted = case.inverters.wanted(case.voltages(points)[:, case.grid.nodes], active)
    np.testing.assert_allclose(points.kvar, wanted.kvar, atol=1e-4 * case.inverters.law.kva.max())
    assert (np.abs(points.kvar) <= most_kvar(case.inverters.law, active) + 1e-9).all()
    assert points.kvar.any() == (mode != "unity")


@pytest.mark.parametrize("mode", ["factor", "steady", "unity"])
def test_modes_without_a_curve_are_those_of_the_grid(mode: str, case_of: Callable[[str], _Case]) -> None:
    """To the var what ``grid.reactive`` says at the same active power."""
    case = case_of(mode)
    points = case.settled(idle(case.view))
    active = case.inverters.active_kw(case.view, points)
    for slot in (10, 48, 52):
        every = np.zeros(len(case.reactive.law.kva))
        every[case.days.rows] = active[slot]
        np.testing.assert_allclose(points.kvar[slot], case.reactive.inverter_kvar(every)[case.days.rows], atol=1e-3)


@pytest.mark.parametrize("mode", ["steered", "curve", "factor"])
def test_the_response_is_what_a_small_step_does(mode: str, case_of: Callable[[str], _Case]) -> None:
    """Reactive power after 2 kW less of one agent's PV, against the linear answer; sensitivities leave out losses."""
    case = case_of(mode)
    before = case.settled(idle(case.view))
    slots = np.array([48, 51])
    active = case.inverters.active_kw(case.view, before)
    answer = response(case.grid, case.inverters, case.voltages(before), active, slots)
    for agent in (0, 7, 13):
        pv = before.pv_kw.copy()
        pv[:, agent] -= 2.0
        after = case.settled(before._replace(pv_kw=pv))
        told = -2.0 * (answer.per_kw + answer.per_pv_kw)[:, :, agent]
        moved = (after.kvar - before.kvar)[slots]
        np.testing.assert_allclose(told, moved, atol=0.25 * max(np.abs(moved).max(), 0.1))


def test_a_plan_counts_on_what_inverters_do_and_no_more(case_of: Callable[[str], _Case]) -> None:
    """Their reactive power is the curve's at the planned voltages, all of which are inside, where idling leaves some outside."""
    pytest.importorskip("clarabel", reason="experts need clarabel: pip install 'marketsim[experts]'")
    case = case_of("steered")
    context = case.days.expert_context(0.95, TerminalModel(), case.reactive)
    plan = JointExpert(context, JointParams()).solve(case.view)
    band = case.grid.v_min_pu - 1e-9, case.grid.v_max_pu + 1e-9
    resting = case.voltages(case.settled(idle(case.view)))
    assert ((resting < band[0]) | (resting > band[1])).any()
    settled = case.settled(plan.setpoints)
    np.testing.assert_allclose(plan.setpoints.kvar, settled.kvar, atol=0.5)
    v = case.voltages(settled)
    assert plan.outside == 0
    assert ((v >= band[0]) & (v <= band[1])).all()


def test_a_slot_is_held_within_the_band_by_what_costs_least(case_of: Callable[[str], _Case]) -> None:
    """Set-points that leave the band are changed until none is outside; those that do not are returned as they came."""
    pytest.importorskip("clarabel", reason="experts need clarabel: pip install 'marketsim[experts]'")
    case = case_of("steered")
    whole, points = case.view, idle(case.view)
    v = case.voltages(case.settled(points))
    worst = int(np.argmax((v - case.grid.v_max_pu).max(axis=1)))
    context = case.days.expert_context(0.95, TerminalModel(), case.reactive)
    clock = case.days.context.clock
    first = (SUNNY - clock.start).days * clock.slots_per_day
    for slot, moves in ((worst, True), (0, False)):
        case.view = case.days.rest(clock.at(first + slot), 0, whole.stored_kwh, whole.generator_kw, most=1)
        given = Setpoints(*(each[slot : slot + 1] for each in points))
        held = JointExpert(context, JointParams()).held(case.view, given)
        v = case.voltages(case.settled(held))
        assert (v <= case.grid.v_max_pu + 1e-9).all()
        changed = np.abs(net_kw(case.view.load_kw, held) - net_kw(case.view.load_kw, given)).max()
        assert (changed > 1.0) == moves
        left = JointExpert(context, JointParams(recourse=False)).held(case.view, given)
        assert left is given


def test_rules_ask_for_what_the_curve_of_the_grid_gives(case_of: Callable[[str], _Case]) -> None:
    """The rule's own curve is as steep as that of ``grid.reactive``: to a var, on a day on which it is at its limit, too."""
    case = case_of("steered")
    rule = RuleExpert(RuleParams(), case.days.expert_context(0.95, TerminalModel()))
    asked = rule.plan(case.view)
    by_itself = case.settled(asked._replace(kvar=np.zeros_like(asked.kvar)))
    np.testing.assert_allclose(asked.kvar, by_itself.kvar, atol=1e-4 * case.inverters.law.kva.max())
    most = most_kvar(case.inverters.law, asked.pv_kw)
    at_limit = np.isclose(np.abs(asked.kvar), most) & (most > 1.0)
    assert at_limit.any()
    assert (~at_limit & (np.abs(asked.kvar) > 1.0)).any()
