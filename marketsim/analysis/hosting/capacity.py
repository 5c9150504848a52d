"""Hosting capacity of a scenario's feeder: feeder-wide over many placements, and for each bus alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from marketsim.analysis.hosting.assets import ASSETS, per_kw, unit_kw
from marketsim.analysis.hosting.criteria import CRITERIA, holds, mostly_kept
from marketsim.analysis.hosting.days import worst_days
from marketsim.analysis.hosting.placements import Placements, placements
from marketsim.analysis.hosting.search import Found, largest_levels
from marketsim.analysis.trajectory import Trajectory, follow, needs_feeder
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.errors import InputError, Problem
from marketsim.grid.flow.cases import Cases, Slots, cases_of, element_name
from marketsim.grid.net.feeder import CAVEAT
from marketsim.grid.net.network import Network

QUANTILES: Final = (0.05, 0.5, 0.95)
MOST_ROUNDS: Final = 200
"""Units a bus at most; a capacity that reaches it is told as a lower bound."""
BUS_STEP: Final = 0.1
"""Of a unit, in which a single bus is searched."""


class Options(NamedTuple):
    """What is asked."""

    asset: str = "pv"
    placements: int = 50
    criterion: str = "strict"
    curtailment: float = 0.05
    """Share of the added energy that may be curtailed under the gate."""
    unit_kw: float | None = None
    days: int = 3
    depth_pu_h: float = 0.01
    per_bus: bool = True
    seed: int = 1


DEFAULTS: Final = Options()


class PlacementCapacity(NamedTuple):
    """The capacity of one placement, or of one bus."""

    name: str
    kw: float
    binding: str
    """What breaks with one unit more; empty where nothing does up to the most that was tried."""
    when: str


class Capacity(NamedTuple):
    """The largest penetration under one rule."""

    rule: str
    kw: tuple[float, float, float]
    """5, 50 and 95 % of the placements [kW]."""
    cases: tuple[PlacementCapacity, ...]
    bindings: tuple[tuple[str, int], ...]
    """What binds, with the number of placements, the most frequent first."""
    scanned: int
    """Placements whose answers were not monotone and were looked at unit by unit."""
    capped: int
    """Placements that take the most that was tried."""
    buses: tuple[PlacementCapacity, ...]
    """Each bus alone."""


class HostingReport(NamedTuple):
    """An answer, with all that it rests on."""

    scenario: str
    options: Options
    unit_kw: float
    peak_load_kw: float
    feeder: str
    days: str
    notes: tuple[str, ...]
    capacities: tuple[Capacity, ...]


class BaseCase(NamedTuple):
    """Slots before anything is added, and what a kW of the asset does on them."""

    network: Network
    cases: Cases
    unit: FloatArray
    starts: tuple[str, ...]
    hours: float
    nodes: IntArray
    """Nodes where units can stand."""
    peak_load_kw: float


def hosting_capacity(
    ready: ReadyScenario,
    options: Options = DEFAULTS,
    tell: Callable[[str], None] | None = None,
) -> HostingReport:
    """Find how much of an asset the feeder takes; ``tell`` hears what is being done.

    InputError for names and numbers that are none. PowerFlowDiverged where the scenario itself has no solution.
    """
    say = tell or (lambda _: None)
    _check(options)
    needs_feeder(ready, "hosting-capacity")
    asset = ASSETS[options.asset]
    say("looking for the worst days of the year")
    chosen = worst_days(ready, asset, options.days, week=options.criterion == "en50160")
    say(f"running the scenario on them ({len(chosen.periods)})")
    variants = [ready.variant(period.overrides(ready)) for period in chosen.periods]
    base = _base_case(ready, [follow(each) for each in variants], [per_kw(asset, each) for each in variants])
    rated = unit_kw(asset, ready, options.unit_kw)
    most = MOST_ROUNDS * len(base.nodes)
    where = placements(base.nodes, base.network.n_nodes, rated, options.placements, most, options.seed)
    capacities = [_capacity(rule, keeps, base, where, options, say) for rule, keeps in _rules(base, options)]
    return HostingReport(
        scenario=ready.name,
        options=options,
        unit_kw=rated,
        peak_load_kw=base.peak_load_kw,
        feeder=base.network.name,
        days=chosen.note,
        notes=_notes(ready, options),
        capacities=tuple(capacities),
    )


def _check(options: Options) -> None:
    problems = []
    for name, value, known in (("--asset", options.asset, ASSETS), ("--criterion", options.criterion, CRITERIA)):
        if value not in known:
            problems.append(Problem("there is none of this name", name, value, f"there is {', '.join(known)}"))
    for name, number, least in (("--placements", options.placements, 1), ("--days", options.days, 1)):
        if number < least:
            problems.append(Problem(f"must be at least {least}", name, str(number)))
    if not 0.0 <= options.curtailment < 1.0:
        problems.append(Problem("must be a share of energy", "--curtailment", f"{options.curtailment:g}", "0 to 99 %"))
    if not 0.0 <= options.depth_pu_h < float("inf"):
        problems.append(Problem("must be p.u. hours, 0 or more", "--depth", f"{options.depth_pu_h:g}"))
    if options.unit_kw is not None and not 0.0 < options.unit_kw <= 1e6:
        problems.append(Problem("must be a rating in kW", "--unit-kw", f"{options.unit_kw:g}"))
    if problems:
        raise InputError(problems)


def _notes(ready: ReadyScenario, options: Options) -> tuple[str, ...]:
    feeder = ready.feeder
    made = tuple(feeder.notes) if feeder is not None else ()
    asset = ASSETS[options.asset]
    return (
        f"added: {asset.text}; reactive power of what is there stays as in the base run.",
        "base: the scenario on these days with grid.gate observe; what it breaks by itself may stand, and no more.",
        "curtailment: one factor on all added units wherever a limit binds, as grid.allocation proportional.",
        *(f"feeder: {note}." for note in made),
        CAVEAT,
    )


def _base_case(ready: ReadyScenario, paths: Sequence[Trajectory], units: Sequence[FloatArray]) -> BaseCase:
    """All periods behind each other; an asset that can do either way has all slots twice."""
    first = paths[0]
    signs = len(units[0])
    net_kw, kvar = (np.concatenate([getattr(path, name) for path in paths]) for name in ("net_kw", "kvar"))
    unit = np.concatenate(units, axis=1).reshape(-1)
    head = ready.model.grid.head_kw
    slots = Slots(
        net_kw=np.tile(net_kw, (signs, 1)),
        kvar=np.tile(kvar, (signs, 1)),
        unit=np.asarray(unit, dtype=np.complex128),
        head_import_kw=np.inf if head.import_kw is None else head.import_kw,
        head_export_kw=np.inf if head.export_kw is None else head.export_kw,
    )
    load = np.concatenate([path.load_kw for path in paths])
    loaded = np.flatnonzero(load.max(axis=0) > 0.0)
    nodes = loaded[loaded > 0]
    if not len(nodes):
        raise InputError(f"{ready.name} has no bus with a load, where units could stand")
    return BaseCase(
        network=first.network,
        cases=cases_of(first.network, slots),
        unit=unit,
        starts=tuple(start for path in paths for start in path.starts) * signs,
        hours=first.hours,
        nodes=nodes,
        peak_load_kw=float(load.sum(axis=1).max()),
    )


def _rules(base: BaseCase, options: Options) -> list[tuple[str, Callable[[FloatArray], BoolArray]]]:
    """Name of each rule, and whether installed powers [n_cases, n_nodes] keep it."""

    def free(installed_kw: FloatArray) -> BoolArray:
        slots = len(base.unit)
        return holds(options.criterion, base.cases, installed_kw, slots, base.hours, options.depth_pu_h)

    def curtailed(installed_kw: FloatArray) -> BoolArray:
        return mostly_kept(base.cases, installed_kw, base.unit, options.curtailment)

    return [
        (f"without violations ({options.criterion}; gate observe)", free),
        (f"with at most {100 * options.curtailment:g} % curtailed (gate ac)", curtailed),
    ]


def _capacity(
    rule: str,
    keeps: Callable[[FloatArray], BoolArray],
    base: BaseCase,
    where: Placements,
    options: Options,
    say: Callable[[str], None],
) -> Capacity:
    say(f"{len(where.order)} placements {rule}")

    def units(rows: IntArray, levels: IntArray) -> BoolArray:
        chosen = where._replace(order=where.order[rows])
        return np.asarray(keeps(chosen.installed_kw(levels)))

    found = largest_levels(units, len(where.order), where.order.shape[1])
    at_one_more = where.installed_kw(np.minimum(found.level + 1, where.order.shape[1]))
    kw: FloatArray = np.asarray(found.level * where.unit_kw)
    names = [f"placement {row + 1}" for row in range(len(kw))]
    cases = _capacities_of(base, names, kw, at_one_more, found)
    counted = [case.binding for case in cases if case.binding]
    ranked = sorted({text: counted.count(text) for text in counted}.items(), key=lambda item: (-item[1], item[0]))
    return Capacity(
        rule=rule,
        kw=tuple(float(value) for value in np.quantile(kw, QUANTILES)),  # type: ignore[arg-type]
        cases=cases,
        bindings=tuple(ranked),
        scanned=int((~found.monotone).sum()),
        capped=int(found.capped.sum()),
        buses=_buses(keeps, base, where.unit_kw, say) if options.per_bus else (),
    )


def _buses(
    keeps: Callable[[FloatArray], BoolArray], base: BaseCase, rated_kw: float, say: Callable[[str], None]
) -> tuple[PlacementCapacity, ...]:
    """Each bus alone, to a tenth of a unit."""
    say(f"{len(base.nodes)} buses one by one")
    step = rated_kw * BUS_STEP

    def alone(rows: IntArray, levels: IntArray) -> BoolArray:
        installed = np.zeros((len(rows), base.network.n_nodes))
        installed[np.arange(len(rows)), base.nodes[rows]] = levels * step
        return np.asarray(keeps(installed))

    rows = np.arange(len(base.nodes))
    most = round(MOST_ROUNDS * len(rows) / BUS_STEP)
    found = largest_levels(alone, len(rows), most)
    at_one_more = np.zeros((len(rows), base.network.n_nodes))
    at_one_more[rows, base.nodes] = (found.level + 1) * step
    names = [base.network.bus_names[node] for node in base.nodes]
    return _capacities_of(base, names, np.asarray(found.level * step), at_one_more, found)


def _capacities_of(
    base: BaseCase, names: Sequence[str], kw: FloatArray, at_one_more: FloatArray, found: Found
) -> tuple[PlacementCapacity, ...]:
    seen = base.cases.assess(at_one_more)
    return tuple(
        PlacementCapacity(
            name=name,
            kw=float(kw[row]),
            binding=""
            if found.capped[row]
            else element_name(base.network, int(seen.what[row]), int(seen.element[row])),
            when="" if found.capped[row] else base.starts[int(seen.slot[row])],
        )
        for row, name in enumerate(names)
    )
