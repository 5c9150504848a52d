"""Nobody gains by where it stands in the file: the order of arrival is fair, and so is what follows from it.

Fixed seeds; a claim is refused at the level ALPHA by a chi-squared or rank test over independent slots.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from marketsim.agents.params import TruthfulParams
from marketsim.agents.strategies import truthful
from marketsim.core.matching import arrival_rank
from marketsim.core.simulation import Simulation
from marketsim.core.world import Role
from marketsim.market.double_auction import DoubleAuction
from marketsim.testing.plain_world import plain_world
from marketsim.testing.strategy_kit import strategy_context
from marketsim.testing.worlds import ConstantProfiles, community

ALPHA = 1e-3
SELLERS, BUYERS, SLOTS = 6, 3, 600
SEEDS = (1, 2, 3)


def world_of(seeds, slots=SLOTS, rounds=1):
    """Six equal sellers with 1 kWh each, then three buyers who together want half of it; a market a seed."""
    n_agents = SELLERS + BUYERS
    community_ = community(n_agents, len(seeds))
    pv = [1.0] * SELLERS + [0.0] * BUYERS
    load = [0.0] * SELLERS + [1.0] * BUYERS
    profiles = ConstantProfiles(load * len(seeds), pv * len(seeds))
    context = strategy_context([{}] * (n_agents * len(seeds)), slots=slots, slot_minutes=60)
    role = Role(truthful.build(TruthfulParams(), context), np.arange(n_agents * len(seeds)))
    engine = DoubleAuction(rounds=rounds)
    return plain_world(community_, profiles, [role], slots=slots, rounds=rounds, engine=engine, seeds=seeds)


@pytest.fixture(scope="module")
def records():
    return list(Simulation(world_of(SEEDS)).run())


def sold_wh(records):
    """Energy sold to peers [slots, markets, sellers]."""
    table = np.array([record.energy.sold_wh for record in records])
    return table.reshape(len(records), len(SEEDS), SELLERS + BUYERS)[..., :SELLERS]


@pytest.mark.parametrize("round_", [0, 7])
def test_every_place_in_the_queue_is_equally_likely_for_everybody(round_):
    """Over 3,000 slots the ranks of each agent are uniform, and the ranks of all agents are a permutation."""
    world = world_of((4,), slots=1)
    ranks = np.array([arrival_rank(world, slot, round_) for slot in range(3_000)])
    n_agents = ranks.shape[1]
    assert (np.sort(ranks, axis=1) == np.arange(n_agents)).all()
    counts = np.array([np.bincount(ranks[:, agent], minlength=n_agents) for agent in range(n_agents)])
    assert stats.chi2_contingency(counts).pvalue > ALPHA
    assert stats.chisquare(counts, axis=None).pvalue > ALPHA


def test_the_queue_is_drawn_anew_in_each_slot_round_and_market():
    """No rank of one slot tells anything of the next, of another round, or of the market beside it."""
    world = world_of((4, 5), slots=1)
    n_agents = SELLERS + BUYERS
    ranks = np.array([[arrival_rank(world, slot, round_) for round_ in (0, 1)] for slot in range(1_500)])
    here, beside = ranks[:, 0, :n_agents], ranks[:, 0, n_agents:] - n_agents
    pairs = {
        "slot": (here[:-1], here[1:]),
        "round": (here, ranks[:, 1, :n_agents]),
        "market": (here, beside),
    }
    for name, (one, other) in pairs.items():
        assert stats.spearmanr(one.ravel(), other.ravel()).pvalue > ALPHA, name


def test_equal_sellers_sell_equally_often_wherever_they_stand_in_the_file(records):
    """Six sellers, demand for three: by position in the file each is served in half of the slots."""
    served = (sold_wh(records) > 0).sum(axis=(0, 1))
    assert stats.chisquare(served).pvalue > ALPHA
    assert served.sum() == SLOTS * len(SEEDS) * BUYERS


def test_earnings_do_not_depend_on_the_position(records):
    """Kruskal-Wallis over what each seller is paid a slot, feed-in for the rest included."""
    paid = np.array([-record.ledger.money.sum(axis=0) for record in records], dtype=float)
    paid = paid.reshape(SLOTS, len(SEEDS), -1)[..., :SELLERS].reshape(-1, SELLERS)
    assert stats.kruskal(*paid.T).pvalue > ALPHA
    first, last = paid[:, 0], paid[:, -1]
    assert stats.wilcoxon(first - last).pvalue > ALPHA


def test_the_control_without_a_draw_favours_the_first(monkeypatch):
    """The same tests find an order of arrival that is that of the file."""
    from marketsim.core import slot

    monkeypatch.setattr(slot, "arrival_rank", lambda world, number, round_: np.arange(world.community.n_agents))
    records = list(Simulation(world_of(SEEDS, slots=60)).run())
    served = (sold_wh(records) > 0).sum(axis=(0, 1))
    assert stats.chisquare(served).pvalue < ALPHA
    assert served[0] > served[-1]
