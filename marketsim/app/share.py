"""``marketsim.share``: who is to pay what of a common cost, of a game of one's own or of a finished run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from marketsim.app.dispatch_game import PlannedPool
from marketsim.app.looking import seen_of
from marketsim.app.parts import made
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.shared_run import MOST_ENUMERATED, SharedRun, built_rule
from marketsim.app.user_parts import user_registry
from marketsim.core.arrays import BoolArray, FloatArray, IntArray
from marketsim.core.build import AgentSpec, BuildContext, Choice, LoadSpec
from marketsim.core.clock import Clock
from marketsim.core.cost_game import CostGame, Division, PricedGame
from marketsim.core.equity import burdens
from marketsim.core.errors import InputError, Problem
from marketsim.core.params import Params
from marketsim.core.ports import GameSharing, PricedSharing, Sharing
from marketsim.core.records import Community
from marketsim.core.rng import Streams
from marketsim.core.units import MONEY_PER_CURRENCY, UNLIMITED_WH
from marketsim.extension.registry import Registry
from marketsim.results.reader import Run
from marketsim.sharing.coalitions import all_costs, alone_costs, whole_cost
from marketsim.sharing.portions import whole_parts
from marketsim.sharing.stability import Leaving, worst_of_all

MOST_MEMBERS: Final = 10_000
ALL_GROUPS, PROGRAMME, NOT_LOOKED_FOR = "all groups", "programme", ""


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
    worst_by: str = NOT_LOOKED_FOR
    """How that group was looked for: ``all groups``, or ``programme`` for a mixed-integer programme; empty: it was not."""
    paid: FloatArray | None = None
    """What each agent of a run paid before sharing [n]; None of plans."""
    shares_money: IntArray | None = None
    """The same as ``shares``, of a run or of plans, in whole 1e-9 currency; they sum to what was paid to the last unit [n]."""
    burdens: FloatArray | None = None
    """Shares of a run as parts of incomes [n]; None unless all agents have one."""


def share(
    cost: Callable[[BoolArray], Any] | Run | ReadyScenario,
    n: int | None = None,
    rule: str | Sharing = "shapley",
    *,
    game: Literal["metered", "dispatch"] | None = None,
    incomes: Sequence[float] | None = None,
    seed: int = 1,
    seconds: float = 30.0,
    **parameters: Any,
) -> CostShares:
    """Divide a common cost by a rule of sharing.

    ``cost`` is a function of memberships, a boolean array [k, n], to what each of these groups would pay by itself [k], receipts
    negative; it is never asked about the empty group. Or a run: then each group is put behind one meter, at what its members'
    meters showed, and all together paid what they paid. With ``game="dispatch"``, and for a scenario that ``load_scenario``
    returned, each group instead pays what its own best plan of all slots costs, behind one meter, at series that are known; all
    together then pay the cost of the best plan of all.

    ``rule`` is the name of a rule, built in or of an installed plugin, with its ``parameters`` as in a scenario, or a rule
    of your own. ``incomes`` [n] is for rules that ask for them; agents of a run have their own. ``seed`` is for rules that draw.
    For the group that would rather leave, all are looked at up to 16 members, of plans up to 12; of a larger run a programme
    looks for it for so many ``seconds``.

    Raises InputError for what is wrong with any of it.
    """
    if game not in (None, "metered", "dispatch"):
        raise InputError([Problem("there is no such game", "game", repr(game), "choose metered or dispatch")])
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError([Problem("must be a whole number of at least 0", "seed", repr(seed))])
    if isinstance(cost, Run | ReadyScenario):
        if n is not None or incomes is not None:
            raise InputError("a run has its own agents and incomes: leave out n and incomes")
        if isinstance(cost, ReadyScenario) and game == "metered":
            raise InputError(
                [Problem("a scenario has metered nothing", "game", "metered", "run it, or choose dispatch")]
            )
        if isinstance(cost, ReadyScenario) or game == "dispatch":
            return share_of_plans(cost, rule, seed=seed, seconds=seconds, **parameters)
        return share_of_run(cost, rule, seed=seed, seconds=seconds, **parameters)
    if game is not None:
        raise InputError([Problem("is for runs and scenarios", "game", game, "leave it out: the function is the game")])
    own = _CheckedGame(cost, n)
    return _share_of_game(own, rule, seed, None if incomes is None else _incomes(incomes, own.n), parameters)


def _members(n: object) -> int:
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 1 <= n <= MOST_MEMBERS:
        raise InputError([Problem(f"must be a number of members from 1 to {MOST_MEMBERS:,}", "n", repr(n))])
    return int(n)


def _incomes(given: Sequence[float], n: int) -> FloatArray:
    try:
        incomes = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError([Problem("must be numbers", "incomes", repr(given)[:80])]) from error
    if incomes.shape != (n,) or not (np.isfinite(incomes) & (incomes > 0)).all():
        raise InputError([Problem(f"must be {n} numbers above 0", "incomes", repr(given)[:80])])
    return incomes


class _CheckedGame:
    """A game of the user's; InputError for what it answers wrongly."""

    def __init__(self, cost: Callable[[BoolArray], Any], n: object) -> None:
        if not callable(cost):
            hint = "of a folder of a run give ms.open_run(folder), of a scenario ms.load_scenario(path)"
            raise InputError([Problem("must be a function of memberships, or a run", "cost", repr(cost)[:80], hint)])
        self._cost, self.n = cost, _members(n)

    def cost(self, members: BoolArray) -> FloatArray:
        """What the user's function says [k]."""
        answer = self._cost(members.copy())
        try:
            if np.iscomplexobj(answer):
                raise TypeError("complex")
            found = np.asarray(answer, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError([Problem("must answer with numbers", "cost", repr(answer)[:80])]) from error
        if found.shape != (len(members),):
            hint = "one number for each row of memberships"
            raise InputError([Problem("answers in another shape than it was asked in", "cost", str(found.shape), hint)])
        if not np.isfinite(found).all():
            first = int(np.flatnonzero(~np.isfinite(found))[0])
            group = np.flatnonzero(members[first]).tolist()
            hint = "say for every group what it would pay by itself; a large number for one that could not"
            raise InputError([Problem(f"is not finite for the group {group}", "cost", str(found[first]), hint)])
        return found


def _share_of_game(
    game: CostGame, rule: str | Sharing, seed: int, incomes: FloatArray | None, parameters: dict[str, Any]
) -> CostShares:
    built = built_rule(rule, parameters, _context(game.n, seed, incomes), user_registry())
    division = _divided(built, game, rule, seed)
    names = tuple(map(str, range(game.n)))
    few = game.n <= MOST_ENUMERATED
    worst = worst_of_all(all_costs(game), division.shares) if few else None
    looked = ALL_GROUPS if few else NOT_LOOKED_FOR
    leaving = _leaving(worst, names, 1.0, looked)
    return CostShares(names, division.shares, division.standard_errors, alone_costs(game), *leaving)


def _divided(built: Sharing, game: CostGame, rule: str | Sharing, seed: int) -> Division:
    """What a rule says of a game; InputError where it divides none, or none of this kind."""
    match built:
        case GameSharing() as divides:
            return _checked(divides.divide(game, np.random.default_rng(seed)), game, rule)
        case PricedSharing() as prices if isinstance(game, PricedGame):
            return _checked(prices.by_prices(game), game, rule)
    hint = "it shares finished periods: give a run, or choose " + ", ".join(_of_games(game.n))
    raise InputError([Problem("does not divide games", "rule", repr(rule), hint)])


def _checked(division: Division, game: CostGame, rule: str | Sharing) -> Division:
    """InputError for a division of a rule of one's own that is none of the cost of all."""
    shares = np.asarray(division.shares)
    whole = whole_cost(game)
    if shares.shape != (game.n,) or shares.dtype != np.float64 or not np.isfinite(shares).all():
        raise InputError([Problem(f"must give a finite share for each of {game.n} members", "rule", repr(rule))])
    if abs(float(shares.sum()) - whole) > 1e-6 * max(abs(whole), float(np.abs(shares).sum())):
        raise InputError([Problem(f"gives shares that sum to {shares.sum():g}, not to {whole:g}", "rule", repr(rule))])
    return division


def _of_games(n: int) -> list[str]:
    """Rules that divide games and need nothing but them."""
    registry, found = user_registry(), []
    for name in registry.names("sharing"):
        params = registry.params("sharing", name)
        if any(field.is_required() for field in params.model_fields.values()):
            continue
        incomes = np.ones(min(n, 2))
        if isinstance(made(registry, "sharing", name, params(), _context(min(n, 2), 1, incomes)), GameSharing):
            found.append(name)
    return found


def _context(n: int, seed: int, incomes: FloatArray | None) -> BuildContext:
    """Members of whom nothing is known but perhaps their incomes."""
    unlimited = np.full(n, UNLIMITED_WH)
    names = tuple(map(str, range(n)))
    community = Community(
        names, np.zeros(n, dtype=np.int64), np.arange(n), np.ones(n, dtype=bool), 1, unlimited, unlimited
    )
    agents = () if incomes is None else tuple(map(_member, names, incomes.tolist()))
    return BuildContext(Clock(date(2016, 1, 1), 1, 60), Streams((seed,)), community, agents)


def _member(name: str, income: float) -> AgentSpec:
    nothing = Choice("", Params())
    return AgentSpec(name, "prosumer", 0, None, LoadSpec(), 0.0, None, {}, nothing, income=income)


def _leaving(
    worst: Leaving | None, names: tuple[str, ...], unit: float, looked: str
) -> tuple[float | None, tuple[str, ...], float, str]:
    if worst is None:
        return None, (), 0.0, looked
    group = tuple(names[row] for row in np.flatnonzero(worst.members))
    return worst.excess / unit, group, worst.gap / unit, looked


def share_of_plans(
    of: Run | ReadyScenario,
    rule: str | Sharing = "shapley",
    *,
    seed: int = 1,
    seconds: float = 30.0,
    trust: bool = False,
    registry: Registry | None = None,
    peak_price: float = 0.0,
    **parameters: Any,
) -> CostShares:
    """Who is to pay what of the best plan of all slots of a scenario, or of that of a run; see ``share``.

    ``peak_price`` is what the largest import of a group costs [currency/kW]; it is part of every plan.
    """
    if isinstance(of, Run):
        ready, own = seen_of(of, trust=trust).ready, trust or of.path is None
    else:
        ready, own = of, True
    pool = PlannedPool(ready, peak_price)
    built = built_rule(rule, parameters, pool.context, registry or (ready.registry if own else user_registry()))
    shares, unit = _divided(built, pool.game, rule, seed), float(MONEY_PER_CURRENCY)
    total = round(whole_cost(pool.game) * unit)
    money = whole_parts(shares.shares * unit, total, pool.names)
    leaving = _leaving(pool.worst(money / unit, seconds), pool.names, 1.0, ALL_GROUPS if pool.enumerated else PROGRAMME)
    return CostShares(
        pool.names,
        money / unit,
        shares.standard_errors,
        alone_costs(pool.game),
        *leaving,
        paid=None,
        shares_money=money,
        burdens=None if pool.incomes is None else burdens(money.astype(np.float64), pool.incomes, pool.hours),
    )


def share_of_run(
    run: Run,
    rule: str | Sharing = "shapley",
    *,
    seed: int = 1,
    seconds: float = 30.0,
    trust: bool = False,
    registry: Registry | None = None,
    **parameters: Any,
) -> CostShares:
    """The same for all slots of a run as one period; ``trust`` and ``registry`` as in ``SharedRun``."""
    return shares_in(SharedRun(run, seed, trust=trust, registry=registry), rule, seconds, parameters)


def shares_in(shared: SharedRun, rule: str | Sharing, seconds: float, parameters: dict[str, Any]) -> CostShares:
    """Who is to pay what of a run by a rule."""
    found, unit = shared.divided(rule, parameters), float(MONEY_PER_CURRENCY)
    money = found.money.astype(np.float64)
    errors = None if found.standard_errors is None else found.standard_errors / unit
    looked = ALL_GROUPS if shared.enumerated else PROGRAMME
    leaving = _leaving(shared.worst(money, seconds), shared.names, unit, looked)
    return CostShares(
        shared.names,
        money / unit,
        errors,
        shared.alone_money / unit,
        *leaving,
        paid=shared.period.paid_money / unit,
        shares_money=found.money,
        burdens=None if shared.incomes is None else burdens(money, shared.incomes, shared.hours),
    )
