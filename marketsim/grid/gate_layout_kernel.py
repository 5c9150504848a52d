"""How the state of one market's gate lies in its two arrays: names of rows and of the facts in row ``FACTS``.

Columns are positions of the radial tree for quantities of nodes and of the branch above a node, connections for
quantities of connections, laterals for quantities of laterals. All that a trade commits is integer, and every float that
depends on it is recomputed from the integers: a refused trade restores the state exactly, and no order of trades leaves a trace.
"""

from __future__ import annotations

from typing import Final

# --- ints: columns are positions -------------------------------------------------------------------------------------
PARENT: Final = 0
SUBTREE_END: Final = 1
LATERAL: Final = 2
"""-1 at the source."""
NODE: Final = 3
"""Number in the network."""
BRANCH: Final = 4
"""Number in the network of the branch above."""
KIND: Final = 5
"""``BranchKind`` of the branch above."""
NET_WH: Final = 6
"""Committed net injection."""
NET_VARH: Final = 7
"""Reactive injection that moved with admitted energy [1e-8 varh]."""
# --- ints: columns are connections -----------------------------------------------------------------------------------
POSITION: Final = 8
"""Position of a connection's node; -1: not on the grid."""
CONNECTION_WH: Final = 9
"""Committed net injection."""
IMPORT_LIMIT: Final = 10
"""Stated limit [Wh]."""
EXPORT_LIMIT: Final = 11
IMPORT_FROZEN: Final = 12
"""Limit of this slot [Wh]: what the untraded state exceeds already may stand."""
EXPORT_FROZEN: Final = 13
SOURCE_VARH: Final = 14
"""Reactive injection that comes with each injected Wh [1e-8 varh]."""
SINK_VARH: Final = 15
"""Reactive draw that comes with each drawn Wh [1e-8 varh]."""
# --- ints: columns are laterals --------------------------------------------------------------------------------------
LATERAL_START: Final = 16
"""[n_laterals + 1]."""
HEAD_WH: Final = 17
"""Committed net injection of all that hangs on the lateral."""
HEAD_IMPORT: Final = 18
HEAD_EXPORT: Final = 19
HEAD_IMPORT_FROZEN: Final = 20
HEAD_EXPORT_FROZEN: Final = 21
TOUCHED: Final = 22
"""1 where something was committed since the slot opened."""
LINK: Final = 23
"""Column: position. Parent counted from the first node of the lateral; -1 for that node, whose parent is the source."""
FACTS: Final = 24
INT_ROWS: Final = 25

# --- ints[FACTS] -----------------------------------------------------------------------------------------------------
N_NODES: Final = 0
N_CONNECTIONS: Final = 1
N_LATERALS: Final = 2
CONVERGED: Final = 3
"""1 where the untraded state has a solution."""
MAX_SWEEPS: Final = 4
SOLVES: Final = 5
"""Lateral solves since the slot opened."""
INT_FACTS: Final = 6

# --- floats: columns are positions -----------------------------------------------------------------------------------
R: Final = 0
X: Final = 1
G: Final = 2
B: Final = 3
G_PARENT: Final = 4
B_PARENT: Final = 5
G_CHILD: Final = 6
B_CHILD: Final = 7
P: Final = 8
"""Active injection of the state that is solved [p.u.]."""
Q: Final = 9
Q_FIRM: Final = 10
"""Reactive injection of the untraded state [p.u.]."""
VR: Final = 11
"""Voltage of the last solve."""
VI: Final = 12
FR: Final = 13
"""Series current from the parent of the last solve."""
FI: Final = 14
VR_FIRM: Final = 15
"""Voltage of the untraded state, where each solve of the slot starts."""
VI_FIRM: Final = 16
V_MIN: Final = 17
V_MAX: Final = 18
RATING_PARENT: Final = 19
RATING_CHILD: Final = 20
V2_LOW: Final = 21
"""Squares of the slot's frozen limits, guard included."""
V2_HIGH: Final = 22
I2_PARENT: Final = 23
I2_CHILD: Final = 24
I2_PARENT_PLAIN: Final = 25
"""The limit of a flow against the base flow."""
I2_CHILD_PLAIN: Final = 26
DIRECTION: Final = 27
"""Sign of the base flow of a branch that the untraded state overloads, else 0."""
SCALE: Final = 28
"""|V'| / |V|."""
FLOAT_FACTS: Final = 29
FLOAT_ROWS: Final = 30

# --- floats[FLOAT_FACTS] ---------------------------------------------------------------------------------------------
WH_TO_PU: Final = 0
TOLERANCE: Final = 1
GUARD: Final = 2
WORSEN_V: Final = 3
WORSEN_I: Final = 4
SOURCE_PU: Final = 5
N_FLOAT_FACTS: Final = 6

VARH_UNIT: Final = 1e-8
MIN_COLUMNS: Final = 8
"""Room for the facts in the smallest feeder."""

# --- what binds ------------------------------------------------------------------------------------------------------
LOW_VOLTAGE: Final = 0
HIGH_VOLTAGE: Final = 1
PARENT_CURRENT: Final = 2
CHILD_CURRENT: Final = 3
NO_SOLUTION: Final = 4
