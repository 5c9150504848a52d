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


def test_a_fleet_is_known_for_the_agents_of_the_strategy_alone():
    """Columns are those of the strategy's rows, in their order."""
    context = strategy_context([{"generator": priced(0.2)}, {}, {"generator": priced(0.3)}])
    (fleet,) = own_fleets(context.for_rows(np.array([2, 1])))
    assert fleet.info.price.cost.tolist() == [0.3, 0.0]
    assert fleet.owned.tolist() == [True, False]


def test_replicas_of_a_market_have_the_same_devices():
    (fleet,) = own_fleets(strategy_context([{"battery": battery()}, {}], seeds=(1, 2)))
    assert fleet.owned.tolist() == [True, False, True, False]


def test_vehicles_depart():
    """Of all fleets only vehicles have a deadline."""
    fleets = own_fleets(strategy_context([FULLY_EQUIPPED]))
    assert [fleet.info.departs for fleet in fleets] == [False, True, False, False, False]


def test_the_context_has_to_have_rows():
    context = replace(strategy_context([{"battery": battery()}]), rows=None)
    with pytest.raises(ValueError, match=r"built with the rows of its agents, BuildContext\.rows"):
        own_fleets(context)
