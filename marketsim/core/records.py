"""The records that stages of a slot hand to each other. Nobody writes into one after it is made.

Axes: ``n_agents`` is flat over all markets (``Community.market`` tells which); ``n_devices`` are the device
fleets of the simulation in the order of ``World.devices``; ``n_orders`` and ``n_trades`` are in order of arrival and
of execution.
Signs: net positions count generation positive, consumption negative. Energies are whole Wh a slot unless a
name says otherwise; prices are ticks (1e-6 currency/kWh); money is 1e-9 currency.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple, Protocol, runtime_checkable

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray, KeyArray
from marketsim.core.clock import SlotTime

FIRM = -1
"""Component of an order for firm energy: demand that is served, or must-run surplus that flows, in any case."""
PV = -2
"""Component of an order for PV surplus."""
NO_PRICE_TICKS: Final = -(10**13)
"""Stands where there is no price; far below any, since prices have both signs."""
UNDECLARED: Final = NO_PRICE_TICKS
"""Marginal value of a device whose strategy declares none: its flexibility is not part of what could be traded."""
NOWHERE = -1
"""Connection that a trade does not move physically."""
MOVES_SOURCE = 1
MOVES_SINK = 2


class Side(IntEnum):
    """Side of an order."""

    BUY = 1
    SELL = -1


BOTH = 0
"""Side of a refusal that holds both orders of a match."""


class Fallback(IntEnum):
    """What becomes of energy that is not traded."""

    KEEP = 0
    """It is not drawn, or not discharged."""
    UTILITY = 1
    """It is bought at retail, or exported at the feed-in tariff, as far as the grid takes it. Nobody pays for exporting
    unasked: at a negative feed-in tariff PV is curtailed, and devices keep what their limit price does not give."""


UTILITY_ONLY_TICKS: Final = NO_PRICE_TICKS
"""Limit price that keeps an order out of the market; its fallback still holds."""


class Reason(IntEnum):
    """Why energy was refused.

    The ``element`` beside it is a node (voltages), a branch (loadings), a connection (its limits), a lateral (heads),
    else -1.
    """

    NONE = 0
    UNDERVOLTAGE = 1
    OVERVOLTAGE = 2
    LINE_LOADING = 3
    TRAFO_LOADING = 4
    CONNECTION_IMPORT = 5
    CONNECTION_EXPORT = 6
    HEAD_IMPORT = 7
    HEAD_EXPORT = 8
    DIVERGED = 9
    PRICE_BELOW_FEED_IN = 10
    PRICE_ABOVE_RETAIL = 11
    EXCEEDS_POSITION = 12
    BOTH_MODES = 13
    ALLOCATION = 14
    ROLLED_BACK = 15


BLAMES_SINK = 64
"""Added to a gate's code when the buyer's deferrable purchase binds, so that the buyer is the one to be parked."""


class Community(NamedTuple):
    """What never changes about the agents of a simulation."""

    names: tuple[str, ...]
    market: IntArray
    """Market of each agent [n_agents], ascending."""
    connection: IntArray
    """Index of each agent inside its market [n_agents]; its connection point to the grid."""
    is_prosumer: BoolArray
    n_markets: int
    import_limit_wh: IntArray
    """Connection limit a slot [Wh] (UNLIMITED_WH: none) [n_agents]."""
    export_limit_wh: IntArray

    @property
    def n_agents(self) -> int:
        """Number of agents over all markets."""
        return len(self.names)


class Tariffs(NamedTuple):
    """The utility's prices in a slot [ticks], each [n_markets], of either sign; ``feed_in`` <= ``retail``."""

    retail_ticks: IntArray
    feed_in_ticks: IntArray
    wholesale_ticks: IntArray | None

    @property
    def upstream_ticks(self) -> IntArray:
        """What a kWh from upstream costs all together: the wholesale price, without one the feed-in tariff [n_markets]."""
        return self.feed_in_ticks if self.wholesale_ticks is None else self.wholesale_ticks


class SlotInputs(NamedTuple):
    """What the outside world brings to a slot, metered."""

    time: SlotTime
    load_wh: IntArray
    """Firm load [n_agents] >= 0."""
    pv_wh: IntArray
    """PV that could be generated [n_agents] >= 0."""
    series: dict[str, FloatArray]
    """Every profile series of the slot by name [n_agents], e.g. ``heat_kw``, for devices and plugins."""
    tariffs: Tariffs


class DeviceRange(NamedTuple):
    """What a fleet can do in this slot: net energy [Wh] with lo <= firm <= hi, each [n_agents]; 0 for who has none."""

    lo_wh: IntArray
    firm_wh: IntArray
    """What happens in any case: minus what must be taken now, or plus what must run."""
    hi_wh: IntArray
    level: FloatArray
    """State of charge as a share of the usable capacity, 0..1; NaN where there is none."""


