"""What everything replaceable implements. Adapters import this module; it imports only the core.

Shapes and signs are those of ``records``. Every object here is plain and resolved when a simulation is built.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Generic, NamedTuple, Protocol, runtime_checkable

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.clock import SlotTime
from marketsim.core.cost_game import CostGame, Division, PricedGame
from marketsim.core.fleets import FleetInfo
from marketsim.core.imported import ImportedScenario
from marketsim.core.period import Period
from marketsim.core.programme import LinearBlock, PlannedSlots
from marketsim.core.records import (
    AskedKvar,
    Community,
    Decisions,
    DeviceRange,
    Exchange,
    Forecast,
    GridState,
    Ledger,
    Observations,
    Orders,
    Quotes,
    Rejects,
    SlotInputs,
    Tariffs,
    Trades,
)
from marketsim.core.standing import MemberStanding


class Profiles(Protocol):
    """Load, PV and other series of every agent."""

    def at(self, time: SlotTime) -> dict[str, FloatArray]:
        """Actual mean of every series in a slot [n_agents]; at least ``load_kw`` and ``pv_kw``, both >= 0."""
        ...

    def forecast(self, time: SlotTime, agents: IntArray) -> Forecast:
        """What these agents expect when the slot ``time`` opens; never the actuals unless configured as perfect."""
        ...


@runtime_checkable
class Noted(Protocol):
    """What profiles may be beside: they found something in their series that whoever runs them should know."""

    notes: tuple[str, ...]
    """A sentence each."""


class Tariff(Protocol):
    """The utility's published prices."""

    def at(self, time: SlotTime) -> Tariffs:
        """Prices of a slot, known in advance."""
        ...


class Device(Protocol):
    """A fleet: one kind of device, a row an agent of the flat axis, zero ratings where an agent has none.

    All methods are pure: state in, state out.
    """

    info: FleetInfo
    """What the fleet is."""

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
class LinearDevice(Device, Protocol):
    """A device that can say in linear terms what it could do over the slots to come, so that others plan it.

    One that cannot is planned at its firm energy.
    """

    def linear(self, state: FloatArray, ahead: PlannedSlots) -> LinearBlock:
        """What the devices of ``ahead.agents`` could do from their ``state`` [rows, k] on."""
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

    def at(self, inputs: SlotInputs, gate: Gate) -> ChargeTable:
        """Charges of the slot, from the untraded state of the open gate."""
        ...


class Engine(Protocol):
    """Matches orders. Same orders, same gate answers: same trades."""

    name: str
    rounds: int
    """How often agents quote within a slot, at least once; from the second round on in ``RevisingStrategy.revise``."""

    def match(
        self, orders: Orders, gate: Gate, tariffs: Tariffs, pair_ticks: IntArray | None = None
    ) -> tuple[Trades, Rejects]:
        """Trades and refusals; ``pair_ticks`` only to an engine whose entry has the trait ``pairs``.

        ``buyer_ticks`` and ``seller_ticks`` at the hub, but for pair charges in the buyer's.
        """
        ...


class Allocation(Protocol):
    """Shares out scarce grid capacity among sellers before matching; the default, by arrival, does nothing."""

    def grant(self, orders: Orders, gate: Gate, tariffs: Tariffs) -> tuple[Orders, Rejects]:
        """Orders with reduced ``energy_wh`` or raised ``firm_wh``, and what was taken from them."""
        ...


class Settlement(Protocol):
    """Books a slot: a function, or an object that is called as one."""

    def __call__(
        self, community: Community, trades: Trades, orders: Orders, exchange: Exchange, tariffs: Tariffs
    ) -> Ledger:
        """Who pays what; all payments sum to zero exactly, and the line of sharing is zero."""
        ...


@runtime_checkable
class Sharing(Protocol):
    """Shares out what a finished period cost. Same period: same shares."""

    def share(self, period: Period) -> IntArray:
        """What each agent is to have paid for the period [1e-9 currency] [n_agents].

        In each market the shares sum to what was paid there, to the last unit.
        """
        ...


@runtime_checkable
class DailyEngine(Engine, Protocol):
    """An engine that is another one each day, for what members paid and got so far; its entry has the trait ``daily``."""

    def of_day(self, standing: MemberStanding) -> Engine:
        """The engine of a day that begins at this standing. Same standing: same trades of the same orders.

        The one of the next day is asked of it, if it is a DailyEngine itself, so that it may follow from this day's.
        """
        ...


@runtime_checkable
class FollowingSharing(Sharing, Protocol):
    """A rule that is another one each period, for what the periods before were."""

    def after(self, period: Period) -> Sharing:
        """The rule of the period that comes after this one, which it shares itself."""
        ...


@runtime_checkable
class GameSharing(Sharing, Protocol):
    """A rule that also divides a game of cost that no run is behind."""

    def divide(self, game: CostGame, rng: np.random.Generator) -> Division:
        """Who is to pay what of the cost of all. Same game and same state of ``rng``: same shares."""
        ...


@runtime_checkable
class PricedSharing(Sharing, Protocol):
    """A rule that divides games that have prices, and no others."""

    def by_prices(self, game: PricedGame) -> Division:
        """Who is to pay what of the cost of all."""
        ...


class EstimatedShares(NamedTuple):
    """Shares of a finished period that were drawn at random."""

    money: IntArray
    """What each agent is to have paid [1e-9 currency] [n_agents]."""
    standard_errors: FloatArray | None
    """Of each [1e-9 currency] [n_agents]; None: nothing was drawn."""


