"""Arms of an evaluation: what is done to the scenario, and who trades in it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from marketsim.core.errors import InputError, Problem

LEARNED: Final = "learned"
"""Strategy of trained agents; its checkpoint is known when the training has ended."""


@dataclass(frozen=True, slots=True)
class EvaluationArm:
    """One way to trade, on the same test days as all others."""

    name: str
    text: str
    strategy: Mapping[str, Mapping[str, Any]]
    """Of the agents that learn in other arms; ``LEARNED`` without parameters: trained first."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Overrides of the scenario, in training and evaluation."""
    eta_factor: float = 1.0
    """Factor on the scenario's own ``learning.reward.eta``."""
    outside_critic: bool = False
    """Needs a critic other than the rule."""

    @property
    def trained(self) -> bool:
        """Whether policies are trained for it."""
        return LEARNED in self.strategy


def _learning(name: str, text: str, changes: Mapping[str, Any] | None = None, **more: Any) -> EvaluationArm:
    own = {"critic": {"kind": "rule"}, "learning.reward.scores": "critic", **(changes or {})}
    return EvaluationArm(name, text, {LEARNED: {}}, own, **more)


def _single(name: str) -> EvaluationArm:
    weights = {other: 1.0 if other == name else 0.0 for other in ("ftg", "fbs", "fpp")}
    return _learning(f"only_{name}", f"learning with {name.upper()} alone", {"learning.reward.weights": weights})


def _engine(name: str, **params: Any) -> dict[str, Any]:
    return {"market.engine": {name: params}}


def _auction(price_rule: str, rounds: int) -> dict[str, Any]:
    return _engine("double_auction", price_rule=price_rule, rounds=rounds)


ARMS: Final = (
    EvaluationArm("utility_only", "everybody with the utility alone", {"utility_only": {}}),
    EvaluationArm("truthful", "true values, resting prices", {"truthful": {}}, _auction("resting", 1)),
    EvaluationArm("truthful_midpoint", "true values, midpoint prices", {"truthful": {}}, _auction("midpoint", 1)),
    EvaluationArm("zi_c", "zero intelligence, 20 rounds", {"zero_intelligence": {}}, _auction("resting", 20)),
    EvaluationArm("zip", "zero intelligence plus, 20 rounds", {"zip": {}}, _auction("resting", 20)),
    EvaluationArm("pro_rata", "pool at the midpoint, shared pro rata", {"truthful": {}}, _engine("pro_rata")),
    EvaluationArm("optimum", "largest gain: uniform price at true values", {"truthful": {}}, _engine("call_auction")),
    _learning("none", "learning without a critic", {"learning.reward.scores": "none"}),
    _learning("rule", "learning with the rule critic"),
    EvaluationArm("critic", "learning with the scenario's own critic", {LEARNED: {}}, outside_critic=True),
    _learning("placebo", "the rule's scores of other slots of the same hour", {"learning.reward.scores": "placebo"}),
    _learning("constant", "the same score in every slot", {"learning.reward.scores": "constant"}),
    _single("ftg"),
    _single("fbs"),
    _single("fpp"),
    _learning("eta_0.25", "rule critic at a quarter of its weight", eta_factor=0.25),
    _learning("eta_0.5", "rule critic at half its weight", eta_factor=0.5),
    _learning("eta_2", "rule critic at twice its weight", eta_factor=2.0),
)
"""All arms in the order of the tables."""

_BY_NAME: Final = {arm.name: arm for arm in ARMS}


def choose_arms(names: Sequence[str], critic: str) -> tuple[EvaluationArm, ...]:
    """The arms of these names (none: all) in the order of the tables; the utility alone is always among them.

    ``critic`` is the kind of the scenario's own critic; the arm that trains with it is left out where that is the rule.
    Raises InputError for an unknown name, and where the arm ``critic`` is asked for and would be the rule.
    """
    problems = [_unknown(name) for name in names if name not in _BY_NAME]
    if "critic" in names and critic == "rule":
        hint = "name another one, as in --set critic.kind=surrogate; with the rule the arm is called 'rule'"
        problems.append(Problem("the scenario's critic is the rule", value="'critic'", hint=hint, file="--arm"))
    if problems:
        raise InputError(problems)
    wanted = {*names, "utility_only"} if names else set(_BY_NAME)
    return tuple(arm for arm in ARMS if arm.name in wanted and not (arm.outside_critic and critic == "rule"))


def _unknown(name: str) -> Problem:
    close = difflib.get_close_matches(name, _BY_NAME, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"arms: {', '.join(_BY_NAME)}"
    return Problem("there is no such arm", value=repr(name), hint=hint, file="--arm")
