"""From declared agents to agents: buses assigned, numbers drawn, every symbolic value replaced.

Each key of a group has a random stream of its own, named by the group's name (or its position, where it has none) and
the key, and each agent takes the number at its position in the group. So groups do not disturb each other, a further
key does not change the others, and a larger group begins with the agents of the smaller one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from math import hypot
from typing import Any, NamedTuple

from marketsim.core.arrays import FloatArray
from marketsim.core.build import AgentSpec, Choice, LoadSpec
from marketsim.core.errors import ScenarioError
from marketsim.core.params import Params
from marketsim.core.rng import Streams
from marketsim.scenario.agents import MAX_COUNT, AgentEntry, LoadEntry, PartTemplate, Sample, drawn_params
from marketsim.scenario.draw import Draw
from marketsim.scenario.facts import FeederFacts
from marketsim.scenario.model import Scenario
from marketsim.scenario.problems import UNSEEN, Detail, InvalidValue, did_you_mean, to_problems
from marketsim.scenario.tree import Loc, Node, dotted


def resolve(scenario: Scenario, feeder: FeederFacts | None = None) -> tuple[AgentSpec, ...]:
    """The agents of one market, in the order of the scenario; ScenarioError with everything that is wrong.

    ``feeder`` is needed for ``loads`` and ``feeder``; without it buses are taken as they are written.
    """
    agents, details = resolved(scenario, feeder)
    if details:
        raise ScenarioError(to_problems(details, Node({})))
    return agents


def resolved(
    scenario: Scenario, feeder: FeederFacts | None, *, placed: bool = True
) -> tuple[tuple[AgentSpec, ...], list[Detail]]:
    """As ``resolve``, with what is wrong beside what is not. Of a group's problems at one key the first is kept.

    ``placed`` False: agents without their places, where the feeder is not to be loaded. They have no buses, and loads
    that the feeder's table knows are 1 kW at power factor 1; all else is as it will be.
    """
    total = sum(entry.count or 1 for entry in scenario.agents)
    if total > MAX_COUNT:
        return (), [Detail(("agents",), f"there are at most {MAX_COUNT:,} agents in all", f"{total:,}")]
    streams = Streams([scenario.seed])
    wrong: list[Detail] = _twice(scenario)
    groups = [
        _Group(position, entry, streams, scenario, feeder, placed=placed)
        for position, entry in enumerate(scenario.agents)
    ]
    names = _names(scenario)
    seats = _seats(groups, names, wrong)
    crowd = Counter(seat.node for seat in seats if seat.group.entry.load.peak_kw == "feeder")
    agents: list[AgentSpec] = []
    for seat in seats:
        try:
            agents.append(seat.group.agent(seat, crowd[seat.node]))
        except InvalidValue as error:
            head: Loc = ("agents", seat.group.position)
            wrong += [detail._replace(loc=(*head, *detail.loc)) for detail in error.details]
    return tuple(agents), list({detail.loc: detail for detail in reversed(wrong)}.values())[::-1]


class _Seat(NamedTuple):
    """An agent before its numbers are drawn."""

    group: _Group
    rank: int
    """Position in its group."""
    name: str
    bus: str | None
    node: int


def _seats(groups: list[_Group], names: Iterator[str], wrong: list[Detail]) -> list[_Seat]:
    seats: list[_Seat] = []
    for group in groups:
        own = [next(names) for _ in range(group.count)]
        try:
            buses = group.buses()
        except InvalidValue as error:
            wrong += [detail._replace(loc=("agents", group.position, *detail.loc)) for detail in error.details]
            continue
        seats += [_Seat(group, rank, own[rank], bus, group.node(bus)) for rank, bus in enumerate(buses)]
    return seats


def _names(scenario: Scenario) -> Iterator[str]:
    """Names of all agents in order; numbers of unnamed ones pass over names that are taken."""
    taken = {each for entry in scenario.agents if entry.name for each in _own_names(entry.name, entry.count)}
    last: Counter[str] = Counter()
    for entry in scenario.agents:
        if entry.name is not None:
            yield from _own_names(entry.name, entry.count)
            continue
        for _ in range(entry.count or 1):
            last[entry.kind] += 1
            while f"{entry.kind}-{last[entry.kind]}" in taken:
                last[entry.kind] += 1
            yield f"{entry.kind}-{last[entry.kind]}"


def _own_names(name: str, count: int | None) -> list[str]:
    return [name] if count is None else [f"{name}-{number}" for number in range(1, count + 1)]


def _twice(scenario: Scenario) -> list[Detail]:
    """Names that two agents would have."""
    holder: dict[str, int] = {}
    wrong: list[Detail] = []
    for position, entry in enumerate(scenario.agents):
        for name in _own_names(entry.name, entry.count) if entry.name else ():
            if name in holder:
                message = f"the name {name} is that of agents[{holder[name]}] already"
                wrong.append(Detail(("agents", position, "name"), message))
                break
            holder[name] = position
    return wrong


class _Group:
    """One entry of the ``agents`` list, with its random streams."""

    def __init__(
        self,
        position: int,
        entry: AgentEntry,
        streams: Streams,
        scenario: Scenario,
        feeder: FeederFacts | None,
        *,
        placed: bool,
    ) -> None:
        self.position = position
        self.entry = entry
        self.count = entry.count or 1
        self._streams = streams
        self._head = f"agents/name/{entry.name}" if entry.name else f"agents/position/{position}"
        self._feeder = feeder
        self._placed = placed
        self._load_scale = scenario.grid.load_scale
        self._drawn: dict[Loc, FloatArray] = {}

    def _uniform(self, loc: Loc, index: int) -> float:
        if loc not in self._drawn:
            generator = self._streams.generator(f"{self._head}/{dotted(loc)}")
            self._drawn[loc] = generator.random(self.count)
        return float(self._drawn[loc][index])

    def buses(self) -> list[str | None]:
        """Bus of each agent of the group."""
        listed = self._listed()
        if not listed:
            return [None] * self.count
        self._check(listed)
        if not isinstance(self.entry.buses, Sample):
            return [listed[index % len(listed)] for index in range(self.count)]
        generator = self._streams.generator(f"{self._head}/buses")
        order: list[str | None] = []
        while len(order) < self.count:
            order += [listed[position] for position in generator.permutation(len(listed))]
        return order[: self.count]

    def _listed(self) -> tuple[str, ...]:
        entry = self.entry
        if not self._placed:
            return ()
        if entry.bus is not None:
            return (entry.bus,)
        if entry.buses is None:
            return ()
        chosen = entry.buses.sample if isinstance(entry.buses, Sample) else entry.buses
        if chosen != "loads":
            return chosen
        loc: Loc = ("buses", "sample") if isinstance(entry.buses, Sample) else ("buses",)
        if self._feeder is None:
            raise InvalidValue([Detail(loc, "needs the feeder's table", "loads")])
        if not self._feeder.load_buses:
            raise InvalidValue([Detail(loc, "the feeder has no loads of its own", "loads", "list the buses")])
        return self._feeder.load_buses

    def _check(self, buses: tuple[str, ...]) -> None:
        """Every bus is one of the feeder's; all that are not are named."""
        if self._feeder is None:
            return
        known = self._feeder.nodes
        unknown = [bus for bus in dict.fromkeys(buses) if bus not in known]
        if not unknown:
            return
        key = "bus" if self.entry.bus is not None else "buses"
        seen = unknown[0] if len(unknown) == 1 else unknown
        reasons = [self._feeder.reasons[bus] for bus in unknown if bus in self._feeder.reasons]
        strangers = [bus for bus in unknown if bus not in self._feeder.reasons]
        if strangers:
            reasons.append("the feeder has no such bus" + (f": {', '.join(strangers)}" if reasons else ""))
            hint = did_you_mean(strangers[0], known) if len(known) <= 20 else _nearest(strangers[0], known)
        else:
            hint = "choose another bus; one of several of the same name is called by its index"
        raise InvalidValue([Detail((key,), "; ".join(reasons), seen, hint)])

    def node(self, bus: str | None) -> int:
        """Node of a bus; -1 where it is not known."""
        return -1 if bus is None or self._feeder is None else self._feeder.nodes[bus]

    def agent(self, seat: _Seat, crowd: int) -> AgentSpec:
        """The agent of a seat; ``crowd`` agents share the nominal load of its bus."""
        entry = self.entry

        def number(value: Any, *loc: str) -> Any:
            return value.at(self._uniform(loc, seat.rank)) if isinstance(value, Draw) else value

        wrong: list[Detail] = []
        load = _or_note(lambda: self._load(entry.load, seat, crowd, number), wrong)
        strategy = _or_note(lambda: self._params(entry.strategy, ("strategy",), seat.rank), wrong)
        devices = {
            name: _or_note(lambda name=name, part=part: self._params(part, (name,), seat.rank), wrong)  # type: ignore[misc]
            for name, part in entry.devices.items()
            if self._owns(part, seat.rank)
        }
        if wrong or load is None or strategy is None:
            raise InvalidValue(wrong)
        return AgentSpec(
            name=seat.name,
            kind=entry.kind,
            group=self.position if entry.group is None else entry.group,
            bus=seat.bus,
            load=load,
            pv_kw=number(entry.pv_kw, "pv_kw"),
            pv_shape=number(entry.pv_shape, "pv_shape"),
            devices=devices,
            strategy=Choice(entry.strategy.name, strategy),
            inverter_kva=number(entry.inverter_kva, "inverter_kva"),
            import_limit_kw=number(entry.connection_kw.import_kw, "connection_kw", "import"),
            export_limit_kw=number(entry.connection_kw.export_kw, "connection_kw", "export"),
            income_class=number(entry.income_class, "income_class"),
            income=number(entry.income, "income"),
            owners=entry.owners,
        )

    def _owns(self, part: PartTemplate, index: int) -> bool:
        return part.owner_share is None or self._uniform((part.name, "owner_share"), index) < part.owner_share

    def _params(self, part: PartTemplate, loc: Loc, index: int) -> Params:
        if part.fixed is not None:
            return part.fixed
        head = loc if loc == (part.name,) else (*loc, part.name)
        return drawn_params(part, lambda path: self._uniform(path, index), head)

    def _load(self, load: LoadEntry, seat: _Seat, crowd: int, number: Callable[..., Any]) -> LoadSpec:
        peak = number(load.peak_kw, "load", "peak_kw")
        if peak == "feeder":
            peak = self._nominal(seat, "peak_kw")[0] * self._load_scale / crowd
        factor = number(load.power_factor, "load", "power_factor")
        if factor == "feeder":
            factor = self._power_factor(seat)
        return LoadSpec(
            shape=number(load.shape, "load", "shape"),
            peak_kw=peak,
            annual_kwh=number(load.annual_kwh, "load", "annual_kwh"),
            power_factor=factor,
        )

    def _nominal(self, seat: _Seat, key: str) -> tuple[float, float]:
        """Nominal load of the seat's bus [kW, kvar]."""
        if not self._placed:
            return 1.0, 0.0
        if self._feeder is None:
            raise InvalidValue([Detail(("load", key), "needs the feeder's table", "feeder")])
        kw, kvar = float(self._feeder.nominal_kw[seat.node]), float(self._feeder.nominal_kvar[seat.node])
        if kw <= 0.0:
            hint = "give a number, or place the agent at a bus with a load"
            raise InvalidValue([Detail(("load", key), f"the feeder has no load at bus {seat.bus}", "feeder", hint)])
        return kw, kvar

    def _power_factor(self, seat: _Seat) -> float:
        kw, kvar = self._nominal(seat, "power_factor")
        if kvar < 0.0:
            message = f"the load at bus {seat.bus} is leading"
            raise InvalidValue([Detail(("load", "power_factor"), message, UNSEEN, "give a lagging power factor")])
        return kw / hypot(kw, kvar)


def _or_note(build: Callable[[], Any], wrong: list[Detail]) -> Any:
    """What ``build`` returns; what it finds wrong is noted, so that the rest is still checked."""
    try:
        return build()
    except InvalidValue as error:
        wrong += error.details
        return None


def _nearest(name: str, known: Any) -> str:
    hint = did_you_mean(name, known)
    return hint if hint.startswith("did you mean") else f"it has {len(known)} bus names"
