"""A feeder in per unit, free of any library: what extraction makes and what every solver reads.

A branch is a pi model behind an ideal transformer at its from end::

    from o--(t:1)--+--- r + jx ---+--o to
                   |              |
                 y_from          y_to

with complex ratio t = v_from / v_inner. Voltages are in p.u. of ``base_kv`` of their node, currents of a branch
end in p.u. of base_kva / (sqrt(3) base_kv) of that end, impedances and admittances on the same base behind the transformer.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from marketsim.core.arrays import FloatArray, IntArray

ComplexArray = NDArray[np.complex128]


class BranchKind(IntEnum):
    """What a branch is; decides the reason code of an overload."""

    LINE = 0
    TRAFO = 1


AT_NODES: Final[Mapping[str, str]] = {
    "base_kv": "f", "v_min_pu": "f", "v_max_pu": "f", "nominal_kw": "f", "nominal_kvar": "f",
    "shunt_pu": "c", "load_pu": "c",
}  # fmt: skip
"""Columns of a network with a row a node; of floats, complex numbers or integers."""
AT_BRANCHES: Final[Mapping[str, str]] = {
    "kind": "i", "from_node": "i", "to_node": "i", "z_pu": "c", "y_from_pu": "c", "y_to_pu": "c", "ratio": "c",
    "rating_from_pu": "f", "rating_to_pu": "f",
}  # fmt: skip
"""Columns with a row a branch."""


class Network(NamedTuple):
    """One connected feeder; node 0 is the source (a stiff voltage)."""

    name: str
    base_kva: float
    bus_names: tuple[str, ...]
    """Name of each node, as scenarios refer to it [n_nodes]; unique."""
    base_kv: FloatArray
    source_pu: float
    branch_names: tuple[str, ...]
    """E.g. ``line 3-4``, ``trafo 0`` [n_branches]; unique."""
    kind: IntArray
    """``BranchKind`` [n_branches]."""
    from_node: IntArray
    to_node: IntArray
    z_pu: ComplexArray
    y_from_pu: ComplexArray
    y_to_pu: ComplexArray
    ratio: ComplexArray
    rating_from_pu: FloatArray
    """Largest current at the from end [p.u.]; inf: no rating."""
    rating_to_pu: FloatArray
    shunt_pu: ComplexArray
    """Admittance to ground of the feeder's equipment at each node; consumption has a positive real part."""
    load_pu: ComplexArray
    """Admittance to ground of the constant-impedance share of the feeder's own loads at each node, as it draws; of a
    feeder as loaded all of it."""
    v_min_pu: FloatArray
    v_max_pu: FloatArray
    nominal_kw: FloatArray
    """The feeder's own nominal constant-power load at each node [kW]; consumption positive."""
    nominal_kvar: FloatArray

    @property
    def ground_pu(self) -> ComplexArray:
        """All constant admittance to ground at each node but that inside branches [n_nodes]."""
        return self.shunt_pu + self.load_pu

    def drawing(self, share: FloatArray) -> Network:
        """The network where each node draws this share of its own loads' constant-impedance part [n_nodes]."""
        return self._replace(load_pu=self.load_pu * share)

    def ground_kw(self, v_pu: FloatArray) -> FloatArray:
        """What all constant admittance to ground outside branches draws at voltages [n_cases, n_nodes] [n_cases]."""
        drawn: FloatArray = v_pu**2 @ self.ground_pu.real * self.base_kva
        return drawn

    @property
    def load_kw(self) -> FloatArray:
        """The feeder's own nominal load at each node, its constant-impedance share at 1 p.u. included [kW]."""
        return self.nominal_kw + self.load_pu.real * self.base_kva

    @property
    def load_kvar(self) -> FloatArray:
        """The same [kvar]; lagging is positive."""
        return self.nominal_kvar - self.load_pu.imag * self.base_kva

    @property
    def n_nodes(self) -> int:
        """Number of nodes, the source included."""
        return len(self.bus_names)

    @property
    def n_branches(self) -> int:
        """Number of branches."""
        return len(self.branch_names)
