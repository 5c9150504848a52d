"""Which source day stands for a day of the run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from marketsim.core.arrays import BoolArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.errors import Problem, ProfileError
from marketsim.core.rng import mix
from marketsim.profiles.calendar import same_date
from marketsim.profiles.draws import STREAM, Draw, pick
from marketsim.profiles.params import DaySelection
from marketsim.profiles.weather import days_like


class DayMap:
    """Source days of a run: by date, or drawn for each market and day."""

    def __init__(self, context: BuildContext, sunny: Sequence[BoolArray], selection: DaySelection | None) -> None:
        """``sunny``: the weather of the source days, one array [366] a market."""
        self._context = context
        self._sunny = sunny
        self._selection = selection
        self._known: dict[int, IntArray] = {}
        if selection is not None:
            self._check(selection)

    def source_days(self, run_day: int) -> IntArray:
        """Source day of each market for a day of the run, negative before its start [n_markets]."""
        if run_day not in self._known:
            if len(self._known) > 64:
                self._known.clear()
            self._known[run_day] = self._source_days(run_day)
        return self._known[run_day]

    def _source_days(self, run_day: int) -> IntArray:
        date = self._context.clock.start + timedelta(days=run_day)
        n_markets = self._context.community.n_markets
        if self._selection is None:
            return np.full(n_markets, same_date(date), dtype=np.int64)
        keys = mix(self._context.streams.keys(STREAM, Draw.DAYS), run_day)
        pools = [self._pool(market, self._selection, date.weekday()) for market in range(n_markets)]
        drawn = [pool[pick(keys[[m]], Draw.DAYS, len(pool))[0]] for m, pool in enumerate(pools)]
        return np.array(drawn, dtype=np.int64)

    def _pool(self, market: int, selection: DaySelection, weekday: int) -> IntArray:
        return days_like(self._sunny[market], selection.season, selection.weather, weekday)

    def _check(self, selection: DaySelection) -> None:
        markets = range(len(self._sunny))
        if not all(len(self._pool(market, selection, weekday)) for market in markets for weekday in (0, 6)):
            raise ProfileError([Problem("no source day fits", "profiles.days", str(selection), "ask for less")])
