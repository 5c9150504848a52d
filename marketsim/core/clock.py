"""Slots and the calendar behind them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

DAYS_A_WEEK: Final = 7


class SlotTime(NamedTuple):
    """When a slot is."""

    slot: int
    """Slots since the start of the run."""
    day: int
    """Days since the start of the run."""
    of_day: int
    """Slots since midnight."""
    hour: float
    """Hour of the day at which the slot begins [h], 0 <= hour < 24."""
    hours: float
    """Length of the slot [h]."""
    begins: datetime
    """Local standard time, without daylight saving."""


@dataclass(frozen=True, slots=True)
class Clock:
    """``slots`` slots of ``slot_minutes`` from midnight of ``start``; a day has a whole number of slots."""

    start: date
    slots: int
    slot_minutes: int

    def __post_init__(self) -> None:
        if self.slots < 1 or self.slot_minutes < 1 or (24 * 60) % self.slot_minutes:
            raise ValueError("a clock needs at least one slot, and slots that divide a day")

    @property
    def slots_per_day(self) -> int:
        """Whole slots in a day."""
        return 24 * 60 // self.slot_minutes

    @property
    def slot_hours(self) -> float:
        """Length of a slot [h]."""
        return self.slot_minutes / 60.0

    @property
    def days(self) -> int:
        """Days begun by the run."""
        return -(-self.slots // self.slots_per_day)

    def at(self, slot: int) -> SlotTime:
        """The slot ``slot`` slots after the start; slots beyond the run are valid (for forecasts)."""
        day, of_day = divmod(slot, self.slots_per_day)
        begins = datetime.combine(self.start, datetime.min.time()) + timedelta(minutes=slot * self.slot_minutes)
        return SlotTime(slot, day, of_day, of_day * self.slot_hours, self.slot_hours, begins)
