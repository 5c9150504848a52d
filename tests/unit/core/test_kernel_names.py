"""Kernels name what they touch: columns by constants, many arrays by records. Read from their text.

A table is known by its use: it has several indices, or is a row of something indexed before. An integer literal among
several indices, or on such a row, is a position that only its author understands, so it has to be a name (``row.SOURCE``,
not 0). What has one index is a list of alike things, of which the first and the last need no name; other numbers do.
Slices are stretches: their bounds may say all but the first or the last, and no more. A number that picks from the
answer of a call or from ``shape`` is no column. Sums such as ``lateral + 1`` are no literals.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import marketsim
from marketsim.grid.flow import rows_kernel

HOME = Path(marketsim.__file__).parent
MOST_PARAMETERS = 10
ENDS = (0, -1)
"""Of a list."""
STRETCHES = (0, 1, -1)
"""Bounds of slices."""


def kernels_in(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    """Functions that are compiled, parts and helpers included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            marks = [each.func if isinstance(each, ast.Call) else each for each in node.decorator_list]
            if any(isinstance(mark, ast.Name) and mark.id == "kernel" for mark in marks):
                yield node


def literal(node: ast.expr | None) -> int | None:
    """The integer that is written there, if one is."""
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node, sign = node.operand, -1
    return sign * node.value if isinstance(node, ast.Constant) and type(node.value) is int else None


def is_position(index: ast.expr, allowed: tuple[int, ...]) -> bool:
    """Whether an index is a number, or a slice between numbers, that says nothing."""
    if isinstance(index, ast.Slice):
        bounds = [literal(each) for each in (index.lower, index.upper)]
        return any(each is not None and each not in STRETCHES for each in bounds)
    number = literal(index)
    return number is not None and number not in allowed


def says_nothing(node: ast.Subscript) -> bool:
    """Whether a position is used where a column is meant; the rule is this file's docstring."""
    if isinstance(node.slice, ast.Tuple):
        return any(is_position(each, ()) for each in node.slice.elts)
    if isinstance(node.value, ast.Call) or (isinstance(node.value, ast.Attribute) and node.value.attr == "shape"):
        return False
    return is_position(node.slice, () if isinstance(node.value, ast.Subscript) else ENDS)


def problems_in(text: str) -> list[str]:
    """What a reader of these kernels cannot know."""
    found = []
    for function in kernels_in(ast.parse(text)):
        given = function.args
        count = len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs)
        if count > MOST_PARAMETERS:
            found.append(f"{function.name}: {count} parameters")
        for node in ast.walk(function):
            if isinstance(node, ast.Subscript) and says_nothing(node):
                found.append(f"{function.name}: {ast.unparse(node)}")
    return found


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=path.relative_to(HOME).as_posix()) for path in sorted(HOME.rglob("*kernel*.py"))]
)
def test_kernels_name_what_they_touch(path: Path) -> None:
    """No kernel has more than ten parameters, and none takes a column by its position."""
    assert problems_in(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "line",
    ["ints[4, i]", "t[k, -2]", "t[m, ROW, 0]", "power[3]", "t[i][0]", "kept[:3]", "t[:, 2:4]", "power[-2] = 1.0"],
)
def test_a_position_is_found(line: str) -> None:
    """The rule sees what it is for, also in a function that is inside another."""
    inner = f"@kernel(helper=True)\ndef part(t):\n    {line}"
    assert len(problems_in(inner)) == 1
    assert len(problems_in("def outer():\n" + "\n".join("    " + each for each in inner.splitlines()))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "row.X",
        "t[row.X, n]",
        "t[k, n + 1]",
        "a[0]",
        "a[-1]",
        "a[n]",
        "t.shape[1]",
        "f(t)[1]",
        "a[1:]",
        "t[n, :-1]",
        "a, b = t",
    ],
)
def test_what_says_what_it_is_passes(line: str) -> None:
    """Names, ends of lists, shapes, answers of calls, stretches, and unpacking."""
    assert problems_in(f"@kernel\ndef part(t):\n    {line}") == []


def test_many_parameters_are_found() -> None:
    """Ten pass and eleven do not, wherever they stand."""
    names = [f"a{n}" for n in range(11)]
    assert problems_in(f"@kernel()\ndef part({', '.join(names[:10])}): ...") == []
    assert problems_in(f"@kernel()\ndef part({', '.join(names[:10])}, *, {names[10]}): ...") == ["part: 11 parameters"]


def blocks() -> dict[str, dict[str, int]]:
    """Integers of ``rows_kernel`` by what they index, as its headings say."""
    found: dict[str, dict[str, int]] = {}
    block: dict[str, int] = {}
    for line in Path(rows_kernel.__file__).read_text("utf-8").splitlines():
        heading, name = re.match(r"# --- (what binds|[^ :]+)", line), re.match(r"(\w+): Final", line)
        if heading:
            block = found.setdefault(heading[1], {})
        if name and isinstance(getattr(rows_kernel, name[1]), int):
            block[name[1]] = getattr(rows_kernel, name[1])
    return found


def test_rows_have_one_number_each() -> None:
    """Numbers of a block are dense and unique; the last of each array is how many there are."""
    found = blocks()
    assert list(found) == ["ints", "ints[FACTS]", "floats", "floats[FLOAT_FACTS]", "what binds"]
    for name, block in found.items():
        assert list(block.values()) == list(range(len(block))), name
    assert rows_kernel.INT_ROWS == len(found["ints"]) - 1
    assert rows_kernel.FLOAT_ROWS == len(found["floats"]) - 1
    assert rows_kernel.MIN_COLUMNS >= max(len(found["ints[FACTS]"]), len(found["floats[FLOAT_FACTS]"]) - 1)


def test_every_row_is_used() -> None:
    """A name of ``rows_kernel`` that nobody says is a row that nobody needs."""
    said = set()
    for path in HOME.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "row":
                said.add(node.attr)
            if isinstance(node, ast.ImportFrom) and node.module == rows_kernel.__name__:
                said.update(each.name for each in node.names)
    assert {name for name in vars(rows_kernel) if name.isupper()} - said == set()
