"""The ports: what they declare is what is called on them, and nothing reaches past them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, get_type_hints

import pytest

import marketsim
from marketsim.core import delivery, game, grid_model, language_model, learner, metric, ports, records
from marketsim.core.build import Basics, BuildContext
from marketsim.core.ports import lacking, untaken
from marketsim.core.world import World
from marketsim.testing.worlds import UnityReactive

PACKAGE = Path(marketsim.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
HOMES = (ports, delivery, game, grid_model, language_model, learner, metric, records)
PORTS: dict[str, type] = {
    each.__name__: each
    for module in HOMES
    for each in vars(module).values()
    if isinstance(each, type) and Protocol in each.__mro__ and each.__module__ == module.__name__
}
HELD = {"Profiles", "Tariff", "Device", "Engine", "Gate", "Charges", "Allocation", "Reactive", "Strategy", "GridModel"}
"""Ports whose objects a world holds, and what positions that did not happen are asked of."""
PARAMETER_NAMES = {"params", "own", "row", "device_params"}
"""How parameter models are called throughout the package."""


def members(port: type) -> set[str]:
    """What a port declares."""
    return set(lacking(port, None)) | {name for name in vars(port) if not name.startswith("_")}


def known_in(path: Path, tree: ast.Module) -> dict[str, str]:
    """Ports that a module imports from the core, or is the home of, by the names that they have in it."""
    if path in (Path(module.__file__ or "") for module in HOMES):
        return {name: name for name in PORTS}
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    named = {
        each.asname or each.name: each.name
        for node in imports
        if (node.module or "").startswith("marketsim.core")
        for each in node.names
    }
    return {own: name for own, name in named.items() if name in {*PORTS, "World"}}


def annotated_with(annotation: ast.expr | None, known: dict[str, str]) -> str | None:
    """The port that an annotation names, also as ``Port | None``, ``Optional[Port]``, ``ports.Port`` or in quotes."""
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        return annotated_with(annotation.left, known) or annotated_with(annotation.right, known)
    if isinstance(annotation, ast.Subscript) and isinstance(annotation.value, ast.Name):
        return annotated_with(annotation.slice, known) if annotation.value.id == "Optional" else None
    if isinstance(annotation, ast.Attribute):
        return annotation.attr if annotation.attr in PORTS else None
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return annotated_with(ast.parse(annotation.value, mode="eval").body, known)
    return known.get(annotation.id) if isinstance(annotation, ast.Name) else None


def items_of(annotation: ast.expr | None, known: dict[str, str]) -> str | None:
    """The port of what a sequence holds, as its annotation says."""
    if not isinstance(annotation, ast.Subscript):
        return None
    inner = annotation.slice.elts[0] if isinstance(annotation.slice, ast.Tuple) else annotation.slice
    return annotated_with(inner, known)


def scopes(
    tree: ast.AST, known: dict[str, str]
) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, dict[str, str]]]:
    """Functions, with the names in them that hold an object of a port: arguments, items of arguments, other names of both."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
            found = {each.arg: annotated_with(each.annotation, known) for each in arguments}
            many = {each.arg: items_of(each.annotation, known) for each in arguments}
            held = {name: port for name, port in found.items() if port is not None}
            for inner in ast.walk(node):
                if isinstance(inner, ast.AnnAssign) and isinstance(inner.target, ast.Name):
                    port = annotated_with(inner.annotation, known)
                    held |= {} if port is None else {inner.target.id: port}
                elif isinstance(inner, ast.For | ast.comprehension) and isinstance(inner.iter, ast.Name):
                    port = many.get(inner.iter.id)
                    held |= {inner.target.id: port} if isinstance(inner.target, ast.Name) and port else {}
                elif isinstance(inner, ast.Assign) and isinstance(inner.value, ast.Name) and inner.value.id in held:
                    held |= {each.id: held[inner.value.id] for each in inner.targets if isinstance(each, ast.Name)}
            yield node, held


def fields_of_world() -> dict[str, str]:
    """``world.gate`` is a ``Gate``, and so on."""
    hints = {name: getattr(hint, "__name__", "") for name, hint in get_type_hints(World).items()}
    return {name: hint for name, hint in hints.items() if hint in PORTS}


