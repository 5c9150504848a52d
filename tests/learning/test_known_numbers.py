"""What the learners of numbers must solve before they may play a market: games whose best answer is known. Seeds are fixed."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.build import OPEN
from marketsim.core.errors import ScenarioError
from marketsim.core.game import Box, Slopes
from marketsim.learning.adjoint.params import AdjointParams
from marketsim.learning.curves import read_curves
from marketsim.learning.learned import load_policy
from marketsim.learning.mappo.params import MappoParams
from marketsim.learning.number_learner import NumberLearner
from marketsim.learning.numbers.params import CloningParams
from marketsim.learning.offpolicy.params import MaddpgParams, Matd3Params, SacParams
from marketsim.testing.games import Aiming, Favour, GuidedAiming, Saving, SmallGame

pytestmark = pytest.mark.full
PARAMS = {
    "adjoint": AdjointParams,
    "sac": SacParams, "matd3": Matd3Params, "maddpg": MaddpgParams, "mappo": MappoParams, "cloning": CloningParams,
}  # fmt: skip
OFF = {
    "hidden": (32,),
    "markets": 8,
    "episodes": 8 * 40,
    "critic": {"mlp": {"hidden": (32,)}},
    "batch": 64,
    "gamma": 0.0,
    "learning_rate": 3e-3,
    "critic_rate": 3e-3,
    "warm_up": 50,
    "steps_per_slot": 4.0,
    "kept": 2_000,
}
ON = {
    "hidden": (32,),
    "markets": 8,
    "episodes": 8 * 100,
    "gamma": 0.0,
    "learning_rate": 5e-3,
    "trust_region": {"target": 0.05},
}
QUICK = {"sac": OFF, "matd3": {**OFF, "delay": 1}, "maddpg": OFF, "mappo": ON}
CLONE = {"rounds": 8, "held_out_every": 4, "steps": 60, "learning_rate": 5e-3}


def learned(name, game, folder, seed=1, **changes):
    """Curves of a training, and the mean reward a slot of the policies' means in new episodes [A]."""
    params = PARAMS[name](**{**QUICK.get(name, {}), **changes})
    NumberLearner(name, params, OPEN).train(game, folder, seed=seed, scenario_hash="")
    policy = load_policy(folder / "checkpoint.pt").policy
    agents = np.tile(np.arange(game.shape.n_agents), game.shape.n_markets)
    rewards = []
    for episode in range(10_000, 10_004):
        seen, _ = game.reset(episode)
        for _ in range(game.shape.slots):
            actions = policy.act(seen.reshape(len(agents), -1), agents)
            step = game.step(actions.reshape(game.shape.n_markets, game.shape.n_agents, -1))
            rewards.append(step.reward)
            seen = step.seen
    return read_curves(folder), np.mean(rewards, axis=(0, 1))


@pytest.mark.parametrize("name", QUICK)
def test_what_is_best_depends_on_what_is_seen_and_on_who_sees_it(tmp_path, name):
    """1 less the squared distance from a mark; agent 0 gets 0.1 more by a second number. Half of it is chance's."""
    _, earned = learned(name, Aiming(), tmp_path)
    assert earned[0] > 1.04
    assert earned[1] > 0.98


@pytest.mark.parametrize("critic", ["attention", "differential"])
def test_critics_of_attention_lead_there_too(tmp_path, critic):
    _, earned = learned("sac", Aiming(), tmp_path, critic={critic: {"width": 16}})
    assert earned[0] > 1.04
    assert earned[1] > 0.98


@pytest.mark.parametrize("name", ["sac", "matd3", "maddpg"])
def test_agents_do_each_other_favours(tmp_path, name):
    """Their values are ascended together: 0.25 each, where who looks after itself alone gets nothing."""
    more = {"entropy": {"rate": 2e-2, "deviation": 0.2}} if name == "sac" else {}
    _, earned = learned(name, Favour(), tmp_path, **more)
    assert earned.mean() > 0.24


