"""What a table of the user's own means, and how it fits to the agents of a scenario."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from marketsim.app.checked_data import FOLDER, CheckedData
from marketsim.app.parts import basics_of, devices_of, placed
from marketsim.app.ready import ScenarioLike, check_scenario, resolved_scenario
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.alike import listed
from marketsim.core.build import BuildContext
from marketsim.core.errors import InputError, Problem, ProfileError
from marketsim.core.fence import Fence
from marketsim.profiles.columns import assigned
from marketsim.profiles.file_params import FileParams
from marketsim.profiles.layouts import time_name
from marketsim.profiles.plan import annual_heat_kwh
from marketsim.profiles.table import CellTable, read_file
from marketsim.profiles.understand.proposal import entries_of, gap_notes, profile_section, proposal
from marketsim.profiles.understand.reading import Understood, params_of, understood
from marketsim.profiles.understand.units import as_written, foreign_unit, what_to_write
from marketsim.profiles.understand.whose import proposed

_OWN: Final = tuple(f"{series}_{unit}" for series in ("load", "pv", "heat") for unit in ("kw", "kwh"))
"""Endings of columns that go by the names of agents."""
_TOLD: Final = ("Columns of ", r"[\d,]+ missing values? ", "Meters net ")
"""How notes of a run begin that say again what was said of the table."""
_TARIFF: Final = {"flat": {"retail": 0.30, "feed_in": 0.08}}
"""Prices of the scenario that is proposed."""


def check_data(
    file: str | Path,
    scenario: ReadyScenario | ScenarioLike | None = None,
    overrides: Mapping[str, object] | None = None,
    *,
    begins: str | datetime | None = None,
    step_minutes: int | None = None,
    trust: bool = False,
) -> CheckedData:
    """Read a table without being told anything of it; with a scenario, its agents are looked for in the columns.

    The same as ``marketsim data check``: ``.section`` is a section ``profiles`` that reads the file, ``.text`` that with what
    is to be pasted beside it, ``.series`` what was found of each series. Nothing is written. ProfileError where nothing can be
    made of the table, ScenarioError for what is wrong with the scenario beside its series.

    ``begins`` and ``step_minutes``: where no column tells times, when the first row begins and how long each lasts; of a
    scenario that says so itself they are taken from there.
    """
    if not isinstance(file, str | Path):
        raise ProfileError(f"a table is a path, not {type(file).__name__}")
    file = str(file)
    counted = _counted(begins, step_minutes)
    ready = None if scenario is None else _resolved(scenario, overrides, trust=trust)
    own = None if ready is None else ready.model.profiles.params
    if isinstance(own, FileParams) and own.begins is not None and not counted:
        counted = _counted(own.begins, own.step_minutes)
    found = understood(file, read_file(file, Fence.of(None)), counted)
    if ready is None:
        agents, notes = proposed(found)
        sections = proposal(found, agents)
        if not sections:
            return CheckedData(file, found, {}, found.problems or (_nothing(found, file, notes),), ())
        notes = (*notes, *gap_notes(sections["profiles"]))
        sections["profiles"]["path"] = Path(file).name  # as a scenario beside it says
        beside = {} if Path(file).parent == Path() else {FOLDER: str(Path(file).parent)}
        sections = {"clock": sections["clock"], "tariff": _TARIFF, **sections, **beside}
        if found.problems:
            return CheckedData(file, found, sections, found.problems, notes)
        problems, more = _as_a_scenario(sections)
        return CheckedData(file, found, sections, problems, (*notes, *more))
    return _for_agents(found, file, ready)


def _as_a_scenario(sections: Mapping[str, Any]) -> tuple[tuple[Problem, ...], tuple[str, ...]]:
    """What ``validate`` says against sections of a scenario, and what it has to say beside."""
    said = "a run refuses the sections below"
    try:
        checked = check_scenario(sections)
    except InputError as error:
        return tuple(each._replace(message=f"{said}: {each.message}") for each in error.problems), ()
    heats = any(note.startswith("Among them") for note in checked.notes)  # columns of heat that nobody uses
    told = _TOLD[1:] if heats else _TOLD
    return (), tuple(note for note in checked.notes if not re.match("|".join(told), note))


def _counted(begins: str | datetime | None, step_minutes: int | None) -> dict[str, Any]:
    """How rows without times are counted, as ``profiles`` says it; ProfileError for what is no time or no length."""
    if begins is None and step_minutes is None:
        return {}
    said = {"path": "it.csv", "begins": begins, "step_minutes": step_minutes}
    try:
        own = FileParams.model_validate(said)
    except ValueError:  # pydantic's error is one
        message = "rows without times need a begin in local standard time, and a length of 1 to 1440 minutes"
        hint = "such as 2016-07-12T00:00 and 15"
        raise ProfileError([Problem(message, "begins, step_minutes", f"{begins}, {step_minutes}", hint)]) from None
    return {"begins": str(own.begins), "step_minutes": own.step_minutes}


def _resolved(
    scenario: ReadyScenario | ScenarioLike, overrides: Mapping[str, object] | None, *, trust: bool
) -> ReadyScenario:
    if isinstance(scenario, ReadyScenario):
        return scenario.variant(overrides) if overrides else scenario
    return resolved_scenario(scenario, overrides, trust=trust)


def _for_agents(found: Understood, file: str, ready: ReadyScenario) -> CheckedData:
    basics = basics_of(ready, (ready.model.seed,))
    context = BuildContext.of(basics, tariff=None, devices=devices_of(ready, basics))
    own = ready.model.profiles.params
    entries: dict[str, Any] = entries_of(found, [agent.name for agent in ready.agents])
    if isinstance(own, FileParams) and own.columns:
        entries = {key: entry.model_dump(mode="json", exclude_none=True) for key, entry in own.columns.items()}
        found = found.told({str(column): series for entry in entries.values() for series, column in entry.items()})
    names = {column for entry in entries.values() for column in entry.values()}
    names |= {f"{agent.name}_{each}" for agent in ready.agents for each in _OWN}
    used = [each for each in found.used if each.name in names] or [each for each in found.used if each.role != "export"]
    section = profile_section(found, used, entries) if used else {"source": "file", **found.form}
    section["path"] = _from_scenario(file, ready.source.folder)
    params = params_of({key: value for key, value in section.items() if key != "source"})
    header = CellTable(file, {name: [] for name in (time_name(params), *(each.name for each in found.facts))}, ())
    heated = [annual_kwh is not None for annual_kwh in annual_heat_kwh(context)]
    fitted = assigned(context.agents, heated, params, header)
    wrong = placed(ProfileError(fitted.problems), ready).problems
    return CheckedData(file, found, {"profiles": section}, (*found.problems, *wrong), fitted.notes)


def _nothing(found: Understood, file: str, notes: Sequence[str]) -> Problem:
    """Why no series can be used although nothing is wrong with any cell."""
    if notes:
        return Problem(" ".join(notes).removesuffix("."), file=file)
    units = {each.name: foreign_unit(each.name) for each in found.facts}
    if units and all(units.values()):
        name, unit = next(iter(units.items()))
        message = (
            f"{as_written(name, unit)} is no unit of electric energy or power, and there is no other column of numbers"
        )
        return Problem(message, name, hint=what_to_write(name, unit), file=file)
    long = [each.name for each in found.facts if not each.can_be_filled]
    if long:
        hint = "read days without them by first_day and last_day, or cut the file"
        return Problem(f"gaps are longer than is ever filled: {listed(long, quote=False)}", hint=hint, file=file)
    if any(each.role != "export" for each in found.used):
        return Problem("the series have no slot in common", hint="--json tells when each begins and ends", file=file)
    hint = "say in a scenario which column is what (profiles.columns), and what it holds (profiles.values)"
    return Problem("no column was taken for a load, PV or heat whose unit is known", hint=hint, file=file)


def _from_scenario(file: str, folder: Path) -> str:
    """The path of the file as the scenario has to write it."""
    path = Path(file).resolve()
    root = folder.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else file
