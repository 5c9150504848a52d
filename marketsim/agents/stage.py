"""A slot as the agents of one simple strategy share it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from marketsim.agents.strategies.plan import DispatchPlan
from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.read_only import read_only
from marketsim.core.records import Observations, Standing
from marketsim.core.units import to_price


class Stage:
    """What they see, the plan so far, and what they dispatch themselves; forecasts are asked for once."""

    def __init__(
        self,
        seen: Observations,
        plan: DispatchPlan,
        follow: Callable[[IntArray, BoolArray], tuple[DispatchPlan, Standing]],
        standing: Standing,
    ) -> None:
        self.seen = seen
        self.fixed = np.zeros(plan.dispatch_wh.shape, dtype=bool)
        self.wanted_wh = plan.dispatch_wh.copy()
        self.kvar: FloatArray | None = None
        """Reactive power that agents ask of their inverters [k]; None: nobody has."""
        self._plan, self._standing, self._follow, self._stale = plan, standing, follow, False
        self._series: dict[tuple[str, int], FloatArray] = {}
        self._prices: dict[int, tuple[FloatArray, FloatArray]] = {}

    def fix(self, device: int, agent: int, energy_wh: int) -> None:
        """Let an agent run its device itself."""
        self.fixed[device, agent], self.wanted_wh[device, agent] = True, energy_wh
        self._stale = True

    def ask(self, agent: int, kvar: float) -> None:
        """Ask an agent's inverter for reactive power."""
        if self.kvar is None:
            self.kvar = np.zeros(len(self.seen.load_wh))
        self.kvar[agent] = kvar

    def now(self) -> tuple[DispatchPlan, Standing]:
        """Plan and positions after everything that the agents dispatched so far."""
        if self._stale:
            self._plan, self._standing = self._follow(self.wanted_wh, self.fixed)
            self._stale = False
        return self._plan, self._standing

    def series(self, name: str, horizon: int) -> FloatArray:
        """Forecast of a series [horizon, k]."""
        if (name, horizon) not in self._series:
            self._series[name, horizon] = read_only(self.seen.forecast.series(name, horizon))
        return self._series[name, horizon]

    def prices(self, horizon: int) -> tuple[FloatArray, FloatArray]:
        """Retail and feed-in prices [currency/kWh], each [horizon, k]."""
        if horizon not in self._prices:
            retail, feed_in = self.seen.forecast.tariffs(horizon)
            self._prices[horizon] = read_only((to_price(retail), to_price(feed_in)))
        return self._prices[horizon]
