"""Columns of the slots of a group (a day, or less of it), gathered in arrays until they are written.

``put`` copies what a record holds and keeps no reference to it; ``take`` hands the gathered columns over by name and
starts anew. Blocks are laid out [columns, slots, rows a slot], so that a column is one contiguous piece.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa  # type: ignore[import-untyped]

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.metric import Value, defined
from marketsim.core.potential import availability
from marketsim.core.records import PV, Reason, SlotRecord
from marketsim.results.table_columns import (
    AGENT_ENERGIES,
    LEDGER_COLUMNS,
    PLANNED,
    REASON_NAMES,
    SIDE_NAMES,
    ElementNames,
    TableLayout,
)

Arrays = dict[str, pa.Array]

_KINDS: Final = 5  # no element, node, branch, connection, lateral
_KIND_OF_REASON: Final = np.zeros(len(Reason), dtype=np.int64)
for _kind, _reasons in (
    (1, (Reason.UNDERVOLTAGE, Reason.OVERVOLTAGE)),
    (2, (Reason.LINE_LOADING, Reason.TRAFO_LOADING)),
    (3, (Reason.CONNECTION_IMPORT, Reason.CONNECTION_EXPORT)),
    (4, (Reason.HEAD_IMPORT, Reason.HEAD_EXPORT)),
):
    _KIND_OF_REASON[list(_reasons)] = _kind


def _names(codes: IntArray, names: pa.Array, missing: np.ndarray | None = None) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32), mask=missing), names)


def _int32(values: IntArray, *, optional: bool = False) -> pa.Array:
    """Small integers; where ``optional``, negative ones mean "none" and become null."""
    return pa.array(values.astype(np.int32), mask=values < 0 if optional else None)


def _maybe(values: FloatArray) -> pa.Array:
    return pa.array(values, from_pandas=True)  # NaN becomes null


class AgentBuffer:
    """Rows of the agents' table. A block [slots, columns, n_agents] of integers, and one of floats."""

    def __init__(self, layout: TableLayout, capacity: int) -> None:
        self._community = community = layout.community
        self._capacity, self._n_agents = capacity, community.n_agents
        self._market, self._index = _int32(community.market), _int32(community.connection)
        self._name = _names(np.arange(self._n_agents), pa.array(community.names))
        devices = layout.device_names
        self._lines = len(layout.ledger_columns)
        self._int_names = (
            *(column.name for column in AGENT_ENERGIES),
            "wear_money",
            *layout.ledger_columns,
            *(f"{name}_wh" for name in devices),
            *(f"{name}_unserved_wh" for name in devices),
        )
        planned = tuple(column.name for column in PLANNED) if layout.planned else ()
        self._float_names = ("kvar", *(f"{name}_level" for name in devices), *planned)
        self._nothing_planned = np.full(len(planned) * self._n_agents, np.nan)
        self._renew()

    def _renew(self) -> None:
        self._ints = np.empty((self._capacity, len(self._int_names) * self._n_agents), dtype=np.int64)
        self._floats = np.empty((self._capacity, len(self._float_names) * self._n_agents))
        self._reference: list[IntArray | None] = []

    def put(
        self, row: int, record: SlotRecord, reference: SlotRecord | None = None, planned: FloatArray | None = None
    ) -> None:
        """Copy a record into slot ``row`` of the group, with what its agents paid in the reference run, and what was planned."""
        self._reference.append(None if reference is None else reference.ledger.money.sum(axis=0))
        inputs, energy, exchange, place = record.inputs, record.energy, record.exchange, record.positions
        np.concatenate(
            (
                inputs.load_wh,
                inputs.pv_wh,
                energy.pv_used_wh,
                exchange.curtailed_wh,
                energy.bought_wh,
                energy.sold_wh,
                exchange.import_wh,
                exchange.export_wh,
                energy.net_wh,
                place.firm_demand_wh,
                place.must_run_wh,
                place.surplus_wh,
                *availability(place, inputs.tariffs, self._community),
                record.wear_money,
                record.ledger.money[: self._lines].reshape(-1),
                energy.device_wh.reshape(-1),
                energy.unserved_wh.reshape(-1),
            ),
            out=self._ints[row],
        )
        plans = self._nothing_planned if planned is None else planned.reshape(-1)
        np.concatenate((record.kvar, record.level.reshape(-1), plans), out=self._floats[row])

    def _columns(self, block: np.ndarray) -> np.ndarray:
        """From [slots, columns x agents] to [columns, slots x agents]."""
        by_column = block.reshape(len(block), -1, self._n_agents).transpose(1, 0, 2)
        return by_column.reshape(len(by_column), -1)

    def take(self, slots: IntArray) -> Arrays:
        """Columns of the first ``len(slots)`` slots of the group."""
        n_slots = len(slots)
        ints, floats = (self._columns(block[:n_slots]) for block in (self._ints, self._floats))
        ledger = self._int_names.index(LEDGER_COLUMNS[0])
        arrays: Arrays = {
            "slot": _int32(np.repeat(slots, self._n_agents)),
            "market": pa.concat_arrays([self._market] * n_slots),
            "agent": pa.concat_arrays([self._index] * n_slots),
            "name": pa.concat_arrays([self._name] * n_slots),
            "paid_money": pa.array(ints[ledger : ledger + self._lines].sum(axis=0)),
        }
        arrays |= {name: pa.array(column) for name, column in zip(self._int_names, ints, strict=True)}
        arrays |= {name: _maybe(column) for name, column in zip(self._float_names, floats, strict=True)}
        arrays["reference_paid_money"] = pa.concat_arrays([self._paid(row) for row in self._reference[:n_slots]])
        self._renew()
        return arrays

    def _paid(self, money: IntArray | None) -> pa.Array:
        return pa.nulls(self._n_agents, pa.int64()) if money is None else pa.array(money)


