"""What a scenario has to know of its feeder; brought by the caller, for no scenario imports a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple


class FeederFacts(NamedTuple):
    """Buses and nominal loads of a feeder."""

    nodes: Mapping[str, int]
    """Node of each bus by every name that a scenario may use."""
    load_buses: tuple[str, ...]
    """Names of the buses with a nominal load, in the feeder's order."""
    nominal_kw: Sequence[float]
    """Nominal load of each node [kW]."""
    nominal_kvar: Sequence[float]
    """Nominal reactive load of each node [kvar]; lagging is positive."""
    reasons: Mapping[str, str] = MappingProxyType({})
    """Why a name of a bus, or its index, leads to no node."""
