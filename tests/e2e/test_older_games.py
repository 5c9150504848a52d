"""Folders of versions that knew no game but the market: they are looked at, compared, resumed and evaluated as before."""

from __future__ import annotations

from pathlib import Path

import pytest

import marketsim as ms
from marketsim.analysis.compare.arms import arms_of_runs
from marketsim.app.training import train_scenario
from marketsim.learning.curves import read_curves

NEW = "game: {market: {days: 1, prices: 11, quantities: 4, charges: 5, agents: all, ratings: null}}"
OLD = "game: {days: 1, prices: 11, quantities: 4, charges: 5, agents: all, ratings: null}"
SHORT = {
    "clock.slots": 24,
    "learning.learner.ppo.markets": 2,
    "learning.learner.ppo.episodes": 8,
    "learning.learner.ppo.hidden": [8],
}


def made_older(folder: Path) -> None:
    """Put the resolved scenario of a folder as versions before wrote it."""
    path = folder / "scenario.yaml"
    text = path.read_text()
    assert text.count(NEW) == 1
    path.write_text(text.replace(NEW, OLD))


def test_runs_of_both_forms_are_one_arm(root, tmp_path):
    """Two seeds of one scenario, the first written by a version before: nothing differs but the seed."""
    for seed in (1, 2):
        ms.simulate(
            ms.load_scenario(root / "scenarios/pilot.yaml", {"clock.slots": 4, "seed": seed}), tmp_path / str(seed)
        )
    made_older(tmp_path / "1")
    [arm] = arms_of_runs([tmp_path / "1", tmp_path / "2"])
    assert sorted(arm.samples) == [1, 2]
    assert ms.open_run(tmp_path / "1").status == "complete"
    again = ms.simulate(ms.load_scenario(tmp_path / "1" / "scenario.yaml"))
    assert again.manifest["scenario_hash"] == ms.open_run(tmp_path / "1").manifest["scenario_hash"]


def test_a_training_of_before_goes_on(root, tmp_path):
    """Stopped by a version before, resumed by this one: the bytes of one that was never stopped."""
    ready = ms.load_scenario(root / "scenarios/pilot.yaml", SHORT)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    train_scenario(ready, whole)

    def stop(_: object) -> None:
        if len(read_curves(stopped)["update"]) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_scenario(ready, stopped, progress=stop)
    made_older(stopped)
    train_scenario(ms.load_scenario(stopped / "scenario.yaml"), stopped, resume=True)
    for name in ("training.csv", "checkpoint.pt"):
        assert (whole / name).read_bytes() == (stopped / name).read_bytes(), name
