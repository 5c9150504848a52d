"""Arms of an evaluation of controls: who controls the feeder, what is done to the scenario, and what is trained first."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from marketsim.core.errors import InputError, Problem

IDLE, BOUND, CLONE, TRAINED = "idle", "joint", "cloning", "trained"
"""Arms that others are measured by: nothing done, the least that can be paid, what learners begin with; and of a training."""
CLONE_CURVE: Final = "cloning_volt_var"
"""The clones with inverters left to their curve."""
LEARNED_FROM: Final = "cloning_"
"""Before the name of whose clones an arm is."""
_NO_CURVE: Final = {"grid.reactive.setpoint.base": "none"}
CURVE: Final = {"grid.reactive.setpoint.base": "volt_var"}
PLAYED: Final = {"learning.game.setpoints.planned": "played_days"}
CLONING: Final = {"episodes": 384, "steps": 200, "learning_rate": 2e-3, "student": 0.4}
"""Of the clones that all arms of a seed begin with: in the last rounds they play, and the expert corrects them."""
_EPISODES: Final = 128
"""Of every training but that of the clones: as many decisions for all, and gradient steps for all that are off policy."""
_WARM: Final = {"warm_up": 200}
"""Steps of critics alone, of those 768 that off-policy learners make, before policies that were learned before move."""
_IMITATION: Final = {"imitation": {}, "replay": {"score": "violations"}, **_WARM}
_SLOPES: Final = {"learning_rate": 1e-3, "steps": 120, "kept_rounds": 4}
_NEAR: Final = {"imitation": {"epsilon": [1.2, 1.2], "multiplier": {"rate": 1e-3}}}
"""Of what follows slopes: chosen on validation days, as the clones were."""
_AT_ONCE: Final = {"warm_up": 0}
"""Off-policy learners that begin with nothing have nothing that an untrained critic could undo."""


@dataclass(frozen=True, slots=True)
class ControlArm:
    """One control of a feeder, on the same days as all others."""

    name: str
    text: str
    rule: Mapping[str, str] | None = None
    """Parameters of the rules of set-points that control it."""
    learner: str = ""
    """Who is trained for it; empty: the expert or the rules control it, or the policies of ``begins_with`` as they are."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Of the learner, beside its defaults."""
    begins_with: str = ""
    """Arm whose policies its own begin with."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Overrides of the scenario, in training and evaluation."""
    left: bool = False
    """Whether reactive power is left to the inverters' curve."""
    checkpoint: Path | None = None
    """Policies that exist already."""

    @property
    def policies(self) -> bool:
        """Whether trained policies control it."""
        return bool(self.learner or self.begins_with or self.checkpoint)


def _rule(name: str, text: str, rest: bool, curve: bool) -> ControlArm:
    how = {"battery": "rest", "generator": "rest"} if rest else {}
    return ControlArm(name, text, rule=how, changes=CURVE if curve else _NO_CURVE)


def _from_clone(name: str, text: str, learner: str, **params: Any) -> ControlArm:
    return ControlArm(name, text, learner=learner, params={"episodes": _EPISODES, **params}, begins_with=CLONE)


def _from_nothing(learner: str, text: str, **params: Any) -> ControlArm:
    return ControlArm(learner, f"{text} from nothing", learner=learner, params={"episodes": _EPISODES, **params})


_ATTENTION: Final[Mapping[str, Any]] = {"critic": {"attention": {}}}
_DIFFERENTIAL: Final[Mapping[str, Any]] = {"critic": {"differential": {}}}

