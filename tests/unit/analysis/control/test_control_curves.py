"""Learning curves of an evaluation of controls: what trainings wrote, side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from marketsim.analysis.control.curves import COLUMNS, curve_of, curves_csv, draw_curves

pytest.importorskip("matplotlib", reason="the figure needs an extra")
HEAD = "update,episodes,agent_steps,total,system_cost,violations,gradient_steps\n"
SPEED = "update,playing_s,learning_s,agent_steps_per_s\n1,0.5,1.0,20.0\n2,0.25,1.25,20.0\n"


def training(folder: Path, rows: str = "1,2,60,-3.5,40.5,0.25,10\n2,4,120,1.5,30.0,,20\n", speed: str = SPEED) -> Path:
    folder.mkdir(parents=True)
    (folder / "training.csv").write_text(HEAD + rows)
    if speed:
        (folder / "speed.csv").write_text(speed)
    return folder


def test_a_row_an_update_by_hand(tmp_path):
    curve = curve_of("sac", 3, training(tmp_path / "sac-3"))
    assert curves_csv([curve]).splitlines() == [
        ",".join(COLUMNS),
        "sac,3,1,60,10,1.5,-3.5,40.5,0.25",
        "sac,3,2,120,20,3.0,1.5,30.0,",
    ]


def test_what_a_learner_does_not_count_and_a_machine_did_not_keep_is_empty(tmp_path):
    folder = training(tmp_path / "mappo-1", speed="")
    (folder / "training.csv").write_text("update,episodes,agent_steps,total\n1,2,60,2.0\n")
    assert curves_csv([curve_of("mappo", 1, folder)]).splitlines()[1] == "mappo,1,1,60,,,2.0,,"


@pytest.mark.parametrize("speed", [SPEED.splitlines()[0] + "\n2,0.25,1.25,20.0\n", "something,else\n"])
def test_times_that_are_not_whole_are_none(tmp_path, speed):
    curve = curve_of("sac", 1, training(tmp_path / "sac-1", speed=speed))
    assert np.isnan(curve.values["took_s"]).all()
    assert curve.values["total"].tolist() == [-3.5, 1.5]


def test_a_training_that_is_gone_or_is_another_has_none(tmp_path):
    assert curve_of("sac", 1, tmp_path / "nowhere") is None
    other = training(tmp_path / "other")
    (other / "training.csv").write_text("something,else\n1,2\n")
    assert curve_of("sac", 1, other) is None
    assert curve_of("sac", 1, training(tmp_path / "no update", rows="")) is None
    assert curve_of("sac", 1, training(tmp_path / "cut off", rows="1,2,60,-3.5,40")) is None


def test_seeds_of_other_lengths_are_drawn_to_the_same_bytes(tmp_path):
    curves = [
        curve_of("sac", 1, training(tmp_path / "sac-1")),
        curve_of("sac", 2, training(tmp_path / "sac-2", rows="1,2,60,-4.5,40.5,0.25,10\n")),
        curve_of("cloning", 1, training(tmp_path / "cloning-1", speed="")),
    ]
    pictures = [tmp_path / "one.svg", tmp_path / "two.svg"]
    for picture in pictures:
        draw_curves(curves, [picture])
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    assert ">sac<" in pictures[0].read_text()
