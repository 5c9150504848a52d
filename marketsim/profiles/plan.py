"""Which shape every agent has, and what it is multiplied by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray, KeyArray
from marketsim.core.build import AgentSpec, BuildContext
from marketsim.core.errors import Problem, ProfileError
from marketsim.profiles.draws import DrawPurpose, pick
from marketsim.profiles.library import STEP_HOURS, Library
from marketsim.profiles.resample import resampled


@dataclass(frozen=True, slots=True)
class Component:
    """One component (load, PV or heat) of all agents: a row of ``years`` times a scale."""

    years: FloatArray
    """Shapes in use, in p.u. [n_shapes, 366, 96]."""
    row: IntArray
    """Shape of each agent [n_agents]."""
    scale_kw: FloatArray
    """Power at 1 p.u. [kW]; 0 for who has none [n_agents]."""

    def coarse(self, steps: int) -> Component:
        """The same with years of so many steps a day, if these are fewer: one day after another then costs a look-up."""
        return self if steps >= self.years.shape[-1] else replace(self, years=resampled(self.years, steps))

    def day(self, days: IntArray, steps: int) -> FloatArray:
        """Power of each agent on its own source day [kW] [steps, n_agents]."""
        return _powers(self.years[self.row, days], self.scale_kw, steps)

    def months(self, months: IntArray, mean: FloatArray, steps: int) -> FloatArray:
        """Power of each agent's mean day of its own month 1..12 [kW] [steps, n_agents]; ``mean`` [n_shapes, 12, .]."""
        return _powers(mean[self.row, months - 1], self.scale_kw, steps)


def _powers(shapes: FloatArray, scale_kw: FloatArray, steps: int) -> FloatArray:
    return np.ascontiguousarray(resampled(shapes, steps).T) * scale_kw


class Wish(NamedTuple):
    """What an agent says of a component: the name of a shape (None: any of ``kind``), and the scale of a year."""

    name: str | None
    scale_of: Callable[[FloatArray], float]


def load_wish(spec: AgentSpec) -> Wish | None:
    """The agent's load; None if it has none."""
    load = spec.load
    if load.peak_kw is not None:
        peak_kw = load.peak_kw
        return Wish(load.shape, lambda year: ratio(peak_kw, float(year.max())))
    if load.annual_kwh is not None:
        annual_kwh = load.annual_kwh
        return Wish(load.shape, lambda year: ratio(annual_kwh, float(year.sum()) * STEP_HOURS))
    return None


def pv_wish(spec: AgentSpec) -> Wish | None:
    """The agent's PV; None if it has none."""
    pv_kw = spec.pv_kw
    return Wish(spec.pv_shape, lambda _: pv_kw) if pv_kw > 0 else None


def annual_heat_kwh(context: BuildContext) -> list[float | None]:
    """Heat demand of a year that the fleets of each agent of a market have to cover [kWh]; None: it has no such device."""
    n = len(context.agents)
    heating = [
        (fleet.owned[:n], fleet.annual_heat_kwh[:n]) for fleet in context.fleets if fleet.annual_heat_kwh is not None
    ]
    demands = [[float(kwh[agent]) for owned, kwh in heating if owned[agent]] for agent in range(n)]
    return [sum(found) if found else None for found in demands]


def heat_wishes(context: BuildContext) -> list[Wish | None]:
    """The heat demand of each agent of a market."""

    def wish(annual_kwh: float) -> Wish:
        return Wish(None, lambda year: ratio(annual_kwh, float(year.sum()) * STEP_HOURS))

    return [None if annual_kwh is None else wish(annual_kwh) for annual_kwh in annual_heat_kwh(context)]


def ratio(wanted: float, given: float) -> float:
    """``wanted / given``; 0 where nothing is given."""
    return wanted / given if given > 0 else 0.0


def power_factor_tan(context: BuildContext) -> FloatArray:
    """Reactive by active power of each agent's load [n_agents], lagging positive."""
    one_market = [np.tan(np.arccos(spec.load.power_factor)) for spec in context.agents]
    return np.tile(np.array(one_market, dtype=np.float64), context.community.n_markets)


def component(
    context: BuildContext,
    libraries: Sequence[Library],
    keys: KeyArray,
    wishes: Sequence[Wish | None],
    kind: str,
    draw: DrawPurpose,
    known: BoolArray | None = None,
) -> Component:
    """A component of all agents; ``libraries`` holds one a market, ``wishes`` one an agent of it.

    The shapes must exist: see ``check_shapes``.

    Scales go by the days ``known`` of the year [366]; None: by all.
    """
    n_agents = context.community.n_agents
    chosen = pick(keys, draw, len(libraries[0].names(kind)))
    rows: dict[tuple[int, str], int] = {}
    years: list[FloatArray] = []
    row, scale_kw = np.zeros(n_agents, dtype=np.int64), np.zeros(n_agents)
    for agent in range(n_agents):
        wish, market = wishes[agent % len(wishes)], int(context.community.market[agent])
        if wish is None:
            continue
        library = libraries[market]
        name = wish.name if wish.name is not None else library.names(kind)[chosen[agent]]
        key = (id(library), name)
        if key not in rows:
            rows[key] = len(years)
            years.append(library.shape(name))
        row[agent] = rows[key]
        scale_kw[agent] = wish.scale_of(_as_known(years[row[agent]], known))
    if not years:
        years = [np.zeros_like(libraries[0].shape(libraries[0].names(kind)[0]))]
    return Component(np.stack(years), row, scale_kw)


def _as_known(year: FloatArray, known: BoolArray | None) -> FloatArray:
    """A year whose other days are the mean of the known ones: what is known of its sum and of its largest value."""
    return year if known is None else np.where(known[:, None], year, year[known].mean(axis=0))


def check_shapes(agents: Iterable[AgentSpec], library: Library) -> None:
    """Raise ProfileError with every agent's shape that the source does not have."""
    problems: dict[tuple[str, str], Problem] = {}
    for spec in agents:
        for path, kind, name in (("load.shape", "load", spec.load.shape), ("pv_shape", "pv", spec.pv_shape)):
            if name is not None and name not in library.names(kind):
                place = f"agents[{spec.group}].{path}"
                message = f"the profile source has no {kind} shape of this name"
                problems[place, name] = Problem(message, place, repr(name), library.closest(kind, name))
    if problems:
        raise ProfileError(list(problems.values()))
