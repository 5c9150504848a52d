"""Admission of the mode ``observe``: everything is committed, nothing is refused."""

from __future__ import annotations

from typing import Any

from marketsim.core.compiled import ADMIT, kernel
from marketsim.core.records import Reason
from marketsim.grid.gate_kernel import commit, ends, set_powers

_NONE = int(Reason.NONE)


@kernel(ADMIT)
def admit_freely(ints: Any, floats: Any, source: int, sink: int, wh: int) -> tuple[int, int, int]:
    """Commit ``wh`` without a look at any limit."""
    if wh <= 0:
        return 0, _NONE, -1
    injects, draws, _, _ = ends(ints, source, sink)
    commit(ints, source, sink, wh)
    set_powers(ints, floats, injects, draws)
    return wh, _NONE, -1
