"""Derivatives of a solved power flow to the injections of its nodes."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.sparse import bmat, csc_array, diags_array
from scipy.sparse.linalg import splu

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.grid.net.network import ComplexArray

BLOCK: Final = 16
"""Right-hand sides solved at once: few enough that BLAS does not spread a millisecond's work over threads."""


def jacobian(y: csc_array, v: ComplexArray) -> csc_array:
    """Derivative of the inner nodes' power to angles and magnitudes (Zimmerman 2010, MATPOWER Technical Note 2)."""
    current: ComplexArray = np.asarray(y @ v)
    unit = v / np.abs(v)
    by_angle = 1j * diags_array(v) @ (diags_array(current) - y @ diags_array(v)).conj()
    by_magnitude = diags_array(v) @ (y @ diags_array(unit)).conj() + diags_array(np.conj(current) * unit)
    inner_angle, inner_magnitude = by_angle.tocsc()[1:, 1:], by_magnitude.tocsc()[1:, 1:]
    blocks = [[inner_angle.real, inner_magnitude.real], [inner_angle.imag, inner_magnitude.imag]]
    return csc_array(bmat(blocks, format="csc"))


def voltage_per_kvar(y: csc_array, v: ComplexArray, nodes: IntArray, base_kva: float) -> FloatArray:
    """Change of the voltage of each of these inner nodes with the reactive injection of each [p.u./kvar] [k, k].

    ``y``: admittances of all nodes, ``v``: their voltages.
    """
    n_inner = len(v) - 1
    magnitude = n_inner + nodes - 1
    given = np.zeros((2 * n_inner, len(nodes)))
    given[magnitude, np.arange(len(nodes))] = 1.0 / base_kva
    factors = splu(jacobian(y, v), permc_spec="MMD_AT_PLUS_A")
    moved = [factors.solve(given[:, begin : begin + BLOCK]) for begin in range(0, len(nodes), BLOCK)]
    return np.asarray(np.hstack(moved)[magnitude])
