"""Values that know where they were written."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from marketsim.core.errors import ScenarioError
from marketsim.scenario.tree import Mark, dotted, from_python, key_place, locate, path_of, plain, shorten, texts
from marketsim.scenario.yamltext import parse

ROOT = parse("agents:\n  - {kind: consumer}\n  - kind: prosumer\n", "s.yaml")


def test_locate_stops_at_the_last_value_that_exists() -> None:
    """A path into nowhere ends at its deepest existing holder."""
    steps, node = locate(ROOT, ("agents", 1, "pv_kw", "uniform"))
    assert steps == 2
    assert node.place == Mark("s.yaml", 3, 5)


def test_key_place_is_that_of_the_key() -> None:
    """Problems with a key point at the key, not at its value."""
    assert key_place(ROOT, ("agents", 1, "kind")) == Mark("s.yaml", 3, 5)
    assert key_place(ROOT, ("agents", 0, "kind")) == Mark("s.yaml", 2, 6)
    assert key_place(ROOT, ("agents", 1)) == Mark("s.yaml", 3, 5)


def test_positions_are_no_keys() -> None:
    """A list is not searched by text, nor beyond its end."""
    assert locate(ROOT, ("agents", "0"))[0] == 1
    assert locate(ROOT, ("agents", 2))[0] == 1
    assert locate(ROOT, ("agents", -1))[0] == 1


@pytest.mark.parametrize(
    ("loc", "text"),
    [((), ""), (("a",), "a"), (("agents", 2, "pv_kw"), "agents[2].pv_kw"), (("a", 0, 1, "b"), "a[0][1].b")],
)
def test_paths_are_dotted(loc: tuple[str | int, ...], text: str) -> None:
    """Paths read as people write them."""
    assert dotted(loc) == text


def test_values_are_shortened() -> None:
    """A message shows a value as YAML, and never much of it."""
    assert shorten({"a": [1, True, None]}) == "{a: [1, true, nothing]}"
    assert shorten("5") == "'5'"
    assert len(shorten("x" * 1000)) == 60
    assert shorten(list(range(1000))).endswith("...")


def test_python_values_become_plain() -> None:
    """Dates, paths, tuples and numpy values are taken for what a file would hold."""
    made = {"start": date(2016, 7, 12), "path": Path("a/b"), "band": (0.9, 1.1), "n": np.int64(3), "x": np.array([1.5])}
    found = plain(from_python(made))
    assert found == {"start": "2016-07-12", "path": "a/b", "band": [0.9, 1.1], "n": 3, "x": [1.5]}
    assert type(found["n"]) is int


def test_foreign_objects_are_refused_with_their_path() -> None:
    """What no file could hold is no scenario value."""
    with pytest.raises(ScenarioError, match=r"a\[1\]: .*object of type set"):
        from_python({"a": [1, {2}]})
    with pytest.raises(ScenarioError, match="finite"):
        from_python({"a": float("inf")})


def test_cyclic_objects_are_refused() -> None:
    """A list that contains itself is nested too deeply."""
    cyclic: list[object] = []
    cyclic.append(cyclic)
    with pytest.raises(ScenarioError, match="too deeply"):
        from_python(cyclic)


def test_values_are_found_by_their_place() -> None:
    """The path of a value is told from where it was written; of a place where nothing stands it is empty."""
    root = parse("a: {b: [1, two]}\nc: three\n", "f")
    assert path_of(root, Mark("f", 1, 12)) == ("a", "b", 1)
    assert path_of(root, Mark("f", 2, 4)) == ("c",)
    assert path_of(root, Mark("g", 2, 4)) == ()
    assert list(texts(root)) == [(("a", "b", 1), "two"), (("c",), "three")]


@pytest.mark.parametrize(
    ("key", "text"),
    [("plain", "plain"), ("\x1b[31mred", r"\x1b[31mred"), ("na\u202eme", r"na\u202eme"), ("é", "é"), ("\n", r"\n")],
)
def test_a_path_acts_on_no_terminal(key: str, text: str) -> None:
    """Control and direction characters of a key are shown as escapes, letters of any language as they are."""
    assert dotted(("a", key, 2)) == f"a.{text}[2]"
    assert text in shorten({key: 1})
