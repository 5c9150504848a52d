"""Refused energy by element and reason."""

import pytest

from marketsim.report.limits import GRID_REASONS, Refused, refusals
from marketsim.results.tables import REASON_NAMES


def test_every_row_of_the_table_is_counted_once(simulated, hours):
    """Sums by element and reason are those of the table, the largest first."""
    run = simulated("scenarios/stress141.yaml", hours)
    found, table = refusals(run), run.rejects
    assert sum(each.energy for each in found) == pytest.approx(table.energy_kwh.sum())
    assert sum(each.times for each in found) == len(table)
    assert [each.energy for each in found] == sorted((each.energy for each in found), reverse=True)
    own = table[(table.reason == found[0].reason) & (table.element_name == found[0].element)]
    assert found[0].energy == pytest.approx(own.energy_kwh.sum())
    assert found[0].export == pytest.approx(own[own.buyer.isna()].energy_kwh.sum())


def test_wires_and_rules_are_told_apart():
    assert set(REASON_NAMES) > GRID_REASONS
    assert not {"price_below_feed_in", "allocation"} & GRID_REASONS


def test_nothing_refused_is_an_empty_list(simulated):
    assert refusals(simulated("scenarios/pilot.yaml", {"clock.slots": 24})) == []


@pytest.mark.parametrize(
    ("element", "reason", "label"),
    [
        ("130", "overvoltage", "bus 130"),
        ("line 3-4", "line_loading", "line 3-4"),
        ("", "price_below_feed_in", "no single element"),
    ],
)
def test_a_bus_is_called_one(element, reason, label):
    assert Refused(element, reason, 1.0, 0.0, 0.0, 1).label == label
