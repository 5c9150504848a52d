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
    ("now", "only", "tone"), [(4.0, 5.0, "good"), (6.0, 5.0, "bad"), (5.0, 5.0, ""), (5.001, 5.0, ""), (5.0, None, "")]
)
def test_lower_imports_are_better(now, only, tone):
    (card,) = cards({"import_kwh": now, "import_kwh_grid_only": only})
    assert card.tone == tone


def test_a_revenue_is_neither_good_nor_bad():
    (card,) = cards({"utility_revenue": 4.0, "utility_revenue_grid_only": 5.0})
    assert card.tone == ""
    assert card.change == "-20.0 %"


def test_a_partial_run_adds_up_its_slots(simulated, hours):
    """What a summary would say of the same slots, without losses where there is no grid."""
    run = simulated("scenarios/stress141.yaml", {**hours, "grid.gate": "observe"})
    found = partial_summary(slot_series(run))
    for key, value in found.items():
        assert value == pytest.approx(run.summary[key], abs=2e-4), key
    assert partial_summary({"losses": np.array([0.0]), "p2p": np.array([0.0])}) == {"p2p_kwh": 0.0}
