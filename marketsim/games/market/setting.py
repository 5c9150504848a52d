"""What the game of a scenario is made of: handed in by whoever joins scenario and parts, so that a game knows neither."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from marketsim.core.build import BuildContext
from marketsim.core.ports import Profiles
from marketsim.core.world import Role, World
from marketsim.fairness.critic import Critic
from marketsim.scenario.learning import GameParams, RewardParams


@dataclass(frozen=True, slots=True)
class Setting:
    """A scenario on the days that are played, with as many markets as are played side by side."""

    game: GameParams
    reward: RewardParams
    seed: int
    """Of the scenario; those of the markets are in the context's streams."""
    context: BuildContext
    world: World
    """Of all markets."""
    reference: World
    """The same with everybody trading with the utility only."""
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
    copies: Callable[[Sequence[int]], World]
    """The market side of a world of as many copies as there are seeds: it can trade, and nothing else."""
