"""Controls of a feeder: what days add up to, what arms need, and comparisons on data whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import marketsim as ms
from marketsim.agents.params import SetpointsParams
from marketsim.analysis.control.arms import ARMS, EQUAL_TIME, choose_controls
from marketsim.analysis.control.controls import ByRules
from marketsim.analysis.control.days import DayTotals, day_game, months, play
from marketsim.analysis.control.jobs import ControlCell, ControlResult, PlayCell, as_lists, by_month, from_lists
from marketsim.analysis.control.measures import MEASURES, measure_of
from marketsim.analysis.control.plan import summed_up
from marketsim.analysis.control.present import HEAD, PAIR_HEAD, arm_rows, as_json, markdown, pair_rows
from marketsim.analysis.control.results import compare_controls, compared_with
from marketsim.analysis.execution.port import JobFailure, JobOutcome
from marketsim.core.arrays import FloatArray
from marketsim.core.errors import InputError, RunError
from tests.learning.community import SLOTS, community


def totals(cost: FloatArray, over: float = 0.0) -> DayTotals:
    """Twelve months of one day."""
    ones = np.ones(12)
    none = 0.0 * ones
    return DayTotals(ones, ones * cost, over * ones, none, none, none, none, none)


def result(cost: FloatArray | float, over: float = 0.0) -> ControlResult:
    return ControlResult(totals(np.asarray(cost, dtype=np.float64), over), np.nan, np.nan, np.nan)


def test_days_come_by_date_and_know_their_months() -> None:
    """The first of each month for validation from the clock's date on, seven a month for tests."""
    ready = ms.load_scenario(community())
    assert months(ready, "validation").tolist() == [8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6, 7]
    test = months(ready, "test")
    assert len(test) == 84
    assert np.bincount(test)[1:].tolist() == [7] * 12
    assert test[0] == 7


@pytest.mark.full
def test_a_day_is_what_its_slots_sum_to() -> None:
    """Cost, curtailed energy and what is missing in store, from the game itself; doing nothing leaves stores as they were."""
    ready = ms.load_scenario(community())
    game, days = day_game(ready, "validation"), 12
    found = play(game, ByRules(SetpointsParams(battery="rest", generator="rest"), game), days)
    assert found.days.tolist() == [1.0] * days
    np.testing.assert_array_equal(found.missing_kwh, np.zeros(days))
    rule = ByRules(SetpointsParams(), game)
    seen, _ = game.reset(0)
    cost, began = np.zeros(days), game.stored_kwh
    for _ in range(SLOTS):
        step = game.step(rule.actions(game, seen))
        seen, cost = step.seen, cost + step.parts["system_cost"]
    again = play(game, rule, days)
    np.testing.assert_allclose(again.cost, cost)
    np.testing.assert_allclose(again.missing_kwh, (began - game.stored_kwh).sum(axis=1))
    assert (again.cost < found.cost).all()


def test_months_are_summed() -> None:
    """Days of a month add up; months without days hold nothing."""
    days = DayTotals(*(np.arange(4.0) + field for field in range(len(DayTotals._fields))))
    found = by_month(days, [2, 2, 3, 12])
    assert found.cost.tolist() == [0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 4]


def test_what_is_undefined_is_null_in_files() -> None:
    """And comes back as it was."""
    whole = result(3.0, 0.1)
    kept = as_lists(whole)
    assert kept["train_cpu_s"] is None
    back = from_lists(kept)
    np.testing.assert_array_equal(np.array(back.totals), np.array(whole.totals))
    assert np.isnan(back.gradient_steps)


def test_shares_are_of_what_the_bound_saves() -> None:
    """Nothing saves 0, the bound 100 %, and what lies halfway half; without a saving nothing is said."""
    idle, bound, half = (totals(np.full(12, cost)) for cost in (10.0, 6.0, 8.0))
    share = measure_of("saving_share").compute
    assert [share(each, idle, bound).mean() for each in (idle, half, bound)] == [0.0, 0.5, 1.0]
    assert np.isnan(share(half, bound, idle)).all()


