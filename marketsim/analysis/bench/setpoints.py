"""The game of set-points without a learner: days side by side under random actions, AC power flow in every slot."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from marketsim.analysis.bench.rows import BenchFailed, BenchRow, median_s
from marketsim.app.game import build_game
from marketsim.app.ready import load_scenario
from marketsim.core.arrays import FloatArray
from marketsim.core.game import Box, Game
from marketsim.core.learner import GameNeeds

MARKETS: Final = 16
SETPOINTS141: Final[dict[str, Any]] = {
    "name": "benchset",
    "clock": {"start": "2016-05-19", "slots": 96, "slot_minutes": 15},
    "grid": {
        "feeder": "feeder141", "source_pu": 1.0, "voltage_band_pu": [0.95, 1.05], "gate": "observe", "load_scale": 0.95,
        "line_rating_a": None, "reactive": {"setpoint": {"base": "volt_var"}},
    },
    "tariff": {"flat": {"retail": 0.24, "feed_in": 0.06}},
    "market": {"engine": "mid_market_rate"},
    "profiles": {"source": "simbench_2016", "pv_scale": 1.6, "days": {"split": {"first_days": 1, "last_days": 7}}},
    "agents": [
        {
            "kind": "prosumer", "count": 20, "pv_kw": 2100, "strategy": "setpoints",
            "buses": [48, 78, 102, 127, 59, 109, 130, 140, 67, 95, 133, 136, 62, 86, 106, 138, 74, 100, 116, 134],
            "load": {"shape": "lv_semiurb4", "peak_kw": 500, "power_factor": 0.95},
            "battery": {"energy_kwh": 400, "power_kw": 200}, "generator": {"max_kw": 250},
            "curtailable_load": {"share": 0.1},
        },
        {
            "kind": "consumer", "count": 84, "buses": "loads", "strategy": "utility_only",
            "load": {"shape": "lv_rural1", "peak_kw": "feeder", "power_factor": "feeder"},
        },
    ],
    "learning": {"game": "setpoints"},
}  # fmt: skip
"""Twenty prosumers with every device beside the feeder's 84 loads, as p2p141."""


def _game(markets: int) -> Game:
    return build_game(load_scenario(SETPOINTS141), needs=GameNeeds(markets, False, lambda *_: 1))


def _actions(space: Any, slots: int, markets: int) -> FloatArray:
    if not isinstance(space, Box):
        raise BenchFailed("the game of set-points has numbers for actions")
    rng = np.random.default_rng(1)
    return rng.uniform(space.low, space.high, (slots, markets, *space.low.shape))


def check_batch(game: Game, actions: FloatArray) -> None:
    """BenchFailed unless the first market of a batch sees and earns what it does alone."""
    alone, slots = _game(1), 8
    same = np.array_equal(game.reset(0)[0][:1], alone.reset(0)[0])
    for slot in range(slots):
        one, many = alone.step(actions[slot, :1]), game.step(actions[slot])
        same = same and np.array_equal(one.reward, many.reward[:1]) and np.array_equal(one.seen, many.seen[:1])
    if not same:
        raise BenchFailed("the first market of the batch differs from itself alone")


def rows() -> list[BenchRow]:
    """Agent-steps a second of the game alone: 16 days of 20 players and 84 other loads, gate ``observe``."""
    game = _game(MARKETS)
    shape = game.shape
    actions = _actions(shape.actions, shape.slots, MARKETS)
    check_batch(game, actions)

    def day() -> None:
        game.reset(1)
        for slot in range(shape.slots):
            game.step(actions[slot])

    taken_s = median_s(day, 5)
    steps = shape.slots * MARKETS * shape.n_agents
    detail = (
        f"{MARKETS} days x {shape.n_agents} players and 84 loads, {shape.slots} slots, gate observe, volt-var: "
        f"{taken_s / shape.slots * 1e3:.2f} ms a slot"
    )
    return [BenchRow("game of set-points", steps / taken_s, "agent-steps/s", 50_000, 105_000, True, detail)]
