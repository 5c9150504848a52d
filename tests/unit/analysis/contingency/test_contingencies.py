"""Failures ranked by what they cost, restored where a tie can."""

from __future__ import annotations

import pytest

from marketsim.analysis.contingency.assessment import Contingencies, Damage, contingencies
from marketsim.analysis.trajectory import follow
from marketsim.app.ready import load_scenario
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.errors import InputError, NetworkError

DAY = {"clock.slots": 24, "clock.slot_minutes": 60}
SHORT = {"name": "short", "buses": [87, 52], "r_ohm": 0.2, "x_ohm": 0.2}
WEAK = {"name": "weak", "buses": [87, 52], "r_ohm": 30.0, "x_ohm": 30.0}


def ready(*ties: dict[str, object]) -> ReadyScenario:
    return load_scenario("scenarios/ieee141.yaml", {**DAY, "grid.ties": list(ties)})


@pytest.fixture(scope="module")
def alone() -> Contingencies:
    return contingencies(ready(), 4.0)


def by_name(found: Contingencies, name: str) -> Damage:
    return next(each for each in found.ranked if each.name == name)


def test_the_worst_is_first(alone: Contingencies) -> None:
    assert [each.unserved_kwh for each in alone.ranked] == sorted((d.unserved_kwh for d in alone.ranked), reverse=True)
    assert alone.ranked[0].name == "line 1-2 open"
    assert alone.ranked[0].customers == 104


def test_every_branch_is_opened_once(alone: Contingencies) -> None:
    assert sum(each.kind == "line" for each in alone.ranked) == 140
    assert {each.kind for each in alone.ranked} == {"source", "unit", "line"}, "no transformer, no capacitor"


def test_unserved_energy_is_the_worst_window_of_what_the_dark_consume(alone: Contingencies) -> None:
    """All consumption of the four hours that hold most of it, when the head is lost."""
    demand = follow(ready()).demand_kw[:, 1:].sum(axis=1)
    worst = max(sum(demand[begin : begin + 4]) for begin in range(21))
    assert alone.ranked[0].unserved_kwh == pytest.approx(worst)


def test_a_tie_restores_what_it_reaches(alone: Contingencies) -> None:
    """The line before bus 87 is lost: its customers are back over the tie, and the failure drops in rank."""
    line = next(d.name for d in alone.ranked if d.name.endswith("-86 open") or d.name == "line 85-86 open")
    before = by_name(alone, line)
    after = by_name(contingencies(ready(SHORT), 4.0), line)
    assert before.unserved_kwh > 0
    assert before.restored == "no tie reaches it"
    assert (after.unserved_kwh, after.customers, after.restored) == (0.0, 0, "over short")
    assert after.lost_kwh == before.unserved_kwh


def test_a_tie_that_would_break_a_limit_stays_open() -> None:
    scenario = load_scenario(
        "scenarios/ieee141.yaml", {**DAY, "grid.ties": [WEAK], "grid.voltage_band_pu": [0.985, 1.05]}
    )
    found = [each for each in contingencies(scenario, 4.0).ranked if "weak" in each.restored]
    assert found
    assert any(each.restored.startswith("weak would break a limit") and each.unserved_kwh > 0 for each in found)


def test_a_higher_source_raises_voltages_beyond_the_band(alone: Contingencies) -> None:
    high, low = by_name(alone, "source +5 %"), by_name(alone, "source -5 %")
    assert high.deepest_pu > 0.01
    assert high.violated == 24
    assert low.unserved_kwh == high.unserved_kwh == 0


def test_nonsense_is_refused() -> None:
    with pytest.raises(InputError, match="hours must be positive"):
        contingencies(ready(), 0.0)
    with pytest.raises(NetworkError, match="no such bus"):
        contingencies(ready({**SHORT, "buses": [87, 999]}), 4.0)
    with pytest.raises(InputError, match="pilot has none"):
        contingencies(load_scenario("scenarios/pilot.yaml"))
