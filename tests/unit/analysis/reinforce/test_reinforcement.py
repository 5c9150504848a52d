"""Reinforcement is priced as stated and does what a second line does."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.analysis.reinforce.study import Reinforcement, reinforcement
from marketsim.analysis.reinforce.upgrades import annuity, cost, length_km, path_to, upgrades, with_upgrade
from marketsim.app.ready import load_scenario
from marketsim.core.errors import InputError, RunError
from marketsim.core.records import Reason
from marketsim.grid.net.network import BranchKind
from marketsim.scenario.model import ReinforcementPrices
from marketsim.testing.grids import dense_power_flow, tree_network

DAY = {"clock.slots": 24, "clock.slot_minutes": 60}
PRICES = ReinforcementPrices(line_per_km=1000.0, ohm_per_km=0.5, trafo_per_kva=10.0)


def street():
    return tree_network([0, 1, 2, 1], np.array([0.01, 0.03, 0.02, 0.05]) + 0j, rating_pu=0.5)


@pytest.fixture(scope="module")
def stressed() -> Reinforcement:
    return reinforcement(load_scenario("scenarios/stress141.yaml", DAY), 4)


def test_an_annuity_pays_back_with_interest():
    """Present value of the payments is the investment; without interest it is shared evenly."""
    share = annuity(20.0, 5.0)
    assert sum(share / 1.05**year for year in range(1, 21)) == pytest.approx(1.0)
    assert annuity(20.0, 0.0) == 0.05


def test_a_second_line_carries_half():
    """Two equal lines side by side, by a dense solution: half the impedance, twice the rating."""
    network = street()
    better = with_upgrade(network, np.array([True] * 4))
    injection = np.array([0, 0.1, 0.1, 0.1, 0.1]) + 0j
    before, after = (np.abs(dense_power_flow(n, injection).v_pu) - 1.0 for n in (network, better))
    assert after[1:] == pytest.approx(before[1:] / 2, rel=0.05)
    assert (better.rating_from_pu == 1.0).all()
    assert (with_upgrade(network, np.zeros(4, dtype=bool)).z_pu == network.z_pu).all()


def test_costs_are_lengths_and_ratings_times_prices():
    """0.4 kV and 1 MVA: 0.16 ohm a p.u.; 0.03 p.u. are 0.0048 ohm, at 0.5 ohm/km 9.6 m."""
    network = street()
    assert length_km(network, PRICES)[1] == pytest.approx(0.0096)
    assert cost(network, np.array([False, True, False, False]), PRICES) == pytest.approx(9.6)
    trafo = network._replace(kind=np.array([BranchKind.TRAFO, 0, 0, 0]))
    assert cost(trafo, np.array([True, False, False, False]), PRICES) == pytest.approx(0.5 * 1000 * 10)


def test_candidates_lie_where_something_binds():
    refused = {(int(Reason.LINE_LOADING), 3): 5_000, (int(Reason.OVERVOLTAGE), 3): 9_000}
    found = upgrades(street(), refused, 8)
    assert [np.flatnonzero(each.doubled).tolist() for each in found] == [[1], [1, 2], [0, 1, 2], [3]]
    assert found[0].why == "voltage at bus b3, 9 kWh refused"
    assert len(upgrades(street(), refused, 2)) == 2


def test_the_way_leads_to_the_source():
    assert path_to(street(), 3).tolist() == [0, 1, 2]
    assert path_to(street(), 4).tolist() == [0, 3]


def test_more_copper_curtails_less_and_nothing_is_free(stressed: Reinforcement) -> None:
    assert stressed.curtailed_kwh > 10_000
    assert len(stressed.upgrades) == 4
    for each in stressed.upgrades:
        assert each.cost > 0
        assert each.avoided_kwh > 0
        assert each.worth_a_year == pytest.approx(each.avoided_kwh * 365 * 0.08)
        assert each.pays == (each.worth_a_year > each.cost_a_year)


def test_the_best_balance_is_first(stressed: Reinforcement) -> None:
    balance = [each.worth_a_year - each.cost_a_year for each in stressed.upgrades]
    assert balance == sorted(balance, reverse=True)


def test_what_the_gate_never_refuses_needs_no_copper() -> None:
    assert reinforcement(load_scenario("scenarios/ieee141.yaml", DAY)).upgrades == ()


def test_a_gate_that_curtails_nothing_has_nothing_to_weigh() -> None:
    with pytest.raises(InputError, match="observe curtails nothing"):
        reinforcement(load_scenario("scenarios/ieee141.yaml", {**DAY, "grid.gate": "observe"}))
    with pytest.raises(InputError, match="pilot has none"):
        reinforcement(load_scenario("scenarios/pilot.yaml"))


@pytest.mark.full
def test_processes_weigh_as_this_one_does() -> None:
    """Two workers give the same answer to the last digit."""
    hours = {"clock.slots": 6, "clock.slot_minutes": 240, "profiles.pv_scale": 2.0}
    ready = load_scenario("scenarios/stress141.yaml", hours)
    alone, side_by_side = (reinforcement(ready, 3, workers=workers) for workers in (1, 2))
    assert len(alone.upgrades) == 3
    assert alone == side_by_side


def test_a_run_that_fails_names_its_upgrade(monkeypatch: pytest.MonkeyPatch) -> None:
    """One run of all fails: no answer with a hole in it."""
    from marketsim.analysis.reinforce import study

    def fail(network: object, doubled: object) -> None:
        raise ValueError("no copper left")

    monkeypatch.setattr(study, "with_upgrade", fail)
    with pytest.raises(RunError, match="beside line 2-3 failed: ValueError: no copper left"):
        reinforcement(load_scenario("scenarios/stress141.yaml", {"clock.slots": 6, "clock.slot_minutes": 240}), 1)
