"""The check of mode ``observe``: everything is admitted, and counted."""

from __future__ import annotations

from typing import Any

from marketsim.core.compiled import ADMIT, kernel
from marketsim.grid.gates.books_kernel import NONE, commit


@kernel(ADMIT)
def admit_freely(ints: Any, floats: Any, source: int, sink: int, wh: int) -> tuple[int, int, int]:  # noqa: ARG001
    """Commit all of ``wh``, whatever the grid makes of it."""
    if wh <= 0:
        return 0, NONE, -1
    commit(ints, source, sink, wh)
    return wh, NONE, -1