def test_arms_bring_what_they_need() -> None:
    """Nothing done and the bound are always among them, and the clones that others begin with."""
    assert [arm.name for arm in choose_controls(["rule"])] == ["idle", "rule", "joint"]
    assert [arm.name for arm in choose_controls(["sac_imitation"])] == ["idle", "joint", "cloning", "sac_imitation"]
    assert choose_controls([]) == ARMS
    named = [arm.name for arm in choose_controls(["sac_imitation_eightfold"])]
    assert named == ["idle", "joint", "cloning", "sac_imitation_eightfold"]
    with pytest.raises(InputError, match=r"no such arm(.|\n)*did you mean 'cloning'"):
        choose_controls(["clonning"])


def test_every_arm_trains_on_what_it_says(tmp_path: Path) -> None:
    """Its learner with its parameters, from the clones of its seed where it says so; the community stays."""
    ready = ms.load_scenario(community())
    job = PlayCell(ready.source, {}, "validation", episodes=64, learners={"markets": 2, "hidden": [8]})
    for arm in (each for each in (*ARMS, *EQUAL_TIME) if each.learner):
        cell = ControlCell(arm, 7, tmp_path)
        if arm.begins_with:
            cell.before.parent.mkdir(parents=True, exist_ok=True)
            cell.before.write_bytes(b"PK\x03\x04")
        made = job.trainable(cell)
        learner = made.model.learning.learner
        assert (learner.name, made.seed) == (arm.learner, 7)
        given = learner.params.model_dump()
        assert (given["episodes"], given["markets"], list(given["hidden"])) == (64, 2, [8])
        assert bool(given.get("start")) == bool(arm.begins_with)
        assert bool(given.get("imitation")) == ("imitation" in arm.name)
        assert made.agents == ready.agents


def test_arms_of_an_equal_time_differ_in_their_steps_alone() -> None:
    """As ``sac_imitation``, with two and eight gradient steps a slot where it makes one."""
    (plain,) = (arm for arm in ARMS if arm.name == "sac_imitation")
    for arm, steps in zip(EQUAL_TIME, (2, 8), strict=True):
        assert (arm.learner, arm.begins_with) == (plain.learner, plain.begins_with)
        assert dict(arm.params) == {**plain.params, "steps_per_slot": steps}
        assert arm.name in compared_with("sac_imitation_differential")


def test_paired_comparisons_find_what_is_there() -> None:
    """An arm that is better on every day of every seed differs for certain; one like another does not."""
    rng = np.random.default_rng(1)
    noise = [rng.normal(0.0, 0.2, 12) for _ in range(5)]
    results = {
        "idle": [result(10.0 + each, 0.03) for each in noise],
        "joint": [result(5.0 + each) for each in noise],
        "rule_volt_var": [result(8.0 + each, 0.005) for each in noise],
        "cloning": [result(6.0 + each, 0.006) for each in noise],
        "cloning_volt_var": [result(6.0 + each, 0.004) for each in noise],
    }
    found = compare_controls(results, range(5), "test", draws=500)
    pairs = {(pair.other, pair.measure): pair.found for pair in found.pairs if pair.arm == "cloning_volt_var"}
    assert pairs["rule_volt_var", "saving_share"].difference.low > 0
    assert pairs["rule_volt_var", "violations"].difference.high < 0
    assert pairs["cloning", "saving_share"].difference.mean == 0.0
    assert pairs["cloning", "saving_share"].p == 1.0
    assert found.estimates["cloning"]["saving_share"].mean == pytest.approx(0.8, abs=0.01)
    assert found.days == 12
    assert len(arm_rows(found)[0]) == len(HEAD)
    assert len(pair_rows(found)[0]) == len(PAIR_HEAD)
    assert set(as_json(found)["arms"]["idle"]) >= {measure.name for measure in MEASURES}
    assert "| cloning |" in markdown(found)


def test_a_seed_that_failed_in_an_arm_is_left_out() -> None:
    """And reported; where no seed is left the first failure is the error."""
    cells = [ControlCell(arm, seed, Path()) for seed in (1, 2) for arm in choose_controls(["rule"])]
    lost = JobOutcome(failure=JobFailure("RunError", "a disk is full", ""))
    outcomes = {cell.key: JobOutcome(as_lists(result(5.0))) for cell in cells}
    done = summed_up(cells, {**outcomes, "rule-2": lost}, "test")
    assert done.found.seeds == (1,)
    assert [(each.arm, each.seed, each.reason) for each in done.failed] == [("rule", 2, "a disk is full")]
    with pytest.raises(RunError, match="no seed went well in all arms; the first failure: a disk is full"):
        summed_up(cells, {**outcomes, "rule-1": lost, "rule-2": lost}, "test")
