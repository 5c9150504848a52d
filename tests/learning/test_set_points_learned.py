"""Experts, the game of set-points and the learners of numbers together: labels, trainings, and policies that play in a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import marketsim as ms
from marketsim.agents.setpoints.features import NAMES
from marketsim.app import experts
from marketsim.app.game import build_game
from marketsim.app.training import train_scenario
from marketsim.app.wiring import build
from marketsim.core.arrays import FloatArray
from marketsim.core.errors import CheckpointError
from marketsim.core.expert import ExpertView, Plan, net_kw
from marketsim.core.learner import GameNeeds
from marketsim.core.records import SlotRecord
from marketsim.core.setpoints import ACTIONS
from marketsim.core.simulation import Simulation
from marketsim.experts.feedback import plan_of
from marketsim.games.setpoints.game import SetpointsGame
from marketsim.learning.curves import read_curves
from marketsim.learning.learned import load_policy
from tests.learning.community import PLAYERS, SLOTS, community

pytest.importorskip("torch", reason="learning is an extra")
pytest.importorskip("clarabel", reason="experts are an extra")
pytestmark = pytest.mark.full
MARKETS = 2
TINY = {"markets": MARKETS, "hidden": [8]}
CLONING = {**TINY, "episodes": 8 * MARKETS, "steps": 40, "held_out_every": 4}
OFF_POLICY = {**TINY, "episodes": 3 * MARKETS, "critic": {"mlp": {"hidden": [8]}}, "batch": 16, "warm_up": 4}
ON_POLICY = {**TINY, "episodes": 3 * MARKETS}
IMITATION = {"epsilon": [1.1, 2.0]}
LEFT = {"reactive": "left"}


def played(raw: dict[str, Any], markets: int = MARKETS) -> SetpointsGame:
    game = build_game(ms.load_scenario(raw), needs=GameNeeds(markets, False, lambda agents, slots: 1))
    assert isinstance(game, SetpointsGame)
    return game


def training(folder: Path, learner: dict[str, Any]) -> Any:
    raw = community()
    raw["learning"] = {"game": "setpoints", "learner": learner}
    return train_scenario(ms.load_scenario(raw), folder)


def test_plans_of_source_days_hold_no_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two markets that play one day each plan it once between them; as it is played, each plans its own."""
    for planned, expected in (("source_days", 1), ("played_days", MARKETS)):
        views: list[ExpertView] = []
        solve = plan_of
        with monkeypatch.context() as patched:
            patched.setattr(experts, "plan_of", lambda *given, to=views, by=solve: to.append(given[2]) or by(*given))
            raw = community()
            raw["profiles"] |= {"diversification": {"noise": 0.05}, "days": {**raw["profiles"]["days"], "part": "test"}}
            raw["learning"] = {"game": {"setpoints": {"planned": planned}}}
            needs = GameNeeds(MARKETS, False, lambda agents, slots: 1)
            game = build_game(ms.load_scenario(raw), needs=needs, part="test")
            assert isinstance(game, SetpointsGame)
            game.reset(0)
            game.labels()
        assert len(views) == expected


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A clone of the joint expert."""
    return training(tmp_path_factory.mktemp("clone") / "training", {"cloning": CLONING})


def test_labels_of_the_joint_expert_play_its_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels played as actions cost what the plan costs; a day is planned once, however often it is played."""
    plans, views = [], []
    solve = plan_of

    def watched(expert: Any, own: Any, view: ExpertView) -> Plan:
        views.append(view)
        plans.append(solve(expert, own, view))
        return plans[-1]

    monkeypatch.setattr(experts, "plan_of", watched)
    game, costs = played(community(), 1), []
    for _ in range(2):
        game.reset(3)
        cost = 0.0
        for _ in range(SLOTS):
            labels = game.labels()
            assert labels.shape == (1, len(PLAYERS), len(ACTIONS))
            step = game.step(labels)
            cost += float(step.parts["system_cost"][0])
        costs.append(cost)
    assert len(plans) == 1
    assert plans[0].status == "solved"
    assert costs[0] == costs[1]
    assert costs[0] == pytest.approx(cost_of(plans[0], views[0]), rel=1e-3)


def cost_of(plan: Plan, view: ExpertView) -> float:
    """What a plan costs all of them, worked out from its set-points: the utility after pooling, devices, and what is in store."""
    points = plan.setpoints
    pool_kw = net_kw(view.load_kw, points).sum(axis=1)
    utility = view.buy * np.maximum(-pool_kw, 0.0) - view.sell * np.maximum(pool_kw, 0.0)
    generators = 0.17 * points.generator_kw + 2e-4 * points.generator_kw**2
    devices = (generators + 0.4 * points.curtailed_kw + 0.01 * np.abs(points.battery_kw)).sum(axis=1)
    more_kwh = plan.stored_kwh[-1] - plan.stored_kwh[0]
    worth = more_kwh * np.where(more_kwh < 0.0, 0.20 / 0.95, 0.14 * 0.95)
    return float((utility + devices).sum() * view.slot_hours - worth.sum())


