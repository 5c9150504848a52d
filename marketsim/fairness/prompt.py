"""The question that a model is asked: definitions, rubric and the form of the answer, in two wordings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

SCORES: Final = ("ftg", "fbs", "fpp")

ANSWER_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {name: {"type": "integer", "minimum": 0, "maximum": 100} for name in SCORES},
    "required": list(SCORES),
    "additionalProperties": False,
}
"""Whole numbers: the grammars that constrain an answer enforce a range for integers only."""

_INPUT: Final = (
    "You get one slot as JSON. Energies are in Wh, prices in currency/kWh. retail and feed_in are the utility's prices, "
    "the bounds of every trade. tradable_wh is P, the energy that peers could have traded at most; traded_wh is E, what "
    "they did trade. Each seller has available_wh (surplus before trading), offered_wh with its mean limit price, sold_wh "
    "and the mean price received; each buyer has available_wh (demand before trading), offered_wh (what it bid for), "
    "limit, bought_wh and price. null means there is none. The ids say nothing."
)
_OUTPUT: Final = (
    'Answer with one JSON object of three whole numbers from 0 (unfair) to 100 (fair): {"ftg": n, "fbs": n, "fpp": n}. '
    "No other text."
)

WORDINGS: Final[Mapping[str, str]] = {
    "formulas": f"""You audit the fairness of a local electricity market, one slot at a time. {_INPUT}

Score three things:
ftg, fairness to the grid: the share of what could have been traded that was traded, E / P. It discourages avoidable
reliance on the grid.
fbs, fairness between sellers: how evenly sellers were served in proportion to what they had available. f_i = sold /
available of seller i, f = total sold / total available. 1 minus the mean deviation of the f_i from f, weighted by
available energy, over the largest deviation that is possible at that f, 2 f (1 - f).
fpp, fairness of pricing: 1 minus twice the energy-weighted standard deviation of trade prices over (retail - feed_in).

Rubric: 100 is perfectly fair; 80 and above small differences; 50 clearly unequal; below 20 nearly everything goes to one
side or one participant. Judge by availability, not by what was offered: withholding energy does not make a slot fair.

{_OUTPUT}""",
    "plain": f"""You are the fairness referee of a neighbourhood in which households trade electricity. {_INPUT}

Give three marks:
ftg: did the neighbours trade with each other as much as they could have, or did they needlessly use the utility? All of
it traded is 100, none is 0.
fbs: did every seller get to sell about the same part of what it had? All the same part is 100; one sells everything
while the others are left with theirs is 0.
fpp: did everybody trade at about the same price? One price for all is 100; half at retail and half at feed_in is 0.

Be strict and consistent: 80 means small differences, 50 clear ones, below 20 extreme ones. Who offers less than it has
does not become fairer by that.

{_OUTPUT}""",
}
"""System texts by name."""


def messages(wording: str, text: str) -> list[dict[str, str]]:
    """The question about one slot."""
    return [{"role": "system", "content": WORDINGS[wording]}, {"role": "user", "content": text}]
