"""What agents stand to trade: feasible dispatch, positions, and orders held to them.

A strategy's dispatch must be feasible whether all, part or none of its orders trade. So dispatch is what happens in
any case, and orders offer energy on top of it; a store is in one mode a slot.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from marketsim.core import slot_kernel
from marketsim.core.arrays import BoolArray, IntArray, rows_of, whole_column
from marketsim.core.records import (
    Community,
    Decisions,
    DeviceRange,
    OrderBatch,
    Orders,
    Positions,
    Reason,
    Rejects,
    Side,
    SlotInputs,
    Standing,
    empty_rejects,
)


def stand(
    load_wh: IntArray, pv_wh: IntArray, ranges: Sequence[DeviceRange], stores: Sequence[bool], dispatch_wh: IntArray
) -> Standing:
    """Positions of k agents after ``dispatch_wh`` [n_devices, k], which is made feasible first.

    Dispatch is held to each fleet's range, and a store discharges unasked only into its owner's own consumption. Own PV
    serves own need before anything else; what is left of it is surplus, what is missing is firm demand.
    """
    shape = (len(ranges), len(load_wh))
    lo_wh, hi_wh = rows_of((reach.lo_wh for reach in ranges), shape), rows_of((reach.hi_wh for reach in ranges), shape)
    return Standing(*slot_kernel.stand(load_wh, pv_wh, dispatch_wh, lo_wh, hi_wh, np.array(stores, dtype=np.bool_)))


def with_pv_decided(planned: SlotInputs, decisions: Decisions) -> SlotInputs:
    """The inputs that a slot is traded on, with the PV that strategies use; as they are where nobody withholds any."""
    if decisions.pv_wh is None:
        return planned
    return planned._replace(pv_wh=np.minimum(planned.pv_wh, decisions.pv_wh))


def positions(
    inputs: SlotInputs, ranges: Sequence[DeviceRange], stores: Sequence[bool], decisions: Decisions
) -> Positions:
    """Positions of all agents after what their strategies decided."""
    standing = stand(inputs.load_wh, inputs.pv_wh, ranges, stores, decisions.dispatch_wh)
    return Positions(*standing, marginal_ticks=decisions.marginal_ticks, absorb=decisions.absorb)


def hold_orders(
    community: Community, place: Positions, stores: Sequence[bool], batch: OrderBatch, arrival: IntArray
) -> tuple[Orders, Rejects]:
    """Orders in order of arrival, each held to what its agent's position can deliver or draw.

    ``arrival`` [n_orders] sorts the batch; markets ascending. What exceeds a position is rejected with
    EXCEEDS_POSITION, the second mode of a store with BOTH_MODES.
    """
    table, beyond, wrong = slot_kernel.hold(
        arrival,
        tuple(map(whole_column, batch)),
        community.market,
        community.connection,
        (place.firm_demand_wh, place.must_run_wh, place.surplus_wh),
        place.up_wh,
        place.down_wh,
        np.array(stores, dtype=np.bool_),
    )
    orders = Orders(*table)
    return orders, _excess(orders.side, beyond, wrong)


def _excess(side: IntArray, excess_wh: IntArray, wrong_mode: BoolArray) -> Rejects:
    row = np.flatnonzero(excess_wh)
    if len(row) == 0:
        return empty_rejects()
    buying = side[row] == Side.BUY
    return Rejects(
        buy_order=np.where(buying, row, -1),
        sell_order=np.where(buying, -1, row),
        energy_wh=excess_wh[row],
        reason=np.where(wrong_mode[row], Reason.BOTH_MODES, Reason.EXCEEDS_POSITION).astype(np.int64),
        element=np.full(len(row), -1, dtype=np.int64),
        side=side[row],
    )
