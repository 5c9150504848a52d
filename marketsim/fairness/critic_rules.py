"""What a plugin's critic may return: scores, and critiques that a log holds."""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np

from marketsim.core.rule_terms import MOST, Call, Rule, demand, real, record_of, whole_number, wrong
from marketsim.fairness.critic import Critique, Scores


def scores(call: Call) -> Scores:
    """Scores of a slot, NaN where undefined."""
    found = record_of(call.result, Scores)
    columns = [real(name, column, (call.sizes.n_markets,), nan=True) for name, column in found._asdict().items()]
    for name, column in zip(Scores._fields, columns, strict=True):
        demand(name, column, np.isnan(column) | ((column >= 0) & (column <= 1)), "within 0..1, or NaN")
    return Scores(*columns)


def drained(call: Call) -> list[Critique]:
    """Critiques."""
    return critiques(call.result, call.sizes.n_markets)


def critiques(found: Any, n_markets: int | None) -> list[Critique]:
    """Critiques that a log holds; Wrong for what are none."""
    if not isinstance(found, list | tuple) or not all(isinstance(each, Critique) for each in found):
        wrong("it has to return a list of Critique")
    for each in found:
        whole_number("slot of a critique", each.slot, 0, MOST)
        whole_number("market of a critique", each.market, 0, (n_markets or MOST) - 1)
        for name, text in (("inputs", each.inputs), ("source", each.source)):
            if not isinstance(text, str):
                wrong(f"{name} of a critique has to be text, not {text!r:.60}")
        for name, score in zip(Scores._fields, (each.ftg, each.fbs, each.fpp), strict=True):
            if score is not None and not (isinstance(score, int | float) and 0 <= score <= 1):
                wrong(f"{name} of a critique has to be within 0..1, or None, not {score!r:.60}")
        try:
            json.dumps(each.entry(), allow_nan=False, ensure_ascii=False).encode()
        except (TypeError, ValueError, RecursionError) as error:
            wrong(f"a critique has to hold texts, finite numbers and None: {error}")
    return list(found)


CRITIC_RULES: Final[dict[str, Rule]] = {"review": scores, "drain": drained}
