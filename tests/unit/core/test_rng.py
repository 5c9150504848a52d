"""Random streams are named, independent of company, and uniform."""

from __future__ import annotations

import numpy as np
from scipy import stats

from marketsim.core.rng import Streams, mix, uniforms

ALPHA = 1e-4


def test_a_market_draws_the_same_alone_and_in_a_batch() -> None:
    """Market 2 of four equals a simulation of its seed alone."""
    batch, alone = Streams([5, 6, 7, 8]), Streams([7])
    assert batch.keys("arrival", 3, 1)[2] == alone.keys("arrival", 3, 1)[0]
    assert batch.generator("profiles", 2).integers(2**60) == alone.generator("profiles").integers(2**60)


def test_streams_differ_by_name_seed_and_counter() -> None:
    """No two of these keys agree."""
    keys = [int(Streams([seed]).keys(name, t)[0]) for seed in (0, 1) for name in ("a", "b") for t in range(50)]
    assert len(set(keys)) == len(keys)


def test_uniforms_are_uniform_and_in_range() -> None:
    """A Kolmogorov-Smirnov test on 20,000 draws does not reject uniformity."""
    drawn = uniforms(Streams([1]).keys("x", 0), np.arange(20_000))
    assert drawn.min() >= 0.0
    assert drawn.max() < 1.0
    assert stats.kstest(drawn, "uniform").pvalue > ALPHA


def test_neighbouring_counters_are_uncorrelated() -> None:
    """Draws of consecutive slots have no linear correlation beyond chance."""
    keys = Streams([1]).keys("x", 0)
    first, second = uniforms(mix(keys, 1), np.arange(20_000)), uniforms(mix(keys, 2), np.arange(20_000))
    assert stats.pearsonr(first, second).pvalue > ALPHA


def test_known_values_hold_on_every_platform() -> None:
    """The hash of key 0 and counter 0 is SplitMix64's first output for seed 0."""
    assert int(mix(np.zeros(1, dtype=np.uint64), 0)[0]) == 0xE220A8397B1DCDAF


def test_an_agent_draws_by_its_place_alone() -> None:
    """A longer community changes nobody's numbers."""
    keys = Streams([3]).keys("arrival", 2)
    assert uniforms(keys, np.arange(5)).tolist() == uniforms(keys, np.arange(50))[:5].tolist()


def test_keys_have_no_memory() -> None:
    """Asking for another slot before changes nothing, and round 0 is not the slot itself."""
    streams = Streams([3])
    first = streams.keys("arrival", 2, 0)
    streams.keys("arrival", 9)
    assert streams.keys("arrival", 2, 0).tolist() == first.tolist()
    assert streams.keys("arrival", 2).tolist() != first.tolist()


def test_slot_and_round_are_not_interchangeable() -> None:
    """Slot 1 of round 2 differs from slot 2 of round 1."""
    streams = Streams([3])
    assert streams.keys("arrival", 1, 2).tolist() != streams.keys("arrival", 2, 1).tolist()


def test_a_generator_always_starts_at_its_beginning() -> None:
    """Two generators of a stream draw the same, those of other names and markets do not."""
    streams = Streams([3, 4])
    draws = [streams.generator(*which).integers(2**60) for which in (("a",), ("a",), ("b",), ("a", 1))]
    assert draws[0] == draws[1]
    assert len(set(draws)) == 3


def test_an_array_of_counters_mixes_like_its_elements() -> None:
    """One counter for all keys, or one each: the same hash."""
    key = np.array([7], dtype=np.uint64)
    assert mix(key, np.array([0, 5, 2**40])).tolist() == [int(mix(key, n)[0]) for n in (0, 5, 2**40)]


def test_keys_of_agents_are_their_markets_keys_mixed_with_their_connection() -> None:
    """One pass over the agents gives what the steps one after the other give, for any agents in any order."""
    streams = Streams([5, 6, 7])
    market, connection = np.array([2, 0, 0, 1, 2]), np.array([0, 3, 1, 1, 9])
    for counters in ((), (4,), (4, 1)):
        expected = mix(streams.keys("x", *counters)[market], connection)
        assert streams.agent_keys("x", counters, market, connection).tolist() == expected.tolist()


def test_keys_of_any_shape_are_mixed_element_by_element() -> None:
    """Keys and counters broadcast against each other like other arrays."""
    keys, counters = Streams([1, 2]).keys("x"), np.arange(3)
    table = mix(keys[:, None], counters)
    assert table.shape == (2, 3)
    assert table[1].tolist() == mix(np.repeat(keys[1], 3), counters).tolist()
    assert mix(keys, 5).tolist() == [mix(keys[:1], 5)[0], mix(keys[1:], 5)[0]]
