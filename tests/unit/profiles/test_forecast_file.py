"""Forecasts from a file: the latest issue that was out counts, and nothing that was issued later is seen."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.errors import ProfileError
from marketsim.profiles.forecast_file import read_forecasts
from marketsim.profiles.params import ForecastChoice, SyntheticParams
from marketsim.profiles.synthetic import build

HEAD = "issued,time,a0_load_kw,a1_pv_kw"


@pytest.fixture
def given(agent, context, tmp_path):
    """``given(lines, head)``: forecasts of two agents in hours, and their context."""

    def of(*lines, head=HEAD, **more):
        (tmp_path / "f.csv").write_text("\n".join((head, *lines)) + "\n", encoding="utf-8")
        agents = [agent("a0"), agent("a1", pv_kw=5.0)]
        return context(agents, folder=tmp_path, slot_minutes=60, slots=24, **more)

    return of


def issue(issued, first, values):
    """Lines of an issue at an hour for the hours from ``first`` on."""
    return [
        f"2016-07-12T{issued:02}:00,2016-07-12T{first + place:02}:00,{load},{pv}"
        for place, (load, pv) in enumerate(values)
    ]


def test_the_latest_issue_counts_that_was_out(given):
    """At 5:00 that of 4:00 is out and that of 6:00 is not; hours that it lacks come from the one before."""
    lines = issue(0, 0, [(1, 10)] * 12) + issue(4, 5, [(2, 20)] * 3) + issue(6, 6, [(3, 30)] * 2)
    context = given(*lines)
    found = read_forecasts("f.csv", context)
    agents = np.array([0, 1])
    assert found.expected("load_kw", 5, 8, agents)[:, 0].tolist()[:7] == [2, 2, 2, 1, 1, 1, 1]
    assert np.isnan(found.expected("load_kw", 5, 8, agents)[7, 0])
    assert found.expected("load_kw", 6, 3, agents)[:, 0].tolist() == [3, 3, 1]
    assert np.isnan(found.expected("load_kw", 5, 2, agents)[:, 1]).all()
    assert found.expected("pv_kw", 5, 2, agents)[:, 1].tolist() == [20, 20]


def test_two_markets_expect_the_same(given):
    found = read_forecasts("f.csv", given(*issue(0, 0, [(1, 10)]), seeds=(1, 2)))
    assert found.expected("load_kw", 0, 1, np.arange(4))[0, [0, 2]].tolist() == [1, 1]


def test_profiles_hand_them_to_their_owners(given):
    """The slot that opens is metered; then the file; then, where it says nothing, what was metered the day before."""
    context = given(*issue(0, 0, [("", 1.5)] * 6))
    params = SyntheticParams(forecast=ForecastChoice(file={"path": "f.csv"}))
    profiles = build(params, context)
    persisting = build(SyntheticParams(forecast=ForecastChoice(persistence={})), context)
    time, agents = context.clock.at(2), np.array([0, 1])
    seen, usual = (each.forecast(time, agents).series("pv_kw", 8)[:, 1] for each in (profiles, persisting))
    assert seen[0] == profiles.at(time)["pv_kw"][1]
    assert seen[1:4].tolist() == [1.5] * 3
    assert np.array_equal(seen[4:], usual[4:])
    load = [each.forecast(time, agents).series("load_kw", 8)[:, 0] for each in (profiles, persisting)]
    assert np.array_equal(*load)


def test_coarser_steps_hold_for_their_slots(given):
    lines = ["2016-07-12T00:00,2016-07-12T00:00,1,2", "2016-07-12T00:00,2016-07-12T03:00,4,5"]
    assert read_forecasts("f.csv", given(*lines)).expected("load_kw", 0, 6, np.array([0]))[:, 0].tolist() == [
        1,
        1,
        1,
        4,
        4,
        4,
    ]


@pytest.mark.parametrize(
    ("lines", "head", "said"),
    [
        (["2016-07-12T00:00,2016-07-12T00:00,x,1"], HEAD, r"f\.csv:2: not a plain number of at least 0 \(got 'x'\)"),
        (["2016-07-12T00:00,12.7.2016,1,1"], HEAD, r"f\.csv:2: time: not a time"),
        (["2016-07-12T00:00,2016-07-12T00:00,1"], HEAD, "3 values for 4 columns"),
        (["2016-07-12T00:00,2016-07-12T00:00,1,1"], "issue,time,a0_load_kw,a1_pv_kw", "no column 'issued'"),
        (["2016-07-12T00:00,2016-07-12T00:00,1,1"], "issued,time,a0_load,a1_pv_kw", "did you mean 'a0_load_kw'"),
        (["2016-07-12T00:00,2016-07-12T00:00,1,1"], "issued,time,b_load_kw,c_pv_kw", "no column is of an agent"),
        (["2016-07-12T00:00,2016-07-12T00:30,1,1"], HEAD, "does not begin with a slot"),
        (["2016-07-12T00:00,2016-07-12T00:00,1,1", "2016-07-12T00:00,2016-07-12T00:15,1,1"], HEAD, "do not fit the slots"),
        ([*issue(0, 0, [(1, 1)] * 2), *issue(0, 5, [(1, 1)])], HEAD, "is not 1:00:00 after the last of the same issue"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(given, lines, head, said):
    context = given(*lines, head=head)
    with pytest.raises(ProfileError, match=said):
        read_forecasts("f.csv", context)


def test_columns_of_nobody_are_noted(given):
    found = read_forecasts("f.csv", given(*issue(0, 0, [(1, 1)]), head="issued,time,a0_load_kw,z_pv_kw"))
    assert found.notes == ("Forecasts of z_pv_kw in f.csv belong to no agent.",)


def test_a_choice_without_a_file_is_written_as_ever():
    """So scenarios of before keep their hashes."""
    assert "file" not in ForecastChoice(persistence={}).model_dump()
    assert SyntheticParams(forecast=ForecastChoice(file={"path": "f.csv"})).files_read() == ("f.csv",)
