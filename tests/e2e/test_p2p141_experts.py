"""What the experts of ``p2p141`` reach on its twelve validation days, by a power flow that they do not use."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

import pytest

import marketsim as ms
from marketsim.analysis.experts.solving import Bound, bound

pytest.importorskip("clarabel", reason="experts need clarabel: pip install 'marketsim[experts]'")
SCENARIO = Path(__file__).resolve().parents[2] / "scenarios/p2p141.yaml"
NO_BAND = {"grid.voltage_band_pu": [0.5, 1.5]}


def planned(changes: dict[str, Any], *, played: bool = False) -> Bound:
    return bound(ms.load_scenario(SCENARIO, changes), "validation", played=played)


def summed(found: Bound, *keys: str) -> float:
    return sum(float(getattr(day, key)) for day in found.days for key in keys)


def saving(found: Bound) -> float:
    """Of everything at rest."""
    return 1.0 - summed(found, "cost") / summed(found, "idle_cost")


@pytest.fixture(scope="module")
def joint() -> Bound:
    return planned({})


@pytest.mark.full
def test_the_joint_plan_halves_the_cost_and_leaves_nothing_outside(joint: Bound) -> None:
    """0 bus-slots outside in six programmes a day at most, at least 47 % below rest, within 3 s of processor time a day."""
    assert len(joint.days) == 12
    assert (
        summed(joint, "over", "under")
        == 0
        < 0.025 * summed(joint, "bus_slots")
        < summed(joint, "idle_over", "idle_under")
    )
    assert saving(joint) >= 0.47
    assert max(day.solves for day in joint.days) <= 6
    assert median(day.seconds for day in joint.days) <= 3.0


@pytest.mark.full
def test_voltages_cost_the_joint_plan_at_most_a_hundredth(joint: Bound) -> None:
    """Beside the plan that may leave the band, and does."""
    free = planned(NO_BAND)
    assert summed(free, "cost") <= summed(joint, "cost") <= 1.01 * summed(free, "cost")
    assert max(day.solves for day in free.days) == 1


@pytest.mark.nightly
def test_with_forecasts_most_of_the_saving_is_left(joint: Bound) -> None:
    """Planned anew every hour: 85 % of the perfect saving, at most 0.3 % of bus-slots outside, 8 s of processor time a day."""
    played = planned({"expert": {"joint": {"information": "forecast"}}}, played=True)
    assert saving(played) >= 0.85 * saving(joint)
    assert summed(played, "over", "under") <= 0.003 * summed(played, "bus_slots")
    assert summed(played, "seconds") <= 8.0 * len(played.days)
