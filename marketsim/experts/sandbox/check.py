"""The allow-list in front of the sandbox: looks at the tree of a code, runs nothing of it.

It keeps honest mistakes out and tells them with their line, so that whoever wrote the code can correct it. It is not what
security rests on: that is the lock of the process (``lock.py``), which is tested with this check switched off.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final, NamedTuple

from marketsim.core.plain_text import plain
from marketsim.experts.sandbox.allowed import ATTRIBUTES, BUILTINS, CVXPY_NAMES, ENTRY, MODULES, NUMPY_NAMES

MOST_CHARACTERS: Final = 20_000
_MOST_NODES: Final = 5_000
_NAMES_OF: Final = {"cp": CVXPY_NAMES, "cvxpy": CVXPY_NAMES, "np": NUMPY_NAMES, "numpy": NUMPY_NAMES}
_NODES: Final = (
    *(ast.Module, ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.AugAssign, ast.AnnAssign),
    *(ast.Expr, ast.If, ast.For, ast.Pass, ast.Break, ast.Continue, ast.Import, ast.alias, ast.BoolOp, ast.BinOp),
    *(ast.UnaryOp, ast.Lambda, ast.IfExp, ast.Dict, ast.Set, ast.ListComp, ast.SetComp, ast.DictComp),
    *(ast.GeneratorExp, ast.comprehension, ast.Compare, ast.Call, ast.keyword, ast.JoinedStr, ast.FormattedValue),
    *(ast.Constant, ast.Attribute, ast.Subscript, ast.Starred, ast.Name, ast.List, ast.Tuple, ast.Slice),
    *(ast.expr_context, ast.boolop, ast.operator, ast.unaryop, ast.cmpop),
)
_WORDS: Final = {
    ast.While: "a while loop",
    ast.Try: "try",
    ast.With: "with",
    ast.ClassDef: "a class",
    ast.Raise: "raise",
    ast.Global: "global",
    ast.Nonlocal: "nonlocal",
    ast.ImportFrom: "from ... import",
    ast.Delete: "del",
    ast.Assert: "assert",
    ast.Yield: "yield",
    ast.AsyncFunctionDef: "async",
    ast.NamedExpr: "the operator :=",
}


class CodeProblem(NamedTuple):
    """What is wrong with a line of a code."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


def problems_of(code: str) -> list[CodeProblem]:
    """Everything in a code that the allow-list does not have, in the order of lines; empty: it may run in the sandbox."""
    if len(code) > MOST_CHARACTERS:
        return [CodeProblem(1, f"the code has {len(code)} characters, at most {MOST_CHARACTERS} are read")]
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        return [CodeProblem(error.lineno or 1, f"this is no Python: {plain(error.msg)}")]
    except (ValueError, RecursionError, MemoryError, UnicodeError) as error:
        return [CodeProblem(1, f"this is no Python: {plain(str(error)) or type(error).__name__}")]
    nodes = list(_walk(tree))
    if len(nodes) > _MOST_NODES:
        return [CodeProblem(1, f"the code has {len(nodes)} terms, at most {_MOST_NODES} are read")]
    known = {*BUILTINS, *_NAMES_OF, *_bound(nodes)}
    found = [problem for node, line in nodes for problem in _problems(node, line, known)]
    return sorted({*found, *_entry_problems(tree)})


def _walk(tree: ast.AST) -> Iterator[tuple[ast.AST, int]]:
    """Every node with the line that it stands in."""
    left: list[tuple[ast.AST, int]] = [(tree, 1)]
    while left:
        node, line = left.pop()
        yield node, line
        left += [(child, getattr(child, "lineno", line)) for child in ast.iter_child_nodes(node)]


def _bound(nodes: list[tuple[ast.AST, int]]) -> Iterator[str]:
    """Names that the code itself gives to something."""
    for node, _ in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.FunctionDef(name=name) | ast.arg(arg=name):
                yield name
            case ast.alias(name=name, asname=other):
                yield other or name


def _problems(node: ast.AST, line: int, known: set[str]) -> Iterator[CodeProblem]:
    for message in _messages(node, known):
        yield CodeProblem(line, message)


def _messages(node: ast.AST, known: set[str]) -> Iterator[str]:
    if not isinstance(node, _NODES):
        yield f"{_WORDS.get(type(node), type(node).__name__)} may not be used"
    match node:
        case ast.Name(id=name) | ast.arg(arg=name) | ast.FunctionDef(name=name) if "__" in name:
            yield f"the name {plain(name)} may not be used"
        case ast.Name(id=name, ctx=ast.Load()) if name not in known:
            yield f"{plain(name)} is not available here"
        case ast.FunctionDef(decorator_list=[_, *_]):
            yield "a decorator may not be used"
        case ast.alias(name=name, asname=other):
            yield from _import_messages(name, other)
        case ast.Attribute(value=value, attr=attr):
            yield from _attribute_messages(value, attr)


def _import_messages(name: str, other: str | None) -> Iterator[str]:
    if name not in MODULES or (other or name) not in (name, MODULES[name]):
        yield f"import {plain(name)} is not possible: import cvxpy as cp and numpy as np are"


def _attribute_messages(value: ast.expr, attr: str) -> Iterator[str]:
    owner = value.id if isinstance(value, ast.Name) else ""
    if owner in _NAMES_OF:
        if attr not in _NAMES_OF[owner]:
            yield f"{owner}.{plain(attr)} is not available here{_hint(attr)}"
    elif attr not in ATTRIBUTES:
        yield f"the attribute {plain(attr)} may not be used{_hint(attr)}"


def _hint(attr: str) -> str:
    if attr in ("Problem", "solve"):
        return ": return the objective and the constraints, they are solved for you"
    return ""


def _entry_problems(tree: ast.Module) -> Iterator[CodeProblem]:
    """One function ``prosumer(state)``, and nothing that runs beside functions, imports and constants."""
    own = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == ENTRY]
    if len(own) != 1:
        yield CodeProblem(1, f"the code defines {ENTRY}(state) {len(own)} times, it has to be once")
    elif [each.arg for each in own[0].args.args] != ["state"] or own[0].args.kwonlyargs or own[0].args.vararg:
        yield CodeProblem(own[0].lineno, f"{ENTRY} has the one argument state")
