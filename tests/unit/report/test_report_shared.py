"""Bills by rules, equity over time and the peak, as a report has them."""

from __future__ import annotations

import numpy as np
import pytest

import marketsim as ms
from marketsim.report import shared_part
from marketsim.report.equity_part import equity_days
from marketsim.report.peak_part import MOST_POINTS, duration_curve
from marketsim.report.run_page import RunContent, page_context, page_data
from marketsim.report.write import run_report

LOAD = {"annual_kwh": {"uniform": [1500, 5000]}}
STREET = {
    "name": "street",
    "clock": {"start": "2016-06-21", "slots": 60, "slot_minutes": 60},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
    "profiles": {"source": "synthetic"},
    "metrics": ["equity"],
    "agents": [
        {
            "name": "roof",
            "count": 2,
            "kind": "prosumer",
            "pv_kw": 5,
            "load": LOAD,
            "income": 4000,
            "strategy": "truthful",
        },
        {"name": "flat", "count": 3, "kind": "consumer", "load": LOAD, "income": 1500, "strategy": "truthful"},
    ],
}


@pytest.fixture(scope="module")
def run():
    return ms.simulate(ms.load_scenario(STREET))


def test_bills_are_those_of_share(run):
    """By every rule of the page, alone and as paid; and the groups that would rather leave."""
    content = RunContent(run)
    shared = page_data(content)["shared"]
    assert list(shared["columns"]) == ["alone", "paid", "slot_prices", "equal_gain", "shapley"]
    for rule in ("slot_prices", "equal_gain", "shapley"):
        found = ms.share(run, rule=rule)
        assert shared["columns"][rule] == pytest.approx(found.shares, abs=1e-4)
        said = next(each for each in page_context(content)["rules"] if each.name == rule)
        assert said.excess == pytest.approx(found.worst_excess)
        assert said.group == found.worst_coalition
    assert shared["columns"]["alone"] == pytest.approx(found.alone, abs=1e-4)
    assert shared["columns"]["paid"] == pytest.approx(found.paid, abs=1e-4)


def test_lines_of_a_bill_add_up_to_it(run):
    """What ``ms.explain`` says of each agent, line by line."""
    shared = page_data(RunContent(run))["shared"]
    for row, name in enumerate(shared["names"]):
        lines = shared["bills"][row]
        assert sum(line[3] for line in lines) == pytest.approx(ms.explain(run, name).priced_money / 1e9)
        assert sum(line[3] for line in lines) == pytest.approx(shared["columns"]["slot_prices"][row], abs=1e-4)


def test_what_takes_too_long_is_left_out(run, monkeypatch):
    """A sampled rule first, then groups, then the whole part; the page is the same otherwise."""
    monkeypatch.setattr(shared_part, "_MOST_LISTED", 3)
    sampled = RunContent(run)
    assert page_data(sampled)["shared"]["errors"] is not None
    assert page_context(sampled)["rules"] == []
    monkeypatch.setattr(shared_part, "_MOST_DRAWN", 0)
    assert "shapley" not in page_data(RunContent(run))["shared"]["columns"]
    monkeypatch.setattr(shared_part, "MOST_CELLS", 299)
    assert page_data(RunContent(run))["shared"] is None
    assert "Who should pay what" not in run_report(run)


def test_equity_is_that_of_the_kpis_at_the_last_day(run):
    """And has a value for each day, the last one shorter; the reference run beside it."""
    days = page_data(RunContent(run))["equity"]
    assert {name: len(values) for name, values in days.items()} == dict.fromkeys(days, 3)
    assert days["gini"][-1] == pytest.approx(run.summary["burden_gini"], abs=1e-6)
    assert days["worst"][-1] == pytest.approx(run.summary["burden_worst"], abs=1e-6)
    assert days["gini_alone"][-1] == pytest.approx(run.summary["burden_gini_grid_only"], abs=1e-6)
    assert days["worst_alone"][-1] == pytest.approx(run.summary["burden_worst_grid_only"], abs=1e-6)
    shorter = ms.simulate(ms.load_scenario(STREET, {"clock.slots": 24}))
    assert days["gini"][0] == pytest.approx(shorter.summary["burden_gini"], abs=1e-6)


def test_without_incomes_there_is_no_equity():
    agents = [{**STREET["agents"][0]}, {"name": "flat", "kind": "consumer"}]
    run = ms.simulate(ms.load_scenario({**STREET, "agents": agents, "metrics": []}, {"clock.slots": 24}))
    assert equity_days(run, RunContent(run).ready.agents, 24, 1.0) is None
    assert "Equity over time" not in run_report(run)


def test_the_peak_is_the_first_power_of_its_curve(run):
    curve = page_data(RunContent(run))["peak"]
    assert curve["kw"][0] == pytest.approx(run.summary["peak_import_kw"], abs=1e-3)
    assert curve["alone"] == run.summary["peak_import_kw_grid_only"]
    assert (np.diff(curve["kw"]) <= 0).all()
    assert curve["share"][-1] == 100
    assert len(curve["kw"]) == 60


def test_a_long_curve_keeps_its_ends():
    series = {"import": np.arange(5000.0), "export": np.full(5000, 10.0)}
    curve = duration_curve(series, 15)
    assert len(curve["kw"]) == MOST_POINTS
    assert (curve["kw"][0], curve["kw"][-1]) == (4 * 4989, -40)
    assert duration_curve({}, 15) is None
