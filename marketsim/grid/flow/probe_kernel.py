"""Asking a gate about net positions that did not happen."""

from __future__ import annotations

from typing import Any

from marketsim.core.compiled import kernel


@kernel()
def all_admitted(admit: Any, ints: Any, floats: Any, delta_wh: Any) -> bool:
    """Whether every change of a connection's net energy is admitted in full, one after the other [n_connections]."""
    for connection in range(len(delta_wh)):
        wh = abs(delta_wh[connection])
        source, sink = (connection, -1) if delta_wh[connection] > 0 else (-1, connection)
        if wh > 0 and admit(ints, floats, source, sink, wh)[0] < wh:
            return False
    return True
