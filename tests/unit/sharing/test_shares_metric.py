"""KPIs of shared bills: the same as looking at the whole run at once."""

from __future__ import annotations

import numpy as np
import pytest

import marketsim as ms
from marketsim.app.wiring import build
from marketsim.core.simulation import Simulation
from marketsim.core.units import MONEY_PER_CURRENCY

LOAD = {"annual_kwh": {"uniform": [1500, 5000]}}
STREET = {
    "name": "street",
    "clock": {"start": "2016-06-21", "slots": 72, "slot_minutes": 60},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
    "profiles": {"source": "synthetic"},
    "metrics": ["shares"],
    "agents": [
        {"name": "roof", "count": 2, "kind": "prosumer", "pv_kw": 5, "load": LOAD, "strategy": "truthful"},
        {"name": "flat", "count": 3, "kind": "consumer", "load": LOAD, "strategy": "truthful"},
    ],
}


def kpis(**overrides):
    run = ms.simulate(ms.load_scenario(STREET, overrides))
    return run, {name: value for name, value in run.summary.items() if name.startswith("share_")}


@pytest.mark.parametrize("rule", ["none", "equal_gain", "slot_prices"])
def test_the_excess_is_that_of_the_bills_as_shared(rule):
    """Slots are added up in pieces; what ``ms.share`` says of the whole run at once is the same."""
    _, found = kpis(**({} if rule == "none" else {"market.sharing": rule, "market.sharing_period": "run"}))
    run, _ = kpis()
    expected = ms.share(run, rule=rule)
    assert found["share_worst_excess"] == pytest.approx(expected.worst_excess, abs=1e-6)
    assert found["share_standard_error"] is None


def test_the_twin_is_what_groups_left_undone_alone():
    """The reference run's bills are those alone: what a group would gain is what it saves by acting together."""
    _, found = kpis()
    alone = {**STREET, "agents": [{**agent, "strategy": "utility_only"} for agent in STREET["agents"]]}
    expected = ms.share(ms.simulate(ms.load_scenario(alone)), rule="none")
    assert found["share_worst_excess_grid_only"] == pytest.approx(expected.worst_excess, abs=1e-6)
    assert found["share_worst_excess_grid_only"] > found["share_worst_excess"]


def test_errors_of_periods_add_up_as_those_of_draws_that_know_nothing_of_each_other():
    """Over three days; the line of sharing itself is the same as without the metric."""
    sampled = {"market.sharing": {"shapley": {"exact_up_to": 0, "orders": 8}}, "market.sharing_period": "day"}
    _, found = kpis(**sampled)
    built = build(ms.load_scenario(STREET, sampled))
    errors = [record.share_errors for record in Simulation(built.world).run() if record.share_errors is not None]
    assert len(errors) == 3
    largest = np.sqrt(np.square(errors).sum(axis=0)).max() / MONEY_PER_CURRENCY
    assert found["share_standard_error"] == pytest.approx(largest)
    assert largest > 0.0


def test_of_more_agents_than_are_looked_at_it_is_undefined():
    _, found = kpis(metrics=[{"shares": {"most_members": 4}}])
    assert found == {"share_worst_excess": None, "share_worst_excess_grid_only": None, "share_standard_error": None}


def test_of_one_agent_there_is_no_group():
    run = ms.simulate(ms.load_scenario({**STREET, "agents": [STREET["agents"][0] | {"count": 1}]}))
    assert run.summary["share_worst_excess"] is None
