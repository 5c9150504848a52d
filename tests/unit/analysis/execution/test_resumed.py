"""Evaluations that go on: what a user types is what was asked for."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from marketsim.analysis.asked_evaluation import EvaluationAsked, evaluation_asked


@pytest.mark.parametrize(
    ("scenario", "arm", "own"),
    [
        ("pilot", "none", ["--seeds", "2", "--weeks", "4"]),
        ("p2p141", "idle", ["--seeds", "2"]),
        ("shared_roof", "learned", ["--seeds", "2"]),
    ],
)
@pytest.mark.parametrize("trust", [True, False])
def test_the_command_that_goes_on_says_all_that_was_asked_for(tmp_path, scenario, arm, own, trust):
    what = Path(f"scenarios/{scenario}.yaml")
    asked = EvaluationAsked(arms=(arm,), seeds=2, part="validation", out=tmp_path / "kept", trust=trust)
    words = shlex.split(evaluation_asked(what, {"seed": 3}, asked).resume_command)
    trusted = ["--trust"] if trust else []
    said = ["marketsim", "evaluate", str(what), "--set", "seed=3", *trusted, "--arm", arm, *own, "--part", "validation"]
    assert words == [*said, "--out", str(tmp_path / "kept"), "--resume"]
