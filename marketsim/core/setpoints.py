"""Set-points of prosumers: what each device is told to do in a slot."""

from __future__ import annotations

from typing import Final, NamedTuple

from marketsim.core.arrays import FloatArray


class Setpoints(NamedTuple):
    """Set-points of a slot or of several, per agent; generation and discharge positive. Shapes [..., n]."""

    generator_kw: FloatArray
    battery_kw: FloatArray
    """> 0 discharges into the grid's side, < 0 charges."""
    curtailed_kw: FloatArray
    """Of the curtailable load, >= 0."""
    pv_kw: FloatArray
    """What of PV is used."""
    kvar: FloatArray
    """Asked of the inverter on top of what ``grid.reactive`` does, injection positive."""


ACTIONS: Final = ("generator", "battery", "curtailed", "pv", "kvar")
"""Order of the numbers of a Box action."""
