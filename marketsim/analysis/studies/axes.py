"""What is varied: ``PATH=START:STOP:COUNT``, ``PATH=A,B,C``, or several paths whose values go together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from marketsim.core.errors import Problem, ScenarioError
from marketsim.scenario.overrides import split_path
from marketsim.scenario.tree import from_python, plain, shorten
from marketsim.scenario.yamltext import parse

VARY, ZIP = "--vary", "--zip"
MOST_VALUES: Final = 100_000
_NUMBER: Final = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RANGE: Final = re.compile(rf"({_NUMBER}):({_NUMBER})(?::(\d+)(:log)?|(:int))?")
_FORMS: Final = "write START:STOP:COUNT, or values separated by commas: profiles.pv_scale=0:4:9, grid.gate=ac,observe"

AxisKey: TypeAlias = str | tuple[str, ...]
"""A path, or paths whose values go together."""


class Span(NamedTuple):
    """A range from which samples are drawn."""

    low: float
    high: float
    whole: bool = False
    """Whether only whole numbers are meant."""


class Axis(NamedTuple):
    """One dimension of a study: a path, or several whose values go together."""

    paths: tuple[str, ...]
    levels: tuple[tuple[Any, ...], ...]
    """Values of all paths, level by level; empty for a span."""
    span: Span | None = None
    """Only for sampled designs."""

    @property
    def label(self) -> str:
        """The paths, for people."""
        return " & ".join(self.paths)

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers of one path, so that they have an order."""
        numbers = all(isinstance(level[0], int | float) and not isinstance(level[0], bool) for level in self.levels)
        return len(self.paths) == 1 and numbers


def axes_of(vary: Mapping[AxisKey, str | Sequence[Any]]) -> tuple[Axis, ...]:
    """The axes of a mapping from paths to values; ScenarioError with everything that is wrong."""
    axes: list[Axis] = []
    problems: list[Problem] = []
    for key, values in vary.items():
        try:
            axes.append(_axis((key,) if isinstance(key, str) else tuple(key), values))
        except ScenarioError as error:
            problems += error.problems
    problems += _repeated(axes)
    if problems:
        raise ScenarioError(problems)
    if not axes:
        raise ScenarioError([Problem("nothing is varied", hint=_FORMS, file=VARY)])
    return tuple(axes)


def axes_of_texts(vary: Iterable[str], paired: Iterable[str] = ()) -> tuple[Axis, ...]:
    """The axes of a command line: each ``PATH=VALUES`` of ``vary`` by itself, those of ``paired`` as one axis."""
    problems: list[Problem] = []
    mapping: dict[AxisKey, str | Sequence[Any]] = {}
    together: dict[str, list[Any]] = {}
    for option, text in (*((VARY, text) for text in vary), *((ZIP, text) for text in paired)):
        path, equals, values = (part.strip() for part in text.partition("="))
        if not path or not equals or not values:
            problems.append(Problem("must read PATH=VALUES", value=repr(text), hint=_FORMS, file=option))
        elif path in mapping or path in together:
            problems.append(Problem("is varied twice", path, file=option))
        elif option == VARY:
            mapping[path] = values
        else:
            try:
                together[path] = [level[0] for level in _axis((path,), values, ZIP).levels]
            except ScenarioError as error:
                problems += error.problems
    if together and not problems:
        counts = {path: len(values) for path, values in together.items()}
        if len(set(counts.values())) > 1:
            seen = ", ".join(f"{path} has {count}" for path, count in counts.items())
            problems.append(Problem("values that go together must be equally many", value=seen, file=ZIP))
        else:
            mapping[tuple(together)] = list(zip(*together.values(), strict=True))
    if problems:
        raise ScenarioError(problems)
    return axes_of(mapping)


