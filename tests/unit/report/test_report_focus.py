"""Which slots are shown one by one."""

import numpy as np

from marketsim.report.focus import MOST_DAYS, focuses
from marketsim.report.series import MOST_SLOTS


def year(days=30, slots_per_day=96, **events):
    """Flat series with one event a name at a day."""
    series = {"p2p": np.ones(days * slots_per_day), "demand": np.ones(days * slots_per_day)}
    for name, day in events.items():
        series[name] = np.zeros(days * slots_per_day)
        series[name][day * slots_per_day + 40] = 5.0
    return series


def test_a_short_run_is_shown_whole():
    assert [(each.begin, each.end) for each in focuses({"p2p": np.ones(MOST_SLOTS)}, 96)] == [(0, MOST_SLOTS)]


def test_days_of_a_long_run_say_why_they_were_chosen():
    found = {each.label: each.begin // 96 for each in focuses(year(out_of_band=3, refused=7, curtailed=9), 96)}
    assert found["most buses out of band"] == 3
    assert found["most energy refused"] == 7
    assert found["most energy curtailed"] == 9


def test_one_day_may_have_several_reasons():
    found = focuses(year(out_of_band=4, refused=4), 96)
    assert found[0].label.startswith("most buses out of band, most energy refused")
    assert len({each.begin for each in found}) == len(found)


def test_what_did_not_happen_chooses_no_day():
    labels = " ".join(each.label for each in focuses(year(out_of_band=4) | {"refused": np.zeros(30 * 96)}, 96))
    assert "refused" not in labels


def test_there_are_few_days_and_each_is_a_day():
    names = {name: day for day, name in enumerate(("out_of_band", "refused", "curtailed", "v_max", "loading"))}
    found = focuses(year(**names), 96)
    assert 0 < len(found) <= MOST_DAYS
    assert all(each.begin % 96 == 0 and len(each.positions) == 96 for each in found)


def test_a_run_without_slots_shows_none():
    assert focuses({}, 96) == []
