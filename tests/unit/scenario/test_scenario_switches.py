"""One document laid over another."""

from __future__ import annotations

from typing import Any

import pytest

from marketsim.scenario.switches import merge
from marketsim.scenario.tree import Mark, locate, plain
from marketsim.scenario.yamltext import parse


def laid(base: str, over: str) -> Any:
    return plain(merge(parse(base, "base"), parse(over, "over")))


def test_mappings_merge_and_the_rest_is_replaced() -> None:
    """Keys of mappings are merged at every depth; lists and scalars are replaced."""
    found = laid("a: {x: 1, y: [1, 2], z: {k: 1}}\nb: 1", "a: {y: [3], z: {l: 2}}\nc: 2")
    assert found == {"a": {"x": 1, "y": [3], "z": {"k": 1, "l": 2}}, "b": 1, "c": 2}


@pytest.mark.parametrize(
    ("base", "over", "expected"),
    [
        ("{flat: {retail: 1, feed_in: 0}}", "{flat: {retail: 2}}", {"flat": {"retail": 2, "feed_in": 0}}),
        ("{flat: {retail: 1}}", "{series: {file: a}}", {"series": {"file": "a"}}),
        ("{flat: {retail: 1}}", "flat", "flat"),
        ("flat", "{flat: {retail: 2}}", {"flat": {"retail": 2}}),
    ],
)
def test_parameters_merge_only_within_the_same_part(base: str, over: str, expected: object) -> None:
    """Another part starts from its own defaults; so does a bare name."""
    assert laid(f"tariff: {base}", f"tariff: {over}") == {"tariff": expected}


@pytest.mark.parametrize(
    ("base", "over", "expected"),
    [
        ("{source: a, x: 1}", "{y: 2}", {"source": "a", "x": 1, "y": 2}),
        ("{source: a, x: 1}", "{source: a, y: 2}", {"source": "a", "x": 1, "y": 2}),
        ("{source: a, x: 1}", "{source: b, y: 2}", {"source": "b", "y": 2}),
        ("a", "{y: 2}", {"source": "a", "y": 2}),
        ("{source: a, x: 1}", "b", "b"),
    ],
)
def test_parts_chosen_by_a_key_follow_the_same_rule(base: str, over: str, expected: object) -> None:
    """``profiles`` and ``critic`` name their part beside its parameters."""
    assert laid(f"profiles: {base}", f"profiles: {over}") == {"profiles": expected}


def test_another_distribution_replaces_the_first() -> None:
    """Two laws never meet in one mapping."""
    assert laid("a: {uniform: [1, 2]}", "a: {normal: [1, 2]}") == {"a": {"normal": [1, 2]}}


def test_merged_values_keep_their_own_places() -> None:
    """A value from below still points into the file below."""
    merged = merge(parse("a: {x: 1}", "base"), parse("\na: {y: 2}", "over"))
    assert locate(merged, ("a", "x"))[1].place == Mark("base", 1, 8)
    assert locate(merged, ("a", "y"))[1].place == Mark("over", 2, 8)
