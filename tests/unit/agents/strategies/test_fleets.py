"""What agents know of their own devices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from marketsim.agents.strategies.fleets import own_fleets
from marketsim.testing.strategy_kit import FULLY_EQUIPPED, battery, ev, priced, strategy_context


def test_fleets_are_told_apart_by_what_they_declare():
    """A store stores, a device with a cost has a price, everything else can wait."""
    kinds = {fleet.index: fleet.kind for fleet in own_fleets(strategy_context([FULLY_EQUIPPED]))}
    assert kinds == {0: "store", 1: "deferrable", 2: "deferrable", 3: "priced", 4: "priced"}


def test_only_fleets_that_somebody_owns_are_known():
    context = strategy_context([{"battery": battery()}, {"ev": ev()}])
    fleets = own_fleets(replace(context, rows=np.array([1])))
    assert [(fleet.index, fleet.owned.tolist()) for fleet in fleets] == [(1, [True])]


def test_columns_have_a_default_for_who_has_none():
    context = strategy_context([{"generator": priced(0.2)}, {}])
    (fleet,) = own_fleets(context)
    assert fleet.column("cost_per_kwh", 9.0).tolist() == [0.2, 9.0]
    assert fleet.column("quadratic_cost").tolist() == [0.0, 0.0]


def test_replicas_of_a_market_have_the_same_devices():
    (fleet,) = own_fleets(strategy_context([{"battery": battery()}, {}], seeds=(1, 2)))
    assert fleet.owned.tolist() == [True, False, True, False]


def test_vehicles_depart():
    """Of all fleets only vehicles have a deadline."""
    fleets = own_fleets(strategy_context([FULLY_EQUIPPED]))
    assert [fleet.departs for fleet in fleets] == [False, True, False, False, False]


@pytest.mark.parametrize("changes", [{"rows": None}, {"stores": ()}])
def test_the_context_has_to_be_complete(changes):
    context = replace(strategy_context([{"battery": battery()}]), **changes)
    with pytest.raises(ValueError, match=r"built with BuildContext\.rows and BuildContext\.stores"):
        own_fleets(context)