class OrderBatch(NamedTuple):
    """Orders of one or more agents. The orders of one agent stand in the sequence in which it submits them."""

    agent: IntArray
    side: IntArray
    """``Side`` [n_orders]."""
    price_ticks: IntArray
    """Limit price, all charges included."""
    energy_wh: IntArray
    component: IntArray
    """FIRM, PV, or the index of the device fleet whose energy it is."""
    fallback: IntArray
    """``Fallback`` [n_orders]; of no effect for firm demand, which is always served."""


class Decisions(NamedTuple):
    """What a strategy decides for its k agents."""

    dispatch_wh: IntArray
    """Net energy of each fleet that is run whether or not anything trades [n_devices, k]."""
    marginal_ticks: IntArray
    """Declared true marginal value of each fleet's energy [ticks], or UNDECLARED [n_devices, k]."""
    absorb: BoolArray
    """PV that is neither sold nor exported may fill the agent's own storage [k]."""
    orders: OrderBatch
    """``agent`` counts within the k agents."""
    kvar: FloatArray | None = None
    """Reactive power asked of each agent's inverter on top of what ``grid.reactive`` does, injection positive [kvar] [k];
    None: nothing is asked."""
    pv_wh: IntArray | None = None
    """Most PV that is used, for own need and for orders; the rest is curtailed, whatever it could serve [k]; None: all of it."""


class AskedKvar(NamedTuple):
    """Reactive power asked of inverters in a slot, and how far a gate may still move their active power; [n_agents]."""

    kvar: FloatArray
    """On top of what the mode does by itself, injection positive [kvar]; 0: nothing is asked."""
    up_wh: IntArray
    """The most that may be admitted out of each connection beyond the untraded state [Wh]."""
    down_wh: IntArray
    """The most that may be admitted into each connection beyond the untraded state [Wh]."""
    inverter_wh: FloatArray | None = None
    """PV used in the untraded state, less what devices offer beyond it: with all that is admitted out of the connection this is
    the PV that is used once everything is executed. What a gate refuses counts against it. NaN for agents of whose devices an
    order may find nobody, so that it is not known before the market closes; None: of nobody."""


class Observations(NamedTuple):
    """What the k agents of one strategy see when a slot opens. Nobody sees another agent's data or the order book."""

    time: SlotTime
    slots_per_day: int
    agents: IntArray
    """Their rows on the flat axis [k]."""
    market: IntArray
    retail_ticks: IntArray
    feed_in_ticks: IntArray
    load_wh: IntArray
    pv_wh: IntArray
    ranges: tuple[DeviceRange, ...]
    """One a fleet, rows of these agents."""
    device_names: tuple[str, ...]
    last_price_ticks: IntArray
    """Volume-weighted price of the market's last slot with a trade; the middle of the tariffs before there is one."""
    last_fill: FloatArray
    """Share of the agent's own offered energy that was traded last time; 0 at first."""
    last_refused: FloatArray
    """Share of the agent's own offered energy that the gate refused in the last slot."""
    voltage_pu: FloatArray
    """Own bus voltage at the end of the last slot; NaN without a grid or before the first slot."""
    keys: KeyArray
    """Random keys [k] of this slot for ``rng.uniforms``; independent of who else is simulated."""
    forecast: Forecast
    states: Sequence[FloatArray] = ()
    """State of each fleet, as its device keeps it, of these agents [rows of the fleet, k]."""
    last_device_wh: IntArray | None = None
    """Own net energy of each fleet in the last slot, 0 before the first [n_devices, k]; None: nobody says."""
    pool: PoolNews | None = None
    """What is public of those who trade in each market; None: nobody publishes it."""


class PoolNews(Protocol):
    """Sums over all who trade in a market, as an operator publishes them; nobody's own data. Made when asked for."""

    def balance_wh(self) -> IntArray:
        """Net energy of all of them in the last slot, 0 before the first [n_markets]."""
        ...

    def series(self, name: str, horizon: int) -> FloatArray:
        """Sum of their forecasts of a profile series for this and the following slots [horizon, n_markets]; KeyError if
        there is none.
        """
        ...


class Forecast(Protocol):
    """Forecasts for the agents of one strategy, made when asked for."""

    def series(self, name: str, horizon: int) -> FloatArray:
        """Forecast of a profile series for this and the following slots [horizon, k]; KeyError if there is none."""
        ...

    def tariffs(self, horizon: int) -> tuple[IntArray, IntArray]:
        """Published retail and feed-in prices [ticks] of this and the following slots, each [horizon, k]."""
        ...


