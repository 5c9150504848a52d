"""Plans that trainings share: the same day of the same community is planned once, and nothing else is taken for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import marketsim as ms
from marketsim.app.kept_plans import KeptPlans
from marketsim.core.expert import Plan
from marketsim.core.setpoints import Setpoints
from marketsim.experts.columns import prosumers
from marketsim.experts.model import ProsumerModel
from tests.learning.community import community

OWN = prosumers([ProsumerModel(load_peak_kw=1.0, pv_kw=2.0)])


def plan(number: float) -> Plan:
    points = Setpoints(*(np.full((3, 1), number + k) for k in range(len(Setpoints._fields))))
    return Plan(points, np.full((4, 1), number / 3.0), "solved", float("nan"), 0.5, 2, 7)


def known(kept: KeptPlans, view: bytes, number: float) -> float:
    """First number of the plan of a view, made of ``number`` where it has to be made."""
    return float(kept.known(view, lambda: plan(number)).setpoints.generator_kw[0, 0])


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    """Also by another process, to the last bit; another view, another expert or another plant is another plan."""
    ready = ms.load_scenario(community())
    made = KeptPlans(tmp_path, ready, OWN).known(b"day", lambda: plan(1.0))
    found = KeptPlans(tmp_path, ms.load_scenario(community()), OWN).known(b"day", lambda: plan(2.0))
    for ours, theirs in zip((*made.setpoints, made.stored_kwh), (*found.setpoints, found.stored_kwh), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert (found.status, found.seconds, found.solves, found.outside) == ("solved", 0.5, 2, 7)
    assert np.isnan(found.objective)
    other = ms.load_scenario(community(expert={"joint": {"voltage_weight": 30}}))
    larger = prosumers([ProsumerModel(load_peak_kw=1.0, pv_kw=3.0)])
    assert known(KeptPlans(tmp_path, ready, OWN), b"other day", 3.0) == 3.0
    assert known(KeptPlans(tmp_path, other, OWN), b"day", 4.0) == 4.0
    assert known(KeptPlans(tmp_path, ready, larger), b"day", 5.0) == 5.0
    assert len(list(tmp_path.iterdir())) == 4


def test_seed_and_learner_change_no_plan(tmp_path: Path) -> None:
    """So all arms and seeds of an evaluation share them."""
    raw = community()
    known(KeptPlans(tmp_path, ms.load_scenario(raw), OWN), b"day", 1.0)
    raw["seed"] = 7
    raw["learning"] = {"game": "setpoints", "learner": "cloning"}
    assert known(KeptPlans(tmp_path, ms.load_scenario(raw), OWN), b"day", 2.0) == 1.0


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04"])
def test_a_damaged_file_counts_as_absent(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    ready = ms.load_scenario(community())
    known(KeptPlans(tmp_path, ready, OWN), b"day", 1.0)
    next(tmp_path.iterdir()).write_bytes(content)
    assert known(KeptPlans(tmp_path, ready, OWN), b"day", 2.0) == 2.0
    assert "planned again" in caplog.text
    assert known(KeptPlans(tmp_path, ready, OWN), b"day", 3.0) == 2.0
