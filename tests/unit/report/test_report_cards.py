"""Figures at the head of a report."""

import numpy as np
import pytest

from marketsim.metrics.presentation import headline
from marketsim.report.cards import cards, partial_summary
from marketsim.report.series import slot_series


def test_cards_are_what_the_command_prints(simulated, hours):
    run = simulated("scenarios/ieee141.yaml", hours)
    assert [card.label for card in cards(run.summary)] == [row.label for row in headline(run.summary)]


@pytest.mark.parametrize(
    ("now", "only", "tone"),
    [(4.0, 5.0, "good"), (6.0, 5.0, "bad"), (5.0, 5.0, ""), (5.02, 5.0, ""), (5.03, 5.0, "bad"), (5.0, None, "")],
)
def test_lower_imports_are_better(now, only, tone):
    (card,) = cards({"import_kwh": now, "import_kwh_grid_only": only})
    assert card.tone == tone


def test_a_revenue_is_neither_good_nor_bad():
    (card,) = cards({"utility_revenue": 4.0, "utility_revenue_grid_only": 5.0})
    assert card.tone == ""
    assert card.change == "-20.0 %"


@pytest.mark.parametrize(
    ("now", "only", "unit", "value", "reference"),
    [
        (999_999.0, 999_999.0, "kWh", "999,999", "999,999"),
        (30_760_464.0, 31_000_000.0, "kWh", "30.76", "31.00"),
        (999.0, 2_000_000.0, "kWh", "0.0010", "2.000"),
    ],
)
def test_a_year_has_units_that_keep_figures_short(now, only, unit, value, reference):
    """From a million on, both figures of a card are in the larger unit."""
    (card,) = cards({"import_kwh": now, "import_kwh_grid_only": only})
    assert (card.value, card.reference) == (value, reference)
    assert card.unit == ("GWh" if max(now, only) >= 1e6 else unit)


def test_millions_of_money_are_called_so():
    (card,) = cards({"consumer_cost": -7_416_032.0})
    assert (card.value, card.unit) == ("-7.416", "million currency")


def test_voltages_keep_four_decimals():
    (card,) = cards({"voltage_max_pu": 1.05})
    assert card.value == "1.0500"


def test_a_partial_run_adds_up_its_slots(simulated, hours):
    """What a summary would say of the same slots, without losses where there is no grid."""
    run = simulated("scenarios/stress141.yaml", {**hours, "grid.gate": "observe"})
    found = partial_summary(slot_series(run))
    for key, value in found.items():
        assert value == pytest.approx(run.summary[key], abs=2e-4), key
    assert partial_summary({"losses": np.array([0.0]), "p2p": np.array([0.0])}) == {"p2p_kwh": 0.0}
