"""What better forecasts are worth: the same weeks for all ways, paired differences, and words that hold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_rel

import marketsim as ms
from marketsim.analysis.coordination.foresight import (
    CONTEXTS,
    DaysOfWay,
    Foreseen,
    Foresight,
    compare_foresight,
    day_rows,
    differences,
    foresight_json,
    mean_day,
    pairs_of,
    ways_of,
    weeks_of,
)
from marketsim.core.errors import InputError
from marketsim.profiles.calendar import same_date
from marketsim.profiles.parts import IS_OF

HOMES = {
    "name": "homes",
    "clock": {"start": "2016-07-12", "slots": 8, "slot_minutes": 180},
    "tariff": {"time_of_use": {"feed_in": 0.08, "windows": [
        {"from_hour": 6, "to_hour": 24, "retail": 0.4}, {"from_hour": 0, "to_hour": 6, "retail": 0.2}]}},
    "profiles": {"source": "simbench_2016"},
    "agents": [
        {"kind": "prosumer", "count": 2, "pv_kw": 6, "load": {"annual_kwh": 4000}},
        {"kind": "prosumer", "name": "store", "load": {"annual_kwh": 0}, "battery": {"energy_kwh": 10, "power_kw": 4}},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def found() -> Foreseen:
    return compare_foresight(ms.load_scenario(HOMES), Foresight("validation", 2, 3))


def test_all_ways_have_the_same_weeks(found: Foreseen) -> None:
    """Each way the six days of each week asked for; those who know all pay least, with peaks at their price, and nothing is refused or missed."""
    assert list(found.ways) == list(ways_of(found.asked))
    assert {len(days.cost) for days in found.ways.values()} == {2 * 6}
    totals = {name: mean_day(days)["total"] for name, days in found.ways.items()}
    assert totals["perfect"] < min(total for name, total in totals.items() if name != "perfect")
    for days in found.ways.values():
        assert days.total == pytest.approx(days.cost + 0.3 * days.peak_kw)
        assert not days.refused_kwh.any()
        assert not days.missed_kwh.any()
    rows = day_rows(found)
    assert len(rows) == 12 * len(found.ways)
    assert [row["date"] for row in rows[5:7]] == ["2016-01-06", "2016-07-01"]


def test_forecasts_are_scored_for_each_context(found: Foreseen) -> None:
    """Context makes forecasts of PV sharper; intervals hold somewhere about what they say."""
    assert list(found.skill) == list(CONTEXTS)
    assert found.skill["own context"].pv_pinball_kw < found.skill["usual days"].pv_pinball_kw
    for skill in found.skill.values():
        assert 0.4 < skill.load_covered < 1.0
        assert 0.4 < skill.pv_covered < 1.0


def test_differences_are_paired_by_days() -> None:
    """Mean and interval as of a paired t-test, of each pair and measure."""
    rng = np.random.default_rng(1)
    asked = Foresight("test", 5, 4)
    ways = {name: DaysOfWay(*rng.normal(100, 5, (5, 30))) for name in ways_of(asked)}
    made = Foreseen(ms.load_scenario(HOMES), asked, weeks_of("test", 5), ways, {})
    told = differences(made)
    assert len(told) == 3 * len(pairs_of(asked))
    for each in told:
        mine, theirs = (getattr(ways[name], each.measure) for name in (each.way, each.other))
        interval = ttest_rel(mine, theirs).confidence_interval(0.95)
        assert (each.low, each.high) == pytest.approx((interval.low, interval.high))
    assert len(foresight_json(made)["differences"]) == len(told)


def test_weeks_are_whole_and_of_the_part_that_is_asked_for() -> None:
    """One a month at most, spread over the year."""
    for part in ("validation", "test"):
        starts = weeks_of(part, 12)
        assert [start.month for start in starts] == list(range(1, 13))
        for start in starts:
            first = same_date(start)
            assert IS_OF[part][first : first + 7].all()
            assert not IS_OF[part][first + 7]
    assert [start.month for start in weeks_of("test", 4)] == [1, 4, 7, 10]


def test_what_cannot_be_is_refused(tmp_path) -> None:
    """Too few weeks, slots without a noon, and series of the user's own."""
    ready = ms.load_scenario(HOMES)
    for weeks in (1, 13):
        with pytest.raises(InputError, match="--weeks: must be a whole number from 2 to 12"):
            compare_foresight(ready, Foresight("test", weeks))
    flat = {"tariff": {"flat": {"retail": 0.3, "feed_in": 0.08}}}
    with pytest.raises(InputError, match="from noon to noon"):
        compare_foresight(ready.variant({"clock.slot_minutes": 480, "clock.slots": 3, **flat}), Foresight())
    (tmp_path / "own.csv").write_text(
        "time,home_load_kw\n" + "\n".join(f"2016-07-12T{h:02d}:00,1" for h in range(24)) + "\n"
    )
    file = {"source": "file", "path": str(tmp_path / "own.csv")}
    homes = [{"name": "home", "kind": "consumer", "load": {}}]
    own = ms.load_scenario(
        {**HOMES, "clock": {**HOMES["clock"], "slot_minutes": 60}, "profiles": file, "agents": homes}, trust=True
    )
    with pytest.raises(InputError, match="no days for training and for tests"):
        compare_foresight(own, Foresight())
