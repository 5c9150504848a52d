"""Port of the critics: who scores the fairness of each slot, and what is written down about it.

Two ways to use one: ``review`` answers at once (a learner needs the scores before it goes on), ``watch`` takes a slot
in and lets the answer come later (a plain run only writes it down). A critic that answers at once anyway has no
``watch``. ``drain`` gives the critiques that are ready, always in the order of the slots.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.metric import Kpi, Value, defined, ratio
from marketsim.core.records import SlotRecord

Triple = tuple[float | None, float | None, float | None]
"""FTG, FBS and FPP of one market; None where undefined."""


class Scores(NamedTuple):
    """Fairness scores of a slot in [0, 1], each [n_markets]; NaN where undefined (no shaping then)."""

    ftg: FloatArray
    fbs: FloatArray
    fpp: FloatArray


class Critique(NamedTuple):
    """One critique of one market in one slot: a line of ``critic.jsonl``. What a critic has nothing to say on is None."""

    slot: int
    market: int
    inputs: str
    """Hash of what the scores depend on."""
    ftg: float | None
    fbs: float | None
    fpp: float | None
    source: str
    """Who gave the scores that were used: ``rule``, ``ollama``, ``cache``, ``surrogate``, or a plugin's word."""
    latency_s: float
    """Wall time of the review; shared evenly by the markets of a slot that are scored together."""
    error: str | None
    """Why the critic's own answer could not be used, as ``reason: detail``; the scores are then those of a fallback."""
    asked: str | None = None
    """Hash of the text about the slot that a model was to read."""
    wording: str | None = None
    """In which words it was to be asked."""
    model: str | None = None
    digest: str | None = None
    """Of the model's weights, as its server gives it."""
    server: str | None = None
    """Version of the server."""
    attempts: int | None = None
    """Questions sent; 0 for an answer from the cache."""
    answer: Triple | None = None
    """The model's own scores, before blending."""
    rule: Triple | None = None
    """The rule's scores."""
    gap: Triple | None = None
    """|model - rule| of each score."""
    audit_gap: Triple | None = None
    """|model - surrogate| of each score, where a surrogate was audited."""
    audit_error: str | None = None
    """Why an audit failed."""
    features: tuple[float, ...] | None = None
    """What a surrogate learns from, by ``surrogate_features.NAMES``."""

    def entry(self) -> dict[str, object]:
        """The line as a mapping, without what there is nothing to say on."""
        plain: dict[str, object] = dict(zip(self._fields[:_PLAIN], self, strict=False))
        if self[_PLAIN:] == _NOTHING:
            return plain
        rest = zip(self._fields[_PLAIN:], self[_PLAIN:], strict=True)
        return plain | {name: value for name, value in rest if value is not None}

    def to_json(self) -> str:
        """One line of JSON without the line end."""
        return json.dumps(self.entry(), allow_nan=False)


_PLAIN = Critique._fields.index("asked")
_NOTHING = (None,) * (len(Critique._fields) - _PLAIN)


class Critic(Protocol):
    """Scores each slot; reads the record and changes nothing."""

    def review(self, record: SlotRecord) -> Scores:
        """Scores of the slot; always answers, by a fallback if need be."""
        ...

    def drain(self) -> list[Critique]:
        """What is ready of what was written down since the last call, in order of slot and market."""
        ...


@runtime_checkable
class PatientCritic(Critic, Protocol):
    """A critic that takes its time where nobody waits for its scores."""

    def watch(self, record: SlotRecord) -> None:
        """Take in a slot whose scores are only written down. Waits no longer than a review."""
        ...

    def finish(self, *, wait: bool = True) -> None:
        """End what is still being asked, within one deadline or, without ``wait``, at once; ``drain`` gives the rest."""
        ...

    def facts(self) -> Mapping[str, object]:
        """What the manifest says about the critic, as far as it is known."""
        ...


CRITIC_KPIS = (
    Kpi("critic_calls", "-", "Critiques made: one a slot and market.", int),
    Kpi("critic_asked", "-", "Critiques about which a language model was to be asked.", int),
    Kpi("critic_fallbacks", "-", "Critiques whose own answer failed, so that a fallback's scores were used.", int),
    Kpi("critic_answers", "-", "Critiques that hold an answer of a language model, fresh or from the cache.", int),
    Kpi("critic_cached", "-", "Answers of a language model that came from the cache.", int),
    Kpi("critic_rule_gap", "-", "Mean |language model - rule| over all of its answers and the three scores."),
    Kpi("critic_audits", "-", "Slots and markets in which the surrogate was audited by a language model.", int),
    Kpi("critic_audit_gap", "-", "Mean |language model - surrogate| over all audits and the three scores."),
)


@dataclass
class _Mean:
    total: float = 0.0
    count: int = 0

    def add(self, values: Triple | None) -> None:
        known = [value for value in values or () if value is not None]
        self.total += sum(known)
        self.count += len(known)

    @property
    def value(self) -> float | None:
        return ratio(self.total, self.count)


@dataclass
class CriticTally:
    """Counts critiques for the summary."""

    calls: int = 0
    asked: int = 0
    fallbacks: int = 0
    answers: int = 0
    cached: int = 0
    audits: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Fallbacks by reason."""
    _gap: _Mean = field(default_factory=_Mean)
    _audit_gap: _Mean = field(default_factory=_Mean)

    definitions = CRITIC_KPIS

    def count(self, critiques: Iterable[Critique]) -> None:
        """Take in what a critic wrote down."""
        for critique in critiques:
            self.calls += 1
            self.asked += critique.asked is not None
            if critique.error is not None:
                self.fallbacks += 1
                self.reasons[critique.error.partition(":")[0]] += 1
            if critique.answer is not None:
                self.answers += 1
                self.cached += critique.attempts == 0
                self._gap.add(critique.gap)
            if critique.audit_gap is not None:
                self.audits += 1
                self._audit_gap.add(critique.audit_gap)

    def summary(self) -> dict[str, Value]:
        """The KPIs."""
        return {
            "critic_calls": self.calls,
            "critic_asked": self.asked,
            "critic_fallbacks": self.fallbacks,
            "critic_answers": self.answers,
            "critic_cached": self.cached,
            "critic_rule_gap": self._gap.value,
            "critic_audits": self.audits,
            "critic_audit_gap": self._audit_gap.value,
        }


def triple(scores: Scores, market: int) -> Triple:
    """Scores of one market, None where undefined."""
    ftg, fbs, fpp = (defined(float(score[market])) for score in scores)
    return ftg, fbs, fpp


def stacked(triples: Sequence[Triple]) -> Scores:
    """Scores of all markets from those of each."""
    table = np.array(triples, dtype=np.float64).reshape(len(triples), 3)
    return Scores(*(np.ascontiguousarray(column) for column in table.T))


def distance(ours: Triple, theirs: Triple) -> Triple:
    """|ours - theirs| of each score that both know."""
    ftg, fbs, fpp = (None if a is None or b is None else abs(a - b) for a, b in zip(ours, theirs, strict=True))
    return ftg, fbs, fpp


def critiques(
    slot: int, inputs: Iterable[str], scores: Scores, source: str, latency_s: float, error: str | None = None
) -> list[Critique]:
    """Rows of one slot, a market each; ``latency_s`` is that of the whole slot."""
    n_markets = len(scores.ftg)
    return [
        Critique(slot, market, digest, *triple(scores, market), source, latency_s / n_markets, error)
        for market, digest in enumerate(inputs)
    ]
