"""What every game has to keep to; inherit, make your game, and the contract is tested.

::

    from marketsim.app.game import build_game
    from marketsim.testing.game_kit import GameContract

    class TestMyGame(GameContract):
        def make_game(self, n_markets):
            return build_game(marketsim.load_scenario("mine.yaml"), markets=n_markets)
"""

from __future__ import annotations

import numpy as np

from marketsim.core.game import Actions, Box, Categorical, Features, Game, Shape, Step
from marketsim.core.game_rules import DeclaredGame, facts, looked, remembered, sound_layout, sound_shape, stepped

Episode = tuple[list[Features], list[Step]]
"""What was seen before each step and at the end, and what the steps brought."""


class GameContract:
    """Sizes, types, numbers, memory and markets side by side, whatever is played."""

    first_like_alone: bool = True
    """Whether the first of several markets sees what it sees alone, as where each has random numbers of its own."""

    def make_game(self, n_markets: int) -> Game:  # noqa: ARG002 - for subclasses
        """The game to test, fresh, with so many markets side by side; the same each time."""
        raise AssertionError("override make_game")

    def test_it_declares_what_can_be_played(self) -> None:
        """Sizes, names, actions and layout fit one another, and the markets are as many as were asked for."""
        for n_markets in (1, 2):
            game = self.make_game(n_markets)
            shape = sound_shape(game.shape)
            assert shape.n_markets == n_markets
            sound_layout(game.layout, shape)

    def test_two_episodes_bring_what_is_declared(self) -> None:
        """Every look and step has the declared shapes, finite numbers and parts, and the last slot ends the episode."""
        game = self.make_game(2)
        declared = _declared(game)
        for episode in (0, 1):
            looked(game.reset(episode), declared)
            for slot, actions in enumerate(drawn(game.shape, episode)):
                stepped(game.step(actions), declared, last=slot + 1 == game.shape.slots)

    def test_actions_stay_as_they_are(self) -> None:
        """They are read-only, and nobody writes into them."""
        game = self.make_game(1)
        game.reset(0)
        for actions in drawn(game.shape, 1):
            kept = actions.copy()
            actions.flags.writeable = False
            game.step(actions)
            np.testing.assert_array_equal(actions, kept)

    def test_an_episode_depends_on_its_number_alone(self) -> None:
        """A fresh game and one that has played others see and pay the same in it, but for what rewards remember."""
        used, fresh = self.make_game(2), self.make_game(2)
        _played(used, 3, seed=1)
        used.reset(0)
        used.step(drawn(used.shape, 2)[0])
        kept = {name: np.array(values) for name, values in used.memory().items()}
        if kept:
            fresh.recall(kept)
        assert _bytes(_played(used, 2, seed=4)) == _bytes(_played(fresh, 2, seed=4))

    def test_another_episode_is_another_one(self) -> None:
        """Episodes do not repeat themselves: of the first four, not all look alike under the same actions."""
        game = self.make_game(1)
        moves = drawn(game.shape, 3)
        looks = [_played(game, episode, moves=moves)[0] for episode in range(4)]
        assert len({b"".join(look.tobytes() for look in each) for each in looks}) > 1

    def test_memory_is_what_a_checkpoint_can_keep(self) -> None:
        """Finite arrays by name, before and after an episode; a game that recalls them goes on as the one that had them."""
        went_on, resumed = self.make_game(1), self.make_game(1)
        remembered(went_on.memory())
        _played(went_on, 0, seed=5)
        kept = {name: values.copy() for name, values in remembered(went_on.memory()).items()}
        resumed.recall(kept)
        assert _bytes(_played(went_on, 1, seed=6)) == _bytes(_played(resumed, 1, seed=6))

    def test_the_first_of_several_markets_sees_what_it_sees_alone(self) -> None:
        """With the same actions, to the bit."""
        alone, among = self.make_game(1), self.make_game(3)
        moves = drawn(among.shape, 7)
        ours, theirs = _played(among, 1, moves=moves)[0], _played(alone, 1, moves=[each[:1] for each in moves])[0]
        same = [one[0].tobytes() == other[0].tobytes() for one, other in zip(ours, theirs, strict=True)]
        assert all(same) == self.first_like_alone

    def test_it_lets_go_and_says_what_a_manifest_can_keep(self) -> None:
        """In the middle of an episode, too."""
        game = self.make_game(1)
        game.reset(0)
        facts(game.close(wait=False))


def drawn(shape: Shape, seed: int) -> list[Actions]:
    """Random actions of an episode, a slot each; choice 0 of heads that an agent does not use."""
    rng = np.random.default_rng(seed)
    size = (shape.slots, shape.n_markets, shape.n_agents)
    space = shape.actions
    if isinstance(space, Box):
        return list(rng.uniform(space.low, space.high, (*size, space.low.shape[1])))
    assert isinstance(space, Categorical)
    return list(rng.integers(0, np.array(space.heads), (*size, len(space.heads))) * space.used)


def _declared(game: Game) -> DeclaredGame:
    shape = sound_shape(game.shape)
    return DeclaredGame(shape, sound_layout(game.layout, shape))


def _played(game: Game, episode: int, *, seed: int = 0, moves: list[Actions] | None = None) -> Episode:
    looks, steps = [np.array(game.reset(episode)[0])], []
    for actions in drawn(game.shape, seed) if moves is None else moves:
        step = game.step(actions)
        looks.append(np.array(step.seen))
        steps.append(step._replace(reward=np.array(step.reward)))
    return looks, steps


def _bytes(played: Episode) -> list[bytes]:
    looks, steps = played
    return [*(each.tobytes() for each in looks), *(each.reward.tobytes() for each in steps)]
