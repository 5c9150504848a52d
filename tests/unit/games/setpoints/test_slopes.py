"""Slopes of the game of set-points against differences of what it pays, number by number."""

from __future__ import annotations

import numpy as np
import pytest

import marketsim as ms
from marketsim.app.game import build_game
from marketsim.core.game import Sloped
from marketsim.core.learner import GameNeeds
from marketsim.core.setpoints import ACTIONS
from marketsim.games.setpoints.game import SetpointsGame
from marketsim.games.setpoints.slopes import BATTERY, CARRIED, GENERATOR, PV, RUNNING, STORED
from tests.learning.community import community

pytestmark = pytest.mark.full
STEP = 1e-3


def game_of(**changes) -> SetpointsGame:
    raw = community()
    raw["grid"]["voltage_band_pu"] = [0.5, 1.5]
    raw["learning"] = {"game": {"setpoints": changes}}
    game = build_game(ms.load_scenario(raw), needs=GameNeeds(1, False, lambda agents, slots: 1))
    assert isinstance(game, SetpointsGame)
    assert isinstance(game, Sloped)
    return game


def played(game, slot, nudge=0.0, at=(0, 0), level=0.0):
    """The slot of an episode in which everybody does something within its range, and what follows."""
    game.reset(0)
    for t in range(slot + 1):
        actions = np.zeros((1, 3, len(ACTIONS)))
        actions[..., BATTERY] = 0.1 if t < slot else 0.3 + level
        if t == slot:
            actions[0, at[0], at[1]] += nudge
        step = game.step(actions)
    return step


@pytest.mark.parametrize("slot", [3, 12, 19])
@pytest.mark.parametrize(("agent", "number"), [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (2, 1), (2, 3)])
def test_money_and_what_is_carried(slot, agent, number):
    """To a Wh of rounding: what all earn together, and what the agent sees next of its store and its generator."""
    game = game_of()
    up, down = (played(game, slot, way * STEP * 40, (agent, number)) for way in (1.0, -1.0))
    played(game, slot)
    slopes = game.slopes()
    width = 2.0 * STEP * 40
    wanted = (up.reward.sum() - down.reward.sum()) / width
    assert slopes.reward[0, agent, number] == pytest.approx(wanted, abs=2e-2 * max(1.0, abs(wanted)))
    moved = (up.seen - down.seen)[0, agent, list(game.carried)] / width
    np.testing.assert_allclose(slopes.moved[0, agent, :, number], moved, atol=2e-2)


def test_voltages_cost_by_the_linear_answer_of_the_feeder():
    """Where all buses are above the band, a kW of PV costs what the depth rises by; the money of energy is apart from it."""
    game = game_of(outside_price=0.0)
    free = played(game, 12)
    money = game.slopes().reward[0, 2, PV]
    raw = community()
    raw["grid"]["voltage_band_pu"] = [0.5, 0.6]
    raw["learning"] = {"game": {"setpoints": {"outside_price": 0.0}}}
    high = build_game(ms.load_scenario(raw), needs=GameNeeds(1, False, lambda agents, slots: 1))
    up, down = (played(high, 12, way * 0.05, (2, PV)) for way in (1.0, -1.0))
    played(high, 12)
    assert isinstance(high, SetpointsGame)
    depth = 25.0 * (up.parts["depth_pu"] - down.parts["depth_pu"])[0] / (0.1 * 2.5)
    assert depth > 0.0
    assert money - high.slopes().reward[0, 2, PV] == pytest.approx(depth, rel=0.05)
    assert free.parts["depth_pu"] == 0.0


def test_a_full_store_and_a_ramp_answer_to_nothing_but_what_moves_them():
    """Charging a full battery moves nothing; a generator on its ramp goes where the slot before left it."""
    game = game_of()
    seen, _ = game.reset(0)
    actions = np.zeros((1, 3, len(ACTIONS)))
    actions[..., BATTERY], actions[..., GENERATOR] = -1.0, -1.0
    for _ in range(6):
        seen = game.step(actions).seen
    slopes = game.slopes()
    assert seen[0, 0, game.carried[STORED]] == pytest.approx(1.0, abs=1e-3)
    assert slopes.reward[0, 0, BATTERY] == slopes.moved[0, 0, STORED, BATTERY] == 0.0
    assert slopes.kept[0, 0, STORED] == pytest.approx(0.0, abs=1e-12)
    actions[..., GENERATOR] = 1.0
    raw = community()
    raw["agents"][0]["generator"]["ramp_kw_per_h"] = 50
    slow = build_game(ms.load_scenario(raw), needs=GameNeeds(1, False, lambda agents, slots: 1))
    slow.reset(0)
    slow.step(actions)
    assert isinstance(slow, SetpointsGame)
    held = slow.slopes()
    assert held.reward[0, 0, GENERATOR] == 0.0
    assert held.kept[0, 0, RUNNING] == 1.0
    assert [held.moved.shape[2], len(CARRIED)] == [2, 2]
