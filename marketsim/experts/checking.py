"""Whether a plan can be done: by every device, and by AC power flow for every voltage. Each refusal says why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.expert import ExpertView, injections
from marketsim.core.setpoints import Setpoints
from marketsim.experts.columns import Prosumers, stored_path

SolveVoltages: TypeAlias = Callable[[FloatArray, FloatArray], FloatArray]
"""AC voltages at injections of all nodes [n_cases, N] [p.u.], NaN where there is no solution."""
_ROOM_KW: Final = 1e-3
"""A watt of rounding."""
_ROOM_PU: Final = 1e-6


class PlanRefusal(NamedTuple):
    """One thing that cannot be, or that the grid does not take."""

    slot: int
    """Of the day."""
    who: str
    """Agent or bus."""
    what: str
    value: float
    limit: float
    """The nearest value that would do."""
    unit: str

    @property
    def text(self) -> str:
        """The refusal in words."""
        side = "above" if self.value > self.limit else "below"
        if np.isnan(self.value):
            return f"slot {self.slot}: {self.what}"
        return f"slot {self.slot}, {self.who}: {self.what} {self.value:.6g} {self.unit} is {side} {self.limit:.6g} {self.unit}"


def device_refusals(own: Prosumers, names: Sequence[str], view: ExpertView, points: Setpoints) -> list[PlanRefusal]:
    """What devices cannot do, in the order of slots."""
    path = stored_path(own, view.stored_kwh, points.battery_kw, view.slot_hours)[1:]
    has = own.battery_kw > 0.0
    step = own.ramp_kw_per_h * view.slot_hours
    before = np.concatenate((view.generator_kw[None], points.generator_kw[:-1]))
    before = np.where(np.isnan(before), points.generator_kw, before)
    most = own.most_kvar(np.clip(points.pv_kw, 0.0, view.pv_available_kw))
    checks: list[tuple[str, FloatArray, FloatArray, FloatArray, str]] = [
        ("generator", points.generator_kw, own.generator_low_kw, own.generator_high_kw, "kW"),
        ("generator after its ramp", points.generator_kw, before - step, before + step, "kW"),
        ("battery", points.battery_kw, -own.battery_kw, own.battery_kw, "kW"),
        ("stored energy", np.where(has, path, 0.0), own.stored_low_kwh, own.stored_high_kwh, "kWh"),
        ("curtailed load", points.curtailed_kw, np.zeros(own.n), own.curtailable_share * view.load_kw, "kW"),
        ("PV", points.pv_kw, np.zeros(own.n), view.pv_available_kw, "kW"),
        ("reactive power", points.kvar, -most, most, "kvar"),
    ]
    found = [each for what, value, low, high, unit in checks for each in _beyond(names, what, value, low, high, unit)]
    return sorted(found, key=lambda each: each.slot)


def _beyond(
    names: Sequence[str], what: str, value: FloatArray, low: FloatArray, high: FloatArray, unit: str
) -> Iterator[PlanRefusal]:
    low, high = (np.broadcast_to(bound, value.shape) for bound in (low, high))
    for slot, agent in np.argwhere((value < low - _ROOM_KW) | (value > high + _ROOM_KW)).tolist():
        number = float(value[slot, agent])
        nearest = float(low[slot, agent] if number < low[slot, agent] else high[slot, agent])
        yield PlanRefusal(slot, names[agent], what, number, nearest, unit)


class Band(NamedTuple):
    """What voltages are held to."""

    buses: tuple[str, ...]
    """Name of each node [N]."""
    v_min_pu: FloatArray
    """-inf at the source [N]."""
    v_max_pu: FloatArray


class Verified(NamedTuple):
    """The power flow of a plan."""

    v_pu: FloatArray
    """[H, N]"""
    over: int
    """Bus-slots above the band."""
    under: int
    unsolved: int
    """Slots without a solution."""


def verified(band: Band, voltages: SolveVoltages, nodes: IntArray, view: ExpertView, points: Setpoints) -> Verified:
    """The AC power flow of set-points."""
    at = injections(view, nodes, points)
    v_pu = voltages(at.kw, at.kvar)
    unsolved = int(np.count_nonzero(~np.isfinite(v_pu).all(axis=1)))
    over, under = v_pu > band.v_max_pu + _ROOM_PU, v_pu < band.v_min_pu - _ROOM_PU
    return Verified(v_pu, int(np.count_nonzero(over)), int(np.count_nonzero(under)), unsolved)


def voltage_refusals(band: Band, flow: Verified) -> list[PlanRefusal]:
    """Of each slot that has any the bus that is farthest outside, and slots without a solution."""
    found = []
    for slot, v in enumerate(flow.v_pu):
        if not np.isfinite(v).all():
            nothing = "the AC power flow has no solution at these set-points"
            found.append(PlanRefusal(slot, "feeder", nothing, float("nan"), float("nan"), ""))
            continue
        beyond = np.maximum(v - band.v_max_pu, band.v_min_pu - v)
        worst = int(np.argmax(beyond))
        if beyond[worst] > _ROOM_PU:
            limit = float(band.v_max_pu[worst] if v[worst] > band.v_max_pu[worst] else band.v_min_pu[worst])
            found.append(PlanRefusal(slot, f"bus {band.buses[worst]}", "voltage", float(v[worst]), limit, "p.u."))
    return found
