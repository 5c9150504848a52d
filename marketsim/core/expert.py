"""Port of experts: who plans the rest of a day for prosumers, and what is known then.

Shapes: H slots that are left of the day, n agents that are planned, all of one market, N nodes of the feeder. Generation,
discharge and injection are positive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.clock import SlotTime
from marketsim.core.setpoints import Setpoints


class Background(NamedTuple):
    """What a feeder carries beside what is planned: everybody else, and the reactive power of the planned agents' loads."""

    kw: FloatArray
    """Injection at each node [kW] [H, N]."""
    kvar: FloatArray
    """[kvar] [H, N]."""


class ExpertView(NamedTuple):
    """What an expert knows when it plans: the slots left of the day, and the state in which the first of them opens."""

    t0: int
    """Slot of the day that comes next."""
    slot_hours: float
    """Length of a slot [h]."""
    buy: FloatArray
    """Retail price of the utility [currency/kWh] [H]."""
    sell: FloatArray
    """Its feed-in price [currency/kWh] [H]."""
    load_kw: FloatArray
    """Load of each agent, its curtailable share included [kW] [H, n]."""
    pv_available_kw: FloatArray
    """What PV could generate [kW] [H, n]."""
    stored_kwh: FloatArray
    """In each battery, counted from empty and not from its lowest level [kWh]; 0 without one [n]."""
    generator_kw: FloatArray
    """Of the last slot [kW] [n]; NaN: it may start anywhere, as nothing ran before."""
    background: Background | None
    """None without a grid."""

    @property
    def horizon(self) -> int:
        """Slots left of the day."""
        return len(self.buy)


class Plan(NamedTuple):
    """What an expert would do, and what it knows of its own plan."""

    setpoints: Setpoints
    """[H, n]"""
    stored_kwh: FloatArray
    """In each battery when each slot opens, and after the last [kWh] [H + 1, n]."""
    status: str
    """``solved``, or in words what is the matter."""
    objective: float
    """Cost of the plan by its own terms [currency]; NaN where nothing is minimised."""
    seconds: float
    """Processor time that it took [s]."""
    solves: int = 1
    """Programmes solved for it."""
    outside: int = 0
    """Bus-slots outside the voltage band by AC power flow; 0 without a grid."""


@runtime_checkable
class Expert(Protocol):
    """Plans the rest of a day. Same view: same plan."""

    def plan(self, view: ExpertView) -> Setpoints:
        """Set-points of the slots left of the day [H, n]."""
        ...


@runtime_checkable
class PlanningExpert(Expert, Protocol):
    """An expert that also says what it knows of its plan."""

    def solve(self, view: ExpertView) -> Plan:
        """The plan of which ``plan`` returns the set-points."""
        ...


@runtime_checkable
class HoldingExpert(PlanningExpert, Protocol):
    """An expert that looks after what is planned when a slot opens, and its state is metered."""

    def held(self, view: ExpertView, points: Setpoints) -> Setpoints:
        """Set-points of the slots of a view, most often of one, changed as far as the grid needs it [H, n]."""
        ...


class PlannedGrid(Protocol):
    """A feeder as experts see it; implemented by the composition root from the grid."""

    nodes: IntArray
    """Node of each planned agent [n]."""
    v_min_pu: FloatArray
    """Voltage band of each node [p.u.]; the source has none, -inf and inf [N]."""
    v_max_pu: FloatArray

    def sensitivity(self) -> tuple[FloatArray, FloatArray]:
        """Change of squared voltages with injections of the agents, losses left out [p.u.^2/kW], [p.u.^2/kvar] [N, n]."""
        ...

    def voltages(self, kw: FloatArray, kvar: FloatArray) -> FloatArray:
        """AC voltage of each node at these injections of all nodes [n_cases, N]; all cases at once, NaN: no solution [p.u.]."""
        ...


def injections(view: ExpertView, nodes: IntArray, points: Setpoints) -> Background:
    """What all nodes inject under set-points [H, n] at these nodes [n]; ValueError in a view without a grid."""
    if view.background is None:
        raise ValueError("this view has no grid")
    kw, kvar = view.background.kw.copy(), view.background.kvar.copy()
    every = np.arange(view.horizon)[:, None], nodes[None, :]
    np.add.at(kw, every, net_kw(view.load_kw, points))
    np.add.at(kvar, every, points.kvar)
    return Background(kw, kvar)


def net_kw(load_kw: FloatArray, points: Setpoints) -> FloatArray:
    """Net injection of each agent under set-points [kW], of the shape of both."""
    return np.asarray(points.generator_kw + points.battery_kw + points.curtailed_kw + points.pv_kw - load_kw)


class Follower(Protocol):
    """Follows an expert's plans from slot to slot, in every market at once; implemented by the composition root."""

    def setpoints(
        self,
        time: SlotTime,
        level: FloatArray,
        load_kw: FloatArray,
        pv_kw: FloatArray,
        generator_kw: FloatArray | None = None,
    ) -> Setpoints:
        """What the expert would do in the slot that opens, in the state that is there [k]; plans when it is time.

        ``level``: state of charge as a share of the usable capacity, NaN without a battery; ``load_kw``: load, its curtailable
        share included; ``pv_kw``: what PV could generate; ``generator_kw``: of the last slot, None: as this answered then. k
        are the rows that it was made for, all markets one after the other. ``kvar`` of the answer counts on top of what
        ``grid.reactive`` does at the voltages that are planned.
        """
        ...

    @property
    def planned(self) -> Setpoints:
        """What the plans have for the slot that was asked for last [k].

        Reactive power is that of connections, loads included, as it is metered.
        """
        ...


FollowerMaker: TypeAlias = Callable[[IntArray], Follower]
"""Makes one for these rows of the flat axis, the same connections of every market."""
