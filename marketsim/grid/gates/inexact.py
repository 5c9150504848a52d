"""What gates of radial feeders share that admit without an AC power flow: the check at the end of the slot."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import BoolArray
from marketsim.grid.gates.base import CompiledGate
from marketsim.grid.gates.broken_kernel import find_broken


class InexactGate(CompiledGate):
    """A gate whose admissions may break limits; ``broken`` tells where, so that the slot takes trades back."""

    def broken(self) -> BoolArray:
        """Markets whose AC state breaks a limit of the slot, or has no solution."""
        answer = np.zeros(len(self._ints), dtype=np.bool_)
        find_broken(self._ints, self._floats, answer)
        return answer
