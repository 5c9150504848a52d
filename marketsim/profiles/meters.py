"""Meters that net load and PV, or have a register for each direction: what they cannot tell, and what they did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from marketsim.core.arrays import FloatArray, frozen
from marketsim.core.build import AgentSpec
from marketsim.core.errors import Problem
from marketsim.profiles.file_params import FileParams
from marketsim.profiles.series_column import SeriesColumn, told_values

_MOST_SHORT: Final = 0.02
"""What was fed in beyond what was drawn and generated, as a share of it, at most: meters round, and clocks differ."""


def check_meters(agents: Sequence[AgentSpec], params: FileParams) -> list[Problem]:
    """What is asked of meters, of one register or of two, that they cannot tell."""
    return [*_of_nets(agents, params), *_of_registers(agents, params)]


def _of_nets(agents: Sequence[AgentSpec], params: FileParams) -> list[Problem]:
    """What is asked of net meters that they cannot tell."""
    problems = []
    for spec in agents:
        key, entry = params.entry_of(spec)
        if not entry.lacks_own_use:
            continue
        place = f"agents[{spec.group}]"
        if spec.load.peak_kw is not None or spec.load.annual_kwh is not None or spec.load.shape or spec.pv_shape:
            message = (
                f"the meter of {spec.name!r} nets load and PV, so neither can be scaled or have a shape of its own"
            )
            problems.append(Problem(message, path=place, hint="leave load and pv_shape out"))
        values = told_values("load", entry, params)
        if entry.net is not None and values is not None and (values.startswith("counter") or values == "w_per_kw"):
            message = f"the net column of {spec.name!r} holds power or energy of steps, not {values}"
            hint = "write what was drawn less what was fed in, a value a step"
            problems.append(Problem(message, path=f"profiles.columns.{key}.values", hint=hint))
        for name, scale in (("pv_scale", params.pv_scale), ("demand_scale", params.demand_scale)):
            if scale != 1.0:
                message = f"the meter of {spec.name!r} nets load and PV: twice the plant is not twice what it fed in"
                hint = "leave it at 1, or meter load and PV apart"
                problems.append(Problem(message, f"profiles.{name}", f"{scale:g}", hint))
    return list(dict.fromkeys(problems))


def _of_registers(agents: Sequence[AgentSpec], params: FileParams) -> list[Problem]:
    """Meters that fed in although their agent has no plant, or whose plant is told by its rating."""
    problems = []
    for spec in agents:
        key, entry = params.entry_of(spec)
        if entry.fed_in is None:
            continue
        if spec.pv_kw <= 0:
            hint = "set pv_kw to the rating of the plant, and kind: prosumer; or leave fed_in out, if nothing is fed in"
            problems.append(
                Problem(
                    f"the meter of {spec.name!r} feeds in, and it has no plant",
                    f"agents[{spec.group}].pv_kw",
                    "0",
                    hint,
                )
            )
        if entry.pv is not None and "w_per_kw" in (
            told_values("pv", entry, params),
            told_values("load", entry, params),
        ):
            message = f"the load of {spec.name!r} is what was drawn and PV less what was fed in, and PV by its rating tells none"
            hint = "write the plant's own power or energy, or leave fed_in out"
            problems.append(Problem(message, f"profiles.columns.{key}.pv", hint=hint))
    return list(dict.fromkeys(problems))


def check_balance(
    agents: Sequence[AgentSpec], loads: Sequence[SeriesColumn | None], powers: Mapping[str, FloatArray]
) -> list[Problem]:
    """Meters that fed in more than was drawn and generated: columns that do not belong together."""
    problems = []
    for spec, source in zip(agents, loads, strict=True):
        if source is None or not source.fed_in or not {source.column, source.pv, source.fed_in} <= set(powers):
            continue
        load = powers[source.column] + powers[source.pv] - powers[source.fed_in]
        short, fed_in = -float(np.minimum(load, 0.0).sum()), float(powers[source.fed_in].sum())
        if short > _MOST_SHORT * fed_in:
            message = (
                f"the meter of {spec.name!r} fed in more than was drawn and generated, by {100 * short / fed_in:.0f} % of it, so "
                f"that {source.column!r}, {source.pv!r} and {source.fed_in!r} do not belong together"
            )
            hint = "look at what they hold, their units and their times; or leave fed_in out"
            problems.append(Problem(message, source.asked_by, hint=hint))
    return problems


def check_fed_in(
    agents: Sequence[AgentSpec], loads: Sequence[SeriesColumn | None], powers: Mapping[str, FloatArray]
) -> list[Problem]:
    """Net meters that feed in although their agent has no plant."""
    problems = []
    for spec, source in zip(agents, loads, strict=True):
        if source is None or source.part == "all" or spec.pv_kw > 0:
            continue
        most_kw = -float(powers[source.column].min(initial=0.0))
        if most_kw > 0.0:
            message = f"the meter of {spec.name!r} feeds in up to {most_kw:.4g} kW, and it has no plant"
            hint = "set pv_kw to the rating of the plant, and kind: prosumer"
            problems.append(Problem(message, f"agents[{spec.group}].pv_kw", "0", hint))
    return problems


def with_parts(
    powers: Mapping[str, FloatArray], sources: Mapping[str, Sequence[SeriesColumn | None]]
) -> dict[str, FloatArray]:
    """Powers of columns, and beside them what net meters drew and fed in, by ``SeriesColumn.key`` [kW]."""
    parts = dict(powers)
    for source in (source for found in sources.values() for source in found if source is not None):
        if source.fed_in and source.key not in parts and {source.column, source.pv, source.fed_in} <= set(powers):
            parts[source.key] = np.maximum(powers[source.column] + powers[source.pv] - powers[source.fed_in], 0.0)
            frozen(parts[source.key])
        if source.part != "all" and source.key not in parts:
            sign = 1.0 if source.part == "drawn" else -1.0
            parts[source.key] = np.maximum(sign * powers[source.column], 0.0)
            frozen(parts[source.key])
    return parts
