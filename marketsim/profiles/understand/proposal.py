"""Sections of a scenario that read a file: profiles, and agents and clock that fit to it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from marketsim.profiles.file_params import AGENT, MOST_MINUTES
from marketsim.profiles.understand.reading import Understood
from marketsim.profiles.understand.series_facts import SeriesFacts
from marketsim.profiles.understand.whose import AgentProposal, proposed
from marketsim.profiles.understand.words import SERIES_ROLES

_LEAST_ALIKE: Final = 3
"""Agents from which on a pattern of their columns is easier to read than their names."""
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)
LONG_GAP: Final = timedelta(hours=3)
"""Above it a straight line hides the day."""
FED_IN: Final = "fed_in"
_MOST_DAYS: Final = 7
"""Days of the clock that is proposed."""
_LEAST_SLOT, _MOST_SLOT = 15, 60


def entries_of(found: Understood, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Entries of ``columns`` for agents whose names are those of columns but for blanks, marks and capitals."""
    agents = {_plain(agent.name): agent for agent in proposed(found).agents}
    matched = {name: agents[_plain(name)] for name in names if _plain(name) in agents}
    named = {name: _entry(agent._replace(name=name)) for name, agent in matched.items()}
    return {name: entry for name, entry in named.items() if entry}


def by_pattern(
    agents: Sequence[AgentProposal], entries: Mapping[str, Mapping[str, str]]
) -> Mapping[str, Mapping[str, str]]:
    """One entry for all agents where their columns are called after them in the same way, else the entries as they are."""
    patterns = {
        (series, column.replace(agent, AGENT)) for agent, entry in entries.items() for series, column in entry.items()
    }
    told = dict(patterns)
    regular = len(told) == len(patterns) and all(AGENT in pattern for pattern in told.values())
    every = all("load" in entries.get(agent.name, {}) for agent in agents)
    if len(agents) < _LEAST_ALIKE or not (regular and every):
        return entries
    return {"all": {key: told[key] for key in (*SERIES_ROLES, FED_IN) if key in told}}


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name.lower())


def proposal(found: Understood, agents: Sequence[AgentProposal] | None = None) -> dict[str, Any]:
    """``clock``, ``profiles`` and ``agents`` of a scenario; empty where no series can be used."""
    agents = proposed(found).agents if agents is None else agents
    if not agents:
        return {}
    used = [each for agent in agents for each in agent.columns.values()]
    entries = {agent.name: entry for agent in agents if (entry := _entry(agent))}
    clock = _clock(used)
    if clock is None:
        return {}
    profiles = profile_section(found, used, entries if _values(used)[1] else by_pattern(agents, entries))
    return {"clock": clock, "profiles": profiles, "agents": [_agent(agent) for agent in agents]}


