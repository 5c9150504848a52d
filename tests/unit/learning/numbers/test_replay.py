"""What was played lately, and batches of it."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.rng import Streams
from marketsim.learning.numbers.replay import Pools, Replay, drawn_places
from marketsim.learning.numbers.rollout import PlayedEpisode
from marketsim.learning.numbers.shape import NumberShape

ONES = np.ones((2, 1))
SHAPE = NumberShape(3, 2, 1, 1, -ONES, ONES, 4)
"""3 markets, 2 agents, episodes of 4 slots."""
STREAMS = Streams((1,))


def episode(number):
    """An episode whose looks say episode, slot and market; the last look of it is slot 4."""
    slots, markets = np.arange(5), np.arange(3)
    look = 100.0 * number + 10.0 * slots[:, None] + markets[None, :]
    seen = np.broadcast_to(look[:, :, None, None], (5, 3, 2, 1)).astype(np.float32)
    reward = np.broadcast_to(look[:-1, :, None], (4, 3, 2))
    drawn = np.full((4, 3, 2, 1), 3.0, dtype=np.float32)
    drawn[..., 0, 0] = 0.5
    labels = (0.001 * seen[:-1]).astype(np.float32)
    return PlayedEpisode(seen, seen[:, :, 0], drawn, labels, reward, {}, {})


def filled(kept, played, critical=None):
    replay = Replay(SHAPE, kept, labelled=True)
    for number in range(played):
        replay.put(number, episode(number), critical)
    return replay


def test_a_transition_is_what_was_seen_done_and_paid_and_what_came_next():
    """In any slot and market; actions as the game got them, held to their bounds."""
    replay = filled(2, 2)
    places = replay.pools(2).everything
    batch = replay.batch(places, np.ones(len(places)))
    look = batch.seen[:, 0, 0]
    assert sorted(look.tolist()) == [100.0 * e + 10.0 * t + m for e in range(2) for t in range(4) for m in range(3)]
    assert (batch.next_seen[:, 0, 0] - look).tolist() == [10.0] * 24
    assert (batch.next_state[:, 0] - batch.state[:, 0]).tolist() == [10.0] * 24
    assert (batch.reward[:, 1] == look).all()
    np.testing.assert_allclose(batch.labels[:, 0, 0], 0.001 * look)
    assert set(batch.actions[:, 0, 0].tolist()) == {0.5}
    assert set(batch.actions[:, 1, 0].tolist()) == {1.0}
    ends = (look % 100.0) // 10.0 == 3.0
    assert (batch.goes_on[:, 0] == (~ends).float()).all()


def test_the_oldest_make_room_and_nothing_that_counts_is_overwritten():
    """A round that is being learned from overwrites none of those that counted before it."""
    replay = filled(2, 5)
    before = {tuple(replay.batch(np.array([p]), ONES[0]).seen.ravel().tolist()) for p in replay.pools(5).everything}
    assert {int(look[0] // 100) for look in before} == {3, 4}
    replay.put(5, episode(5))
    after = {tuple(replay.batch(np.array([p]), ONES[0]).seen.ravel().tolist()) for p in replay.pools(5).everything}
    assert after == before
    assert {int(replay.batch(np.array([p]), ONES[0]).seen[0, 0, 0] // 100) for p in replay.pools(6).everything} == {
        4,
        5,
    }


def test_batches_are_drawn_from_all_that_counts_by_their_counter_alone():
    pools = filled(3, 3).pools(3)
    one, _ = drawn_places(pools, 2_000, 0.0, STREAMS, 7)
    same, _ = drawn_places(pools, 2_000, 0.0, STREAMS, 7)
    other, _ = drawn_places(pools, 2_000, 0.0, STREAMS, 8)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert set(one.tolist()) == set(pools.everything.tolist())
    counts = np.unique(one, return_counts=True)[1]
    assert counts.max() < 2.0 * 2_000 / 36


def critical_slots():
    flags = np.zeros((4, 3), dtype=bool)
    flags[2, 1] = True
    return flags


def test_critical_slots_fill_their_share_of_a_batch():
    pools = filled(3, 3, critical_slots()).pools(3)
    assert (len(pools.critical), len(pools.ordinary)) == (3, 33)
    places, weight = drawn_places(pools, 40, 0.25, STREAMS, 1)
    assert np.isin(places, pools.critical).sum() == 10
    assert weight[:10] == pytest.approx((3 / 36) / 0.25)
    assert weight[10:] == pytest.approx((33 / 36) / 0.75)
    assert weight.mean() == pytest.approx(1.0)


def test_weighted_means_are_those_of_what_is_kept():
    """Whatever the share: 400 batches of a quantity that is 1 in critical slots and 0 elsewhere."""
    pools = filled(3, 3, critical_slots()).pools(3)
    found = []
    for counter in range(400):
        places, weight = drawn_places(pools, 16, 0.5, STREAMS, counter)
        found.append((weight * np.isin(places, pools.critical)).mean())
    assert np.mean(found) == pytest.approx(3 / 36, rel=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_where_all_or_no_slots_are_critical_all_are_drawn_alike(share):
    everything = np.arange(12)
    for pools in (Pools(everything, everything[:0]), Pools(everything[:0], everything)):
        places, weight = drawn_places(pools, 500, share, STREAMS, 1)
        assert set(places.tolist()) == set(range(12))
        assert set(weight.tolist()) == {1.0}


def test_without_a_share_critical_slots_are_drawn_as_others():
    pools = filled(3, 3, critical_slots()).pools(3)
    places, weight = drawn_places(pools, 3_600, 0.0, STREAMS, 1)
    assert np.isin(places, pools.critical).mean() == pytest.approx(3 / 36, abs=0.02)
    assert set(weight.tolist()) == {1.0}


@pytest.mark.parametrize("played", [1, 2, 3, 7])
def test_what_was_kept_comes_back_in_its_place(played):
    replay = filled(3, played, critical_slots())
    other = Replay(SHAPE, 3, labelled=True)
    other.restore(played, replay.contents(played))
    places = replay.pools(played)
    assert np.array_equal(other.pools(played).critical, places.critical)
    ours, theirs = (each.batch(places.everything, np.ones(len(places.everything))) for each in (replay, other))
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_of_a_game_without_an_expert_no_labels_are_kept():
    replay = Replay(SHAPE, 2, labelled=False)
    replay.put(0, episode(0)._replace(labels=None))
    assert replay.batch(np.array([0, 1]), ONES[:, 0]).labels.shape[0] == 0
    other = Replay(SHAPE, 2, labelled=False)
    other.restore(1, replay.contents(1))
    assert np.array_equal(other.arrays["seen"][0], replay.arrays["seen"][0])


def test_what_does_not_fit_is_refused():
    replay = filled(3, 2)
    contents = replay.contents(2)
    with pytest.raises(ValueError, match=r"seen is .* of shape .* was played"):
        Replay(SHAPE, 3, labelled=True).restore(3, contents)
    contents["reward"][0, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="reward has numbers that are not finite"):
        Replay(SHAPE, 3, labelled=True).restore(2, contents)
