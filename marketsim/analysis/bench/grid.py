"""Exact admission of a trade on feeder141 against one ``pandapower.runpp``."""

from __future__ import annotations

import numpy as np

from marketsim.analysis.bench.rows import BenchFailed, Row, median_s
from marketsim.core.arrays import IntArray
from marketsim.core.exchange import admit_rows
from marketsim.grid import feeder141
from marketsim.grid.feeder import FeederOptions
from marketsim.grid.gate import RadialGate

N_TRADES, SEED, LOAD, HOURS, SOURCE_PU = 2_000, 1, 0.7, 0.25, 1.02


def runpp_s() -> float:
    """Median time of one ``runpp`` of feeder141 with its defaults [s]."""
    import pandapower  # type: ignore[import-untyped]

    from marketsim.grid import pandapower_nets

    net = pandapower_nets.feeder("feeder141")
    return median_s(lambda: pandapower.runpp(net), 15)


def _gate() -> tuple[RadialGate, IntArray]:
    network = feeder141.feeder(FeederOptions(SOURCE_PU, (0.95, 1.05))).network
    gate = RadialGate(network, np.arange(network.n_nodes), 1, HOURS)
    return gate, -np.rint(network.nominal_kw * (LOAD * HOURS * 1_000)).astype(np.int64)


def rows(one_runpp_s: float) -> list[Row]:
    """Ratio of one admission to one ``runpp``; each admission is a solved power flow."""
    gate, firm_wh = _gate()
    rng = np.random.default_rng(SEED)
    source, sink = rng.integers(1, len(firm_wh), (2, N_TRADES))
    market, wh = np.zeros(N_TRADES, dtype=np.int64), rng.integers(1, 500, N_TRADES)

    def admit() -> IntArray:
        gate.open(firm_wh, np.zeros(len(firm_wh)))
        return admit_rows(gate, market, source, sink, wh)[0]

    if not np.array_equal(admit(), wh):
        raise BenchFailed("small trades on a lightly loaded feeder were refused")
    taken_s = median_s(admit) / N_TRADES
    detail = f"{N_TRADES:,} trades, seed {SEED}: {taken_s * 1e6:.1f} us each, runpp {one_runpp_s * 1e3:.1f} ms"
    name = "exact admission of a trade vs one runpp"
    return [Row(name, one_runpp_s / taken_s, "x", 2_000, 4_000, True, detail)]
