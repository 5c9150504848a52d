"""Answers of real models to descriptions, as recorded: they replay without a server, and the page says what came of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from marketsim.analysis.control.written import written_folder
from marketsim.app.expert_writing import AskingReader, RuleReader
from marketsim.cli.expert_benchmark import _counts
from marketsim.core.build import OPEN
from marketsim.core.language_model import Failure, Identity
from marketsim.experts.library.compose import code_of
from marketsim.experts.workflow.benchmark import ReadDescription, descriptions, differences, read_all
from marketsim.experts.workflow.params import ReadingParams
from marketsim.experts.written.files import read_written
from marketsim.llm.interviewer import Interviewer

ROOT = Path(__file__).resolve().parents[2]
RECORDED = sorted((ROOT / "tests/golden/expert_reader").glob("*.jsonl"))


class Recorded:
    """Port ``LanguageModel``: says what was said to the same question."""

    url = "a recording"

    def __init__(self, path: Path) -> None:
        head, *rows = (json.loads(line) for line in path.read_text("utf-8").splitlines())
        self.model, self.digest, self.descriptions = head["model"], head["digest"], head["descriptions"]
        self._answers = {row["asked"]: row["answer"] for row in rows}
        self.unused = set(self._answers)

    def options(self, seed: int) -> Mapping[str, float | int]:
        return {"seed": seed}

    async def identify(self, deadline_s: float) -> Identity:
        return Identity(self.model, self.digest, "none", False)

    async def load(self, messages: Sequence[Mapping[str, str]], seed: int, deadline_s: float) -> None:
        return None

    async def ask(
        self, messages: Sequence[Mapping[str, str]], form: Mapping[str, Any], seed: int, deadline_s: float
    ) -> str:
        asked = messages[-1]["content"]
        if asked not in self._answers:
            raise Failure("client_failed", f"this was never asked: {asked}")
        self.unused.discard(asked)
        return json.dumps(self._answers[asked])

    async def close(self) -> None:
        return None


@cache
def replayed(path: Path) -> tuple[Recorded, list[ReadDescription]]:
    model = Recorded(path)
    interviewer = Interviewer(ReadingParams(model=model.model, cache=False), model)
    try:
        return model, list(read_all(AskingReader(interviewer), model.descriptions))
    finally:
        interviewer.close()


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_answers_replay_whole(path: Path) -> None:
    """Every question was asked then, and every answer is to one: nothing was left out or made up."""
    model, read = replayed(path)
    assert model.unused == set()
    assert not [each.told for each in read if "never asked" in each.told]
    assert path.stat().st_size < 1_000_000


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_the_page_has_what_came_of_them(path: Path) -> None:
    """The row of the table, beside that of the rules on as many descriptions."""
    model, read = replayed(path)
    page = (ROOT / "docs/expert-workflow.md").read_text(encoding="utf-8")
    for name, found in (("the rules", list(read_all(RuleReader(), model.descriptions))), (model.model, read)):
        assert f"| {name} | {' | '.join(_counts(found))} |" in page


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_no_wrong_number_came_through(path: Path) -> None:
    """Of these answers none that is wrong makes a form that is valid, but for those that the page names."""
    page = (ROOT / "docs/expert-workflow.md").read_text(encoding="utf-8")
    for each in replayed(path)[1]:
        if each.valid and not each.right:
            assert f"*{each.name}*: {each.told}" in page


def test_there_is_a_recording() -> None:
    assert len(RECORDED) >= 1


def test_experts_that_the_model_read_are_those_of_its_forms() -> None:
    """Three of five kinds of the stressed feeder: reviewed blocks with the numbers of the form, which are right; two were refused."""
    folder = written_folder(ROOT / "tests/golden/expert_reader/written/qwen2_5_coder_1_5b")
    assert set(folder.experts) == {"commercial", "industrial", "rural"}
    assert set(folder.refused) == {"hub", "residential"}
    known = {each.name: each.model for each in descriptions()}
    for name, path in folder.experts.items():
        found = read_written(OPEN, path, name)
        assert found.code == code_of(found.model)
        assert differences(known[name], found.model) == []
