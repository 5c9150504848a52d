"""Weights that were learned: trained, resumed, played in a run, evaluated."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

import marketsim as ms
from marketsim.analysis.weights import jobs
from marketsim.analysis.weights.plan import weights_of
from marketsim.app.training import train_scenario
from marketsim.core.errors import CheckpointError, InputError, RunFolderError
from marketsim.core.standing import MemberStanding
from marketsim.learning.learned import load_policy

pytest.importorskip("torch", reason="learning is an extra")
ROOT = Path(__file__).resolve().parents[2]
SCENARIO = ROOT / "scenarios/shared_roof.yaml"
PPO = {"policies": "alike", "markets": 2, "episodes": 12, "hidden": [8], "learning_rate": 0.01, "checkpoint_every": 2}
WEEK = {
    "clock.start": "2016-04-28",
    "clock.slots": 168,
    "learning.game.equity.days": 5,
    "learning.learner": {"ppo": PPO},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A short training, and where it lies."""
    folder = tmp_path_factory.mktemp("weights") / "training"
    return train_scenario(ms.load_scenario(SCENARIO, WEEK), folder)


def by_policy(checkpoint, **more):
    learned = {"weights": {"learned": {"checkpoint": str(checkpoint)}}}
    return ms.load_scenario(
        SCENARIO,
        {**WEEK, "market.engine": {"equity_pool": learned}, "market.sharing": {"dividend": learned}, **more},
        trust=True,
    )


def test_a_run_by_a_policy_is_the_game_by_the_same_to_the_last_unit(trained):
    """Engine and sharing follow the policy from day to day; what all pay is what they pay under equal weights."""
    run = ms.simulate(by_policy(trained.checkpoint))
    paid = run.table("agents", columns=["paid_money"])["paid_money"].to_numpy().reshape(-1, 21).sum(axis=0)
    game = jobs.community(ms.load_scenario(SCENARIO, WEEK), 1)
    rule, standing = jobs.policy_of(game, trained.checkpoint), MemberStanding.nothing(21)
    for day in range(7):
        weights, rule = rule.of_day(standing)
        standing = game.days.after(day, weights, standing)
    assert standing.paid_money.tolist() == paid.tolist()
    assert np.ptp(weights) > 0
    equal = ms.simulate(ms.load_scenario(SCENARIO, {**WEEK, **EQUAL}))
    assert equal.table("agents", columns=["paid_money"])["paid_money"].to_numpy().sum() == paid.sum()


EQUAL = {"market.engine": {"equity_pool": {}}, "market.sharing": {"dividend": {}}}


def test_the_policy_does_not_know_for_whom_it_acts(trained):
    """All members have one network and one bias, so it acts in a village of other people, too."""
    policy = load_policy(trained.checkpoint).policy
    seen = np.linspace(-1, 1, 80, dtype=np.float32).reshape(20, 4)
    one, all_ = (policy.act(seen, whose, None) for whose in (np.zeros(20, dtype=int), np.arange(20)))
    assert one.tolist() == all_.tolist()


def test_a_training_that_was_interrupted_ends_with_the_same_bytes(trained, tmp_path):
    """Stopped after its third update, in the middle of two checkpoints."""

    def stop(now):
        if now.row.update == 3:
            raise KeyboardInterrupt

    ready = ms.load_scenario(SCENARIO, WEEK)
    with pytest.raises(KeyboardInterrupt):
        train_scenario(ready, tmp_path / "again", progress=stop)
    resumed = train_scenario(ready, tmp_path / "again", resume=True)
    assert resumed.checkpoint.read_bytes() == trained.checkpoint.read_bytes()
    other = train_scenario(ms.load_scenario(SCENARIO, {**WEEK, "seed": 2}), tmp_path / "other")
    assert other.checkpoint.read_bytes() != trained.checkpoint.read_bytes()


def test_a_checkpoint_of_nothing_or_of_another_game_is_refused(trained, tmp_path):
    with pytest.raises(
        InputError, match=r"market.sharing.dividend.weights.learned.checkpoint: there is no such checkpoint"
    ):
        by_policy(tmp_path / "absent.pt")
    (tmp_path / "damaged.pt").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(CheckpointError, match="damaged"):
        ms.simulate(by_policy(tmp_path / "damaged.pt"))
    learned = {f"agents[{group}].strategy": {"learned": {"checkpoint": str(trained.checkpoint)}} for group in range(6)}
    with pytest.raises(CheckpointError, match="trained in the game equity"):
        ms.simulate(ms.load_scenario(SCENARIO, {**WEEK, **learned}, trust=True))
    inside = yaml.safe_load(SCENARIO.read_text())
    inside["market"]["engine"] = {"equity_pool": {"weights": {"learned": {"checkpoint": "../beyond.pt"}}}}
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside/some.yaml").write_text(yaml.safe_dump(inside))
    with pytest.raises(InputError, match="trust"):
        ms.simulate(ms.load_scenario(tmp_path / "inside/some.yaml", WEEK))


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """Two policies on the validation communities, a week each."""
    out = tmp_path_factory.mktemp("evaluated") / "here"
    plan = planned(out)
    return out, plan.run(1)


