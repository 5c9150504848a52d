"""Which source day stands for a day of the run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache

import numpy as np

from marketsim.core.arrays import BoolArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.errors import Problem, ProfileError
from marketsim.core.rng import mix, uniforms
from marketsim.profiles.calendar import is_workday, same_date
from marketsim.profiles.draws import STREAM, DrawPurpose
from marketsim.profiles.params import DaySelection
from marketsim.profiles.weather import days_like


class DayMap:
    """Source days of a run: by date, or drawn for each market and day."""

    def __init__(self, context: BuildContext, sunny: Sequence[BoolArray], selection: DaySelection | None) -> None:
        """``sunny``: the weather of the source days, one array [366] a market."""
        self._context = context
        self._sunny = sunny
        self._selection = selection
        self.source_days = lru_cache(maxsize=64)(self._source_days)
        """Source day of each market for a day of the run, negative before its start [n_markets]."""
        if selection is not None:
            self._pools = self._pools_of(selection)

    def _source_days(self, run_day: int) -> IntArray:
        date = self._context.clock.start + timedelta(days=run_day)
        n_markets = self._context.community.n_markets
        if self._selection is None:
            return np.full(n_markets, same_date(date), dtype=np.int64)
        keys = mix(self._context.streams.keys(STREAM, DrawPurpose.DAYS), run_day)
        if self._selection.order != "drawn":
            return self._by_date(run_day, abreast=self._selection.order == "abreast")
        pools = self._pools[int(is_workday(date.weekday()))]
        uniform = uniforms(keys, DrawPurpose.DAYS)
        drawn = [pool[int(u * len(pool))] for pool, u in zip(pools, uniform.tolist(), strict=True)]
        return np.array(drawn, dtype=np.int64)

    def _by_date(self, run_day: int, *, abreast: bool) -> IntArray:
        """The next days that fit from the clock's date on: the same for all markets, or ``abreast`` a day a market."""
        n_markets = self._context.community.n_markets
        fitting = [np.sort(np.concatenate(pools)) for pools in zip(*self._pools, strict=True)]
        first = same_date(self._context.clock.start)
        places = run_day * n_markets + np.arange(n_markets) if abreast else np.full(n_markets, run_day)
        chosen = [
            days[(np.searchsorted(days, first) + place) % len(days)]
            for days, place in zip(fitting, places.tolist(), strict=True)
        ]
        return np.array(chosen, dtype=np.int64)

    def _pools_of(self, selection: DaySelection) -> tuple[list[IntArray], list[IntArray]]:
        """Days that a weekend day, and a workday, of each market is drawn from; ProfileError where there is none."""
        within = None if selection.part is None else selection.days_of(selection.part)
        pools = tuple(
            [days_like(sunny, selection.season, selection.weather, weekday, within) for sunny in self._sunny]
            for weekday in (6, 0)
        )
        if not all(len(pool) for by_market in pools for pool in by_market):
            asked = ", ".join(f"{name} {value}" for name, value in selection if value is not None)
            raise ProfileError([Problem("no source day fits", "profiles.days", asked, "ask for less")])
        return pools[0], pools[1]
