"""What devices could do over the slots to come, as linear blocks, for whoever plans them together.

A block has columns (kWh a slot, or a yes or no), rows ``row_lower <= A x <= row_upper``, costs, and what each column adds to the
net energy at its owner's meter (generation positive). It knows no prices: those belong to the programme that joins blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.clock import SlotTime


class PlannedSlots(NamedTuple):
    """The slots to come, as a fleet is asked about them."""

    agents: IntArray
    """Who plans: rows of the flat axis [k]."""
    time: SlotTime
    """The first slot."""
    slots: int
    series: Callable[[str], FloatArray]
    """What is expected of a profile series [slots, k]; KeyError if there is none."""

    @property
    def hour(self) -> FloatArray:
        """Hour of the day at which each slot begins [h] [slots]."""
        return np.asarray((self.time.hour + np.arange(self.slots) * self.time.hours) % 24.0)


class Entries(NamedTuple):
    """Numbers of a sparse matrix, those of one place added up; each [n_entries]."""

    row: IntArray
    column: IntArray
    value: FloatArray


class MeterEntries(NamedTuple):
    """What columns add to the net energy of an agent in a slot; each [n_entries]."""

    slot: IntArray
    agent: IntArray
    """Position within the k agents."""
    column: IntArray
    value: FloatArray
    """[kWh] for each unit of the column, generation positive."""


class Contents(NamedTuple):
    """What stores hold; each [n_stores] but the first."""

    column: IntArray
    """The content after each slot [n_stores, slots]."""
    agent: IntArray
    start: FloatArray
    """The content before the first slot."""
    delivers: FloatArray
    """Energy at the meter for each unit of content [-]."""


class BothModes(NamedTuple):
    """Pairs of columns of which a device can use one a slot; each [n_pairs].

    A store that charges and discharges at once burns energy, which pays below a price alone: the programme keeps them apart
    by a yes or no there, and nowhere else.
    """

    draw: IntArray
    give: IntArray
    slot: IntArray
    below: FloatArray
    """Price below which both at once pay [currency/kWh]; minus infinity: they never do."""


class LinearBlock(NamedTuple):
    """A fleet of k agents over ``slots`` slots."""

    lower: FloatArray
    """Bounds of the columns [n_columns]."""
    upper: FloatArray
    cost: FloatArray
    """Of a unit of each column, energy itself left out [currency] [n_columns]."""
    whole: BoolArray
    """Columns that are a yes or no [n_columns]."""
    missed: BoolArray
    """Columns that stand for energy that is not served, in kWh at the meter; nobody plans any that can be helped."""
    row_lower: FloatArray
    """[n_rows]."""
    row_upper: FloatArray
    entries: Entries
    meter: MeterEntries
    contents: Contents
    modes: BothModes
    fixed_kwh: FloatArray
    """Net energy that no column decides [slots, k]."""


class BlockBuilder:
    """Columns, rows and entries, put together a whole array at a time."""

    def __init__(self, slots: int, k: int) -> None:
        self.fixed_kwh = np.zeros((slots, k))
        """Net energy that no column decides [slots, k]; may be written into."""
        self._columns: list[tuple[FloatArray, ...]] = []
        self._rows: list[tuple[FloatArray, ...]] = []
        self._entries: list[tuple[Any, ...]] = []
        self._meter: list[tuple[Any, ...]] = []
        self._contents: list[tuple[Any, ...]] = []
        self._modes: list[tuple[Any, ...]] = []
        self._n_columns = self._n_rows = 0

    def columns(
        self,
        shape: tuple[int, ...],
        upper: FloatArray | float = np.inf,
        *,
        lower: FloatArray | float = 0.0,
        cost: FloatArray | float = 0.0,
        whole: bool = False,
        missed: bool = False,
    ) -> IntArray:
        """Positions of new columns, in this shape; bounds and costs are spread over it."""
        given = (lower, upper, cost, float(whole), float(missed))
        self._columns.append(_spread(shape, given, np.float64))
        first, self._n_columns = self._n_columns, self._n_columns + int(np.prod(shape))
        return np.arange(first, self._n_columns).reshape(shape)

    def rows(self, shape: tuple[int, ...], lower: FloatArray | float, upper: FloatArray | float) -> IntArray:
        """Positions of new rows, in this shape; ``lower`` and ``upper`` are what their sums lie between."""
        self._rows.append(_spread(shape, (lower, upper), np.float64))
        first, self._n_rows = self._n_rows, self._n_rows + int(np.prod(shape))
        return np.arange(first, self._n_rows).reshape(shape)

    def put(self, rows: IntArray, columns: IntArray, values: FloatArray | float) -> None:
        """Numbers of the matrix; the three are spread over each other."""
        self._entries.append(_together(rows, columns, values))

    def at_meter(self, slots: IntArray, agents: IntArray, columns: IntArray, values: FloatArray | float) -> None:
        """What columns add to the net energy of ``agents`` (within the k) in ``slots``."""
        self._meter.append(_together(slots, agents, columns, values))

    def content(self, columns: IntArray, agents: IntArray, start: FloatArray, delivers: FloatArray) -> None:
        """Columns of what stores contain after each slot [n_stores, slots]; the others are [n_stores]."""
        self._contents.append((columns, *_together(agents, start, delivers)))

    def one_mode(self, draw: IntArray, give: IntArray, slots: IntArray, below: FloatArray | float) -> None:
        """Columns of which one a slot may be used; see ``BothModes``."""
        self._modes.append(_together(draw, give, slots, below))

    def _stored(self) -> Contents:
        if not self._contents:
            nobody = np.zeros(0, dtype=np.int64)
            return Contents(nobody.reshape(0, len(self.fixed_kwh)), nobody, np.zeros(0), np.zeros(0))
        return Contents(*_typed(_joined(self._contents, 4), 2))

    def done(self) -> LinearBlock:
        """The block."""
        lower, upper, cost, whole, missed = _joined(self._columns, 5)
        row_lower, row_upper = _joined(self._rows, 2)
        return LinearBlock(
            lower, upper, cost, whole > 0.0, missed > 0.0, row_lower, row_upper,
            Entries(*_typed(_joined(self._entries, 3), 2)),
            MeterEntries(*_typed(_joined(self._meter, 4), 3)),
            self._stored(),
            BothModes(*_typed(_joined(self._modes, 4), 3)),
            self.fixed_kwh,
        )  # fmt: skip


class StoreRatings(NamedTuple):
    """Stores of some owners, each [n_owners]."""

    capacity_kwh: FloatArray
    """Usable energy."""
    power_kwh: FloatArray
    """Most energy a slot at the meter, either way."""
    charge_efficiency: FloatArray
    discharge_efficiency: FloatArray
    wear: FloatArray
    """[currency/kWh] at the meter."""


def put_stores(
    block: BlockBuilder, owners: IntArray, slots: int, ratings: StoreRatings, stored_kwh: FloatArray
) -> None:
    """Stores with losses: charge c and discharge d at the meter, content s, from ``stored_kwh`` [n_owners] on.

    ``s_h = s_(h-1) + e_c c_h - d_h / e_d``, 0 <= s <= capacity. Both modes at once pay where ``-price (1 - e_c e_d) >
    wear (1 + e_c e_d)``: a kWh drawn and given back as e_c e_d kWh wears both ways and takes 1 - e_c e_d of energy off.
    """
    shape, slot = (len(owners), slots), np.arange(slots)
    power, wear = ratings.power_kwh[:, None], ratings.wear[:, None]
    charge = block.columns(shape, power, cost=wear)
    discharge = block.columns(shape, power, cost=wear)
    stored = block.columns(shape, ratings.capacity_kwh[:, None])
    first = np.zeros(shape)
    first[:, :1] = stored_kwh[:, None]
    row = block.rows(shape, first, first)
    block.put(row, charge, -ratings.charge_efficiency[:, None])
    block.put(row, discharge, (1.0 / ratings.discharge_efficiency)[:, None])
    block.put(row, stored, 1.0)
    block.put(row[:, 1:], stored[:, :-1], -1.0)
    block.at_meter(slot, owners[:, None], charge, -1.0)
    block.at_meter(slot, owners[:, None], discharge, 1.0)
    block.content(stored, owners, stored_kwh, ratings.discharge_efficiency)
    kept = ratings.charge_efficiency * ratings.discharge_efficiency
    lost = 1.0 - kept
    pays = np.full(len(owners), -np.inf)
    np.divide(-ratings.wear * (1.0 + kept), lost, out=pays, where=lost > 0.0)
    block.one_mode(charge, discharge, slot, pays[:, None])


def _spread(shape: tuple[int, ...], given: tuple[Any, ...], kind: type) -> tuple[FloatArray, ...]:
    return tuple(np.broadcast_to(np.asarray(each, dtype=kind), shape).ravel() for each in given)


def _together(*given: Any) -> tuple[Any, ...]:
    return tuple(each.ravel() for each in np.broadcast_arrays(*given))


def _joined(parts: list[tuple[Any, ...]], n: int) -> tuple[Any, ...]:
    return tuple(np.concatenate(each) for each in zip(*parts, strict=True)) if parts else (np.zeros(0),) * n


def _typed(columns: tuple[Any, ...], n_positions: int) -> tuple[Any, ...]:
    """The first ``n_positions`` are positions, the rest numbers."""
    return tuple(
        np.asarray(each, dtype=np.int64 if place < n_positions else np.float64) for place, each in enumerate(columns)
    )
