"""Incomes of agents, for rules that need them."""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.build import BuildContext
from marketsim.core.errors import InputError, Problem


def incomes_of(context: BuildContext, rule: str) -> FloatArray:
    """Income of each agent of the flat axis [currency a month]; InputError where one has none."""
    incomes = [agent.income for agent in context.agents] or [None]
    without = [agent.name for agent in context.agents if agent.income is None]
    if None in incomes:
        named = f"{without[0]} has none" if without else "nobody has one"
        hint = (
            "give each agent an income a month, such as income: {choice: [1000, 2200, 4500]}; "
            "to ms.share with a function, incomes="
        )
        raise InputError([Problem(f"{rule} needs the income of every agent, and {named}", "", "", hint)])
    return np.tile(np.array(incomes, dtype=np.float64), context.community.n_markets)


def incomes_if_all(context: BuildContext) -> FloatArray | None:
    """Income of each agent of one market [currency a month]; None where one has none."""
    incomes = [agent.income for agent in context.agents]
    return None if None in incomes else np.array(incomes, dtype=np.float64)
