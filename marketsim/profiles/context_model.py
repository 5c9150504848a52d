"""What is expected of a series of the agents of one market, by what is known when a slot has been metered.

The usual value b of a slot is the mean of its time of day over training days of the same kind (workdays or not) in the same month
and its neighbours; for PV and heat of all days. What is expected beyond it is linear in the context::

    y(u + h) - b(u + h)  =  sum_j c_j(h) x_j(u, u + h)

with u the last metered slot and h the lead. Coefficients are each agent's own, fitted by least squares with a ridge on training
days, at a few leads, and linear in the lead between. What the series was off by at the same time on training days of the season
and of the same weather flag is what it may be off by now: members of an ensemble, each a day that really was, the same for all
series and agents, so that what belongs together stays together.

Context x of an agent itself: how far it has been from the usual in the last hour, three hours and day (of PV as a share of what
is usual, which then scales with the slot expected), how far a day before that slot, and the day's weather flag while that day
lasts. Shared: how far all agents of the market together have been, as a share, in the last hour, three hours and day.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.profiles.training_days import N_CLASSES, class_of

_WINDOWS_H: Final = (1.0, 3.0, 24.0)
_LEADS_H: Final = (1.0, 2.0, 3.0, 6.0, 12.0, 24.0, 36.0, 48.0)
"""Where coefficients are fitted [h]."""
RIDGE: Final = 0.02
"""Share of a variable's square that is added to it."""
_DARK: Final = 0.1
"""A share of the usual says nothing where the usual is less than so much of the day's mean."""


class SeriesKind(NamedTuple):
    """How a series is looked at."""

    name: str
    relative: bool
    """Whether what it is off by scales with what is usual."""
    by_workday: bool
    """Whether workdays have a usual day of their own."""


KINDS: Final = {
    "load_kw": SeriesKind("load_kw", relative=False, by_workday=True),
    "pv_kw": SeriesKind("pv_kw", relative=True, by_workday=False),
    "heat_kw": SeriesKind("heat_kw", relative=False, by_workday=False),
}


def usual_days(series: FloatArray, days: IntArray, kind: SeriesKind) -> FloatArray:
    """Mean day of each class, the own month counting twice its neighbours [N_CLASSES, steps, n_agents]."""
    chosen = [series[class_of(days) == each] for each in range(N_CLASSES)]
    total = np.array([each.sum(axis=0) for each in chosen]).reshape(2, 12, *series.shape[1:])
    count = np.array([float(len(each)) for each in chosen]).reshape(2, 12, 1, 1)
    if not kind.by_workday:
        total, count = (np.broadcast_to(each.sum(axis=0), each.shape) for each in (total, count))
    total, count = (2.0 * each + np.roll(each, 1, axis=1) + np.roll(each, -1, axis=1) for each in (total, count))
    mean = total / np.maximum(count, 1.0)
    return np.asarray(mean.reshape(N_CLASSES, *series.shape[1:]))


class Windows(NamedTuple):
    """Lengths in slots."""

    recent: tuple[int, ...]
    """Windows that end with the last metered slot; the longest is a day."""
    leads: tuple[int, ...]

    @classmethod
    def of(cls, steps: int) -> Windows:
        """In slots of which a day has ``steps``."""
        recent = tuple(max(round(hours * steps / 24), 1) for hours in _WINDOWS_H)
        leads = tuple(dict.fromkeys(max(round(hours * steps / 24), 1) for hours in _LEADS_H))
        return cls(recent, leads)


def complete(runs: Sequence[slice]) -> IntArray:
    """Positions of training days with a day in a row before and two behind [n]."""
    return np.array([day for run in runs for day in range(run.start + 1, run.stop - 2)], dtype=np.int64)


class Looked(NamedTuple):
    """What is looked at, of n issues of a forecast."""

    off: FloatArray
    """What the last day was off by, up to the last metered slot [n, steps, T]."""
    usual: FloatArray
    """What was usual in it [n, steps, T]."""
    ahead: FloatArray
    """What is usual in slots to come [n, n_leads, T]."""
    sunny: FloatArray
    """Flag of the day of the last metered slot [n]."""


