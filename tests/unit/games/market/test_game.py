"""The game on the simulation: episodes, batches, rewards."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import marketsim as ms
from marketsim.app.episodes import on_part
from marketsim.app.game import build_game, market_seeds
from marketsim.core.clock import Clock
from marketsim.core.errors import ScenarioError
from marketsim.core.laws import energy_imbalance_wh, money_imbalance
from marketsim.core.records import Tariffs
from marketsim.games.episodes import EpisodeDays, RecurringTariff
from marketsim.games.market.game import MarketGame
from marketsim.profiles.calendar import SEASON_OF
from marketsim.profiles.parts import IS_OF

SCENARIOS = Path(__file__).resolve().parents[4] / "scenarios"
FULL = {"learning.reward.ramp": [0, 0]}


def game_of(name: str = "pilot.yaml", overrides: dict | None = None, **choices: object) -> MarketGame:
    overrides = {"learning": {}, **(overrides or {})}  # the defaults, whatever the scenario chose
    return build_game(ms.load_scenario(SCENARIOS / name, overrides), **{"rounds": 10, **choices})


def actions_of(game: MarketGame, seed: int, slots: int) -> np.ndarray:
    """Random actions [slots, M, A, H]; of a market in a batch the same as alone."""
    shape = game.shape
    rng = [np.random.default_rng([seed, market]) for market in range(shape.n_markets)]
    high = np.array(shape.actions.heads)
    return np.stack([r.integers(0, high, (slots, shape.n_agents, len(high))) for r in rng], axis=1)


def play(game: MarketGame, episode: int, actions: np.ndarray) -> list[tuple[bytes, ...]]:
    """Bytes of everything that a market is told, slot by slot, of the last market of the batch."""
    seen, state = game.reset(episode)
    told = [(seen[-1].tobytes(), state[-1].tobytes())]
    for chosen in actions:
        step = game.step(chosen)
        parts = (step.seen, step.state, step.reward, *step.parts.values())
        told.append(tuple(part[-1].tobytes() for part in parts))
    return told


@pytest.mark.parametrize("arm", [{}, {"learning.reward.scores": "placebo"}, {"learning.reward.credit": "influence"}])
def test_a_market_in_a_batch_of_16_is_the_market_alone(arm):
    """Observations, states, both parts of the reward and scores, to the byte, over two episodes."""
    seeds = market_seeds(1, 16)
    batch = game_of(overrides={**FULL, **arm}, seeds=seeds)
    alone = game_of(overrides={**FULL, **arm}, seeds=seeds[-1:])
    actions = actions_of(batch, 3, 24)
    for episode in (0, 1):
        assert play(batch, episode, actions) == play(alone, episode, actions[:, -1:])


def test_an_episode_does_not_depend_on_what_came_before():
    """Scenario, seed and number say it all; only rewards remember."""
    actions = actions_of(game_of(markets=2), 1, 24)
    fresh, used = game_of(markets=2), game_of(markets=2)
    play(used, 7, actions)
    for ours, theirs in zip(play(fresh, 4, actions), play(used, 4, actions), strict=True):
        assert ours[:2] == theirs[:2]
    assert play(fresh, 4, actions)[0] != play(fresh, 5, actions)[0]


def test_memory_goes_on_to_the_same_bytes():
    actions = actions_of(game_of(markets=2), 1, 24)
    first, second = game_of(markets=2), game_of(markets=2)
    for episode in range(3):
        play(first, episode, actions)
    second.recall(first.memory())
    assert play(first, 3, actions) == play(second, 3, actions)


@pytest.mark.parametrize("name", ["pilot.yaml", "mixed_assets.yaml"])
def test_rewards_are_finite_and_everything_balances(name):
    """A random day: both parts of the reward, energy, money; the economic part is what the bills say."""
    hours = {"clock.slot_minutes": 60, "clock.slots": 24}
    game = game_of(name, {**FULL, **hours}, markets=2)
    game.reset(2)
    for chosen in actions_of(game, 5, 24):
        step = game.step(chosen)
        economic, shaping, *scores = step.parts.values()
        assert tuple(step.parts) == ("economic", "shaping", "ftg", "fbs", "fpp")
        assert np.isfinite(economic).all()
        assert np.isfinite(shaping).all()
        assert np.array_equal(step.reward, economic + shaping)
        defined = np.array(scores)[np.isfinite(scores)]
        assert ((defined >= 0) & (defined <= 1)).all()
        assert (energy_imbalance_wh(game.record) == 0).all()
        assert money_imbalance(game.record) == 0
        bills = game.bills
        gained = bills.reference - bills.paid + bills.stored
        np.testing.assert_allclose(economic * game._reward._currency, gained, atol=1e-3)
    assert step.ended


def test_the_reference_bill_depends_on_no_action():
    """Whatever everybody does, what they would have paid without a market is the same."""
    hours = {"clock.slot_minutes": 60, "clock.slots": 24}
    bills = []
    for seed in (1, 2):
        game = game_of("mixed_assets.yaml", hours, markets=1)
        game.reset(0)
        bills.append([game.step(chosen) and game.bills.reference.tolist() for chosen in actions_of(game, seed, 24)])
    assert bills[0] == bills[1]


def test_the_bill_without_devices_is_that_of_the_reference_run():
    """The closed form against the simulated reference, slot by slot."""
    from marketsim.core.simulation import initial_state
    from marketsim.core.slot import run_slot

    game = game_of(markets=2)
    game.reset(1)
    world = game._parts.context.reference
    state = initial_state(world)._replace(slot=24)
    for chosen in actions_of(game, 5, 24):
        record, state = run_slot(world, state)
        game.step(chosen)
        expected = record.ledger.money.sum(axis=0) + record.wear_money
        np.testing.assert_array_equal(game.bills.reference.reshape(-1), expected)


def test_episodes_are_drawn_from_training_days_of_the_scenario_s_season():
    game = game_of(markets=4)
    source = game._parts.context.world.profiles.source
    used = {int(day) for episode in range(20) for day in source.weather_days(game._parts.days.first(episode))}
    assert len(used) > 15
    assert all(IS_OF["training"][day] and SEASON_OF[day] == 2 for day in used)


def test_all_weekdays_are_played():
    clock = ms.load_scenario(SCENARIOS / "pilot.yaml").model.clock.to_clock()
    days = EpisodeDays(1, clock, 1, draws_days=True)
    assert sorted(days.first(episode) % 7 for episode in range(7)) == list(range(7))


def test_a_part_keeps_what_the_scenario_says_of_its_days():
    ready = ms.load_scenario(SCENARIOS / "pilot.yaml", {"profiles.days": {"weather": "sunny"}})
    days = on_part(ready, "test").model.profiles.params.days
    assert (days.part, days.season, days.weather) == ("test", None, "sunny")
    assert on_part(ms.load_scenario(SCENARIOS / "pilot.yaml"), "test").model.profiles.params.days.season == "summer"


def test_prices_come_again_by_whole_weeks():
    class Counting:
        def at(self, time):
            return Tariffs(np.array([time.slot]), np.array([0]), None)

    clock = Clock(ms.load_scenario(SCENARIOS / "pilot.yaml").model.clock.start, 10 * 24, 60)
    tariff = RecurringTariff(Counting(), clock)
    assert [int(tariff.at(clock.at(slot)).retail_ticks[0]) for slot in (0, 167, 168, 400)] == [0, 167, 0, 64]


def test_those_who_do_not_learn_follow_their_strategies():
    """Only the named agents act; the others are truthful, as the scenario says."""
    game = game_of(overrides={"learning.game.agents": ["house", "roof-farm"]}, markets=2)
    assert (game.shape.n_agents, game.layout.agents) == (2, ("roof-farm", "house"))
    game.reset(0)
    for chosen in actions_of(game, 1, 13):
        game.step(chosen * 0)
    orders = game.record.orders
    others = ~np.isin(orders.connection, [3, 6])
    assert set(orders.limit_ticks[others & (orders.side > 0)]) == {300_000}
    assert not (orders.limit_ticks[~others] > 80_000).any()


def test_unknown_learners_are_named():
    with pytest.raises(ScenarioError, match="there is no such agent.*mansion"):
        game_of(overrides={"learning.game.agents": ["mansion"]})


def test_difference_needs_a_critic_that_is_a_formula():
    overrides = {"critic": {"kind": "ollama"}, "learning.reward.credit": "difference"}
    with pytest.raises(ScenarioError, match="ollama"):
        game_of(overrides=overrides)


@pytest.mark.parametrize(
    ("arm", "shaped"),
    [
        ({}, True),
        ({"scores": "none"}, False),
        ({"eta": 0}, False),
        ({"scores": "placebo"}, True),
        ({"credit": "shared"}, True),
        ({"credit": "influence"}, True),
        ({"weights": {"fbs": 0, "fpp": 0}}, True),
        ({"weights": {"ftg": 0, "fbs": 0, "fpp": 0}}, False),
    ],
)
def test_every_arm_is_a_choice_of_the_section(arm, shaped):
    game = game_of(overrides={"learning.reward": {**arm, "ramp": [0, 0]}}, markets=2)
    total = 0.0
    for episode in (0, 1):
        game.reset(episode)
        total += sum(float(np.abs(game.step(chosen).parts["shaping"]).sum()) for chosen in actions_of(game, 4, 24))
    assert (total > 0) == shaped


def test_a_constant_score_pays_nothing_once_it_is_known():
    game = game_of(overrides={"learning.reward": {"scores": "constant", "ramp": [0, 0]}}, markets=2)
    game.reset(0)
    assert all(np.abs(game.step(chosen).parts["shaping"]).max() < 1e-12 for chosen in actions_of(game, 4, 24))


def test_rewards_are_those_of_the_slots_without_the_line_of_sharing():
    """The game plays slots, and no period ends in one: to the byte the same with and without a rule."""
    plain, shared = (
        game_of(overrides=overrides, seeds=(1,)) for overrides in (FULL, {**FULL, "market.sharing": "proportional"})
    )
    actions = actions_of(plain, 3, 24)
    assert play(plain, 0, actions) == play(shared, 0, actions)
