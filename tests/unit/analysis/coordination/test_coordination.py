"""A community alone, in its market and planned together: the same days, the same gate, and words that hold."""

from __future__ import annotations

import numpy as np
import pytest

import marketsim as ms
from marketsim.analysis.coordination.days import days_in_a_row, days_of_a_year, slots_of
from marketsim.analysis.coordination.measured import MeasuredDay
from marketsim.analysis.coordination.public import asked_days, compared
from marketsim.analysis.coordination.study import (
    MARKET,
    UTILITY,
    Coordination,
    Plans,
    Way,
    as_json,
    objectives_of,
    rows_of,
    totals_of,
)
from marketsim.core.errors import InputError

HOURLY = {"clock.slot_minutes": 60, "clock.slots": 24}


@pytest.fixture(scope="module")
def ready():
    return ms.load_scenario("scenarios/mixed_income.yaml", HOURLY)


@pytest.fixture(scope="module")
def found(ready) -> Coordination:
    return compared(ready, days_in_a_row(ready, 2, 40), Plans())


def of(found, name):
    return totals_of(next(way for way in found.ways if way.name == name), found.alone, 0.5)


def test_all_ways_have_the_same_days_and_the_same_sun(found):
    """From noon to noon, in hours; what could be generated is the same whoever plans."""
    assert [way.name for way in found.ways] == [UTILITY, MARKET, "pool: cost_then_peak", "pool: peak_then_cost"]
    assert [str(day.date) for day in found.days] == ["2016-07-12", "2016-08-21"]
    for days in zip(*(way.days for way in found.ways), strict=True):
        assert {len(day.net_kw) for day in days} == {24}
        assert len({day.pv_kwh for day in days}) == 1


def test_who_plans_together_does_better(found):
    """The peak is lower than alone and in the market, most with the peak first; the cost is least with the cost first."""
    alone, market, cost, peak = (of(found, way.name) for way in found.ways)
    assert peak.mean_peak_kw <= cost.mean_peak_kw < min(alone.mean_peak_kw, market.mean_peak_kw)
    assert cost.cost <= peak.cost < alone.cost
    assert cost.cost <= market.cost
    assert (alone.mean_reduction, alone.saving, alone.optimal_days) == (None, None, None)
    assert 0.5 < peak.mean_reduction <= peak.most_reduction < 1
    assert all(0 <= each.solar_utilisation <= 1 for each in (alone, market, cost, peak))


def test_what_was_planned_is_what_happened_where_it_is_called_optimal(found):
    """Peak and cost of the plan, to what whole Wh leave, and nothing was refused or missed."""
    pools = [day for way in found.ways[2:] for day in way.days]
    assert all(day.optimal for day in pools)
    for day in pools:
        assert day.plan is not None
        assert day.peak_kw == pytest.approx(day.plan.peak_kw, abs=0.1)
        assert day.cost == pytest.approx(day.plan.cost, rel=0.01, abs=0.05)


def test_no_plan_is_called_optimal_where_the_grid_refused(ready):
    """Behind a connection of 2 kW the shared battery cannot do what was planned: counted, and not optimal."""
    limited = ready.variant({"agents[6].connection_kw": {"import": 2, "export": 2}})
    found = compared(limited, days_in_a_row(limited, 1, 1), Plans(("cost",)))
    pool = found.ways[-1]
    assert pool.days[0].refused_kwh > 1.0
    assert not pool.days[0].optimal
    assert of(found, "pool: cost").optimal_days == 0


def test_rows_and_json_say_the_same(found):
    """A row for each way and day; plain data, of which nothing is NaN."""
    import json

    rows, document = rows_of(found, 0.5), as_json(found, 0.5)
    assert len(rows) == 4 * 2
    assert document["days"] == rows
    assert "NaN" not in json.dumps(document)
    assert {row["reaches_target"] for row in rows if row["way"] == UTILITY} == {None}
    pool = [row for row in rows if row["way"] == "pool: peak_then_cost"]
    assert sum(row["reaches_target"] for row in pool) == document["ways"][3]["days_at_target"]


