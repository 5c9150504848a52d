"""Exact admission of a trade on feeder141 against one ``pandapower.runpp``."""

from __future__ import annotations

import numpy as np

from marketsim.analysis.bench.rows import BenchFailed, BenchRow, median_s
from marketsim.core.arrays import IntArray
from marketsim.grid.gates.exact.ac import RadialGate
from marketsim.grid.gates.limits import GateSettings
from marketsim.grid.net import feeder141
from marketsim.grid.net.feeder import FeederOptions
from marketsim.market.pool_kernel import admit_until_short

N_TRADES, SEED, LOAD, HOURS, SOURCE_PU = 2_000, 1, 0.7, 0.25, 1.02


def runpp_s() -> float:
    """Median time of one ``runpp`` of feeder141 with its defaults [s]."""
    import pandapower  # type: ignore[import-untyped]

    from marketsim.grid.net import pandapower_nets

    net = pandapower_nets.feeder("feeder141")
    return median_s(lambda: pandapower.runpp(net), 15)


def _gate() -> tuple[RadialGate, IntArray]:
    network = feeder141.feeder(FeederOptions(SOURCE_PU, (0.95, 1.05))).network
    settings = GateSettings(skip_solves=False)
    gate = RadialGate(network, np.arange(network.n_nodes), 1, HOURS, settings)
    return gate, -np.rint(network.nominal_kw * (LOAD * HOURS * 1_000)).astype(np.int64)


def rows(one_runpp_s: float) -> list[BenchRow]:
    """Ratio of one admission to one ``runpp``; each admission is a solved power flow."""
    gate, firm_wh = _gate()
    rng = np.random.default_rng(SEED)
    source, sink = rng.integers(1, len(firm_wh), (2, N_TRADES))
    wh = rng.integers(1, 500, N_TRADES)
    kernel = gate.kernel
    if kernel is None:
        raise BenchFailed("the exact gate is not compiled")

    def admit() -> int:
        gate.open(firm_wh, np.zeros(len(firm_wh)))
        return int(admit_until_short(kernel.admit, kernel.ints[0], kernel.floats[0], source, sink, wh)[0])

    if admit() != N_TRADES:
        raise BenchFailed("small trades on a lightly loaded feeder were refused")
    taken_s = median_s(admit) / N_TRADES
    detail = (
        f"{N_TRADES:,} trades, seed {SEED}, each solved: {taken_s * 1e6:.1f} us each, runpp {one_runpp_s * 1e3:.1f} ms"
    )
    name = "exact admission of a trade vs one runpp"
    return [BenchRow(name, one_runpp_s / taken_s, "x", 2_000, 4_000, True, detail)]
