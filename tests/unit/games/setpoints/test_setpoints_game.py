"""The game of set-points: what its rewards sum to, what it sees, what its labels are, and what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import marketsim as ms
from marketsim.agents.setpoints.features import N_OWN, NAMES
from marketsim.app import game as composition
from marketsim.app.game import build_game
from marketsim.core.arrays import FloatArray
from marketsim.core.clock import SlotTime
from marketsim.core.errors import ScenarioError
from marketsim.core.learner import GameNeeds
from marketsim.core.setpoints import ACTIONS, IDLE, Setpoints
from marketsim.core.units import WH_PER_KWH
from marketsim.games.context import GameContext
from marketsim.games.guide import Visited
from marketsim.games.setpoints.game import SetpointsGame

MARKETS = 2
SLOTS = 24
AGENTS = [
    {"name": "hub", "bus": "87", "pv_kw": 6000, "battery": {"energy_kwh": 1200, "power_kw": 400},
     "generator": {"max_kw": 250}, "curtailable_load": {"share": 0.1}, "load": {"peak_kw": 400, "power_factor": 0.95}},
    {"name": "works", "bus": "48", "generator": {"max_kw": 400}, "load": {"peak_kw": 1000, "power_factor": 0.95}},
    {"name": "street", "kind": "consumer", "bus": "140", "load": {"peak_kw": 800, "power_factor": 0.95},
     "strategy": "utility_only"},
]  # fmt: skip
PLAYERS = ["hub", "works"]


def scenario(**game: Any) -> dict[str, Any]:
    return {
        "name": "set",
        "clock": {"start": "2016-07-12", "slots": SLOTS, "slot_minutes": 60},
        "grid": {
            "feeder": "feeder141", "source_pu": 1.0, "voltage_band_pu": [0.97, 1.03], "gate": "observe",
            "line_rating_a": None, "reactive": {"setpoint": {}}, "load_scale": 0.5, "background": True,
        },
        "tariff": {"flat": {"retail": 0.24, "feed_in": 0.06}},
        "market": {"engine": "mid_market_rate"},
        "profiles": {"source": "simbench_2016"},
        "agents": [{"kind": "prosumer", "strategy": "setpoints", **each} for each in AGENTS],
        "learning": {"game": {"setpoints": game}},
    }  # fmt: skip


def made(path: dict[str, Any], markets: int = MARKETS) -> SetpointsGame:
    game = build_game(ms.load_scenario(path), needs=GameNeeds(markets, False, lambda agents, slots: 1))
    assert isinstance(game, SetpointsGame)
    return game


@pytest.fixture(scope="module")
def game() -> SetpointsGame:
    """One for all: an episode depends on nothing that came before."""
    return made(scenario())


def drawn(game: SetpointsGame, seed: int) -> FloatArray:
    space = game.shape.actions
    return np.random.default_rng(seed).uniform(space.low, space.high, (SLOTS, MARKETS, *space.low.shape))


def test_a_day_s_rewards_are_what_it_saves_and_what_it_leaves_in_store(game: SetpointsGame) -> None:
    """Cost parts sum to the idle bill less bills; stored parts to the value of the last level against the first."""
    game.reset(3)
    scale, idle, paid = 2.5, np.zeros((MARKETS, 2)), np.zeros((MARKETS, 2))
    told = dict.fromkeys((*game.shape.rewards, *game.shape.scores), 0.0)
    for actions in drawn(game, 1):
        step = game.step(actions)
        record = game.record
        rows = np.array([0, 1, 3, 4])
        idle += idle_bill(record)[rows].reshape(MARKETS, 2)
        paid += ((record.ledger.money.sum(axis=0) + record.wear_money)[rows] * 1e-9).reshape(MARKETS, 2)
        told = {name: told[name] + step.parts[name] for name in told}
        np.testing.assert_allclose(step.reward, sum(step.parts[name] for name in game.shape.rewards))
    np.testing.assert_allclose(told["cost"] * scale, idle - paid, atol=1e-3)  # the meter rounds
    stored = game._value.stored_kwh(game._state)[[0, 2]] - 600.0
    worth = stored * np.where(stored < 0, 0.20 / 0.95, 0.14 * 0.95)
    np.testing.assert_allclose(told["stored"][:, 0] * scale, worth, atol=1e-6)
    assert not told["stored"][:, 1].any()
    np.testing.assert_allclose(told["system_cost"], paid.sum(axis=1) - worth, atol=1e-6)


def idle_bill(record: Any) -> FloatArray:
    """What everybody would pay to the utility alone with everything at rest [currency], worked out from the series."""
    inputs = record.inputs
    net_kwh = (inputs.pv_wh - inputs.load_wh) / WH_PER_KWH
    curtailable = np.zeros(len(net_kwh))
    curtailable[[0, 3]] = 0.1 * inputs.series["load_kw"][[0, 3]]
    net_kwh = net_kwh - curtailable
    return np.where(net_kwh < 0, -0.24 * net_kwh, -0.06 * net_kwh)


def test_money_of_an_idle_bill_is_metered(game: SetpointsGame) -> None:
    """The idle bill that the reward subtracts differs from that of the series by less than the meter's rounding."""
    game.reset(0)
    step = game.step(np.tile(IDLE, (MARKETS, 2, 1)))
    paid = ((game.record.ledger.money.sum(axis=0) + game.record.wear_money)[[0, 1, 3, 4]] * 1e-9).reshape(MARKETS, 2)
    expected = idle_bill(game.record)[[0, 1, 3, 4]].reshape(MARKETS, 2)
    np.testing.assert_allclose(step.parts["cost"] * 2.5 + paid, expected, atol=1e-3)


