"""Set-points are executed exactly, whatever is asked: energy to 1 Wh, reactive power to 1 var, money to the last unit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import marketsim as ms
from marketsim.agents.setpoints.player import ActionHand, SetpointPlayer
from marketsim.app.wiring import Built, build
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.records import Observations, SlotRecord
from marketsim.core.setpoints import IDLE, kvar_limit
from marketsim.core.simulation import Simulation
from marketsim.core.units import WH_PER_KWH
from marketsim.core.world import Role, World

HOURS = 4.0
SLOTS = 6
AGENTS = [
    {"bus": "87", "pv_kw": 2800, "inverter_kva": 3080, "battery": {"energy_kwh": 1200, "power_kw": 400},
     "generator": {"max_kw": 250, "ramp_kw_per_h": 25}, "curtailable_load": {"share": 0.1}},
    {"bus": "48", "pv_kw": 1050, "generator": {"max_kw": 400, "min_kw": 20}, "curtailable_load": {"share": 0.2}},
    {"bus": "48", "pv_kw": 2100, "battery": {"energy_kwh": 300, "power_kw": 150}},
    {"bus": "140", "load": {"peak_kw": 800, "power_factor": 0.95}},
]  # fmt: skip
"""Two share a bus, one has nothing to set."""


def scenario(engine: str = "mid_market_rate", gate: str = "observe", **reactive: Any) -> dict[str, Any]:
    return {
        "name": "set",
        "clock": {"start": "2016-07-12", "slots": SLOTS, "slot_minutes": 240},
        "grid": {
            "feeder": "feeder141", "source_pu": 1.0, "voltage_band_pu": [0.95, 1.05], "gate": gate, "line_rating_a": None,
            "reactive": {"setpoint": reactive}, "load_scale": 0.5, "background": True,
        },
        "tariff": {"flat": {"retail": 0.24, "feed_in": 0.06}},
        "market": {"engine": engine},
        "profiles": {"source": "simbench_2016", "pv_scale": 1.5},
        "agents": [
            {"name": f"p{row}", "kind": "prosumer", "load": {"peak_kw": 500, "power_factor": 0.95}, **each}
            for row, each in enumerate(AGENTS)
        ],
    }  # fmt: skip


class Player(SetpointPlayer):
    """Remembers what it was asked, and what of it its devices could do."""

    def __init__(self, hand: ActionHand, built: Built) -> None:
        self.context = built.context.for_rows(np.arange(built.context.community.n_agents))
        super().__init__(hand, self.context)

    def decide(self, seen: Observations) -> Any:
        self.seen, self.asked = seen, self._chooser.points(seen, self.devices)
        self.dispatch_wh, self.pv_wh = self.held(seen, self.asked)
        return super().decide(seen)


def world_of(path: dict[str, Any], n_markets: int = 1) -> tuple[World, ActionHand, Player]:
    built = build(ms.load_scenario(path), list(range(1, n_markets + 1)))
    hand = ActionHand()
    player = Player(hand, built)
    rows = np.arange(built.context.community.n_agents)
    return replace(built.world, cast=(Role(player, rows),)), hand, player


@pytest.fixture(scope="module")
def worlds() -> Iterator[Callable[..., tuple[World, ActionHand, Player]]]:
    """Each world is built once; nothing in it goes from one simulation to the next."""
    kept: dict[str, tuple[World, ActionHand, Player]] = {}

    def of(**changes: Any) -> tuple[World, ActionHand, Player]:
        return kept.setdefault(repr(changes), world_of(scenario(**changes)))

    return of


ACTIONS = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).choice(
        [-1.0, 1.0, 0.0, np.nan], (SLOTS, len(AGENTS), len(IDLE)), p=[0.2, 0.2, 0.1, 0.5]
    )
)
"""Ends, rests, and where NaN is a number in between (``filled``)."""


def filled(actions: FloatArray) -> FloatArray:
    between = np.random.default_rng(0).uniform(-1.0, 1.0, actions.shape)
    return np.where(np.isnan(actions), between, actions)


def played(world: World, hand: ActionHand, player: Player, actions: FloatArray) -> Iterator[SlotRecord]:
    simulation = Simulation(world)
    for asked in filled(actions):
        hand.put(asked)
        yield simulation.step()


def system_cost(record: SlotRecord) -> int:
    """What the pool as one customer pays to the utility [1e-9 currency], from metered energy alone."""
    net_wh, prices = int(record.energy.net_wh.sum()), record.inputs.tariffs
    return int(-net_wh * (prices.retail_ticks[0] if net_wh < 0 else prices.feed_in_ticks[0]))


@settings(deadline=None, max_examples=15)
@given(ACTIONS)
@pytest.mark.parametrize("reactive", [{}, {"min_power_factor": None}, {"base": "volt_var"}])
def test_what_is_metered_is_the_sum_of_the_set_points(worlds: Callable, reactive: dict, actions: FloatArray) -> None:
    """Net energy to 1 Wh; PV that was not asked for is curtailed; reactive power within both limits, to 1 var."""
    world, hand, player = worlds(**reactive)
    for record in played(world, hand, player, actions):
        wanted = player.pv_wh + player.dispatch_wh.sum(axis=0) - record.inputs.load_wh
        assert (record.energy.net_wh == wanted).all()
        assert (record.energy.device_wh == player.dispatch_wh).all()
        assert (record.exchange.curtailed_wh == record.inputs.pv_wh - player.pv_wh).all()
        given_kvar = record.kvar + load_kvar(record)
        most = kvar_limit(player.pv_wh / (HOURS * WH_PER_KWH), player.devices.ratings)
        assert (np.abs(given_kvar) <= most + 1e-6).all()
        if "base" not in reactive:
            within = np.clip(player.asked.kvar, -most, most)
            np.testing.assert_allclose(given_kvar, np.where(player.devices.ratings.kva > 0, within, 0.0), atol=1e-3)
        at_node = np.zeros(record.grid.kvar.shape[1])
        np.add.at(at_node, world.node_of, record.kvar)
        own = np.unique(world.node_of)
        np.testing.assert_allclose(at_node[own], record.grid.kvar[0, own], atol=1e-6)


def load_kvar(record: SlotRecord) -> FloatArray:
    return np.asarray(record.inputs.load_wh / (HOURS * WH_PER_KWH) * np.tan(np.arccos(0.95)))


@settings(deadline=None, max_examples=15)
@given(ACTIONS)
@pytest.mark.parametrize("engine", ["mid_market_rate", "supply_demand_ratio"])
def test_bills_sum_to_what_the_pool_pays_the_utility(worlds: Callable, engine: str, actions: FloatArray) -> None:
    """To the last unit: E = min(S, D) stays in the pool, whatever its price."""
    world, hand, player = worlds(engine=engine)
    for record in played(world, hand, player, actions):
        assert int(record.ledger.money.sum()) == system_cost(record)
        mid = (record.inputs.tariffs.retail_ticks[0] + record.inputs.tariffs.feed_in_ticks[0]) // 2
        if engine == "mid_market_rate" and record.trades.size:
            assert (record.trades.price_ticks == mid).all()


@settings(deadline=None, max_examples=10)
@given(ACTIONS)
def test_a_gate_takes_away_and_adds_nothing(worlds: Callable, actions: FloatArray) -> None:
    """Under ``ac`` nobody injects more than its set-points; what is less was refused, and inverters keep their limits."""
    world, hand, player = worlds(gate="ac", base="volt_var")
    for record in played(world, hand, player, actions):
        wanted = player.pv_wh + player.dispatch_wh.sum(axis=0) - record.inputs.load_wh
        short = wanted - record.energy.net_wh
        assert (short >= 0).all()
        refused: IntArray = np.zeros(len(short), dtype=np.int64)
        sold = record.rejects.sell_order >= 0
        np.add.at(refused, record.orders.agent[record.rejects.sell_order[sold]], record.rejects.energy_wh[sold])
        assert (short[refused == 0] == 0).all()
        most = kvar_limit(record.energy.pv_used_wh / (HOURS * WH_PER_KWH), player.devices.ratings)
        assert (np.abs(record.kvar + load_kvar(record)) <= most + 1e-6).all()


def test_the_idle_action_is_a_day_without_devices(worlds: Callable) -> None:
    """All PV is used, generators stand at their least power, batteries rest, all load is served."""
    world, hand, player = worlds()
    for record in played(world, hand, player, np.tile(IDLE, (SLOTS, len(AGENTS), 1))):
        assert not record.exchange.curtailed_wh.any()
        assert not record.energy.unserved_wh.any()
        assert record.energy.device_wh[world.device_names.index("battery")].tolist() == [0, 0, 0, 0]
        generated = record.energy.device_wh[world.device_names.index("generator")]
        assert generated.tolist() == [0, 20 * WH_PER_KWH * HOURS, 0, 0]


def test_markets_side_by_side_are_each_as_alone() -> None:
    """The first of three copies has the bytes of one alone."""
    rng = np.random.default_rng(3)
    actions = rng.uniform(-1.0, 1.0, (SLOTS, len(AGENTS), len(IDLE)))
    worlds = [world_of(scenario(base="volt_var"), n_markets) for n_markets in (1, 3)]
    alone, copies = (list(played(*each, np.tile(actions, (1, n, 1)))) for each, n in zip(worlds, (1, 3), strict=True))
    for one, three in zip(alone, copies, strict=True):
        n = len(AGENTS)
        assert one.energy.net_wh.tobytes() == three.energy.net_wh[:n].tobytes()
        assert one.kvar.tobytes() == three.kvar[:n].tobytes()
        assert one.grid.v_pu[0].tobytes() == three.grid.v_pu[0].tobytes()


def test_a_player_without_actions_says_so(worlds: Callable) -> None:
    """Nobody plays an empty hand."""
    world, _, player = worlds()
    empty = replace(world, cast=(Role(SetpointPlayer(ActionHand(), player.context), np.arange(len(AGENTS))),))
    with pytest.raises(ValueError, match="no actions in the hand"):
        Simulation(empty).step()
