"""What everything replaceable implements. Adapters import this module; it imports only the core.

Shapes and signs are those of ``records``. Every object here is plain and resolved when a simulation is built.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.clock import SlotTime
from marketsim.core.records import (
    Community,
    Decisions,
    DeviceRange,
    Forecast,
    GridState,
    Observations,
    Orders,
    Quotes,
    Rejects,
    SlotInputs,
    Tariffs,
    Trades,
)
from marketsim.core.welfare import GridModel


class Profiles(Protocol):
    """Load, PV and other series of every agent."""

    def at(self, time: SlotTime) -> dict[str, FloatArray]:
        """Actual mean of every series in a slot [n_agents]; at least ``load_kw`` and ``pv_kw``, both >= 0."""
        ...

    def forecast(self, time: SlotTime, agents: IntArray) -> Forecast:
        """What these agents expect when the slot ``time`` opens; never the actuals unless configured as perfect."""
        ...


class Tariff(Protocol):
    """The utility's published prices."""

    def at(self, time: SlotTime) -> Tariffs:
        """Prices of a slot, known in advance."""
        ...


class Device(Protocol):
    """A fleet: one kind of device, a row an agent of the flat axis, zero ratings where an agent has none.

    All methods are pure: state in, state out.
    """

    name: str
    stores: bool
    """True where drawn energy comes back (a battery): drawing is then no final consumption."""

    def initial(self) -> FloatArray:
        """State at the start [rows, n_agents]."""
        ...

    def range(self, state: FloatArray, inputs: SlotInputs) -> DeviceRange:
        """What the fleet can do in this slot."""
        ...

    def advance(self, state: FloatArray, inputs: SlotInputs, energy_wh: IntArray) -> tuple[FloatArray, IntArray]:
        """The next state after ``energy_wh`` was executed (lo <= energy <= hi), and what missed its deadline [Wh]."""
        ...

    def running_cost(self, energy_wh: IntArray, unserved_wh: IntArray) -> IntArray:
        """Wear, fuel and discomfort of the slot at stated costs [1e-9 currency]; no payment [n_agents]."""
        ...


@runtime_checkable
class Strategy(Protocol):
    """Decides for the k agents given to it, all at once."""

    sees: tuple[str, ...]
    """Fields of ``Observations`` that it uses, for the documentation."""

    def decide(self, seen: Observations) -> Decisions:
        """Dispatch and orders for the slot that opens."""
        ...


@runtime_checkable
class RevisingStrategy(Strategy, Protocol):
    """A strategy that quotes anew in each round of a slot."""

    def revise(self, seen: Observations, quotes: Quotes) -> IntArray:
        """New limit prices [ticks] of its own open orders [n_own_orders]."""
        ...


class GateKernel(NamedTuple):
    """The compiled form of a gate's check; see ``compiled.ADMIT``."""

    admit: Callable[..., tuple[int, int, int]]
    ints: IntArray
    """[n_markets, rows, columns]; state and constants, changed by ``admit``."""
    floats: FloatArray


class Gate(Protocol):
    """Admits energy between connections as far as the grid takes it. One slot at a time: open, admit..., close."""

    kernel: GateKernel | None
    """None: a gate in plain Python; engines then run their Python twin."""

    def open(self, firm_wh: IntArray, kvar: FloatArray) -> None:
        """Start a slot from the untraded state (net energy and reactive power an agent) and freeze its limits."""
        ...

    def admit(self, market: int, source: int, sink: int, wh: int) -> tuple[int, int, int]:
        """Commit as much of ``wh`` as is admissible from ``source`` to ``sink`` (NOWHERE: moves nothing there).

        Returns (admitted Wh, code, element); code is a ``Reason``, plus BLAMES_SINK, where something was refused.
        """
        ...

    def release(self, market: int, source: int, sink: int, wh: int) -> None:
        """Take back what was admitted."""
        ...

    def amend(self, delta_wh: IntArray, kvar: FloatArray) -> None:
        """Change what was committed to what was delivered [n_agents], limits or not; ``kvar`` replaces ``open``'s."""
        ...

    def broken(self) -> BoolArray:
        """Markets whose limits the AC state breaks beyond the untraded state [n_markets]; never for an exact gate."""
        ...

    def sensitivity(self) -> FloatArray:
        """How far an injection by each agent moves the tightest bus towards its limit, before trade [p.u./Wh] [n_agents].

        Negative: it moves it away, as where undervoltage is what threatens.
        """
        ...

    def close(self) -> GridState:
        """Solve what was committed."""
        ...


class ChargeTable(NamedTuple):
    """Network charges of a slot [ticks], frozen before matching."""

    buy_ticks: IntArray
    """Added to what a buyer pays [n_agents]."""
    sell_ticks: IntArray
    """Taken from what a seller gets [n_agents]."""
    pair_ticks: IntArray | None
    """Charge between connections [n_markets, n_connections, n_connections], paid by the buyer; None: additive only."""


class Charges(Protocol):
    """Network charges on trade between peers."""

    pairwise: bool

    def at(self, inputs: SlotInputs, gate: Gate) -> ChargeTable:
        """Charges of the slot, from the untraded state of the open gate."""
        ...


class Engine(Protocol):
    """Matches orders. Same orders, same gate answers: same trades."""

    name: str
    supports_pairs: bool
    """Whether ``pair_ticks`` can be handled."""

    def match(
        self, orders: Orders, gate: Gate, tariffs: Tariffs, pair_ticks: IntArray | None = None
    ) -> tuple[Trades, Rejects]:
        """Trades and refusals. ``buyer_ticks`` and ``seller_ticks`` at the hub, but for pair charges in the buyer's."""
        ...


@runtime_checkable
class RetryingEngine(Protocol):
    """An engine that tries orders again which the gate refused."""

    def with_retry_passes(self, passes: int) -> Engine:
        """The same engine with at most so many passes (``grid.retry_passes``)."""
        ...


@runtime_checkable
class PlanningEngine(Protocol):
    """An engine that plans trades with the grid's AC limits, before the gate is asked."""

    def with_grid(self, grid: GridModel | None) -> Engine:
        """The same engine with the AC model of the gate's limits; None: the gate limits nothing."""
        ...


class Allocation(Protocol):
    """Shares out scarce grid capacity among sellers before matching; the default, by arrival, does nothing."""

    def grant(self, orders: Orders, gate: Gate, tariffs: Tariffs) -> tuple[Orders, Rejects]:
        """Orders with reduced ``energy_wh`` or raised ``firm_wh``, and what was taken from them."""
        ...


class Reactive(Protocol):
    """Reactive power of loads and inverters."""

    def kvar(self, community: Community, inputs: SlotInputs, firm_wh: IntArray) -> FloatArray:
        """Reactive injection of the untraded state an agent [kvar]; consumption is negative [n_agents]."""
        ...

    def limit_pv(self, pv_wh: IntArray, hours: float) -> IntArray:
        """PV left within the apparent limit of the inverter at its set-point [n_agents]."""
        ...
