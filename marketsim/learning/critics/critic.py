"""Port of centralised critics: what everybody sees and does to a value an agent.

K critics of one kind are a stack: their parameters are rows of one array [K, P], evaluated together by batched products.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class CriticShape(NamedTuple):
    """What critics look at."""

    n_critics: int
    """K; the least of their values counts."""
    n_agents: int
    n_features: int
    n_numbers: int
    n_state: int

    @property
    def n_token(self) -> int:
        """Numbers that say everything of one agent: what it sees and does, and the state of its market."""
        return self.n_features + self.n_numbers + self.n_state


class CentralCritic(Protocol):
    """Values of N situations, in stacks of K."""

    @property
    def sizes(self) -> list[int]:
        """Numbers of parameters of each layer, in order."""
        ...

    def initial(self, generator: torch.Generator) -> Tensor:
        """Parameters to begin with [K, P], each critic's its own."""
        ...

    def values(self, layers: Sequence[Tensor], seen: Tensor, actions: Tensor, state: Tensor) -> Tensor:
        """Value of each agent by each critic [K, N, A].

        ``layers`` are parameters [K, size] split by ``sizes``; ``seen`` [N, A, F], ``actions`` [N, A, D] scaled to [-1, 1],
        ``state`` [N, G].
        """
        ...


def tokens(seen: Tensor, actions: Tensor, state: Tensor) -> Tensor:
    """Everything of each agent side by side [N, A, F + D + G]."""
    of_market = state.unsqueeze(1).expand(-1, seen.shape[1], -1)
    return torch.cat([seen, actions, of_market], dim=2)
