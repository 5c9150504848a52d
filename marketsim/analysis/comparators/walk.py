"""Trades drawn on a feeder near what it takes: the options, slots to start from, and gates that are asked about them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from marketsim.app.parts import made
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.errors import InputError, Problem
from marketsim.core.ports import Gate
from marketsim.core.records import NOWHERE
from marketsim.core.units import WH_PER_KWH
from marketsim.extension.registry import Registry
from marketsim.grid.gates.context import GateContext
from marketsim.grid.gates.limits import GateSettings
from marketsim.grid.net import feeders
from marketsim.grid.net.feeder import Feeder, FeederOptions

FEEDERS: Final = (
    "feeder141",
    "pandapower:create_cigre_network_lv",
    "pandapower:create_kerber_landnetz_freileitung_1",
    "simbench:1-LV-rural3--0-sw",
)
"""Medium voltage from the literature, the CIGRE benchmark, a German village on overhead lines, and a SimBench net."""
HOURS: Final = 0.25
TRADES_A_SLOT: Final = 10
LEAST_WH: Final = 100
"""Where less is left, a few per cent of it would be no whole Wh."""


class WalkOptions(NamedTuple):
    """How trades are drawn."""

    gate: str = "lindistflow"
    """One that decides trade by trade."""
    trades: int = 1000
    """A feeder."""
    band_pu: tuple[float, float] = (0.95, 1.05)
    spread: float = 0.2
    """Quantities lie between 1 - spread and 1 + spread of what is left."""
    seed: int = 1


def gates_with(registry: Registry, *traits: str) -> tuple[str, ...]:
    """Names of the gates that have one of these traits."""
    return tuple(entry.name for entry in registry.entries("gate") if entry.traits & set(traits))


def check_options(options: WalkOptions, gates: Sequence[str]) -> None:
    """InputError that names all that is wrong; ``gates`` can be asked."""
    problems, (low, high) = [], options.band_pu
    if options.gate not in gates:
        problems.append(
            Problem("no gate that decides trade by trade", "--gate", options.gate, f"there is {', '.join(gates)}")
        )
    if options.trades < 1:
        problems.append(Problem("must be at least 1", "--trades", str(options.trades)))
    if options.seed < 0:
        problems.append(Problem("must be at least 0", "--seed", str(options.seed)))
    if not 0.0 < options.spread < 1.0:
        problems.append(Problem("must lie between 0 and 100 %", "--spread", f"{100.0 * options.spread:g}"))
    if not 0.0 < low < high < 2.0:
        hint = "two voltages in p.u., the lower first, such as 0.95 1.05"
        problems.append(Problem("is no voltage band", "--band", f"{low:g} {high:g}", hint))
    if problems:
        raise InputError(problems)


def loaded_feeders(names: Sequence[str], options: WalkOptions) -> Iterator[tuple[str, Feeder]]:
    """Each named feeder once, with the band of the walk."""
    for name in dict.fromkeys(names):
        yield name, feeders.load(name, None, FeederOptions(voltage_band_pu=options.band_pu))


class Traders:
    """A connection at each bus with a load, and the quantities of one feeder."""

    def __init__(self, name: str, feeder: Feeder) -> None:
        network = feeder.network
        self.network, self.nodes = network, np.flatnonzero(network.nominal_kw > 0.0)
        if len(self.nodes) < 2:
            hint = "choose a net whose loads draw constant power at two buses at least"
            raise InputError([Problem("too few buses with a load to trade between", value=name, hint=hint)])
        self.kw, self.kvar = network.nominal_kw[self.nodes], network.nominal_kvar[self.nodes]
        self.settings = GateSettings(sink_kvar_per_kw=self.kvar / self.kw)
        self.much_wh = math.ceil(1000.0 * float(self.kw.sum()) * HOURS * WH_PER_KWH)

    def gate(self, registry: Registry, name: str) -> Gate:
        """A gate of the feeder by its name, with default parameters; InputError where it has none."""

        def none() -> object:
            raise AssertionError("a gate that decides trade by trade plans nothing")

        try:
            params = registry.params("gate", name)()
        except ValueError as error:  # pydantic's error is one
            hint = "choose a gate whose parameters all have defaults"
            raise InputError([Problem("has parameters without a default", "--gate", name, hint)]) from error
        market = np.zeros(len(self.nodes), dtype=np.int64)
        context = GateContext(1, market, HOURS, self.network, self.nodes, self.settings, none)  # type: ignore[arg-type]
        gate: Gate = made(registry, "gate", name, params, context)
        return gate

    def firm(self, share: float, weights: FloatArray) -> tuple[IntArray, FloatArray]:
        """Net energy [Wh] and reactive power [kvar] of a share of the nominal load, drawn or (share > 0) generated."""
        kw = share * weights * self.kw
        return np.rint(kw * HOURS * WH_PER_KWH).astype(np.int64), np.minimum(kw, 0.0) * (self.kvar / self.kw)

    def ends(self, rng: np.random.Generator) -> tuple[int, int]:
        """Source and sink of a trade: from bus to bus, from outside, or to outside."""
        source, sink = (int(end) for end in rng.choice(len(self.kw), 2, replace=False))
        kind = rng.integers(3)
        return (NOWHERE if kind == 1 else source), (NOWHERE if kind == 2 else sink)


def largest_share(keeps: Callable[[float], bool]) -> float:
    """The largest share of the nominal load that keeps every limit, to a few thousandths of itself; 0: none does."""
    low, high = 0.0, 2.0**-6
    while high < 2.0**12 and keeps(high):
        low, high = high, 2.0 * high
    for _ in range(12):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if keeps(middle) else (low, middle)
    return low


def asked(gate: Gate, source: int, sink: int, wh: int) -> tuple[int, int]:
    """(what a gate admits, code); nothing stays committed."""
    admitted, code, _ = gate.admit(0, source, sink, wh)
    gate.release(0, source, sink, admitted)
    return admitted, code
