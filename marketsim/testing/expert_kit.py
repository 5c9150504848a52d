"""Contract of experts: inherit, give ``build`` and ``params``, and get what every plan has to be tested.

Plans are asked for three households and an industry with every device that experts plan, over a whole day and over what is left
of one, without a grid.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

import numpy as np

from marketsim.core.expert import Expert, ExpertView, HoldingExpert, Plan, PlanningExpert
from marketsim.core.expert_rules import EXPERT_RULES
from marketsim.core.params import Params
from marketsim.core.read_only import read_only
from marketsim.core.rule_terms import Call, Sizes
from marketsim.core.setpoints import Setpoints
from marketsim.experts.columns import prosumers, stored_path
from marketsim.experts.context import ExpertContext
from marketsim.experts.model import BatteryModel, CurtailableModel, GeneratorModel, ProsumerModel
from marketsim.experts.params import ExpertParams

HORIZON: Final = 24
MODELS: Final = (
    ProsumerModel(load_peak_kw=4, pv_kw=8, battery=BatteryModel(energy_kwh=10, power_kw=5)),
    ProsumerModel(load_peak_kw=3),
    ProsumerModel(pv_kw=6, min_power_factor=None, curtailable=CurtailableModel(share=0.5, cost_per_kwh=0.2)),
    ProsumerModel(load_peak_kw=40, generator=GeneratorModel(max_kw=20, ramp_kw_per_h=10, cost_per_kwh=0.17)),
)
_ROUNDING: Final = 1e-6


def example_context() -> ExpertContext:
    """What the expert of the contract is built from."""
    names = tuple(f"agent {row}" for row in range(len(MODELS)))
    return ExpertContext(names, MODELS, 24.0 / HORIZON, HORIZON)


def example_view(first: int = 0) -> ExpertView:
    """The slots of a summer day from ``first`` on."""
    hour, own = np.arange(first, HORIZON), prosumers(MODELS)
    sun = np.maximum(np.sin((hour - 6) / 12 * np.pi), 0.0)[:, None]
    need = 0.4 + 0.6 * ((hour > 16) & (hour < 22))[:, None]
    return ExpertView(
        t0=first,
        slot_hours=24.0 / HORIZON,
        buy=np.where((hour >= 17) & (hour < 21), 0.36, np.where(hour < 7, 0.14, 0.24)),
        sell=np.full(len(hour), 0.06),
        load_kw=need * np.array([4.0, 3.0, 5.0, 40.0]),
        pv_available_kw=sun * own.pv_kw,
        stored_kwh=0.5 * (own.stored_low_kwh + own.stored_high_kwh),
        generator_kw=np.full(len(MODELS), np.nan if first == 0 else 0.0),
        background=None,
    )


class ExpertContract:
    """What every expert keeps."""

    build: Callable[[Any, ExpertContext], Expert]
    params: ClassVar[Params] = ExpertParams()

    def _plan(self, view: ExpertView) -> Setpoints:
        return self._made().plan(read_only(view))

    def _made(self) -> Expert:
        return self.build(self.params, example_context())

    def test_plans_have_a_set_point_for_each_slot_and_agent(self) -> None:
        """Finite, in the record of the port; of a whole day and of what is left of one."""
        for first in (0, 15, HORIZON - 1):
            view = example_view(first)
            sizes = Sizes(len(MODELS), 1)
            EXPERT_RULES["plan"](Call(None, (view,), self._plan(view), sizes))
            expert = self._made()
            if isinstance(expert, PlanningExpert):
                plan: Plan = EXPERT_RULES["solve"](Call(None, (view,), expert.solve(view), sizes))
                path = stored_path(prosumers(MODELS), view.stored_kwh, plan.setpoints.battery_kw, view.slot_hours)
                np.testing.assert_allclose(plan.stored_kwh, path, atol=1e-3)

    def test_what_holds_a_slot_has_a_set_point_for_each_agent(self) -> None:
        """Of an expert that looks after what is planned when a slot opens; without a grid there is nothing to hold."""
        expert, view = self._made(), example_view(HORIZON - 1)
        points = self._plan(view)
        if isinstance(expert, HoldingExpert):
            held = EXPERT_RULES["held"](Call(None, (view, points), expert.held(view, points), Sizes(len(MODELS), 1)))
            for one, other in zip(held, points, strict=True):
                np.testing.assert_array_equal(one, other)

    def test_the_same_view_has_the_same_plan(self) -> None:
        """Of one expert asked twice, and of another that was built alike."""
        expert, view = self._made(), example_view()
        for again in (expert.plan(view), self._plan(view)):
            for one, other in zip(expert.plan(view), again, strict=True):
                np.testing.assert_array_equal(one, other)

    def test_plans_keep_to_what_devices_can_do(self) -> None:
        """Powers within ratings, stores within their levels, PV and curtailed load within what there is, ramps kept."""
        own = prosumers(MODELS)
        for first in (0, 15):
            view = example_view(first)
            points = self._plan(view)
            path = stored_path(own, view.stored_kwh, points.battery_kw, view.slot_hours)
            room = 1e-4 * own.stored_high_kwh + _ROUNDING
            assert (np.abs(points.battery_kw) <= own.battery_kw + _ROUNDING).all()
            assert ((path >= own.stored_low_kwh - room) & (path <= own.stored_high_kwh + room)).all()
            assert ((points.pv_kw >= 0.0) & (points.pv_kw <= view.pv_available_kw + _ROUNDING)).all()
            assert (points.curtailed_kw <= own.curtailable_share * view.load_kw + _ROUNDING).all()
            assert (points.generator_kw <= own.generator_high_kw + _ROUNDING).all()
            steps = np.abs(np.diff(points.generator_kw, axis=0))
            assert (steps <= own.ramp_kw_per_h * view.slot_hours + 1e-4).all()
            assert (np.abs(points.kvar) <= own.most_kvar(points.pv_kw) + _ROUNDING).all()