@pytest.mark.parametrize(("credit", "mean"), [("team", 0.25), ("own", 0.0)])
def test_on_policy_it_is_the_credit_that_decides_about_favours(tmp_path, credit, mean):
    _, earned = learned("mappo", Favour(), tmp_path, credit=credit)
    assert earned.mean() == pytest.approx(mean, abs=0.03)


@pytest.mark.parametrize("name", QUICK)
def test_the_discount_decides_whether_to_save(tmp_path, name):
    """All is put by where tomorrow counts, also undiscounted, since the episode ends at a known time; nothing where it does not."""
    for gamma, saved in ((1.0, 1.0), (0.0, 0.0)):
        where = tmp_path / str(gamma)
        where.mkdir()
        more = {"episodes": 8 * 120} if name == "mappo" else {"episodes": 8 * 90, "steps_per_slot": 8.0}
        _, earned = learned(name, Saving(), where, gamma=gamma, **more)
        assert 2.0 * earned[0] == pytest.approx(saved, abs=0.1)


def test_a_clone_does_what_a_linear_expert_does(tmp_path):
    """Within a thousandth of the range, also in episodes that it has not seen; each agent on a line of its own."""
    game = GuidedAiming()
    params = {"hidden": (32,), "markets": 8, "episodes": 8 * 16, "steps": 150, "learning_rate": 5e-3}
    curves, earned = learned("cloning", game, tmp_path, **params)
    assert earned == pytest.approx([1.1, 1.0], abs=2e-3)
    assert curves["held_out_distance"][-1] < 1e-4
    assert curves["held_out_distance"][-1] < curves["held_out_distance"][3]


class Misled(GuidedAiming):
    """The expert aims to the right of the mark by 0.3 of the reach: who follows it earns less than who leaves it."""

    def labels(self):
        wanted = super().labels()
        wanted[:, :, 0] = np.clip(wanted[:, :, 0] + 0.3 * self.reach, -self.reach, self.reach)
        return wanted


def distances(folder, params, **more):
    curves, earned = learned("sac", Misled(), folder, **params, **more)
    return curves, earned


def test_imitation_keeps_policies_within_epsilon_and_lets_them_go_without(tmp_path):
    """By the same clone: held, the distance ends near the epsilon that the clone's own sets; free, far beyond it."""
    params = {"start": {"cloning": CLONE}, "episodes": 8 * 60, "anneal": True}
    rules = {"epsilon": (1.5, 4.0), "multiplier": {"initial": 10.0, "rate": 0.05, "most": 1_000.0}}
    free, held = tmp_path / "free", tmp_path / "held"
    free.mkdir()
    held.mkdir()
    freed, earned_free = distances(free, params)
    kept, earned_held = distances(held, params, imitation=rules)
    assert kept["clone_distance"][:8] == freed["clone_distance"][:8]
    floor = kept["held_out_distance"][7]
    assert kept["epsilon"][8] == pytest.approx(1.5 * floor, rel=1e-4)
    assert kept["epsilon"][-1] == pytest.approx(4.0 * floor, rel=1e-4)
    assert kept["distance"][-1] < 2.0 * kept["epsilon"][-1]
    assert freed["distance"][-1] > 5.0 * kept["epsilon"][-1]
    assert earned_free.mean() > earned_held.mean() + 0.03


def test_a_multiplier_falls_where_the_expert_is_right(tmp_path):
    """Who has no reason to leave it pays less and less for being able to."""
    rules = {"epsilon": (2.0, 2.0), "multiplier": {"initial": 1.0, "rate": 0.02, "most": 100.0}}
    curves, earned = learned(
        "sac", GuidedAiming(), tmp_path, start={"cloning": {**CLONE, "steps": 5}}, imitation=rules, episodes=8 * 30
    )
    assert curves["multiplier"][-1] < 0.5
    assert earned[1] > 0.98


