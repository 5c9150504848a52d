"""Every table of a run and every column of it: the one place that names, types, units and meanings come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import pyarrow as pa  # type: ignore[import-untyped]

from marketsim.core.errors import PluginError, Problem
from marketsim.core.metric import Kpi
from marketsim.core.records import Community, Reason

WH: Final = "Wh"
TICKS: Final = "1e-6 currency/kWh"
MONEY: Final = "1e-9 currency"

TABLES: Final = ("slots", "agents", "trades", "rejects", "book", "voltages")
OPTIONAL_TABLES: Final = ("book", "voltages")
"""Written where ``output`` of the scenario asks for them."""
BOOK_LEVELS: Final = 21
"""Price levels of the order book in the table of book, from the feed-in tariff to retail."""
SHARING_COLUMN: Final = "sharing_money"
"""The line of a bill that comes last, where costs are shared."""
SIDE_NAMES: Final = ("seller", "both", "buyer")
"""Names of the sides of a refusal, by ``Side`` + 1."""
REASON_NAMES: Final = tuple(reason.name.lower() for reason in Reason)

_TYPES: Final[Mapping[str, pa.DataType]] = {
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "text": pa.string(),
    "name": pa.dictionary(pa.int32(), pa.string()),
    "time": pa.timestamp("ms"),
}


class Column(NamedTuple):
    """A column of a table."""

    name: str
    kind: str
    """``int32``, ``int64``, ``float``, ``bool``, ``text``, ``name`` (dictionary of texts) or ``time``."""
    unit: str
    text: str
    optional: bool = False
    """May be null: undefined, or not there."""


_BILL: Final = (
    Column("peer_purchases_money", "int64", MONEY, "Paid for energy from peers, at the hub price."),
    Column("peer_sales_money", "int64", MONEY, "Paid for energy to peers; receipts are negative."),
    Column("network_charges_money", "int64", MONEY, "Network charges paid on trade with peers."),
    Column("imports_money", "int64", MONEY, "Paid to the utility for imports."),
    Column("exports_money", "int64", MONEY, "Paid by the utility for exports; receipts are negative."),
)
LEDGER_COLUMNS: Final = tuple(column.name for column in _BILL)
"""Columns of the agents' table that hold the lines of a bill in every run, in the order of ``records.LedgerLine``."""


class ElementNames(NamedTuple):
    """Names of what can limit a quantity, by the index that a gate reports."""

    nodes: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()
    laterals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableLayout:
    """What the tables of a run depend on, fixed before its first slot."""

    community: Community
    slots_per_day: int
    device_names: tuple[str, ...] = ()
    slot_columns: tuple[Kpi, ...] = ()
    """What metrics and critics add to a slot's row."""
    elements: tuple[ElementNames, ...] = (ElementNames(),)
    """One for each market, or one for all."""
    voltages: bool = False
    """Whether the table of voltages is written; needs a grid."""
    book: bool = True
    """Whether the table of the order book's depth is written."""
    sharing: bool = False
    """Whether costs are shared, so that the bill has a line for it."""

    planned: bool = False
    """Whether any agent follows the plans of an expert, so that they are written beside what was done."""

    @property
    def ledger_columns(self) -> tuple[str, ...]:
        """Columns of the lines of a bill."""
        return (*LEDGER_COLUMNS, SHARING_COLUMN) if self.sharing else LEDGER_COLUMNS


_SLOT = Column("slot", "int32", "-", "Slots since the start of the run, from 0.")
_MARKET = Column("market", "int32", "-", "Market, from 0.")

_SLOTS: Final = (
    _SLOT,
    Column("begins", "time", "-", "Begin of the slot, local standard time."),
    Column("retail_ticks", "int64", TICKS, "What the utility takes for energy (first market)."),
    Column("feed_in_ticks", "int64", TICKS, "What the utility pays for energy (first market)."),
    Column("wholesale_ticks", "int64", TICKS, "What energy costs the utility (first market).", optional=True),
    Column("trades", "int32", "-", "Number of trades."),
    Column("price_min_ticks", "int64", TICKS, "Lowest price of a trade.", optional=True),
    Column("price_max_ticks", "int64", TICKS, "Highest price of a trade.", optional=True),
    Column("slack_wh", "float", WH, "Energy drawn from the source, losses included.", optional=True),
)

