"""What an agent chooses: several categorical heads, or one over all their combinations.

Choices that mean nothing are forbidden by a bias on their logits: of a head that an agent does not use only choice 0
is left. Its log probability is then 0 whatever the network says, so it adds nothing to probability, entropy or gradient.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from marketsim.core.arrays import BoolArray, IntArray

FORBIDDEN: Final = np.float32(-1e9)
"""Bias of a forbidden choice: its probability is exactly 0, and no infinity enters a product."""


class Heads(NamedTuple):
    """The heads as the networks have them."""

    sizes: tuple[int, ...]
    """Choices of each head of the network."""
    played: tuple[int, ...]
    """Choices of each head of the game."""
    bias: NDArray[np.float32]
    """0 where an agent may choose, else FORBIDDEN [A, sum of sizes]."""

    @property
    def n_logits(self) -> int:
        """Outputs of a policy network."""
        return sum(self.sizes)

    def to_played(self, choices: IntArray) -> IntArray:
        """Choices of the network's heads [n, heads] as actions of the game [n, H]."""
        if self.sizes == self.played:
            return choices
        return np.stack(np.unravel_index(choices[:, 0], self.played), axis=1)


def make_heads(played: tuple[int, ...], used: BoolArray, *, joint: bool) -> Heads:
    """Heads for a game with ``played`` choices a head, of which each agent uses some [A, H]."""
    if used.ndim != 2 or used.shape[1] != len(played) or min(played, default=0) < 1:
        raise AssertionError(f"heads {played} do not fit what is used {used.shape}")
    allowed = [used[:, [head]] | (np.arange(size) == 0) for head, size in enumerate(played)]
    if not joint:
        return Heads(played, played, _bias(np.concatenate(allowed, axis=1)))
    together = allowed[0]
    for each in allowed[1:]:
        together = (together[:, :, np.newaxis] & each[:, np.newaxis, :]).reshape(len(used), -1)
    return Heads((together.shape[1],), played, _bias(together))


def _bias(allowed: BoolArray) -> NDArray[np.float32]:
    return np.where(allowed, np.float32(0.0), FORBIDDEN)
