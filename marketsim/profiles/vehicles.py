"""When vehicles are at home, and what they need by their departure.

A vehicle whose sessions are data has these. Any other has one stay a day, around its mean hours; hours inside a slot count by
the fraction. Draws are held between the middle of the mean stay, less half a slot, and the slot border before the middle of the
mean absence on either side: stays never overlap nor share a slot, whatever the spreads are, and last a slot or, if that is
shorter, their mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.errors import Problem, ProfileError
from marketsim.core.fleets import Sessions, StayInfo
from marketsim.core.rng import mix, uniforms
from marketsim.profiles.draws import ARRIVALS, agent_keys, normals

NAMES: Final = ("ev_connected", "ev_slots_left", "ev_arrival_kwh")
_DIGITS: Final = 9
"""Of hours in slots: what misses a slot border by float noise alone is on it."""
_NONE: Final = np.zeros(0, dtype=np.int64)
_ENERGY_SPREAD: Final = 0.5
"""Energy lacking is uniform within 1 +- this of its mean, as far as the battery's size allows both sides."""


class Stays(NamedTuple):
    """One stay of each vehicle, in slots since the start of the run, with fractions [n_vehicles]."""

    arrival: FloatArray
    departure: FloatArray
    energy_kwh: FloatArray
    """What the battery lacks on arrival."""


def _stays_of(context: BuildContext) -> StayInfo:
    """The stays of all fleets [n_agents], NaN hours for who has none; ProfileError for an agent with two."""
    staying = [(fleet, fleet.stay) for fleet in context.fleets if fleet.stay is not None]
    owned = np.array([fleet.owned for fleet, _ in staying])
    for agent in np.flatnonzero(owned.sum(axis=0) > 1).tolist():
        names = " and ".join(fleet.name for fleet, _ in staying if fleet.owned[agent])
        message = f"{context.community.names[agent]!r} has devices of several kinds that come and go: {names}"
        hint = "the series of arrivals serve one an agent: give the others to others"
        raise ProfileError([Problem(message, hint=hint)])
    held = StayInfo(*(np.full(context.community.n_agents, np.nan) for _ in StayInfo._fields))
    for fleet, stay in staying:
        for column, values in zip(held, stay, strict=True):
            column[fleet.owned] = values[fleet.owned]
    return held


