"""A language model as critic, put to the test: against the rule, against itself, and against what should not matter."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.analysis.critics.agreement import agreements, too_few, verdict
from marketsim.analysis.critics.audit_cases import AuditCase, cases, made_cases, pairs_of
from marketsim.analysis.critics.audit_report import AuditReport, PairChoice, ScoreDistance
from marketsim.analysis.critics.made_slots import LevelledPair, deviation_fbs, rule_of
from marketsim.app.parts import model_maker
from marketsim.app.ready import load_scenario
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.arrays import FloatArray
from marketsim.core.errors import RunError
from marketsim.core.language_model import ModelMaker
from marketsim.core.progress import ProgressCallback
from marketsim.fairness.answer import Answer
from marketsim.fairness.critic import Triple
from marketsim.fairness.ollama_critic import masked
from marketsim.fairness.params import OllamaCriticParams
from marketsim.fairness.prompt import SCORES, WORDINGS
from marketsim.fairness.slot_question import KEPT, TRIED, slot_question
from marketsim.llm.interviewer import Interviewer, demand_cache_inside
from marketsim.llm.ollama_host import demand_own
from marketsim.llm.question import Reply, outcomes

_HALF_A_PER_CENT: Final = 0.005
"""Answers are whole per cent: what is nearer than half of one is equal."""


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


class AuditPlan(NamedTuple):
    """How much is asked."""

    slots: int = 200
    """Slots of the scenario, and as many made-up ones, at most."""
    repeats: int = 3
    """Answers to each of the scenario's slots at ``temperature``."""
    temperature: float = 0.7
    """Of the retest; at 0 a model can but say the same again."""
    pairs: int = 200
    """Pairs of slots, in one of which everybody got less."""
    models: Sequence[str] = ()
    """Further models to compare with."""


class _Round(NamedTuple):
    """Slots asked about in one way."""

    name: str
    params: OllamaCriticParams
    cases: Sequence[AuditCase]
    shuffled: bool = False
    kind: str = TRIED


def audit(
    ready: ReadyScenario,
    params: OllamaCriticParams,
    plan: AuditPlan | None = None,
    *,
    progress: ProgressCallback | None = None,
) -> AuditReport:
    """Ask a model about the slots of a scenario and about made-up ones, in several ways, and compare.

    Other wordings are compared in any case. Answers are kept in the cache, so that an audit which was broken off goes on
    where it was. Where too few questions were answered the report says so and compares nothing. RunError where the server
    never gave an answer.
    """
    plan = AuditPlan() if plan is None else plan
    chosen, made = cases(ready, params, plan.slots), made_cases(ready.seed, plan.slots)
    pairs = pairs_of(ready.seed, plan.pairs)
    rounds = [*_rounds(params, plan, chosen, made), *_pair_rounds(params, pairs)]
    asker = _Asker(model_maker(ready), ready.fence.folder, sum(len(each.cases) for each in rounds), progress)
    answers = {each.name: asker.ask(each) for each in rounds}
    own = [each for each in rounds if not each.name.startswith("model ")]
    if all(np.isnan(answers[each.name]).all() for each in own):
        reasons = ", ".join(f"{reason} ({count})" for reason, count in asker.failures.most_common())
        raise RunError(f"{params.model} gave no answer: {reasons}. 'marketsim doctor' looks at the server.")
    asked = sum(len(each.cases) for each in own)
    answered = sum(int(np.isfinite(answers[each.name]).any(axis=1).sum()) for each in own)
    report = AuditReport(
        scenario=ready.name,
        model=params.model,
        digest=asker.identity.digest if asker.identity else None,
        server=asker.identity.server if asker.identity else None,
        slots=len(chosen),
        verdict=verdict((), answered, asked, None),
        asked=asked,
        answered=answered,
        failures=dict(asker.failures),
    )
    if too_few(answered, asked):
        return report
    rule, made_rule = (np.array([case.rule for case in each], dtype=np.float64) for each in (chosen, made))
    made_rows = agreements("made up", answers["made up"], made_rule)
    report.agreements = [*agreements("scenario", answers["scenario"], rule), *made_rows]
    report.comparisons = list(_comparisons(answers, rule, rounds, plan))
    report.pairs = [*_rule_choices(pairs), *_choices(answers, len(pairs))]
    order = next(row.difference for row in report.comparisons if row.name == "order")
    report.verdict = verdict(made_rows, answered, asked, max((gap for gap in order if gap is not None), default=None))
    return report


def _rounds(
    params: OllamaCriticParams, plan: AuditPlan, chosen: Sequence[AuditCase], made: Sequence[AuditCase]
) -> Iterator[_Round]:
    def changed(**changes: object) -> OllamaCriticParams:
        return params.model_copy(update=changes)

    yield _Round("scenario", params, chosen, kind=KEPT)
    yield _Round("made up", params, made)
    yield _Round("order", params, made, shuffled=True)
    for repeat in range(plan.repeats):
        warmer = changed(seed=params.seed + 2 * repeat, temperature=plan.temperature)
        yield _Round(f"repeat {repeat + 1}", warmer, chosen)
    for name in _others(params):
        yield _Round(f"wording {name}", changed(wording=name), chosen, kind=KEPT)
    for name in plan.models:
        yield _Round(f"model {name}", changed(model=name), chosen, kind=KEPT)