def test_a_clone_comes_near_the_expert(clone: Any) -> None:
    """Its distance falls where it learned and is told where it did not; the expert played."""
    curves = read_curves(clone.folder)
    distance = np.array(curves["clone_distance"])
    assert len(distance) == 8
    assert distance[-1] < 0.7 * distance[0]
    assert np.isfinite(curves["held_out_distance"][3:]).all()


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("sac", {**OFF_POLICY, "imitation": IMITATION, "replay": {"score": "violations"}}),
        ("sac", {**OFF_POLICY, "critic": {"differential": {"width": 8, "heads": 1}}}),
        ("matd3", OFF_POLICY),
        ("maddpg", OFF_POLICY),
        ("mappo", ON_POLICY),
    ],
)
def test_every_learner_of_numbers_plays_the_game(clone: Any, tmp_path: Path, name: str, params: dict[str, Any]) -> None:
    """From the clone, to the end; with imitation labels are asked for and the distance from the expert is held."""
    start = {"checkpoint": {"path": str(clone.checkpoint)}}
    done = training(tmp_path / "training", {name: {**params, "start": start}})
    curves = read_curves(done.folder)
    assert done.summary["updates"] == 3
    assert np.isfinite(curves["total"]).all()
    assert load_policy(done.checkpoint).layout.agents == PLAYERS
    if "imitation" in params:
        assert np.isfinite(curves["distance"]).all()
        assert (np.array(curves["multiplier"]) > 0).all()


def test_a_learner_may_clone_first_by_itself(tmp_path: Path) -> None:
    """``start: cloning`` needs no folder of another training."""
    start = {"cloning": {"rounds": 4, "steps": 10}}
    done = training(
        tmp_path / "t", {"sac": {**OFF_POLICY, "episodes": 6 * MARKETS, "start": start, "imitation": IMITATION}}
    )
    curves = read_curves(done.folder)
    assert np.isfinite(curves["clone_distance"][:4]).all()
    assert np.isfinite(curves["distance"][4:]).all()


def of_run(ready: Any, slots: int) -> Iterator[SlotRecord]:
    run = Simulation(build(ready).world)
    for _ in range(slots):
        yield run.step()


def acted(game: SetpointsGame, policy: Any, seen: Any) -> FloatArray:
    agents = np.tile(np.arange(game.shape.n_agents), game.shape.n_markets)
    actions = policy.act(seen.reshape(len(agents), -1), agents)
    return np.asarray(actions.reshape(game.shape.n_markets, game.shape.n_agents, -1))


def test_policies_do_in_a_run_what_they_do_in_the_game(clone: Any) -> None:
    """Slot by slot, to the Wh and to the bit of money: what is seen of the last slot and of the pool is the same."""
    strategy = {"learned": {"checkpoint": str(clone.checkpoint)}}
    raw = community(strategy)
    raw["profiles"]["days"] = {**raw["profiles"]["days"], "part": "training", "order": "drawn"}
    game, policy = played(community(), 1), load_policy(clone.checkpoint).policy
    seen, _ = game.reset(0)
    for record in of_run(ms.load_scenario(raw), SLOTS):
        seen = game.step(acted(game, policy, seen)).seen
        own = game.record
        np.testing.assert_array_equal(record.energy.net_wh, own.energy.net_wh)
        np.testing.assert_array_equal(record.energy.device_wh, own.energy.device_wh)
        np.testing.assert_array_equal(record.ledger.money, own.ledger.money)
        np.testing.assert_array_equal(record.kvar, own.kvar)
    assert np.ptp(own.energy.net_wh) > 0


def test_reactive_power_can_be_left_to_the_grid(clone: Any) -> None:
    """``reactive: left`` has inverters follow their curve alone; the rest of what policies set stays, until they see a difference."""
    learned = {"checkpoint": str(clone.checkpoint)}
    runs = [of_run(ms.load_scenario(community({"learned": {**learned, **more}})), SLOTS) for more in ({}, LEFT)]
    pairs = zip(*runs, strict=True)
    asked, left = next((one, other) for one, other in pairs if not np.array_equal(one.kvar, other.kvar))
    np.testing.assert_array_equal(asked.energy.net_wh, left.energy.net_wh)
    assert asked.inputs.pv_wh.any()


def test_policies_play_where_some_of_their_agents_live(clone: Any) -> None:
    """Two of three, on another tariff; drawn actions follow the seed."""
    strategy = {"learned": {"checkpoint": str(clone.checkpoint), "actions": "sampled"}}
    raw = community(strategy, expert=None, agents=3)
    raw["tariff"] = {"flat": {"retail": 0.3, "feed_in": 0.08}}
    once, again, other = (ms.simulate(ms.load_scenario(raw, {"seed": seed})) for seed in (1, 1, 2))
    assert once.summary["money_imbalance"] == 0
    assert once.agents.equals(again.agents)
    assert not once.agents.equals(other.agents)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"policy": "nobody"}, r"no policy for these agents.*nobody"),
        ({"checkpoint": "nowhere.pt"}, "there is no such checkpoint"),
    ],
)
def test_what_cannot_be_played_is_refused(clone: Any, changes: dict[str, Any], message: str) -> None:
    """With the file, what was seen, and what to do."""
    strategy = {"learned": {"checkpoint": str(clone.checkpoint), **changes}}
    with pytest.raises(CheckpointError, match=message):
        ms.simulate(ms.load_scenario(community(strategy)))


def test_policies_of_set_points_see_what_the_layout_names(clone: Any) -> None:
    """A checkpoint says what its policies see, in natural units."""
    assert load_policy(clone.checkpoint).layout.features == NAMES
    assert json.loads((clone.folder / "summary.json").read_text())["scenario"] == "few"
