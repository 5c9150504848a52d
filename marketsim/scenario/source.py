"""From files to one tree: reading, ``extends``, overrides.

``extends: base.yaml`` lays a scenario over another one. The path is relative to the file that names it; all files
lie in the folder of the first one or below, so that a scenario of a stranger reaches nothing else. What the user says
beside a file (``--set``, overrides, a mapping in Python) is remembered as such: see ``ScenarioSource.fence``.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path, PurePath
from typing import Final, NamedTuple

from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.fence import TRUST, Fence
from marketsim.core.files import decoded, read_bytes
from marketsim.scenario.older import renewed
from marketsim.scenario.overrides import apply_overrides, split_path
from marketsim.scenario.switches import merge
from marketsim.scenario.tree import Mark, Node, child, from_python, key_place, plain, shorten, texts
from marketsim.scenario.yamltext import MAX_BYTES, Budget, parse

MAX_EXTENDS: Final = 16
MANIFEST: Final = "manifest.json"
"""Lies beside the scenario in a folder that the program made; what ``results.folder`` calls it."""
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9._-]+")


class ScenarioSource(NamedTuple):
    """A scenario as written: the merged tree, and the folder that its relative paths start from."""

    root: Node
    folder: Path
    name: str
    """What the scenario is called if it does not say: stem of the file, or ``scenario``."""
    trust: bool = False
    """Whether the user says that the scenario is his own: its files may lie anywhere, its plugins run."""
    own: frozenset[str] = frozenset()
    """Texts that the user said himself; files of these names are not the scenario's choice."""
    own_folder: bool = False
    """Whether ``folder`` is one of these."""
    listens: bool = True
    """Whether what is laid over it is the user's word; not so where it comes from a file, too."""
    made: bool = False
    """Whether it lies in a folder that the program made: of a run, a training or a study."""

    def override(self, overrides: Mapping[str, object]) -> ScenarioSource:
        """The same scenario with values set from outside."""
        changed = self._replace(root=apply_overrides(self.root, overrides))
        if not self.listens:
            return changed
        folder = any(split_path(path)[0] == "folder" for path in overrides)
        return changed.saying(overrides)._replace(own_folder=self.own_folder or folder)

    def saying(self, values: Mapping[str, object]) -> ScenarioSource:
        """The same scenario; every text in ``values`` is the user's own word."""
        said = {text for _, text in texts(from_python(values))}
        return self._replace(own=self.own | said | {str(PurePath(text)) for text in said})

    @property
    def fence(self) -> Fence:
        """Where the files that it names may lie: in ``folder``, which lies where the scenario does unless the user says so."""
        named = child(self.root, "folder")
        text = named.value if named is not None and isinstance(named.value, str) else "."
        start = self.folder / text
        if self.trust:
            return Fence(start, None)
        leaves = "" if self.own_folder or _is_inside(start, self.folder) else text
        return Fence(start, start, leaves, self.own)


def _is_inside(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):  # RuntimeError: links in a circle, before Python 3.13
        return False


def read_source(
    scenario: str | Path | Mapping[str, object], overrides: Mapping[str, object] | None = None, *, trust: bool = False
) -> ScenarioSource:
    """A scenario from a path, a mapping, or YAML text (a ``str`` with a line break), with overrides in place."""
    budget = Budget()
    if not isinstance(scenario, Mapping) and not trust:
        _demand_within(scenario)
    source, chain = _first(scenario, budget)
    source = source._replace(root=_extended(source.root, source.folder, chain, budget), trust=trust)
    return source.override(overrides) if overrides else source


def _demand_within(scenario: str | Path) -> None:
    """ScenarioError where the file is a link out of its folder: whoever made the folder chose what would be read."""
    if isinstance(scenario, str) and "\n" in scenario:
        return
    path = Path(scenario)
    with contextlib.suppress(OSError, ValueError):  # such a path is refused where it is opened
        if path.is_symlink() and not _is_inside(path, path.parent):
            message = "the scenario is a link to a file outside of its folder, which is not followed"
            raise ScenarioError([Problem(message, file=str(path), hint=f"name the file itself; or, {TRUST}")])


def _first(scenario: str | Path | Mapping[str, object], budget: Budget) -> tuple[ScenarioSource, tuple[Path, ...]]:
    """The scenario itself, before anything that it extends; and its file, if it has one."""
    if isinstance(scenario, Mapping):
        source = ScenarioSource(_mapping_root(from_python(scenario), ""), Path.cwd(), "scenario")
        return source.saying(scenario)._replace(own_folder="folder" in scenario), ()
    if isinstance(scenario, str) and "\n" in scenario:
        return ScenarioSource(_mapping_root(parse(scenario, "<text>", budget), "<text>"), Path.cwd(), "scenario"), ()
    path = Path(scenario)
    root = _mapping_root(parse(_read(path), str(path), budget), str(path))
    name = _NOT_IN_NAMES.sub("-", path.stem).strip("._-")[:100]
    made = (path.parent / MANIFEST).exists() or (path.parent / MANIFEST).is_symlink()
    return ScenarioSource(root, path.absolute().parent, name or "scenario", made=made), (path.resolve(),)


def _read(path: Path) -> str:
    try:
        data = read_bytes(path, MAX_BYTES, ScenarioError)
    except ScenarioError as error:
        problem = error.problems[0]
        if problem.hint or not isinstance(error.__context__, FileNotFoundError):
            raise
        raise ScenarioError([problem._replace(hint=_near(path.parent))]) from None
    return decoded(data, str(path), ScenarioError)


def _near(folder: Path) -> str:
    """What scenarios there are in a folder, for somebody who looked for another one."""
    near = [other.name for other in islice(folder.glob("*.y*ml"), 100)] if folder.is_dir() else []
    return f"{folder} has {', '.join(sorted(near)[:5])}" if near else ""


def _mapping_root(root: Node, file: str) -> Node:
    if not isinstance(root.value, dict):
        message = "a scenario must be a mapping of keys to values"
        seen = "a list" if isinstance(root.value, list) else shorten(root.value)
        raise ScenarioError([Problem(message, "", seen, "begin with `name: ...`", *root.place._replace(file=file))])
    return renewed(root)


def _extended(root: Node, folder: Path, chain: tuple[Path, ...], budget: Budget) -> Node:
    """``root`` laid over what it extends, without the key."""
    base = child(root, "extends")
    if base is None or not isinstance(root.value, dict):
        return root
    own = Node({key: member for key, member in root.value.items() if key != "extends"}, root.place)
    if base.value is None:
        return own
    place = key_place(root, ("extends",))
    path = _base_path(base, place, folder, chain)
    below = _mapping_root(parse(_read_base(path, base), str(path), budget), str(path))
    return merge(_extended(below, folder, (*chain, path.resolve()), budget), own)


def _base_path(base: Node, place: Mark, folder: Path, chain: tuple[Path, ...]) -> Path:
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
