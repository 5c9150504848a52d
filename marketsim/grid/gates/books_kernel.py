"""The books of a market: what is committed, in integers; what limits without a power flow leave of a trade."""

from __future__ import annotations

from typing import Any

from marketsim.core.compiled import kernel
from marketsim.core.records import BLAMES_SINK, Reason
from marketsim.grid.flow import rows_kernel as row
from marketsim.grid.net.network import BranchKind

NONE = int(Reason.NONE)
UNDERVOLTAGE = int(Reason.UNDERVOLTAGE)
OVERVOLTAGE = int(Reason.OVERVOLTAGE)
LINE_LOADING = int(Reason.LINE_LOADING)
TRAFO_LOADING = int(Reason.TRAFO_LOADING)
CONNECTION_IMPORT = int(Reason.CONNECTION_IMPORT)
CONNECTION_EXPORT = int(Reason.CONNECTION_EXPORT)
HEAD_IMPORT = int(Reason.HEAD_IMPORT)
HEAD_EXPORT = int(Reason.HEAD_EXPORT)
DIVERGED = int(Reason.DIVERGED)
TRAFO = int(BranchKind.TRAFO)


@kernel(helper=True)
def ends(ints: Any, source: int, sink: int) -> tuple[int, int, int, int]:
    """(position of the source, of the sink, lateral of the source, of the sink); -1 for NOWHERE and off the grid.

    A position at the feeder's source has lateral -1.
    """
    injects = ints[row.POSITION, source] if source >= 0 else -1
    draws = ints[row.POSITION, sink] if sink >= 0 else -1
    first = ints[row.LATERAL, injects] if injects >= 0 else -1
    second = ints[row.LATERAL, draws] if draws >= 0 else -1
    return injects, draws, first, second


@kernel(helper=True)
def headroom(ints: Any, source: int, sink: int, first: int, second: int, wh: int) -> tuple[int, int, int]:
    """(Wh left by the limits of connections and feeder heads, code, element), without a power flow."""
    left, code, element = wh, NONE, -1
    if source >= 0 and ints[row.EXPORT_FROZEN, source] - ints[row.CONNECTION_WH, source] < left:
        left = max(ints[row.EXPORT_FROZEN, source] - ints[row.CONNECTION_WH, source], 0)
        code, element = CONNECTION_EXPORT, source
    if sink >= 0 and ints[row.IMPORT_FROZEN, sink] + ints[row.CONNECTION_WH, sink] < left:
        left = max(ints[row.IMPORT_FROZEN, sink] + ints[row.CONNECTION_WH, sink], 0)
        code, element = CONNECTION_IMPORT + BLAMES_SINK, sink
    if first == second:  # what stays inside a lateral does not pass its head
        return left, code, element
    if first >= 0 and ints[row.HEAD_EXPORT_FROZEN, first] - ints[row.HEAD_WH, first] < left:
        left = max(ints[row.HEAD_EXPORT_FROZEN, first] - ints[row.HEAD_WH, first], 0)
        code, element = HEAD_EXPORT, first
    if second >= 0 and ints[row.HEAD_IMPORT_FROZEN, second] + ints[row.HEAD_WH, second] < left:
        left = max(ints[row.HEAD_IMPORT_FROZEN, second] + ints[row.HEAD_WH, second], 0)
        code, element = HEAD_IMPORT + BLAMES_SINK, second
    return left, code, element


@kernel(helper=True)
def refusal(ints: Any, source: int, sink: int, where: int, what: int, power: float) -> tuple[int, int]:
    """(code, element) of the limit ``what`` that binds at a position to which its branch brings ``power``.

    Low voltage, and overload by consumption below the element, are the sink's doing; without a source everything is.
    """
    injects, draws, _, _ = ends(ints, source, sink)
    to_blame = draws >= 0 and injects < 0
    if what == row.NO_SOLUTION:
        code, element = DIVERGED, -1
    elif what == row.LOW_VOLTAGE:
        code, element, to_blame = UNDERVOLTAGE, ints[row.NODE, where], draws >= 0
    elif what == row.HIGH_VOLTAGE:
        code, element = OVERVOLTAGE, ints[row.NODE, where]
    else:
        code = TRAFO_LOADING if ints[row.KIND, where] == TRAFO else LINE_LOADING
        element = ints[row.BRANCH, where]
        to_blame = to_blame or (where <= draws < ints[row.SUBTREE_END, where] and power > 0.0)
    return (code + BLAMES_SINK if to_blame else code), element


@kernel(helper=True)
def commit(ints: Any, source: int, sink: int, wh: int) -> None:
    """Book ``wh`` (negative: take back) in every integer that counts it."""
    injects, draws, first, second = ends(ints, source, sink)
    if source >= 0:
        ints[row.CONNECTION_WH, source] += wh
    if sink >= 0:
        ints[row.CONNECTION_WH, sink] -= wh
    if injects >= 0:
        ints[row.NET_WH, injects] += wh
        ints[row.NET_VARH, injects] += wh * ints[row.SOURCE_VARH, source]
    if draws >= 0:
        ints[row.NET_WH, draws] -= wh
        ints[row.NET_VARH, draws] -= wh * ints[row.SINK_VARH, sink]
    if first >= 0:
        ints[row.HEAD_WH, first] += wh
    if second >= 0:
        ints[row.HEAD_WH, second] -= wh
