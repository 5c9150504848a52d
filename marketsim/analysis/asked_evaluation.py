"""An evaluation as it is asked for: of a market, of the controls of a feeder, or of weights, as the scenario's game says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from marketsim.analysis.control.plan import ControlsPlan, controls_of, plays_setpoints
from marketsim.analysis.evaluation.plan import EvaluationPlan, evaluation_of
from marketsim.analysis.weights.plan import WeightsPlan, plays_weights, weights_of
from marketsim.app.ready import load_scenario
from marketsim.core.errors import InputError, Problem
from marketsim.profiles.parts import DaySplit
from marketsim.results.folder import SCENARIO
from marketsim.results.training_folder import is_training, trained_checkpoint


class EvaluationAsked(NamedTuple):
    """What is asked for; None: the default of the game."""

    arms: Sequence[str] = ()
    seeds: int | None = None
    part: DaySplit = "test"
    out: str | Path | None = None
    resume: bool = False
    trust: bool = False
    weeks: int | None = None
    """Of the market alone, as are ``exploit``, ``longer`` and ``figures``."""
    exploit: Sequence[str] = ()
    longer: int | None = None
    figures: Sequence[Path] = ()
    episodes: int | None = None
    """Of set-points and weights alone."""


def evaluation_asked(
    what: Path, overrides: Mapping[str, Any], asked: EvaluationAsked, *, tell: Callable[[Path], None] | None = None
) -> EvaluationPlan | ControlsPlan | WeightsPlan:
    """The plan; InputError for what the scenario's game does not have, and all that ``load_scenario`` raises."""
    trained = is_training(what)
    ready = load_scenario(what / SCENARIO if trained else what, overrides, trust=asked.trust, tell=tell)
    if plays_setpoints(ready):
        _demand_unused(asked, ("weeks", "exploit", "longer", "figures"), "days of set-points are played one by one")
        return controls_of(
            what,
            ready,
            overrides,
            arms=asked.arms,
            seeds=asked.seeds,
            part=asked.part,
            episodes=asked.episodes,
            out=asked.out,
            checkpoint=trained_checkpoint(what.absolute()) if trained else None,
            resume=asked.resume,
        )
    if plays_weights(ready):
        _demand_unused(asked, ("weeks", "exploit", "longer", "figures"), "weights are compared at the end of the clock")
        return weights_of(
            what,
            ready,
            overrides,
            arms=asked.arms,
            seeds=asked.seeds,
            part=asked.part,
            episodes=asked.episodes,
            out=asked.out,
            checkpoint=trained_checkpoint(what.absolute()) if trained else None,
            resume=asked.resume,
        )
    _demand_unused(asked, ("episodes",), "learners of the market have theirs in the scenario")
    return evaluation_of(
        what,
        overrides,
        arms=asked.arms,
        seeds=asked.seeds,
        weeks=4 if asked.weeks is None else asked.weeks,
        part=asked.part,
        out=asked.out,
        exploit=asked.exploit,
        longer=1 if asked.longer is None else asked.longer,
        figures=asked.figures,
        resume=asked.resume,
        trust=asked.trust,
    )


def _demand_unused(asked: EvaluationAsked, names: Sequence[str], why: str) -> None:
    options = {"figures": "--figure"}
    problems = [
        Problem("this option means nothing here", file=options.get(name, f"--{name}"), hint=f"leave it out: {why}")
        for name in names
        if getattr(asked, name)
    ]
    if problems:
        raise InputError(problems)
