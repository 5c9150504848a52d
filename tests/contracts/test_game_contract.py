"""The games of the package, one of a plugin and the small ones keep the contract that plugins are held to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import marketsim as ms
from marketsim.app.game import build_game
from marketsim.core.learner import GameNeeds
from marketsim.core.rule_terms import Wrong
from marketsim.testing.game_kit import GameContract
from marketsim.testing.games import Aiming, Remembering

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "tests" / "parts" / "own_game.py"
ROOFS = [
    {"name": f"roof-{bus}", "kind": "prosumer", "bus": bus, "pv_kw": 5000, "load": {"annual_kwh": 4000}}
    for bus in (48, 78, 102)
]
FEEDER = {
    "name": "injection",
    "clock": {"start": "2016-07-12", "slots": 24, "slot_minutes": 60},
    "grid": {"feeder": "feeder141", "source_pu": 1.03, "voltage_band_pu": [0.95, 1.05]},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
    "profiles": {"source": "simbench_2016", "days": {"season": "summer"}},
    "agents": [*ROOFS, {"name": "shop", "kind": "consumer", "bus": 127, "load": {"annual_kwh": 9000}}],
    "plugins": [str(OWN)],
}


def built(scenario, n_markets, **overrides):
    """The game of a scenario with so many markets, for a training of ten rounds."""
    ready = ms.load_scenario(scenario, overrides, trust=True)
    return build_game(ready, needs=GameNeeds(n_markets, False, lambda agents, slots: 10))


class TestMarketGame(GameContract):
    """The pilot, whose reward remembers means and deviations."""

    def make_game(self, n_markets):
        return built(ROOT / "scenarios/pilot.yaml", n_markets, **{"learning.reward.ramp": [0.0, 0.0]})


class TestGameOfChoices(GameContract):
    """A plugin's on a feeder, by choices; behind its wall."""

    def make_game(self, n_markets):
        return built(FEEDER, n_markets, **{"learning.game": "injection"})


class TestGameOfNumbers(GameContract):
    """The same by numbers."""

    def make_game(self, n_markets):
        return built(FEEDER, n_markets, **{"learning.game": {"injection": {"choices": 0}}})


SETTING = {
    **FEEDER,
    "name": "set",
    "grid": {**FEEDER["grid"], "gate": "observe", "reactive": {"setpoint": {"base": "volt_var"}}},
    "market": {"engine": "mid_market_rate"},
    "agents": [
        {**roof, "pv_kw": 2000, "battery": {"energy_kwh": 400, "power_kw": 100}, "strategy": "setpoints"}
        for roof in ROOFS
    ]
    + [{"name": "shop", "kind": "consumer", "bus": 127, "load": {"annual_kwh": 9000}, "strategy": "utility_only"}],
    "learning": {"game": "setpoints"},
}


class TestGameOfSetpoints(GameContract):
    """Set-points of three roofs with batteries."""

    def make_game(self, n_markets):
        return built(SETTING, n_markets)


WEIGHTS = {
    "name": "weights",
    "clock": {"start": "2016-04-11", "slots": 144, "slot_minutes": 60},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
    "market": {"engine": "equity_pool", "sharing": "dividend"},
    "agents": [
        {"name": "rich", "count": 2, "kind": "prosumer", "pv_kw": 4, "income": 4500},
        {"name": "poor", "count": 2, "kind": "consumer", "income": 1000},
        {"name": "roof", "kind": "prosumer", "pv_kw": 6, "owners": "equal", "load": {"annual_kwh": 0}},
    ],
    "learning": {"game": {"equity": {"days": 4}}},
}


class TestGameOfWeights(GameContract):
    """Weights of four members with a shared roof."""

    def make_game(self, n_markets):
        needs = GameNeeds(n_markets, True, lambda agents, slots: 10, alike=True)
        return build_game(ms.load_scenario(WEIGHTS), needs=needs)


class OfMarkets(GameContract):
    """Small games draw for all markets together, so that a market sees other contexts among others."""

    first_like_alone = False


class TestAiming(OfMarkets):
    def make_game(self, n_markets):
        return Aiming(n_markets=n_markets)


class SmallRemembering(Remembering):
    """The small game whose reward remembers, with any number of markets."""

    def __init__(self, n_markets):
        super().__init__([0, 2], 3)
        self._shape = self._shape._replace(n_markets=n_markets)
        self.last = self.last[:n_markets]

    def draw(self):
        self.coin = self.rng.integers(0, 2)

    def seen(self):
        return super().seen() * self.coin


class TestRemembering(GameContract):
    def make_game(self, n_markets):
        return SmallRemembering(n_markets)


class Forgetful(SmallRemembering):
    def recall(self, memory):
        self.mean = memory["mean"]


class Writing(SmallRemembering):
    def step(self, actions):
        step = super().step(actions)
        actions[:] = 0
        return step


class Late(SmallRemembering):
    def step(self, actions):
        return super().step(actions)._replace(ended=False)


class Undefined(SmallRemembering):
    def step(self, actions):
        step = super().step(actions)
        return step._replace(reward=step.reward * np.nan)


class Repeating(SmallRemembering):
    def reset(self, episode):
        return super().reset(0)


class Lingering(SmallRemembering):
    def reset(self, episode):
        rng = self.rng
        found = super().reset(episode)
        self.rng = rng
        return found


class Alone(SmallRemembering):
    def seen(self):
        return super().seen() / self.shape.n_markets


class Talking(SmallRemembering):
    def close(self, *, wait=True):
        return {"game": self}


@pytest.mark.parametrize(
    ("game", "test", "error"),
    [
        (Forgetful, "memory_is_what_a_checkpoint_can_keep", AssertionError),
        (Writing, "actions_stay_as_they_are", ValueError),
        (Late, "two_episodes_bring_what_is_declared", Wrong),
        (Undefined, "two_episodes_bring_what_is_declared", Wrong),
        (Repeating, "another_episode_is_another_one", AssertionError),
        (Lingering, "an_episode_depends_on_its_number_alone", AssertionError),
        (Alone, "the_first_of_several_markets_sees_what_it_sees_alone", AssertionError),
        (Talking, "it_lets_go_and_says_what_a_manifest_can_keep", Wrong),
    ],
)
def test_the_kit_finds_what_a_game_does_wrong(game, test, error):
    """Each law has a game that breaks it alone; the same game without its fault keeps them all (``TestRemembering``)."""
    kit = GameContract()
    kit.make_game = game
    with pytest.raises(error):
        getattr(kit, f"test_{test}")()


def test_the_kit_has_no_law_that_nothing_breaks():
    """Beside the sizes, which ``tests/unit/core/test_game_rules.py`` breaks one by one."""
    laws = {name for name in vars(GameContract) if name.startswith("test_")}
    broken = {f"test_{each[1]}" for each in test_the_kit_finds_what_a_game_does_wrong.pytestmark[0].args[1]}
    assert laws - broken == {"test_it_declares_what_can_be_played"}
