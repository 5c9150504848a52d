"""Arms of an evaluation: what is done to the scenario, and who trades in it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from marketsim.core.errors import InputError, Problem

LEARNED: Final = "learned"
"""Strategy of trained agents; its checkpoint is known when the training has ended."""


RULE, AUCTION = "rule", "double_auction"
TRANCHES: Final = 6
"""Parts in which orders enter in the arms that are named after it."""
SHARES: Final = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)
"""Of the surplus that all sellers offer at the midpoint, in the arms that make the frontiers."""


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
    in_tranches: bool = False
    """Orders enter in ``TRANCHES`` parts; needs the double auction."""

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


def _auction(price_rule: str, rounds: int) -> dict[str, Any]:
    return {"market.engine": {"double_auction": {"price_rule": price_rule, "rounds": rounds}}}


def _constant_share(share: float, *, in_tranches: bool) -> EvaluationArm:
    name, text = f"share_{share:.1f}", f"all offer {100 * share:.0f} % of their surplus at the midpoint"
    strategy = {"fixed_margin": {"margin": 0.5, "sell_share": share}}
    if in_tranches:
        name, text = f"{name}_tranches", f"{text}, orders in parts"
    return EvaluationArm(name, text, strategy, in_tranches=in_tranches)


_OLDER: Final = {
    "critic": {"kind": "rule", "fbs": "deviation"},
    "learning.reward.weights": {"ftg": 0.2, "fbs": 1.0, "fpp": 0.4},
    "learning.reward.ramp": None,
    "learning.reward.ramp_updates": [1, 2],
}
"""The reward with the older form of FBS, and the weights and ramp with which it was found to teach withholding."""

ARMS: Final = (
    EvaluationArm("utility_only", "everybody with the utility alone", {"utility_only": {}}),
    EvaluationArm("truthful", "true values, resting prices", {"truthful": {}}, _auction("resting", 1)),
    EvaluationArm("truthful_midpoint", "true values, midpoint prices", {"truthful": {}}, _auction("midpoint", 1)),
    EvaluationArm("truthful_tranches", "true values, orders in parts", {"truthful": {}}, in_tranches=True),
    EvaluationArm("zi_c", "zero intelligence, 20 rounds", {"zero_intelligence": {}}, _auction("resting", 20)),
    EvaluationArm("zip", "zero intelligence plus, 20 rounds", {"zip": {}}, _auction("resting", 20)),
    EvaluationArm(
        "pro_rata", "pool at the midpoint, shared pro rata", {"truthful": {}}, {"market.engine": {"pro_rata": {}}}
    ),
    EvaluationArm(
        "optimum",
        "largest gain: uniform price at true values",
        {"truthful": {}},
        {"market.engine": {"call_auction": {}}},
    ),
    *(_constant_share(share, in_tranches=split) for split in (False, True) for share in SHARES),
    _learning("none", "learning without a critic", {"learning.reward.scores": "none"}),
    _learning(
        "none_tranches",
        "learning without a critic, orders in parts",
        {"learning.reward.scores": "none"},
        in_tranches=True,
    ),
    _learning("rule", "learning with the rule critic"),
    _learning("rule_tranches", "learning with the rule critic, orders in parts", in_tranches=True),
    _learning(
        "rule_shared", "rule critic, its scores shared instead of differences", {"learning.reward.credit": "shared"}
    ),
    EvaluationArm("critic", "learning with the scenario's own critic", {LEARNED: {}}, outside_critic=True),
    EvaluationArm(
        "critic_placebo",
        "the own critic's scores of other slots of the same hour",
        {LEARNED: {}},
        {"learning.reward.scores": "placebo"},
        outside_critic=True,
    ),
    _learning("placebo", "the rule's scores of other slots of the same hour", {"learning.reward.scores": "placebo"}),
    _learning("constant", "the same score in every slot", {"learning.reward.scores": "constant"}),
    _learning(
        "withholding", "a placebo that pays sellers for what they hold back", {"learning.reward.scores": "withholding"}
    ),
    _single("ftg"),
    _single("fbs"),
    _single("fpp"),
    _learning("eta_0.25", "rule critic at a quarter of its weight", eta_factor=0.25),
    _learning("eta_0.5", "rule critic at half its weight", eta_factor=0.5),
    _learning("eta_2", "rule critic at twice its weight", eta_factor=2.0),
    _learning("older", "rule critic with the older form of FBS, a weight of 0.2 for FTG", _OLDER),
    _learning(
        "older_slow",
        "the same, weights growing from update 10 to 25",
        {**_OLDER, "learning.reward.ramp_updates": [10, 25]},
    ),
    _learning("older_tranches", "the same as older, orders in parts", _OLDER, in_tranches=True),
)
"""All arms in the order of the tables."""

_BY_NAME: Final = {arm.name: arm for arm in ARMS}


def choose_arms(names: Sequence[str], critic: str, engine: str) -> tuple[EvaluationArm, ...]:
    """The arms of these names (none: all) in the order of the tables; the utility alone is always among them.

    ``critic`` is the kind of the scenario's own critic; arms that train with it are left out where that is the rule. Arms
    whose orders enter in parts are left out where ``engine`` is not the double auction. Raises InputError for an unknown
    name, and where an arm is asked for that would be left out.
    """
    problems = [_unknown(name) for name in names if name not in _BY_NAME]
    asked = [_BY_NAME[name] for name in names if name in _BY_NAME]
    hint = "name another one, as in --set critic.kind=surrogate; with the rule the arm is called 'rule'"
    problems += [
        Problem("the scenario's critic is the rule", value=repr(arm.name), hint=hint, file="--arm")
        for arm in asked
        if arm.outside_critic and critic == RULE
    ]
    problems += [
        Problem(
            f"engine {engine} takes no orders in parts", value=repr(arm.name), hint="double_auction does", file="--arm"
        )
        for arm in asked
        if arm.in_tranches and engine != AUCTION
    ]
    if problems:
        raise InputError(problems)
    wanted = {*names, "utility_only"} if names else set(_BY_NAME)
    return tuple(
        arm
        for arm in ARMS
        if arm.name in wanted
        and not (arm.outside_critic and critic == RULE)
        and not (arm.in_tranches and engine != AUCTION)
    )


def _unknown(name: str) -> Problem:
    close = difflib.get_close_matches(name, _BY_NAME, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"arms: {', '.join(_BY_NAME)}"
    return Problem("there is no such arm", value=repr(name), hint=hint, file="--arm")
