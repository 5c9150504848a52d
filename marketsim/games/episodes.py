"""Episodes: which day of the calendar they begin on, and prices beyond the scenario's own days."""

from __future__ import annotations

from typing import Final

from marketsim.core.clock import Clock, SlotTime
from marketsim.core.ports import Tariff
from marketsim.core.records import Tariffs
from marketsim.core.rng import Streams, uniforms

_CALENDAR: Final = 700_000
"""Days that the calendar holds in any case; episodes beyond them begin anew."""


class EpisodeDays:
    """First day of each episode: one after the other where days are drawn, else drawn from the scenario's own days."""

    def __init__(self, days: int, clock: Clock, seed: int, *, draws_days: bool) -> None:
        self._days = days
        self._span = None if draws_days else max(clock.days - days + 1, 1)
        self._streams = Streams((seed,))

    def first(self, episode: int) -> int:
        """Day of the calendar on which an episode begins."""
        if self._span is None:
            return episode * self._days % _CALENDAR
        return int(uniforms(self._streams.keys("episodes", episode))[0] * self._span)


class RecurringTariff:
    """A tariff beyond the scenario's own days: whole weeks of it come again, single days where it has no week."""

    def __init__(self, tariff: Tariff, clock: Clock) -> None:
        days = clock.days - clock.days % 7 if clock.days >= 7 else clock.days
        self._tariff, self._slots = tariff, days * clock.slots_per_day

    def at(self, time: SlotTime) -> Tariffs:
        """Prices of a slot."""
        return self._tariff.at(time._replace(slot=time.slot % self._slots))