_AGENT_HEAD: Final = (
    _SLOT,
    _MARKET,
    Column("agent", "int32", "-", "Agent, by its index in its market."),
    Column("name", "name", "-", "Name of the agent."),
)
AGENT_ENERGIES: Final = (
    Column("load_wh", "int64", WH, "Firm load."),
    Column("pv_available_wh", "int64", WH, "PV that could have been generated."),
    Column("pv_used_wh", "int64", WH, "PV generated."),
    Column("curtailed_wh", "int64", WH, "PV neither used, stored, sold nor exported."),
    Column("bought_wh", "int64", WH, "Bought from peers."),
    Column("sold_wh", "int64", WH, "Sold to peers."),
    Column("import_wh", "int64", WH, "Bought from the utility."),
    Column("export_wh", "int64", WH, "Sold to the utility."),
    Column("net_wh", "int64", WH, "Through the meter; generation positive."),
    Column("firm_demand_wh", "int64", WH, "Demand beyond own generation that was served in any case."),
    Column("must_run_wh", "int64", WH, "Own generation beyond own use that flowed in any case."),
    Column("surplus_wh", "int64", WH, "PV beyond own use, offered or not."),
    Column("could_sell_wh", "int64", WH, "S of the fairness scores: what could have been sold at less than retail."),
    Column("could_buy_wh", "int64", WH, "D of the fairness scores: what was wanted at more than the feed-in tariff."),
)
SHARING: Final = Column(
    SHARING_COLUMN,
    "int64",
    MONEY,
    "Cost sharing, in the last slot of a period: what the agent's share is above what it paid; only where costs are shared.",
)
PLANNED: Final = (
    Column(
        "planned_generator_kw",
        "float",
        "kW",
        "Generation that an expert's last plan has; only where agents follow one.",
        True,
    ),
    Column("planned_battery_kw", "float", "kW", "The same of the battery's discharge; charging is negative.", True),
    Column("planned_curtailed_kw", "float", "kW", "The same of curtailed load.", True),
    Column("planned_pv_kw", "float", "kW", "The same of the PV that is used.", True),
    Column("planned_kvar", "float", "kvar", "The same of the reactive injection, load included.", True),
)
"""In the order of ``core.setpoints.Setpoints``; null for who follows no plan."""


def _device_columns(name: str) -> tuple[Column, ...]:
    return (
        Column(f"{name}_wh", "int64", WH, f"Net energy of {name} at the meter; giving is positive."),
        Column(f"{name}_unserved_wh", "int64", WH, f"What {name} missed at a deadline, or curtailed."),
        Column(f"{name}_level", "float", "-", f"Level of {name} when the slot opened, 0 to 1.", optional=True),
    )


def _agents(device_names: Sequence[str], *, sharing: bool = False, planned: bool = False) -> tuple[Column, ...]:
    devices = tuple(column for name in device_names for column in _device_columns(name))
    return (
        *_AGENT_HEAD,
        *AGENT_ENERGIES,
        *devices,
        Column("kvar", "float", "kvar", "Reactive injection.", optional=True),
        *_BILL,
        *([SHARING] if sharing else []),
        Column("paid_money", "int64", MONEY, "Sum of the bill's lines; receipts are negative."),
        Column("wear_money", "int64", MONEY, "Wear and running cost of own devices; no payment."),
        Column("reference_paid_money", "int64", MONEY, "Paid in the same slot of the reference run.", optional=True),
        *(PLANNED if planned else ()),
    )


