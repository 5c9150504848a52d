"""Laws of the game: no money from trading to and fro, scores by availability, differences as if played again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import marketsim as ms
from marketsim.app.game import build_game
from marketsim.core.potential import availability
from marketsim.games.market.game import SCORES, MarketGame

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
DEFAULTS = {"learning": {}}
"""Of the game, whatever a scenario chose."""
PLAIN = {
    **DEFAULTS,
    "learning.reward": {"ramp": [0, 0], "centred": False, "cap": 1000, "weights": {"ftg": 1, "fbs": 0, "fpp": 0}},
}


def store(name: str, **battery: float) -> dict:
    own = {"energy_kwh": 10, "power_kw": 4, "soc_initial": 0.5, "wear_cost": 0.0, **battery}
    return {"name": name, "kind": "prosumer", "battery": own}


def two_stores(**battery: float) -> MarketGame:
    scenario = {
        "name": "stores",
        "clock": {"start": "2016-06-06", "slots": 24, "slot_minutes": 60},
        "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
        "agents": [store("one", **battery), store("other", **battery)],
    }
    return build_game(ms.load_scenario(scenario), markets=1, rounds=1)


@given(seed=st.integers(0, 10**6), efficiency=st.sampled_from([1.0, 0.9]), wear=st.sampled_from([0.0, 0.02]))
@settings(max_examples=12)
def test_two_batteries_that_trade_to_and_fro_never_earn(seed, efficiency, wear):
    """In no slot and by no actions: what one gains the other pays, and losses and wear are nobody's gain."""
    game = two_stores(charge_efficiency=efficiency, discharge_efficiency=efficiency, wear_cost=wear)
    rng = np.random.default_rng(seed)
    game.reset(0)
    traded = 0
    for _ in range(24):
        game.step(rng.integers(0, game.shape.actions.heads, (1, 2, 3)))
        bills = game.bills
        assert float((bills.reference - bills.paid + bills.stored).sum()) <= 1e-3  # of 1e-9 currency
        traded += int(game.record.trades.energy_wh.sum())
    assert not game.record.inputs.load_wh.any()
    assert traded or seed


def test_two_batteries_do_trade():
    """The law above is not about nothing: one sells to the other and back."""
    game = two_stores()
    game.reset(0)
    flows = []
    for slot in range(4):
        one, other = ([5, 4, 0], [5, 4, 4]) if slot % 2 else ([5, 4, 4], [5, 4, 0])
        game.step(np.array([[one, other]]))
        flows.append(game.record.energy.sold_wh.tolist())
    assert flows[0][1] > 0
    assert flows[1][0] > 0


def at_noon(overrides: dict | None = None, episode: int = 0) -> MarketGame:
    """The pilot after a morning without offers; the slot of noon is next."""
    game = build_game(ms.load_scenario(SCENARIOS / "pilot.yaml", overrides or DEFAULTS), markets=1, rounds=1)
    game.reset(episode)
    for _ in range(12):
        game.step(np.zeros((1, 8, 2), dtype=np.int64))
    return game


CHOICES = st.lists(st.tuples(st.integers(0, 10), st.integers(0, 4)), min_size=8, max_size=8)


@given(first=CHOICES, second=CHOICES, episode=st.integers(0, 20))
@settings(max_examples=15)
def test_ftg_never_rises_when_less_is_traded_and_availability_knows_no_offer(first, second, episode):
    """Whatever is offered, what could have been traded is the same; so FTG goes by the traded energy alone."""
    told = []
    for actions in (first, second):
        game = at_noon(episode=episode)
        scores = game.step(np.array([actions])).parts["ftg"]
        record = game.record
        available = availability(record.positions, record.inputs.tariffs, game._world.community)
        told.append((int(record.trades.energy_wh.sum()), scores[0], [each.tolist() for each in available]))
    (less, low, here), (more, high, there) = sorted(told, key=lambda each: each[0])
    assert here == there
    assert np.isnan(low) == np.isnan(high)
    assert np.isnan(low) or (low <= high and (less < more) == (low < high))


