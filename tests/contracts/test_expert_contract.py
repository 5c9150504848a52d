"""The experts that come with the package keep the contract that plugins can test theirs by."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from marketsim.builtin import built_in_registry
from marketsim.core.rule_terms import Wrong
from marketsim.core.setpoints import Setpoints
from marketsim.experts import individual, joint, rules
from marketsim.experts.params import ExpertParams, IndividualParams, JointParams, RuleParams, WrittenParams
from marketsim.experts.written import expert
from marketsim.testing.expert_kit import ExpertContract

pytest.importorskip("clarabel", reason="experts need clarabel: pip install 'marketsim[experts]'")
HAS_CVXPY = find_spec("cvxpy") is not None


class TestJoint(ExpertContract):
    build = staticmethod(joint.build)
    params = JointParams()


class TestIndividual(ExpertContract):
    build = staticmethod(individual.build)
    params = IndividualParams()


class TestRules(ExpertContract):
    build = staticmethod(rules.build)
    params = RuleParams()


@pytest.mark.skipif(not HAS_CVXPY, reason="codes need cvxpy: pip install 'marketsim[experts-code]'")
class TestWritten(ExpertContract):
    build = staticmethod(expert.build)
    params = WrittenParams()


def test_every_expert_that_comes_with_the_package_stands_here() -> None:
    assert set(built_in_registry().names("expert")) == {"joint", "individual", "rule", "written"}


class Greedy:
    """Charges more than its battery takes, and never the same."""

    def __init__(self) -> None:
        self._asked = 0

    def plan(self, view):
        none, self._asked = np.zeros_like(view.load_kw), self._asked + 1
        return Setpoints(none, none - 10.0 * self._asked, none, view.pv_available_kw, none)


class Short(Greedy):
    """Plans an hour less than it should."""

    def plan(self, view):
        return Setpoints(*(each[1:] for each in super().plan(view)))


@pytest.mark.parametrize(
    ("broken", "law"),
    [
        (Greedy, "test_the_same_view_has_the_same_plan"),
        (Greedy, "test_plans_keep_to_what_devices_can_do"),
        (Short, "test_plans_have_a_set_point_for_each_slot_and_agent"),
    ],
)
def test_the_contract_finds_what_is_broken(broken: type[Greedy], law: str) -> None:
    """A store beyond its level, a plan that changes by itself, a slot too few."""
    contract = type(
        "Broken", (ExpertContract,), {"build": staticmethod(lambda params, context: broken()), "params": ExpertParams()}
    )()
    with pytest.raises((AssertionError, Wrong)):
        getattr(contract, law)()
