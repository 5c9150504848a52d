"""marketsim evaluate of a scenario about set-points: trainings, folder, resuming, tables, errors."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import marketsim as ms
from marketsim.analysis.control.plan import controls_of
from tests.learning.community import community

pytest.importorskip("torch", reason="learning is an extra")
pytest.importorskip("clarabel", reason="experts are an extra")
pytestmark = pytest.mark.full
LEARNERS = {"markets": 2, "hidden": [8]}
ARMS = ("rule_volt_var", "cloning_volt_var", "sac_imitation", "matd3", "mappo")


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A small evaluation, its plan and what it came to."""
    out = tmp_path_factory.mktemp("controls") / "here"
    ready = ms.load_scenario(community())
    plan = controls_of(
        Path("few.yaml"), ready, {}, arms=ARMS, seeds=1, part="validation", episodes=8, learners=LEARNERS, out=out
    )
    return out, ready, plan.run(1)


def test_every_arm_is_told(evaluated: Any) -> None:
    """The bound saves all there is to save, doing nothing none of it; a clone says what it took to train."""
    found = evaluated[2].found
    assert evaluated[2].failed == ()
    assert set(found.estimates) == {*ARMS, "idle", "joint", "cloning"}
    share = {arm: own["saving_share"].mean for arm, own in found.estimates.items()}
    assert (share["idle"], share["joint"]) == (0.0, 1.0)
    assert 0.0 < share["rule_volt_var"] < 1.0
    assert found.efforts["cloning"].gradient_steps > 0
    assert found.efforts["matd3"].agent_steps == found.efforts["mappo"].agent_steps > 0
    assert found.days == 12


def test_the_folder_has_everything(evaluated: Any) -> None:
    """Result, Markdown, figures, each cell, each training; a training begins with the clones of its seed."""
    out = evaluated[0]
    written = json.loads((out / "controls.json").read_text("utf-8"))
    assert len(written["arms"]["sac_imitation"]["cost"]["by_seed"]) == 1
    assert "| sac_imitation |" in (out / "controls.md").read_text("utf-8")
    assert (out / "controls.svg").stat().st_size > 1000
    assert (out / "arms" / "cloning-1" / "training" / "checkpoint.pt").exists()
    assert not (out / "arms" / "cloning_volt_var-1" / "training").exists()
    assert (out / "curves.svg").stat().st_size > 1000
    rows = list(csv.DictReader((out / "curves.csv").read_text("utf-8").splitlines()))
    assert {row["arm"] for row in rows} == {"cloning", "sac_imitation", "matd3", "mappo"}
    for arm in ("cloning", "matd3"):
        told = json.loads((out / "controls.json").read_text("utf-8"))["arms"][arm]
        last = [row for row in rows if row["arm"] == arm][-1]
        assert (float(last["gradient_steps"]), float(last["agent_steps"])) == (
            told["gradient_steps"],
            told["agent_steps"],
        )
        assert float(last["took_s"]) > 0.0
    assert json.loads((out / "manifest.json").read_text("utf-8"))["status"] == "complete"


def test_resumed_it_does_nothing_twice(evaluated: Any) -> None:
    """What is there is read; what is missing is done again, to the same numbers."""
    out, ready, _ = evaluated
    before = (out / "controls.json").read_bytes()
    (out / "arms" / "rule_volt_var-1" / "result.json").unlink()
    kept = (out / "arms" / "matd3-1" / "result.json").stat().st_mtime_ns
    plan = controls_of(
        Path("few.yaml"),
        ready,
        {},
        arms=ARMS,
        seeds=1,
        part="validation",
        episodes=8,
        learners=LEARNERS,
        out=out,
        resume=True,
    )
    (out / "arms" / "mappo-1" / "training" / "training.csv").rename(out / "aside.csv")
    assert plan.run(1).without_curves == ("mappo-1",)
    (out / "aside.csv").rename(out / "arms" / "mappo-1" / "training" / "training.csv")
    assert (out / "controls.json").read_bytes() == before
    assert (out / "arms" / "matd3-1" / "result.json").stat().st_mtime_ns == kept


def test_it_goes_on_with_another_seed_and_plans_no_day_again(evaluated: Any) -> None:
    """Trainings of both seeds meet the same days of one year; what the first came to is read."""
    out, ready, first = evaluated
    days = {path.name for path in (out / "arms" / "plans").iterdir()}
    made = (out / "arms" / "cloning-1" / "result.json").stat().st_mtime_ns
    plan = controls_of(
        Path("few.yaml"),
        ready,
        {},
        arms=("cloning_volt_var",),
        seeds=2,
        part="validation",
        episodes=8,
        learners=LEARNERS,
        out=out,
        resume=True,
    )
    found = plan.run(1).found
    assert found.seeds == (1, 2)
    cost = found.estimates["cloning"]["cost"].by_seed
    assert cost[0] == first.found.estimates["cloning"]["cost"].mean
    assert cost[0] != cost[1]
    assert (out / "arms" / "cloning-1" / "result.json").stat().st_mtime_ns == made
    assert days
    assert days <= {path.name for path in (out / "arms" / "plans").iterdir()}