@pytest.mark.parametrize("name", QUICK)
def test_from_a_clone_it_does_not_lose_what_the_clone_knew(tmp_path, name):
    """Critics warm up first; then at most a tenth is lost in any round: they still err a little, and policies follow."""
    start = {"cloning": CLONE}
    more = {"anneal": True, "episodes": 8 * 40}
    more |= {} if name == "mappo" else {"warm_up": 300, "learning_rate": 3e-4}
    curves, earned = learned(name, GuidedAiming(), tmp_path, start=start, **more)
    assert min(curves["economic"][8:]) > 0.9 * curves["economic"][8]
    assert earned[1] > 0.93


def test_learning_is_what_earns_it(tmp_path):
    """Policies that have not learned aim at the middle: they lose the variance of the mark."""
    _, earned = learned("mappo", Aiming(), tmp_path, learning_rate=1e-9, episodes=8)
    lost = np.array([1.0, 4.0]) / 12.0
    assert earned == pytest.approx(1.0 - lost + np.array([0.05, 0.0]), abs=0.05)


SLOPED = {"hidden": (32,), "markets": 8, "episodes": 8 * 30, "steps": 60, "learning_rate": 5e-3}


def test_slopes_lead_to_the_mark(tmp_path):
    """Without a critic or an expert; the second number, whose slope is a fortieth of the mark's, comes slowly."""
    _, earned = learned("adjoint", GuidedAiming(), tmp_path, **SLOPED)
    assert earned[0] > 1.03
    assert earned[1] > 0.99


class Storing(SmallGame):
    """Of two slots the first pays -u^2 and stores x = u, the second pays x - u^2: best is to store 0.5, then to do nothing."""

    carried = (0,)

    def __init__(self):
        super().__init__(1, Box(np.full((1, 1), -1.0), np.full((1, 1), 1.0)), slots=2, n_features=2)
        self._last = None

    def seen(self):
        look = np.zeros((self.shape.n_markets, 1, 2))
        look[:, :, 0], look[:, :, 1] = self.last[:, :, 0], self.slot
        return look

    def earned(self, actions):
        own = actions[:, :, 0]
        by_store = np.full((*own.shape, 1), float(self.slot))
        self._last = Slopes(-2.0 * own[..., None], by_store, np.ones((*own.shape, 1, 1)), np.zeros_like(by_store))
        return -(own**2) + self.slot * self.last[:, :, 0], self.nothing()

    def slopes(self):
        return self._last


@pytest.mark.parametrize(("gamma", "best"), [(1.0, 0.125), (0.0, 0.0)])
def test_what_is_stored_is_worth_what_it_brings_later(tmp_path, gamma, best):
    """0.25 in two slots, where later slots count."""
    _, earned = learned("adjoint", Storing(), tmp_path, **SLOPED, gamma=gamma)
    assert earned[0] == pytest.approx(best, abs=5e-3)


def test_imitation_holds_it_near_an_expert_that_is_misled(tmp_path):
    """The nearer, the less is allowed; the multiplier is what it costs."""
    earned = []
    for name, epsilon in (("near", [1.0, 1.0]), ("far", [1000.0, 1000.0])):
        where = tmp_path / name
        where.mkdir()
        start = {"cloning": {**CLONE, "steps": 100}}
        rules = {"epsilon": epsilon, "multiplier": {"rate": 0.05}}
        curves, mean = learned("adjoint", Misled(), where, **SLOPED, start=start, imitation=rules)
        earned.append(mean[1])
        assert curves["multiplier"][-1] > 0.0
    assert earned[0] < earned[1] - 0.1
    assert earned[1] > 0.98


def test_a_game_that_knows_no_slopes_is_refused(tmp_path):
    with pytest.raises(ScenarioError, match="this game knows none"):
        learned("adjoint", Aiming(), tmp_path, **SLOPED)
