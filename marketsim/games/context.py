"""What a game is built from: handed in by whoever joins scenario and parts, so that a game knows neither."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.game import Game
from marketsim.core.learner import GameNeeds
from marketsim.core.ports import Profiles
from marketsim.core.world import Role, World
from marketsim.fairness.critic import Critic, Critique
from marketsim.games.episodes import EpisodeDays
from marketsim.games.guide import Guide
from marketsim.scenario.learning import RewardParams


@dataclass(frozen=True, slots=True, kw_only=True)
class GameContext(BuildContext):
    """A scenario on the days that are played, with as many markets as are played side by side.

    Beside what every part may know: who will play, and the world that was wired for this game alone.
    """

    seed: int
    """Of the scenario; those of the markets are in ``streams``."""
    needs: GameNeeds
    """What the learner says of itself."""
    world: World
    """Of all markets: profiles, tariff, devices, gate and everything else of a slot, for whoever plays with them."""
    reference: World
    """The same with everybody trading with the utility only."""
    reward: RewardParams
    """Section ``learning.reward``, which is the market game's; at its defaults for every other game."""
    draws_days: bool
    """Whether the profiles draw source days, so that any number of different days can be played."""
    metered: bool
    """Whether they hold a series for every agent, whatever the agent is said to own."""
    critic_name: str
    formula: bool
    """Whether the critic is a formula, which can score what did not happen."""
    critic: Callable[[], Critic]
    """A critic for the game alone."""
    cast: Callable[[Sequence[int]], tuple[Role, ...]]
    """Fresh strategies of the agents at these positions of a market, in all markets."""
    profiles: Callable[[], Profiles]
    """Those of one market with the scenario's own seed."""
    guide: Callable[[IntArray], Guide] | None = None
    """What the scenario's expert would do, made for the players at these positions of a market; None: it has no expert."""
    bus_slopes: Callable[[IntArray], tuple[FloatArray, FloatArray]] | None = None
    """Change of the squared voltage of each node with active and reactive injections of the agents at these positions of a
    market [p.u.^2/kW], [p.u.^2/kvar] [N, n]; None: there is no feeder."""
    copies: Callable[[Sequence[int]], World]
    """The market side of a world of as many copies as there are seeds: it can trade, and nothing else."""

    def first_slot(self, episode: int, days: int = 1) -> int:
        """Slot of the calendar with which an episode of so many whole ``days`` begins.

        Other days for every episode where the profiles draw source days; else a stretch of the scenario's own, drawn with its
        seed. The tariff of ``world`` has no price beyond the scenario's own days: see ``games.episodes.RecurringTariff``.
        """
        found = EpisodeDays(days, self.clock, self.seed, draws_days=self.draws_days)
        return found.first(episode) * self.clock.slots_per_day


@runtime_checkable
class Reviewed(Protocol):
    """What a game may be beside: its slots are reviewed by a critic."""

    def critiques(self) -> list[Critique]:
        """What the critic wrote down since the last call."""
        ...


class ReviewedGame(Reviewed, Game, Protocol):
    """A game whose slots are reviewed."""
