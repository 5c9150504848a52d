"""Games of plugins: what they declare and bring is looked at, and what is wrong is told with episode and slot."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from marketsim.core import game_rules
from marketsim.core.arrays import FloatArray
from marketsim.core.game import Actions, Features, Game, Guided, GuidedGame, Layout, Shape, Step
from marketsim.core.walls import Owner, held
from marketsim.fairness.critic import Critique
from marketsim.fairness.critic_rules import critiques
from marketsim.games.context import Reviewed, ReviewedGame

R = TypeVar("R")


class GuardedGame:
    """Port ``Game`` over a plugin's, which stands behind its wall; PluginFault for what it does wrong.

    Shape and layout are asked for once; the layout gets the name by which scenarios call the game.
    """

    def __init__(self, game: Game, who: Owner) -> None:
        self._game, self._when = game, ""
        self.owner = who.placed
        """Whose game it is, with the line that builds it."""
        self._shape = self._held("shape", game_rules.sound_shape, lambda: game.shape)
        layout = self._held("layout", lambda found: game_rules.sound_layout(found, self._shape), lambda: game.layout)
        self._declared = game_rules.DeclaredGame(self._shape, layout._replace(game=who.name))
        self._episode = self._slot = 0

    @property
    def shape(self) -> Shape:
        """As declared when it was built."""
        return self._shape

    @property
    def layout(self) -> Layout:
        """As declared when it was built."""
        return self._declared.layout

    def memory(self) -> Mapping[str, FloatArray]:
        """What the game remembers."""
        return self._held("memory", game_rules.remembered, self._game.memory)

    def recall(self, memory: Mapping[str, FloatArray]) -> None:
        """Go on from a memory."""
        self._held("recall", lambda _: None, lambda: self._game.recall(dict(memory)))

    def reset(self, episode: int) -> tuple[Features, Features]:
        """Begin an episode."""
        self._episode, self._slot = episode, 0
        self._when = f" of episode {episode}"
        return self._held(
            "reset", lambda found: game_rules.looked(found, self._declared), lambda: self._game.reset(episode)
        )

    def step(self, actions: Actions) -> Step:
        """Play a slot; ValueError for actions that the game does not have."""
        game_rules.demand_playable(actions, self._shape)
        self._when = f" of episode {self._episode}, slot {self._slot}"
        self._slot += 1
        last = self._slot == self._shape.slots
        return self._held(
            "step", lambda found: game_rules.stepped(found, self._declared, last=last), lambda: self._game.step(actions)
        )

    def close(self, *, wait: bool = True) -> Mapping[str, object]:
        """Let it go; what it says of itself."""
        return self._held("close", game_rules.facts, lambda: self._game.close(wait=wait))

    def _held(self, method: str, rule: Callable[[Any], R], call: Callable[[], Any]) -> R:
        return held(self._game, method, rule, call, self._when)


class GuardedGuidedGame(GuardedGame):
    """The same for a game in which an expert says what it would do."""

    def __init__(self, game: GuidedGame, who: Owner) -> None:
        super().__init__(game, who)
        self._guided = game

    def labels(self) -> FloatArray:
        """What the expert would do."""
        self._when = f" of episode {self._episode}, slot {self._slot}"
        return self._held("labels", lambda found: game_rules.labelled(found, self._declared), self._guided.labels)


class GuardedReviewedGame(GuardedGame):
    """The same for a game whose slots a critic reviews."""

    def __init__(self, game: ReviewedGame, who: Owner) -> None:
        super().__init__(game, who)
        self._reviewed = game

    def critiques(self) -> list[Critique]:
        """What its critic wrote down."""
        return self._held("critiques", lambda found: critiques(found, self._shape.n_markets), self._reviewed.critiques)


def guarded(game: Game, who: Owner) -> GuardedGame:
    """The game of a plugin, held to its port."""
    if isinstance(game, Reviewed):
        return GuardedReviewedGame(cast("ReviewedGame", game), who)
    if isinstance(game, Guided):
        return GuardedGuidedGame(cast("GuidedGame", game), who)
    return GuardedGame(game, who)


def whose(game: object) -> str:
    """The plugin that a game is of, with the line that builds it; empty for one of the package."""
    return game.owner if isinstance(game, GuardedGame) else ""
