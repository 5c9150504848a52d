"""Gates for tests of engines: their check is one function, run compiled or as plain Python, so that both must agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.compiled import ADMIT, kernel
from marketsim.core.free_gate_kernel import FreeGate
from marketsim.core.ports import GateKernel
from marketsim.core.records import BLAMES_SINK, GridState, Reason

# Rows of a market's integers.
NET, MOST_OUT, MOST_IN, FACTS = range(4)
# Columns of FACTS.
CALLS, SHORT_CALLS, SEED, HEAD, HEAD_OUT = range(5)

_LINE, _EXPORT, _IMPORT = int(Reason.LINE_LOADING), int(Reason.CONNECTION_EXPORT), int(Reason.CONNECTION_IMPORT)
_HEAD = int(Reason.HEAD_EXPORT)
_MODULUS = 2**31 - 1


@kernel(ADMIT)
def capacity_admit(
    ints: IntArray,
    floats: FloatArray,  # noqa: ARG001 - part of the signature
    source: int,
    sink: int,
    wh: int,
) -> tuple[int, int, int]:
    """Admit what keeps each connection's net energy, and the market's sum, within limits [Wh]."""
    ints[FACTS, CALLS] += 1
    admitted, code, element = wh, 0, -1
    if source >= 0 and ints[MOST_OUT, source] - ints[NET, source] < admitted:
        admitted, code, element = max(ints[MOST_OUT, source] - ints[NET, source], 0), _EXPORT, source
    if sink >= 0 and ints[MOST_IN, sink] + ints[NET, sink] < admitted:
        admitted, code, element = max(ints[MOST_IN, sink] + ints[NET, sink], 0), _IMPORT + BLAMES_SINK, sink
    if source >= 0 and sink < 0 and ints[FACTS, HEAD_OUT] - ints[FACTS, HEAD] < admitted:
        admitted, code, element = max(ints[FACTS, HEAD_OUT] - ints[FACTS, HEAD], 0), _HEAD, 0
    if source >= 0:
        ints[NET, source] += admitted
        ints[FACTS, HEAD] += admitted
    if sink >= 0:
        ints[NET, sink] -= admitted
        ints[FACTS, HEAD] -= admitted
    if admitted < wh:
        ints[FACTS, SHORT_CALLS] += 1
    return admitted, code, element


@kernel(ADMIT)
def fickle_admit(
    ints: IntArray,
    floats: FloatArray,  # noqa: ARG001 - part of the signature
    source: int,
    sink: int,
    wh: int,
) -> tuple[int, int, int]:
    """Admit all, a part or nothing by the pair of ends and by chance, which depends on how often it was asked."""
    ints[FACTS, CALLS] += 1
    pair = (source + 1) * 31 + (sink + 1) * 17
    chance = (ints[FACTS, SEED] % _MODULUS) * 48271 % _MODULUS
    chance = (chance + ints[FACTS, CALLS] * 7919 + pair * 104729 + wh % _MODULUS) % _MODULUS * 48271 % _MODULUS
    chance = chance * 48271 % _MODULUS
    admitted = wh
    if pair % 7 == 0 or chance % 5 == 0:
        admitted = 0
    elif chance % 5 == 1:
        admitted = (chance // 5) % (wh + 1)
    code = 0
    if admitted < wh:
        ints[FACTS, SHORT_CALLS] += 1
        code = _LINE + (BLAMES_SINK if (chance // 11) % 2 == 0 else 0)
    if source >= 0:
        ints[NET, source] += admitted
    if sink >= 0:
        ints[NET, sink] -= admitted
    return admitted, code, source + sink


class KitGate:
    """Port ``Gate`` over one of the checks above; ``compiled`` False hides the kernel, so that engines run plainly."""

    kernel: GateKernel | None

    def __init__(self, check: Any, n_markets: int, n_connections: int, compiled: bool = True, seed: int = 1) -> None:
        self.ints = np.zeros((n_markets, 4, max(n_connections, 5)), dtype=np.int64)
        self.ints[:, MOST_OUT : MOST_IN + 1] = 2**40
        self.ints[:, FACTS, HEAD_OUT] = 2**40
        self.ints[:, FACTS, SEED] = seed + 1009 * np.arange(n_markets)
        self._floats = np.zeros((n_markets, 1, 1))
        self._n_connections = n_connections
        self._check = check.py_func
        self.kernel = GateKernel(check, self.ints, self._floats) if compiled else None

    @property
    def net_wh(self) -> IntArray:
        """What was committed at each connection [n_markets, n_connections]."""
        return self.ints[:, NET, : self._n_connections]

    @property
    def calls(self) -> int:
        """How often the gate was asked."""
        return int(self.ints[:, FACTS, CALLS].sum())

    @property
    def short_calls(self) -> int:
        """How often it refused something."""
        return int(self.ints[:, FACTS, SHORT_CALLS].sum())

    def open(self, firm_wh: IntArray, kvar: FloatArray) -> None:  # noqa: ARG002 - capacities alone decide
        """Forget what was committed."""
        self.ints[:, NET] = 0

    def admit(self, market: int, source: int, sink: int, wh: int) -> tuple[int, int, int]:
        """The check, as plain Python."""
        admitted, code, element = self._check(self.ints[market], self._floats[market], source, sink, wh)
        return int(admitted), int(code), int(element)

    def release(self, market: int, source: int, sink: int, wh: int) -> None:
        """Take back what was admitted."""
        if source >= 0:
            self.ints[market, NET, source] -= wh
        if sink >= 0:
            self.ints[market, NET, sink] += wh
        self.ints[market, FACTS, HEAD] -= wh * ((source >= 0) - (sink >= 0))

    def amend(self, delta_wh: IntArray, kvar: FloatArray) -> None:  # noqa: ARG002 - capacities alone decide
        """Change what was committed; agents are the connections of all markets [n_agents]."""
        self.net_wh[:] += delta_wh.reshape(len(self.ints), -1)

    def broken(self) -> BoolArray:
        """Never."""
        return np.zeros(len(self.ints), dtype=np.bool_)

    def sensitivity(self) -> FloatArray:
        """One for every agent."""
        return np.ones(self.net_wh.size)

    def close(self) -> GridState:
        """No nodes."""
        return FreeGate(len(self.ints)).close()


def fickle_gate(n_markets: int, n_connections: int, compiled: bool = True, seed: int = 1) -> KitGate:
    """A gate that refuses at random, partly and by pair."""
    return KitGate(fickle_admit, n_markets, n_connections, compiled, seed)


def capacity_gate(
    most_out_wh: Sequence[int], most_in_wh: Sequence[int] | None = None, n_markets: int = 1, compiled: bool = True
) -> KitGate:
    """A gate with limits on each connection's net energy [Wh], the same in every market."""
    gate = KitGate(capacity_admit, n_markets, len(most_out_wh), compiled)
    gate.ints[:, MOST_OUT, : len(most_out_wh)] = most_out_wh
    if most_in_wh is not None:
        gate.ints[:, MOST_IN, : len(most_in_wh)] = most_in_wh
    return gate


def head_gate(head_out_wh: int, n_connections: int, n_markets: int = 1, compiled: bool = True) -> KitGate:
    """A gate with one limit for what all connections of a market inject together against firm buyers [Wh]."""
    gate = KitGate(capacity_admit, n_markets, n_connections, compiled)
    gate.ints[:, FACTS, HEAD_OUT] = head_out_wh
    return gate
