"""feeder141, the 141-bus feeder of Caracas (``data/NOTICE.txt``), from its tables: numpy only, no pandapower.

The tables have no line ratings. Assumed are standard ACSR conductors, each branch the smallest one that carries
``MARGIN`` times the current of the nominal load behind it at nominal voltage (``STANDARD_A``: rounded catalogue
ampacities of Raven, Penguin, Linnet and Dove, conductor at 75 degC, air at 25 degC, wind and sun). At nominal load and
1.0 p.u. the most loaded line carries 687 A of its 730 A.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from math import acos, inf, sin, sqrt
from typing import Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.grid.net.feeder import DEFAULTS, Feeder, FeederOptions, LineRating
from marketsim.grid.net.network import BranchKind, Network

NAME: Final = "feeder141"
BASE_KV: Final = 12.47
BASE_MVA: Final = 10.0
POWER_FACTOR: Final = 0.85
"""Of every load, lagging."""
SOURCE_PU: Final = 1.0
BAND_PU: Final = (0.9, 1.1)
STANDARD_A: Final = (240.0, 360.0, 530.0, 730.0)
"""Assumed ratings [A]: ACSR 1/0, 4/0, 336.4 and 556.5 kcmil."""
MARGIN: Final = 1.1
ASSUMED: Final = "feeder141 has no line ratings: standard conductors are assumed (grid.line_rating_a changes that)"


class Tables(NamedTuple):
    """The facts of the feeder; buses are numbered from 1, bus 1 is the source."""

    from_bus: IntArray
    to_bus: IntArray
    r_ohm: FloatArray
    x_ohm: FloatArray
    load_kw: FloatArray
    """Nominal load of each bus [n_buses]."""
    load_kvar: FloatArray


def _read(name: str) -> FloatArray:
    text = (resources.files("marketsim.grid.net") / "data" / name).read_text(encoding="utf-8")
    return np.array([line.split(",") for line in text.split()[1:]], dtype=np.float64)


@cache
def tables() -> Tables:
    """The tables that ship with the package."""
    lines, loads = _read("feeder141_lines.csv"), _read("feeder141_loads.csv")
    from_bus, to_bus = lines[:, 0].astype(np.int64), lines[:, 1].astype(np.int64)
    s_kva = np.zeros(int(max(from_bus.max(), to_bus.max())))
    s_kva[loads[:, 0].astype(np.int64) - 1] = loads[:, 1]
    made = Tables(from_bus, to_bus, lines[:, 2], lines[:, 3], s_kva * POWER_FACTOR, s_kva * sin(acos(POWER_FACTOR)))
    for array in made:
        array.flags.writeable = False
    return made


def _downstream_kva(of: Tables) -> FloatArray:
    """Nominal apparent load behind each branch [kVA]; every branch of the tables leads away from the source."""
    behind = np.hypot(of.load_kw, of.load_kvar)
    feeding = {int(bus): row for row, bus in enumerate(of.to_bus)}
    parent = {bus: int(of.from_bus[row]) for bus, row in feeding.items()}
    depth = {1: 0}

    def level(bus: int) -> int:
        if bus not in depth:
            depth[bus] = level(parent[bus]) + 1
        return depth[bus]

    for bus in sorted(feeding, key=level, reverse=True):
        behind[parent[bus] - 1] += behind[bus - 1]
    return np.asarray(behind[of.to_bus - 1])


def line_rating_a(rating: LineRating = "standard") -> FloatArray:
    """Rating of each line [A]; inf: unlimited."""
    of = tables()
    if rating == "standard":
        needed = MARGIN * _downstream_kva(of) / (sqrt(3.0) * BASE_KV)
        return np.array(STANDARD_A)[np.searchsorted(STANDARD_A, needed)]
    return np.full(len(of.from_bus), inf if rating is None else float(rating))


def network(options: FeederOptions = DEFAULTS) -> Network:
    """The feeder in p.u.; nodes in order of bus number, branches in order of the table."""
    of = tables()
    n_nodes, n_branches = len(of.load_kw), len(of.from_bus)
    low, high = options.voltage_band_pu or BAND_PU
    v_min_pu, v_max_pu = np.full(n_nodes, low), np.full(n_nodes, high)
    v_min_pu[0], v_max_pu[0] = 0.0, inf  # nobody but the operator of the grid above moves the source
    rating_pu = line_rating_a(options.line_rating_a) * (sqrt(3.0) * BASE_KV / (BASE_MVA * 1e3))
    return Network(
        name=NAME,
        base_kva=BASE_MVA * 1e3,
        bus_names=tuple(str(bus) for bus in range(1, n_nodes + 1)),
        base_kv=np.full(n_nodes, BASE_KV),
        source_pu=SOURCE_PU if options.source_pu is None else options.source_pu,
        branch_names=tuple(f"line {a}-{b}" for a, b in zip(of.from_bus, of.to_bus, strict=True)),
        kind=np.full(n_branches, BranchKind.LINE, dtype=np.int64),
        from_node=of.from_bus - 1,
        to_node=of.to_bus - 1,
        z_pu=np.asarray(of.r_ohm + 1j * of.x_ohm, dtype=np.complex128) / (BASE_KV**2 / BASE_MVA),
        y_from_pu=np.zeros(n_branches, dtype=np.complex128),
        y_to_pu=np.zeros(n_branches, dtype=np.complex128),
        ratio=np.ones(n_branches, dtype=np.complex128),
        rating_from_pu=rating_pu,
        rating_to_pu=rating_pu.copy(),
        shunt_pu=np.zeros(n_nodes, dtype=np.complex128),
        load_pu=np.zeros(n_nodes, dtype=np.complex128),
        v_min_pu=v_min_pu,
        v_max_pu=v_max_pu,
        nominal_kw=of.load_kw,
        nominal_kvar=of.load_kvar,
    )


def feeder(options: FeederOptions = DEFAULTS) -> Feeder:
    """The feeder with its bus names ``1`` to ``141``."""
    made = network(options)
    notes = (ASSUMED,) if options.line_rating_a == "standard" else ()
    nodes = {name: node for node, name in enumerate(made.bus_names)}
    return Feeder(made, nodes, np.arange(1, made.n_nodes + 1), notes=notes)