def test_voltages_cost_all_the_same(game: SetpointsGame) -> None:
    """Shares of buses and depths are those of the record; their price is shared equally."""
    game.reset(1)
    seen = False
    for actions in drawn(game, 2):
        step = game.step(actions)
        v = game.record.grid.v_pu[:, 1:]
        depth = np.maximum(np.maximum(0.97 - v, v - 1.03), 0.0)
        np.testing.assert_allclose(step.parts["depth_pu"], depth.sum(axis=1))
        np.testing.assert_allclose(step.parts["violations"], (depth > 0).mean(axis=1))
        price = 25.0 * depth.sum(axis=1) + 100.0 * (depth > 0).mean(axis=1)
        np.testing.assert_allclose(step.parts["voltage"], -np.repeat(price[:, None], 2, axis=1) / (2 * 2.5))
        seen = seen or bool((depth > 0).any())
    assert seen


def test_curtailed_and_refused_energy_is_told() -> None:
    """Under ``ac`` what the gate refuses is counted, and everything that PV could have given beside it."""
    path = scenario()
    path["grid"] = {**path["grid"], "gate": "ac"}
    path["agents"][0]["pv_kw"] = 30_000
    game = made(path, 1)
    game.reset(0)
    refused = 0.0
    for _ in range(SLOTS):
        step = game.step(np.tile(IDLE, (1, 2, 1)))
        record = game.record
        assert step.parts["curtailed_kwh"][0] == record.exchange.curtailed_wh[:2].sum() / WH_PER_KWH
        assert step.parts["refused_kwh"][0] == pytest.approx(step.parts["curtailed_kwh"][0])
        refused += step.parts["refused_kwh"][0]
    assert refused > 0.0


def test_what_is_public_is_the_same_for_all_of_a_market(game: SetpointsGame) -> None:
    """Balance and forecast of the pool; the balance is that of the last slot, and nothing before the first."""
    seen, _ = game.reset(2)
    balance = NAMES.index("balance_kw")
    assert not seen[:, :, balance].any()
    for actions in drawn(game, 3)[:5]:
        step = game.step(actions)
        assert (np.ptp(step.seen[:, :, N_OWN:], axis=1) == 0).all()
        net_kw = game.record.energy.net_wh[[0, 1, 3, 4]].reshape(MARKETS, 2).sum(axis=1) / WH_PER_KWH
        factor, offset = game.layout.factor[0, balance], game.layout.offset[0, balance]
        expected = np.clip((net_kw - offset) * factor, -game.layout.bound, game.layout.bound)
        np.testing.assert_allclose(step.seen[:, 0, balance], expected, rtol=1e-6)
        assert step.state.shape == (MARKETS, 2 * N_OWN + len(NAMES) - N_OWN)


def test_numbers_that_mean_nothing_to_an_agent_have_one_value(game: SetpointsGame) -> None:
    """``works`` has a generator alone: the rest of its action is the idle one."""
    space = game.shape.actions
    assert game.layout.agents == tuple(PLAYERS)
    assert (space.low[0] == -1).all()
    assert (space.high[0] == 1).all()
    fixed = [name for name, low, high in zip(ACTIONS, space.low[1], space.high[1], strict=True) if low == high]
    assert fixed == ["battery", "curtailed", "pv", "kvar"]
    assert (space.low[1, 1:] == IDLE[1:]).all()


