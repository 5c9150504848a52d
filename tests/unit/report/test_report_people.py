"""Totals of agents and classes."""

import numpy as np
import pytest

import marketsim as ms
from marketsim.report import people
from marketsim.report.people import Person, classes, names_of, totals


def test_totals_are_those_of_the_bills(simulated, hours, monkeypatch):
    """Every agent's total is its bill's, however small the pieces that are read at once."""
    run = simulated("scenarios/ieee141.yaml", hours)
    whole = totals(run)
    monkeypatch.setattr(people, "_MOST_ROWS", 300)
    pieces = totals(run)
    for name in ("prosumer-1", "consumer-84"):
        row, bill = names_of(run).index(name), run.bill(name)
        assert whole.paid[row] == pytest.approx(bill.amount["total"])
        assert whole.bought[row] == pytest.approx(bill.energy_kwh["peer purchases"])
    for one, other in zip(whole, pieces, strict=True):
        assert one == pytest.approx(other, nan_ok=True)


@pytest.mark.parametrize("folder", [True, False])
def test_the_line_of_sharing_is_part_of_what_is_paid(hours, tmp_path, folder):
    """Its totals are the bills', in memory and from a folder; where costs are not shared it is undefined."""
    out = [tmp_path / name if folder else None for name in ("shared", "plain")]
    scenario = "scenarios/community.yaml"
    run = ms.simulate(ms.load_scenario(scenario, {**hours, "market.sharing": "proportional"}), out[0])
    plain = ms.simulate(ms.load_scenario(scenario, hours), out[1])
    shared, usual = totals(run), totals(plain)
    assert np.isnan(usual.sharing).all()
    assert shared.sharing.sum() == pytest.approx(0.0, abs=1e-9)
    assert np.abs(shared.sharing).max() > 0.01
    assert shared.paid - shared.sharing == pytest.approx(usual.paid)
    row = int(np.abs(shared.sharing).argmax())
    assert run.bill(row).amount["cost sharing"] == pytest.approx(shared.sharing[row])
    assert "cost sharing" not in plain.bill(row).index


def test_savings_add_up_to_the_kpis(simulated, hours):
    """What agents paid in the reference run is what its KPIs say."""
    run = simulated("scenarios/ieee141.yaml", hours)
    is_prosumer = np.array([name.startswith("prosumer") for name in names_of(run)])
    found = totals(run)
    assert found.reference_paid[is_prosumer].sum() == pytest.approx(run.summary["prosumer_cost_grid_only"])
    assert found.reference_paid[~is_prosumer].sum() == pytest.approx(run.summary["consumer_cost_grid_only"])
    assert found.of([0, 1]).paid[0] == pytest.approx(found.paid[:2].sum())


def test_classes_are_kinds_and_what_divides_them():
    """Income classes come after kinds; a class that repeats another, or is one agent, is left out."""
    agents = [
        Person("a", "prosumer", "low"),
        Person("b", "prosumer", "high"),
        Person("c", "consumer", "low"),
        Person("d", "shop", "shops of entry 3"),
    ]
    assert classes(agents) == {
        "all agents": [0, 1, 2, 3],
        "prosumer": [0, 1],
        "consumer": [2],
        "shop": [3],
        "low": [0, 2],
    }


def test_agents_of_unknown_kind_are_one_class():
    assert classes([Person("a", "", ""), Person("b", "", "")]) == {"all agents": [0, 1]}
