"""Feeders by name; pandapower is loaded for those that need it only."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from marketsim.core.fence import Fence
from marketsim.grid.net import feeder141, names
from marketsim.grid.net.copies import feeder_copies
from marketsim.grid.net.feeder import DEFAULTS, Feeder, FeederOptions

BusLoads = dict[str, tuple[float, float]]
"""Nominal (kW, kvar) by bus."""


def load(name: str, folder: Fence | Path | None = None, options: FeederOptions = DEFAULTS) -> Feeder:
    """The feeder of a scenario in ``folder``; NetworkError if it does not exist or cannot be used.

    ``feeder141*72`` is that feeder 72 times behind one source; bus 7 of the fourth copy is called ``7@3``.
    """
    base, copies = names.copies(name)
    return feeder_copies(_one(base, folder, options), copies)


def _one(name: str, folder: Fence | Path | None, options: FeederOptions) -> Feeder:
    source = names.parse(name).source
    if source == names.FEEDER141:
        return feeder141.feeder(options)
    return _extracted(name, folder, options) if source == "file" else _known(name, options)


@lru_cache(maxsize=16)  # a study asks for the same feeder once a run
def _known(name: str, options: FeederOptions) -> Feeder:
    return _extracted(name, None, options)


def _extracted(name: str, folder: Fence | Path | None, options: FeederOptions) -> Feeder:
    from marketsim.grid.net import extraction, pandapower_nets

    return extraction.extract(pandapower_nets.feeder(name, folder), options)


def bus_loads(name: str, folder: Fence | Path | None = None) -> BusLoads:
    """The feeder's own nominal load by bus, buses without load left out, in order of nodes [kW, kvar]."""
    network = load(name, folder).network
    kw, kvar = network.load_kw, network.load_kvar
    loaded = np.flatnonzero((kw != 0.0) | (kvar != 0.0))
    return {network.bus_names[node]: (float(kw[node]), float(kvar[node])) for node in loaded}
