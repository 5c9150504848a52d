"""Scenarios of older versions: what their section ``learning.game`` says is said of the market."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketsim.core.errors import PluginError
from marketsim.extension.entry import RESERVED_GAME_NAMES, Entry
from marketsim.extension.registry import new_registry
from marketsim.games.market.params import MarketGameParams
from marketsim.scenario.dump import document, scenario_hash
from marketsim.scenario.older import MARKET_SETTINGS, renewed
from marketsim.scenario.tree import from_python, plain

NEW = {"market": {"quantities": 4, "prices": 3}}


def game_of(loaded):
    """The game as a resolved scenario writes it, without defaults."""
    game = loaded.scenario.learning.game
    return game.name, {key: value for key, value in game.params if value != getattr(MarketGameParams(), key, None)}


def test_the_older_settings_are_those_of_the_market():
    """All of them are there, and no game of a plugin can have one of their names."""
    assert set(MarketGameParams.model_fields) >= MARKET_SETTINGS == RESERVED_GAME_NAMES


@pytest.mark.parametrize("name", sorted(MARKET_SETTINGS))
def test_a_game_of_a_plugin_cannot_have_the_name_of_a_setting(name):
    """A scenario could not say which of the two it means."""
    with pytest.raises(PluginError, match=f"the game name '{name}' is already a setting of the market game"):
        new_registry().add(Entry(kind="game", name=name, build=lambda params, context: None), "mine")


@pytest.mark.parametrize("game", ["{quantities: 4, prices: 3}", "{market: {quantities: 4, prices: 3}}"])
def test_both_forms_mean_the_same(load, minimal, game):
    """The same settings and the same hash, which older versions computed of the older form; the new form is written."""
    loaded = load(minimal + f"learning: {{game: {game}}}\n")
    assert game_of(loaded) == ("market", NEW["market"])
    written = document(loaded.scenario, loaded.agents)["learning"]["game"]
    assert list(written) == ["market"]
    assert written["market"]["quantities"] == 4
    plain_loaded = load(minimal + "learning: {game: {prices: 3}}\n", {"learning.game.quantities": 4})
    assert scenario_hash(loaded.scenario, loaded.agents) == scenario_hash(plain_loaded.scenario, plain_loaded.agents)


def test_hashes_are_those_of_older_versions(load, minimal):
    """The same scenario has the same hash however it is written. It changes only where a default changes what is meant, as FBS,
    the ramp of the shaping and the weather forecast did after version 0.1: trainings and studies of before do not go on."""
    loaded = load(minimal + "name: minimal\nlearning: {game: {quantities: 4}}\n")
    assert (
        scenario_hash(loaded.scenario, loaded.agents)
        == "7b22b02f416c96e9142c180e0b69989437e552d57c6e579c549f7bffcd173cc7"
    )
    other = load(minimal + "name: minimal\nlearning: {game: dice}\n")
    assert scenario_hash(other.scenario, other.agents) != scenario_hash(loaded.scenario, loaded.agents)


@pytest.mark.parametrize(
    "game", ["", "learning: {game: market}", "learning: {game: {}}", "learning: {game: {market: }}"]
)
def test_nothing_said_is_the_market_with_its_defaults(load, minimal, game):
    assert game_of(load(minimal + game + "\n")) == ("market", {})


@pytest.mark.parametrize(
    "overrides",
    [
        {"learning.game.quantities": 4, "learning.game.prices": 3},
        {"learning.game.market.quantities": 4, "learning.game.prices": 3},
        {"learning.game": {"quantities": 4, "prices": 3}},
        {"learning": {"game": {"quantities": 4, "prices": 3}}},
        {"learning.game": "market", "learning.game.prices": 3, "learning.game.market.quantities": 4},
    ],
)
@pytest.mark.parametrize(
    "written", ["", "learning: {game: {quantities: 2}}\n", "learning: {game: {market: {prices: 9}}}\n"]
)
def test_overrides_of_either_form_reach_the_market(load, minimal, written, overrides):
    assert game_of(load(minimal + written, overrides)) == ("market", NEW["market"])


def test_forms_are_laid_over_each_other(load, minimal, tmp_path):
    """A scenario of today extends one of yesterday, and the other way round."""
    for below, above in (("{prices: 3}", "{market: {quantities: 4}}"), ("{market: {prices: 3}}", "{quantities: 4}")):
        (tmp_path / "base.yaml").write_text(minimal + f"learning: {{game: {below}}}\n")
        (tmp_path / "top.yaml").write_text(f"extends: base.yaml\nlearning: {{game: {above}}}\n")
        assert game_of(load(tmp_path / "top.yaml")) == ("market", NEW["market"])


def test_another_game_takes_the_place_of_the_first(load, minimal):
    """With its parameters, as parts do everywhere."""
    loaded = load(minimal + "learning: {game: {quantities: 4}}\n", {"learning.game.dice.points": [[1, 2]]})
    assert loaded.scenario.learning.game.name == "dice"


@pytest.mark.parametrize("game", ["dice", "{dice: {points: []}}"])
def test_settings_of_the_market_do_not_take_another_game_away(problems, minimal, game):
    """A path of yesterday that would replace the game is refused, with the path that would."""
    [problem] = problems(minimal + f"learning: {{game: {game}}}\n", {"learning.game.quantities": 4})
    assert problem.file == "--set learning.game.quantities"
    assert problem.message == "quantities is a setting of the game market, and the scenario's game is dice"
    assert problem.hint == "to train on the market instead: learning.game.market.quantities"


@pytest.mark.parametrize("game", ["dice", "{dice: {points: []}}"])
def test_a_parameter_beside_the_name_of_another_game_does_not_take_it_away(problems, minimal, game):
    """It is no setting of the market, which nobody has named: the path below the game's name is told."""
    [problem] = problems(minimal + f"learning: {{game: {game}}}\n", {"learning.game.points": 7})
    assert problem.file == "--set learning.game.points"
    assert (problem.path, problem.message) == ("learning.game.points", "names no game, and the scenario's game is dice")
    assert problem.hint == "parameters of dice go below its name: learning.game.dice.points"


