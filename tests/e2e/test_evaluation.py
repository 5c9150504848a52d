"""marketsim evaluate on a small training: folder, resuming, tables, errors."""

import json

import pytest

pytest.importorskip("torch", reason="learning is an extra")

SMALL = (
    "--set", "learning.learner={ppo: {markets: 2, episodes: 8, hidden: [8]}}",
    "--weeks", "1", "--workers", "1",
)  # fmt: skip


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory, python, root):
    """An evaluation of three arms on two seeds, and what it printed."""
    out = tmp_path_factory.mktemp("evaluation") / "here"
    arguments = ("evaluate", str(root / "scenarios" / "pilot.yaml"), *SMALL, "--arm", "truthful,rule", "--seeds", "2")
    return out, arguments, python("-m", "marketsim", *arguments, "--exploit", "roof-farm", "--out", str(out))


def test_it_prints_arms_comparisons_and_aims(evaluated):
    """Every arm has a row, the rule is compared with the truthful market, each aim is answered."""
    out, _, ended = evaluated
    assert ended.code == 0, ended.err
    for text in ("utility_only", "truthful", "an arm less another one", "margin with charges", "gains", str(out)):
        assert text in ended.out


def test_the_folder_has_everything(evaluated):
    """Result with the value of every seed, Markdown, figures, each cell, each training."""
    out, _, _ = evaluated
    told = json.loads((out / "evaluation.json").read_text("utf-8"))
    assert set(told["arms"]) == {"utility_only", "truthful", "rule"}
    assert len(told["arms"]["rule"]["fbs"]["by_seed"]) == 2
    assert told["failed"] == []
    assert told["exploits"][0]["agent"] == "roof-farm"
    assert len(told["exploits"][0]["by_seed"]) == 2
    assert (out / "evaluation.svg").stat().st_size > 1000
    assert "| rule |" in (out / "evaluation.md").read_text("utf-8")
    assert (out / "arms" / "rule-1" / "training" / "checkpoint.pt").exists()
    assert json.loads((out / "manifest.json").read_text("utf-8"))["status"] == "complete"


def test_truthful_agents_trade_all_that_can_be_traded(evaluated):
    """On the test days, too: FTG 1 and full welfare without any learning."""
    told = json.loads((evaluated[0] / "evaluation.json").read_text("utf-8"))
    assert told["arms"]["truthful"]["ftg"]["mean"] == 1.0
    assert told["arms"]["truthful"]["trade_efficiency"]["mean"] == pytest.approx(1.0)
    assert told["arms"]["utility_only"]["worst_off"]["mean"] == 0.0


def test_resumed_it_does_nothing_twice_and_says_the_same(evaluated, python):
    """The cells of a finished evaluation are read, not run; one that is missing is run again, to the same numbers."""
    out, arguments, _ = evaluated
    before = (out / "evaluation.json").read_bytes()
    (out / "arms" / "truthful-2" / "result.json").unlink()
    kept = (out / "arms" / "rule-1" / "result.json").stat().st_mtime_ns
    ended = python("-m", "marketsim", *arguments, "--exploit", "roof-farm", "--out", str(out), "--resume", "--quiet")
    assert (ended.code, ended.out) == (0, "")
    assert (out / "evaluation.json").read_bytes() == before
    assert (out / "arms" / "rule-1" / "result.json").stat().st_mtime_ns == kept


def test_another_evaluation_in_the_same_folder_is_refused(evaluated, cli):
    """Without --resume, and with it for other options; nothing is written."""
    out, arguments, _ = evaluated
    again = cli(*arguments, "--out", str(out))
    assert again.code == 2
    assert "there is an evaluation already" in again.err
    other = cli(*arguments[:-1], "3", "--out", str(out), "--resume")
    assert other.code == 2
    assert "the evaluation there is another one" in other.err


def test_a_training_is_evaluated_beside_what_needs_none(evaluated, python, tmp_path):
    """Of a training run its policies are the subject; JSON has the baselines beside them."""
    training = evaluated[0] / "arms" / "rule-1" / "training"
    ended = python(
        "-m", "marketsim",
        "evaluate", str(training), "--arm", "truthful", "--weeks", "1", "--workers", "1", "--json", "--out",
        str(tmp_path / "one"),
    )  # fmt: skip
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert told["subject"] == "trained"
    assert list(told["arms"]) == ["utility_only", "truthful", "trained"]
    by_cell = json.loads((evaluated[0] / "evaluation.json").read_text("utf-8"))["arms"]["rule"]["fbs"]["by_seed"][0]
    assert told["arms"]["trained"]["fbs"]["by_seed"] == [by_cell]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--arm", "rul"), "did you mean 'rule'"),
        (("--arm", "truthful", "--exploit", "roof-farm"), "nothing to exploit without an arm that learns"),
        (("--arm", "rule", "--exploit", "nobody"), "there is no such learning agent"),
        (("--resume",), "--resume needs the folder"),
        (("--set", "learning.reward.eta=-1"), "learning.reward.eta"),
    ],
)
def test_what_cannot_be_done_is_told_before_anything_runs(cli, root, tmp_path, arguments, message):
    """Exit code 2 and the reason; no folder is made."""
    where = () if "--resume" in arguments else ("--out", str(tmp_path / "new"))
    ended = cli("evaluate", str(root / "scenarios" / "pilot.yaml"), *arguments, *where)
    assert ended.code == 2
    assert message in ended.err
    assert not (tmp_path / "new").exists()