@runtime_checkable
class UncertainForecast(Forecast, Protocol):
    """A forecast that knows how it may fail."""

    def paths(self, name: str, horizon: int, n: int) -> FloatArray:
        """``n`` courses that a series may take, as likely as each other [n, horizon, k]; KeyError if there is no such series.

        The first of one series goes with the first of the others, and of all agents of a market.
        """
        ...


class Positions(NamedTuple):
    """What each agent stands to trade after its own dispatch [n_agents]; see ``limits.positions``."""

    dispatch_wh: IntArray
    """Feasible unconditional net energy [n_devices, n_agents]."""
    firm_demand_wh: IntArray
    """Has to be bought, from peers or from the utility."""
    must_run_wh: IntArray
    """Flows out in any case. At most one of this and ``firm_demand_wh`` is positive."""
    surplus_wh: IntArray
    """PV beyond own use; withheld unless sold or exported."""
    own_use_wh: IntArray
    """PV used behind the own meter."""
    up_wh: IntArray
    """What each fleet could sell on top of its dispatch [n_devices, n_agents]."""
    down_wh: IntArray
    """What each fleet could draw on top of its dispatch [n_devices, n_agents]."""
    marginal_ticks: IntArray
    absorb: BoolArray


class Standing(NamedTuple):
    """What any k agents stand to trade after a dispatch; fields as in ``Positions``."""

    dispatch_wh: IntArray
    firm_demand_wh: IntArray
    must_run_wh: IntArray
    surplus_wh: IntArray
    own_use_wh: IntArray
    up_wh: IntArray
    down_wh: IntArray


class Orders(NamedTuple):
    """Orders as an engine gets them: in order of arrival, markets contiguous and ascending, prices at the hub.

    The hub price of a bid is its limit less the buyer's network charge, of an ask its limit plus the seller's.
    """

    market: IntArray
    agent: IntArray
    connection: IntArray
    side: IntArray
    price_ticks: IntArray
    energy_wh: IntArray
    firm_wh: IntArray
    """The first so many Wh move nothing physically: they flow whether or not they trade."""
    component: IntArray
    fallback: IntArray
    limit_ticks: IntArray
    """The owner's own limit price, charges included; what ``fallback`` is judged by."""

    @property
    def size(self) -> int:
        """Number of orders."""
        return len(self.agent)


class Trades(NamedTuple):
    """Executed trades in order of execution; a row is one leg of one match [n_trades]."""

    buy_order: IntArray
    """Positions in ``Orders``."""
    sell_order: IntArray
    energy_wh: IntArray
    price_ticks: IntArray
    """Price at the hub."""
    buyer_ticks: IntArray
    """What the buyer pays a kWh, all charges included."""
    seller_ticks: IntArray
    """What the seller gets a kWh, all charges included. The operator keeps the difference."""
    moves: IntArray
    """MOVES_SOURCE | MOVES_SINK: which ends of the trade changed the power flow."""

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.buy_order)


class Rejects(NamedTuple):
    """Refused quantities in order of refusal [n_rejects]; -1 where there is no order on that side."""

    buy_order: IntArray
    sell_order: IntArray
    energy_wh: IntArray
    reason: IntArray
    element: IntArray
    side: IntArray
    """``Side`` of the order that was refused, BOTH where neither got what the match would have given; the other one
    keeps its place."""

    @property
    def size(self) -> int:
        """Number of rows."""
        return len(self.buy_order)


class Exchange(NamedTuple):
    """What is left with the utility, and what is not generated [Wh] [n_agents]."""

    import_wh: IntArray
    export_wh: IntArray
    curtailed_wh: IntArray
    absorbed_wh: IntArray
    """PV that went into own storage after the market [n_devices, n_agents]."""


class Energy(NamedTuple):
    """What every component did in the slot [Wh]."""

    device_wh: IntArray
    """Executed net energy [n_devices, n_agents]."""
    pv_used_wh: IntArray
    """PV generated [n_agents]."""
    bought_wh: IntArray
    """From peers [n_agents]."""
    sold_wh: IntArray
    net_wh: IntArray
    """Through the meter: generation positive [n_agents]."""
    unserved_wh: IntArray
    """What devices missed at a deadline [n_devices, n_agents]."""


class LedgerLine(IntEnum):
    """Lines of a bill; rows of ``Ledger.money``."""

    PEER_PURCHASES = 0
    PEER_SALES = 1
    NETWORK_CHARGES = 2
    IMPORTS = 3
    EXPORTS = 4
    SHARING = 5
    """What cost sharing moves between the agents of a market; zero but in the last slot of a period."""


