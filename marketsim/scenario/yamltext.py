"""YAML text to a tree with places: plain data of the YAML 1.2 core schema and nothing else.

So ``on``, ``no``, ``12:30`` and ``2016-07-12`` are text, ``1e3`` is a number, ``010`` is ten. Tags, merge keys, several
documents and values without a place in JSON (``.nan``, ``.inf``) are refused, and so is whatever grows beyond
the limits below, for scenarios may come from strangers.
"""

from __future__ import annotations

import contextlib
import gc
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

import yaml

from marketsim.core.errors import Problem, ScenarioError
from marketsim.scenario import tree

MAX_BYTES: Final = 24 * 2**20
"""Of all files of a scenario together; a resolved one of 10,000 agents has about 4 MB."""
MAX_VALUES: Final = 750_000
"""Values in all files of a scenario, those that aliases repeat included; a resolved one of 10,000 agents has 260,000."""
MAX_ALIASED: Final = 100_000
"""Values that all aliases of a file may expand to."""
MAX_ALIASED_LETTERS: Final = 1_000_000
"""Letters of these values."""
MAX_KEY: Final = 1_000
"""Letters of a key."""
MAX_DIRECTIVES: Final = 20
"""Lines that begin as a directive does."""
MAX_PROBLEMS: Final = 20
"""Of a file as YAML that are listed; reading ends with the last."""
MAX_BYTES_SLOW: Final = 256 * 2**10
"""Of all files where PyYAML has no libyaml, and reads a hundred times slower."""

