"""Errors carry all problems and where each one is."""

from __future__ import annotations

from marketsim.core.errors import InputError, MissingDependency, Problem, RunError, ScenarioError


def test_a_problem_reads_as_one_message() -> None:
    """File, line, path, value and hint all appear, in this order."""
    problem = Problem("is not a number", "agents[0].pv_kw", "'ten'", "write 10", "a.yaml", 3, 7)
    assert str(problem) == "a.yaml:3:7: agents[0].pv_kw: is not a number (got 'ten')\n    write 10"


def test_every_problem_is_told() -> None:
    """The message of the error lists all of them."""
    error = ScenarioError([Problem("one"), Problem("two")])
    assert str(error) == "one\ntwo"
    assert len(error.problems) == 2


def test_exit_codes_tell_whose_fault_it_is() -> None:
    """2 for the user's input and missing extras, 1 for the run."""
    assert (InputError("x").exit_code, RunError("x").exit_code) == (2, 1)
    missing = MissingDependency("torch", "learn", "training")
    assert missing.exit_code == 2
    assert "pip install 'marketsim[learn]'" in str(missing)
