"""Runs whose every number was worked out outside the program: a folder a case, with its provenance and tolerance."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/expected.json"))


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def case(request):
    return request.param


@pytest.fixture
def expected(case):
    return json.loads((case / "expected.json").read_text("utf-8"))


def test_the_case_says_where_its_numbers_come_from(expected):
    assert len(expected["provenance"]) > 100
    assert 0 <= expected["tolerance"] <= 1e-5


def test_the_summary_is_as_worked_out(case, expected, simulated):
    """Every key of the case; null where the measure is undefined."""
    summary = simulated(case / "scenario.yaml").summary
    for name, value in expected["summary"].items():
        assert summary[name] == (value if value is None else pytest.approx(value, abs=expected["tolerance"])), name


def test_everybody_pays_what_was_worked_out(case, expected, simulated):
    """From the table of agents, and as the total of the bill."""
    run = simulated(case / "scenario.yaml")
    for name, paid in expected["paid"].items():
        own = run.frame("agents", raw=True).loc[run.frame("agents", raw=True).name == name, "paid_money"].sum()
        assert own / 1e9 == pytest.approx(paid, abs=expected["tolerance"]), name
        assert run.bill(name, raw=True).loc["total", "amount_money"] == own


def test_the_trade_of_two_neighbours(simulated):
    """Slot, buyer, seller, Wh and ticks."""
    run = simulated(Path(__file__).parent / "two_neighbours" / "scenario.yaml")
    trades = run.frame("trades", raw=True)
    columns = ["slot", "buyer_name", "seller_name", "energy_wh", "price_ticks"]
    assert trades[columns].astype(object).to_numpy().tolist() == [[0, "home", "roof", 2000, 190_000]]
