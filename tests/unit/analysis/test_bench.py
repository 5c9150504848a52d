"""The bench measures nothing before its results agree with a reference, and says what it measured."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from marketsim.analysis.bench import experts, growth, matching, nets, rollouts, sharing, updates
from marketsim.analysis.bench.rows import BenchFailed, BenchRow
from marketsim.app.dispatch_game import PlannedPool
from marketsim.app.ready import load_scenario
from marketsim.cli.bench import bench
from marketsim.grid.net.feeders import load

SMALL = {
    "name": "small",
    "clock": {"start": "2016-07-12", "slots": 2, "slot_minutes": 60},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
    "agents": [{"kind": "prosumer", "count": 3, "pv_kw": 5, "load": {"annual_kwh": 4_000}}],
}


def test_markets_of_a_batch_equal_themselves_alone():
    rollouts.check_batch(load_scenario(SMALL), (1, 2, 3), (0, 2))


def test_a_batch_that_differs_is_not_timed(monkeypatch):
    """Markets that are given the seed of another differ from themselves alone."""
    played = rollouts._played
    monkeypatch.setattr(
        rollouts, "_played", lambda ready, seeds: played(ready, tuple(seed + len(seeds) for seed in seeds))
    )
    noon = load_scenario(SMALL, {"clock.slots": 13})
    with pytest.raises(BenchFailed, match="market 1 of the batch differs from itself alone in slot"):
        rollouts.check_batch(noon, (1, 2), (1,))


def test_a_state_that_an_independent_power_flow_does_not_confirm_is_not_timed():
    network = load("feeder141").network
    state = nets.traded(nets.gate_of(network), network, 5)()
    assert nets.check_state(network, state) < 1e-9
    with pytest.raises(BenchFailed, match="differ from those of an independent power flow by 1.0e-06"):
        nets.check_state(network, state._replace(v_pu=state.v_pu + 1e-6))


def test_trades_that_differ_from_the_plain_book_are_not_timed():
    with pytest.raises(BenchFailed, match="trade differently"):
        matching._check(np.array([[0, 1, 5, 100]]), [(0, 1, 6, 100)])


def test_a_pooled_day_of_another_cost_is_not_timed():
    game = PlannedPool(load_scenario(sharing.homes(10, 24))).game
    cost = float(game.cost(np.ones((1, 10), dtype=bool))[0])
    sharing.check_plan(game, cost)
    with pytest.raises(BenchFailed, match="the pooled day costs"):
        sharing.check_plan(game, cost * (1 + 1e-6))


@pytest.mark.parametrize(
    ("value", "target", "higher", "met"), [(3, 2, True, True), (3, 2, False, False), (3, None, True, None)]
)
def test_a_row_knows_whether_it_meets_its_target(value, target, higher, met):
    assert BenchRow("x", value, "s", target, None, higher, "").met is met


def test_growth_is_told_against_the_smallest(monkeypatch):
    """Time and memory relative to the first size, each in a process of its own."""
    asked = []

    def measured(agents, slots):
        asked.append((agents, slots))
        return agents * slots / 9_600, 100.0 + agents / 100

    monkeypatch.setattr(growth, "measured", measured)
    rows = growth.rows()
    assert asked == [*((agents, 96) for agents in growth.AGENTS), *((100, slots) for slots in growth.SLOTS)]
    assert rows[2].detail == "10x the agents: 10.0x the time, 1.09x the memory (110 MB)"
    assert {row.met for row in rows} == {None}


def shown(monkeypatch, *arguments):
    """What ``marketsim bench`` prints with two parts in place of the real ones."""
    monkeypatch.setattr(matching, "rows", lambda: [BenchRow("fast", 20.0, "x", 15, 20, True, "100 orders, seed 1")])
    monkeypatch.setattr(growth, "rows", lambda: [BenchRow("100 agents", 0.5, "s", None, None, False, "1x")])
    monkeypatch.setattr(updates, "crowd_rows", lambda: [BenchRow("a step", 9.0, "ms", None, None, False, "5x")])
    done = CliRunner().invoke(bench, arguments)
    assert done.exit_code == 0, done.output
    return done


def test_the_table_states_target_workload_and_versions(monkeypatch):
    printed = shown(monkeypatch, "--only", "matching").output
    assert "fast" in printed
    assert ">= 15 (20)" in printed
    assert "100 orders, seed 1" in printed
    assert "numba" in printed.splitlines()[-1]


def test_scale_shows_growth_alone(monkeypatch):
    printed = json.loads(shown(monkeypatch, "--scale", "--json").stdout)
    assert [(row["name"], row["met"]) for row in printed] == [("100 agents", None), ("a step", None)]
    both = json.loads(shown(monkeypatch, "--scale", "--only", "matching", "--json").stdout)
    assert [row["name"] for row in both] == ["100 agents", "a step", "fast"]


def test_a_gradient_step_is_measured_where_critics_learn(monkeypatch):
    """Two rounds of a few slots; where the loss does not fall there is no time to report."""
    for name, value in {"SLOTS": 6, "ROUNDS": 3, "MARKETS": 4, "BATCH": 16}.items():
        monkeypatch.setattr(updates, name, value)
    assert 0.0 < updates.step_ms("mlp", 2) < 1_000.0
    monkeypatch.setattr(updates, "read_curves", lambda folder: {"critic_loss": [1.0, 2.0]})
    with pytest.raises(BenchFailed, match="critics learned nothing"):
        updates.step_ms("mlp", 2)


def test_growth_of_a_gradient_step_is_told_for_each_critic(monkeypatch):
    """Against that of fewer agents, without a target."""
    monkeypatch.setattr(updates, "step_ms", lambda critic, agents: agents * (2.0 if critic == "attention" else 1.0))
    rows = updates.crowd_rows()
    assert [row.value for row in rows] == [100.0, 200.0, 100.0]
    assert {row.met for row in rows} == {None}
    assert rows[1].detail.startswith("5x the agents: 5.0x the time of 40 ms")


def test_a_day_programme_that_costs_other_than_cvxpy_is_not_timed():
    experts.check_cost("joint", 100.1, 100.0)
    with pytest.raises(BenchFailed, match=r"the day programme \(joint\) costs 103, the same problem in CVXPY 100"):
        experts.check_cost("joint", 103.0, 100.0)
