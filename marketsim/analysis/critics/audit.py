"""A language model as critic, put to the test: against the rule, against itself, and against what should not matter."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from marketsim.app.parts import model_maker
from marketsim.app.ready import load_scenario
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.wiring import build
from marketsim.core.arrays import FloatArray
from marketsim.core.errors import InputError, RunError
from marketsim.core.language_model import ModelMaker
from marketsim.core.progress import ProgressCallback
from marketsim.core.simulation import Simulation
from marketsim.fairness.answer import Answer
from marketsim.fairness.critic import Scores, Triple, triple
from marketsim.fairness.ollama_critic import masked
from marketsim.fairness.params import OllamaCriticParams
from marketsim.fairness.prompt import SCORES, WORDINGS
from marketsim.fairness.rule_critic import rule_names
from marketsim.fairness.slot import measure
from marketsim.fairness.slot_question import slot_question
from marketsim.fairness.slot_view import slot_texts
from marketsim.fairness.surrogate_features import features
from marketsim.llm.interviewer import Interviewer, demand_cache_inside
from marketsim.llm.ollama_host import demand_own
from marketsim.llm.question import Reply, outcomes


class AuditCase(NamedTuple):
    """A slot that the model is asked about."""

    slot: int
    rule: Triple
    text: str
    shuffled: str
    """The same with the participants in another order."""
    features: tuple[float, ...]


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
    comparisons: list[ScoreDistance] = field(default_factory=list)
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
        own = {name: getattr(self, name) for name in ("scenario", "model", "digest", "server", "slots", "failures")}
        return {**own, "comparisons": rows}


def audited_scenario(
    path: str | Path,
    overrides: Mapping[str, object],
    *,
    trust: bool = False,
    tell: Callable[[Path], None] | None = None,
) -> ReadyScenario:
    """The scenario of a file, or the one that stands in a run folder; ``trust`` and ``tell`` as for ``load_scenario``."""
    place = Path(path)
    found = place / "scenario.yaml" if place.is_dir() else path
    return load_scenario(found, overrides, trust=trust, tell=tell)


def critic_params(ready: ReadyScenario, changes: Mapping[str, object]) -> OllamaCriticParams:
    """Parameters of the model: the scenario's if its critic is one, else the defaults; with ``changes``.

    InputError where a scenario that is not trusted names a host on another machine, or a folder of answers outside of its
    own; what is among the changes is trusted.
    """
    own = ready.model.critic.params
    base = own if isinstance(own, OllamaCriticParams) else OllamaCriticParams()
    demand_own(base.host, "critic.host", trusted="host" in changes or ready.fence.says(base.host))
    if "cache_folder" not in changes:
        demand_cache_inside(base, ready.fence)
    return OllamaCriticParams(**{**base.model_dump(), **changes})


def cases(ready: ReadyScenario, params: OllamaCriticParams, most: int) -> list[AuditCase]:
    """Slots of the simulated scenario in which something could be traded; at most so many, spread evenly over it."""
    built = build(ready)
    community, names = built.world.community, rule_names(params.rule)
    found = []
    for record in Simulation(built.world).run():
        slot = measure(record, community)
        if slot.tradable_wh[0] == 0:
            continue
        number = record.inputs.time.slot
        rng = np.random.default_rng((ready.seed, number))
        (text,), (shuffled,) = (slot_texts(record, community, slot, [0], each) for each in (None, rng))
        rule = triple(Scores(*(slot.score(name) for name in names)), 0)
        found.append(AuditCase(number, rule, text, shuffled, tuple(features(slot)[0].tolist())))
    if not found:
        raise InputError("nothing can be traded in any slot of this scenario: there is nothing to judge")
    keep = np.unique(np.linspace(0, len(found) - 1, min(most, len(found))).round().astype(int))
    return [found[place] for place in keep]


class _Round(NamedTuple):
    """All slots asked about in one way."""

    name: str
    params: OllamaCriticParams
    shuffled: bool = False


def audit(
    ready: ReadyScenario,
    params: OllamaCriticParams,
    *,
    slots: int = 200,
    repeats: int = 5,
    models: Sequence[str] = (),
    progress: ProgressCallback | None = None,
) -> AuditReport:
    """Ask a model about the slots of a scenario, in several ways, and compare.

    Repeats differ by the seed alone. ``models`` are further ones to compare with; the other wordings are compared in any
    case. Answers are kept in the cache, so that an audit which was broken off goes on where it was. RunError where
    the server never gave an answer.
    """
    chosen = cases(ready, params, slots)
    rounds = list(_rounds(params, repeats, models))
    asker = _Asker(chosen, model_maker(ready), ready.fence.folder, len(rounds) * len(chosen), progress)
    answers = {each.name: asker.ask(each) for each in rounds}
    first = answers["repeat 1"]
    if np.isnan(first).all():
        reasons = ", ".join(f"{reason} ({count})" for reason, count in asker.failures.most_common())
        raise RunError(f"{params.model} gave no answer: {reasons}. 'marketsim doctor' looks at the server.")
    rule = np.array([case.rule for case in chosen], dtype=np.float64)
    identity = asker.identity
    return AuditReport(
        scenario=ready.name,
        model=params.model,
        digest=identity.digest if identity else None,
        server=identity.server if identity else None,
        slots=len(chosen),
        comparisons=list(_comparisons(answers, rule, rounds, repeats)),
        failures=dict(asker.failures),
    )


def _rounds(params: OllamaCriticParams, repeats: int, models: Sequence[str]) -> Iterator[_Round]:
    def changed(**changes: object) -> OllamaCriticParams:
        return params.model_copy(update=changes)

    for repeat in range(repeats):
        yield _Round(f"repeat {repeat + 1}", changed(seed=params.seed + 2 * repeat))
    yield _Round("order", params, shuffled=True)
    yield from (_Round(f"wording {name}", changed(wording=name)) for name in WORDINGS if name != params.wording)
    yield from (_Round(f"model {name}", changed(model=name)) for name in models)


class _Asker:
    """Asks round after round, as many questions at once as the parameters say."""

    def __init__(
        self,
        chosen: Sequence[AuditCase],
        models: ModelMaker,
        folder: Path,
        total: int,
        progress: ProgressCallback | None,
    ) -> None:
        self._cases, self._models, self._folder, self._total, self._progress = chosen, models, folder, total, progress
        self._done = 0
        self.failures: Counter[str] = Counter()
        self.identity: Any = None

    def ask(self, each: _Round) -> FloatArray:
        """Scores [n_cases, 3] of a round; NaN where there was no answer, or none is defined."""
        model = self._models(each.params.client, each.params.settings())
        interviewer = Interviewer(each.params, model, self._folder)
        waiting: deque[Future[Reply[Answer]]] = deque()
        rows: list[Triple] = []
        try:
            for case in self._cases:
                if len(waiting) >= each.params.in_flight:
                    rows.append(self._take(waiting.popleft(), len(rows), interviewer))
                text = case.shuffled if each.shuffled else case.text
                waiting.append(interviewer.begin(slot_question(each.params.wording, text, case.features)))
            rows += [self._take(reply, len(rows) + k, interviewer) for k, reply in enumerate(waiting)]
        finally:
            interviewer.close()
        self.identity = self.identity or interviewer.identity
        return np.array(rows, dtype=np.float64)

    def _take(self, future: Future[Reply[Answer]], place: int, interviewer: Interviewer) -> Triple:
        (reply,) = outcomes([future], interviewer.patience_s)
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)
        if reply.value is None:
            self.failures[(reply.error or "").partition(":")[0]] += 1
            return None, None, None
        return masked(reply.value, self._cases[place].rule)


def _comparisons(
    answers: Mapping[str, FloatArray], rule: FloatArray, rounds: Sequence[_Round], repeats: int
) -> Iterator[ScoreDistance]:
    first = answers["repeat 1"]
    yield _compared("rule", "the model against the rule", first, rule)
    if repeats > 1:
        yield _retest(np.stack([answers[f"repeat {k + 1}"] for k in range(repeats)]))
    for each in rounds[repeats:]:
        what = {"order": "participants listed in another order"}.get(each.name, f"another {each.name}")
        yield _compared(each.name, what, first, answers[each.name])


def _compared(name: str, what: str, ours: FloatArray, theirs: FloatArray) -> ScoreDistance:
    return _comparison(name, what, np.abs(ours - theirs))


def _retest(table: FloatArray) -> ScoreDistance:
    """Largest less smallest score of a slot over all repeats [n_repeats, n_cases, 3]."""
    what = f"range of the scores over {len(table)} seeds"
    return _comparison("retest", what, table.max(axis=0) - table.min(axis=0))


def _comparison(name: str, what: str, distance: FloatArray) -> ScoreDistance:
    known = np.isfinite(distance)

    def each(values: FloatArray) -> tuple[float | None, ...]:
        columns = (values[known[:, k], k] for k in range(len(SCORES)))
        return tuple(round(float(column.mean()), 6) if len(column) else None for column in columns)

    return ScoreDistance(
        name, what, each(distance), each((distance < 1e-9).astype(float)), int(known.any(axis=1).sum())
    )