ARMS: Final = (
    _rule(IDLE, "all PV used, nothing else done, no reactive power", rest=True, curve=False),
    _rule("idle_volt_var", "the same, inverters by their curve", rest=True, curve=True),
    _rule("rule", "battery and generator by rules, no reactive power", rest=False, curve=False),
    _rule("rule_volt_var", "the same, inverters by their curve", rest=False, curve=True),
    ControlArm(
        "individual",
        "each plans for itself, perfect information; inverters by their curve",
        changes={**CURVE, **PLAYED, "expert": {"individual": {"reactive": "left"}}},
    ),
    ControlArm(BOUND, "the scenario's expert: the bound where it is joint and knows the day", changes={**PLAYED}),
    ControlArm(CLONE, "clones of the scenario's expert", learner="cloning", params=CLONING),
    ControlArm(CLONE_CURVE, "the same clones, inverters by their curve", begins_with=CLONE, left=True),
    _from_clone(
        "adjoint_imitation", "slopes through the game near the expert, from the clones", "adjoint", **_SLOPES, **_NEAR
    ),
    _from_clone("adjoint_from_clone", "slopes through the game from the clones, without imitation", "adjoint", **_SLOPES),
    _from_clone(
        "adjoint_longer", "the same without imitation, of four times the episodes", "adjoint", **_SLOPES, episodes=4 * _EPISODES
    ),
    _from_clone("sac_imitation", "soft actor-critic near the expert, from the clones", "sac", **_IMITATION),
    _from_clone(
        "sac_imitation_attention", "the same with plain attention", "sac", **_IMITATION, **_ATTENTION
    ),
    _from_clone(
        "sac_imitation_differential", "the same with differential attention", "sac", **_IMITATION, **_DIFFERENTIAL
    ),
    _from_clone("sac_from_clone", "soft actor-critic from the clones, without imitation", "sac", **_WARM),
    _from_clone("mappo_from_clone", "proximal policies from the clones, without imitation", "mappo"),
    _from_nothing("sac", "soft actor-critic", **_AT_ONCE),
    _from_nothing("matd3", "twin delayed deterministic policies", **_AT_ONCE),
    _from_nothing("maddpg", "deterministic policies", **_AT_ONCE),
    _from_nothing("mappo", "proximal policies"),
)  # fmt: skip
"""All arms in the order of the tables."""
EQUAL_TIME: Final = tuple(
    _from_clone(
        f"sac_imitation_{name}",
        f"soft actor-critic near the expert, from the clones, {steps} gradient steps a slot: for an equal time",
        "sac",
        **_IMITATION,
        steps_per_slot=steps,
    )
    for name, steps in (("twofold", 2), ("eightfold", 8))
)
"""Perceptrons as critics with the steps that differential attention's time is enough for, with 20 and with 100 agents; only where
they are named."""
_ALL, _BY_NAME = ({arm.name: arm for arm in arms} for arms in (ARMS, (*ARMS, *EQUAL_TIME)))


def controls_beside(checkpoint: Path, names: Sequence[str]) -> tuple[ControlArm, ...]:
    """The policies of a training, and of the arms of these names (none: all) those that need none; InputError for others."""
    own = (
        ControlArm(TRAINED, "the policies of the training", checkpoint=checkpoint),
        ControlArm(f"{TRAINED}_volt_var", "the same, inverters by their curve", checkpoint=checkpoint, left=True),
    )
    return (*(arm for arm in choose_controls(names) if not arm.policies), *own)


def choose_controls(names: Sequence[str], more: Sequence[ControlArm] = ()) -> tuple[ControlArm, ...]:
    """The arms of these names (none: all) in the order of the tables, and those that they need; InputError for another name.

    ``more`` are arms that may be named, too; like those of ``EQUAL_TIME`` none of them is among all.
    """
    known = {**_BY_NAME, **{arm.name: arm for arm in more}}
    unknown = [_unknown(name, known) for name in names if name not in known]
    if unknown:
        raise InputError(unknown)
    wanted = {*(names or _ALL), IDLE, BOUND}
    wanted |= {known[name].begins_with for name in wanted}
    return tuple(arm for arm in known.values() if arm.name in wanted)


def _unknown(name: str, known: Mapping[str, ControlArm]) -> Problem:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"arms: {', '.join(known)}"
    return Problem("there is no such arm of a control", value=repr(name), hint=hint, file="--arm")