TRADES: Final = (
    _SLOT,
    _MARKET,
    Column("sequence", "int32", "-", "Order of execution within the slot, from 0."),
    Column("buyer", "int32", "-", "Buying agent, by its index in its market."),
    Column("seller", "int32", "-", "Selling agent, by its index in its market."),
    Column("buyer_component", "name", "-", "What the energy was bought for: firm demand or a device."),
    Column("seller_component", "name", "-", "What the energy was sold from: PV, a device, or firm (must-run)."),
    Column("energy_wh", "int64", WH, "Energy traded."),
    Column("price_ticks", "int64", TICKS, "Price at the hub."),
    Column("buyer_price_ticks", "int64", TICKS, "What the buyer pays, charges included."),
    Column("seller_price_ticks", "int64", TICKS, "What the seller gets, charges included."),
)

REJECTS: Final = (
    _SLOT,
    _MARKET,
    Column("sequence", "int32", "-", "Order of refusal within the slot, from 0."),
    Column("buyer", "int32", "-", "Agent that would have drawn, by its index; null: the utility.", optional=True),
    Column("seller", "int32", "-", "Agent that would have fed in, by its index; null: the utility.", optional=True),
    Column("refused", "name", "-", "Whose order was refused: buyer, seller or both; the other order kept its place."),
    Column("energy_wh", "int64", WH, "Energy refused."),
    Column("reason", "name", "-", "Why."),
    Column("element", "int32", "-", "Index of the binding node, branch, connection or lateral.", optional=True),
    Column("element_name", "name", "-", "Name of the binding element.", optional=True),
)

BOOK: Final = (
    _SLOT,
    _MARKET,
    Column("level", "int32", "-", f"Price level, from 0 (feed-in tariff) to {BOOK_LEVELS - 1} (retail)."),
    Column("price_ticks", "int64", TICKS, "Price of the level, at the hub."),
    Column("bid_wh", "int64", WH, "Bids whose best price is this level: limits from here to below the next level."),
    Column("ask_wh", "int64", WH, "Asks whose best price is this level: limits above the level before, up to here."),
)

VOLTAGES: Final = (
    _SLOT,
    _MARKET,
    Column("node", "int32", "-", "Node of the feeder; 0 is the source."),
    Column("bus", "name", "-", "Name of the bus."),
    Column("v_pu", "float", "p.u.", "Voltage magnitude; null: isolated or not solved.", optional=True),
    Column("firm_v_pu", "float", "p.u.", "Voltage magnitude of the state before trade.", optional=True),
    Column("net_wh", "int64", WH, "Net injection; generation positive."),
    Column("kvar", "float", "kvar", "Reactive injection.", optional=True),
)

_KPI_KINDS: Final[Mapping[type, str]] = {int: "int64", float: "float", str: "text"}


def _slots(layout: TableLayout) -> tuple[Column, ...]:
    given = tuple(Column(kpi.name, _KPI_KINDS[kpi.kind], kpi.unit, kpi.text, True) for kpi in layout.slot_columns)
    names = [column.name for column in (*_SLOTS, *given)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        hint = "a metric has to give its columns names of their own"
        raise PluginError(
            [Problem(f"the table of slots would have these columns twice: {', '.join(twice)}", hint=hint)]
        )
    return _SLOTS + given


def columns(layout: TableLayout) -> dict[str, tuple[Column, ...]]:
    """Columns of every table of a run, by the table's name; ValueError where a metric repeats a column."""
    agents = _agents(layout.device_names, sharing=layout.sharing, planned=layout.planned)
    tables = {"slots": _slots(layout), "agents": agents, "trades": TRADES, "rejects": REJECTS}
    tables |= {"book": BOOK} if layout.book else {}
    return tables | ({"voltages": VOLTAGES} if layout.voltages else {})


def schema(table: Sequence[Column]) -> pa.Schema:
    """Arrow schema of a table; unit and meaning travel with each field."""
    return pa.schema(
        [
            pa.field(
                column.name,
                _TYPES[column.kind],
                nullable=column.optional,
                metadata={"unit": column.unit, "text": column.text},
            )
            for column in table
        ]
    )


def no_rows(name: str) -> pa.Table:
    """A table before its first row, with the columns that it has in every run; devices and metrics add to them."""
    tables = {"slots": _SLOTS, "agents": _agents(()), "trades": TRADES, "rejects": REJECTS, "book": BOOK}
    return schema({**tables, "voltages": VOLTAGES}[name]).empty_table()
