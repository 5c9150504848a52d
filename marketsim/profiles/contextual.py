"""Forecasts from context: of each slot ahead what is expected, how far off it may be, and days that may come instead.

A forecast knows what was metered up to the slot that opens (with a gate closure, up to the one before) and weather flags of days
that have begun. The members of its ensemble are training days of the month and its neighbours: what is expected now, and what was
missed on that day at the same time; of PV, where the forecast knows the weather, only days with the same flag. Their mean is the
forecast. ``paths`` are members from equal parts of the ensemble in the order of what all agents of the market together draw until
the next day: the same members for all series and agents.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.clock import SlotTime
from marketsim.core.errors import Problem, ProfileError, RunError
from marketsim.profiles.context_model import KINDS, ContextModel, Looked, complete
from marketsim.profiles.forecast import WEATHER, SlotForecast, UnknownSeries
from marketsim.profiles.params import ContextualParams
from marketsim.profiles.training_days import HasTrainingDays, class_of, months_apart
from marketsim.profiles.vehicles import NAMES as VEHICLE_NAMES

if TYPE_CHECKING:
    from marketsim.profiles.daily import DayProfiles

_MOST_NUMBERS: Final = 50_000_000
"""Largest number of values of a series on training days."""
_FEW: Final = 6
"""Members below which those of the other weather flag count, too."""


class Ensemble(NamedTuple):
    """What may come of all series of the agents of one market, from a slot on for two days."""

    days: dict[str, IntArray]
    """The training day of each member by series [n_members]."""
    members: dict[str, FloatArray]
    """Mean power by series [kW] [n_members, slots, T]."""

    def of(self, name: str, horizon: int) -> FloatArray:
        """The members of a series [n_members, horizon, T]; beyond the second day its last day comes again."""
        made = self.members[name]
        slots = np.arange(horizon)
        day = made.shape[1] // 2
        return made[:, np.where(slots < 2 * day, slots, day + slots % day)]

    def spread_out(self, n: int) -> IntArray:
        """Positions of ``n`` members, from equal parts in the order of what all agents draw in the first day [n]."""
        members = len(self.members["load_kw"])
        if n > members:
            raise RunError(f"{n} scenarios are asked for, and there are {members} training days of this season")
        day = next(iter(self.members.values())).shape[1] // 2
        drawn = self.members["load_kw"][:, :day].sum(axis=(1, 2)) - self.members["pv_kw"][:, :day].sum(axis=(1, 2))
        order = np.argsort(drawn, kind="stable")
        return np.asarray(order[((np.arange(n) + 0.5) * len(order) / n).astype(np.int64)])


class Contextual:
    """The models of all markets of a run, fitted to its training days."""

    def __init__(self, profiles: DayProfiles, source: HasTrainingDays, params: ContextualParams) -> None:
        self._profiles, self._source = profiles, source
        self._told = params.context in ("own", "shared")
        self._taught = source.training_days()
        largest = max(series.size for series in self._taught.series.values())
        if largest > _MOST_NUMBERS:
            hint = "take longer slots, fewer agents or markets, or another forecast"
            seen = f"{largest:,} values a series"
            raise ProfileError([Problem("too many training days to learn from", "profiles.forecast", seen, hint)])
        self.per_market = len(profiles.context.agents)
        self._models = [
            {
                name: ContextModel(
                    KINDS[name], self._taught.days, self._taught.runs, series[:, :, self._rows(market)],
                    self._taught.sunny[:, market], own=self._told, shared=params.context == "shared",
                )
                for name, series in self._taught.series.items()
            }
            for market in range(profiles.context.community.n_markets)
        ]  # fmt: skip
        self._slot = -1
        self._made: dict[int, Ensemble] = {}

    def _rows(self, market: int) -> slice:
        return slice(market * self.per_market, (market + 1) * self.per_market)

    def ensemble(self, slot: int, market: int) -> Ensemble:
        """What may come in one market from ``slot`` on, as it opens; a slot that is metered is in it as it was."""
        if slot != self._slot:
            self._slot, self._made = slot, {}
        if market not in self._made:
            self._made[market] = self._ensemble(slot, market)
        return self._made[market]

    def _ensemble(self, slot: int, market: int) -> Ensemble:
        profiles, steps = self._profiles, self._profiles.steps
        known = slot if profiles.sees_slot else slot - 1
        today, last_step = known // steps, known % steps
        sunny = float(profiles.source.sunny(today)[market * self.per_market])
        kept = self._alike(today, market, sunny)
        members = {}
        for name, model in self._models[market].items():
            looked = self._looked_at(name, model, known, market, sunny)
            expected = looked.ahead + model.beyond(looked, last_step)
            path = np.maximum(expected + model.missed(kept[name], last_step), 0.0)
            if profiles.sees_slot:
                now = profiles.actual(today)[name][last_step, self._rows(market)]
                path = np.concatenate((np.broadcast_to(now, (len(path), 1, len(now))), path[:, :-1]), axis=1)
            members[name] = path
        return Ensemble({name: self._taught.days[positions] for name, positions in kept.items()}, members)

    def _alike(self, today: int, market: int, sunny: float) -> dict[str, IntArray]:
        """Positions of training days of the season by series [n_members]; for PV of the same weather, where that is known."""
        now = int(self._source.weather_days(today)[market])
        positions = complete(self._taught.runs)
        season = positions[months_apart(self._taught.days[positions], now) <= 1]
        if not len(season):
            raise RunError("no training day of this season has enough days around it to learn from")
        same = season[self._taught.sunny[season, market] == sunny]
        like = same if self._told and len(same) >= _FEW else season
        of_pv = like[np.arange(len(season)) * len(like) // len(season)]
        return {name: of_pv if name == "pv_kw" else season for name in self._taught.series}

    def _looked_at(self, name: str, model: ContextModel, known: int, market: int, sunny: float) -> Looked:
        """The day up to ``known`` and the two days behind it."""
        steps = self._profiles.steps
        first = known - steps + 1
        days = range(first // steps, (known + 2 * steps) // steps + 1)
        classes = [int(class_of(self._source.weather_days(day))[market]) for day in days]
        usual = np.concatenate([model.usual[each] for each in classes])[first % steps :]
        past = np.concatenate([self._profiles.actual(day)[name][:, self._rows(market)] for day in days[:2]])
        metered = past[first % steps :][:steps]
        past, ahead = usual[np.newaxis, :steps], usual[np.newaxis, steps : 3 * steps]
        return Looked(metered - past, past, ahead, np.array([sunny]))


class ContextualForecast(SlotForecast):
    """Forecast of k agents at the opening of a slot; implements ``core.records.UncertainForecast``."""

    def __init__(self, profiles: DayProfiles, time: SlotTime, agents: IntArray, contextual: Contextual) -> None:
        super().__init__(profiles, time, agents)
        self._contextual = contextual

    def paths(self, name: str, horizon: int, n: int) -> FloatArray:
        """``n`` courses of a series that may come, as likely as each other [n, horizon, k]; KeyError if there is no such series.

        All series and agents of a market have the same training days in the same order.
        """
        if name in (WEATHER, *VEHICLE_NAMES):
            return np.repeat(self.series(name, horizon)[np.newaxis], n, axis=0)
        if name == "load_kvar":
            return self.paths("load_kw", horizon, n) * self._profiles.tan[self._agents]
        self._demand(name)
        return self._by_market(n, horizon, lambda ensemble: ensemble.of(name, horizon)[ensemble.spread_out(n)])

    def quantiles(self, name: str, horizon: int, levels: Sequence[float]) -> FloatArray:
        """Quantiles of a series of the source in each slot [n_levels, horizon, k]; KeyError if there is no such series."""
        asked = np.array(levels, dtype=np.float64)
        if not ((asked >= 0.0) & (asked <= 1.0)).all():
            raise ValueError(f"quantiles lie within 0..1: {levels}")
        self._demand(name)
        return self._by_market(
            len(asked), horizon, lambda ensemble: np.asarray(np.quantile(ensemble.of(name, horizon), asked, axis=0))
        )

    def _expected(self, name: str, horizon: int) -> FloatArray:
        mean = self._by_market(1, horizon, lambda ensemble: ensemble.of(name, horizon).mean(axis=0)[np.newaxis])
        return np.asarray(mean[0])

    def _demand(self, name: str) -> None:
        if name not in self._profiles.source.names:
            raise UnknownSeries(name, self._known())

    def _by_market(self, n: int, horizon: int, taken: Callable[[Ensemble], FloatArray]) -> FloatArray:
        """What is taken of each market's ensemble for the agents that are asked about [n, horizon, k]."""
        found = np.zeros((n, horizon, len(self._agents)))
        market, place = np.divmod(self._agents, self._contextual.per_market)
        for each in np.unique(market):
            own = market == each
            found[:, :, own] = taken(self._contextual.ensemble(self._time.slot, int(each)))[:, :, place[own]]
        return found
