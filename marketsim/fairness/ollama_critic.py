"""The critic that asks a language model, and takes the rule's scores wherever the model gives none."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from marketsim.core.build import BuildContext
from marketsim.core.language_model import LanguageModel
from marketsim.core.records import Community, SlotRecord
from marketsim.fairness.critic import Critique, Scores, Triple, distance, stacked, triple
from marketsim.fairness.interviewer import Interviewer, Question, Reply, asked_model
from marketsim.fairness.params import MeasureChoice, OllamaCriticParams
from marketsim.fairness.pending import Pending, outcomes
from marketsim.fairness.rule_critic import inputs_hash, rule_names
from marketsim.fairness.slot import SlotFairness, measure
from marketsim.fairness.slot_view import slot_texts, text_hash
from marketsim.fairness.surrogate_features import features


class Case(NamedTuple):
    """A slot as it stands before anybody is asked: what the rule says, and the questions."""

    critiques: list[Critique]
    """By the rule, a market each."""
    questions: dict[int, Question]
    """By market; only where something could have been traded."""


def case_of(
    record: SlotRecord, community: Community, found: SlotFairness, choice: MeasureChoice, markets: list[int]
) -> Case:
    """The slot by the rule, with questions about those of ``markets`` where something could have been traded."""
    slot = record.inputs.time.slot
    scores = Scores(*(found.score(name) for name in rule_names(choice)))
    rows = [
        Critique(slot, market, digest, *triple(scores, market), "rule", 0.0, None)
        for market, digest in enumerate(inputs_hash(found))
    ]
    asked = [market for market in markets if found.tradable_wh[market] > 0]
    if not asked:
        return Case(rows, {})
    learnt = features(found)
    questions = {
        market: Question(text, tuple(learnt[market].tolist()))
        for market, text in zip(asked, slot_texts(record, community, found, asked), strict=True)
    }
    return Case(rows, questions)


def masked(answer: tuple[float, float, float], rule: Triple) -> Triple:
    """The model's scores; what is undefined by definition (no trade, one seller) stays so whatever the model says."""
    ftg, fbs, fpp = (None if known is None else own for own, known in zip(answer, rule, strict=True))
    return ftg, fbs, fpp


def with_answer(critique: Critique, question: Question, reply: Reply) -> Critique:
    """The critique with what was asked and answered noted; the scores are left as they are."""
    rule = critique[3:6]
    who = reply.identity
    noted = critique._replace(
        asked=text_hash(question.text),
        model=None if who is None else who.model,
        digest=None if who is None else who.digest,
        server=None if who is None else who.server,
        attempts=reply.attempts,
        rule=rule,
        features=question.features,
        latency_s=reply.latency_s,
    )
    if reply.scores is None:
        return noted
    answer = masked(reply.scores, rule)
    return noted._replace(answer=answer, gap=distance(answer, rule))


def server_facts(interviewer: Interviewer) -> dict[str, object]:
    """Who answers, for the manifest: the model that was asked for until one has said what it is."""
    who, cache = interviewer.identity, interviewer.cache
    return {
        "host": interviewer.model.url,
        "model": interviewer.params.model if who is None else who.model,
        "digest": None if who is None else who.digest,
        "server": None if who is None else who.server,
        **({} if cache.fault is None else {"cache_fault": cache.fault}),
    }


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
        rows = []
        for critique in case.critiques:
            question = case.questions.get(critique.market)
            row = critique if question is None else self._settled(question, critique, replies[critique.market])
            self._pending.add(row)
            rows.append(row)
        return stacked([row[3:6] for row in rows])

    def watch(self, record: SlotRecord) -> None:
        """Ask about the slot beside the simulation; waits while the most questions are under way."""
        case = self._case(record)
        for critique in case.critiques:
            question = case.questions.get(critique.market)
            if question is None:
                self._pending.add(critique)
                continue
            self._pending.make_room(self._params.in_flight, self.interviewer.patience_s)
            self._pending.add(critique, self.interviewer.begin(question), partial(self._settled, question))

    def drain(self) -> list[Critique]:
        """What is ready, in order."""
        return self._pending.drain()

    def finish(self, *, wait: bool = True) -> None:
        """Wait for what is under way, one deadline at most, and close the connections."""
        self._pending.end(self.interviewer.patience_s if wait else 0.0)
        self.interviewer.close()

    def facts(self) -> Mapping[str, object]:
        """Server and model, as far as they answered."""
        return {"kind": "ollama", **server_facts(self.interviewer)}

    def _case(self, record: SlotRecord) -> Case:
        due = record.inputs.time.slot % self._params.every == 0
        found = measure(record, self._community)
        return case_of(record, self._community, found, self._params.rule, self._markets if due else [])

    def _settled(self, question: Question, critique: Critique, reply: Reply) -> Critique:
        row = with_answer(critique, question, reply)
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
