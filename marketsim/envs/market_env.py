"""A market as a PettingZoo environment."""

from __future__ import annotations

from typing import Protocol

from marketsim.core.game import Game
from marketsim.core.records import SlotRecord
from marketsim.envs.game_env import GameEnv


class RecordedGame(Game, Protocol):
    """A game that is a simulation."""

    @property
    def record(self) -> SlotRecord:
        """What happened in the last slot."""
        ...


class MarketEnv(GameEnv[RecordedGame]):
    """All agents of one market act at once, slot by slot; actions are price, quantity and charge level."""

    @property
    def record(self) -> SlotRecord:
        """Everything that happened in the last slot; read-only."""
        return self._game.record