class _ElementTable:
    """Codes of all elements' names, market by market."""

    def __init__(self, elements: Sequence[ElementNames], n_markets: int) -> None:
        if len(elements) not in (1, n_markets):
            raise ValueError(f"{len(elements)} tables of element names for {n_markets} markets")
        begins = np.zeros((len(elements), _KINDS), dtype=np.int64)
        counts = np.zeros_like(begins)
        names: list[str] = []
        for row, own in enumerate(elements):
            for kind, group in enumerate(own, start=1):
                begins[row, kind], counts[row, kind] = len(names), len(group)
                names += group
        first = {name: code for code, name in enumerate(dict.fromkeys(names))}
        self.names = pa.array(list(first), type=pa.string())
        """Each once: a lateral is called like its branch, and a dictionary's values have to differ."""
        self._code_of = np.array([first[name] for name in names] + [-1], dtype=np.int64)
        every = np.arange(n_markets) if len(elements) == n_markets else np.zeros(n_markets, dtype=np.int64)
        self._begins, self._counts = begins[every], counts[every]

    def codes(self, market: IntArray, reason: IntArray, element: IntArray) -> IntArray:
        """Position in ``names``; -1 without an element, or without a name for it."""
        kind = _KIND_OF_REASON[reason]
        known = (element >= 0) & (element < self._counts[market, kind])
        return np.asarray(self._code_of[np.where(known, self._begins[market, kind] + element, -1)])


class DealBuffer:
    """Rows of the tables of trades and of rejects, which both point to the slot's orders."""

    def __init__(self, layout: TableLayout) -> None:
        self._components = pa.array(("pv", "firm", *layout.device_names))
        self._elements = _ElementTable(layout.elements, layout.community.n_markets)
        self._reasons = pa.array(REASON_NAMES)
        self._sides = pa.array(SIDE_NAMES)
        self._renew()

    def _renew(self) -> None:
        self._slots: list[int] = []
        self._orders: list[IntArray] = []
        self._trades: list[IntArray] = []
        self._rejects: list[IntArray] = []
        self.rows = 0
        """Rows gathered, of both tables."""

    def put(self, record: SlotRecord) -> None:
        """Copy what the tables need of a slot's orders, its trades and refusals."""
        orders = record.orders
        self._slots.append(record.inputs.time.slot)
        self._orders.append(np.array((orders.market, orders.connection, orders.component)))
        self._trades.append(np.array(record.trades))
        self._rejects.append(np.array(record.rejects))
        self.rows += record.trades.size + record.rejects.size

    def take(self, n_slots: int) -> tuple[Arrays, Arrays]:
        """Columns of the trades and of the rejects of the first ``n_slots`` slots of the group."""
        for gathered in (self._slots, self._orders, self._trades, self._rejects):
            del gathered[n_slots:]
        nowhere = np.array([[-1], [-1], [-1]])  # answers to "no order"
        orders = np.concatenate((*self._orders, nowhere), axis=1)
        taken = self._take_trades(orders), self._take_rejects(orders)
        self._renew()
        return taken

    def _head(self, tables: Sequence[IntArray]) -> tuple[IntArray, IntArray, IntArray, IntArray, IntArray]:
        """Slot, sequence, buying and selling order of each row, orders counted over the group, and all columns."""
        sizes = [table.shape[1] for table in tables]
        before = np.cumsum([0, *(orders.shape[1] for orders in self._orders)])[:-1]
        columns = np.concatenate(tables, axis=1)
        ends = columns[:2]
        buy, sell = np.where(ends >= 0, ends + np.repeat(before, sizes), -1)
        first = np.cumsum([0, *sizes])[:-1]
        sequence = np.arange(columns.shape[1]) - np.repeat(first, sizes)
        return np.repeat(self._slots, sizes), sequence, buy, sell, columns

    def _take_trades(self, orders: IntArray) -> Arrays:
        slot, sequence, buy, sell, columns = self._head(self._trades)
        _, _, energy, price, buyer_ticks, seller_ticks, _ = columns
        market, connection, component = orders
        return {
            "slot": _int32(slot),
            "market": _int32(market[buy]),
            "sequence": _int32(sequence),
            "buyer": _int32(connection[buy]),
            "seller": _int32(connection[sell]),
            "buyer_component": _names(component[buy] - PV, self._components),
            "seller_component": _names(component[sell] - PV, self._components),
            "energy_wh": pa.array(energy),
            "price_ticks": pa.array(price),
            "buyer_price_ticks": pa.array(buyer_ticks),
            "seller_price_ticks": pa.array(seller_ticks),
        }

    def _take_rejects(self, orders: IntArray) -> Arrays:
        slot, sequence, buy, sell, columns = self._head(self._rejects)
        _, _, energy, reason, element, side = columns
        market, connection, _ = orders
        own_market = market[np.maximum(buy, sell)]
        codes = self._elements.codes(own_market, reason, element)
        return {
            "slot": _int32(slot),
            "market": _int32(own_market),
            "sequence": _int32(sequence),
            "buyer": _int32(connection[buy], optional=True),
            "seller": _int32(connection[sell], optional=True),
            "refused": _names(side + 1, self._sides),
            "energy_wh": pa.array(energy),
            "reason": _names(reason, self._reasons),
            "element": _int32(element, optional=True),
            "element_name": _names(np.maximum(codes, 0), self._elements.names, codes < 0),
        }


