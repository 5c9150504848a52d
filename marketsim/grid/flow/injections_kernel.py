"""What a position injects, from the integers that are committed."""

from __future__ import annotations

from typing import Any

from marketsim.core.compiled import kernel
from marketsim.grid.flow import rows_kernel as row


@kernel(helper=True)
def set_power(ints: Any, floats: Any, position: int) -> None:
    """P and Q of a position in the core from its integers."""
    scale, core = floats[row.FLOAT_FACTS, row.WH_TO_PU], ints[row.CORE, position]
    floats[row.P, core] = ints[row.NET_WH, position] * scale
    floats[row.Q, core] = floats[row.Q_FIRM, position] + ints[row.NET_VARH, position] * (scale * row.VARH_UNIT)


@kernel(helper=True)
def set_powers(ints: Any, floats: Any, injects: int, draws: int) -> None:
    """P and Q of both ends of a trade from the integers."""
    if injects >= 0:
        set_power(ints, floats, injects)
    if draws >= 0:
        set_power(ints, floats, draws)
