"""The critic that asks a language model, and takes the rule's scores wherever the model gives none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from marketsim.core.build import BuildContext
from marketsim.core.language_model import LanguageModel
from marketsim.core.records import Community, SlotRecord
from marketsim.fairness.answer import Answer
from marketsim.fairness.critic import Critique, Scores, Triple, distance, stacked, triple
from marketsim.fairness.params import OllamaCriticParams
from marketsim.fairness.pending import Pending
from marketsim.fairness.rule_critic import inputs_hash, rule_names
from marketsim.fairness.slot import SlotFairness, measure
from marketsim.fairness.slot_question import fitting_text, slot_question
from marketsim.fairness.slot_view import slot_views, text_hash
from marketsim.fairness.surrogate_features import features
from marketsim.llm.interviewer import Interviewer, asked_model
from marketsim.llm.question import Question, Reply, outcomes
from marketsim.llm.room import Room


class Case(NamedTuple):
    """A slot as it stands before anybody is asked: what the rule says, and the questions."""

    critiques: list[Critique]
    """By the rule, a market each; with what is asked, where it is."""
    questions: dict[int, Question[Answer]]
    """By market; only where something could have been traded."""


def case_of(
    record: SlotRecord, community: Community, found: SlotFairness, params: OllamaCriticParams, markets: list[int]
) -> Case:
    """The slot by the rule, with questions about those of ``markets`` where something could have been traded."""
    slot = record.inputs.time.slot
    scores = Scores(*(found.score(name) for name in rule_names(params.rule)))
    rows = [
        Critique(slot, market, digest, *triple(scores, market), "rule", 0.0, None)
        for market, digest in enumerate(inputs_hash(found))
    ]
    asked = [market for market in markets if found.tradable_wh[market] > 0]
    if not asked:
        return Case(rows, {})
    learnt = features(found)
    questions = {}
    room = Room(params.num_ctx, params.num_predict)
    for market, view in zip(asked, slot_views(record, community, found, asked), strict=True):
        known, text = tuple(learnt[market].tolist()), fitting_text(view, params.wording, room)
        questions[market] = slot_question(params.wording, text, view.scores, known)
        rows[market] = rows[market]._replace(
            asked=text_hash(text), wording=params.wording, rule=rows[market][3:6], features=known
        )
    return Case(rows, questions)


def masked(answer: Answer, rule: Triple) -> Triple:
    """The model's scores; what is undefined by the rule's definition stays so whatever the model says."""
    ftg, fbs, fpp = (None if known is None else own for own, known in zip(answer, rule, strict=True))
    return ftg, fbs, fpp


def with_answer(critique: Critique, reply: Reply[Answer]) -> Critique:
    """The critique of a slot that was asked about, with what was answered noted; the scores are left as they are."""
    model, digest, server, _ = reply.identity or (None, None, None, None)
    noted = critique._replace(
        model=model, digest=digest, server=server, attempts=reply.attempts, latency_s=reply.latency_s
    )
    if reply.value is None or critique.rule is None:
        return noted
    answer = masked(reply.value, critique.rule)
    return noted._replace(answer=answer, gap=distance(answer, critique.rule))


class OllamaCritic:
    """FTG, FBS and FPP by a language model on an Ollama server.

    ``review`` asks about all markets at once and answers within the deadline; ``watch`` lets the simulation go on.
    Where the model fails, in slots that are not asked about, and where nothing could be traded, the scores are the
    rule's.
    """

    def __init__(
        self, community: Community, params: OllamaCriticParams, model: LanguageModel, folder: Path = Path()
    ) -> None:
        self._community, self._params = community, params
        self._markets = list(range(community.n_markets))
        self.interviewer = Interviewer(params, model, folder)
        self._pending = Pending()

    def review(self, record: SlotRecord) -> Scores:
        """Scores of the slot, NaN where nothing could be traded [n_markets]; within the deadline."""
        case = self._case(record)
        patience_s = self.interviewer.patience_s
        futures = {market: self.interviewer.begin(question) for market, question in case.questions.items()}
        replies = dict(zip(futures, outcomes(list(futures.values()), patience_s), strict=True))
        rows = [self._settled(row, replies[row.market]) if row.market in replies else row for row in case.critiques]
        for row in rows:
            self._pending.add(row)
        return stacked([row[3:6] for row in rows])

    def watch(self, record: SlotRecord) -> None:
        """Ask about the slot beside the simulation; waits while the most questions are under way."""
        case = self._case(record)
        for critique in case.critiques:
            question = case.questions.get(critique.market)
            if question is None:
                self._pending.add(critique)
                continue
            self._pending.make_room(self.interviewer.width, self.interviewer.patience_s)
            self._pending.add(critique, self.interviewer.begin(question), self._settled)

    def drain(self) -> list[Critique]:
        """What is ready, in order."""
        return self._pending.drain()

    def finish(self, *, wait: bool = True) -> None:
        """Wait for what is under way, one deadline at most, and close the connections."""
        self._pending.end(self.interviewer.patience_s if wait else 0.0)
        self.interviewer.close()

    def facts(self) -> Mapping[str, object]:
        """Server and model, as far as they answered."""
        return {"kind": "ollama", **self.interviewer.facts()}

    def _case(self, record: SlotRecord) -> Case:
        due = record.inputs.time.slot % self._params.every == 0
        found = measure(record, self._community)
        return case_of(record, self._community, found, self._params, self._markets if due else [])

    def _settled(self, critique: Critique, reply: Reply[Answer]) -> Critique:
        row = with_answer(critique, reply)
        if row.answer is None:
            return row._replace(error=reply.error)
        weight, rule = self._params.weight, critique[3:6]
        ftg, fbs, fpp = (
            None if own is None or known is None else weight * own + (1.0 - weight) * known
            for own, known in zip(row.answer, rule, strict=True)
        )
        return row._replace(ftg=ftg, fbs=fbs, fpp=fpp, source="cache" if reply.cached else "ollama")


def build(params: OllamaCriticParams, context: BuildContext) -> OllamaCritic:
    """The critic of a simulation; errors as ``asked_model``."""
    model = asked_model(params, context, "critic")
    return OllamaCritic(context.community, params, model, context.fence.folder)
