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
from marketsim.core.records import Reason, SlotRecord
from marketsim.results.tables import AGENT_ENERGIES, LEDGER_COLUMNS, REASON_NAMES, ElementNames, Layout

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
    """Rows of the agents' table."""

    def __init__(self, layout: Layout, capacity: int) -> None:
        community = layout.community
        self._capacity, self._n_agents = capacity, community.n_agents
        self._devices = layout.device_names
        self._market, self._index = _int32(community.market), _int32(community.connection)
        self._name = _names(np.arange(self._n_agents), pa.array(community.names))
        self._money = len(AGENT_ENERGIES) + 1
        self._device = self._money + len(LEDGER_COLUMNS)
        self._renew()

    def _renew(self) -> None:
        n_devices = len(self._devices)
        self._ints = np.empty((self._device + 2 * n_devices, self._capacity, self._n_agents), dtype=np.int64)
        self._floats = np.full((1 + n_devices, self._capacity, self._n_agents), np.nan)

    def put(self, row: int, record: SlotRecord, kvar: FloatArray | None, level: FloatArray | None) -> None:
        """Copy a record into slot ``row`` of the group."""
        inputs, energy, exchange, place = record.inputs, record.energy, record.exchange, record.positions
        ints = self._ints
        ints[0, row] = inputs.load_wh
        ints[1, row] = inputs.pv_wh
        ints[2, row] = energy.pv_used_wh
        ints[3, row] = exchange.curtailed_wh
        ints[4, row] = energy.bought_wh
        ints[5, row] = energy.sold_wh
        ints[6, row] = exchange.import_wh
        ints[7, row] = exchange.export_wh
        ints[8, row] = energy.net_wh
        ints[9, row] = place.firm_demand_wh
        ints[10, row] = place.must_run_wh
        ints[11, row] = place.surplus_wh
        ints[12, row] = record.wear_money
        ints[self._money : self._device, row] = record.ledger.money
        n_devices = len(self._devices)
        if n_devices:
            ints[self._device : self._device + n_devices, row] = energy.device_wh
            ints[self._device + n_devices :, row] = energy.unserved_wh
        if kvar is not None:
            self._floats[0, row] = kvar
        if level is not None and n_devices:
            self._floats[1:, row] = level

    def take(self, slots: IntArray) -> Arrays:
        """Columns of the first ``len(slots)`` slots of the group."""
        n_slots, n_devices = len(slots), len(self._devices)
        ints = [pa.array(column[:n_slots].reshape(-1)) for column in self._ints]
        floats = [_maybe(column[:n_slots].reshape(-1)) for column in self._floats]
        paid = self._ints[self._money : self._device, :n_slots].sum(axis=0).reshape(-1)
        arrays: Arrays = {
            "slot": _int32(np.repeat(slots, self._n_agents)),
            "market": pa.concat_arrays([self._market] * n_slots),
            "agent": pa.concat_arrays([self._index] * n_slots),
            "name": pa.concat_arrays([self._name] * n_slots),
            **{column.name: ints[index] for index, column in enumerate(AGENT_ENERGIES)},
            "wear_money": ints[len(AGENT_ENERGIES)],
            **{name: ints[self._money + index] for index, name in enumerate(LEDGER_COLUMNS)},
            "paid_money": pa.array(paid),
            "kvar": floats[0],
        }
        for index, name in enumerate(self._devices):
            arrays[f"{name}_wh"] = ints[self._device + index]
            arrays[f"{name}_unserved_wh"] = ints[self._device + n_devices + index]
            arrays[f"{name}_level"] = floats[1 + index]
        self._renew()
        return arrays


class _Rows:
    """A block of integer columns that grows with its rows."""

    def __init__(self, n_columns: int) -> None:
        self._n_columns, self._room = n_columns, 1024
        self._renew()

    def _renew(self) -> None:
        self._block = np.empty((self._n_columns, self._room), dtype=np.int64)
        self.size = 0

    def append(self, slot: int, columns: Sequence[IntArray]) -> None:
        """Rows of one slot; the slot and their sequence stand before the given columns."""
        n_rows = len(columns[0])
        end = self.size + n_rows
        if end > self._room:
            self._room = max(end, 2 * self._room)
            grown = np.empty((self._n_columns, self._room), dtype=np.int64)
            grown[:, : self.size] = self._block[:, : self.size]
            self._block = grown
        rows = slice(self.size, end)
        self._block[0, rows] = slot
        self._block[1, rows] = np.arange(n_rows)
        for index, column in enumerate(columns, start=2):
            self._block[index, rows] = column
        self.size = end

    def take(self) -> list[IntArray]:
        """The columns, contiguous."""
        taken = [column[: self.size] for column in self._block]
        self._renew()
        return taken


