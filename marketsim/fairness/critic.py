"""Port of the critics: who scores the fairness of each slot, and what is written down about it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from marketsim.core.arrays import FloatArray
from marketsim.core.metric import Kpi, Value, defined
from marketsim.core.records import SlotRecord


class Scores(NamedTuple):
    """Fairness scores of a slot in [0, 1], each [n_markets]; NaN where undefined (no shaping then)."""

    ftg: FloatArray
    fbs: FloatArray
    fpp: FloatArray


class Critique(NamedTuple):
    """One critique of one market in one slot: a line of ``critic.jsonl``."""

    slot: int
    market: int
    inputs: str
    """Hash of what the scores depend on."""
    ftg: float | None
    fbs: float | None
    fpp: float | None
    source: str
    """Who gave the scores that were used: ``rule``, a model, a cache, ..."""
    latency_s: float
    """Wall time of the review; shared evenly by the markets of a slot."""
    error: str | None
    """Why the critic's own answer could not be used; the scores are then those of a fallback."""

    def to_json(self) -> str:
        """One line of JSON without the line end."""
        return json.dumps(self._asdict(), allow_nan=False)


class Critic(Protocol):
    """Scores each slot; reads the record and changes nothing."""

    def review(self, record: SlotRecord) -> Scores:
        """Scores of the slot; always answers, by a fallback if need be."""
        ...

    def drain(self) -> list[Critique]:
        """What was written down since the last call, in order."""
        ...


CRITIC_KPIS = (
    Kpi("critic_calls", "-", "Critiques made: one a slot and market.", int),
    Kpi("critic_fallbacks", "-", "Critiques whose own answer failed, so that a fallback's scores were used.", int),
)


@dataclass
class CriticTally:
    """Counts critiques for the summary."""

    calls: int = 0
    fallbacks: int = 0

    definitions = CRITIC_KPIS

    def count(self, critiques: Iterable[Critique]) -> None:
        """Take in what a critic wrote down."""
        for critique in critiques:
            self.calls += 1
            self.fallbacks += critique.error is not None

    def summary(self) -> dict[str, Value]:
        """The KPIs."""
        return {"critic_calls": self.calls, "critic_fallbacks": self.fallbacks}


def critiques(
    slot: int, inputs: Iterable[str], scores: Scores, source: str, latency_s: float, error: str | None = None
) -> list[Critique]:
    """Rows of one slot, a market each; ``latency_s`` is that of the whole slot."""
    n_markets = len(scores.ftg)
    rows = []
    for market, digest in enumerate(inputs):
        ftg, fbs, fpp = (defined(float(score[market])) for score in scores)
        rows.append(Critique(slot, market, digest, ftg, fbs, fpp, source, latency_s / n_markets, error))
    return rows