def kept(of: ast.ClassDef, known: dict[str, str]) -> dict[str, str]:
    """Attributes of an instance that hold what ``__init__`` was given: ``self._gate = gate``."""
    fields = [each for each in of.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)]
    ports_of = {each.target.id: annotated_with(each.annotation, known) for each in fields}  # type: ignore[union-attr]
    found = {name: port for name, port in ports_of.items() if port is not None}
    for function, held in scopes(of, known):
        pairs: list[tuple[ast.expr, ast.expr]] = []
        for node in ast.walk(function) if function.name == "__init__" else ():
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Tuple)
                and isinstance(node.targets[0], ast.Tuple)
            ):
                pairs += zip(node.targets[0].elts, node.value.elts, strict=True)
            elif isinstance(node, ast.Assign):
                pairs.append((node.targets[0], node.value))
            elif isinstance(node, ast.AnnAssign) and node.value is not None:
                pairs.append((node.target, node.value))
        for target, value in pairs:
            if isinstance(target, ast.Attribute) and isinstance(value, ast.Name) and value.id in held:
                found[target.attr] = held[value.id]
    return found


def calls() -> Iterator[tuple[str, str, str]]:
    """(port, attribute, place) of whatever is read on an object of a port, as far as annotations tell."""
    world = fields_of_world()
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        known = known_in(path, tree)
        own = {
            function: kept(of, known) for of in ast.walk(tree) if isinstance(of, ast.ClassDef) for function in of.body
        }
        for function, held in scopes(tree, known):
            for node in ast.walk(function):
                if isinstance(node, ast.Attribute):
                    port = port_of(node.value, held, own.get(function, {}), world)
                    if port is not None:
                        yield port, node.attr, f"{path.relative_to(PACKAGE)}:{node.lineno}"


def port_of(subject: ast.expr, held: dict[str, str], own: dict[str, str], world: dict[str, str]) -> str | None:
    """The port of what an attribute is read on: an argument, ``self._gate`` or ``world.gate``."""
    if isinstance(subject, ast.Name):
        port = held.get(subject.id)
        return port if port in PORTS else None
    if not isinstance(subject, ast.Attribute):
        return None
    if isinstance(subject.value, ast.Name) and subject.value.id == "self":
        port = own.get(subject.attr)
        return port if port in PORTS else None
    of = subject.value
    name = of.id if isinstance(of, ast.Name) else ""
    is_own = isinstance(of, ast.Attribute) and isinstance(of.value, ast.Name) and of.value.id == "self"
    is_world = name == "world" or held.get(name) == "World" or (is_own and own.get(of.attr) == "World")  # type: ignore[union-attr]
    return world.get(subject.attr) if is_world else None


def test_what_is_called_is_declared():
    """Every attribute that the package reads on an object of a port is one that the port declares."""
    undeclared = [f"{place}: {port}.{name}" for port, name, place in calls() if name not in members(PORTS[port])]
    assert undeclared == []


def test_what_is_declared_is_called():
    """A member of a port that nobody reads is dead: it goes. The members below are read where no annotation tells."""
    called = {(port, name) for port, name, _ in calls()}
    elsewhere = {
        ("Device", "info"),  # of world.devices
        ("Device", "initial"),
        ("Device", "range"),
        ("Device", "advance"),
        ("Device", "running_cost"),
        ("Strategy", "sees"),  # by the kit, and by the documentation
        ("Strategy", "decide"),  # of roles
        ("Reactive", "behind_kw"),  # handed to the gate
    }
    declared = {(port, name) for port in HELD for name in members(PORTS[port])}
    assert declared - called - elsewhere == set()
    assert elsewhere <= declared


@pytest.mark.full
def test_the_finder_finds():
    """The comparison would see a call that no port declares, on an argument and on a field of the world."""
    found = {(port, name) for port, name, _ in calls()}
    assert {
        ("Gate", "open"),
        ("Gate", "admit"),
        ("Engine", "match"),
        ("Reactive", "kvar"),
        ("Reactive", "law"),
    } <= found
    assert len(found) > 20


def test_nothing_is_looked_for_on_a_port_or_in_parameters():
    """``getattr`` and ``hasattr`` with a literal name are for neither: a port declares, a device declares its fleet."""
    names = {name for port in PORTS.values() for name in members(port)}
    found = []
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        held = {name for _, held in scopes(tree, known_in(path, tree)) for name in held}
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("getattr", "hasattr")
            ):
                subject, name = node.args[0], node.args[1]
                literal = name.value if isinstance(name, ast.Constant) else None
                of = subject.id if isinstance(subject, ast.Name) else getattr(subject, "attr", "")
                if of in held | PARAMETER_NAMES | {"device", "devices"} or (literal in names and of != "self"):
                    found.append(f"{path.relative_to(PACKAGE)}:{node.lineno}: {ast.unparse(node)}")
    assert [each for each in found if not each.startswith("core/ports.py")] == []  # but in lacking, which compares