@pytest.mark.parametrize(
    ("game", "path", "message", "hint"),
    [
        ("{quantities: 4, prizes: 3}", "learning.game.market.prizes", "unknown key", "did you mean prices?"),
        ("{quantity: 4}", "learning.game.market.quantity", "unknown key", "did you mean quantities?"),
        ("{quantities: 1}", "learning.game.market.quantities", "must be at least 2", ""),
        ("{marked: {}}", "learning.game", "there is no game of this name", "did you mean market?"),
        ("4", "learning.game", "must name one game", "write its name, or {name: {parameters}}"),
        (
            "{market: {}, quantities: 4}",
            "learning.game",
            "must name one game, but has the keys market, quantities",
            "parameters of market go below its name, not beside it",
        ),
    ],
)
def test_what_is_wrong_is_told_at_its_line(problems, minimal_file, minimal, game, path, message, hint):
    minimal_file.write_text(minimal + f"learning:\n  game: {game}\n")
    [problem] = problems(minimal_file)
    assert (problem.path, problem.message, problem.hint) == (path, message, hint)
    assert (Path(problem.file), problem.line) == (minimal_file, 6)


def test_the_reward_of_the_market_is_refused_beside_another_game(load, problems, minimal_file, minimal):
    """Each of its settings, at its line; at its default it says nothing and stays."""
    minimal_file.write_text(
        minimal + "learning:\n  game: dice\n  reward:\n    eta: 1.0\n    cap: 2\n    scores: none\n"
    )
    found = problems(minimal_file)
    assert [(each.path, each.value, each.line) for each in found] == [
        ("learning.reward.cap", "2.0", 9),
        ("learning.reward.scores", "'none'", 10),
    ]
    assert found[0].message == "belongs to the game market, and the game here is dice"
    assert load(minimal_file, {"learning.game": "market"}).scenario.learning.reward.cap == 2.0


@pytest.mark.parametrize("value", [None, 1, [], {"learning": None}, {"learning": {"game": [1]}}, {"learning": "x"}])
def test_what_has_no_game_stays_as_it_is(value):
    root = from_python(value)
    assert renewed(root) is root
    assert plain(renewed(root)) == value
