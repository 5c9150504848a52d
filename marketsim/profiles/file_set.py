"""The files that a source names: a file, a list of them, or one for each agent; read whole, and joined to tables."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Final, NamedTuple

from marketsim.core.alike import listed
from marketsim.core.errors import Problem, ProfileError
from marketsim.core.fence import Fence
from marketsim.core.files import MIB
from marketsim.core.numerals import number
from marketsim.profiles.file_params import AGENT, FileParams
from marketsim.profiles.layouts import SeriesCells, series_of, time_name, with_counted_times, with_times
from marketsim.profiles.table import MOST_BYTES, CellTable, read_file, table_of, unknown_column


class FileBytes(NamedTuple):
    """A file as it was found."""

    path: str
    """As the scenario names it, with the agent's name in place."""
    agent: str | None
    """Whose it is, where each agent has its own."""
    data: bytes

    @property
    def prefix(self) -> str:
        """What stands before the names of its columns, where each agent has its own file."""
        return "" if self.agent is None else f"{self.path}: "


class FileSet(NamedTuple):
    """The files of a source by their series."""

    header: CellTable
    """Names of all columns, without cells."""
    series: Mapping[str, SeriesCells]
    """By name; empty where only the header is known."""

    def without_cells(self) -> FileSet:
        """Its header alone."""
        return FileSet(self.header, {})


def read_files(params: FileParams, folder: Path | Fence, agents: Mapping[str, bool]) -> list[FileBytes]:
    """Every file; ``agents`` says who needs one where each has its own. ProfileError with all that are not there."""
    fence = Fence.of(folder)
    if not params.of_agents:
        files = [FileBytes(path, None, read_file(path, fence)) for path in params.paths]
    else:
        files = _files_of_agents(params.paths[0], fence, agents)
    total = sum(len(file.data) for file in files)
    if total > MOST_BYTES:
        hint = "keep the columns and days that the run needs, or store them as Parquet"
        seen = f"{total / MIB:.0f} MiB"
        raise ProfileError([Problem("all files together are too large", "profiles.path", seen, hint)])
    return files


def _files_of_agents(pattern: str, fence: Fence, agents: Mapping[str, bool]) -> list[FileBytes]:
    fence = fence.opened_for(pattern)
    files: list[FileBytes] = []
    missing: list[str] = []
    for name, needs in agents.items():
        path = pattern.replace(AGENT, name)
        if fence.file(path, ProfileError).exists():
            files.append(FileBytes(path, name, read_file(path, fence)))
        elif needs:
            missing.append(name)
    if missing:
        raise ProfileError([_missing_files(pattern, fence, missing)])
    return files


def _missing_files(pattern: str, fence: Fence, names: Sequence[str]) -> Problem:
    first = pattern.replace(AGENT, names[0])
    found = fence.file(first, ProfileError)
    there = sorted(path.name for path in found.parent.iterdir()) if found.parent.is_dir() else []
    close = difflib.get_close_matches(found.name, there, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"looked for {found}"
    also = "; an agent without a load and plant needs none: load: {annual_kwh: 0}"
    return Problem(f"there is no file for {listed(names)}", "profiles.path", repr(first), hint + also)


def digest(files: Sequence[FileBytes]) -> str:
    """What files are remembered by: their names and contents."""
    whole = hashlib.sha256()
    for file in files:
        whole.update(f"{file.path}\0{len(file.data)}\0".encode())
        whole.update(file.data)
    return whole.hexdigest()


def file_set(files: Sequence[FileBytes], params: FileParams) -> FileSet:
    """All series of the files; ProfileError where one is no table, has no times, or two have one column."""
    header: dict[str, list[object]] = {}
    series: dict[str, SeriesCells] = {}
    problems: list[Problem] = []
    for prefix, table in _tables(files, params):
        found = series_of(table, params)
        time = time_name(params)
        for name in table.columns if params.layout == "wide" else (time, *found):
            if name != time and prefix + name in header:
                problems.append(_twice(prefix + name, series[prefix + name].table, table))
            header[name if name == time else prefix + name] = []
        series |= {prefix + name: own for name, own in found.items()}
    if problems:
        raise ProfileError(problems)
    return FileSet(CellTable(params.shown, header, ()), series)


def _twice(name: str, first: CellTable, second: CellTable) -> Problem:
    hint = (
        "files with the same columns in the same order are read one after another; where others have a column in common, "
        "rename it"
    )
    return Problem(f"the column stands in {first.file} and in {second.file}", path=name, hint=hint)


def _tables(files: Sequence[FileBytes], params: FileParams) -> list[tuple[str, CellTable]]:
    """Tables with their times, each with what stands before its columns; those with the same columns are one."""
    together: dict[tuple[str, ...], list[CellTable]] = {}
    for file in files:
        table = with_times(table_of(file.path, file.data, params.separator, params.skip_lines), params)
        if params.begins is None and time_name(params) not in table.columns:
            raise ProfileError([_no_times(table, params)])
        together.setdefault((file.prefix, *table.columns), []).append(table)
    return [(key[0], with_counted_times(_appended(tables), params)) for key, tables in together.items()]


def _appended(tables: Sequence[CellTable]) -> CellTable:
    if len(tables) == 1:
        return tables[0]
    columns = {name: [cell for table in tables for cell in table.columns[name]] for name in tables[0].columns}
    lines = [line for table in tables for line in table.lines]
    files = [table.file for table in tables for _ in table.lines]
    return CellTable(tables[0].file, columns, lines, files)


_NAME_TIMES: Final = (
    "name the column of times by profiles.time, or, if there is none, say when the first row begins and how long each lasts: "
    "profiles.begins and profiles.step_minutes"
)


def _no_times(table: CellTable, params: FileParams) -> Problem:
    name = time_name(params)
    problem = unknown_column(table, name, "profiles.time")
    look = f"; marketsim data check {table.file} says what the file holds"
    if any(isfinite(number(each)) for each in table.columns):
        hint = (
            f"its first line has to name the columns, such as {name},house_load_kw (lines above it: profiles.skip_lines); "
            f"it reads: {listed(list(table.columns))}"
        )
        return problem._replace(message=f"the file {table.file} has no header", hint=hint + look, value="", file="")
    hint = problem.hint if "did you mean" in problem.hint else f"{_NAME_TIMES}; {problem.hint}"
    return problem._replace(message=f"the file {table.file} has no column of this name", hint=hint + look, file="")