def _axis(paths: tuple[str, ...], values: str | Sequence[Any], option: str = VARY) -> Axis:
    for path in paths:
        _check_path(path, option)
    if isinstance(values, str):
        if len(paths) > 1:
            raise _refused("values that go together are a list of tuples", paths, values, option)
        found = _RANGE.fullmatch(values.strip())
        if found and found[3] is None:
            return Axis(paths, (), _span(found, paths, option))
        levels = [(value,) for value in _listed(values, paths, option)]
    else:
        levels = [_level(value, paths, option) for value in values]
    if not levels:
        raise _refused("has no values", paths, values, option)
    seen = [repr(level) for level in levels]
    if len(set(seen)) < len(seen):
        raise _refused("the same value stands here twice", paths, values, option)
    return Axis(paths, tuple(levels))


def _check_path(path: str, option: str) -> None:
    try:
        split_path(path)
    except ScenarioError as error:
        raise ScenarioError([problem._replace(file=option) for problem in error.problems]) from error
    if path == "seed":
        raise ScenarioError([Problem("seeds are a dimension of every study", path, hint="use --seeds", file=option)])


def _level(value: Any, paths: tuple[str, ...], option: str) -> tuple[Any, ...]:
    """Values of all paths at one level, as a scenario holds them."""
    together = (value,) if len(paths) == 1 else value
    if not isinstance(together, list | tuple) or len(together) != len(paths):
        raise _refused(f"each level must have {len(paths)} values", paths, value, option)
    return tuple(plain(from_python(each)) for each in together)


def _listed(text: str, paths: tuple[str, ...], option: str) -> list[Any]:
    """Values between commas, each read as YAML; ranges among them are spelled out."""
    place = f"{option} {paths[0]}"
    try:
        items = plain(parse(f"[{text}]", place))
    except ScenarioError as error:
        raise ScenarioError(
            [problem._replace(line=0, column=0, value=repr(text), hint=_FORMS) for problem in error.problems]
        ) from error
    values: list[Any] = []
    for item in items:
        found = _RANGE.fullmatch(item) if isinstance(item, str) else None
        values += [item] if found is None else _spelled_out(found, paths, item, option)
    return values


def _spelled_out(found: re.Match[str], paths: tuple[str, ...], text: str, option: str) -> list[float]:
    if found[3] is None:
        raise _refused("a range in a list needs a count", paths, text, option)
    start, stop, count = float(found[1]), float(found[2]), int(found[3])
    if not 1 <= count <= MOST_VALUES:
        raise _refused(f"the count of a range must be 1 to {MOST_VALUES}", paths, text, option)
    if found[4] and min(start, stop) <= 0.0:
        raise _refused("a logarithmic range must be of positive numbers", paths, text, option)
    space = np.geomspace if found[4] else np.linspace
    # Twelve digits: 0:0.3:4 is to mean 0.1 and not 0.09999999999999999.
    values = [float(f"{value:.12g}") for value in space(start, stop, count)]
    as_written = not re.search(r"[.eE]", found[1] + found[2])
    return [int(value) if as_written and value.is_integer() else value for value in values]


def _span(found: re.Match[str], paths: tuple[str, ...], option: str) -> Span:
    low, high, whole = float(found[1]), float(found[2]), bool(found[5])
    if not low < high or (whole and not (low.is_integer() and high.is_integer())):
        raise _refused("must be LOW:HIGH with LOW below HIGH, whole numbers for :int", paths, found[0], option)
    return Span(low, high, whole)


def _repeated(axes: Sequence[Axis]) -> list[Problem]:
    paths = [path for axis in axes for path in axis.paths]
    twice = dict.fromkeys(path for path in paths if paths.count(path) > 1)
    return [Problem("is varied twice", path, file=VARY) for path in twice]


def _refused(message: str, paths: tuple[str, ...], value: object, option: str) -> ScenarioError:
    seen = repr(value) if isinstance(value, str) else shorten(value)
    return ScenarioError([Problem(message, " & ".join(paths), seen, _FORMS, option)])
