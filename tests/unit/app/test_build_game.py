"""The game of a scenario: what it asks its learner, and how it finds out that there is none."""

from __future__ import annotations

import pytest

from marketsim.app.game import build_game, learner_of
from marketsim.app.ready import load_scenario
from marketsim.core.errors import PluginError
from marketsim.core.learner import GameNeeds

PILOT = "scenarios/pilot.yaml"
OWN = """
import marketsim as ms
from marketsim.core.learner import GameNeeds


class Own:
    {needs}

    def train(self, game, folder, **_):
        return folder


@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="learner", name="own", build=lambda params, context: Own())
"""


def own(root, tmp_path, needs):
    plugin = tmp_path / "plugin.py"
    plugin.write_text(OWN.format(needs=needs))
    return load_scenario(root / PILOT, {"plugins": [str(plugin)], "learning.learner": "own"})


def test_the_game_is_what_the_learner_of_a_plugin_needs(root, tmp_path):
    """Number of markets, and ratings for who acts for everybody, are its own word and no parameter's name."""
    ready = own(root, tmp_path, "needs = GameNeeds(3, True, lambda agents, slots: 7)")
    game = build_game(ready)
    assert game.shape.n_markets == 3
    alone = build_game(ready, needs=GameNeeds(2, False, lambda agents, slots: 7))
    assert alone.shape.n_markets == 2
    assert alone.shape.n_features < game.shape.n_features


def ramp_of(root, needs, **reward):
    """Episodes between which the weights of a game's shaping grow."""
    overrides = {f"learning.reward.{name}": value for name, value in reward.items()}
    return build_game(load_scenario(root / PILOT, overrides), needs=needs)._reward.shaping._rule.ramp


def test_the_ramp_is_counted_in_updates_of_the_learner(root):
    """However long the training is."""
    for rounds in (5, 500):
        needs = GameNeeds(1, False, lambda agents, slots, rounds=rounds: rounds, rounds_per_update=4)
        assert ramp_of(root, needs, ramp_updates=[2, 10]) == (8, 40)


def test_a_ramp_in_shares_is_measured_by_the_rounds_that_the_learner_says(root):
    asked = []
    needs = GameNeeds(1, False, lambda agents, slots: asked.append((agents, slots)) or 50, rounds_per_update=4)
    assert ramp_of(root, needs, ramp=[0.1, 0.5]) == (5, 25)
    assert asked == [(8, 24)]


def test_a_learner_that_does_not_say_what_it_needs_is_refused(root, tmp_path):
    message = "plugin.py:15: plugin .*: learner 'own': Own has no needs, which the port Learner declares"
    with pytest.raises(PluginError, match=f"{message}\n    see marketsim.core.learner.Learner"):
        learner_of(own(root, tmp_path, "markets = 3"))
