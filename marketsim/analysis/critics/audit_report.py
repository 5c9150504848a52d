"""What an audit of a critic found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from marketsim.analysis.critics.agreement import ScoreAgreement
from marketsim.fairness.prompt import SCORES


class PairChoice(NamedTuple):
    """Which of two slots a judge finds fairer between sellers: one in which all got less, or the other."""

    judge: str
    full: int
    """Pairs in which the one where all got more has the higher FBS."""
    levelled: int
    """Pairs in which the one where all got less has."""
    equal: int
    unanswered: int


class ScoreDistance(NamedTuple):
    """One row of the audit: a distance between scores, over the slots where both are known."""

    name: str
    what: str
    difference: tuple[float | None, ...]
    """Mean absolute difference of FTG, FBS, FPP."""
    identical: tuple[float | None, ...]
    """Share of slots in which the scores are the same."""
    slots: int


@dataclass
class AuditReport:
    """What an audit found."""

    scenario: str
    model: str
    digest: str | None
    server: str | None
    slots: int
    verdict: str = ""
    """What the critic is worth, in one line."""
    asked: int = 0
    """Questions put to the model, the further ones left out."""
    answered: int = 0
    agreements: list[ScoreAgreement] = field(default_factory=list)
    comparisons: list[ScoreDistance] = field(default_factory=list)
    pairs: list[PairChoice] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)
    """Questions without an answer, by reason."""

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        rows = [
            {
                "name": row.name,
                "what": row.what,
                "slots": row.slots,
                "difference": dict(zip(SCORES, row.difference, strict=True)),
                "identical": dict(zip(SCORES, row.identical, strict=True)),
            }
            for row in self.comparisons
        ]
        plain = ("scenario", "model", "digest", "server", "slots", "verdict", "asked", "answered", "failures")
        own = {name: getattr(self, name) for name in plain}
        tables = {name: [row._asdict() for row in getattr(self, name)] for name in ("agreements", "pairs")}
        return {**own, **tables, "comparisons": rows}