LOOKED_FOR = {
    "agents/model.py": {"_ids"},  # of Mesa, whose models leak by it
    "agents/simple.py": {"__code__"},
    "app/memory.py": {"mallopt"},
    "app/shown_progress.py": {"get_ipython"},
    "app/user_table.py": {"keys"},  # a table, or columns by name
    "core/fence.py": {"strerror"},
    "core/files.py": {"strerror", "O_BINARY", "O_CLOEXEC", "O_NOCTTY", "O_NOFOLLOW", "O_NONBLOCK"},
    "core/kernel_cache.py": {"fchmod", "geteuid"},
    "core/read_only.py": {"__dataclass_params__", "_fields"},
    "core/walls.py": {"__code__", "inputs", "time"},  # whatever a plugin's method was given
    "analysis/studies/answer.py": {"item"},
    "experts/sandbox/check.py": {"lineno"},  # not every node of a tree has one
    "extension/entry.py": {"__code__", "__name__"},
    "extension/registry.py": {"__code__"},
    "report/limits.py": {"chunks"},
    "results/folder.py": {"item"},
    "results/parquet.py": {"strerror"},
    "scenario/yamltext.py": {"CSafeLoader"},
}
"""Every name that the package looks for on an object, by module: of libraries, systems and numbers, none of a part."""


def test_everything_that_is_looked_for_is_listed():
    """What may be there or not is no port: a new ``getattr`` or ``hasattr`` needs its line above."""
    found: dict[str, set[str]] = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id="getattr" | "hasattr"), args=[_, ast.Constant(value=str(name)), *_]):
                    module = str(path.relative_to(PACKAGE))
                    if not module.startswith("testing/"):
                        found.setdefault(module, set()).add(name)
    assert found == LOOKED_FOR


def test_the_context_has_no_facts():
    """Every field of what parts are built from has a type of its own, and none maps names to whatever."""
    for record in (Basics, BuildContext):
        for name, hint in get_type_hints(record).items():
            assert hint not in (object, Any), name
            assert "Mapping[str" not in str(hint), name
            assert not str(hint).startswith("dict"), name
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    assert "context.facts" not in text
    assert re.findall(r"\b[A-Z_]+_FACT\b", text) == []


def test_no_protocol_is_copied():
    """No two protocols of the package declare the same members, and none has a ``with_...`` that makes a copy of a part."""
    defined: dict[frozenset[str], list[str]] = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and any(
                ast.unparse(base).partition("[")[0] in ("Protocol", "typing.Protocol") for base in node.bases
            ):
                methods = {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
                data = {each.target.id for each in node.body if isinstance(each, ast.AnnAssign)}  # type: ignore[union-attr]
                assert not [name for name in methods if name.startswith("with_")], f"{path}: {node.name}"
                defined.setdefault(frozenset(methods | data), []).append(f"{path.relative_to(PACKAGE)}:{node.name}")
    assert [places for names, places in defined.items() if len(names) > 1 and len(places) > 1] == []


@pytest.mark.parametrize("port", sorted(PORTS))
def test_what_a_part_lacks_is_named(port: str):
    """Nothing has everything: an object without members lacks all of them, and what declares them lacks none."""
    bare = lacking(PORTS[port], object())
    assert bare
    whole = type("Whole", (), dict.fromkeys(bare))()
    assert lacking(PORTS[port], whole) == []


def test_methods_that_take_less_than_their_port_says_are_named():
    """Arguments that may be left out count, too; what takes whatever comes takes them."""

    class Older:
        law, behind_kw = None, print

        def kvar(self, community, inputs, firm_wh):
            return firm_wh

        def inverter_kvar(self, *whatever):
            return whatever

        def limit_pv(self, pv_wh):
            return pv_wh

    assert untaken(ports.Reactive, Older()) == [
        "kvar(community, inputs, firm_wh, decided)",
        "limit_pv(pv_wh, hours)",
    ]
    assert untaken(ports.Reactive, UnityReactive()) == []