class VoltageBuffer:
    """Rows of the voltages' table: every node of every market."""

    def __init__(self, layout: TableLayout, capacity: int) -> None:
        n_markets = layout.community.n_markets
        elements = layout.elements * n_markets if len(layout.elements) == 1 else layout.elements
        self._capacity = capacity
        self._n_markets, self._n_nodes = n_markets, max(len(own.nodes) for own in elements)
        padded = [node for own in elements for node in (*own.nodes, *[""] * (self._n_nodes - len(own.nodes)))]
        names, codes = np.unique(np.array(padded, dtype=object), return_inverse=True)
        self._bus = _names(codes, pa.array(names, type=pa.string()))
        self._market = _int32(np.repeat(np.arange(n_markets), self._n_nodes))
        self._node = _int32(np.tile(np.arange(self._n_nodes), n_markets))
        self._renew()

    def _renew(self) -> None:
        shape = (self._capacity, self._n_markets, self._n_nodes)
        self._net = np.empty(shape, dtype=np.int64)
        self._floats = np.empty((3, *shape))

    def put(self, row: int, record: SlotRecord) -> None:
        """Copy the power flow into slot ``row`` of the group."""
        grid = record.grid
        self._net[row] = grid.net_wh
        self._floats[0, row] = grid.v_pu
        self._floats[1, row] = grid.firm_v_pu
        self._floats[2, row] = grid.kvar

    def take(self, slots: IntArray) -> Arrays:
        """Columns of the first ``len(slots)`` slots of the group."""
        n_slots = len(slots)
        v_pu, firm_v_pu, kvar = (_maybe(column[:n_slots].reshape(-1)) for column in self._floats)
        arrays = {
            "slot": _int32(np.repeat(slots, self._n_markets * self._n_nodes)),
            "market": pa.concat_arrays([self._market] * n_slots),
            "node": pa.concat_arrays([self._node] * n_slots),
            "bus": pa.concat_arrays([self._bus] * n_slots),
            "v_pu": v_pu,
            "firm_v_pu": firm_v_pu,
            "net_wh": pa.array(self._net[:n_slots].reshape(-1)),
            "kvar": kvar,
        }
        self._renew()
        return arrays


class SlotBuffer:
    """Rows of the slots' table."""

    def __init__(self, layout: TableLayout) -> None:
        self._kpis = layout.slot_columns
        self._own: list[tuple[object, ...]] = []
        self._given: list[tuple[Value, ...]] = []

    def put(self, record: SlotRecord, given: Mapping[str, Value]) -> None:
        """Take in a slot; KeyError where ``given`` lacks a declared column, ValueError where it has others."""
        self._given.append(tuple([given[kpi.name] for kpi in self._kpis]))
        if len(given) > len(self._kpis):
            extra = sorted(set(given) - {kpi.name for kpi in self._kpis})
            raise ValueError(f"undeclared columns for the table of slots: {', '.join(extra)}")
        tariffs, price, grid = record.inputs.tariffs, record.trades.price_ticks, record.grid
        self._own.append(
            (
                record.inputs.time.slot,
                record.inputs.time.begins,
                tariffs.retail_ticks[0],
                tariffs.feed_in_ticks[0],
                None if tariffs.wholesale_ticks is None else tariffs.wholesale_ticks[0],
                price.size,
                price.min() if price.size else None,
                price.max() if price.size else None,
                defined(sum(grid.slack_wh.tolist())) if grid.v_pu.size else None,
            )
        )

    def take(self, own: pa.Schema, n_slots: int) -> Arrays:
        """Columns of the first ``n_slots`` slots of the group, typed as in the schema of the table."""
        values = [*zip(*self._own[:n_slots], strict=True), *zip(*self._given[:n_slots], strict=True)]
        arrays = {field.name: pa.array(column, type=field.type) for field, column in zip(own, values, strict=True)}
        self._own, self._given = [], []
        return arrays
