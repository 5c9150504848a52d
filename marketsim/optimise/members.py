"""Members of a common plan: what devices each brings, and where these stand when all are planned at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.programme import LinearBlock


class PooledMembers(NamedTuple):
    """What members bring to a common plan."""

    blocks: tuple[LinearBlock, ...]
    """Devices, each of one member."""
    owner: IntArray
    """Whose each block is [n_blocks]."""
    need_kwh: FloatArray
    """Load less PV, without what devices do [slots, n]."""
    spare_kwh: FloatArray
    """PV that may be curtailed [slots, n]."""
    retail: FloatArray
    """[currency/kWh] [slots]."""
    feed_in: FloatArray
    hours: float
    peak_price: float = 0.0
    """Of the largest import of a group [currency/kW]."""

    @property
    def n(self) -> int:
        """Number of members."""
        return int(self.need_kwh.shape[1])

    def placed(self) -> tuple[LinearBlock, ...]:
        """The same blocks as blocks of all members, each at the place of its owner."""
        return tuple(
            _placed(block, whose, self.n) for block, whose in zip(self.blocks, self.owner.tolist(), strict=True)
        )


def owned_blocks(blocks: Sequence[Sequence[LinearBlock]]) -> tuple[tuple[LinearBlock, ...], IntArray]:
    """Blocks of each member in a row, and whose each is."""
    owner = np.repeat(np.arange(len(blocks)), [len(own) for own in blocks])
    return tuple(block for own in blocks for block in own), owner


def _placed(block: LinearBlock, owner: int, n: int) -> LinearBlock:
    fixed = np.zeros((len(block.fixed_kwh), n))
    fixed[:, owner] = block.fixed_kwh[:, 0]
    return block._replace(
        meter=block.meter._replace(agent=np.full_like(block.meter.agent, owner)),
        contents=block.contents._replace(agent=np.full_like(block.contents.agent, owner)),
        fixed_kwh=fixed,
    )
