"""The programme of a day: what devices do behind one or several meters, at the utility's prices.

With net energy g of all devices at a meter, need n (load less PV), import m, curtailed PV k, retail l_b and feed-in l_s [kWh a
slot, currency/kWh], peak P of the import and peak price mu::

    min  sum_h [ (l_b - l_s) m_h + l_s (n_h - g_h + k_h) ] + costs of devices + mu P / hours
    s.t. m_h >= n_h - g_h + k_h,   0 <= m_h <= P,   0 <= k_h <= spare PV,   the rows of each device

Export is m - (n - g + k). With l_b >= l_s >= 0 and losses a store never charges and discharges at once, and nobody curtails.
Below zero two things are open, and each gets a yes or no there and nowhere else: a store in both modes where burning energy
pays (``core.programme.BothModes``), and importing for being paid beside own PV that is curtailed.

Energy that is missed costs ten times the dearest price, so none is planned that can be had; it is no part of the cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.programme import LinearBlock
from marketsim.optimise.growing import GrowingColumns, GrowingRows
from marketsim.optimise.highs import SparseProgramme

_DEARER: Final = 10.0
"""Missed energy costs so many times the dearest price."""


class MeteredDay(NamedTuple):
    """What is known of the slots to come, at each meter [slots, n_meters]."""

    need_kwh: FloatArray
    """Load less PV, without what devices do."""
    spare_kwh: FloatArray
    """PV that may be curtailed."""
    retail: FloatArray
    """[currency/kWh]."""
    feed_in: FloatArray
    """[currency/kWh], at most retail."""
    hours: float
    meter_of: IntArray
    """Meter of each agent [k]."""


class Ends(NamedTuple):
    """What stores have to hold at the end."""

    regained: int | None = None
    """At least what they hold after this slot, -1 at the start; None: anything."""
    worth: FloatArray | None = None
    """Worth of a kWh that each agent could deliver at the end [currency/kWh] [k]; None: nothing."""


class DayProgramme(NamedTuple):
    """The programme with its parts; columns in the order: devices, import, curtailed PV, yes or no, peak."""

    programme: SparseProgramme
    """With the whole cost as objective."""
    cost: FloatArray
    """Cost of each column, missed energy at nothing [currency]."""
    constant: float
    """What the need alone costs or earns at the feed-in tariff [currency]."""
    missed: IntArray
    """Columns of energy that is not served."""
    imports: IntArray
    """Columns [n_meters, slots], and rows of ``at_most`` alike."""
    curtailed: IntArray
    """Columns [n_curtailable]."""
    curtailed_at: IntArray
    """Meter x slots + slot of each [n_curtailable]."""
    peak: int
    """Column of the largest import of all meters together [kWh a slot], those of later periods behind it; -1: there is none."""
    first: IntArray
    """First column of each block."""
    block_of: IntArray
    """Block of each column, -1: of all together."""


def day_programme(
    blocks: Sequence[LinearBlock],
    day: MeteredDay,
    ends: Ends,
    *,
    peak: bool = False,
    peak_price: float = 0.0,
    periods: IntArray | None = None,
) -> DayProgramme:
    """The programme of all blocks behind the meters of a day; ``peak``: it has a column for the largest import.

    ``peak_price`` [currency/kW] is what the largest import costs; with ``periods`` [slots], numbered from 0 on, the largest of
    each period. ValueError where feed-in exceeds retail: buying to sell back would pay without end.
    """
    if (day.feed_in > day.retail).any():
        raise ValueError("feed-in exceeds retail: buying to sell back would pay without end")
    columns, at_most, equal = GrowingColumns(), GrowingRows(), GrowingRows()
    slots, n_meters = day.need_kwh.shape
    fixed = _at_meters(day, [block.fixed_kwh for block in blocks])
    meter_row = at_most.add((fixed - day.need_kwh).T.ravel()).reshape(n_meters, slots)
    first = [
        _put_block(block, place, columns, at_most, equal, day, meter_row, ends.worth)
        for place, block in enumerate(blocks)
    ]
    imports = columns.add(np.zeros(1), np.full(n_meters * slots, np.inf), (day.retail - day.feed_in).T.ravel())
    at_most.put(meter_row.ravel(), imports, -1.0)
    curtailed, curtailed_at = _put_curtailed(columns, at_most, day, meter_row)
    missed = [start + np.flatnonzero(block.missed) for start, block in zip(first, blocks, strict=True)]
    missed += _put_regained(blocks, first, ends.regained, columns, at_most)
    _keep_modes_apart(blocks, first, day, columns, at_most)
    _curtail_or_import(blocks, day, columns, at_most, imports, curtailed, curtailed_at)
    peak_column = -1
    if peak or peak_price > 0.0:
        of_slot = np.zeros(slots, dtype=np.int64) if periods is None else periods
        peak_column = _put_peak(columns, at_most, imports.reshape(n_meters, slots), peak_price / day.hours, of_slot)
    programme = columns.programme(at_most, equal)
    all_missed = np.concatenate([*missed, np.zeros(0, dtype=np.int64)])
    return DayProgramme(
        programme=programme._replace(cost=_with_missed(programme.cost, all_missed, day, peak_price)),
        cost=programme.cost,
        constant=float((day.feed_in * (day.need_kwh - fixed)).sum()),
        missed=all_missed,
        imports=imports.reshape(n_meters, slots),
        curtailed=curtailed,
        curtailed_at=curtailed_at,
        peak=peak_column,
        first=np.array(first, dtype=np.int64),
        block_of=columns.block_of(),
    )


def _at_meters(day: MeteredDay, of_agents: Sequence[FloatArray]) -> FloatArray:
    """Sums of [slots, k] at each meter [slots, n_meters]."""
    total = np.zeros(day.need_kwh.shape)
    for each in of_agents:
        np.add.at(total.T, day.meter_of, each.T)
    return total


def _put_block(
    block: LinearBlock,
    place: int,
    columns: GrowingColumns,
    at_most: GrowingRows,
    equal: GrowingRows,
    day: MeteredDay,
    meter_row: IntArray,
    worth: FloatArray | None,
) -> int:
    """Append a block, its energy at the feed-in tariff; returns its first column."""
    meter, contents, first = block.meter, block.contents, columns.n
    cost, at = block.cost.copy(), day.meter_of[meter.agent]
    np.subtract.at(cost, meter.column, day.feed_in[meter.slot, at] * meter.value)
    if worth is not None:
        np.subtract.at(cost, contents.column[:, -1], worth[contents.agent] * contents.delivers)
    columns.add(block.lower, block.upper, cost, block.whole.astype(np.float64), block=place)
    at_most.put(meter_row[at, meter.slot], first + meter.column, -meter.value)
    _put_rows(block, first, at_most, equal)
    return first


def _put_rows(block: LinearBlock, first: int, at_most: GrowingRows, equal: GrowingRows) -> None:
    """Rows of a block: equal where both sides are, else one for each side that is finite."""
    row, column, value = block.entries
    same = block.row_lower == block.row_upper
    for rows, picked, sign in (
        (equal, same, 1.0),
        (at_most, ~same & np.isfinite(block.row_upper), 1.0),
        (at_most, ~same & np.isfinite(block.row_lower), -1.0),
    ):
        if not picked.any():
            continue
        right = sign * (block.row_lower if sign < 0 else block.row_upper)[picked]
        place = np.full(len(same), -1)
        place[picked] = rows.add(right)
        inside = picked[row]
        rows.put(place[row[inside]], first + column[inside], sign * value[inside])


def _put_curtailed(
    columns: GrowingColumns, at_most: GrowingRows, day: MeteredDay, meter_row: IntArray
) -> tuple[IntArray, IntArray]:
    """PV that is curtailed where feeding in costs something: columns, and meter x slots + slot of each."""
    at = np.flatnonzero(((day.feed_in < 0.0) & (day.spare_kwh > 0.0)).T.ravel())
    curtailed = columns.add(np.zeros(1), day.spare_kwh.T.ravel()[at], day.feed_in.T.ravel()[at])
    at_most.put(meter_row.ravel()[at], curtailed, 1.0)
    return curtailed, at


def _put_regained(
    blocks: Sequence[LinearBlock],
    first: Sequence[int],
    regained: int | None,
    columns: GrowingColumns,
    at_most: GrowingRows,
) -> list[IntArray]:
    """Rows for what stores hold at the end, each with a column for what is missed [kWh at the meter]; these columns."""
    missed: list[IntArray] = []
    for place, (start, block) in enumerate(zip(first, blocks, strict=True)):
        contents = block.contents
        if regained is None or not len(contents.column):
            continue
        short = columns.add(np.zeros(1), np.full(len(contents.column), np.inf), np.zeros(1), block=place)
        row = at_most.add(-contents.start if regained < 0 else np.zeros(len(contents.column)))
        at_most.put(row, start + contents.column[:, -1], -1.0)
        if regained >= 0:
            at_most.put(row, start + contents.column[:, regained], 1.0)
        at_most.put(row, short, -1.0 / contents.delivers)
        missed.append(short)
    return missed


def _put_peak(columns: GrowingColumns, at_most: GrowingRows, imports: IntArray, price: float, periods: IntArray) -> int:
    """A column a period that is at least the import of all meters together in its slots, at a price for each kWh a slot."""
    n_periods = int(periods.max(initial=0)) + 1
    peak = columns.add(np.zeros(1), np.full(n_periods, np.inf), np.full(1, price))
    row = at_most.add(np.zeros(imports.shape[1]))
    at_most.put(row, imports, 1.0)
    at_most.put(row, peak[periods], -1.0)
    return int(peak[0])


def _keep_modes_apart(
    blocks: Sequence[LinearBlock], first: Sequence[int], day: MeteredDay, columns: GrowingColumns, at_most: GrowingRows
) -> None:
    """A yes or no for each pair of columns that would be used both, at the lower of the two prices."""
    for place, (start, block) in enumerate(zip(first, blocks, strict=True)):
        modes = block.modes
        agent = np.zeros(len(block.cost), dtype=np.int64)
        agent[block.meter.column] = block.meter.agent
        feed_in = day.feed_in[modes.slot, day.meter_of[agent[modes.draw]]]
        pairs = np.flatnonzero(feed_in < modes.below)
        draws = columns.add(np.zeros(1), np.ones(len(pairs)), np.zeros(1), whole=True, block=place)
        draw, give = modes.draw[pairs], modes.give[pairs]
        row = at_most.add(np.zeros(len(pairs)))
        at_most.put(row, start + draw, 1.0)
        at_most.put(row, draws, -block.upper[draw])
        row = at_most.add(block.upper[give])
        at_most.put(row, start + give, 1.0)
        at_most.put(row, draws, block.upper[give])


def _curtail_or_import(
    blocks: Sequence[LinearBlock],
    day: MeteredDay,
    columns: GrowingColumns,
    at_most: GrowingRows,
    imports: IntArray,
    curtailed: IntArray,
    curtailed_at: IntArray,
) -> None:
    """A yes or no where importing is paid for and own PV could be curtailed beside."""
    open_at = np.flatnonzero(day.retail.T.ravel()[curtailed_at] < 0.0)
    if not len(open_at):
        return
    at = curtailed_at[open_at]
    most_in, spare = _most_import(blocks, day)[at], day.spare_kwh.T.ravel()[at]
    draws = columns.add(np.zeros(1), np.ones(len(at)), np.zeros(1), whole=True)
    row = at_most.add(np.zeros(len(at)))
    at_most.put(row, imports[at], 1.0)
    at_most.put(row, draws, -most_in)
    row = at_most.add(spare)
    at_most.put(row, curtailed[open_at], 1.0)
    at_most.put(row, draws, spare)


def _most_import(blocks: Sequence[LinearBlock], day: MeteredDay) -> FloatArray:
    """More than any meter can import in a slot [n_meters x slots]: its need, all PV gone, and all that devices can draw."""
    most = (np.maximum(day.need_kwh, 0.0) + day.spare_kwh).T.copy()
    for block in blocks:
        meter = block.meter
        bound = np.where(meter.value < 0.0, block.upper[meter.column], -block.lower[meter.column])
        drawn = np.abs(meter.value) * np.where(np.isfinite(bound), np.maximum(bound, 0.0), 1e4)
        np.add.at(most, (day.meter_of[meter.agent], meter.slot), drawn)
        np.add.at(most, (day.meter_of[:, None], np.arange(most.shape[1])), np.maximum(-block.fixed_kwh.T, 0.0))
    return most.ravel()


def _with_missed(cost: FloatArray, missed: IntArray, day: MeteredDay, peak_price: float) -> FloatArray:
    dearest = max(float(np.abs(day.retail).max(initial=0.0)), float(np.abs(day.feed_in).max(initial=0.0)), 1e-3)
    whole = cost.copy()
    whole[missed] += _DEARER * (dearest + peak_price / day.hours)
    return whole
