"""Hosting capacity of a scenario's feeder: feeder-wide over many placements, and for each bus alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np

from marketsim.analysis.hosting.added_series import note_of
from marketsim.analysis.hosting.assets import ASSETS, Asset, per_kw, unit_kw
from marketsim.analysis.hosting.criteria import CRITERIA, holds, mostly_kept
from marketsim.analysis.hosting.days import DayBlock, worst_days, year_of
from marketsim.analysis.hosting.placements import Placements, placements
from marketsim.analysis.hosting.sample import YearSample, sample_of_year
from marketsim.analysis.hosting.search import Found, Keeps, largest_levels
from marketsim.analysis.trajectory import follow, needs_feeder
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
WORST_DAYS, YEAR = "worst-days", "year"
CURTAILED_OF: Final = (WORST_DAYS, YEAR)
ERRORS: Final = 2.0
"""Standard errors on either side of a share that is an estimate."""


class Options(NamedTuple):
    """What is asked."""

    asset: str = "pv"
    placements: int = 50
    criterion: str = "strict"
    curtailment: float = 0.05
    """Share of the added energy that may be curtailed under the gate."""
    curtailed_of: str = WORST_DAYS
    """Whether that share is of the worst days' energy or of the year's."""
    year_days: int = 36
    """Days that stand for the year; all of them where it has no more."""
    unit_kw: float | None = None
    days: int = 3
    depth_pu_h: float = 0.01
    per_bus: bool = True
    seed: int | None = None
    """Of placements and of the days that are drawn; None: the scenario's."""


DEFAULTS: Final = Options()


class PlacementCapacity(NamedTuple):
    """The capacity of one placement, or of one bus."""

    name: str
    kw: float
    binding: str
    """What breaks with one unit more; empty where nothing does up to the most that was tried."""
    when: str


class SamplingError(NamedTuple):
    """How sure a capacity by days of a year is, at the placement whose capacity is the middle one."""

    share: float
    """Estimated share of the year's energy that is curtailed there."""
    standard_error: float
    low_kw: float
    """Its capacity if the share were ``ERRORS`` standard errors more, and [kW] ..."""
    high_kw: float
    """... less."""


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
    sampling: SamplingError | None
    """Where the rule is one of a year and not all its days were tried."""


class HostingReport(NamedTuple):
    """An answer, with all that it rests on."""

    scenario: str
    options: Options
    unit_kw: float
    peak_load_kw: float
    feeder: str
    days: str
    year: str
    """Days that stand for the year; empty where none was asked about."""
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
    day: IntArray
    """Period of each slot [n_slots]."""


class _Rule(NamedTuple):
    """When installed powers [n_cases, n_nodes] are taken, and on which slots."""

    name: str
    keeps: Callable[[FloatArray], BoolArray]
    base: BaseCase
    sample: YearSample | None = None


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
    seed = ready.seed if options.seed is None else options.seed
    options = options._replace(seed=seed)
    needs_feeder(ready, "hosting-capacity")
    asset = ASSETS[options.asset]
    say("looking for the worst days of the year")
    year = year_of(ready) if options.curtailed_of == YEAR else None
    chosen = worst_days(ready, asset, options.days, week=options.criterion == "en50160", looked_at=year)
    sample = None if year is None else sample_of_year(asset, year, options.year_days, seed)
    say(f"running the scenario on them ({len(chosen.periods)})")
    base = _base_case(ready, asset, chosen.periods)
    rules = [_without_violations(base, chosen.name, options)]
    if sample is None:
        rules.append(_curtailed(base, chosen.name, options))
    else:
        say(f"running it on {sample.note}")
        rules.append(_curtailed(_base_case(ready, asset, sample.periods), sample.name, options, sample))
    rated = unit_kw(asset, ready, options.unit_kw)
    most = MOST_ROUNDS * len(base.nodes)
    where = placements(base.nodes, base.network.n_nodes, rated, options.placements, most, seed)
    capacities = [_capacity(rule, where, options, say) for rule in rules]
    return HostingReport(
        scenario=ready.name,
        options=options,
        unit_kw=rated,
        peak_load_kw=base.peak_load_kw,
        feeder=base.network.name,
        days=chosen.note,
        year="" if sample is None else sample.note,
        notes=_notes(ready, options),
        capacities=tuple(capacities),
    )


def _check(options: Options) -> None:
    problems = []
    for name, value, known in (
        ("--asset", options.asset, ASSETS),
        ("--criterion", options.criterion, CRITERIA),
        ("--curtailed-of", options.curtailed_of, CURTAILED_OF),
    ):
        if value not in known:
            problems.append(Problem("there is none of this name", name, value, f"there is {', '.join(known)}"))
    counts = (
        ("--placements", options.placements, 1),
        ("--days", options.days, 1),
        ("--year-days", options.year_days, 2),
    )
    for name, number, least in counts:
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
    made = [note for note in feeder.notes if note != CAVEAT] if feeder is not None else []
    asset = ASSETS[options.asset]
    series = note_of(ready, asset.name) if asset.sample else ""
    return (
        f"added: {asset.text}; reactive power of what is there stays as in the base run.",
        *((series,) if series else ()),
        "base: the scenario on these days with grid.gate observe; what it breaks by itself may stand, and no more.",
        "curtailment: one factor on all added units wherever a limit binds, as grid.allocation proportional.",
        *(f"feeder: {note.rstrip('.')}." for note in made),
        CAVEAT,
    )