def profile_section(
    found: Understood, used: Sequence[SeriesFacts], entries: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The section ``profiles`` that reads the columns in use, with ``entries`` of agents."""
    values, single = _values(used)
    own = {}
    for name, entry in entries.items():
        told = {facts.values for facts in used if facts.name in entry.values()}
        own[name] = {**entry, "values": str(*told)} if single and len(told) == 1 else dict(entry)
    section: dict[str, Any] = {"source": "file", **found.form}
    if values is not None:
        section["values"] = values
    return {**section, **_gaps(found, used), **({"columns": own} if own else {})}


def _entry(agent: AgentProposal) -> dict[str, str]:
    """What ``columns`` has to say of an agent: columns that do not go by its name."""
    named = {
        FED_IN if series == "export" else series: facts.name
        for series, facts in agent.columns.items()
        if series in ("net", "export")
        or "export" in agent.columns
        or facts.name not in (f"{agent.name}_{series}_kw", f"{agent.name}_{series}_kwh")
    }
    return {key: named[key] for key in (*SERIES_ROLES, FED_IN) if key in named}


def _values(used: Sequence[SeriesFacts]) -> tuple[object, bool]:
    """What ``values`` has to say: None where names say it; and whether entries of agents have to say it instead."""
    if all(each.values in ("kw", "kwh") and each.name.lower().endswith(f"_{each.values}") for each in used):
        return None, False
    by_role = {role: {str(each.values) for each in used if _said_as(each) == role} for role in SERIES_ROLES}
    told = {role: values for role, values in by_role.items() if values}
    if len(set.union(*told.values())) == 1:
        return next(iter(next(iter(told.values())))), False
    if all(len(values) == 1 for values in told.values()):
        return {role: next(iter(values)) for role, values in told.items()}, False
    return None, True


def _said_as(facts: SeriesFacts) -> str:
    """The series under which ``values`` speaks of it."""
    return "load" if facts.role in ("net", "export") else facts.role


def _gaps(found: Understood, used: Sequence[SeriesFacts]) -> dict[str, Any]:
    """Days that all columns know, and how what is missing between is filled."""
    section: dict[str, Any] = {}
    starts, ends = _common(used)
    wide = found.shape.layout == "wide"
    if wide and any(each.steps is not None and (each.first, each.last) != _ends(each) for each in used):
        section |= {"first_day": starts.isoformat(), "last_day": (ends - _DAY).isoformat()}
    longest = max((each.longest_gap.lasts for each in used if each.longest_gap is not None), default=None)
    if longest is not None:
        minutes = min(longest // _MINUTE, MOST_MINUTES)
        if all(each.asleep for each in used if each.n_missing):
            return {**section, "gaps": "zero", "longest_gap_minutes": int(minutes)}
        days = longest > LONG_GAP and _have_a_day_before(used, section)
        section |= {"gaps": "previous_day" if days else "interpolate", "longest_gap_minutes": int(minutes)}
    return section


def _have_a_day_before(used: Sequence[SeriesFacts], section: Mapping[str, Any]) -> bool:
    """Whether all gaps can be filled by values of a day before; those of counters cannot."""
    begins = [each.steps.begins for each in used if each.steps is not None]
    start = max(begins) if "first_day" not in section else datetime.fromisoformat(section["first_day"])
    counts = any(str(each.values).startswith("counter") for each in used)
    return not counts and all(each.first_gap is None or each.first_gap - start >= _DAY for each in used)


def gap_notes(section: Mapping[str, Any]) -> tuple[str, ...]:
    """What is to be said of how a section fills long gaps."""
    if section.get("longest_gap_minutes", 0) * _MINUTE <= LONG_GAP or section["gaps"] == "zero":
        return ()
    if section["gaps"] == "previous_day":
        return ("Gaps are filled from the day before (gaps: previous_day): over hours a straight line hides the day.",)
    return (
        "Gaps are filled by straight lines (gaps: interpolate), which over hours hide the day: look at the days that have them.",
    )


def _ends(facts: SeriesFacts) -> tuple[datetime | None, datetime | None]:
    """Begin and end of a series whose first and last cells hold something."""
    steps = facts.steps
    if steps is None:
        return None, None
    counts = facts.values is not None and facts.values.startswith("counter")
    return steps.begins, steps.ends - steps.length if counts else steps.ends


def _common(used: Sequence[SeriesFacts]) -> tuple[date, date]:
    """First whole day that all know, and the day after the last."""
    first = max(each.first for each in used if each.first is not None)
    last = min(each.last for each in used if each.last is not None)
    starts = first.date() if first.time() == datetime.min.time() else first.date() + _DAY
    return starts, last.date()


def _clock(used: Sequence[SeriesFacts]) -> dict[str, Any] | None:
    """The days that all know, a week at most; of less than a day what there is of it, None without a whole slot."""
    starts, _ = _common(used)
    ends = min(each.last for each in used if each.last is not None)
    length = min(each.steps.length for each in used if each.steps is not None) // _MINUTE
    minutes = min(max(length, _LEAST_SLOT), _MOST_SLOT)
    span = ends - datetime.combine(starts, datetime.min.time())
    if span >= _DAY:
        span = min(span // _DAY, _MOST_DAYS) * _DAY
    slots = span // (minutes * _MINUTE)
    return {"start": starts.isoformat(), "slots": slots, "slot_minutes": minutes} if slots > 0 else None


def _agent(agent: AgentProposal) -> dict[str, Any]:
    net = agent.columns.get("net")
    if net is not None:
        return {"name": agent.name, "kind": "prosumer", "pv_kw": max(math.ceil(10 * net.fed_in_kw) / 10, 0.1)}
    pv = agent.columns.get("pv", agent.columns.get("export"))
    load = {} if "load" in agent.columns else {"load": {"annual_kwh": 0}}
    if pv is None:
        return {"name": agent.name, "kind": "consumer", **load}
    rated = 5.0 if pv.values == "w_per_kw" else max(math.ceil(10 * pv.largest_kw) / 10, 0.1)
    return {"name": agent.name, "kind": "prosumer", "pv_kw": rated, **load}
