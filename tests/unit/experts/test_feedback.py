"""A plan as state feedback: on its path the plan itself, elsewhere a way back that every device can go."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.core.expert import ExpertView, Plan, net_kw
from marketsim.core.setpoints import Setpoints
from marketsim.experts.columns import Prosumers, costs, prosumers
from marketsim.experts.context import ExpertContext
from marketsim.experts.feedback import Feedback, plan_of
from marketsim.experts.individual import IndividualExpert
from marketsim.experts.model import ProsumerModel

pytest.importorskip("clarabel", reason="experts need clarabel: pip install 'marketsim[experts]'")
HORIZON, HOURS = 24, 1.0
MODELS = (
    ProsumerModel(
        pv_kw=300, battery={"energy_kwh": 400, "power_kw": 100}, curtailable={"share": 0.2, "cost_per_kwh": 0.3}
    ),
    ProsumerModel(generator={"max_kw": 120, "ramp_kw_per_h": 40, "cost_per_kwh": 0.17, "quadratic_cost": 2e-4}),
    ProsumerModel(pv_kw=100, battery={"energy_kwh": 100, "power_kw": 80}, min_power_factor=None),
)
CONTEXT = ExpertContext(("a", "b", "c"), MODELS, HOURS, HORIZON)


def a_day() -> ExpertView:
    rng, hour = np.random.default_rng(5), np.arange(HORIZON)
    own = prosumers(MODELS)
    sun = np.maximum(np.sin((hour - 6) / 12 * np.pi), 0.0)[:, None]
    return ExpertView(
        t0=0,
        slot_hours=HOURS,
        buy=np.where((hour >= 17) & (hour < 21), 0.36, np.where(hour < 7, 0.14, 0.24)),
        sell=np.full(HORIZON, 0.06),
        load_kw=rng.uniform(20, 150, (HORIZON, 3)),
        pv_available_kw=sun * own.pv_kw,
        stored_kwh=0.5 * np.array([400.0, 0.0, 100.0]),
        generator_kw=np.full(3, np.nan),
        background=None,
    )


@pytest.fixture(scope="module")
def planned() -> tuple[Prosumers, ExpertView, Plan]:
    own, view = prosumers(MODELS), a_day()
    return own, view, plan_of(IndividualExpert(CONTEXT), own, view)


def played(own: Prosumers, view: ExpertView, plan: Plan, stored: np.ndarray) -> tuple[Setpoints, np.ndarray]:
    """Set-points of a day followed slot by slot, and what is stored in the end."""
    feedback, last, rows = Feedback(own, view, plan), np.full(3, np.nan), []
    for slot in range(HORIZON):
        one = feedback.label(slot, stored, view.load_kw[slot], view.pv_available_kw[slot], last)
        stored, last = stored + own.stored_gain(one.battery_kw, HOURS), one.generator_kw
        rows.append(one)
    return Setpoints(*(np.array(column) for column in zip(*rows, strict=True))), stored


def test_followed_from_its_own_start_a_plan_costs_what_it_says(planned: tuple[Prosumers, ExpertView, Plan]) -> None:
    """Set-points to 1e-3 kW, cost to a thousandth."""
    own, view, plan = planned
    points, _ = played(own, view, plan, view.stored_kwh)
    for one, other in zip(points, plan.setpoints, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)
    paid = [costs(own, view, each, net_kw(view.load_kw, each)).total for each in (points, plan.setpoints)]
    assert paid[0] == pytest.approx(paid[1], rel=1e-3)


@settings(max_examples=60)
@given(share=st.floats(0, 1), slot=st.integers(0, HORIZON - 1), scale=st.floats(0, 2), running=st.floats(0, 120))
def test_labels_are_feasible_in_any_state(share: float, slot: int, scale: float, running: float) -> None:
    """Whatever is stored, needed, shining and running: every device can do what it is told, and nothing is over or under its store."""
    own, view = prosumers(MODELS), a_day()
    plan = _PLAN
    stored = own.stored_low_kwh + share * (own.stored_high_kwh - own.stored_low_kwh)
    load, pv = scale * view.load_kw[slot], scale * view.pv_available_kw[slot]
    last = np.array([0.0, running, 0.0])
    one = Feedback(own, view, plan).label(slot, stored, load, pv, last)
    after, room = stored + own.stored_gain(one.battery_kw, HOURS), 1e-6 * own.stored_high_kwh + 1e-9
    assert (after >= own.stored_low_kwh - room).all()
    assert (after <= own.stored_high_kwh + room).all()
    assert (np.abs(one.battery_kw) <= own.battery_kw).all()
    assert (np.abs(one.generator_kw - last) <= own.ramp_kw_per_h * HOURS + 1e-9).all()
    assert ((one.generator_kw >= own.generator_low_kw) & (one.generator_kw <= own.generator_high_kw)).all()
    assert ((one.curtailed_kw >= 0.0) & (one.curtailed_kw <= own.curtailable_share * load)).all()
    assert ((one.pv_kw >= 0.0) & (one.pv_kw <= pv)).all()
    assert (np.abs(one.kvar) <= own.most_kvar(one.pv_kw)).all()


@settings(max_examples=30)
@given(share=st.floats(0, 1))
def test_from_anywhere_the_day_ends_where_the_plan_ends(share: float) -> None:
    """A store that starts elsewhere comes back to the plan, as its power allows, and stays there."""
    own, view = prosumers(MODELS), a_day()
    stored = own.stored_low_kwh + share * (own.stored_high_kwh - own.stored_low_kwh)
    _, end = played(own, view, _PLAN, stored)
    np.testing.assert_allclose(end, _PLAN.stored_kwh[-1], atol=1e-6)


def test_labels_of_many_states_at_once_are_those_of_each_alone(planned: tuple[Prosumers, ExpertView, Plan]) -> None:
    own, view, plan = planned
    feedback, rng = Feedback(own, view, plan), np.random.default_rng(0)
    stored = rng.uniform(own.stored_low_kwh, own.stored_high_kwh + 1e-9, (4, 3))
    load, pv = rng.uniform(0, 100, (4, 3)), rng.uniform(0, 100, (4, 3))
    together = feedback.label(12, stored, load, pv)
    for row in range(4):
        alone = feedback.label(12, stored[row], load[row], pv[row])
        for many, one in zip(together, alone, strict=True):
            np.testing.assert_array_equal(many[row], one)


def test_a_slot_beyond_the_plan_is_refused(planned: tuple[Prosumers, ExpertView, Plan]) -> None:
    own, view, plan = planned
    with pytest.raises(ValueError, match="slots 0 to 23 of the day, not 24"):
        Feedback(own, view, plan).label(24, view.stored_kwh, view.load_kw[0], view.pv_available_kw[0])


def test_an_expert_that_gives_set_points_alone_is_followed_too() -> None:
    """What its set-points store is worked out, held to what the battery holds."""

    class Full:
        def plan(self, view: ExpertView) -> Setpoints:
            none = np.zeros_like(view.load_kw)
            return Setpoints(none, none - 1000.0, none, view.pv_available_kw, none)

    own, view = prosumers(MODELS), a_day()
    plan = plan_of(Full(), own, view)
    np.testing.assert_allclose(plan.stored_kwh[-1], own.stored_high_kwh)


_PLAN = plan_of(IndividualExpert(CONTEXT), prosumers(MODELS), a_day())
