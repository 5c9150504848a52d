"""How the state of one market's gate lies in its two arrays: names of rows and of the facts in rows ``FACTS``.

Columns are positions of the radial tree for quantities of nodes and of the branch above a node, core nodes of its
``SweepTree``, connections, or laterals. All that a trade commits is integer, and every float that a power flow depends on
is recomputed from the integers: a refused trade restores the state exactly, and no order of trades leaves a trace.
"""

from __future__ import annotations

from typing import Final

SOURCE: Final = 0
"""The source's position, and its core node."""
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
CORE: Final = 8
"""Core node of a position; -1: not in the core."""
OWNER: Final = 9
"""Core node from which a position's voltage follows."""
TOP: Final = 10
"""The owner's parent in the core."""
# --- ints: columns are core nodes ------------------------------------------------------------------------------------
JUMP: Final = 11
"""Parent counted from the first core node of the lateral; -1 where it is the node before, or the source."""
# --- ints: columns are connections -----------------------------------------------------------------------------------
POSITION: Final = 12
"""Position of a connection's node; -1: not on the grid."""
CONNECTION_WH: Final = 13
"""Committed net injection."""
IMPORT_LIMIT: Final = 14
"""Stated limit [Wh]."""
EXPORT_LIMIT: Final = 15
IMPORT_FROZEN: Final = 16
"""Limit of this slot [Wh]: what the untraded state exceeds already may stand."""
EXPORT_FROZEN: Final = 17
SOURCE_VARH: Final = 18
"""Reactive injection that comes with each injected Wh [1e-8 varh]."""
SINK_VARH: Final = 19
"""Reactive draw that comes with each drawn Wh [1e-8 varh]."""
# --- ints: columns are laterals --------------------------------------------------------------------------------------
LATERAL_START: Final = 20
"""First position [n_laterals + 1]."""
CORE_START: Final = 21
"""First core node [n_laterals + 1]."""
HEAD_WH: Final = 22
"""Committed net injection of all that hangs on the lateral."""
HEAD_IMPORT: Final = 23
HEAD_EXPORT: Final = 24
HEAD_IMPORT_FROZEN: Final = 25
HEAD_EXPORT_FROZEN: Final = 26
CHARGED: Final = 27
"""1 where some branch has admittances to ground."""
REVERSIBLE: Final = 28
"""Number of branches that the untraded state overloads."""
CURVE_START: Final = 29
"""First of the lateral's connections in row CURVED [n_laterals + 1]."""
CURVED: Final = 30
"""Connections whose reactive power follows the voltage, in order of position."""
FACTS: Final = 31
INT_ROWS: Final = 32

# --- ints[FACTS] -----------------------------------------------------------------------------------------------------
N_NODES: Final = 0
N_CONNECTIONS: Final = 1
N_LATERALS: Final = 2
N_CORE: Final = 3
CONVERGED: Final = 4
"""1 where the untraded state has a solution."""
MAX_SWEEPS: Final = 5
SOLVES: Final = 6
"""Lateral solves for trades since the slot opened."""

