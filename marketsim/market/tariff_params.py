"""Parameters of the utility's tariffs; prices in currency/kWh."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Self, TypeAlias

from pydantic import Field, model_validator

from marketsim.core.params import Params

_DAY_H = 24.0

TariffPrice: TypeAlias = Annotated[float, Field(ge=-1_000, le=1_000)]
WholesalePrice: TypeAlias = Annotated[float, Field(ge=-1_000, le=1_000)]


def _demand_order(feed_in: float | None, retail: float) -> None:
    if feed_in is not None and feed_in > retail:
        raise ValueError(f"feed_in ({feed_in}) exceeds retail ({retail}): no peer could trade between them")


def _clock(minutes: int) -> str:
    """A time from midnight of the start in words."""
    days, rest = divmod(minutes, 1_440)
    return f"{rest // 60:02d}:{rest % 60:02d} of day {days + 1}"


def _largest(*prices: float | None) -> float:
    return max((abs(price) for price in prices if price is not None), default=0.0)


class FlatParams(Params):
    """The same prices in every slot."""

    retail: TariffPrice = 0.30
    """What the utility takes for energy [currency/kWh]; negative: it pays."""
    feed_in: TariffPrice = 0.08
    """What the utility pays for energy [currency/kWh]; not above ``retail``; negative: it takes, and PV is curtailed."""
    wholesale: WholesalePrice | None = None
    """What energy costs the utility [currency/kWh]; none: its margin is not computed."""

    def largest_price(self) -> float:
        """Of the three."""
        return _largest(self.retail, self.feed_in, self.wholesale)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _demand_order(self.feed_in, self.retail)
        return self


class Window(Params):
    """Hours of the day with prices of their own."""

    from_hour: Annotated[float, Field(ge=0, lt=24)]
    """Begin [h of the day]."""
    to_hour: Annotated[float, Field(gt=0, le=24)]
    """End [h of the day]; before ``from_hour``: the next day."""
    retail: TariffPrice
    """What the utility takes for energy [currency/kWh]."""
    feed_in: TariffPrice | None = None
    """What the utility pays for energy [currency/kWh]; none: the tariff's common ``feed_in``."""
    wholesale: WholesalePrice | None = None
    """What energy costs the utility [currency/kWh]; none: the tariff's common ``wholesale``."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _demand_order(self.feed_in, self.retail)
        if self.from_hour == self.to_hour:
            raise ValueError(f"the window begins and ends at {self.from_hour} h: it is empty")
        return self

    @property
    def spans(self) -> tuple[tuple[float, float], ...]:
        """The window within one day [h]; two pieces if it passes midnight."""
        if self.from_hour < self.to_hour:
            return ((self.from_hour, self.to_hour),)
        return ((self.from_hour, _DAY_H), (0.0, self.to_hour))


def _coverage_faults(windows: Sequence[Window]) -> list[str]:
    """Gaps and overlaps of the windows, each as a text."""
    spans = sorted((begin, end, index) for index, window in enumerate(windows) for begin, end in window.spans)
    faults: list[str] = []
    reached, last = 0.0, -1
    for begin, end, index in spans:
        if begin > reached:
            faults.append(f"no window from {reached:g} h to {begin:g} h")
        elif begin < reached:
            faults.append(f"windows[{last}] and windows[{index}] both hold from {begin:g} h to {min(end, reached):g} h")
        if end > reached:
            reached, last = end, index
    if reached < _DAY_H:
        faults.append(f"no window from {reached:g} h to {_DAY_H:g} h")
    return faults


class TimeOfUseParams(Params):
    """Prices by the hour of the day; the windows cover the day without gap or overlap."""

    windows: Annotated[tuple[Window, ...], Field(min_length=1, max_length=1_440)]
    """Windows of the day, in any order."""
    feed_in: TariffPrice = 0.08
    """What the utility pays for energy [currency/kWh] in windows that do not say."""
    wholesale: WholesalePrice | None = None
    """What energy costs the utility [currency/kWh] in windows that do not say."""

    def largest_price(self) -> float:
        """Of all windows."""
        own = (each for window in self.windows for each in (window.retail, window.feed_in, window.wholesale))
        return _largest(self.feed_in, self.wholesale, *own)

    @model_validator(mode="after")
    def _whole_day(self) -> Self:
        faults = _coverage_faults(self.windows)
        for index, window in enumerate(self.windows):
            if window.feed_in is None and self.feed_in > window.retail:
                low, high = f"the common feed_in ({self.feed_in})", f"windows[{index}].retail ({window.retail})"
                faults.append(f"{low} exceeds {high}: give the window a feed_in of its own")
        known = {(window.wholesale is None and self.wholesale is None) for window in self.windows}
        if len(known) > 1:
            faults.append("some windows have a wholesale price and some have none; give all or none")
        if faults:
            raise ValueError("; ".join(faults))
        return self


class SeriesParams(Params):
    """Real-time prices: listed here, or in a CSV file."""

    retail: Annotated[tuple[TariffPrice, ...], Field(max_length=1_000_000)] | None = None
    """What the utility takes for energy [currency/kWh], one value each ``value_minutes`` from midnight of the start."""
    feed_in: TariffPrice | Annotated[tuple[TariffPrice, ...], Field(max_length=1_000_000)] | None = None
    """What the utility pays for energy [currency/kWh]: one price, or as many values as ``retail``."""
    wholesale: WholesalePrice | Annotated[tuple[WholesalePrice, ...], Field(max_length=1_000_000)] | None = None
    """What energy costs the utility [currency/kWh]: one price, or as many values as ``retail``."""
    file: Path | None = None
    """CSV file with a header: ``retail``, and where they are not given here ``feed_in`` and ``wholesale``. A column
    ``time`` (ISO 8601, local standard time) places the rows, which then last to the end of the run; without it the first
    is midnight of the start, and 24 hours repeat."""
    value_minutes: Annotated[int, Field(ge=1, le=1_440)] = 60
    """Time for which one value holds [min]; a day has a whole number of them."""

    def largest_price(self) -> float:
        """Of what is listed here."""
        columns = (self.retail, self.feed_in, self.wholesale)
        return max(_largest(*(each if isinstance(each, tuple) else (each,))) for each in columns)

    def files_read(self) -> tuple[str, ...]:
        """The file of prices, if there is one."""
        return () if self.file is None else (str(self.file),)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faults: list[str] = []
        if (self.retail is None) == (self.file is None):
            faults.append("give either retail or file")
        if self.file is None and self.feed_in is None:
            faults.append("give feed_in beside retail")
        if self.file is not None and (isinstance(self.feed_in, tuple) or isinstance(self.wholesale, tuple)):
            faults.append("with a file, feed_in and wholesale are single prices or columns of the file")
        if 1_440 % self.value_minutes:
            faults.append(f"value_minutes ({self.value_minutes}) does not divide a day")
        if self.retail is not None:
            faults += self._list_faults(self.retail)
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _list_faults(self, retail: tuple[float, ...]) -> list[str]:
        faults = [
            f"{name} has {len(values)} values, retail has {len(retail)}"
            for name, values in (("feed_in", self.feed_in), ("wholesale", self.wholesale))
            if isinstance(values, tuple) and len(values) != len(retail)
        ]
        if not faults and self.feed_in is not None:
            feed_in = self.feed_in if isinstance(self.feed_in, tuple) else (self.feed_in,) * len(retail)
            pairs = enumerate(zip(feed_in, retail, strict=True))
            wrong = [
                (i, f"feed_in[{i}] ({low}) exceeds retail[{i}] ({high})") for i, (low, high) in pairs if low > high
            ]
            faults += [f"{text}, from {_clock(i * self.value_minutes)}" for i, text in wrong[:10]]
        return faults