def test_a_training_is_evaluated_beside_what_needs_none(evaluated: Any, cli: Any, tmp_path: Path) -> None:
    """Its policies as they are, and with inverters by their curve alone: the numbers are those of the arm that they were."""
    training = evaluated[0] / "arms" / "cloning-1" / "training"
    options = ("--arm", "rule_volt_var", "--part", "validation", "--workers", "1", "--out", tmp_path / "out", "--json")
    ended = cli("evaluate", training, *options)
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)["arms"]
    assert set(told) == {"idle", "rule_volt_var", "joint", "trained", "trained_volt_var"}
    own = evaluated[2].found.estimates
    assert told["trained"]["cost"]["mean"] == own["cloning"]["cost"].mean
    assert told["trained_volt_var"]["violations"]["mean"] == own["cloning_volt_var"]["violations"].mean


def test_the_command_prints_the_table(cli: Any, tmp_path: Path) -> None:
    """Controls that need no training, on validation days; then JSON, and what is refused."""
    path = tmp_path / "few.yaml"
    path.write_text(yaml.safe_dump(community()))
    options = ("evaluate", path, "--arm", "rule_volt_var", "--seeds", "1", "--part", "validation", "--workers", "1")
    ended = cli(*options, "--out", tmp_path / "out")
    assert ended.code == 0, ended.err
    for text in ("12 validation days, 1 seeds", "rule_volt_var", "joint", "of bound's saving", "Written to"):
        assert text in ended.out
    again = cli(*options, "--out", tmp_path / "out")
    assert again.code == 2
    assert "there is an evaluation of controls already" in again.err
    other = cli(*options, "--set", "grid.load_scale=0.4", "--out", tmp_path / "out", "--resume")
    assert other.code == 2
    assert "the evaluation there is another one" in other.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--arm", "rules"), "there is no such arm of a control"),
        (("--weeks", "2"), "this option means nothing here"),
        (("--exploit", "hub"), "this option means nothing here"),
        (("--resume",), "--resume needs the folder of the evaluation"),
    ],
)
def test_what_cannot_be_is_refused(cli: Any, tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    """Before anything is played or written."""
    path = tmp_path / "few.yaml"
    path.write_text(yaml.safe_dump(community()))
    ended = cli("evaluate", path, *options)
    assert ended.code == 2
    assert message in ended.err


def test_clones_of_experts_from_words_stand_beside_those_of_the_scenario_s(tmp_path: Path) -> None:
    """Two of three have an expert that was accepted; the library's, which plans as the joint one does, saves as much."""
    pytest.importorskip("cvxpy", reason="codes of experts are an extra")
    from tests.unit.experts.workflow.test_written_experts import ROOF, code_of, put

    folder = tmp_path / "by_hand"
    put(folder, "roof", code_of(ROOF))
    put(folder, "hub", code_of(ROOF), refusals=["case 1: it costs more"])
    ready = ms.load_scenario(community(expert={"joint": {"reactive": "left"}}))
    options: dict[str, Any] = {
        "seeds": 1,
        "part": "validation",
        "episodes": 8,
        "learners": LEARNERS,
        "out": tmp_path / "out",
    }
    arms = ("library", "cloning_library")
    done = controls_of(Path("few.yaml"), ready, {}, arms=arms, written=[folder], **options).run(1)
    assert done.failed == ()
    share = {arm: own["saving_share"].mean for arm, own in done.found.estimates.items()}
    clones = {"cloning", "cloning_volt_var", "cloning_library", "cloning_by_hand"}
    assert set(share) == {"idle", "joint", "library", "by_hand", *clones}
    assert share["library"] == pytest.approx(1.0, abs=1e-3)
    assert 0.05 < share["by_hand"] < 0.95
    pairs = {(pair.arm, pair.other) for pair in done.found.pairs}
    assert {("cloning_library", "cloning_volt_var"), ("cloning_by_hand", "cloning_volt_var")} <= pairs
    told = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))["written"]
    assert told[0]["refused"] == {"hub": "this expert was not accepted: case 1: it costs more"}
    assert list(told[0]["experts"]) == ["roof"]


def test_a_folder_without_an_expert_that_was_accepted_is_told(cli: Any, tmp_path: Path) -> None:
    """With the reason of each; and a name that is none of an arm."""
    from marketsim.experts.model import ProsumerModel
    from tests.unit.experts.workflow.test_written_experts import code_of, put

    path = tmp_path / "few.yaml"
    path.write_text(yaml.safe_dump(community()))
    put(tmp_path / "by_hand", "hub", code_of(ProsumerModel()), refusals=["it dreams"])
    for name, told in (("by_hand", "hub: this expert was not accepted: it dreams"), ("by-hand", "letters, digits and")):
        (tmp_path / name).mkdir(exist_ok=True)
        ended = cli("evaluate", path, "--written", tmp_path / name)
        assert ended.code == 2
        assert told in ended.err
