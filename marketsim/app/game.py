"""The game of a scenario: its market, joined with what the learner says of itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from marketsim.app.episodes import draws_days, on_part
from marketsim.app.parts import chosen, context_of, profiles_of
from marketsim.app.ready import ReadyScenario
from marketsim.app.wiring import Built, build, cast_of, copied_world, critic_of
from marketsim.core.errors import PluginError, Problem
from marketsim.core.learner import GameNeeds, Learner
from marketsim.core.rng import Streams
from marketsim.games.market.game import MarketGame, make_game
from marketsim.games.market.setting import Setting


def learner_of(ready: ReadyScenario) -> Learner:
    """The learner that a scenario names; MissingDependency without its extra, PluginError for what is none."""
    choice = ready.model.learning.learner
    learner = chosen(ready, "learner", choice, context_of(ready, (ready.seed,)))
    if not isinstance(learner, Learner):
        source = ready.registry.entry("learner", choice.name).source
        hint = "return an object with needs and train, see marketsim.core.learner.Learner"
        raise PluginError([Problem(f"plugin {source}: learner {choice.name!r} is none", hint=hint)])
    return learner


def build_game(
    ready: ReadyScenario,
    *,
    needs: GameNeeds | None = None,
    markets: int | None = None,
    rounds: int | None = None,
    seeds: Sequence[int] | None = None,
) -> MarketGame:
    """The game of a scenario.

    ``needs`` are those of who will play it (default: the scenario's learner). ``markets`` are played side by side
    (default: as many as the needs say), each with a seed of its own that follows from the scenario's, unless ``seeds``
    names them. ``rounds`` is how many episodes the whole training has (default: what the needs say), which the ramp of
    the shaping is measured by.
    """
    if needs is None:
        needs = learner_of(ready).needs
    if rounds is not None:
        needs = needs._replace(rounds=lambda *_: rounds)
    if seeds is None:
        seeds = market_seeds(ready.seed, needs.markets if markets is None else markets)
    ready = on_part(ready, "training")
    return make_game(setting_of(ready, build(ready, seeds)), needs)


def setting_of(ready: ReadyScenario, built: Built) -> Setting:
    """What the game is made of."""
    model, registry, context = ready.model, ready.registry, built.context
    return Setting(
        game=model.learning.game,
        reward=model.learning.reward,
        seed=ready.seed,
        context=context,
        world=built.world,
        reference=built.reference,
        draws_days=draws_days(ready),
        metered="metered" in registry.traits("profile", model.profiles.name),
        critic_name=model.critic.name,
        formula="formula" in registry.traits("critic", model.critic.name),
        critic=lambda: critic_of(ready, context),
        cast=lambda among: cast_of(ready, context, built.kinds, among),
        profiles=lambda: profiles_of(ready),
        copies=lambda seeds: copied_world(ready, built, seeds),
    )


def market_seeds(seed: int, markets: int) -> tuple[int, ...]:
    """Seeds of markets side by side; the first has the scenario's own."""
    keys = Streams((seed,))
    return (seed, *(int(keys.keys("markets", market)[0] >> np.uint64(1)) for market in range(1, markets)))
