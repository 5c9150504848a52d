"""A finished run as a game that rules of sharing divide."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from marketsim.app.looking import seen_of
from marketsim.app.members import MembersOfGame
from marketsim.app.parts import basics_of, made
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.user_parts import asked_params, user_registry
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.errors import InputError, LawBroken, Problem
from marketsim.core.laws import check_shares
from marketsim.core.period import MOST_CELLS, Period
from marketsim.core.ports import EstimatedShares, Sharing
from marketsim.core.sharing import estimated as of_period
from marketsim.extension.registry import Registry
from marketsim.results.reader import Run
from marketsim.results.table_columns import LEDGER_COLUMNS
from marketsim.sharing.alone import alone_money
from marketsim.sharing.divided import metered_game
from marketsim.sharing.metered import MeteredGame
from marketsim.sharing.stability import Leaving
from marketsim.sharing.worst_group import worst_group

MOST_ENUMERATED: Final = 16
"""Members whose groups are all looked at for the one that would rather leave; of a run with more, a programme finds it."""
_METERED: Final = ("load_wh", "pv_used_wh", "net_wh")
_MOST_MONEY: Final = 2.0**61


class SharedRun(MembersOfGame[MeteredGame]):
    """All slots of a run as one period; what the run itself shared is left out.

    ``trust``: its folder is one's own, see ``open_run``. ``registry`` has the rules; None: those built in and of installed
    plugins, and of a run that is one's own those of its scenario. ``ready``: the run's scenario where it is at hand. InputError
    for a run that is nothing to share.
    """

    def __init__(
        self, run: Run, seed: int, *, trust: bool, registry: Registry | None = None, ready: ReadyScenario | None = None
    ) -> None:
        ready = ready or seen_of(run, trust=trust).ready
        self.registry = registry or (ready.registry if trust or run.path is None else user_registry())
        context = BuildContext.of(basics_of(ready, (seed,)), tariff=None, devices=())
        self.period = _period_of(run, context)
        game = metered_game(self.period, np.arange(context.community.n_agents))
        super().__init__(context, game, enumerated=game.n <= MOST_ENUMERATED)
        self.alone_money = alone_money(self.period)

    @property
    def hours(self) -> float:
        """Length of the period."""
        return self.period.n_slots * self.period.time.hours

    def _found(self, shares: FloatArray, seconds: float) -> Leaving | None:
        return worst_group(self.game, shares, seconds)

    def divided(self, rule: str | Sharing, parameters: dict[str, Any]) -> EstimatedShares:
        """Shares of the period by a rule; InputError where they do not sum to it."""
        return estimated(self.built(rule, parameters), self.period, rule)

    def built(self, rule: str | Sharing, parameters: dict[str, Any]) -> Sharing:
        """A rule for the agents of the run."""
        return built_rule(rule, parameters, self.context, self.registry)


def built_rule(rule: str | Sharing, parameters: dict[str, Any], context: BuildContext, registry: Registry) -> Sharing:
    """A rule by its name with its parameters, or one of the user's own; InputError for what is wrong with either."""
    if not isinstance(rule, str):
        if parameters:
            raise InputError(f"a rule object takes no parameters here, got {', '.join(parameters)}")
        if not isinstance(rule, Sharing):
            hint = "give a name, with parameters by their names, such as ms.share(cost, n, 'shapley', orders=400)"
            raise InputError([Problem("must be the name of a rule, or one of your own", "rule", repr(rule)[:80], hint)])
        return rule
    params = asked_params(registry, "sharing", rule, parameters, InputError)
    built: Sharing = made(registry, "sharing", rule, params, context)
    return built


def estimated(built: Sharing, period: Period, rule: str | Sharing) -> EstimatedShares:
    """Whole shares of a period, with standard errors where they were drawn."""
    found = of_period(built, period)
    _demand_whole(found.money, period, rule if isinstance(rule, str) else type(rule).__name__)
    return found


def _demand_whole(money: object, period: Period, name: str) -> None:
    """InputError for shares of a rule of one's own that are not whole, or do not sum to what was paid."""
    if not isinstance(money, np.ndarray) or money.dtype != np.int64 or money.shape != (period.community.n_agents,):
        raise InputError([Problem(f"the rule {name} must give an int64 for each agent", "rule", type(money).__name__)])
    try:
        check_shares(period, money, name)
    except LawBroken as error:
        raise InputError([Problem(str(error), "rule")]) from error


def _period_of(run: Run, context: BuildContext) -> Period:
    """What a run metered and what its agents paid, before sharing."""
    n_slots, n = run.n_slots, context.community.n_agents
    if n_slots < 1:
        raise InputError("this run has no slot: there is nothing to share")
    if n_slots * n > MOST_CELLS:
        raise InputError(f"{n_slots} slots of {n} agents are too many for one period: at most {MOST_CELLS:,} in all")
    load_wh, pv_wh, net_wh = (agent_slots(run, name, n_slots, n) for name in _METERED)
    bill = np.stack([agent_slots(run, name, n_slots, n).sum(axis=0) for name in LEDGER_COLUMNS])
    slots = run.table("slots", columns=["retail_ticks", "feed_in_ticks"])
    retail, feed_in = (slots[name].to_numpy()[:, None] for name in ("retail_ticks", "feed_in_ticks"))
    _demand_countable(bill, net_wh, pv_wh, retail, feed_in)
    time = context.clock.at(n_slots - 1)
    return Period(time, context.community, load_wh, pv_wh, net_wh, retail, feed_in, bill)


def agent_slots(run: Run, column: str, n_slots: int, n: int) -> IntArray:
    """A whole number of each agent and slot [n_slots, n]."""
    return np.asarray(run.table("agents", columns=[column])[column].to_numpy().reshape(n_slots, n))


def _demand_countable(bill: IntArray, net_wh: IntArray, pv_wh: IntArray, *ticks: IntArray) -> None:
    """InputError where 64 bits cannot count what is asked about."""
    dearest = max(float(np.abs(each, dtype=np.float64).max()) for each in ticks)
    energy = sum(float(np.abs(each, dtype=np.float64).sum()) for each in (net_wh, pv_wh))
    if not float(np.abs(bill, dtype=np.float64).sum()) + energy * dearest < _MOST_MONEY:
        raise InputError("64 bits cannot count the money of this run: it is too much to be shared")
