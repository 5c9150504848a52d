"""What an operator reaches who posts prices and plans nobody's devices, and whether prices or money make bills more equal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.analysis.coordination.days import ComparedDay, slots_of
from marketsim.analysis.coordination.homes import Homes, homes_of
from marketsim.analysis.coordination.price_families import Posted, by_home, within_tariffs
from marketsim.app.dispatch_game import PlannedPool
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.arrays import FloatArray
from marketsim.core.errors import InputError, Problem
from marketsim.optimise.balanced import Books
from marketsim.optimise.posted import PricedMembers
from marketsim.sharing.coalitions import alone_costs
from marketsim.sharing.rawls import least_worst

ALONE, DUALS, UNTOLD = "everybody alone", "posted prices", "posted prices, untold"
WITHIN, BY_HOME, MONEY = "prices within tariffs", "a price a home", "money moved"
STRENGTHS: Final = (0.25, 0.5, 1.0)
_ABOVE: Final = 1e-6
"""Who pays so much more than alone pays more, relative to 1 currency and what it pays alone."""


class Reached(NamedTuple):
    """What prices and answers, or money moved, come to on all days."""

    way: str
    part: float | None
    """How much of what could be moved was asked for; None: nothing is moved."""
    pool_cost: float
    """What all pay the utility, with wear, fuel and curtailment [currency]."""
    costs: FloatArray
    """What each agent pays; with money moved what it pays before [currency] [n]."""
    borne: FloatArray | None
    """What homes bear [currency] [n_homes]; None without incomes."""
    left: float
    """What the operator is left with; negative: it is short [currency]."""
    regret: float
    """How much dearer the plan is to a member than its best answer, the largest of all days [currency]."""


class PostedStudy(NamedTuple):
    """All ways on the same days; the first is everybody alone, the second the posted prices."""

    ready: ReadyScenario
    days: tuple[ComparedDay, ...]
    hours: float
    names: tuple[str, ...]
    homes: Homes | None
    ways: tuple[Reached, ...]
    unbalanced: tuple[tuple[str, int], ...]
    """Ways, and on how many days no prices of their family balance: there the duals stand; who balances on none is left out."""
    prices: tuple[FloatArray, ...]
    """Posted, of each day [currency/kWh] [slots]."""

    def above_alone(self, reached: Reached) -> tuple[str, ...]:
        """Who pays more than alone; where homes bear the bills of assets, of homes."""
        alone = self.ways[0]
        if self.homes is None or reached.borne is None or alone.borne is None:
            names, paid, own = self.names, reached.costs, alone.costs
        else:
            names = tuple(self.names[row] for row in self.homes.rows.tolist())
            paid, own = reached.borne, alone.borne
        more = paid > own + _ABOVE * np.maximum(1.0, np.abs(own))
        return tuple(name for name, is_more in zip(names, more.tolist(), strict=True) if is_more)


class _Day(NamedTuple):
    """What a day comes to."""

    alone: FloatArray
    posted: Posted
    untold: Books
    told: Books
    moved: dict[tuple[str, float], Books | None]


def post_prices(
    ready: ReadyScenario,
    days: Sequence[ComparedDay],
    peak_price: float = 0.0,
    tell: Callable[[str], None] | None = None,
) -> PostedStudy:
    """Post prices on each day, from noon to noon; ``tell`` hears of each day when it begins.

    InputError for what has no prices: a device with a yes or no, or tariffs below zero.
    """
    homes, found = homes_of(ready.agents), []
    for place, day in enumerate(days):
        if tell is not None:
            tell(f"day {place + 1} of {len(days)}: {day.date}")
        variant = ready.variant(day.overrides(ready))
        pool = PlannedPool(variant, peak_price, begins=slots_of(ready)[0])
        found.append(_day(pool, homes))
    hours = 24.0 * len(days)
    ways, unbalanced = _ways(found, homes)
    names = tuple(agent.name for agent in ready.agents)
    return PostedStudy(
        ready, tuple(days), hours, names, homes, ways, unbalanced, tuple(day.posted.price for day in found)
    )


def _day(pool: PlannedPool, homes: Homes | None) -> _Day:
    try:
        posted = Posted.of(PricedMembers(pool.game.pool))
    except ValueError as error:
        hint = "choose tariffs of 0 and more, and leave out appliances and units that start"
        raise InputError([Problem(f"there are no prices to post: {error}", "--prices", hint=hint)]) from error
    members, at = posted.members, posted.open_to_all
    best = members.best(at)

    def kept(answers: Any, costs: FloatArray) -> Books:
        regret = float((members.worth(answers, at) - best.worth).max())
        return Books(0.0, answers, costs, members.left(answers, at), regret)

    told, untold = (kept(each, each.costs(at)) for each in (posted.plan, best.answers))
    moved: dict[tuple[str, float], Books | None] = {}
    alone = alone_costs(pool.game)
    if homes is not None:
        least = least_worst(homes.costs(alone), homes.incomes, float(homes.costs(told.costs).sum()))
        for part in STRENGTHS:
            shares = (1.0 - part) * homes.costs(told.costs) + part * least
            moved[WITHIN, part] = within_tariffs(posted, homes, part)
            moved[BY_HOME, part] = by_home(posted, homes, shares)
    return _Day(alone, posted, untold, told, moved)


def _ways(days: Sequence[_Day], homes: Homes | None) -> tuple[tuple[Reached, ...], tuple[tuple[str, int], ...]]:
    alone = np.sum([day.alone for day in days], axis=0)
    ways = [Reached(ALONE, None, float(alone.sum()), alone, _borne(homes, alone), 0.0, 0.0)]
    ways += [_reached(days, homes, way, None, books) for way, books in _of_duals(days)]
    unbalanced = []
    for way, part in days[0].moved:
        books = [day.moved[way, part] for day in days]
        failed = sum(each is None for each in books)
        if failed < len(days):
            kept = [day.told if own is None else own for day, own in zip(days, books, strict=True)]
            ways.append(_reached(days, homes, way, part, kept))
        if failed:
            unbalanced.append((f"{way}, {part:.0%}", failed))
    ways.sort(key=lambda each: (ALONE, DUALS, UNTOLD, WITHIN, BY_HOME).index(each.way))
    if homes is not None:
        ways += [_with_money(ways[0], ways[1], homes, part) for part in STRENGTHS]
    return tuple(ways), tuple(unbalanced)


def _of_duals(days: Sequence[_Day]) -> list[tuple[str, list[Books]]]:
    return [(DUALS, [day.told for day in days]), (UNTOLD, [day.untold for day in days])]


def _reached(
    days: Sequence[_Day], homes: Homes | None, way: str, part: float | None, books: Sequence[Books]
) -> Reached:
    costs = np.sum([each.costs for each in books], axis=0)
    pool_cost = sum(day.posted.members.pool_cost(each.answers) for day, each in zip(days, books, strict=True))
    left, regret = sum(each.left for each in books), max(each.regret for each in books)
    return Reached(way, part, pool_cost, costs, _borne(homes, costs), left, regret)


def _borne(homes: Homes | None, costs: FloatArray) -> FloatArray | None:
    return None if homes is None else homes.costs(costs)


def _with_money(alone: Reached, duals: Reached, homes: Homes, part: float) -> Reached:
    """The common plan, and so much of the way from the bills at posted prices to those of least worst burden (``rawls_ir``)."""
    own, paid = homes.costs(alone.costs), homes.costs(duals.costs)
    least = least_worst(own, homes.incomes, float(paid.sum()))
    return duals._replace(way=MONEY, part=part, borne=(1.0 - part) * paid + part * least)


def rows_of(found: PostedStudy) -> list[dict[str, Any]]:
    """A row for each way, as plain numbers."""
    rows = []
    least = found.ways[1].pool_cost
    for reached in found.ways:
        gini, worst = (None, None) if found.homes is None or reached.borne is None else found.homes.equity(
            reached.borne, found.hours
        )  # fmt: skip
        rows.append(
            {
                "way": reached.way,
                "part": reached.part,
                "cost": reached.pool_cost,
                "dearer": None if least == 0.0 else (reached.pool_cost - least) / abs(least),
                "burden_gini": gini,
                "burden_worst": worst,
                "above_alone": len(found.above_alone(reached)),
                "left": reached.left,
                "regret": reached.regret,
            }
        )
    return rows


def as_json(found: PostedStudy) -> dict[str, Any]:
    """The study as plain data."""
    ready = found.ready
    return {
        "scenario": ready.name,
        "seed": ready.seed,
        "currency": ready.model.currency,
        "days": [str(day.date) for day in found.days],
        "agents": list(found.names),
        "prices": [price.tolist() for price in found.prices],
        "unbalanced": dict(found.unbalanced),
        "ways": [
            {
                **row,
                "names_above_alone": list(found.above_alone(reached)),
                "costs": reached.costs.tolist(),
                "borne": None if reached.borne is None else reached.borne.tolist(),
            }
            for row, reached in zip(rows_of(found), found.ways, strict=True)
        ],
    }