# --- floats: columns are positions -----------------------------------------------------------------------------------
R: Final = 0
X: Final = 1
G: Final = 2
B: Final = 3
G_PARENT: Final = 4
B_PARENT: Final = 5
G_CHILD: Final = 6
B_CHILD: Final = 7
RATING: Final = 8
"""Stricter rating of the two ends, guard included, less what the end admittances may carry at 2 p.u."""
PART_R: Final = 9
"""V = V[top] - part F[owner]."""
PART_X: Final = 10
CARRIES: Final = 11
UNSCALE: Final = 12
"""|V| / |V'|."""
V_MIN: Final = 13
V_MAX: Final = 14
RATING_PARENT: Final = 15
RATING_CHILD: Final = 16
V2_LOW_PLAIN: Final = 17
"""Squares of the stated limits, guard included; constant."""
V2_HIGH_PLAIN: Final = 18
PER_PARENT_PLAIN: Final = 19
"""Reciprocals of the squared ratings, guard included; 0 without a rating. Also for a flow against the base flow."""
PER_CHILD_PLAIN: Final = 20
V2_LOW: Final = 21
"""Squares of the slot's frozen limits, guard included."""
V2_HIGH: Final = 22
PER_PARENT: Final = 23
PER_CHILD: Final = 24
DIRECTION: Final = 25
"""Sign of the base flow of a branch that the untraded state overloads, else 0."""
Q_FIRM: Final = 26
"""Reactive injection of the untraded state [p.u.]."""
VR: Final = 27
"""Voltage of the last solve."""
VI: Final = 28
FR: Final = 29
"""Series current from the parent of the last solve."""
FI: Final = 30
EXCESS: Final = 31
"""Largest excess over a limit at a node and the branch above it."""
# --- floats: columns are core nodes ----------------------------------------------------------------------------------
CORE_R: Final = 32
CORE_X: Final = 33
CORE_G: Final = 34
CORE_B: Final = 35
P: Final = 36
"""Active injection of the state that is solved [p.u.]."""
Q: Final = 37
CORE_VR: Final = 38
CORE_VI: Final = 39
CORE_FR: Final = 40
CORE_FI: Final = 41
CORE_VR_FIRM: Final = 42
"""Voltage of the untraded state, where each solve of the slot starts."""
CORE_VI_FIRM: Final = 43
NEXT_R: Final = 44
"""Voltage after the sweep under way."""
NEXT_I: Final = 45
STEP: Final = 46
REACH: Final = 47
"""Sum of |z| from the source: no injection here moves any voltage by more than this for each unit of current."""
# --- floats: columns are laterals; the bound of ``skip_solve_kernel`` ------------------------------------------------
ROOM_UP: Final = 48
"""Least distance of a voltage to its upper limit in the last solved state [p.u.]."""
ROOM_DOWN: Final = 49
ROOM_CURRENT: Final = 50
V_LEAST: Final = 51
LOAD_REACH: Final = 52
"""Largest sum over a path of |z| times |S| behind it."""
LOAD_TOTAL: Final = 53
"""Sum of |S|."""
ANGLE_SPREAD: Final = 54
RISE: Final = 55
"""Sum of REACH times injection committed since the last solved state."""
FALL: Final = 56
MOVED: Final = 57
GROUND_REACH: Final = 58
"""Constants: as LOAD_REACH and LOAD_TOTAL for admittances to ground."""
GROUND_TOTAL: Final = 59
ANGLE_MAX: Final = 60
"""Angle by which no path impedance leaves the right half plane."""
V_LOW: Final = 61
"""Frozen limits again, not squared; columns are positions."""
V_HIGH: Final = 62
# --- floats: columns are connections ---------------------------------------------------------------------------------
CURVE_FULL: Final = 63
"""Full reactive power of the volt-var curve [p.u.]."""
KVA: Final = 64
"""Apparent power of the inverter [p.u.]."""
BEHIND: Final = 65
"""What the inverter delivers beyond the connection's net injection, to loads behind the same meter [p.u.]."""
CURVE_Q: Final = 66
"""Reactive injection by the curve in the state that is solved [p.u.]."""
CURVE_Q_FIRM: Final = 67
"""The same in the untraded state."""
G_SHUNT: Final = 68
"""Part of G that is in no branch; columns are positions."""
ASKED: Final = 69
"""Reactive injection asked of an inverter that is steered, on top of its curve [p.u.]; columns are connections."""
KVAR_PER_KW: Final = 70
"""Most reactive power for each kW of a steered inverter; 0: its rating alone bounds it; columns are connections."""
FLOAT_FACTS: Final = 71
FLOAT_ROWS: Final = 72

# --- floats[FLOAT_FACTS] ---------------------------------------------------------------------------------------------
WH_TO_PU: Final = 0
TOLERANCE: Final = 1
GUARD_V: Final = 2
GUARD_I: Final = 3
WORSEN_V: Final = 4
WORSEN_I: Final = 5
SOURCE_PU: Final = 6
SKIPS: Final = 7
"""1: the bound may skip solves; 0: every trade is solved."""
CURVE_V1: Final = 8
"""Voltages of the volt-var curve: full injection up to V1, none from V2 to V3, full absorption from V4 on."""
CURVE_V2: Final = 9
CURVE_V3: Final = 10
CURVE_V4: Final = 11
SCREEN_BAND: Final = 12
"""Guard band of mode ``sensitivity``."""

VARH_UNIT: Final = 1e-8
MIN_COLUMNS: Final = 13
"""Room for the facts in the smallest feeder."""

# --- what binds ------------------------------------------------------------------------------------------------------
LOW_VOLTAGE: Final = 0
HIGH_VOLTAGE: Final = 1
OVERLOAD: Final = 2
NO_SOLUTION: Final = 3

NO_FLOW_PU: Final = 1e-9
"""Active power through a branch up to which it has no direction: where all is sold next door rounding decides its sign [p.u.]."""