class ContextModel:
    """One series of the agents of one market."""

    def __init__(
        self,
        kind: SeriesKind,
        days: IntArray,
        runs: Sequence[slice],
        series: FloatArray,
        sunny: FloatArray,
        *,
        own: bool,
        shared: bool,
    ) -> None:
        """``series`` [n_days, steps, T], ``sunny`` [n_days]; ``own``, ``shared``: which context it goes by."""
        self.kind, self._own, self._shared = kind, own, shared
        self._steps = series.shape[1]
        self._windows = Windows.of(self._steps)
        self.usual = usual_days(series, days, kind)
        """[N_CLASSES, steps, T]."""
        usual = self.usual[class_of(days)]
        self._off, self._b = (each.reshape(-1, series.shape[2]) for each in (series - usual, usual))
        self._sunny = sunny
        self._coefficients = self._fitted(runs) if own else None

    def missed(self, days: IntArray, last_step: int) -> FloatArray:
        """What was not foreseen from training days on, when their slot ``last_step`` had been metered [n, two days, T].

        ``days``: positions of ``complete`` ones.
        """
        known, leads = days * self._steps + last_step, np.arange(1, 2 * self._steps + 1)
        told = self.beyond(self._looked(known, leads), last_step)
        return np.asarray(self._off[known[:, None] + leads] - told)

    def beyond(self, looked: Looked, last_step: int) -> FloatArray:
        """What is expected beyond the usual value of the slots ahead, one after the other [n, n_leads, T]."""
        found = np.zeros_like(looked.ahead)
        if self._coefficients is None:
            return found
        leads = np.arange(1, looked.ahead.shape[1] + 1)
        for x, c in zip(self._context(looked, leads, last_step), self._at(self._coefficients, leads), strict=True):
            found += x * c
        return found

    def _looked(self, known: IntArray, leads: IntArray) -> Looked:
        """Of training days, the last metered slots by their place in all days one after another."""
        past = known[:, None] + np.arange(1 - self._steps, 1)
        ahead = np.minimum(known[:, None] + leads, len(self._b) - 1)
        return Looked(self._off[past], self._b[past], self._b[ahead], self._sunny[known // self._steps])

    def _context(self, looked: Looked, leads: IntArray, last_step: int) -> list[FloatArray]:
        """Context of slots ahead, a variable after the other, each to be spread over [n, n_leads, T]."""
        off, usual, ahead, sunny = looked
        today = (last_step + leads < self._steps).astype(np.float64)
        lit = _DARK * usual.mean(axis=1)
        found: list[FloatArray] = []
        of_all = []
        for window in self._windows.recent:
            recent, typical = off[:, -window:].mean(axis=1), usual[:, -window:].mean(axis=1)
            relative = self.kind.relative
            found.append((_ratio(recent, typical, lit)[:, None] * ahead) if relative else recent[:, None])
            sums = (each.sum(axis=1, keepdims=True) for each in (recent, typical, lit))
            of_all.append(_ratio(*sums)[:, None] * ahead)
        found.append(off[:, (leads - 1) % self._steps])
        found.append((sunny - 0.5)[:, None, None] * today[:, None] * ahead)
        return found + of_all if self._shared else found

    def _at(self, coefficients: FloatArray, leads: IntArray) -> FloatArray:
        """Coefficients at each lead [n_variables, n_leads, T]; behind the last knot as there."""
        knots = np.array(self._windows.leads)
        if len(knots) == 1:
            return np.repeat(coefficients, len(leads), axis=1)
        right = np.clip(np.searchsorted(knots, leads), 1, len(knots) - 1)
        part = np.clip((leads - knots[right - 1]) / (knots[right] - knots[right - 1]), 0.0, 1.0)[None, :, None]
        left, later = coefficients[:, right - 1], coefficients[:, right]
        return np.asarray(left + part * (later - left))

    def _fitted(self, runs: Sequence[slice]) -> FloatArray:
        """Coefficients at the knots [n_variables, n_knots, T], from every hour of every day with a day in a row before."""
        leads = np.array(self._windows.leads)
        days = np.array([day for run in runs for day in range(run.start + 1, run.stop)], dtype=np.int64)
        ends = np.array([run.stop for run in runs for _ in range(run.start + 1, run.stop)]) * self._steps
        n_variables = len(_WINDOWS_H) * (1 + self._shared) + 2
        squares = np.zeros((len(leads), self._off.shape[1], n_variables, n_variables))
        products = np.zeros(squares.shape[:3])
        for step in range(0, self._steps, max(self._steps // 24, 1)):
            known = days * self._steps + step
            inside = (known[:, None] + leads < ends[:, None])[:, :, None]
            looked = self._looked(known, leads)
            x = np.array([np.where(inside, each, 0.0) for each in self._context(looked, leads, step)])
            came = self._off[np.minimum(known[:, None] + leads, len(self._off) - 1)]
            squares += np.einsum("vnlt,wnlt->ltvw", x, x)
            products += np.einsum("vnlt,nlt->ltv", x, came)
        diagonal = np.einsum("ltvv->ltv", squares)
        diagonal += RIDGE * diagonal + 1e-12
        return np.asarray(np.linalg.solve(squares, products[..., None])[..., 0].transpose(2, 0, 1))


def _ratio(value: FloatArray, typical: FloatArray, least: FloatArray) -> FloatArray:
    """``value / typical``; 0 where what is typical is too little to tell anything."""
    found = np.zeros_like(value)
    np.divide(value, typical, out=found, where=typical > np.maximum(least, 1e-9))
    return found