class TradeBuffer:
    """Rows of the trades' table."""

    def __init__(self, layout: Layout) -> None:
        self._rows = _Rows(11)
        self._components = pa.array(("pv", "firm", *layout.device_names))

    @property
    def size(self) -> int:
        """Rows gathered."""
        return self._rows.size

    def put(self, record: SlotRecord) -> None:
        """Take in the trades of a slot."""
        trades, orders = record.trades, record.orders
        if trades.size == 0:
            return
        buy, sell = trades.buy_order, trades.sell_order
        component = orders.component + 2  # -2: PV, -1: firm, from 0 the fleets
        self._rows.append(
            record.inputs.time.slot,
            (
                orders.market[buy],
                orders.connection[buy],
                orders.connection[sell],
                component[buy],
                component[sell],
                trades.energy_wh,
                trades.price_ticks,
                trades.buyer_ticks,
                trades.seller_ticks,
            ),
        )

    def take(self) -> Arrays:
        """Columns of the group."""
        slot, sequence, market, buyer, seller, bought_for, sold_from, energy, price, buys, sells = self._rows.take()
        return {
            "slot": _int32(slot),
            "market": _int32(market),
            "sequence": _int32(sequence),
            "buyer": _int32(buyer),
            "seller": _int32(seller),
            "buyer_component": _names(bought_for, self._components),
            "seller_component": _names(sold_from, self._components),
            "energy_wh": pa.array(energy),
            "price_ticks": pa.array(price),
            "buyer_ticks": pa.array(buys),
            "seller_ticks": pa.array(sells),
        }


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
        self.names = pa.array(names, type=pa.string())
        every = np.arange(n_markets) if len(elements) == n_markets else np.zeros(n_markets, dtype=np.int64)
        self._begins, self._counts = begins[every], counts[every]

    def codes(self, market: IntArray, reason: IntArray, element: IntArray) -> IntArray:
        """Position in ``names``; -1 without an element, or without a name for it."""
        kind = _KIND_OF_REASON[reason]
        known = (element >= 0) & (element < self._counts[market, kind])
        return np.where(known, self._begins[market, kind] + element, -1)


class RejectBuffer:
    """Rows of the rejects' table."""

    def __init__(self, layout: Layout) -> None:
        self._rows = _Rows(8)
        self._elements = _ElementTable(layout.elements, layout.community.n_markets)
        self._reasons = pa.array(REASON_NAMES)

    @property
    def size(self) -> int:
        """Rows gathered."""
        return self._rows.size

    def put(self, record: SlotRecord) -> None:
        """Take in the refusals of a slot."""
        rejects, orders = record.rejects, record.orders
        if rejects.size == 0:
            return
        buy, sell = rejects.buy_order, rejects.sell_order
        self._rows.append(
            record.inputs.time.slot,
            (
                orders.market[np.maximum(buy, sell)],
                np.where(buy >= 0, orders.connection[buy], -1),
                np.where(sell >= 0, orders.connection[sell], -1),
                rejects.energy_wh,
                rejects.reason,
                rejects.element,
            ),
        )

    def take(self) -> Arrays:
        """Columns of the group."""
        slot, sequence, market, buyer, seller, energy, reason, element = self._rows.take()
        codes = self._elements.codes(market, reason, element)
        return {
            "slot": _int32(slot),
            "market": _int32(market),
            "sequence": _int32(sequence),
            "buyer": _int32(buyer, optional=True),
            "seller": _int32(seller, optional=True),
            "energy_wh": pa.array(energy),
            "reason": _names(reason, self._reasons),
            "element": _int32(element, optional=True),
            "element_name": _names(np.maximum(codes, 0), self._elements.names, codes < 0),
        }


class VoltageBuffer:
    """Rows of the voltages' table: every node of every market."""

    def __init__(self, layout: Layout, capacity: int) -> None:
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

    def __init__(self, layout: Layout) -> None:
        self._kpis = layout.slot_columns
        self._own: list[tuple[object, ...]] = []
        self._given: list[tuple[Value, ...]] = []

    def put(self, record: SlotRecord, given: Mapping[str, Value]) -> None:
        """Take in a slot; KeyError where ``given`` lacks a declared column, ValueError where it has others."""
        self._given.append(tuple([given[kpi.name] for kpi in self._kpis]))
        if len(given) > len(self._kpis):
            extra = sorted(set(given) - {kpi.name for kpi in self._kpis})
            raise ValueError(f"undeclared columns for the table of slots: {', '.join(extra)}")
        tariffs, trades, slack = record.inputs.tariffs, record.trades, record.grid.slack_wh
        price = trades.price_ticks
        self._own.append(
            (
                record.inputs.time.slot,
                record.inputs.time.begins,
                tariffs.retail_ticks[0],
                tariffs.feed_in_ticks[0],
                None if tariffs.wholesale_ticks is None else tariffs.wholesale_ticks[0],
                trades.size,
                price.min() if trades.size else None,
                price.max() if trades.size else None,
                defined(slack.sum()) if record.grid.v_pu.size else None,
            )
        )

    def take(self, own: pa.Schema) -> Arrays:
        """Columns of the group, typed as in the schema of the table."""
        values = [*zip(*self._own, strict=True), *zip(*self._given, strict=True)]
        arrays = {field.name: pa.array(column, type=field.type) for field, column in zip(own, values, strict=True)}
        self._own, self._given = [], []
        return arrays
