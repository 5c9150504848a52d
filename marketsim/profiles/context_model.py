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


class Kind(NamedTuple):
    """How a series is looked at."""

    name: str
    relative: bool
    """Whether what it is off by scales with what is usual."""
    by_workday: bool
    """Whether workdays have a usual day of their own."""


KINDS: Final = {
    "load_kw": Kind("load_kw", relative=False, by_workday=True),
    "pv_kw": Kind("pv_kw", relative=True, by_workday=False),
    "heat_kw": Kind("heat_kw", relative=False, by_workday=False),
}


def usual_days(series: FloatArray, days: IntArray, kind: Kind) -> FloatArray:
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


class ContextModel:
    """One series of the agents of one market."""

    def __init__(
        self,
        kind: Kind,
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
        self._b = self.usual[class_of(days)]
        self._off = series - self._b
        self._sunny, self._runs = sunny, list(runs)
        self._coefficients = self._fitted()

    def missed(self, day: int, last_step: int) -> FloatArray:
        """What was not foreseen of two days from a training day on, when its slot ``last_step`` had been metered [two days, T].

        ``day``: its position; see ``complete``.
        """
        run = next(each for each in self._runs if each.start <= day < each.stop)
        b, off = (each[run].reshape(-1, each.shape[2]) for each in (self._b, self._off))
        known = (day - run.start) * self._steps + last_step
        past = slice(known - self._steps + 1, known + 1)
        ahead = slice(known + 1, known + 1 + 2 * self._steps)
        told = self.beyond(off[past], b[past], b[ahead], float(self._sunny[day]), last_step)
        return np.asarray(off[ahead] - told)

    def beyond(self, off: FloatArray, usual: FloatArray, ahead: FloatArray, sunny: float, last_step: int) -> FloatArray:
        """What is expected beyond the usual value of the slots ahead [horizon, T].

        ``off``: what the last day was off by, up to the last metered slot, and ``usual`` what was usual in it, each [steps, T];
        ``ahead``: what is usual in the slots to come [horizon, T]; ``sunny``: the flag of the day of the last metered slot.
        """
        if not self._own:
            return np.zeros_like(ahead)
        leads = np.arange(1, len(ahead) + 1)
        today = _today(leads, last_step, self._steps)
        found = np.zeros_like(ahead)
        for x, c in zip(self._context(off, usual, ahead, leads, sunny, today), self._at(leads), strict=True):
            found += x * c
        return found

    def _context(
        self, off: FloatArray, usual: FloatArray, ahead: FloatArray, leads: IntArray, sunny: float, today: FloatArray
    ) -> list[FloatArray]:
        """Context of each slot ahead, a variable after the other, each [horizon, T]."""
        scale = ahead if self.kind.relative else np.ones_like(ahead)
        lit = _DARK * usual.mean(axis=0)
        found = []
        for window in self._windows.recent:
            recent, typical = off[-window:].mean(axis=0), usual[-window:].mean(axis=0)
            if self.kind.relative:
                recent = _ratio(recent, typical, lit)
            found.append(recent * scale)
        found.append(off[(leads - 1) % self._steps])
        found.append((sunny - 0.5) * today[:, None] * ahead)
        if self._shared:
            for window in self._windows.recent:
                recent, typical = off[-window:].mean(axis=0).sum(), usual[-window:].mean(axis=0).sum()
                found.append(_ratio(recent, typical, np.asarray(lit.sum())) * ahead)
        return found

    def _at(self, leads: IntArray) -> FloatArray:
        """Coefficients at each lead [n_variables, horizon, T]; behind the last knot as there."""
        knots = np.array(self._windows.leads)
        right = np.clip(np.searchsorted(knots, leads), 1, max(len(knots) - 1, 1))
        if len(knots) == 1:
            return np.repeat(self._coefficients[:, :1], len(leads), axis=1)
        part = np.clip((leads - knots[right - 1]) / (knots[right] - knots[right - 1]), 0.0, 1.0)[None, :, None]
        left, later = self._coefficients[:, right - 1], self._coefficients[:, right]
        return np.asarray(left + part * (later - left))

    def _fitted(self) -> FloatArray:
        """Coefficients at the knots [n_variables, n_knots, T]."""
        n_agents = self.usual.shape[2]
        n_variables = 5 + (3 if self._shared else 0)
        fitted = np.zeros((n_variables, len(self._windows.leads), n_agents))
        if not self._own:
            return fitted
        leads = np.array(self._windows.leads)
        squares = np.zeros((len(leads), n_agents, n_variables, n_variables))
        products = np.zeros((len(leads), n_agents, n_variables))
        hourly = range(0, self._steps, max(self._steps // 24, 1))
        for run in self._runs:
            b, off = (each[run].reshape(-1, each.shape[2]) for each in (self._b, self._off))
            for known in [day * self._steps + step for day in range(1, run.stop - run.start) for step in hourly]:
                inside = leads[known + leads < len(off)]
                if len(inside):
                    past = slice(known - self._steps + 1, known + 1)
                    step = known % self._steps
                    flag = float(self._sunny[run.start + known // self._steps])
                    x = np.array(
                        self._context(
                            off[past], b[past], b[known + inside], inside, flag, _today(inside, step, self._steps)
                        )
                    ).transpose(1, 2, 0)
                    squares[: len(inside)] += x[..., :, None] * x[..., None, :]
                    products[: len(inside)] += x * off[known + inside][..., None]
        diagonal = np.einsum("laii->lai", squares)
        diagonal += RIDGE * diagonal + 1e-12
        return np.asarray(np.linalg.solve(squares, products[..., None])[..., 0].transpose(2, 0, 1))


def _today(leads: IntArray, last_step: int, steps: int) -> FloatArray:
    """1 for slots of the day of the last metered one, 0 for later ones [horizon]."""
    return (last_step + leads < steps).astype(np.float64)


def _ratio(value: FloatArray, typical: FloatArray, least: FloatArray) -> FloatArray:
    """``value / typical``; 0 where what is typical is too little to tell anything."""
    found = np.zeros_like(value)
    np.divide(value, typical, out=found, where=typical > np.maximum(least, 1e-9))
    return found
