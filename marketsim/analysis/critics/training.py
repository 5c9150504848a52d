"""Surrogate critics: trained from what a language model has answered, and again when they drift."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.errors import InputError, MissingDependency, Problem
from marketsim.fairness.critic_log import log_file, read_log
from marketsim.fairness.slot_question import KEPT, kept_answer
from marketsim.fairness.surrogate_features import NAMES
from marketsim.fairness.surrogate_file import Surrogate, SurrogateNetwork, read_surrogate, write_surrogate
from marketsim.llm.answer_cache import all_kept


class AskedJudge(NamedTuple):
    """Who answered, and to which words: answers of one judge may be learned from together, those of several not."""

    model: str
    digest: str
    """Of the weights; empty where the log does not say."""
    wording: str
    """Empty where the log does not say."""


class TrainingExample(NamedTuple):
    """An answer of a model and the features of its slot."""

    judge: AskedJudge
    features: tuple[float, ...]
    scores: tuple[float | None, ...]


class JudgeChoice(NamedTuple):
    """Whose answers are meant; None: whoever's there are, if they are of one judge."""

    model: str | None = None
    digest: str | None = None
    """The beginning of it is enough."""
    wording: str | None = None

    def meets(self, judge: AskedJudge) -> bool:
        """Whether a judge is among the chosen."""
        digest = self.digest is None or judge.digest.startswith(self.digest)
        return digest and self.model in (None, judge.model) and self.wording in (None, judge.wording)


def samples(paths: Sequence[Path], choice: JudgeChoice | None = None) -> list[TrainingExample]:
    """Answers in logs, run folders and cache folders, each slot once; only those of the chosen judge.

    InputError where there are none, or where several judges (model, weights, wording) have answered and the choice does
    not tell them apart: what two of them say of a slot is no noise of one.
    """
    choice = JudgeChoice() if choice is None else choice
    found = {(each.judge, each.features): each for path in paths for each in _samples(path)}
    chosen = [each for each in found.values() if choice.meets(each.judge)]
    counts = Counter(each.judge for each in found.values())
    if not chosen:
        known = f"these have answered: {_listed(counts)}" if counts else "train on a run with critic: ollama"
        raise InputError([Problem("there are no answers of a language model to learn from", hint=known)])
    judges = Counter(each.judge for each in chosen)
    if len(judges) > 1:
        differ = [name for name in AskedJudge._fields if len({getattr(judge, name) for judge in judges}) > 1]
        options = ", ".join(f"--{name}" for name in differ)
        message = f"the answers are of several {' and '.join(f'{name}s' for name in differ)}"
        raise InputError([Problem(message, hint=f"choose with {options}: {_listed(judges)}")])
    return chosen


def _listed(judges: Mapping[AskedJudge, int]) -> str:
    return "; ".join(
        f"{judge.model}, digest {judge.digest or 'unknown'}, wording {judge.wording or 'unknown'} ({count} answers)"
        for judge, count in sorted(judges.items())
    )


def _samples(path: Path) -> Iterator[TrainingExample]:
    kept = list(all_kept(path, KEPT, _kept_sample)) if path.is_dir() else []
    yield from (one for one in kept if len(one.features) == len(NAMES))
    if kept:
        return
    place = log_file(path)
    for row in read_log(place):
        if row.answer is None or row.features is None:
            continue
        if len(row.features) != len(NAMES):
            message = f"slot {row.slot} has {len(row.features)} features, where this version has {len(NAMES)}"
            raise InputError([Problem(message, "features", file=str(place), hint="log the run again")])
        yield TrainingExample(
            AskedJudge(row.model or "", row.digest or "", row.wording or ""), row.features, row.answer
        )


def _kept_sample(kept: Mapping[str, Any]) -> TrainingExample:
    scores, features, wording = kept_answer(kept)
    return TrainingExample(AskedJudge(kept["model"], kept["digest"], wording), features, scores)


def _arrays(chosen: Sequence[TrainingExample]) -> tuple[FloatArray, FloatArray]:
    features = np.array([each.features for each in chosen], dtype=np.float64)
    return features, np.array([each.scores for each in chosen], dtype=np.float64)


def train_surrogate(paths: Sequence[Path], out: Path, *, choice: JudgeChoice | None = None, seed: int = 1) -> Surrogate:
    """Train a surrogate on the answers in ``paths`` and write it to ``out``. The same answers and seed: same weights.

    InputError where there is too little to learn from, of several judges, or the file cannot be written.
    """
    try:
        from marketsim.learning.surrogate import fit
    except ImportError as error:
        raise MissingDependency("torch", "learn", "training a surrogate") from error
    chosen = samples(paths, choice)
    chosen.sort(key=lambda each: each.features)  # whichever way the logs were given
    features, scores = _arrays(chosen)
    try:
        found = fit(features, scores, np.random.default_rng(seed))
    except ValueError as error:
        raise InputError([Problem(str(error), hint="log more slots with critic: ollama")]) from error
    about = {
        **chosen[0].judge._asdict(),
        "samples": len(chosen),
        "held_out": len(found.held_out),
        "held_out_error": [round(error, 6) for error in found.held_out_error.tolist()],
        "mean_error": [round(error, 6) for error in found.mean_error.tolist()],
        "seed": seed,
    }
    surrogate = Surrogate(SurrogateNetwork(*found.weights), about)
    try:
        write_surrogate(out, surrogate)
    except OSError as error:
        raise InputError([Problem(f"cannot write the surrogate: {error.strerror}", file=str(out))]) from error
    return surrogate


class Drift(NamedTuple):
    """How far a surrogate is from later answers of its model."""

    audits: int
    gap: float | None
    """Mean |model - surrogate| over all of them and the three scores."""
    limit: float
    drifted: bool


def drift_of(surrogate: Surrogate, paths: Sequence[Path], choice: JudgeChoice | None = None) -> Drift:
    """Compare a surrogate with the audits (and all other answers) of its model, in its wording, in logs and caches."""
    features, scores = _arrays(samples(paths, _of(surrogate, choice)))
    distance = np.abs(surrogate.network.scores(features) - scores)
    gap = float(np.nanmean(distance)) if np.isfinite(distance).any() else None
    return Drift(len(features), gap, surrogate.drift_limit, surrogate.has_drifted(gap, len(features)))


def _of(surrogate: Surrogate, choice: JudgeChoice | None) -> JudgeChoice:
    """The judge that a surrogate has learned, where nothing else is chosen; its weights may be newer ones."""
    choice = JudgeChoice() if choice is None else choice
    about = surrogate.about
    return JudgeChoice(choice.model or str(about["model"]), choice.digest, choice.wording or about.get("wording"))


def retrain_if_drifted(
    file: Path, paths: Sequence[Path], *, choice: JudgeChoice | None = None, seed: int = 1
) -> tuple[Drift, Surrogate | None]:
    """Train the surrogate in ``file`` again, on the answers in ``paths``, if they say that it has drifted.

    It has when the mean |model - surrogate| over at least 20 answers exceeds 1.5 times its own held-out error plus 0.02
    (``surrogate_file``). Returns what was found, and the new surrogate if there is one.
    """
    old = read_surrogate(file)
    drift = drift_of(old, paths, choice)
    if not drift.drifted:
        return drift, None
    return drift, train_surrogate(paths, file, choice=_of(old, choice), seed=seed)
