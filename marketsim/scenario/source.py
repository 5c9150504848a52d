"""From files to one tree: reading, ``extends``, overrides.

``extends: base.yaml`` lays a scenario over another one. The path is relative to the file that names it; all files
lie in the folder of the first one or below, so that a scenario of a stranger reaches nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from marketsim.core.errors import Problem, ScenarioError
from marketsim.scenario.overrides import apply_overrides
from marketsim.scenario.switches import merge
from marketsim.scenario.tree import Node, Place, child, from_python, key_place, plain, shorten
from marketsim.scenario.yamltext import decode, parse

MAX_EXTENDS: Final = 16
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._-]+")


class Source(NamedTuple):
    """A scenario as written: the merged tree, and the folder that its relative paths start from."""

    root: Node
    folder: Path
    name: str
    """What the scenario is called if it does not say: stem of the file, or ``scenario``."""

    def override(self, overrides: Mapping[str, object]) -> Source:
        """The same scenario with values set from outside."""
        return self._replace(root=apply_overrides(self.root, overrides))


def read_source(scenario: str | Path | Mapping[str, object], overrides: Mapping[str, object] | None = None) -> Source:
    """A scenario from a path, a mapping, or YAML text (a ``str`` with a line break), with overrides in place."""
    source, chain = _first(scenario)
    source = source._replace(root=_extended(source.root, source.folder, chain))
    return source.override(overrides) if overrides else source


def _first(scenario: str | Path | Mapping[str, object]) -> tuple[Source, tuple[Path, ...]]:
    """The scenario itself, before anything that it extends; and its file, if it has one."""
    if isinstance(scenario, Mapping):
        return Source(_mapping_root(from_python(scenario), ""), Path.cwd(), "scenario"), ()
    if isinstance(scenario, str) and "\n" in scenario:
        return Source(_mapping_root(parse(scenario, "<text>"), "<text>"), Path.cwd(), "scenario"), ()
    path = Path(scenario)
    root = _mapping_root(parse(_read(path), str(path)), str(path))
    name = _NOT_IN_NAMES.sub("-", path.stem).strip("._-")[:100]
    return Source(root, path.absolute().parent, name or "scenario"), (path.resolve(),)


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        near = [other.name for other in sorted(path.parent.glob("*.y*ml"))][:5] if path.parent.is_dir() else []
        hint = f"{path.parent} has {', '.join(near)}" if near else ""
        raise ScenarioError([Problem("there is no such file", hint=hint, file=str(path))]) from None
    except IsADirectoryError:
        raise ScenarioError([Problem("is a folder, not a scenario file", file=str(path))]) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ScenarioError([Problem(f"cannot be read: {reason}", file=str(path))]) from error
    return decode(data, str(path))


def _mapping_root(root: Node, file: str) -> Node:
    if not isinstance(root.value, dict):
        message = "a scenario must be a mapping of keys to values"
        seen = "a list" if isinstance(root.value, list) else shorten(root.value)
        raise ScenarioError([Problem(message, "", seen, "begin with `name: ...`", *root.place._replace(file=file))])
    return root


def _extended(root: Node, folder: Path, chain: tuple[Path, ...]) -> Node:
    """``root`` laid over what it extends, without the key."""
    base = child(root, "extends")
    if base is None or not isinstance(root.value, dict):
        return root
    own = Node({key: member for key, member in root.value.items() if key != "extends"}, root.place)
    if base.value is None:
        return own
    place = key_place(root, ("extends",))
    path = _base_path(base, place, folder, chain)
    below = _mapping_root(parse(_read_base(path, base), str(path)), str(path))
    return merge(_extended(below, folder, (*chain, path.resolve())), own)


def _base_path(base: Node, place: Place, folder: Path, chain: tuple[Path, ...]) -> Path:
    """The file that ``extends`` names, if it may be read."""

    def refuse(message: str, hint: str = "") -> ScenarioError:
        return ScenarioError([Problem(message, "extends", shorten(plain(base)), hint, *place)])

    if not isinstance(base.value, str) or not base.value:
        raise refuse("must be the path of a scenario", "for example extends: base.yaml")
    beside = Path(place.file).parent if chain and place.file else folder
    path = beside / base.value
    if not path.resolve().is_relative_to(folder.resolve()):
        raise refuse("leaves the folder of the scenario", f"extend a file in {folder} or below")
    if path.resolve() in chain:
        names = " -> ".join(file.name for file in (*chain, path.resolve()))
        raise refuse(f"the scenario extends itself: {names}")
    if len(chain) >= MAX_EXTENDS:
        raise refuse(f"more than {MAX_EXTENDS} scenarios extend each other")
    return path


def _read_base(path: Path, base: Node) -> str:
    try:
        return _read(path)
    except ScenarioError as error:
        problem = error.problems[0]
        if problem.line:
            raise
        raise ScenarioError([Problem(problem.message, "extends", str(path), problem.hint, *base.place)]) from error