FAST: Final = hasattr(yaml, "CSafeLoader")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DIRECTIVE = re.compile("(?:^|[\n\r\x85\u2028\u2029\ufeff])%")
_FIRST = frozenset(("", *"~nNtTfF+-.0123456789"))
"""How everything begins that is not text."""
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE = frozenset(("true", "True", "TRUE"))
_FALSE = frozenset(("false", "False", "FALSE"))
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OTHER_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class Budget:
    """What all files of a scenario may still have together."""

    def __init__(self) -> None:
        self.values = MAX_VALUES
        self.bytes = self.most_bytes = MAX_BYTES if FAST else MAX_BYTES_SLOW

    def take(self, text: str, file: str) -> None:
        """Count a text in; ScenarioError where that is too much."""
        self.bytes -= len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        if self.bytes < 0:
            size = self.most_bytes - self.bytes
            message = f"a scenario has at most {_size(self.most_bytes)}, what it extends included"
            hint = "" if FAST else "this PyYAML has no libyaml; install one that has it to read larger scenarios"
            raise ScenarioError([Problem(message, "", _size(size), hint, file)])


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 2**20:.3g} MiB" if n_bytes >= 2**20 else f"{n_bytes // 2**10} KiB"


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Without the collector of reference cycles, which takes longer than reading a large scenario, and finds none."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def parse(text: str, file: str, budget: Budget | None = None) -> tree.Node:
    """The tree of one YAML document; ScenarioError with everything that is wrong with it as YAML."""
    budget = Budget() if budget is None else budget
    budget.take(text, file)
    _refuse_unprintable(text, file)
    _refuse_directives(text, file)
    builder = _Builder(file, budget.values)
    try:
        with uncollected():
            root = builder.document(iter(yaml.parse(text, Loader=_LOADER)))
    except yaml.MarkedYAMLError as error:
        builder.problems.append(_syntax_problem(error, text, file))
        raise ScenarioError(builder.problems) from error
    except RecursionError as error:  # of the loader without libyaml
        raise ScenarioError([Problem(f"nested more than {tree.MAX_DEPTH} levels deep", file=file)]) from error
    if builder.problems:
        raise ScenarioError([_with_path(problem, root) for problem in builder.problems])
    budget.values -= builder.values
    return root


def _with_path(problem: Problem, root: tree.Node) -> Problem:
    """The problem with the path of the value that it is about, if it is about one."""
    return problem._replace(path=tree.dotted(tree.path_of(root, tree.Mark(problem.file, problem.line, problem.column))))


def _refuse_unprintable(text: str, file: str) -> None:
    found = _UNPRINTABLE.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        message = f"character U+{ord(found.group()):04X} is not allowed in YAML"
        raise ScenarioError([Problem(message, file=file, line=line, column=column)])


def _refuse_directives(text: str, file: str) -> None:
    """Libyaml compares every directive with every other one."""
    for count, found in enumerate(_DIRECTIVE.finditer(text), start=1):
        if count > MAX_DIRECTIVES:
            line = text.count("\n", 0, found.end()) + 1
            hint = "a scenario is plain YAML: remove them"
            message = f"more than {MAX_DIRECTIVES} lines begin with %"
            raise ScenarioError([Problem(message, "", "", hint, file, line, 1)])


def _syntax_problem(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    message = f"not valid YAML: {' '.join(part for part in (error.context, error.problem) if part)}"
    if mark is None:
        return Problem(message, file=file)
    lines = text.splitlines() or [""]
    line = lines[min(mark.line, len(lines) - 1)]
    hint = "indent with spaces, not with tabs" if "\t" in line[: mark.column + 1] else ""
    return Problem(message, hint=hint, file=file, line=mark.line + 1, column=mark.column + 1)


def resolve_scalar(text: str) -> tree.Scalar:
    """An unquoted scalar by the core schema; infinite and not-a-number values come back as such."""
    if text[:1] not in _FIRST:
        return text
    if text in _NULL:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text):
        # Far beyond int64 in any case; Python refuses to convert very long numerals.
        return int(text) if len(text) <= 40 else int(text[:40])
    if _OTHER_BASE.fullmatch(text):
        return int(text[:40], 0)
    if _FLOAT.fullmatch(text) or _NOT_FINITE.fullmatch(text):
        return float(text.replace(".inf", "inf").replace(".nan", "nan") if text[-1].isalpha() else text)
    return text


class _Builder:
    """Builds nodes from parser events; problems that do not break the structure are collected."""

    def __init__(self, file: str, most: int = MAX_VALUES) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.values = 0
        """So many were built; those that aliases repeat are counted each time."""
        self._most = most
        self._letters = 0
        self._anchors: dict[str, tuple[tree.Node, int, int]] = {}
        self._aliased = self._aliased_letters = 0

    def document(self, events: Iterator[Any]) -> tree.Node:
        """The root of the only document."""
        next(events)
        if isinstance(next(events), yaml.StreamEndEvent):
            self._stop("the document is empty", None)
        root = self._node(next(events), events, 0)
        next(events)
        after = next(events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._stop("a second document begins here", after, hint="a scenario is one document: remove '---'")
        return root

    def _stop(self, message: str, event: Any, hint: str = "") -> NoReturn:
        self._note(message, event, hint=hint)
        raise ScenarioError(self.problems)

    def _note(self, message: str, event: Any, value: str = "", hint: str = "") -> None:
        place = tree.Mark(self.file) if event is None else self._place(event)
        self.problems.append(Problem(message, "", value, hint, *place))
        if len(self.problems) == MAX_PROBLEMS:
            self.problems.append(Problem("there may be more below: reading ended here", file=self.file))
            raise ScenarioError(self.problems)

    def _place(self, event: Any) -> tree.Mark:
        return tree.Mark(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> tree.Node:
        if depth > tree.MAX_DEPTH:
            self._stop(f"nested more than {tree.MAX_DEPTH} levels deep", event)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.tag is not None and (event.tag != "!" or not isinstance(event, yaml.ScalarEvent)):
            self._refuse_tag(event)
        values, letters = self.values, self._letters
        self.values += 1
        if self.values > self._most:
            self._stop(f"more than {self._most:,} values", event, f"a scenario has at most {MAX_VALUES:,} in all")
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = tree.Node(self._sequence(events, depth), self._place(event))
        else:
            node = tree.Node(self._mapping(events, depth), self._place(event))
        if event.anchor is not None:
            self._anchors[event.anchor] = node, self.values - values, self._letters - letters
        return node

    def _refuse_tag(self, event: Any) -> None:
        self._note(
            "tags are not allowed", event, tree.shorten_text(event.tag), "a scenario is plain YAML: remove the tag"
        )

    def _alias(self, event: Any) -> tree.Node:
        if event.anchor not in self._anchors:
            name = tree.shorten_text(event.anchor)
            self._stop(f"the anchor &{name} is not defined above, or contains this alias", event)
        node, size, letters = self._anchors[event.anchor]
        self._aliased += size
        self._aliased_letters += letters
        self.values += size
        self._letters += letters
        if self._aliased > MAX_ALIASED:
            self._stop(f"aliases expand to more than {MAX_ALIASED:,} values", event)
        if self._aliased_letters > MAX_ALIASED_LETTERS:
            self._stop(f"aliases expand to more than {MAX_ALIASED_LETTERS:,} letters", event)
        return node

    def _scalar(self, event: Any) -> tree.Node:
        is_plain = event.style in (None, "")
        self._letters += len(event.value)
        value = resolve_scalar(event.value) if is_plain and event.tag is None else event.value
        fault = tree.scalar_fault(value)
        if fault:
            self._note(fault, event, tree.shorten(event.value))
        return tree.Node(value, self._place(event))

    def _sequence(self, events: Iterator[Any], depth: int) -> list[tree.Node]:
        items: list[tree.Node] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self._node(event, events, depth + 1))
        return items

    def _mapping(self, events: Iterator[Any], depth: int) -> dict[str, tree.Member]:
        members: dict[str, tree.Member] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self._stop("a key must be plain text", event)
            key, place = event.value, self._place(event)
            if len(key) > MAX_KEY:
                self._stop(f"a key has at most {MAX_KEY:,} letters", event, f"it begins with {tree.shorten(key)}")
            self._letters += len(key)
            if key in members:
                hint = f"first on line {members[key].key.line}"
                self._note(f"the key {tree.shorten(key)} stands here twice", event, hint=hint)
            if event.tag is not None:
                self._refuse_tag(event)
            if key == "<<" or tree.scalar_fault(key):
                hint = "use `extends`, or repeat the values" if key == "<<" else ""
                self._note("this key is not allowed", event, tree.shorten(key), hint)
            node = self._node(next(events), events, depth + 1)
            members.setdefault(key, tree.Member(place, node))
        return members
