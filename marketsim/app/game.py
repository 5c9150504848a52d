"""The game of a scenario and its learner: built as any part, from what they have to know of each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from marketsim.app.episodes import draws_days, on_part
from marketsim.app.experts import guide_of_game
from marketsim.app.foreign import owner
from marketsim.app.grid import feeder_of, network_of_run
from marketsim.app.parts import chosen, context_of, placed, profiles_of
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.wiring import Built, build, cast_of, copied_world, critic_of
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext, known_of
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.game import MARKET, Game
from marketsim.core.learner import GameNeeds, Learner
from marketsim.core.rng import Streams
from marketsim.games.context import GameContext
from marketsim.games.guard import guarded
from marketsim.games.market.params import MarketGameParams
from marketsim.learning.guard import GuardedLearner
from marketsim.profiles.parts import DaySplit


def learner_of(ready: ReadyScenario) -> Learner:
    """The learner that a scenario names; MissingDependency without its extra, PluginError for what is none."""
    choice = ready.model.learning.learner
    learner: Learner = chosen(ready, "learner", choice, context_of(ready, (ready.seed,)))
    return learner if owner(ready.registry, "learner", choice.name) is None else GuardedLearner(learner)


def build_game(
    ready: ReadyScenario,
    *,
    needs: GameNeeds | None = None,
    markets: int | None = None,
    rounds: int | None = None,
    seeds: Sequence[int] | None = None,
    part: DaySplit = "training",
    by_date: bool = False,
) -> Game:
    """The game of a scenario.

    ``needs`` are those of who will play it (default: the scenario's learner). ``markets`` are played side by side
    (default: as many as the needs say), each with a seed of its own that follows from the scenario's, unless ``seeds``
    names them. ``rounds`` is how many episodes the whole training has (default: what the needs say), which the ramp of
    the shaping is measured by. ``part``: where the days of the source year come from that are played; ``by_date``: all of
    them in turn, a market each, whatever the scenario's order. A game with the trait ``calendar`` plays the scenario's own days.
    PluginError for a plugin's that is no game, PluginFault for one that declares what cannot be.
    """
    if needs is None:
        needs = learner_of(ready).needs
    if rounds is not None:
        needs = needs._replace(rounds=lambda *_: rounds)
    if seeds is None:
        seeds = market_seeds(ready.seed, needs.markets if markets is None else markets)
    choice = ready.model.learning.game
    if "calendar" not in ready.registry.traits("game", choice.name):
        ready = on_part(ready, part, by_date=by_date)
    game: Game = chosen(ready, "game", choice, _context(ready, build(ready, seeds), needs))
    who = owner(ready.registry, "game", choice.name)
    return game if who is None else guarded(game, who)


def _context(ready: ReadyScenario, built: Built, needs: GameNeeds) -> GameContext:
    """What the game is built from."""
    model, registry, context = ready.model, ready.registry, built.context
    return GameContext(
        **known_of(context, BuildContext),
        seed=ready.seed,
        needs=needs,
        world=built.world,
        reference=built.reference,
        reward=model.learning.reward,
        draws_days=draws_days(ready),
        metered="metered" in registry.traits("profile", model.profiles.name),
        critic_name=model.critic.name,
        formula="formula" in registry.traits("critic", model.critic.name),
        critic=lambda: critic_of(ready, context),
        cast=lambda among: cast_of(ready, context, built.kinds, among),
        profiles=lambda: profiles_of(ready),
        guide=guide_of_game(ready, context, built.world.reactive),
        bus_slopes=None if ready.feeder is None else lambda positions: _bus_slopes(ready, positions),
        copies=lambda seeds: copied_world(ready, built, seeds),
    )


def _bus_slopes(ready: ReadyScenario, positions: IntArray) -> tuple[FloatArray, FloatArray]:
    from marketsim.grid.flow.planned import PlannedFeeder

    buses = [str(ready.agents[position].bus) for position in positions.tolist()]
    return PlannedFeeder(network_of_run(ready), feeder_of(ready).nodes_of(buses)).sensitivity()


def market_game_of(ready: ReadyScenario, purpose: str) -> MarketGameParams:
    """Settings of the market game; ScenarioError where the scenario is about another one, which has no ``purpose``."""
    choice = ready.model.learning.game
    if isinstance(choice.params, MarketGameParams):
        return choice.params
    message = f"the game {choice.name} is not the market, and {purpose}"
    hint = f"choose the market by --set learning.game={MARKET}"
    raise placed(ScenarioError([Problem(message, "learning.game", choice.name, hint)]), ready)


def market_seeds(seed: int, markets: int) -> tuple[int, ...]:
    """Seeds of markets side by side; the first has the scenario's own."""
    keys = Streams((seed,))
    return (seed, *(int(keys.keys("markets", market)[0] >> np.uint64(1)) for market in range(1, markets)))
