"""Plans as files: a row a day, slot and agent, as ``marketsim expert solve`` writes them and anybody may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.errors import InputError, Problem
from marketsim.core.files import read_bytes
from marketsim.core.setpoints import Setpoints
from marketsim.core.table_text import TableRow, table_rows, table_text
from marketsim.scenario.problems import did_you_mean

COLUMNS: Final = ("day", "slot", "agent", *Setpoints._fields)
MOST_BYTES: Final = 2**28
_MOST_KW: Final = 1e9
_LISTED: Final = 20
"""Problems that are told one by one."""


class PlanFileError(InputError):
    """A file of plans that cannot be used; every problem at its line."""


def plan_text(names: Sequence[str], plans: Mapping[int, Setpoints]) -> str:
    """The file of some plans by their day of the run; numbers are written so that they read back to 1e-6 kW."""
    lines = [",".join(COLUMNS)]
    for day, points in plans.items():
        for slot, rows in enumerate(np.stack(points, axis=-1)):
            lines += [
                f"{day},{slot},{name},{','.join(f'{kw:.6f}' for kw in row)}"
                for name, row in zip(names, rows, strict=True)
            ]
    return "\n".join(lines) + "\n"


def read_plans(path: Path, names: Sequence[str], slots: int) -> dict[int, Setpoints]:
    """Plans by day, each [slots, n]; PlanFileError with every line that is wrong, and what is missing."""
    text = table_text(read_bytes(path, MOST_BYTES, PlanFileError), str(path), PlanFileError)
    rows = table_rows(text, ",", str(path), PlanFileError)
    if not rows or tuple(rows[0].cells) != COLUMNS:
        seen = ",".join(rows[0].cells)[:200] if rows else "nothing"
        raise PlanFileError([_problem(path, 1, f"the first line must be {','.join(COLUMNS)}", seen)])
    known = {name: row for row, name in enumerate(names)}
    plans, problems = _filled(path, rows[1:], known, slots)
    problems += [each for day in sorted(plans) for each in _missing(path, day, plans[day], names)]
    if not plans and not problems:
        problems.append(_problem(path, 1, "there is no plan below the first line"))
    if problems:
        more = len(problems) - _LISTED
        rest = [Problem(f"and {more} more", file=str(path))] if more > 0 else []
        raise PlanFileError([*problems[:_LISTED], *rest])
    return {day: Setpoints(*np.moveaxis(table, -1, 0)) for day, table in sorted(plans.items())}


def _filled(
    path: Path, rows: Sequence[TableRow], known: Mapping[str, int], slots: int
) -> tuple[dict[int, FloatArray], list[Problem]]:
    """Tables of days [slots, n, 5], NaN where nothing is said, and what is wrong with rows."""
    plans: dict[int, FloatArray] = {}
    problems: list[Problem] = []
    for line, cells in rows:
        wrong = _wrong(cells, known, slots)
        if wrong is not None:
            problems.append(_problem(path, line, *wrong))
            continue
        day, slot, agent = int(cells[0]), int(cells[1]), known[cells[2]]
        table = plans.setdefault(day, np.full((slots, len(known), len(Setpoints._fields)), np.nan))
        if np.isfinite(table[slot, agent, 0]):
            problems.append(
                _problem(path, line, "this day, slot and agent stand in the file twice", ",".join(cells[:3]))
            )
        table[slot, agent] = [float(cell) for cell in cells[3:]]
    return plans, problems


def _wrong(cells: Sequence[str], known: Mapping[str, int], slots: int) -> tuple[str, str, str] | None:
    """What is wrong with a row, what was seen, and what to do; None: nothing."""
    if len(cells) != len(COLUMNS):
        return f"a row has {len(COLUMNS)} cells, this one {len(cells)}", ",".join(cells)[:200], ""
    day, slot, agent = cells[:3]
    if not (day.isascii() and day.isdigit() and len(day) < 7):
        return "day must be the number of a day of the run, from 0", day, ""
    if not (slot.isascii() and slot.isdigit() and len(slot) < 7 and int(slot) < slots):
        return f"slot must be one of the day, 0 to {slots - 1}", slot, ""
    if agent not in known:
        return "the scenario has no agent of this name that is planned", agent, did_you_mean(agent, tuple(known))
    for name, cell in zip(Setpoints._fields, cells[3:], strict=True):
        if not _is_power(cell):
            return f"{name} must be a finite number", cell, ""
    return None


def _is_power(cell: str) -> bool:
    try:
        return abs(float(cell)) <= _MOST_KW and "_" not in cell
    except ValueError:
        return False


def _missing(path: Path, day: int, table: FloatArray, names: Sequence[str]) -> list[Problem]:
    holes = np.argwhere(np.isnan(table[:, :, 0]))
    if not len(holes):
        return []
    slot, agent = holes[0].tolist()
    more = f" and {len(holes) - 1} more rows" if len(holes) > 1 else ""
    return [Problem(f"day {day} lacks slot {slot} of agent {names[agent]!r}{more}", file=str(path))]


def _problem(path: Path, line: int, message: str, seen: str = "", hint: str = "") -> Problem:
    return Problem(message, value=seen, hint=hint, file=str(path), line=line)