@runtime_checkable
class EstimatedSharing(Sharing, Protocol):
    """A rule that knows how far its shares may be off."""

    def estimate(self, period: Period) -> EstimatedShares:
        """What ``share`` gives, with standard errors."""
        ...


class Importer(Protocol):
    """Makes a scenario of data of others. Same source, same parameters: same bytes."""

    def read(self, source: str) -> ImportedScenario:
        """The scenario of a source (a folder, a file, or a name, as the importer says), with tables and report.

        Writes nothing. ImportedDataError with everything that cannot be used, at its file and line.
        """
        ...


class ReactiveLaw(NamedTuple):
    """How reactive power follows from active power and voltage, for the gate; each array [n_agents]."""

    source_kvar_per_kw: FloatArray
    """Reactive injection that comes with each kW that an agent injects more [kvar/kW]; negative: absorbing."""
    sink_kvar_per_kw: FloatArray
    """Reactive draw that comes with each kW that a device draws more [kvar/kW], >= 0."""
    kva: FloatArray
    """Apparent power of the inverter [kVA]; 0: none."""
    curve_pu: FloatArray
    """Voltages of the volt-var curve [4]: 1 up to the first, 0 between the inner two, -1 from the last on; empty: none."""
    curve_kvar: FloatArray
    """Full reactive power of the curve [kvar], capped at sqrt(kva^2 - P^2); 0: the agent follows no curve."""
    kvar_per_kw: FloatArray | None = None
    """Of a mode that is ``Steered``: most reactive power for each kW of an inverter, inf where its rating alone bounds it
    [kvar/kW]; None for all others."""

    @classmethod
    def none(cls, n_agents: int) -> ReactiveLaw:
        """Nothing follows: what is traded moves no reactive power."""
        nothing = np.zeros(n_agents)
        return cls(nothing, nothing, nothing, np.zeros(0), nothing)


class Reactive(Protocol):
    """Reactive power of loads and inverters."""

    law: ReactiveLaw
    """What the gate moves with each Wh that it admits."""

    def kvar(
        self, community: Community, inputs: SlotInputs, firm_wh: IntArray, decided: AskedKvar | None = None
    ) -> FloatArray:
        """Reactive injection of the untraded state an agent [kvar]; consumption is negative [n_agents].

        What strategies have ``decided`` comes on top of what the mode does by itself, as far as inverters give it: see
        ``inverters.granted_kvar``. None: nobody asks for any.
        """
        ...

    def inverter_kvar(self, p_kw: FloatArray) -> FloatArray:
        """What inverters do by themselves at active power ``p_kw``, without a curve [kvar] [n_agents].

        Asked only in slots in which strategies ask for reactive power.
        """
        ...

    def limit_pv(self, pv_wh: IntArray, hours: float) -> IntArray:
        """PV left within the apparent limit of the inverter at its set-point [n_agents]."""
        ...

    def behind_kw(self) -> FloatArray:
        """What an inverter delivers beyond its connection's net injection in the slot of the last ``kvar`` [kW] [n_agents].

        Asked only where ``law`` has a curve.
        """
        ...


@runtime_checkable
class Steered(Protocol):
    """What a reactive mode may be beside: what strategies ask of inverters is added to their curves inside of the power flow,
    and the sum held to rating and least power factor at the active power that is admitted.
    """

    def asked_kvar(self) -> FloatArray:
        """What is asked in the slot of the last ``Reactive.kvar`` [kvar] [n_agents]."""
        ...

    def given_kvar(self, net_wh: IntArray, v_pu: FloatArray, hours: float) -> FloatArray:
        """What inverters give at net energy and bus voltage of each agent [kvar] [n_agents]; NaN voltages move no curve."""
        ...


def steered(mode: Reactive) -> Steered | None:
    """The same mode, where it is steered."""
    return mode if isinstance(mode, Steered) else None


def lacking(port: type, part: object) -> list[str]:
    """Members that a port declares and a part has not."""
    return sorted(name for name in declared(port) if not hasattr(part, name))


def uncallable(port: type, part: object) -> list[str]:
    """Methods that a port declares and that cannot be called on a part."""
    methods = {name for base in _bases(port) for name in _members(base) if inspect.isfunction(vars(base).get(name))}
    found = {name for name in methods if name != "__call__" and not callable(getattr(part, name))}
    return sorted(found | ({"__call__"} if "__call__" in methods and not callable(part) else set()))


def untaken(port: type, part: object) -> list[str]:
    """Methods of a part, as its port calls them, that do not take all the arguments which the port declares."""
    methods = {name: item for name, item in vars(port).items() if inspect.isfunction(item) and not name.startswith("_")}
    calls = {name: tuple(inspect.signature(method).parameters)[1:] for name, method in methods.items()}
    return [f"{name}({', '.join(call)})" for name, call in calls.items() if not _takes(part, name, call)]


def _takes(part: object, method: str, call: tuple[str, ...]) -> bool:
    try:
        inspect.signature(getattr(part, method)).bind(*call)
    except TypeError:
        return False
    except ValueError:
        return True  # what is written in C may not tell its signature; it shows at the first call
    return True


def declared(port: type) -> set[str]:
    """Members that a port declares."""
    return {name for base in _bases(port) for name in _members(base)}


def _bases(port: type) -> list[type]:
    return [base for base in port.__mro__ if base not in (object, Protocol, Generic)]


def _members(protocol: type) -> list[str]:
    own = [name for name in vars(protocol) if name == "__call__" or not name.startswith("_")]
    return [*own, *vars(protocol).get("__annotations__", {})]