@given(actions=CHOICES, episode=st.integers(0, 20))
@settings(max_examples=15)
def test_orders_that_met_nobody_change_no_score(actions, episode):
    """Who traded nothing takes the offer back: the same trades, the same scores to the byte."""
    game = at_noon(episode=episode)
    first = game.step(np.array([actions])).parts
    energy = game.record.energy
    idle = (energy.bought_wh == 0) & (energy.sold_wh == 0)
    fewer = np.array([actions])
    fewer[:, idle, 1] = 0
    again = at_noon(episode=episode)
    parts = again.step(fewer).parts
    assert all(parts[name].tobytes() == first[name].tobytes() for name in SCORES)


ENGINES = [{}, {"rounds": 3}, {"rounds": 2, "tranches": 3, "ties": "pro_rata"}]


@pytest.mark.parametrize("engine", ENGINES, ids=["one round", "rounds", "rounds and tranches"])
@given(actions=CHOICES, episode=st.integers(0, 20), agent=st.integers(0, 7))
@settings(max_examples=15)
def test_a_difference_is_what_playing_again_gives(engine, actions, episode, agent):
    """FTG credit of an agent: the score as played, less the score with its own order truthful, played for real."""
    overrides = {**PLAIN, "market.engine": {"double_auction": engine}}
    game = at_noon(overrides, episode)
    step = game.step(np.array([actions]))
    place = game.record.positions
    truthful = np.array([actions])
    truthful[0, agent] = (10 if place.firm_demand_wh[agent] > 0 else 0, 4)
    other = at_noon(overrides, episode).step(truthful)
    expected = np.nan_to_num(step.parts["ftg"][0] - other.parts["ftg"][0])
    assert step.parts["shaping"][0, agent] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("rounds", [1, 3])
@given(seed=st.integers(0, 1000))
@settings(max_examples=4)
def test_a_difference_on_the_grid_asks_the_gate_as_the_slot_did(rounds, seed):
    """With ``counterfactual: grid`` on a feeder whose gate refuses: again what playing for real gives."""
    overrides = {
        **PLAIN,
        "clock": {"start": "2016-06-06", "slots": 24, "slot_minutes": 60},
        "learning.reward.counterfactual": "grid",
        "market.engine": {"double_auction": {"rounds": rounds}},
        "grid.source_pu": 1.045,
    }
    if rounds > 1:  # the scenario's own strategy draws new prices in each round, of which a slot keeps the last
        overrides |= {f"agents[{group}].strategy": {"truthful": {}} for group in (0, 1)}
    ready = ms.load_scenario(SCENARIOS / "stress141.yaml", overrides)
    names = [agent.name for agent in ready.agents if agent.pv_kw > 0][:6]
    ready = ready.variant({**overrides, "learning.game.agents": names})

    def noon() -> MarketGame:
        game = build_game(ready, markets=1, rounds=1)
        game.reset(0)
        for _ in range(12):
            game.step(np.tile(nothing, (1, len(names), 1))[..., : len(game.shape.actions.heads)])
        return game

    nothing = np.array([0, 0, 2])
    game = noon()
    actions = np.random.default_rng(seed).integers(
        0, game.shape.actions.heads, (1, len(names), len(game.shape.actions.heads))
    )
    actions[..., 2:] = 2  # stores rest: their truthful price is not one of the game's
    step = game.step(actions)
    assert game.record.rejects.size
    agent = seed % len(names)
    row = game._parts.rows[agent]
    truthful = actions.copy()
    truthful[0, agent, :2] = (10 if game.record.positions.firm_demand_wh[row] > 0 else 0, 4)
    expected = np.nan_to_num(step.parts["ftg"][0] - noon().step(truthful).parts["ftg"][0])
    assert step.parts["shaping"][0, agent] == pytest.approx(expected, abs=1e-12)
