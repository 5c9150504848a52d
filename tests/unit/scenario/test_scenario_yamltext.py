"""YAML as scenarios read it: the core schema of YAML 1.2, with places, and nothing that could hurt."""

from __future__ import annotations

from pathlib import Path

import pytest

from marketsim.core.errors import Problem, ScenarioError
from marketsim.scenario.source import read_source
from marketsim.scenario.tree import Mark, child, plain
from marketsim.scenario.yamltext import MAX_ALIASED, MAX_BYTES, parse, resolve_scalar


def wrong(text: str) -> list[Problem]:
    with pytest.raises(ScenarioError) as caught:
        parse(text, "s.yaml")
    return list(caught.value.problems)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-2.5E-3", -0.0025),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("+7", 7),
        ("null", None),
        ("~", None),
        ("", None),
        ("True", True),
        ("FALSE", False),
    ],
)
def test_core_schema_knows_numbers_truth_and_null(text: str, value: object) -> None:
    """Numbers, truth values and null are those of YAML 1.2."""
    found = resolve_scalar(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text", ["on", "no", "yes", "y", "12:30", "2016-07-12", "1_000", "5 kW", "e3", "-", "0b1", "nan"]
)
def test_traps_of_yaml_1_1_are_text(text: str) -> None:
    """What YAML 1.1 turned into truth values, sexagesimal numbers and dates stays text."""
    assert resolve_scalar(text) == text


def test_quoted_scalars_are_text() -> None:
    """Quotes make text of everything."""
    assert plain(parse("a: '5'\nb: \"true\"\nc: |\n  7\n", "")) == {"a": "5", "b": "true", "c": "7\n"}


def test_every_value_knows_its_place() -> None:
    """Lines and columns count from 1, for keys and for values."""
    root = parse("a: 1\nlist:\n  - {x: 2}\n", "s.yaml")
    item = child(child(root, "list"), 0)  # type: ignore[arg-type]
    assert item is not None
    assert item.place == Mark("s.yaml", 3, 5)
    assert item.value["x"].key == Mark("s.yaml", 3, 6)  # type: ignore[call-overload,index,union-attr]
    assert item.value["x"].node.place == Mark("s.yaml", 3, 9)  # type: ignore[call-overload,index,union-attr]


def test_aliases_repeat_values() -> None:
    """An anchor may be used below its definition."""
    assert plain(parse("a: &x {k: 1}\nb: *x\n", "")) == {"a": {"k": 1}, "b": {"k": 1}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "document is empty"),
        ("# a comment\n", "document is empty"),
        ("a: 1\n---\nb: 2\n", "second document"),
        ("a: !!python/object:os.system x\n", "tags are not allowed"),
        ("!x a: 1\n", "tags are not allowed"),
        ("a: &a [*a]\n", "contains this alias"),
        ("a: *b\n", "not defined above"),
        ("<<: {a: 1}\n", "key is not allowed"),
        ("? [a]\n: 1\n", "key must be plain text"),
        ("a: .nan\n", "finite number"),
        ("a: -.inf\n", "finite number"),
        ("a: 1e999\n", "finite number"),
        ("a: 9223372036854775808\n", "too large"),
        ("a: \x01\n", r"character U\+0001"),
        ('a: "\\0"\n', "NUL"),
        ("a: [1\n", "not valid YAML"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    """Everything beyond plain data has a message of its own."""
    with pytest.raises(ScenarioError, match=message):
        parse(text, "s.yaml")


def test_problem_has_line_and_column() -> None:
    """A syntax problem points at the character."""
    assert wrong("a: 1\nb: [1, 2\nc: 3\n")[0].line == 3
    (problem,) = wrong("a:\n\tb: 1\n")
    assert (problem.file, problem.line, problem.column) == ("s.yaml", 2, 1)
    assert "tabs" in problem.hint


def test_duplicate_keys_are_all_reported() -> None:
    """A key that stands twice is an error that names the first line, and parsing goes on."""
    first, second = wrong("a: 1\na: 2\nb: {c: 1, c: 2}\n")
    assert (first.line, first.hint) == (2, "first on line 1")
    assert (second.line, second.column) == (3, 11)


def test_alias_bomb_is_stopped() -> None:
    """Aliases of aliases cannot grow beyond the limit."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for above, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{above}'] * 10)}]")
    (problem,) = wrong("\n".join(lines))
    assert f"{MAX_ALIASED:,}" in problem.message
    assert problem.line == 5


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "{a: " * 10_000])
def test_depth_is_limited(text: str) -> None:
    """Deep nesting stops at the limit, not at Python's stack."""
    assert "levels deep" in wrong(text)[0].message


def test_long_numerals_are_refused_fast() -> None:
    """A number of a million digits is not converted."""
    (problem,) = wrong(f"a: {'9' * 1_000_000}\n")
    assert "too large" in problem.message
    assert len(problem.value) <= 60


def test_bytes_that_are_not_utf8_are_located(tmp_path: Path) -> None:
    """The first byte that is not UTF-8 is shown with its place."""
    (tmp_path / "s.yaml").write_bytes(b"a: 1\nname: caf\xe9\n")
    with pytest.raises(ScenarioError, match="not UTF-8") as caught:
        read_source(tmp_path / "s.yaml")
    problem = caught.value.problems[0]
    assert (problem.line, problem.column, problem.value) == (2, 10, "byte 0xe9")


def test_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    """Editors that write one do no harm."""
    (tmp_path / "s.yaml").write_bytes("\ufeffa: \u00fc\n".encode())
    assert plain(read_source(tmp_path / "s.yaml").root) == {"a": "\u00fc"}


def test_files_have_a_largest_size(tmp_path: Path) -> None:
    """Nothing is read of a file beyond the limit."""
    with (tmp_path / "s.yaml").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ScenarioError, match="at most 24 MiB are read"):
        read_source(tmp_path / "s.yaml")