def test_own_forecasts_are_planned_anew(ready):
    """Climatology knows less: what happens is not what was planned at noon, which by perfect forecasts it is."""
    own, perfect = (
        compared(ready, days_in_a_row(ready, 1, 1), Plans(("cost",), forecasts)).ways[-1].days[0]
        for forecasts in ("own", "perfect")
    )
    assert own.missed_kwh == perfect.missed_kwh == 0.0
    for day, exact in ((own, False), (perfect, True)):
        assert day.plan is not None
        planned_kw = (day.plan.import_kwh - day.plan.export_kwh)[:24, 0]
        assert (np.abs(day.net_kw - planned_kw).max() < 0.05) == exact


def flat(kw, cost=1.0):
    return MeasuredDay(np.array(kw, dtype=float), cost, 0.0, 0.0, 0.0, 0.0, 0.0, 0)


def test_what_has_no_meaning_is_undefined():
    """No reduction of a peak that there is not, no saving of a cost that is none, no sun to use."""
    alone, other = Way(UTILITY, (flat([-1, -2], -3.0),)), Way("other", (flat([1, 2]),))
    found = totals_of(other, alone, 0.5)
    assert (found.mean_reduction, found.highest_reduction, found.days_at_target, found.saving) == (None,) * 4
    assert found.solar_utilisation is None
    assert found.load_factor == pytest.approx(0.75)


def test_days_of_a_year_have_its_highest_load(ready):
    """Every fourteenth, and one more unless it is among them; of the year of the start."""
    days = days_of_a_year(ready)
    assert len(days) in (27, 28)
    assert str(days[0].date) == "2016-01-01"
    assert slots_of(ready) == (12, 24)


def test_the_year_is_that_of_homes_whatever_owns_and_shares(ready):
    """Mixed income has a shared battery and a dividend; its hours of load are the same without."""
    plain = {"market.sharing": "none", "agents[6].owners": None}
    assert days_of_a_year(ready) == days_of_a_year(ready.variant({**HOURLY, **plain}))
    weekly = {**HOURLY, "market.sharing_period": "run"}
    assert days_of_a_year(ready) == days_of_a_year(ready.variant(weekly))


@pytest.mark.parametrize("weights", [[3], [{"feedback": 4}], [{"feedback": {}, "rank": {}}]])
def test_what_names_no_weights_is_refused(weights):
    with pytest.raises(InputError, match="weights: must be a name, or one name with its parameters"):
        ms.weigh("scenarios/mixed_income.yaml", weights=weights, days=1)


def test_weights_from_python_are_those_of_the_command():
    table = ms.weigh("scenarios/mixed_income.yaml", weights=["equal", {"feedback": {"burden_gain": 2}}], days=1)
    assert table["way"].tolist() == [UTILITY, "equal", "feedback {burden_gain: 2}"]
    assert table["burden_gini"].notna().all()
    assert {"burden_low", "access_high", "paid", "peak_kw"} <= set(table)
    with pytest.raises(InputError, match="must be a whole number from 1 to 366"):
        ms.weigh("scenarios/mixed_income.yaml", days=0)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"days": 0, "every": None, "year": False}, "--days: must be a whole number from 1 to 366"),
        ({"days": 2, "every": 400, "year": False}, "--every: must be a whole number from 1 to 366"),
        ({"days": 2, "every": None, "year": True}, "asked for in two ways"),
    ],
)
def test_days_that_are_none_are_refused(ready, asked, message):
    with pytest.raises(InputError, match=message):
        asked_days(ready, **asked)


def test_objectives_are_known_by_name():
    with pytest.raises(InputError, match=r"no such objective \(got cost_then_peek\)\n *did you mean cost_then_peak"):
        objectives_of(["cost_then_peek"])
    with pytest.raises(InputError, match="there is no objective"):
        objectives_of([])
    assert objectives_of(["peak", "cost", "peak"]) == ("peak", "cost")


def test_days_begin_at_noon(ready):
    """Slots of which noon is no border are refused."""
    odd = ready.variant({"clock.slot_minutes": 480, "clock.slots": 3})
    with pytest.raises(InputError, match="from noon to noon"):
        compared(odd, days_in_a_row(odd, 1, 1), Plans())


def test_from_python_it_is_a_table(ready):
    table = ms.coordinate(ready, objectives=["cost"], target=0.3)
    assert table.way.tolist() == [UTILITY, MARKET, "pool: cost"]
    assert table.peak_kw.gt(0).all()
