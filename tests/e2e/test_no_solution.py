"""Where the firm demand alone has no power flow solution: the run says so and goes on, and who asks further is told."""

from __future__ import annotations

import numpy as np
import pytest

import marketsim as ms
from marketsim.analysis.trajectory import follow
from marketsim.core.errors import PowerFlowDiverged, RunError
from marketsim.grid.flow.cases import AnyCases, RadialCases, Slots
from marketsim.testing.grids import tree_network

AGENTS = (
    {"name": "roof", "bus": "b2", "pv_kw": 20},
    {"name": "shop", "kind": "consumer", "bus": "c2"},
)
HOUR = 12
USUAL = [30.0] * 24
TOO_MUCH = [2_000.0 if hour == HOUR else 30.0 for hour in range(24)]
SUN = {"roof_load_kw": 2, "roof_pv_kw": [20 if 8 <= hour < 18 else 0 for hour in range(24)]}


@pytest.fixture(scope="module")
def both(street):
    """A run in which the cable is asked for 2 MW at noon, and the same without."""
    return tuple(street(AGENTS, {**SUN, "shop_load_kw": load}) for load in (TOO_MUCH, USUAL))


def test_one_slot_without_a_solution_leaves_the_others_as_they_are(both):
    """All 23 other rows of both tables are those of the run that never had it."""
    run, usual = both
    for name in ("slots", "agents", "voltages"):
        here, there = (
            table[table.slot != HOUR].reset_index(drop=True) for table in (getattr(run, name), getattr(usual, name))
        )
        assert here.equals(there), name


def test_the_slot_says_that_it_has_none(both):
    """No voltage, no losses out of nowhere; demand is served and paid, nothing deferrable moves, and it counts."""
    run, _ = both
    assert (run.summary["unsolved_slots"], run.summary["firm_violation_slots"]) == (1, 1)
    slot = run.frame("slots", raw=True).set_index("slot").loc[HOUR]
    assert np.isnan(slot.voltage_min_pu)
    shop = run.frame("agents", raw=True)[
        (run.frame("agents", raw=True).name == "shop") & (run.frame("agents", raw=True).slot == HOUR)
    ].iloc[0]
    assert shop.import_wh + shop.bought_wh == 2_000_000
    assert shop.paid_money > 0
    assert set(run.frame("rejects", raw=True)[run.frame("rejects", raw=True).slot == HOUR].reason) <= {"diverged"}
    assert run.summary["money_imbalance"] == run.summary["energy_imbalance_wh"] == 0


def test_its_net_cannot_be_had_and_that_of_its_neighbour_can(both):
    """``run.net`` raises the error that is made for this, with the feeder's name; exit code 1."""
    run, _ = both
    with pytest.raises(PowerFlowDiverged, match=r"street\.json.*no solution"):
        run.net(HOUR)
    assert run.net(HOUR + 1).res_bus.vm_pu.notna().all()
    assert issubclass(PowerFlowDiverged, RunError)
    assert PowerFlowDiverged("x").exit_code == 1


def test_analyses_of_the_grid_refuse_to_start_from_it(both, street_folder):
    """A trajectory names the first such slot."""
    run, _ = both
    assert run.summary["unsolved_slots"] == 1
    ready = ms.load_scenario(
        {
            "name": "dark",
            "folder": str(street_folder),
            "clock": {"start": "2016-07-12", "slots": 3, "slot_minutes": 60},
            "grid": {"feeder": "file:street.json"},
            "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
            "agents": [{"kind": "consumer", "bus": "c2", "load": {"peak_kw": 50_000}}],
        }
    )
    with pytest.raises(PowerFlowDiverged, match="dark: slot 0 has no power flow solution"):
        follow(ready)


@pytest.mark.parametrize("cases", [RadialCases, AnyCases])
def test_cases_need_a_base_that_has_a_solution(cases):
    """Both solvers name the slot before anything is added to it."""
    network = tree_network([0, 1], np.full(2, 0.1 + 0.1j), band_pu=(0.9, 1.1), rating_pu=1.0)
    net_kw = np.zeros((2, 3))
    net_kw[1, 2] = -50_000.0
    with pytest.raises(PowerFlowDiverged, match="slot 1 has no solution before anything is added"):
        cases(network, Slots(net_kw, net_kw * 0.3, np.ones(2, dtype=np.complex128)))
