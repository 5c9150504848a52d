"""The smallest worlds that run: constant series, one tariff, scripted decisions, no grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from marketsim.core import records
from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.clock import Clock, SlotTime
from marketsim.core.ports import ReactiveLaw
from marketsim.core.rng import Streams
from marketsim.core.units import UNLIMITED_WH

OrderRow = tuple[int, int, int, int, int, int]
"""agent, side, price_ticks, energy_wh, component, fallback."""


def community(agents_per_market: int, n_markets: int = 1) -> records.Community:
    """Agents ``a0``, ``a1``, ... without connection limits; every second one is a prosumer."""
    n_agents = agents_per_market * n_markets
    connection = np.tile(np.arange(agents_per_market), n_markets)
    return records.Community(
        names=tuple(f"a{row}" for row in range(n_agents)),
        market=np.repeat(np.arange(n_markets), agents_per_market),
        connection=connection,
        is_prosumer=connection % 2 == 0,
        n_markets=n_markets,
        import_limit_wh=np.full(n_agents, UNLIMITED_WH),
        export_limit_wh=np.full(n_agents, UNLIMITED_WH),
    )


def clock(slots: int = 4, slot_minutes: int = 60) -> Clock:
    """A clock that starts on an ordinary Tuesday."""
    return Clock(date(2016, 7, 12), slots, slot_minutes)


def batch(rows: Sequence[OrderRow]) -> records.OrderBatch:
    """Orders from rows of plain numbers."""
    table = np.array(rows, dtype=np.int64).reshape(-1, 6)
    return records.OrderBatch(*(np.ascontiguousarray(column) for column in table.T))


def build_context(agents_per_market: int = 2, n_markets: int = 1, **more: Any) -> BuildContext:
    """What a part is built from, in a world without devices and grid; ``more`` are fields of the context."""
    people, streams = community(agents_per_market, n_markets), Streams(range(1, n_markets + 1))
    return replace(BuildContext(clock(), streams, people, agents=()), **more)


class FlatForecast:
    """The same in every slot to come."""

    def __init__(self, series: Mapping[str, FloatArray], retail_ticks: IntArray, feed_in_ticks: IntArray) -> None:
        self._series, self._prices = series, (retail_ticks, feed_in_ticks)

    def series(self, name: str, horizon: int) -> FloatArray:
        """A series [horizon, k]."""
        return np.tile(self._series[name], (horizon, 1))

    def tariffs(self, horizon: int) -> tuple[IntArray, IntArray]:
        """Retail and feed-in prices [horizon, k]."""
        retail, feed_in = (np.tile(ticks, (horizon, 1)) for ticks in self._prices)
        return retail, feed_in


class ConstantProfiles:
    """The same power in every slot; forecasts are perfect."""

    def __init__(self, load_kw: Sequence[float], pv_kw: Sequence[float], **series: Sequence[float]) -> None:
        table = {"load_kw": load_kw, "pv_kw": pv_kw, **series}
        self._series = {name: np.asarray(values, dtype=np.float64) for name, values in table.items()}

    def at(self, time: SlotTime) -> dict[str, FloatArray]:  # noqa: ARG002 - constant
        """The series [n_agents]."""
        return self._series

    def forecast(self, time: SlotTime, agents: IntArray) -> records.Forecast:  # noqa: ARG002 - constant
        """A perfect forecast."""
        own = {name: values[agents] for name, values in self._series.items()}
        return FlatForecast(own, np.full(len(agents), 300_000), np.full(len(agents), 80_000))


class FixedTariff:
    """One retail and one feed-in price [ticks] for all markets."""

    def __init__(self, n_markets: int = 1, retail_ticks: int = 300_000, feed_in_ticks: int = 80_000) -> None:
        self._prices = records.Tariffs(np.full(n_markets, retail_ticks), np.full(n_markets, feed_in_ticks), None)

    def at(self, time: SlotTime) -> records.Tariffs:  # noqa: ARG002 - constant
        """The prices."""
        return self._prices


class Scripted:
    """A strategy that does what a function of the observations returns."""

    sees: tuple[str, ...] = ()

    def __init__(self, script: Callable[[records.Observations], records.Decisions]) -> None:
        self._script = script

    def decide(self, seen: records.Observations) -> records.Decisions:
        """Run the script."""
        return self._script(seen)


def plain_decisions(n_agents: int, rows: Sequence[OrderRow], n_devices: int = 0) -> records.Decisions:
    """Decisions without dispatch."""
    return records.Decisions(
        dispatch_wh=np.zeros((n_devices, n_agents), dtype=np.int64),
        marginal_ticks=np.full((n_devices, n_agents), records.UNDECLARED, dtype=np.int64),
        absorb=np.zeros(n_agents, dtype=bool),
        orders=batch(rows),
    )


class UnityReactive:
    """No reactive power, no limits."""

    def __init__(self, n_agents: int = 0) -> None:
        self.law = ReactiveLaw.none(n_agents)

    def behind_kw(self) -> FloatArray:
        """Zero [n_agents]."""
        return np.zeros(len(self.law.kva))

    def kvar(
        self,
        community: records.Community,  # noqa: ARG002
        inputs: records.SlotInputs,  # noqa: ARG002
        firm_wh: IntArray,
        decided: records.AskedKvar | None = None,  # noqa: ARG002 - there are no inverters
    ) -> FloatArray:
        """Zero [n_agents]."""
        return np.zeros(len(firm_wh))

    def inverter_kvar(self, p_kw: FloatArray) -> FloatArray:
        """Zero [n_agents]."""
        return np.zeros_like(p_kw)

    def limit_pv(self, pv_wh: IntArray, hours: float) -> IntArray:  # noqa: ARG002 - no limit
        """PV as it is."""
        return pv_wh


def accept_all(orders: records.Orders, tariffs: records.Tariffs) -> tuple[BoolArray, records.Rejects]:  # noqa: ARG001 - no bounds
    """Bounds that let every order with a limit price in."""
    return orders.limit_ticks > records.UTILITY_ONLY_TICKS, records.empty_rejects()
