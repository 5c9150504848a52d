"""Problems of a table in few lines: equal ones of a column become one, with how many there are and where."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from marketsim.core.errors import Problem

_FIRST_LINES = 5
_COLUMNS = 3
_NAMES = 5


def grouped(problems: Iterable[Problem]) -> list[Problem]:
    """Equal problems of one column of a file as the first of them, with the lines of all."""
    alike: dict[tuple[str, ...], list[Problem]] = {}
    for problem in problems:
        alike.setdefault((problem.file, problem.path, problem.message, problem.hint), []).append(problem)
    return [_one(same) for same in alike.values()]


def _one(same: list[Problem]) -> Problem:
    first = same[0]
    if len(same) == 1:
        return first
    lines = ", ".join(str(problem.line) for problem in same[:_FIRST_LINES])
    last = f" ... {same[-1].line}" if len(same) > _FIRST_LINES else ""
    return first._replace(message=f"{first.message}, in {len(same)} lines ({lines}{last})")


def first_few(problems: Sequence[Problem], what: str, most: int = 3) -> list[Problem]:
    """The first problems one by one, the rest as a number of ``what`` with the last line."""
    more = problems[most:]
    if not more:
        return list(problems)
    said = f"and {len(more)} more {what}, the last in line {more[-1].line}"
    return [*problems[:most], more[0]._replace(message=said, value="", hint="")]


def across_columns(problems: Sequence[Problem]) -> list[Problem]:
    """Problems that many columns have in the same way, as those of the first column with the names of the others."""
    alike: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        alike.setdefault((problem.message, problem.hint), []).append(problem)
    told = []
    for same in alike.values():
        if len(same) <= _COLUMNS:
            told += same
        else:
            others = listed([problem.path for problem in same[1:]], quote=False)
            told.append(same[0]._replace(message=f"{same[0].message}; likewise in {others}"))
    return told


def listed(names: Sequence[str], *, quote: bool = True) -> str:
    """The first names, and how many more there are."""
    shown = [repr(name) if quote else name for name in names[:_NAMES]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
