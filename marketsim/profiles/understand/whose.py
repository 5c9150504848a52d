"""Agents whose series a table has, and what is made of columns that several of them have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from marketsim.core.alike import listed
from marketsim.profiles.understand.behaviour import falls_short, go_together
from marketsim.profiles.understand.households import households
from marketsim.profiles.understand.parts import left_out_of
from marketsim.profiles.understand.reading import Understood
from marketsim.profiles.understand.roles import unsaid
from marketsim.profiles.understand.series_facts import SeriesFacts
from marketsim.profiles.understand.vocabulary import says
from marketsim.profiles.understand.words import imports

MOST_AGENTS: Final = 100
"""Agents that are written out."""


class AgentProposal(NamedTuple):
    """An agent and its columns by series; ``export`` is what its meter fed in, beside a load that it drew."""

    name: str
    columns: dict[str, SeriesFacts]
    left_out: tuple[SeriesFacts, ...] = ()
    """Columns that go by its name and are not read."""


class Proposed(NamedTuple):
    """Agents, and what there is to say of the columns that they do not have."""

    agents: list[AgentProposal]
    notes: tuple[str, ...]


def proposed(found: Understood) -> Proposed:
    """An agent for each household whose columns a table has."""
    alone = left_out_of(found.used)
    own = households([each for each in found.used if each not in alone.columns])
    agents = [agent for name, columns in own.columns.items() if (agent := _agent(name, columns)).columns]
    notes = [*unsaid([each for agent in agents for each in agent.columns.values()], found.shape.beside)]
    notes += [*alone.notes, *own.notes, *_of_exports(agents, found), *_of_the_left(agents), *_of_nets(agents)]
    notes += _of_own_use(agents, found)
    if len(agents) > MOST_AGENTS:
        notes.append(
            f"The first {MOST_AGENTS} of {len(agents)} agents are written out; the others are read once you add them."
        )
    return Proposed(agents[:MOST_AGENTS], tuple(notes))


def _agent(name: str, own: list[SeriesFacts]) -> AgentProposal:
    """An agent with one column for each series: of several loads that which is no import, else the first."""
    columns: dict[str, SeriesFacts] = {}
    for each in sorted(own, key=lambda each: each.role == "load" and imports(each.name)):
        columns.setdefault(each.role, each)
    drawn = next((each for each in own if each.role == "load" and imports(each.name)), None)
    if drawn is not None and "export" in columns and "pv" not in columns:
        columns["load"] = drawn  # what was fed in belongs to what was drawn
    load, pv, net, export = (columns.get(role) for role in ("load", "pv", "net", "export"))
    if load is not None:
        columns.pop("net", None)  # load and PV apart tell more
    elif net is not None:
        columns.pop("pv", None)  # own use is in neither: PV beside it would count what is fed in twice
    if export is not None and (load is None or not _is_of_its_meter(load, pv, export)):
        del columns["export"]
    if set(columns) <= {"export"}:
        columns = {}
    left = [each for each in own if each not in columns.values()]
    return AgentProposal(name, columns, tuple(left))


def _is_of_its_meter(load: SeriesFacts, pv: SeriesFacts | None, export: SeriesFacts) -> bool:
    """Whether a load is what the meter drew that fed in as well, so that own use of PV is still to be added."""
    if load.values != export.values:
        return False
    return pv is None or (pv.values != "w_per_kw" and (imports(load.name) or _is_drawn(load, pv, export)))


def _is_drawn(load: SeriesFacts, pv: SeriesFacts, export: SeriesFacts) -> bool:
    """Whether a load is less than what a household took of its own plant, so that it cannot be all that it takes."""
    traces = (load.trace, pv.trace, export.trace)
    return all(each is not None for each in traces) and falls_short(*(each for each in traces if each is not None))


def _of_exports(agents: list[AgentProposal], found: Understood) -> Iterator[str]:
    """What is made of what meters fed in."""
    for agent in agents:
        load, pv, export = (agent.columns.get(role) for role in ("load", "pv", "export"))
        if load is None or export is None:
            continue
        if pv is not None:
            yield f"{agent.name}: its load is what was drawn and PV less what was fed in: {load.name}, {pv.name}, {export.name}."
            if not imports(load.name):
                yield f"{load.name} is less than own use of PV, so that it is taken for what a meter drew."
        else:
            yield (
                f"{agent.name}: {load.name} is taken for what a meter drew and {export.name} for what it fed in, which "
                "is the PV: own use is in neither. Set pv_kw to the rating of the plant."
            )
            if load.trace is not None and export.trace is not None and go_together(load.trace, export.trace):
                yield (
                    f"{load.name} goes on while {export.name} is fed in, so that it may be all that {agent.name} takes: then own "
                    "use is in it, and a column of the plant is missing."
                )
    used = [agent.columns["export"] for agent in agents if "export" in agent.columns]
    left = [each.name for each in found.facts if each.role == "export" and each not in used]
    if left:
        yield f"What a meter feeds in is left out, since it is PV less own use: {listed(left, quote=False)}."


def _of_the_left(agents: list[AgentProposal]) -> Iterator[str]:
    """Columns that are left out since their agent has one of the same kind."""
    for agent in agents:
        names = [each.name for each in agent.left_out if each.role != "export"]
        if names:
            taken = listed([each.name for each in agent.columns.values()], quote=False)
            taken += " is" if len(agent.columns) == 1 else " are"
            yield f"{agent.name}: {taken} read, and left out: {listed(names, quote=False)}."


def _of_nets(agents: list[AgentProposal]) -> Iterator[str]:
    """Plants beside meters that net them, which tell the load although no column has it."""
    for agent in agents:
        net = agent.columns.get("net")
        plants = [each.name for each in agent.left_out if each.role == "pv"]
        if net is not None and plants:
            yield (
                f"{agent.name}: the load is {net.name} and {plants[0]} together: write what is positive and what is negative in "
                f"{net.name} as two columns of positive numbers, what was drawn and what was fed in, and it is read so."
            )


def _of_own_use(agents: list[AgentProposal], found: Understood) -> Iterator[str]:
    """What households took of their own PV, beside a load that a meter drew and no plant."""
    own = [each.name for each in found.facts if says(each.name, "own_use")]
    drawn = [
        agent.columns["load"].name
        for agent in agents
        if "load" in agent.columns and not {"pv", "export"} & {*agent.columns}
    ]
    drawn = [name for name in drawn if imports(name)]
    if own and drawn:
        yield (
            f"{listed(drawn, quote=False)} is what a meter drew, and own use is not in it: write the sum of it and "
            f"{listed(own, quote=False)} as one column to have all that the household takes."
        )
