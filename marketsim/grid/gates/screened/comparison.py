"""How often mode ``sensitivity`` decides otherwise than ``ac``: false accepts and rejects on trades near limits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.grid.gates.exact.ac import RadialGate
from marketsim.grid.gates.limits import GateSettings
from marketsim.grid.gates.screened.sensitivity import SensitivityGate
from marketsim.grid.net.network import Network

TRADES_A_SLOT = 100


class GateComparison(NamedTuple):
    """Decisions of both gates on the same trades in the same committed states."""

    trades: int
    near: int
    """Trades of which ``ac`` refuses a part."""
    false_accepts: int
    """Trades of which ``sensitivity`` admits more than ``ac``, by more than ``margin_wh``."""
    false_rejects: int
    """Trades of which ``sensitivity`` admits less than ``ac``, by more than ``margin_wh``."""
    most_wh_too_much: int
    missed_share: float
    """Energy that ``ac`` would have admitted beyond ``sensitivity``, as a share of what ``ac`` admits."""
    other_element: int
    """Trades that both refuse in part, for different elements."""


def compare(
    network: Network,
    nodes: IntArray,
    settings: GateSettings,
    trades: int,
    most_kw: float,
    seed: int,
    hours: float = 0.25,
    margin_wh: int = 0,
) -> GateComparison:
    """Random trades between ``nodes`` and with the outside, drawn up to ``most_kw`` each, until ``trades`` are decided.

    In each slot of TRADES_A_SLOT trades both gates are asked the same; what ``sensitivity`` admits less or more than
    ``ac`` is taken back or left out, so that both go on from the state that ``ac`` committed.
    """
    rng = np.random.default_rng(seed)
    gates = [kind(network, nodes, 1, hours, settings) for kind in (RadialGate, SensitivityGate)]
    rows: list[tuple[int, int, int, bool]] = []
    while len(rows) < trades:
        firm = np.rint(rng.uniform(-1.0, 1.0, len(nodes)) * most_kw * hours * 200.0).astype(np.int64)
        for gate in gates:
            gate.open(firm, np.zeros(len(nodes)))
        rows += [_decide(gates, rng, len(nodes), most_kw * hours * 1000.0) for _ in range(TRADES_A_SLOT)]
    asked, exact, screened, same = (np.array(column) for column in zip(*rows[:trades], strict=True))
    return _tally(asked, exact, screened, same, margin_wh)


def _decide(
    gates: list[RadialGate | SensitivityGate], rng: np.random.Generator, n: int, most_wh: float
) -> tuple[int, int, int, bool]:
    """Asked, admitted by each, and whether both name the same element; leaves both at what ``ac`` committed."""
    source, sink = (int(end) for end in rng.choice(n, 2, replace=False))
    kind = rng.integers(3)
    source, sink = (-1 if kind == 1 else source), (-1 if kind == 2 else sink)
    asked = int(rng.integers(1, int(most_wh) + 1))
    exact, _, element = gates[0].admit(0, source, sink, asked)
    screened, _, other = gates[1].admit(0, source, sink, asked)
    if screened > exact:
        gates[1].release(0, source, sink, screened - exact)
    elif exact > screened:
        gates[0].release(0, source, sink, exact - screened)
    return asked, exact, screened, element == other


def _tally(asked: IntArray, exact: IntArray, screened: IntArray, same: FloatArray, margin_wh: int) -> GateComparison:
    both = (exact < asked) & (screened < asked)
    missed = np.maximum(exact - screened, 0)
    return GateComparison(
        trades=len(asked),
        near=int((exact < asked).sum()),
        false_accepts=int((screened > exact + margin_wh).sum()),
        false_rejects=int((exact > screened + margin_wh).sum()),
        most_wh_too_much=int((screened - exact).max(initial=0)),
        missed_share=float(missed.sum() / max(exact.sum(), 1)),
        other_element=int((both & ~same.astype(bool)).sum()),
    )
