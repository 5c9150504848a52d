"""Weekly totals of a run, and the measures computed from them."""

import numpy as np
import pytest

from marketsim.analysis.evaluation.measures import MEASURES, by_name
from marketsim.analysis.evaluation.totals import HORIZONS, SCORES, WeeklyTotals, stacked, week_of_slots, weekly_totals

PILOT = "scenarios/pilot.yaml"
N_SCORES = len(SCORES) + len(HORIZONS)
TWO_WEEKS = {"clock.slots": 24 * 15}


def summed(totals):
    return WeeklyTotals(*(field.sum(axis=0) for field in totals))


@pytest.fixture(scope="module")
def pilot(simulated):
    return simulated(PILOT, TWO_WEEKS)


@pytest.fixture(scope="module")
def alone(simulated):
    strategies = {f"agents[{place}].strategy": {"utility_only": {}} for place in range(8)}
    return simulated(PILOT, {**TWO_WEEKS, **strategies})


def test_days_after_the_last_whole_week_belong_to_it():
    """15 days are two weeks of 7 and 8 days; three days are one week."""
    assert np.bincount(week_of_slots(15 * 24, 24)).tolist() == [7 * 24, 8 * 24]
    assert np.bincount(week_of_slots(3 * 24, 24)).tolist() == [3 * 24]


@pytest.mark.parametrize(
    ("name", "kpi"),
    [
        ("ftg", "ftg"),
        ("fbs", "fbs"),
        ("fpp", "fpp"),
        ("fbs_week", "fbs_week"),
        ("fbs_deviation", "fbs_deviation"),
        ("ftb", "ftb"),
        ("jain", "jain_fill"),
        ("neutrality", "price_neutrality"),
        ("trade_efficiency", "trade_efficiency"),
        ("gini_saving", "gini_saving"),
        ("worst_off", "worst_off_saving"),
    ],
)
def test_a_measure_over_all_weeks_is_the_runs_kpi(pilot, alone, name, kpi):
    """The totals lose nothing: summed over weeks they give what the run's own summary says."""
    found = by_name(name).compute(summed(weekly_totals(pilot, 24)), summed(weekly_totals(alone, 24)))
    assert found == pytest.approx(pilot.summary[kpi], rel=1e-9)


def test_kept_margin_is_the_ratio_of_the_runs_kpis(pilot, alone):
    """The utility's margin comes from the tables of slots; its reference is the run with the utility alone."""
    found = by_name("margin_kept").compute(summed(weekly_totals(pilot, 24)), summed(weekly_totals(alone, 24)))
    assert found == pytest.approx(pilot.summary["utility_margin"] / pilot.summary["utility_margin_grid_only"])


def test_the_reference_run_is_the_run_with_the_utility_alone(pilot, alone):
    """Bills of the utility-only arm are what the program's own reference run charges."""
    assert weekly_totals(alone, 24).bill.sum() == pytest.approx(
        pilot.summary["consumer_cost_grid_only"] + pilot.summary["prosumer_cost_grid_only"]
    )


def test_totals_add_up_over_weeks(pilot):
    """Two weeks' totals are the sum of each week's."""
    weeks = weekly_totals(pilot, 24)
    assert len(weeks.gains) == 2
    assert weeks.weight.shape == (2, N_SCORES)
    assert weeks.bill.sum() == pytest.approx(pilot.agents["paid"].sum())
    first = pilot.slots[pilot.slots["slot"] < 7 * 24]
    known = first["fbs"].notna()
    assert weeks.weighted[0, SCORES.index("fbs")] == pytest.approx(
        1_000 * (first["fbs"] * first["tradable_kwh"])[known].sum(), rel=1e-12
    )


def test_stacked_runs_have_as_many_weeks_as_the_shortest(pilot):
    """Seeds of unequal length are compared on the weeks that all have."""
    weeks = weekly_totals(pilot, 24)
    short = WeeklyTotals(*(field[:1] for field in weeks))
    both = stacked([weeks, short])
    assert both.bill.shape == (2, 1, 8)
    np.testing.assert_array_equal(both.bill[0], both.bill[1])


def test_a_measure_without_data_is_undefined():
    """No slot with a score, no savings and no turnover: NaN, not zero or one."""
    nothing = WeeklyTotals(*(np.zeros(shape) for shape in ((N_SCORES,), (N_SCORES,), (), (), (), (3,), (3,), (3,))))
    for measure in MEASURES:
        assert np.isnan(measure.compute(nothing, nothing)), measure.name
