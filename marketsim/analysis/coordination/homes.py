"""Who bears the bills of a community: homes with an income, and of shared assets their owners."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.build import AgentSpec
from marketsim.core.equity import HOURS_A_MONTH, gini_with_negatives
from marketsim.core.errors import InputError, Problem
from marketsim.sharing.dividend import owned_parts


class Homes(NamedTuple):
    """The members that have an income, and what each bears of the bill of every agent."""

    rows: IntArray
    """Their places among the agents [n_homes]."""
    incomes: FloatArray
    """[currency a month] [n_homes]."""
    bears: FloatArray
    """Own bills whole, of assets a part [n_homes, n]."""

    def costs(self, of_agents: FloatArray) -> FloatArray:
        """What homes bear of costs of agents [n] -> [n_homes]."""
        return np.asarray(self.bears @ of_agents)

    def burdens(self, costs: FloatArray, hours: float) -> FloatArray:
        """Costs of so many hours as parts of the income of that time [n_homes]."""
        return np.asarray(costs / (self.incomes * (hours / HOURS_A_MONTH)))

    def equity(self, costs: FloatArray, hours: float) -> tuple[float | None, float]:
        """Gini coefficient of burdens, None where it is undefined, and the heaviest."""
        found = self.burdens(costs, hours)
        gini = gini_with_negatives(found)
        return None if np.isnan(gini) else gini, float(found.max())

    @property
    def helped(self) -> FloatArray:
        """Who is to pay less, by how far the income is below the mean, the least one: 1 [n_homes]."""
        below = np.maximum(self.incomes.mean() - self.incomes, 0.0)
        return np.asarray(below / below.max()) if below.any() else below


def is_asset(agent: AgentSpec) -> bool:
    """Whether others bear the bill of an agent: it has owners, or neither income nor load."""
    return agent.owners is not None or (agent.income is None and not (agent.load.annual_kwh or agent.load.peak_kw))


def homes_of(agents: tuple[AgentSpec, ...]) -> Homes | None:
    """The homes of a community, owners of an asset that names none: all of them in equal parts; None without any income.

    InputError where some have an income and a home has none, or where an asset is owned by nobody.
    """
    if all(agent.income is None for agent in agents):
        return None
    asset: BoolArray = np.array([is_asset(agent) for agent in agents])
    hint = "give each home an income a month, such as income: {choice: [1000, 2200, 4500]}, or leave all out"
    problems = [
        Problem(f"{agent.name} has no income, and others have one", f"agents[{agent.group}].income", hint=hint)
        for agent, shared in zip(agents, asset.tolist(), strict=True)
        if agent.income is None and not shared
    ]
    parts = {
        row: np.where(asset, 0.0, 1.0) if agents[row].owners is None else owned_parts(agents[row], agents, problems)
        for row in np.flatnonzero(asset).tolist()
    }
    if problems:
        raise InputError(problems)
    rows = np.flatnonzero(~asset)
    bears = np.eye(len(agents))[rows]
    for row, own in parts.items():
        bears[:, row] = own[rows] / own.sum()
    incomes = np.array([agents[row].income for row in rows.tolist()], dtype=np.float64)
    return Homes(rows, incomes, bears)
