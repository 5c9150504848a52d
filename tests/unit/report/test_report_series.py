"""Series of slots, by day."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.report.series import MOST_SLOTS, by_day, plain, rounded, slot_series, slots_of

NAN = float("nan")
energies = st.lists(st.floats(0, 1e6), min_size=1, max_size=60)


@given(energies, st.integers(1, 24))
def test_energy_of_the_days_is_energy_of_the_slots(values, slots_per_day):
    """Nothing is lost or counted twice, also where the last day is short."""
    daily = by_day({"p2p": np.array(values)}, slots_per_day)["p2p"]
    assert len(daily) == math.ceil(len(values) / slots_per_day)
    assert daily.sum() == pytest.approx(sum(values))


@given(st.lists(st.one_of(st.just(NAN), st.floats(0.9, 1.1)), min_size=1, max_size=60), st.integers(1, 24))
def test_extremes_survive(values, slots_per_day):
    """The lowest voltage of the days is that of the slots; a day without any is undefined."""
    column = np.array(values)
    low = by_day({"v_min": column}, slots_per_day)["v_min"]
    for day, found in enumerate(low):
        own = column[day * slots_per_day : (day + 1) * slots_per_day]
        known = own[~np.isnan(own)]
        assert (len(known) == 0 and np.isnan(found)) or found == known.min()


def test_prices_of_a_day_are_weighted_by_what_was_traded():
    daily = by_day({"p2p": np.array([1.0, 3.0, 0.0, 0.0]), "price": np.array([0.1, 0.2, NAN, NAN])}, 2)
    assert daily["price"][0] == pytest.approx(0.175)
    assert np.isnan(daily["price"][1])


def test_numbers_for_json_are_short_and_finite():
    assert plain(np.array([1.0, 0.123456, NAN, np.inf]), 3) == [1, 0.123, None, None]


def test_what_is_never_defined_is_left_out():
    assert rounded({"price": np.array([NAN, NAN]), "p2p": np.array([1.0, NAN])}) == {"p2p": [1, None]}


def test_series_of_a_run_are_its_table_in_daily_units(simulated, hours):
    run = simulated("scenarios/ieee141.yaml", hours)
    series = slot_series(run)
    assert series["p2p"] == pytest.approx(run.slots.p2p_kwh.to_numpy())
    assert series["retail"] == pytest.approx(run.slots.retail.to_numpy())
    assert np.nanmin(series["v_min"]) == run.summary["voltage_min_pu"]
    assert series["import"].sum() == pytest.approx(run.summary["import_kwh"])
    assert slots_of(run).tolist() == list(range(24))
    assert MOST_SLOTS > 672, "a week of quarter hours is shown slot by slot"
