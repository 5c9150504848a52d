"""``marketsim.share`` refuses what would pass for an answer."""

from __future__ import annotations

import numpy as np
import pytest

import marketsim as ms
from marketsim.core.errors import InputError


def test_costs_that_are_complex_are_refused():
    with pytest.raises(InputError, match="cost: must answer with numbers"):
        ms.share(lambda members: members.sum(axis=1) * 1j, 3)


@pytest.mark.parametrize("seed", [-1, 1.5, True, "1"])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(InputError, match="seed: must be a whole number"):
        ms.share(lambda members: members.sum(axis=1), 16, seed=seed)


def size(members):
    """A game in which a group pays its number."""
    return members.sum(axis=1)


@pytest.mark.parametrize(("rule", "n"), [("least_core", 15), ("nucleolus", 15), ("shapley", 1001)])
def test_who_is_too_many_is_told_of_rules_that_divide_functions(rule, n):
    with pytest.raises(InputError, match=r"at most .* members") as error:
        ms.share(size, n, rule)
    hint = error.value.problems[0].hint
    offered = "equal_gain" if rule == "shapley" else "shapley"
    assert f"{offered} takes any number" in hint or f"choose {offered}" in hint
    assert ms.share(size, n, offered, **({"orders": 2} if offered == "shapley" else {})).shares.sum() == pytest.approx(
        n
    )


def test_a_path_is_no_game_and_is_told_who_opens_it():
    with pytest.raises(InputError, match="must be a function of memberships, or a run .got 'runs/mine'") as error:
        ms.share("runs/mine")
    assert "ms.open_run" in error.value.problems[0].hint


@pytest.mark.parametrize("rule", [{"shapley": {"orders": 400}}, 3, None])
def test_what_is_neither_name_nor_rule_is_refused_for_functions_and_runs(rule):
    with pytest.raises(InputError, match="must be the name of a rule") as error:
        ms.share(size, 3, rule)
    assert "by their names" in error.value.problems[0].hint


def test_a_cost_that_is_no_number_is_told_with_its_group():
    with pytest.raises(InputError, match=r"cost: is not finite for the group \[0, 1, 2\] \(got nan\)") as error:
        ms.share(lambda members: np.where(members.all(axis=1), np.nan, 1.0), 3)
    assert error.value.problems[0].hint


def test_a_function_is_told_how_incomes_are_given():
    with pytest.raises(InputError, match="incomes="):
        ms.share(size, 3, "rawls_ir")