def _others(params: OllamaCriticParams) -> list[str]:
    return [name for name in WORDINGS if name != params.wording]


def _pair_rounds(params: OllamaCriticParams, pairs: Sequence[LevelledPair]) -> Iterator[_Round]:
    """Both slots of each pair, in each wording."""
    if not pairs:
        return
    for wording in (params.wording, *_others(params)):
        own = params.model_copy(update={"wording": wording})
        for name in LevelledPair._fields:
            views = [getattr(pair, name) for pair in pairs]
            listed = [AuditCase(place, rule_of(view), view) for place, view in enumerate(views)]
            yield _Round(f"{name} {wording}", own, listed)


class _Asker:
    """Asks round after round, as many questions at once as the server shows that it takes."""

    def __init__(self, models: ModelMaker, folder: Path, total: int, progress: ProgressCallback | None) -> None:
        self._models, self._folder, self._total, self._progress = models, folder, total, progress
        self._done = 0
        self.failures: Counter[str] = Counter()
        self.identity: Any = None

    def ask(self, each: _Round) -> FloatArray:
        """Scores [n_cases, 3] of a round; NaN where there was no answer, or none is defined."""
        model = self._models(each.params.client, each.params.settings())
        interviewer = Interviewer(each.params, model, self._folder)
        waiting: deque[Future[Reply[Answer]]] = deque()
        rows: list[Triple] = []

        def take() -> None:
            rows.append(self._take(waiting.popleft(), each.cases[len(rows)], interviewer))

        try:
            for case in each.cases:
                while len(waiting) >= interviewer.width:
                    take()
                text, wording = case.text(each.params, shuffled=each.shuffled), each.params.wording
                question = slot_question(wording, text, case.view.scores, case.features, each.kind)
                waiting.append(interviewer.begin(question))
            while waiting:
                take()
        finally:
            interviewer.close()
        self.identity = self.identity or interviewer.identity
        return np.array(rows, dtype=np.float64).reshape(-1, len(SCORES))

    def _take(self, future: Future[Reply[Answer]], case: AuditCase, interviewer: Interviewer) -> Triple:
        (reply,) = outcomes([future], interviewer.patience_s)
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)
        if reply.value is None:
            self.failures[(reply.error or "").partition(":")[0]] += 1
            return None, None, None
        return masked(reply.value, case.rule)


def _comparisons(
    answers: Mapping[str, FloatArray], rule: FloatArray, rounds: Sequence[_Round], plan: AuditPlan
) -> Iterator[ScoreDistance]:
    first = answers["scenario"]
    yield _compared("rule", "the model against the rule", first, rule)
    if plan.repeats > 1:
        yield _retest(np.stack([answers[f"repeat {k + 1}"] for k in range(plan.repeats)]), plan.temperature)
    yield _compared("order", "participants of made-up slots in another order", answers["made up"], answers["order"])
    for each in rounds:
        if each.name.startswith(("wording ", "model ")):
            yield _compared(each.name, f"another {each.name}", first, answers[each.name])


def _rule_choices(pairs: Sequence[LevelledPair]) -> Iterator[PairChoice]:
    """What the rules prefer: the older form is the same for both by construction, so far as whole Wh allow."""
    if not pairs:
        return
    forms = {"rule, by entitlement": lambda view: 1.0 - view.shortfall, "rule, by deviation": deviation_fbs}
    for name, form in forms.items():
        scores = [np.array([form(view) for view in views]) for views in zip(*pairs, strict=True)]
        yield _choice(name, *scores)


def _choices(answers: Mapping[str, FloatArray], number: int) -> Iterator[PairChoice]:
    for wording in WORDINGS if number else ():
        full, levelled = (answers[f"{name} {wording}"][:, SCORES.index("fbs")] for name in LevelledPair._fields)
        yield _choice(f"model, wording {wording}", full, levelled)


def _choice(judge: str, full: FloatArray, levelled: FloatArray) -> PairChoice:
    apart = full - levelled
    counts = (
        int((apart > _HALF_A_PER_CENT).sum()),
        int((apart < -_HALF_A_PER_CENT).sum()),
        int((np.abs(apart) <= _HALF_A_PER_CENT).sum()),
    )
    return PairChoice(judge, *counts, unanswered=len(apart) - sum(counts))


def _compared(name: str, what: str, ours: FloatArray, theirs: FloatArray) -> ScoreDistance:
    return _comparison(name, what, np.abs(ours - theirs))


def _retest(table: FloatArray, temperature: float) -> ScoreDistance:
    """Largest less smallest score of a slot over all repeats [n_repeats, n_cases, 3]."""
    what = f"range of the scores over {len(table)} seeds at temperature {temperature:g}"
    return _comparison("retest", what, table.max(axis=0) - table.min(axis=0))


def _comparison(name: str, what: str, distance: FloatArray) -> ScoreDistance:
    known = np.isfinite(distance)

    def each(values: FloatArray) -> tuple[float | None, ...]:
        columns = (values[known[:, k], k] for k in range(len(SCORES)))
        return tuple(round(float(column.mean()), 6) if len(column) else None for column in columns)

    return ScoreDistance(
        name, what, each(distance), each((distance < 1e-9).astype(float)), int(known.any(axis=1).sum())
    )