def planned(out, **more):
    ready = ms.load_scenario(SCENARIO, WEEK)
    return weights_of(Path("shared.yaml"), ready, WEEK, seeds=2, part="validation", episodes=8, out=out, **more)


@pytest.mark.full
def test_every_arm_is_told_against_equal_weights_on_the_same_communities(evaluated):
    """Rules as one policy each; the bound lies below all, what all pay is the same, and the tables are written."""
    out, done = evaluated
    found = done.found
    assert done.failed == ()
    assert set(found.estimates) == {*jobs.RULES, "learned"}
    assert found.values["learned"].shape == (4, 2, 4)
    assert found.values["feedback"].shape == (4, 1, 4)
    for own in found.values.values():
        assert np.isfinite(own).all()
        assert (own[..., 0] >= found.bound[:, None, 0] - 1e-9).all()
        assert (own[..., 1] >= found.bound[:, None, 1] - 1e-9).all()
        assert np.ptp(own[..., 3] - found.values["equal"][..., 3]) == 0.0
    assert found.estimates["feedback"]["burden_gini"].mean < found.estimates["equal"]["burden_gini"].mean
    pairs = {(pair.arm, pair.other) for pair in found.pairs}
    assert {("feedback", "equal"), ("learned", "equal"), ("learned", "feedback"), ("learned", "rank")} <= pairs
    written = json.loads((out / "weights.json").read_text("utf-8"))
    assert len(written["arms"]["learned"]["gini_sum"]["by_community"]) == 4
    assert "| learned | feedback |" in (out / "weights.md").read_text("utf-8")
    assert len(done.curve) == 21


@pytest.mark.full
def test_resumed_it_does_nothing_twice_and_another_design_is_refused(evaluated):
    out, done = evaluated
    results = {path: path.stat().st_mtime_ns for path in (out / "arms").glob("*/result.json")}
    assert len(results) == 6
    again = planned(out, resume=True).run(1)
    assert {path: path.stat().st_mtime_ns for path in results} == results
    assert again.found.estimates["learned"]["gini_sum"].mean == done.found.estimates["learned"]["gini_sum"].mean
    with pytest.raises(RunFolderError, match="arms"):
        planned(out, resume=True, arms=["rank"]).run(1)


@pytest.mark.full
def test_what_cannot_be_evaluated_is_refused(tmp_path):
    ready = ms.load_scenario(SCENARIO, WEEK)
    with pytest.raises(InputError, match="no such arm of weights") as refused:
        weights_of(Path("shared.yaml"), ready, WEEK, arms=["feedbak"])
    assert "feedback" in str(refused.value)
    seeded = ms.load_scenario(SCENARIO, {**WEEK, "seed": 100_001})
    with pytest.raises(InputError, match="trained in a community that it is evaluated in"):
        weights_of(Path("shared.yaml"), seeded, WEEK, out=tmp_path / "out")
    with pytest.raises(InputError, match="--resume needs the folder"):
        weights_of(Path("shared.yaml"), ready, WEEK, resume=True)


@pytest.mark.full
def test_a_training_is_evaluated_by_its_folder(trained, cli, tmp_path):
    """Its policy alone, beside the rules that are named; options of other games are refused."""
    arms = ("--arm", "learned,feedback", "--part", "validation", "--workers", "1")
    ended = cli("evaluate", str(trained.folder), *arms, "--out", str(tmp_path / "out"), "--json", "--trust")
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert list(told["arms"]) == ["equal", "feedback", "learned"]
    assert told["policies"] == [trained.folder.parent.name]
    refused = cli("evaluate", str(trained.folder), "--weeks", "2", "--trust")
    assert refused.code != 0
    assert "this option means nothing here" in refused.err


@pytest.mark.nightly
def test_a_year_of_eight_communities_under_the_rule(tmp_path):
    """Feedback lowers the Gini coefficient of burdens and the heaviest burden against equal weights as docs/equity.md says."""
    ready = ms.load_scenario(SCENARIO)
    plan = weights_of(SCENARIO, ready, {}, arms=["feedback"], out=tmp_path / "year")
    done = plan.run(1)
    assert [(aim.text, aim.found) for aim in done.found.aims if not aim.reached] == []
    assert len(done.found.communities) == 8