class Vehicles:
    """The stays of the devices that come and go; ``rows`` are the agents that have one."""

    def __init__(self, context: BuildContext) -> None:
        community, steps = context.community, context.clock.slots_per_day
        stay = _stays_of(context)
        self.rows: IntArray = np.flatnonzero(~np.isnan(stay.arrival_hour))
        self.n_agents = community.n_agents
        self.steps = steps
        self._keys = agent_keys(context.streams, community, ARRIVALS)[self.rows]

        own = StayInfo(*(column[self.rows] for column in stay))
        self._sessions = _sessions_of(context, self.rows)
        self._from_data = np.array([sessions is not None for sessions in self._sessions], dtype=np.bool_)
        self._arrival_h = own.arrival_hour
        self._stay_h = (own.departure_hour - self._arrival_h) % 24.0
        self._arrival_spread_h, self._departure_spread_h = own.arrival_spread_h, own.departure_spread_h
        self._daily_kwh = own.daily_kwh
        self._energy_width = np.minimum(
            _ENERGY_SPREAD * self._daily_kwh, np.maximum(own.capacity_kwh - self._daily_kwh, 0.0)
        )

    def stays(self, run_day: int) -> Stays:
        """The stays that begin around a day of the run; empty for vehicles whose sessions are data."""
        keys = mix(self._keys, run_day)
        drawn = self._held(
            run_day,
            normals(keys, 0) * self._arrival_spread_h,
            normals(keys, 1) * self._departure_spread_h,
            self._daily_kwh + (2.0 * uniforms(keys, 2) - 1.0) * self._energy_width,
        )
        return drawn._replace(departure=np.where(self._from_data, drawn.arrival, drawn.departure))

    def sessions(self, run_day: int) -> Iterator[Stays]:
        """The sessions that touch a day of the run, the first of each vehicle, then the second, and so on."""
        begins, ends = run_day * self.steps, (run_day + 1) * self.steps
        own = [
            np.flatnonzero((each.departure_slot > begins) & (each.arrival_slot < ends)) if each is not None else _NONE
            for each in self._sessions
        ]
        for place in range(max(map(len, own), default=0)):
            stay = Stays(*(np.zeros(len(self.rows)) for _ in Stays._fields))
            for vehicle, (each, found) in enumerate(zip(self._sessions, own, strict=True)):
                if each is not None and place < len(found):
                    for column, values in zip(stay, each, strict=True):
                        column[vehicle] = values[found[place]]
            yield stay

    def planned(self, run_day: int) -> Stays:
        """The stays that are expected of a day: at the mean hours, with the mean energy."""
        nothing = np.zeros(len(self.rows))
        return self._held(run_day, nothing, nothing, self._daily_kwh)

    def _held(self, run_day: int, late_h: FloatArray, later_h: FloatArray, energy_kwh: FloatArray) -> Stays:
        """From arrival to departure, with these delays."""
        per_hour = self.steps / 24.0
        middle = np.round((self._arrival_h + self._stay_h / 2) * per_hour, _DIGITS)
        half = np.round(np.minimum(0.5, self._stay_h / 2 * per_hour), _DIGITS)
        absent = np.floor((self._arrival_h + self._stay_h / 2 + 12.0) * per_hour)
        last = np.clip(
            absent, np.ceil(middle + half), np.floor(middle - half) + self.steps
        )  # in the absence that follows
        arrival = np.round((self._arrival_h + late_h) * per_hour, _DIGITS)
        departure = np.round((self._arrival_h + self._stay_h + later_h) * per_hour, _DIGITS)
        return Stays(
            run_day * self.steps + np.clip(arrival, last - self.steps, middle - half),
            run_day * self.steps + np.clip(departure, middle + half, last),
            energy_kwh,
        )

    def actual(self, run_day: int) -> dict[str, FloatArray]:
        """The three series of a day of the run [slots_per_day, n_agents].

        A stay that began before the run arrives in its first slot, with the part of its energy that uniform charging
        would have left.
        """
        slots = run_day * self.steps + np.arange(self.steps)
        series = {name: np.zeros((self.steps, len(self.rows))) for name in NAMES}
        for stay in (*map(self.stays, range(run_day - 2, run_day + 1)), *self.sessions(run_day)):
            _enter(series, slots, _as_met(stay) if run_day >= 0 else stay)
        return {name: self._spread(values) for name, values in series.items()}

    def expected(self, slot: int, horizon: int, known: dict[str, FloatArray]) -> dict[str, FloatArray]:
        """What owners expect of the slots from ``slot`` on [horizon, n_agents], given the three series of ``slot``.

        Of a stay in progress they know the departure; later ones they expect at the mean hours. A vehicle that is
        late is not expected before its next stay.
        """
        slots = slot + np.arange(horizon)
        share = known["ev_connected"][self.rows]
        here = share > 0
        until = slot + np.where(here, known["ev_slots_left"][self.rows], 1.0)
        since = np.minimum(until, slot + 1.0) - share
        series = {name: np.zeros((horizon, len(self.rows))) for name in NAMES}
        present = Stays(np.where(here, since, slot), np.where(here, until, slot), known["ev_arrival_kwh"][self.rows])
        _enter(series, slots, present)
        first, last = slot // self.steps, (slot + horizon - 1) // self.steps
        for day in range(first - 2, last + 1):
            plan = self.planned(day)
            counts = plan.arrival >= until
            _enter(series, slots, plan._replace(departure=np.where(counts, plan.departure, plan.arrival)))
        return {name: self._spread(values) for name, values in series.items()}

    def _spread(self, own: FloatArray) -> FloatArray:
        """Columns of the vehicles to columns of all agents."""
        every = np.zeros((len(own), self.n_agents))
        every[:, self.rows] = own
        return every


def _as_met(stay: Stays) -> Stays:
    """The stays as the run meets them: what began before it arrives in its first slot."""
    begins = np.maximum(stay.arrival, 0.0)
    lasts = stay.departure - stay.arrival
    left = np.divide(np.maximum(stay.departure - begins, 0.0), lasts, out=np.zeros(len(lasts)), where=lasts > 0.0)
    return Stays(begins, stay.departure, stay.energy_kwh * left)


def _sessions_of(context: BuildContext, rows: IntArray) -> list[Sessions | None]:
    """The sessions of each vehicle that are data; None for those that are drawn."""
    held: list[Sessions | None] = [None] * context.community.n_agents
    for fleet in context.fleets:
        for agent, sessions in enumerate(fleet.sessions or ()):
            held[agent] = held[agent] if sessions is None else sessions
    return [held[agent] for agent in rows.tolist()]


def _enter(series: dict[str, FloatArray], slots: IntArray, stay: Stays) -> None:
    """Write one stay of each vehicle into the three series [n_slots, n_vehicles]; empty where departure = arrival."""
    at = slots[:, None]
    share = np.minimum(stay.departure, at + 1.0) - np.maximum(stay.arrival, at)
    here = share > 0.0
    np.copyto(series["ev_connected"], share, where=here)
    np.copyto(series["ev_slots_left"], stay.departure - at, where=here)
    np.copyto(
        series["ev_arrival_kwh"],
        np.broadcast_to(stay.energy_kwh, here.shape),
        where=here & (at == np.floor(stay.arrival)),
    )
