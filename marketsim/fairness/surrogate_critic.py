"""The critic that has learned a language model's scores and needs no server, with audits by that model on the side."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.errors import InputError
from marketsim.core.language_model import LanguageModel
from marketsim.core.records import Community, SlotRecord
from marketsim.fairness.answer import Answer
from marketsim.fairness.critic import CriticTally, Critique, Scores, distance, triple
from marketsim.fairness.measures_kernel import SCORE_NAMES, Inputs
from marketsim.fairness.ollama_critic import Case, case_of, with_answer
from marketsim.fairness.params import SurrogateCriticParams
from marketsim.fairness.pending import Pending
from marketsim.fairness.rule_critic import inputs_hash, rule_names
from marketsim.fairness.slot import SlotFairness, measure, scored
from marketsim.fairness.surrogate_features import features_of
from marketsim.fairness.surrogate_file import Surrogate, read_surrogate
from marketsim.llm.interviewer import Interviewer, asked_model
from marketsim.llm.question import Question, Reply

_HASHES: Final = 2.0**64
_TOLD: Final = ("model", "digest", "wording", "samples", "held_out", "held_out_error", "mean_error", "seed")


class SurrogateCritic:
    """FTG, FBS and FPP by a frozen network.

    The scores are undefined where the rule's are. Slots are chosen for audits by the hash of what the scores depend on,
    so that the same slots are audited whenever and wherever they occur; the model's answers are compared and written
    down, and change nothing.
    """

    source = "surrogate"

    def __init__(
        self,
        community: Community,
        params: SurrogateCriticParams,
        surrogate: Surrogate,
        auditor: LanguageModel | None = None,
        folder: Path = Path(),
    ) -> None:
        """``auditor`` is asked about the share of slots that ``params`` say; None: about none."""
        self._community, self._params, self._surrogate = community, params, surrogate
        self._names = rule_names(params.auditor.rule)
        self._interviewer = None if auditor is None else Interviewer(params.auditor, auditor, folder)
        self._pending = Pending()
        self._tally = CriticTally()

    def review(self, record: SlotRecord) -> Scores:
        """Scores of the slot, NaN where nothing could be traded [n_markets]; audits go on beside it, if there is room."""
        return self._review(record, patient=False)

    def watch(self, record: SlotRecord) -> None:
        """The same, but an audit for which there is no room is waited for."""
        self._review(record, patient=True)

    def _review(self, record: SlotRecord, *, patient: bool) -> Scores:
        began = time.perf_counter()
        found = measure(record, self._community)
        scores = self._predicted(found.inputs, found.scores, found.tradable_wh)
        if self._params.log or self._interviewer is not None:
            self._note(record, found, scores, time.perf_counter() - began, patient=patient)
        return scores

    def judge(self, inputs: Inputs) -> Scores:
        """Scores of any markets from what the measures depend on."""
        return self._predicted(inputs, *scored(inputs))

    def _predicted(self, inputs: Inputs, scores: FloatArray, tradable_wh: IntArray) -> Scores:
        predicted = self._surrogate.network.scores(features_of(inputs, scores, tradable_wh))
        rule = (scores[SCORE_NAMES.index(name)] for name in self._names)
        return Scores(*(np.where(np.isnan(known), np.nan, predicted[:, k]) for k, known in enumerate(rule)))

    def drain(self) -> list[Critique]:
        """What is ready, in order."""
        rows = self._pending.drain()
        self._tally.count(rows)
        return rows

    def finish(self, *, wait: bool = True) -> None:
        """Wait for audits under way, one deadline at most."""
        if self._interviewer is not None:
            self._pending.end(self._interviewer.patience_s if wait else 0.0)
            self._interviewer.close()

    def facts(self) -> Mapping[str, object]:
        """The surrogate's history, who audits it, and whether the audits drained so far say that it has drifted."""
        gap = self._tally.summary()["critic_audit_gap"]
        mean_gap = gap if isinstance(gap, float) else None
        audits = self._tally.audits
        auditor = {} if self._interviewer is None else {"auditor": self._interviewer.facts()}
        return {
            "kind": "surrogate",
            "surrogate": {name: self._surrogate.about.get(name) for name in _TOLD},
            **auditor,
            "audits": audits,
            "audit_gap": mean_gap,
            "drift_limit": self._surrogate.drift_limit,
            "drifted": self._surrogate.has_drifted(mean_gap, audits),
        }

    def _note(
        self, record: SlotRecord, found: SlotFairness, scores: Scores, latency_s: float, *, patient: bool
    ) -> None:
        hashes = inputs_hash(found)
        audited = [market for market, digest in enumerate(hashes) if self._is_audited(digest)]
        case = Case([], {})
        if audited and self._interviewer is not None:
            case = case_of(record, self._community, found, self._params.auditor, audited)
        share_s = latency_s / len(hashes)
        for market, digest in enumerate(hashes):
            question = case.questions.get(market)
            if question is None and not self._params.log:
                continue
            own = triple(scores, market)
            row = Critique(record.inputs.time.slot, market, digest, *own, self.source, share_s, None)
            if question is None or self._interviewer is None:
                self._pending.add(row)
                continue
            self._audit(self._interviewer, row, question, case.critiques[market], patient=patient)

    def _audit(
        self, interviewer: Interviewer, row: Critique, question: Question[Answer], asked: Critique, *, patient: bool
    ) -> None:
        most = interviewer.width
        if patient:
            self._pending.make_room(most, interviewer.patience_s)
        elif not self._pending.has_room(most):  # a training does not wait for the model
            self._pending.add(row._replace(audit_error=f"no_room: {most} audits were under way"))
            return
        self._pending.add(row, interviewer.begin(question), partial(_audited, asked))

    def _is_audited(self, digest: str) -> bool:
        return int(digest, 16) / _HASHES < self._params.audit_share


def _audited(asked: Critique, critique: Critique, reply: Reply[Answer]) -> Critique:
    """The critique with the model's scores beside it; those that are used stay the surrogate's."""
    row = with_answer(
        critique._replace(asked=asked.asked, wording=asked.wording, rule=asked.rule, features=asked.features), reply
    )
    if row.answer is None:
        return row._replace(audit_error=reply.error)
    return row._replace(audit_gap=distance(row.answer, critique[3:6]))


def build(params: SurrogateCriticParams, context: BuildContext) -> SurrogateCritic:
    """The critic of a simulation; InputError where the file cannot be used, else as ``asked_model``."""
    auditor = asked_model(params.auditor, context, "critic.auditor") if params.audit_share > 0.0 else None
    surrogate = read_surrogate(context.fence.file(params.file, InputError, "the surrogate"))
    return SurrogateCritic(context.community, params, surrogate, auditor, context.fence.folder)
