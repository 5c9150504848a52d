"""The rest of the Python face."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def feeder(name: str, folder: str | Path | None = None) -> Any:
    """A pandapower net by name: ``feeder141``, ``pandapower:<network>``, ``simbench:<code>`` or ``file:<net.json>``.

    Relative paths start from ``folder``. Raises NetworkError for a feeder that does not exist or cannot be used.
    """
    from marketsim.grid import pandapower_nets

    return pandapower_nets.feeder(name, None if folder is None else Path(folder))