class Ledger(NamedTuple):
    """Payments of a slot in money units (1e-9 currency); what an account pays is positive. They sum to zero exactly."""

    money: IntArray
    """What each agent pays by ``LedgerLine`` [6, n_agents]; receipts are negative."""
    utility: IntArray
    """[n_markets]."""
    operator: IntArray
    """[n_markets]."""


class GridState(NamedTuple):
    """The power flow of a slot, one row a market; empty axes without a grid."""

    net_wh: IntArray
    """Metered net injection a node [n_markets, n_nodes]."""
    kvar: FloatArray
    """Reactive injection a node [kvar] [n_markets, n_nodes]."""
    v_pu: FloatArray
    """Voltage magnitude [n_markets, n_nodes]; node 0 is the source. NaN: isolated or not solved."""
    loading: FloatArray
    """Loading as a share of the rating [n_markets, n_branches]; NaN without a rating."""
    slack_wh: FloatArray
    """Energy drawn from the source, losses included [n_markets]."""
    losses_wh: FloatArray
    """Lost in branches, iron and charging included [n_markets]."""
    shunt_wh: FloatArray
    """Drawn by what is of constant impedance: shunts, wards, shares of loads that belong to no agent [n_markets]."""
    firm_kvar: FloatArray
    """Reactive injection given when the slot opened, before anything traded [kvar] [n_markets, n_nodes]."""
    firm_v_pu: FloatArray
    """Voltage magnitude of the untraded state [n_markets, n_nodes]."""
    firm_loading: FloatArray
    """Loading of the untraded state [n_markets, n_branches]."""
    converged: BoolArray


class SlotRecord(NamedTuple):
    """Everything that happened in a slot, read-only, for results, metrics, critics and learners."""

    inputs: SlotInputs
    positions: Positions
    orders: Orders
    trades: Trades
    rejects: Rejects
    exchange: Exchange
    energy: Energy
    ledger: Ledger
    grid: GridState
    wear_money: IntArray
    """Wear, fuel and discomfort at their stated cost, money units; a cost, not a payment [n_agents]."""
    level: FloatArray
    """Level of each fleet when the slot opened, 0..1; NaN where there is none [n_devices, n_agents]."""
    opened_kvar: FloatArray
    """Reactive injection of each agent when the slot opened, before anything traded [kvar] [n_agents]."""
    kvar: FloatArray
    """Reactive injection of each agent at the end [kvar] [n_agents]."""
    share_errors: FloatArray | None = None
    """Standard errors of the shares that the line of sharing books [1e-9 currency] [n_agents]; None: nothing was drawn."""


class State(NamedTuple):
    """All that goes from one slot to the next, except what strategies remember themselves."""

    slot: int
    """The slot that comes next, from 0."""
    devices: tuple[FloatArray, ...]
    """State of each fleet [rows of the fleet, n_agents]."""
    carry: FloatArray
    """Metering remainder of load and PV [Wh] [2, n_agents]."""
    last_price_ticks: IntArray
    """[n_markets]; NO_PRICE_TICKS before the first trade."""
    last_fill: FloatArray
    last_refused: FloatArray
    voltage_pu: FloatArray
    net_wh: IntArray
    """Net energy of the last slot [n_agents]; 0 before the first."""
    device_wh: IntArray
    """That of each fleet [n_devices, n_agents]."""


class Quotes(NamedTuple):
    """What the agents of one strategy know after a round within a slot, for ``revise``."""

    round: int
    """Rounds done so far, from 1."""
    rounds: int
    """Rounds of the slot in all."""
    agent: IntArray
    """Own orders, ``agent`` counted within the strategy, and what they stand at."""
    side: IntArray
    price_ticks: IntArray
    open_wh: IntArray
    market: IntArray
    """Market of each own order."""
    filled_wh: IntArray
    """Filled in the last round."""
    trade_market: IntArray
    """Public tape of the last round, in order of execution."""
    trade_price_ticks: IntArray
    best_bid_ticks: IntArray
    """Best bid left open after the round [n_markets]; NO_PRICE_TICKS: none."""
    best_ask_ticks: IntArray
    """Best ask left open after the round [n_markets]; NO_PRICE_TICKS: none."""
    keys: KeyArray
    """Random keys of the round, one an own order's agent [n_own_orders]."""


_NO_TRADES = Trades(*(np.zeros(0, dtype=np.int64) for _ in Trades._fields))
_NO_REJECTS = Rejects(*(np.zeros(0, dtype=np.int64) for _ in Rejects._fields))


def empty_trades() -> Trades:
    """No trades."""
    return _NO_TRADES


def empty_rejects() -> Rejects:
    """No rejects."""
    return _NO_REJECTS
