"""The question that a model is asked: definitions, rubric and the form of the answer, in two wordings.

Everything is in per cent, as the answer is, and sums and ratios are done: small models answer 1 where a definition runs to 1
and the answer to 100, and do not divide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

SCORES: Final = ("ftg", "fbs", "fpp")


def answer_schema(names: Sequence[str]) -> dict[str, Any]:
    """JSON Schema of the answer: a whole number for each of these scores.

    Whole numbers, for the grammars that constrain an answer enforce a range for integers only.
    """
    return {
        "type": "object",
        "properties": {name: {"type": "integer", "minimum": 0, "maximum": 100} for name in names},
        "required": list(names),
        "additionalProperties": False,
    }


_INPUT: Final = (
    "You get one slot as JSON. Every number is in per cent. traded is the energy that peers traded, of what they could have "
    "traded. demand is the demand of all buyers, of the supply of all sellers. price_spread is how far prices lay apart: 0 is "
    "one price for all, 100 is half at the highest and half at the lowest price that can be. Each seller has its share of the "
    "supply; offered and sold, of its own supply; limit, its mean limit price; price, the mean price received. Each buyer has "
    "its share of the demand; offered and bought, of its own demand; limit; price, the mean price paid. Prices run from 0, "
    "what the utility pays, to 100, what the utility charges. Where the supply exceeds the demand sellers are rationed, and "
    "each is entitled to sell the same part of its supply: entitled, got and short, which is entitled less got, are of the "
    "demand; shortfall is the sum of short, of the most that is possible. Many participants are summed up in groups by size: "
    "count is how many, low and high are the least and the most that one of them sold or bought. null means there is none."
)
_OUTPUT: Final = (
    "Answer with one JSON object of whole numbers from 0 (unfair) to 100 (fair), one for each name in the list score, such as "
    '{"ftg": n, "fbs": n, "fpp": n}. No other text.'
)

WORDINGS: Final[Mapping[str, str]] = {
    "formulas": f"""You audit the fairness of a local electricity market, one slot at a time. {_INPUT}

Score what the list score names:
ftg, fairness to the grid, is the number traded. It discourages avoidable reliance on the grid.
fbs, fairness between sellers, is 100 minus the number shortfall. What a seller is entitled to goes by its supply, not
by what it offered: nobody makes a slot fairer by selling less.
fpp, fairness of pricing, is 100 minus the number price_spread.

{_OUTPUT}""",
    "plain": f"""You are the fairness referee of a neighbourhood in which households trade electricity. {_INPUT}

Give the marks that the list score names:
ftg: did the neighbours trade with each other as much as they could have, or did they needlessly use the utility? All of
it traded is 100, none is 0.
fbs: did every seller get to sell what it was entitled to? Nobody short is 100; one sells everything while the others are
left with theirs is 0. Selling less than one could does not make a slot fairer.
fpp: did everybody trade at about the same price? One price for all is 100; half at the highest and half at the lowest is 0.

Be strict and consistent, and use the whole range.

{_OUTPUT}""",
}
"""System texts by name."""


def messages(wording: str, text: str) -> list[dict[str, str]]:
    """The question about one slot."""
    return [{"role": "system", "content": WORDINGS[wording]}, {"role": "user", "content": text}]
