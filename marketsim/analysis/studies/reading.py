"""What a study's folder holds, read as data of a stranger: its design, its table, its sensitivities."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from marketsim.analysis.studies.axes import Axis, Span
from marketsim.analysis.studies.designs import GRID, LHS, MOST_RUNS, SOBOL
from marketsim.analysis.studies.sensitivity import Sensitivity
from marketsim.analysis.studies.table import LEADING, STATUSES, TRAILING
from marketsim.core.errors import Problem, RunFolderError
from marketsim.core.files import read_text
from marketsim.metrics.presentation import HEADLINE
from marketsim.results.json_checks import (
    Key,
    Keys,
    all_of,
    count,
    demand,
    flag,
    maybe,
    number,
    one_of,
    refuse,
    seen,
    text,
)
from marketsim.results.plain_tables import read_plain
from marketsim.scenario.tree import plain
from marketsim.scenario.yamltext import MAX_BYTES, parse

if TYPE_CHECKING:
    import pandas as pd

MEASURES: Final = ("swing", "spearman", "sobol")
_DESIGN: Final[Keys] = {
    "scenario": Key(text, required=True),
    "scenario_hash": Key(text),
    "design": Key(one_of(GRID, LHS, SOBOL), required=True),
    "samples": Key(maybe(count), required=True),
    "seeds": Key(all_of(count), required=True),
    "points": Key(count, required=True),
    "runs": Key(count, required=True),
}


def read_design(path: Path) -> tuple[dict[str, Any], tuple[Axis, ...]]:
    """What ``study.yaml`` says, and its axes; RunFolderError or ScenarioError with everything that is wrong with it."""
    design = plain(parse(read_text(path, MAX_BYTES, RunFolderError, links=False), str(path)))
    if not isinstance(design, dict):
        raise RunFolderError([Problem("must be a mapping of keys to values", file=str(path))])
    demand(design, _DESIGN, path)
    problems = list(_vary_faults(design.get("vary"), str(path)))
    if not 1 <= design["runs"] <= MOST_RUNS or design["runs"] != design["points"] * len(design["seeds"]):
        problems.append(Problem("must be points times seeds", "runs", seen(design["runs"]), file=str(path)))
    refuse(problems)
    axes = tuple(_axis(entry) for entry in design["vary"])
    paths = [path for axis in axes for path in axis.paths]
    taken = {*LEADING, *TRAILING}
    twice = [name for name in paths if paths.count(name) > 1 or name in taken]
    if twice:
        raise RunFolderError(
            [Problem("this path cannot be varied, or is twice", "vary", seen(twice[0]), file=str(path))]
        )
    return design, axes


def _vary_faults(vary: Any, file: str) -> Iterator[Problem]:
    if not isinstance(vary, list) or not vary:
        yield Problem("must list what is varied", "vary", seen(vary), file=file)
        return
    for place, entry in enumerate(vary):
        said = _entry_fault(entry)
        if said:
            yield Problem(said, f"vary[{place}]", seen(entry), file=file)


def _entry_fault(entry: Any) -> str:
    if not isinstance(entry, dict):
        return "must be a mapping"
    paths = entry.get("paths")
    if all_of(text)(paths) or not paths:
        return "paths must list texts"
    if "values" not in entry:
        low, high = entry.get("low"), entry.get("high")
        if low is None or high is None or number(low) or number(high) or flag(entry.get("whole")):
            return "needs values, or low, high and whole"
        return "" if low < high else "low must be below high"
    values = entry["values"]
    if not isinstance(values, list) or not values:
        return "values must be a list"
    fits = all(isinstance(level, list) and len(level) == len(paths) for level in values)
    return "" if fits else f"every value must be a list of {len(paths)}, one a path"


def _axis(entry: Mapping[str, Any]) -> Axis:
    paths = tuple(entry["paths"])
    if "values" in entry:
        return Axis(paths, tuple(tuple(level) for level in entry["values"]))
    return Axis(paths, (), Span(float(entry["low"]), float(entry["high"]), bool(entry["whole"])))


def read_study_table(path: Path, axes: Sequence[Axis], runs: int) -> pd.DataFrame:
    """The table of a study; RunFolderError unless it is one of these axes and this many runs."""
    table = read_plain(path, runs)
    paths = [each for axis in axes for each in axis.paths]
    missing = [name for name in (*LEADING, *paths, *TRAILING) if name not in table.columns]
    problems = [Problem("the table has no such column", name, file=str(path)) for name in missing]
    refuse(problems)
    whole = {"run": range(runs), "point": range(runs)}
    for name in ("run", "point", "seed"):
        column = table[name]
        if (
            column.dtype.kind != "i"
            or column.isna().any()
            or (name in whole and not column.between(0, runs - 1).all())
            or (column < 0).any()
        ):
            problems.append(Problem("must hold whole numbers in range", name, str(column.dtype), file=str(path)))
    if not table["status"].isin(STATUSES).all():
        problems.append(Problem(f"must be one of {', '.join(STATUSES)}", "status", file=str(path)))
    problems += [Problem("must not be undefined", name, file=str(path)) for name in paths if table[name].isna().any()]
    problems += [
        Problem("must hold numbers", axis.paths[0], str(table[axis.paths[0]].dtype), file=str(path))
        for axis in axes
        if ((axis.numeric and axis.levels) or axis.span is not None) and table[axis.paths[0]].dtype.kind not in "if"
    ]
    problems += [
        Problem("must hold numbers", line.name, "texts", file=str(path))
        for line in HEADLINE
        if line.name in table.columns and table[line.name].dtype.kind not in "if" and table[line.name].notna().any()
    ]
    refuse(problems)
    return table


def read_sensitivities(path: Path) -> tuple[Sensitivity, ...]:
    """How much each axis moves each KPI, as a study wrote it; RunFolderError for a row that says something else."""
    import csv

    rows = list(csv.DictReader(io.StringIO(read_text(path, MAX_BYTES, RunFolderError, links=False))))
    found, problems = [], []
    for place, row in enumerate(rows, start=2):
        try:
            found.append(_sensitivity(row))
        except (KeyError, TypeError, ValueError) as error:
            problems.append(Problem("this row is no sensitivity", "", str(error)[:60], file=str(path), line=place))
    refuse(problems)
    return tuple(found)


def _sensitivity(row: Mapping[str, Any]) -> Sensitivity:
    kpi, axis, measure = (row[name] for name in ("kpi", "axis", "measure"))
    if measure not in MEASURES or not kpi or not axis:
        raise ValueError(f"measure {measure!r}")
    value, *rest = (None if not row[name] else float(row[name]) for name in ("value", "low", "high", "total"))
    if value is None or any(each is not None and number(each) for each in (value, *rest)):
        raise ValueError("a number is missing or not finite")
    return Sensitivity(kpi, axis, measure, value, *rest)