def _base_case(ready: ReadyScenario, asset: Asset, periods: Sequence[DayBlock]) -> BaseCase:
    """The scenario on all periods behind each other; an asset that can do either way has all slots twice."""
    variants = [ready.variant(period.overrides(ready)) for period in periods]
    paths, units = [follow(each) for each in variants], [per_kw(asset, each) for each in variants]
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
        day=np.tile(np.repeat(np.arange(len(paths)), [path.n_slots for path in paths]), signs),
    )


def _without_violations(base: BaseCase, days: str, options: Options) -> _Rule:
    def keeps(installed_kw: FloatArray) -> BoolArray:
        slots = len(base.unit)
        return holds(options.criterion, base.cases, installed_kw, slots, base.hours, options.depth_pu_h)

    return _Rule(f"without violations on {days} ({options.criterion}; gate observe)", keeps, base)


def _curtailed(base: BaseCase, days: str, options: Options, sample: YearSample | None = None) -> _Rule:
    def keeps(installed_kw: FloatArray) -> BoolArray:
        return _kept_on(base, installed_kw, options.curtailment, sample)

    return _Rule(f"with at most {100 * options.curtailment:g} % curtailed of {days} (gate ac)", keeps, base, sample)


def _kept_on(base: BaseCase, installed_kw: FloatArray, most: float, sample: YearSample | None) -> BoolArray:
    weight = None if sample is None else sample.weight[base.day]
    return mostly_kept(base.cases, installed_kw, base.unit, most, weight)


def _capacity(rule: _Rule, where: Placements, options: Options, say: Callable[[str], None]) -> Capacity:
    say(f"{len(where.order)} placements {rule.name}")
    most = where.order.shape[1]
    found = largest_levels(_by_units(rule.keeps, where), len(where.order), most)
    at_one_more = where.installed_kw(np.minimum(found.level + 1, most))
    kw: FloatArray = np.asarray(found.level * where.unit_kw)
    names = [f"placement {row + 1}" for row in range(len(kw))]
    cases = _capacities_of(rule.base, names, kw, at_one_more, found)
    counted = [case.binding for case in cases if case.binding]
    ranked = sorted({text: counted.count(text) for text in counted}.items(), key=lambda item: (-item[1], item[0]))
    return Capacity(
        rule=rule.name,
        kw=tuple(float(value) for value in np.quantile(kw, QUANTILES)),  # type: ignore[arg-type]
        cases=cases,
        bindings=tuple(ranked),
        scanned=int((~found.monotone).sum()),
        capped=int(found.capped.sum()),
        buses=_buses(rule, where.unit_kw, say) if options.per_bus else (),
        sampling=_sampling_error(rule, where, found, options.curtailment),
    )


def _by_units(keeps: Callable[[FloatArray], BoolArray], where: Placements) -> Keeps:
    def units(rows: IntArray, levels: IntArray) -> BoolArray:
        return keeps(where._replace(order=where.order[rows]).installed_kw(levels))

    return units


def _sampling_error(rule: _Rule, where: Placements, found: Found, most: float) -> SamplingError | None:
    """Of the placement in the middle; None where all days were tried, or it takes the most that was tried."""
    base, sample = rule.base, rule.sample
    row = int(np.argsort(found.level, kind="stable")[len(found.level) // 2])
    if sample is None or sample.complete or found.capped[row]:
        return None
    alone = where._replace(order=where.order[[row]])
    energy = np.abs(base.unit)
    lost = (1.0 - base.cases.kept_share(alone.installed_kw(found.level[[row]]))[0]) * energy
    by_day = [np.asarray(np.bincount(base.day, each), dtype=np.float64) for each in (lost, energy)]
    share, error = sample.share(*by_day)

    def capacity(allowed: float) -> float:
        def keeps(installed_kw: FloatArray) -> BoolArray:
            return _kept_on(base, installed_kw, max(allowed, 0.0), sample)

        return float(largest_levels(_by_units(keeps, alone), 1, where.order.shape[1]).level[0] * where.unit_kw)

    return SamplingError(share, error, capacity(most - ERRORS * error), capacity(most + ERRORS * error))


def _buses(rule: _Rule, rated_kw: float, say: Callable[[str], None]) -> tuple[PlacementCapacity, ...]:
    """Each bus alone, to a tenth of a unit."""
    base = rule.base
    say(f"{len(base.nodes)} buses one by one")
    step = rated_kw * BUS_STEP

    def alone(rows: IntArray, levels: IntArray) -> BoolArray:
        installed = np.zeros((len(rows), base.network.n_nodes))
        installed[np.arange(len(rows)), base.nodes[rows]] = levels * step
        return np.asarray(rule.keeps(installed))

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
