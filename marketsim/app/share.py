"""``marketsim.share``: who is to pay what of a common cost, of a game of one's own or of a finished run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.app.looking import seen_of
from marketsim.app.parts import basics_of, made
from marketsim.app.user_parts import asked_params, user_registry
from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.clock import Clock
from marketsim.core.cost_game import CostGame
from marketsim.core.errors import InputError, LawBroken, Problem
from marketsim.core.laws import check_shares
from marketsim.core.period import MOST_CELLS, Period
from marketsim.core.ports import GameSharing, Sharing
from marketsim.core.records import Community
from marketsim.core.rng import Streams
from marketsim.core.units import MONEY_PER_CURRENCY, UNLIMITED_WH
from marketsim.results.reader import Run
from marketsim.results.table_columns import LEDGER_COLUMNS
from marketsim.sharing.alone import alone_money
from marketsim.sharing.coalitions import all_costs, alone_costs
from marketsim.sharing.divided import metered_game
from marketsim.sharing.portions import whole_parts
from marketsim.sharing.stability import Leaving, worst_of_all

MOST_MEMBERS: Final = 10_000
_METERED: Final = ("load_wh", "pv_used_wh", "net_wh")
MOST_ENUMERATED: Final = 16
"""Members whose groups are all looked at for the one that would rather leave; of a run with more, a programme finds it."""


class CostShares(NamedTuple):
    """Who is to pay what, in the unit of the cost; of a run in currency, receipts negative."""

    names: tuple[str, ...]
    """Agents of a run; else the numbers of the members from 0 on."""
    shares: FloatArray
    """[n]; they sum to the cost of all."""
    standard_errors: FloatArray | None
    """[n]; None unless shares were sampled."""
    alone: FloatArray
    """What each would pay alone [n]."""
    worst_excess: float | None
    """The most that a group, neither empty nor everybody, would gain by paying for itself; at most 0: nobody would rather leave.

    None: there is no group, or too many of a game of one's own to be looked at.
    """
    worst_coalition: tuple[str, ...]
    """The group that would gain that."""
    excess_gap: float = 0.0
    """How much more another group might gain, where the search ran out of time."""
    paid: FloatArray | None = None
    """What each agent of a run paid before sharing [n]."""
    shares_money: IntArray | None = None
    """The same as ``shares``, of a run, in whole 1e-9 currency; they sum to what was paid to the last unit [n]."""


def share(
    cost: Callable[[BoolArray], Any] | Run,
    n: int | None = None,
    rule: str | Sharing = "shapley",
    *,
    seed: int = 1,
    seconds: float = 30.0,
    **parameters: Any,
) -> CostShares:
    """Divide a common cost by a rule of sharing.

    ``cost`` is a function of memberships, a boolean array [k, n], to what each of these groups would pay by itself [k], receipts
    negative; it is never asked about the empty group. Or a run: then each group is put behind one meter, at what its members'
    meters showed, and all together paid what they paid.

    ``rule`` is the name of a rule, built in or of an installed plugin, with its ``parameters`` as in a scenario, or a rule
    of your own. ``seed`` is for rules that draw. For the group that would rather leave, all are looked at up to 16 members;
    of a larger run a programme looks for it for so many ``seconds``.

    Raises InputError for what is wrong with any of it.
    """
    if isinstance(cost, Run):
        return share_of_run(cost, rule, seed=seed, seconds=seconds, **parameters)
    return _share_of_game(_CheckedGame(cost, _members(n)), rule, seed, parameters)


def _members(n: object) -> int:
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 1 <= n <= MOST_MEMBERS:
        raise InputError([Problem(f"must be a number of members from 1 to {MOST_MEMBERS:,}", "n", repr(n))])
    return int(n)


class _CheckedGame:
    """A game of the user's; InputError for what it answers wrongly."""

    def __init__(self, cost: Callable[[BoolArray], Any], n: int) -> None:
        if not callable(cost):
            raise InputError([Problem("must be a function of memberships, or a run", "cost", type(cost).__name__)])
        self._cost, self.n = cost, n

    def cost(self, members: BoolArray) -> FloatArray:
        """What the user's function says [k]."""
        answer = self._cost(members.copy())
        try:
            found = np.asarray(answer, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError([Problem("must answer with numbers", "cost", repr(answer)[:80])]) from error
        if found.shape != (len(members),):
            hint = "one number for each row of memberships"
            raise InputError([Problem("answers in another shape than it was asked in", "cost", str(found.shape), hint)])
        if not np.isfinite(found).all():
            row = members[int(np.flatnonzero(~np.isfinite(found))[0])]
            raise InputError([Problem(f"is not finite for the group {np.flatnonzero(row).tolist()}", "cost")])
        return found


def _share_of_game(game: CostGame, rule: str | Sharing, seed: int, parameters: dict[str, Any]) -> CostShares:
    built = _built(rule, parameters, _context(game.n, seed))
    if not isinstance(built, GameSharing):
        hint = "it shares finished periods: give a run, or choose " + ", ".join(_of_games(game.n))
        raise InputError([Problem("does not divide games", "rule", repr(rule), hint)])
    division = built.divide(game, np.random.default_rng(seed))
    names = tuple(map(str, range(game.n)))
    worst = worst_of_all(all_costs(game), division.shares) if game.n <= MOST_ENUMERATED else None
    return CostShares(names, division.shares, division.standard_errors, alone_costs(game), *_leaving(worst, names, 1.0))


def _of_games(n: int) -> list[str]:
    """Rules that divide games and need no parameters."""
    registry, found = user_registry(), []
    for name in registry.names("sharing"):
        params = registry.params("sharing", name)
        if any(field.is_required() for field in params.model_fields.values()):
            continue
        if isinstance(made(registry, "sharing", name, params(), _context(min(n, 2), 1)), GameSharing):
            found.append(name)
    return found


def _context(n: int, seed: int) -> BuildContext:
    """Members that nothing is known of."""
    unlimited = np.full(n, UNLIMITED_WH)
    names = tuple(map(str, range(n)))
    community = Community(
        names, np.zeros(n, dtype=np.int64), np.arange(n), np.ones(n, dtype=bool), 1, unlimited, unlimited
    )
    return BuildContext(Clock(date(2016, 1, 1), 1, 60), Streams((seed,)), community, ())


def _built(rule: str | Sharing, parameters: dict[str, Any], context: BuildContext) -> Sharing:
    if not isinstance(rule, str):
        if parameters:
            raise InputError(f"a rule object takes no parameters here, got {', '.join(parameters)}")
        return rule
    registry = user_registry()
    checked = asked_params(registry, "sharing", rule, parameters, InputError)
    built: Sharing = made(registry, "sharing", rule, checked, context)
    return built


def _leaving(worst: Leaving | None, names: tuple[str, ...], unit: float) -> tuple[float | None, tuple[str, ...], float]:
    if worst is None:
        return None, (), 0.0
    group = tuple(names[row] for row in np.flatnonzero(worst.members))
    return worst.excess / unit, group, worst.gap / unit


def share_of_run(
    run: Run,
    rule: str | Sharing = "shapley",
    *,
    seed: int = 1,
    seconds: float = 30.0,
    trust: bool = False,
    **parameters: Any,
) -> CostShares:
    """The same for all slots of a run as one period; what the run itself shared is left out.

    ``trust``: its folder is one's own, see ``open_run``.
    """
    ready = seen_of(run, trust=trust).ready
    context = BuildContext.of(basics_of(ready, (seed,)), tariff=None, fleets=())
    names, everybody = context.community.names, np.arange(context.community.n_agents)
    period = period_of_run(run, context)
    built = _built(rule, parameters, context)
    game, unit = metered_game(period, everybody), float(MONEY_PER_CURRENCY)
    errors = None
    if isinstance(built, GameSharing):
        division = built.divide(game, np.random.default_rng(seed))
        money = whole_parts(division.shares, game.paid_money, names)
        errors = None if division.standard_errors is None else division.standard_errors / unit
    else:
        money = built.share(period)
    _demand_whole(money, period, rule)
    shares = money.astype(np.float64)
    few = game.n <= MOST_ENUMERATED
    worst = worst_of_all(all_costs(game), shares) if few else game.worst(shares, seconds)
    alone, paid = alone_money(period) / unit, period.paid_money / unit
    return CostShares(names, shares / unit, errors, alone, *_leaving(worst, names, unit), paid=paid, shares_money=money)


def _demand_whole(money: object, period: Period, rule: str | Sharing) -> None:
    """InputError for shares of a rule of one's own that are not whole, or do not sum to what was paid."""
    name = rule if isinstance(rule, str) else type(rule).__name__
    if not isinstance(money, np.ndarray) or money.dtype != np.int64 or money.shape != (period.community.n_agents,):
        raise InputError([Problem(f"the rule {name} must give an int64 for each agent", "rule", type(money).__name__)])
    try:
        check_shares(period, money, name)
    except LawBroken as error:
        raise InputError([Problem(str(error), "rule")]) from error


def period_of_run(run: Run, context: BuildContext) -> Period:
    """What a run metered and what its agents paid, before sharing; InputError where there are several markets."""
    n_slots, n = run.n_slots, context.community.n_agents
    if n_slots < 1:
        raise InputError("this run has no slot: there is nothing to share")
    if n_slots * n > MOST_CELLS:
        raise InputError(f"{n_slots} slots of {n} agents are too many for one period: at most {MOST_CELLS:,} in all")
    agents = run.table("agents", columns=[*_METERED, *LEDGER_COLUMNS])
    load_wh, pv_wh, net_wh = (agents[name].to_numpy().reshape(n_slots, n) for name in _METERED)
    bill = np.stack([agents[name].to_numpy().reshape(n_slots, n).sum(axis=0) for name in LEDGER_COLUMNS])
    slots = run.table("slots", columns=["retail_ticks", "feed_in_ticks"])
    prices = [slots[name].to_numpy()[:, None] for name in ("retail_ticks", "feed_in_ticks")]
    return Period(context.clock.at(n_slots - 1), context.community, load_wh, pv_wh, net_wh, *prices, bill)
