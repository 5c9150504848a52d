"""Which arms there are, and what each does to a scenario."""

import pytest

from marketsim.analysis.evaluation.arms import ARMS, AUCTION, LEARNED, SHARES, TRANCHES, choose_arms
from marketsim.analysis.evaluation.jobs import Cell, EvaluateCell, with_strategy
from marketsim.app.ready import load_scenario
from marketsim.core.errors import InputError
from marketsim.scenario.source import read_source

BY_NAME = {arm.name: arm for arm in ARMS}


@pytest.fixture(scope="module")
def job(root):
    return EvaluateCell(read_source(root / "scenarios" / "pilot.yaml"), {}, 1)


def variant(job, name, seed=1, tmp=None):
    return job.variant(Cell(BY_NAME[name], seed, tmp))


def test_every_arm_of_the_experiment_is_there():
    """The list of the experiment: baselines, no critic, rule, placebo, constant, single scores, three weights, own critic."""
    assert set(BY_NAME) == {
        "utility_only", "truthful", "truthful_midpoint", "truthful_tranches", "zi_c", "zip", "pro_rata", "optimum",
        "share_1.0", "share_0.9", "share_0.8", "share_0.7", "share_0.6", "share_0.5",
        *(f"share_{share:.1f}_tranches" for share in SHARES),
        "none", "none_tranches", "rule", "rule_tranches", "rule_shared", "critic", "critic_placebo", "placebo", "constant",
        "withholding", "only_ftg", "only_fbs", "only_fpp", "eta_0.25", "eta_0.5", "eta_2",
        "older", "older_slow", "older_tranches",
    }  # fmt: skip


@pytest.mark.parametrize("arm", ARMS, ids=lambda arm: arm.name)
def test_every_arm_is_a_valid_scenario(job, arm):
    """Each arm's changes pass the scenario's own validation, and its strategy exists."""
    ready = variant(job, arm.name, seed=4)
    assert ready.seed == 4
    if not arm.trained:
        changed = with_strategy(ready, arm.strategy)
        assert {agent.strategy.name for agent in changed.agents} == set(arm.strategy)


def test_single_scores_have_the_only_weight(job):
    """only_fbs rewards nothing but FBS."""
    weights = variant(job, "only_fbs").model.learning.reward.weights
    assert (weights.ftg, weights.fbs, weights.fpp) == (0.0, 1.0, 0.0)


def test_eta_arms_multiply_the_scenarios_own(job):
    """eta_2 is twice, eta_0.25 a quarter of what the scenario says."""
    own = variant(job, "rule").model.learning.reward.eta
    assert variant(job, "eta_2").model.learning.reward.eta == 2.0 * own
    assert variant(job, "eta_0.25").model.learning.reward.eta == 0.25 * own


def test_arms_in_parts_keep_the_scenarios_own_engine(job):
    """Price rule and rounds stay; orders enter in parts."""
    own, parts = (variant(job, name).model.market.engine.params for name in ("none", "none_tranches"))
    assert parts == own.model_copy(update={"tranches": TRANCHES})


def test_arms_in_parts_need_the_auction():
    """Left out without it, told where they are asked for."""
    assert not [arm for arm in choose_arms((), "rule", "call_auction") if arm.in_tranches]
    with pytest.raises(InputError, match="takes no orders in parts"):
        choose_arms(("none_tranches",), "rule", "call_auction")


def test_a_longer_training_has_as_many_times_the_episodes(job):
    longer = EvaluateCell(job.source, {}, 1, "test", 5)
    own, more = (variant(each, "none").model.learning.learner.params for each in (job, longer))
    assert more == own.model_copy(update={"episodes": 5 * own.episodes})


def test_only_learners_change_their_strategy(root):
    """Where some agents learn, an arm changes those and leaves the others as the scenario has them."""
    ready = load_scenario(root / "scenarios" / "pilot.yaml", {"learning.game": {"agents": ["roof-farm"]}})
    changed = with_strategy(ready, {"zip": {}})
    assert {agent.name for agent in changed.agents if agent.strategy.name == "zip"} == {"roof-farm"}


def test_no_names_mean_all_arms_but_a_second_rule():
    """The arm with the scenario's own critic is left out where that is the rule; a surrogate has its own arm."""
    assert "critic" not in [arm.name for arm in choose_arms((), "rule", AUCTION)]
    assert [arm.name for arm in choose_arms((), "surrogate", AUCTION)] == list(BY_NAME)


def test_the_utility_alone_is_always_there():
    """Savings and margins need it; the order is that of the tables, whatever the order of the names."""
    assert [arm.name for arm in choose_arms(("rule", "truthful"), "rule", AUCTION)] == [
        "utility_only",
        "truthful",
        "rule",
    ]


def test_unknown_arms_are_told_all_at_once():
    """Every wrong name, with the closest right one."""
    with pytest.raises(InputError, match="did you mean 'placebo'") as caught:
        choose_arms(("placbo", "xyz", "rule"), "rule", AUCTION)
    assert len(caught.value.problems) == 2


def test_the_rule_as_own_critic_is_told():
    """Asking for the own critic where it is the rule is a mistake, not an empty table."""
    with pytest.raises(InputError, match="the scenario's critic is the rule"):
        choose_arms(("critic",), "rule", AUCTION)


def test_trained_arms_are_those_with_policies():
    """Baselines need no training."""
    assert [arm.name for arm in ARMS if not arm.trained][-1] == "share_0.5_tranches"
    assert all(LEARNED in arm.strategy for arm in ARMS if arm.trained)
