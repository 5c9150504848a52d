"""The smallest worlds that run: constant series, one tariff, scripted decisions, no grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.clock import Clock, SlotTime
from marketsim.core.ports import ChargeTable, Gate, ReactiveLaw
from marketsim.core.records import (
    AskedKvar,
    Community,
    Decisions,
    Forecast,
    Observations,
    OrderBatch,
    Orders,
    Rejects,
    SlotInputs,
    Tariffs,
    empty_rejects,
)
from marketsim.core.rng import Streams
from marketsim.core.units import UNLIMITED_WH

OrderRow = tuple[int, int, int, int, int, int]
"""agent, side, price_ticks, energy_wh, component, fallback."""


def community(agents_per_market: int, n_markets: int = 1) -> Community:
    """Agents ``a0``, ``a1``, ... without connection limits; every second one is a prosumer."""
    n_agents = agents_per_market * n_markets
    connection = np.tile(np.arange(agents_per_market), n_markets)
    return Community(
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


def batch(rows: Sequence[OrderRow]) -> OrderBatch:
    """Orders from rows of plain numbers."""
    table = np.array(rows, dtype=np.int64).reshape(-1, 6)
    return OrderBatch(*(np.ascontiguousarray(column) for column in table.T))


def build_context(agents_per_market: int = 2, n_markets: int = 1, **more: Any) -> BuildContext:
    """What a part is built from, in a world without devices and grid; ``more`` are fields of the context."""
    known = {
        "clock": clock(),
        "streams": Streams(range(1, n_markets + 1)),
        "community": community(agents_per_market, n_markets),
        "agents": (),
    }
    return BuildContext(**{**known, **more})


class ConstantProfiles:
    """The same power in every slot; forecasts are perfect."""

    def __init__(self, load_kw: Sequence[float], pv_kw: Sequence[float], **series: Sequence[float]) -> None:
        table = {"load_kw": load_kw, "pv_kw": pv_kw, **series}
        self._series = {name: np.asarray(values, dtype=np.float64) for name, values in table.items()}

    def at(self, time: SlotTime) -> dict[str, FloatArray]:  # noqa: ARG002 - constant
        """The series [n_agents]."""
        return self._series

    def forecast(self, time: SlotTime, agents: IntArray) -> Forecast:  # noqa: ARG002 - constant
        """A perfect forecast."""
        return _ConstantForecast(self._series, agents)


class _ConstantForecast:
    def __init__(self, series: dict[str, FloatArray], agents: IntArray) -> None:
        self._series, self._agents = series, agents

    def series(self, name: str, horizon: int) -> FloatArray:
        return np.tile(self._series[name][self._agents], (horizon, 1))

    def tariffs(self, horizon: int) -> tuple[IntArray, IntArray]:
        shape = (horizon, len(self._agents))
        return np.full(shape, 300_000), np.full(shape, 80_000)


class FixedTariff:
    """One retail and one feed-in price [ticks] for all markets."""

    def __init__(self, n_markets: int = 1, retail_ticks: int = 300_000, feed_in_ticks: int = 80_000) -> None:
        self._prices = Tariffs(np.full(n_markets, retail_ticks), np.full(n_markets, feed_in_ticks), None)

    def at(self, time: SlotTime) -> Tariffs:  # noqa: ARG002 - constant
        """The prices."""
        return self._prices


class Scripted:
    """A strategy that does what a function of the observations returns."""

    sees: tuple[str, ...] = ()

    def __init__(self, script: Callable[[Observations], Decisions]) -> None:
        self._script = script

    def decide(self, seen: Observations) -> Decisions:
        """Run the script."""
        return self._script(seen)


def plain_decisions(n_agents: int, rows: Sequence[OrderRow], n_devices: int = 0) -> Decisions:
    """Decisions without dispatch."""
    return Decisions(
        dispatch_wh=np.zeros((n_devices, n_agents), dtype=np.int64),
        marginal_ticks=np.full((n_devices, n_agents), -1, dtype=np.int64),
        absorb=np.zeros(n_agents, dtype=bool),
        orders=batch(rows),
    )


class NoCharges:
    """Trade is free of network charges."""

    def __init__(self, n_agents: int) -> None:
        self._zero = np.zeros(n_agents, dtype=np.int64)

    def at(self, inputs: SlotInputs, gate: Gate) -> ChargeTable:  # noqa: ARG002 - constant
        """Zero."""
        return ChargeTable(self._zero, self._zero, None)


class NoAllocation:
    """Orders as they are."""

    def grant(self, orders: Orders, gate: Gate, tariffs: Tariffs) -> tuple[Orders, Rejects]:  # noqa: ARG002
        """The orders, and no rejects."""
        return orders, empty_rejects()


class UnityReactive:
    """No reactive power, no limits."""

    def __init__(self, n_agents: int = 0) -> None:
        self.law = ReactiveLaw.none(n_agents)

    def behind_kw(self) -> FloatArray:
        """Zero [n_agents]."""
        return np.zeros(len(self.law.kva))

    def kvar(
        self,
        community: Community,  # noqa: ARG002
        inputs: SlotInputs,  # noqa: ARG002
        firm_wh: IntArray,
        decided: AskedKvar | None = None,  # noqa: ARG002 - there are no inverters
    ) -> FloatArray:
        """Zero [n_agents]."""
        return np.zeros(len(firm_wh))

    def inverter_kvar(self, p_kw: FloatArray) -> FloatArray:
        """Zero [n_agents]."""
        return np.zeros_like(p_kw)

    def limit_pv(self, pv_wh: IntArray, hours: float) -> IntArray:  # noqa: ARG002 - no limit
        """PV as it is."""
        return pv_wh


def accept_all(orders: Orders, tariffs: Tariffs) -> tuple[BoolArray, Rejects]:  # noqa: ARG001 - no bounds
    """Bounds that let every order with a limit price in."""
    return orders.limit_ticks >= 0, empty_rejects()
