"""Equity against stability: every rule of sharing at one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from marketsim.app.share import CostShares, shares_in
from marketsim.app.shared_run import SharedRun
from marketsim.core.arrays import FloatArray
from marketsim.core.equity import burdens, gini_with_negatives
from marketsim.core.errors import InputError
from marketsim.core.units import MONEY_PER_CURRENCY
from marketsim.extension.registry import Registry
from marketsim.results.reader import Run

NamedRule = tuple[str, dict[str, Any]]
"""Name and parameters."""
IN_CORE = 1e-6
"""Excess that counts as none [currency]."""


class Equity(NamedTuple):
    """How bills weigh on incomes."""

    gini: float
    """Gini coefficient of burdens, normalised for negatives; NaN where it is undefined."""
    worst: float
    """The heaviest burden, as a part of income."""
    worst_off: str
    """Whose it is."""


class RuleAtWork(NamedTuple):
    """A rule, and what its bills are."""

    label: str
    """Its name, with parameters where they are not its own."""
    shares: CostShares
    equity: Equity | None
    """None unless all agents have an income."""
    price_of_equity: float | None
    """What the group that would rather leave is asked beyond its cost, a day and a member of it [currency]; 0: nobody would."""

    @property
    def in_core(self) -> bool | None:
        """Whether no group would pay less by itself; None: it was not found out."""
        worst, gap = self.shares.worst_excess, self.shares.excess_gap
        if worst is None:
            return None if len(self.shares.names) > 1 else True
        return False if worst > IN_CORE else None if worst + gap > IN_CORE else True


class Comparison(NamedTuple):
    """Rules side by side."""

    days: float
    alone: float
    """What all would pay alone together [currency]."""
    paid: float
    """What all paid together [currency]."""
    beyond: float
    """What of that is beyond one meter's bill [currency]."""
    alone_equity: Equity | None
    """Of the bills alone."""
    rules: tuple[RuleAtWork, ...]
    left_out: tuple[tuple[str, str], ...]
    """Rules that do not share this run, and why."""


def compare_rules(
    run: Run,
    rules: Sequence[NamedRule] = (),
    *,
    seed: int = 1,
    seconds: float = 30.0,
    trust: bool = False,
    registry: Registry | None = None,
    tell: Callable[[int, int, str], None] = lambda done, total, label: None,  # noqa: ARG005 - who tells nobody
) -> Comparison:
    """Every rule that there is, and ``rules``, at the bills of a run; ``seconds`` for the worst group of each.

    ``tell`` is called with (rules done, rules in all, label); ``trust`` and ``registry`` are as in ``SharedRun``.
    """
    shared = SharedRun(run, seed, trust=trust, registry=registry)
    owned = any(agent.owners is not None for agent in shared.context.agents)
    names = [
        name
        for name in shared.registry.names("sharing")
        if owned or "dividends" not in shared.registry.traits("sharing", name)
    ]
    asked: list[NamedRule] = [(name, {}) for name in names]
    asked += [each for each in rules if each not in asked]
    found, left_out = [], []
    for done, (name, parameters) in enumerate(asked):
        label = label_of_rule(name, parameters)
        tell(done, len(asked), label)
        try:
            shares = shares_in(shared, name, seconds, parameters)
        except InputError as error:
            if (name, parameters) in list(rules):
                raise
            left_out.append((label, _why(error)))
            continue
        found.append(RuleAtWork(label, shares, _equity(shared, shares.burdens), _price(shared, shares)))
    alone = shared.alone_money.astype(np.float64)
    own = None if shared.incomes is None else burdens(alone, shared.incomes, shared.hours)
    return Comparison(
        shared.hours / 24.0,
        float(alone.sum()) / MONEY_PER_CURRENCY,
        shared.game.paid_money / MONEY_PER_CURRENCY,
        shared.game.beyond_money / MONEY_PER_CURRENCY,
        _equity(shared, own),
        tuple(found),
        tuple(left_out),
    )


def label_of_rule(name: str, parameters: dict[str, Any]) -> str:
    """A rule as a row is called."""
    return " ".join((name, *_told(parameters)))


def _told(parameters: dict[str, Any]) -> Iterator[str]:
    for key, value in parameters.items():
        yield f"{key}={value}"


def _why(error: InputError) -> str:
    return "; ".join(problem.message for problem in error.problems)


def _equity(shared: SharedRun, burden: FloatArray | None) -> Equity | None:
    if burden is None:
        return None
    worst = int(np.argmax(burden))
    return Equity(gini_with_negatives(burden), float(burden[worst]), shared.names[worst])


def _price(shared: SharedRun, shares: CostShares) -> float | None:
    """The largest excess, a day and a member of the group that has it."""
    if shares.worst_excess is None:
        return None
    return max(shares.worst_excess, 0.0) / (shared.hours / 24.0) / max(len(shares.worst_coalition), 1)