class Standing:
    """A stand-in for an expert: the battery to its middle level, everything else by simple laws of what it is told."""

    def __init__(self) -> None:
        self.days: list[int] = []
        self.visited: list[Visited] = []

    def begin(self, times: Sequence[SlotTime]) -> None:
        assert len(times) == SLOTS
        self.days.append(times[0].day)

    def setpoints(self, slot: int, visited: Visited) -> Setpoints:
        assert 0 <= slot < SLOTS
        self.visited.append(visited)
        middle = (visited.stored_kwh - 600.0) * np.array([0.95, 0.0])
        return Setpoints(
            generator_kw=0.0 * middle + [250.0, 100.0],
            battery_kw=np.clip(middle, -400.0, 400.0),
            curtailed_kw=0.1 * visited.load_kw * [1.0, 0.0],
            pv_kw=visited.pv_kw / 2,
            kvar=0.0 * middle,
        )


@pytest.fixture
def guided(monkeypatch: pytest.MonkeyPatch) -> tuple[SetpointsGame, Standing]:
    """A game whose scenario has an expert."""
    expert, made_context = Standing(), composition._context

    def with_guide(*arguments: Any) -> GameContext:
        return replace(made_context(*arguments), guide=lambda connections: expert)

    monkeypatch.setattr(composition, "_context", with_guide)
    return made(scenario()), expert


def test_labels_are_what_the_expert_would_set(guided: tuple[SetpointsGame, Standing]) -> None:
    """Asked in any state, planned once a day; played as actions they are executed as the expert's set-points."""
    game, expert = guided
    game.reset(4)
    for actions in drawn(game, 4)[:3]:
        game.step(actions)
    labels = game.labels()
    visited = expert.visited[-1]
    assert labels.shape == (MARKETS, 2, len(ACTIONS))
    assert (labels >= game.shape.actions.low).all()
    assert (labels <= game.shape.actions.high).all()
    game.step(labels)
    assert len(expert.days) == 1
    devices = {name: game.record.energy.device_wh[row] for row, name in enumerate(game._world.device_names)}
    np.testing.assert_allclose(devices["generator"][[0, 1, 3, 4]], 1000 * np.tile([250.0, 100.0], MARKETS), atol=1)
    np.testing.assert_allclose(game.record.energy.pv_used_wh[[0, 3]], 500 * visited.pv_kw[:, 0], atol=1)
    to_middle_kwh = np.clip(0.95 * (visited.stored_kwh[:, 0] - 600.0), -400.0, 400.0)
    np.testing.assert_allclose(devices["battery"][[0, 3]], 1000 * to_middle_kwh, atol=1)
    game.labels()
    game.reset(5)
    game.labels()
    assert len(expert.days) == 2


def test_labels_without_an_expert_say_what_to_name(game: SetpointsGame) -> None:
    """A learner that imitates has to have somebody to imitate."""
    game.reset(0)
    with pytest.raises(ScenarioError, match="there is no expert to learn from in this scenario"):
        game.labels()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"agents": ["hub", "Hub2"]}, "there is no such agent"),
        ({"agents": []}, "there is no such agent"),
        ({"agents": ["hub", "street"]}, "this agent has nothing to set"),
        ({"spare_per_kwh": 0.3}, "storing would pay without end"),
    ],
)
def test_what_cannot_be_played_is_refused(changes: dict[str, Any], message: str) -> None:
    """With what was written and what there is."""
    with pytest.raises(ScenarioError, match=message):
        made(scenario(**changes))


def test_a_scenario_in_which_nobody_has_anything_is_refused() -> None:
    """There is no game of nothing."""
    path = scenario()
    path["agents"] = [{**AGENTS[2], "strategy": "truthful"}]
    with pytest.raises(ScenarioError, match="nobody has anything to set"):
        made(path)


def test_ppo_says_that_it_plays_no_numbers(tmp_path: Path) -> None:
    """The learner of choices refuses the game before it is played."""
    from marketsim.app.training import train_scenario

    path = scenario()
    path["learning"] = {"game": "setpoints", "learner": {"ppo": {"markets": 1, "episodes": 1}}}
    pytest.importorskip("torch")
    with pytest.raises(ScenarioError, match="ppo chooses among choices, and actions of this game are numbers"):
        train_scenario(ms.load_scenario(path), tmp_path / "training")


def test_days_of_a_part_are_played_by_date() -> None:
    """Validation has the first day of each month: twelve markets play them all, in order."""
    path = scenario()
    path["profiles"] = {
        "source": "simbench_2016",
        "days": {"split": {"first_days": 1, "last_days": 7}, "order": "dates"},
    }
    ready = ms.load_scenario(path)
    needs = GameNeeds(12, False, lambda agents, slots: 1)
    game = build_game(ready, needs=needs, part="validation", by_date=True)
    game.reset(0)
    days = game._world.profiles.source.weather_days(game._first // SLOTS)
    months = np.roll(np.array([0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335]), -7)
    assert days.tolist() == months.tolist()
