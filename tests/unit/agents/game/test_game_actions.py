"""What actions do: bounds hold by construction, and what is not offered is as if there was no market."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import marketsim as ms
from marketsim.agents.game.actions import ActionLevels, Hand, price_ticks
from marketsim.app.game import build_game
from marketsim.core.errors import LawBroken
from marketsim.core.records import FIRM, PV

SCENARIOS = Path(__file__).resolve().parents[4] / "scenarios"
NOON = 12
PLAIN = {"learning": {}}
"""The defaults of the game, whatever a scenario chose."""


def played(
    actions: np.ndarray | tuple[int, ...],
    name: str = "pilot.yaml",
    overrides: dict | None = None,
    slots: int = NOON + 1,
):
    """A game of one market after some slots in which everybody acts alike."""
    game = build_game(ms.load_scenario(SCENARIOS / name, {**PLAIN, **(overrides or {})}), markets=1, rounds=1)
    game.reset(0)
    shape = (1, game.shape.n_agents, len(game.shape.actions.heads))
    for _ in range(slots):
        game.step(np.broadcast_to(np.array(actions)[: shape[2]], shape))
    return game


@given(
    feed_in=st.integers(0, 10**6),
    room=st.integers(0, 10**6),
    prices=st.integers(2, 50),
    data=st.data(),
)
def test_prices_lie_between_the_tariffs(feed_in, room, prices, data):
    """The first choice is the feed-in tariff, the last one retail, and they ascend."""
    space = ActionLevels(prices, 5, 0)
    tariffs = np.array([feed_in + room]), np.array([feed_in])
    choice = data.draw(st.integers(0, prices - 1))
    found = int(price_ticks(space, np.array([choice]), *tariffs)[0])
    assert feed_in <= found <= feed_in + room
    ends = [int(price_ticks(space, np.array([end]), *tariffs)[0]) for end in (0, prices - 1)]
    assert ends == [feed_in, feed_in + room]


def test_nothing_offered_is_the_reference_run():
    """Quantity 0: no trades, and everybody's bill is that with the utility alone."""
    game = played((5, 0))
    assert game.record.trades.size == 0
    np.testing.assert_array_equal(game.bills.paid, game.bills.reference)
    assert game.record.exchange.curtailed_wh.sum() == 0


def test_a_quarter_offered_is_in_the_book_and_the_rest_with_the_utility():
    """Surplus that is not offered is exported, not curtailed; orders of the market hold their quarter of each position."""
    record = played((10, 1)).record
    place, orders = record.positions, record.orders
    in_book = orders.limit_ticks >= 0
    for component, position in ((PV, place.surplus_wh), (FIRM, place.firm_demand_wh)):
        own = in_book & (orders.component == component)
        np.testing.assert_array_equal(orders.energy_wh[own], position[orders.agent[own]] // 4)
    assert (place.surplus_wh > 0).any()
    assert record.exchange.curtailed_wh.sum() == 0


def test_all_trades_are_at_the_chosen_price():
    record = played((7, 4)).record
    assert record.trades.size
    assert set(record.trades.price_ticks) == {80_000 + 7 * 22_000}


@pytest.mark.parametrize(("asked", "trades"), [(0, True), (10, False)])
def test_a_crossing_of_prices_is_needed(asked, trades):
    """Consumers who bid the feed-in tariff buy from sellers who ask it, and nothing from sellers who ask retail."""
    actions = np.zeros((1, 8, 2), dtype=np.int64)
    actions[:, :4, 0], actions[..., 1] = asked, 4
    game = build_game(ms.load_scenario(SCENARIOS / "pilot.yaml", PLAIN), markets=1, rounds=1)
    game.reset(0)
    bought = 0
    for _ in range(24):
        game.step(actions)
        bought += game.record.energy.bought_wh[4:].sum()
    assert (bought > 0) == trades


STORES = {"clock.slot_minutes": 60, "clock.slots": 24}


@pytest.mark.parametrize(("charge", "moved"), [(0, 1), (2, 0), (4, -1)])
def test_a_store_goes_where_its_level_says(charge, moved):
    """Discharge, rest, charge: whatever trades, a store moves in no other direction, and within its power."""
    game = played((5, 4, charge), "mixed_assets.yaml", STORES, slots=14)
    fleet = game._world.device_names.index("battery")
    energy = game.record.energy.device_wh[fleet]
    absorbed = game.record.exchange.absorbed_wh[fleet]
    assert ((energy + absorbed) * moved >= 0).all()
    if moved == 0:
        assert not (energy + absorbed).any()


def test_declared_values_of_stores_do_not_depend_on_the_action():
    tables = [played((5, 4, charge), "mixed_assets.yaml", STORES, slots=1) for charge in (0, 2, 4)]
    first, *others = (game.record.positions.marginal_ticks for game in tables)
    for other in others:
        np.testing.assert_array_equal(first, other)


def test_a_slot_without_actions_is_a_fault():
    with pytest.raises(LawBroken, match="before its actions"):
        Hand().head(0)
