"""What shared assets earned, to those who own them, in parts by weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import AgentSpec, BuildContext
from marketsim.core.errors import InputError, Problem
from marketsim.core.member_weights import WeightRule, member_weights
from marketsim.core.period import Period
from marketsim.core.ports import Sharing
from marketsim.core.standing import MemberStanding
from marketsim.sharing.params import DividendParams
from marketsim.sharing.portions import portions

_WHOLE = 1 << 40
"""Of weights as whole numbers."""


class Dividend:
    """Port ``FollowingSharing``: an asset keeps nothing, its owners have its bill beside their own."""

    def __init__(self, owned: Mapping[int, FloatArray], rule: WeightRule) -> None:
        """``owned``: parts of each agent [n_agents] in the asset that stands at a row."""
        self._owned, self._rule = owned, rule

    def share(self, period: Period) -> IntArray:
        """Bills with those of assets divided, to the last unit."""
        weights, _ = self._rule.of_day(_before(period))
        return self.divided(period.paid_money, weights, period.community.names)

    def after(self, period: Period) -> Dividend:
        """The rule of the period that comes next."""
        return Dividend(self._owned, self._rule.of_day(_before(period))[1])

    def divided(self, paid_money: IntArray, weights: FloatArray, names: Sequence[str]) -> IntArray:
        """The same of bills, weights and names of all agents, each [n_agents]."""
        shares = paid_money.copy()
        for asset, parts in self._owned.items():
            rows = np.flatnonzero(parts)
            claim = parts[rows] * weights[rows]
            whole = np.maximum(np.rint(claim / claim.sum() * _WHOLE), 1).astype(np.int64)
            shares[rows] += portions(int(paid_money[asset]), whole, [names[row] for row in rows.tolist()])
            shares[asset] -= paid_money[asset]
        return shares


def _before(period: Period) -> MemberStanding:
    return MemberStanding.nothing(period.community.n_agents) if period.standing is None else period.standing


def build(params: DividendParams, context: BuildContext) -> Sharing:
    """The sharing ``dividend``; without shared assets all bills stay. InputError for owners that there are not."""
    agents, n_markets = context.agents, context.community.n_markets
    problems: list[Problem] = []
    parts = {row: owned_parts(agent, agents, problems) for row, agent in enumerate(agents) if agent.owners is not None}
    if problems:
        raise InputError(problems)
    n = len(agents)
    owned = {}
    for market in range(n_markets):
        for row, own in parts.items():
            spread = np.zeros(n * n_markets)
            spread[market * n : (market + 1) * n] = own
            owned[market * n + row] = spread
    return Dividend(owned, member_weights(params, context, "dividend"))


def owned_parts(asset: AgentSpec, agents: tuple[AgentSpec, ...], problems: list[Problem]) -> FloatArray:
    """Parts of each agent in an asset [n]; assets own nothing. ``problems`` grows where it is owned by nobody."""
    owners, members = asset.owners, [agent for agent in agents if agent.owners is None]
    assert owners is not None
    at = f"agents[{asset.group}].owners"
    if owners.parts:
        known = {agent.name for agent in members}
        hint = "name agents that have no owners themselves"
        parts = dict(owners.parts)
        strange = [name for name in parts if name not in known]
        problems += [Problem(f"{asset.name} is owned by nobody of this name", at, name, hint) for name in strange]
        return np.array([parts.get(agent.name, 0.0) for agent in agents])
    own = [agent.owners is None and owners.income_class in (None, agent.income_class) for agent in agents]
    if not any(own):
        hint = "give some agents this income_class"
        problems.append(Problem(f"{asset.name} is owned by nobody", at, str(owners.income_class), hint))
    return np.array(own, dtype=np.float64)
