"""What a position injects, from the integers that are committed."""

from __future__ import annotations

from typing import Any

from marketsim.core.compiled import kernel
from marketsim.grid.flow.rows_kernel import CORE, FLOAT_FACTS, NET_VARH, NET_WH, Q_FIRM, VARH_UNIT, WH_TO_PU, P, Q


@kernel(helper=True)
def set_power(ints: Any, floats: Any, position: int) -> None:
    """P and Q of a position in the core from its integers."""
    scale, core = floats[FLOAT_FACTS, WH_TO_PU], ints[CORE, position]
    floats[P, core] = ints[NET_WH, position] * scale
    floats[Q, core] = floats[Q_FIRM, position] + ints[NET_VARH, position] * (scale * VARH_UNIT)


@kernel(helper=True)
def set_powers(ints: Any, floats: Any, injects: int, draws: int) -> None:
    """P and Q of both ends of a trade from the integers."""
    if injects >= 0:
        set_power(ints, floats, injects)
    if draws >= 0:
        set_power(ints, floats, draws)
