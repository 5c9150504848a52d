"""The plan of a pool without anybody who knows all devices: consensus ADMM on the programme of ``optimise.pool``.

Members i choose what their devices do, x_i, within their own limits and with their own costs f_i, and tell their net energy
y_i = M_i x_i [kWh a slot]. The pool knows the cost g of the sum at the utility's prices. With means over the n members::

    x_i <- argmin f_i(x_i) + rho/2 |y_i - (y_i_before - mean y + z - u)|^2          each member for itself
    z   <- argmin g(n z) + n rho/2 |z - u - y~|^2,  y~ = 1.6 mean y - 0.6 z_before    slot by slot, in closed form
    u   <- u + y~ - z

(Boyd et al. 2011, section 7.3: sharing), and -rho u is the price within the pool; rho follows the residuals at first (section
3.4.1). What members would do after any iteration is a plan that all can follow, so the cheapest of all iterations is kept. At any
price p between the tariffs what members would pay at it, each with its best plan, is a bound that no common plan is below,

    sum_i min_x [f_i(x) - p y_i] + sum_h [p n_h + min(p, 0) spare_h]

so that how far the members are from the best is known without a plan of all. Their programmes are solved in one call, since
nothing but z and u joins them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import scipy.sparse as sp

from marketsim.core.arrays import FloatArray
from marketsim.core.errors import RunError
from marketsim.core.programme import LinearBlock
from marketsim.optimise.day import Ends, MeteredDay, day_programme
from marketsim.optimise.highs import Optimum, SparseProgramme, SparseRows, optimum
from marketsim.optimise.pool import PlannedDay, told_plan
from marketsim.optimise.quadratic import Quadratic
from marketsim.optimise.quadratic import optimum as quadratic_optimum

AGREED: Final = 1e-4
"""Relative distance from the bound at which members have agreed."""
_RELAXED: Final = 1.6
_FITTED: Final = 150
"""Iterations in which rho follows the residuals; it has to rest for the rest to converge."""
_UNEQUAL, _STEP = 10.0, 2.0
_CHECKED: Final = 10
"""Iterations between two looks at the bound."""


class AgreedDay(NamedTuple):
    """What members agreed on."""

    plan: PlannedDay
    """The cheapest of all iterations, with the price of the best bound; each member's part is within its own limits."""
    iterations: int
    bound: float
    """No common plan costs less, missed energy at its price [currency]."""
    gap: float
    """How much dearer the plan is than the bound, relative to it."""


def agree_day(
    blocks: Sequence[LinearBlock], day: MeteredDay, ends: Ends, *, most: int = 500, relaxed: bool = False
) -> AgreedDay:
    """The plan of the least cost of all agents behind one meter, by agreement of its members.

    At most ``most`` iterations; ``gap`` tells how far they came. ``relaxed``: a yes or no may be anything between; without it,
    RunError for devices that have one. ValueError for several meters. MissingDependency without Clarabel.
    """
    if day.need_kwh.shape[1] != 1:
        raise ValueError("members agree on one meter")
    members = _Members(blocks, day, ends)
    if members.has_choices and not relaxed:
        raise RunError("a yes or no (an appliance, a unit that starts) cannot be agreed on: plan by a programme")
    pool = _Pool(day, sum((block.fixed_kwh.sum(axis=1) for block in blocks), np.zeros(len(day.need_kwh))))
    rho = float(max((pool.retail - pool.feed_in).mean(), 1e-3 * np.abs(pool.retail).max(), 1e-9)) / members.scale_kwh
    mean, price = np.zeros(pool.slots), (pool.retail + pool.feed_in) / 2.0
    agreed, u, net = mean, -price / rho, np.zeros((members.n, pool.slots))
    least, bound, done = _Least(), -np.inf, 0
    while done < most and _gap(least.cost, bound) > AGREED:
        done += 1
        x = members.answer(rho, net - mean + agreed - u)
        net = members.net(x)
        mean = net.mean(axis=0)
        least.see(x, members.cost(x) + pool.cost(net.sum(axis=0)))
        seen, before = _RELAXED * mean + (1.0 - _RELAXED) * agreed, agreed
        agreed = pool.nearest(members.n, u + seen, rho)
        u = u + seen - agreed
        if done % _CHECKED == 0 and done <= _FITTED:
            step = _better_step(mean, agreed, before, u)
            rho, u = rho * step, u / step
        if done % _CHECKED == 0 or done == most:
            asked = np.clip(-rho * u, pool.feed_in, pool.retail)
            found = members.least(asked) + pool.least(asked)
            price, bound = (asked, found) if found > bound else (price, bound)
    gap = _gap(least.cost, bound)
    return AgreedDay(_plan(blocks, day, ends, least.x, price, gap), done, bound, gap)


class _Least:
    """The cheapest plan so far."""

    def __init__(self) -> None:
        self.x: FloatArray = np.zeros(0)
        self.cost = np.inf

    def see(self, x: FloatArray, cost: float) -> None:
        """Keep it if it is cheaper."""
        if cost < self.cost:
            self.x, self.cost = x, cost


def _better_step(mean: FloatArray, agreed: FloatArray, before: FloatArray, u: FloatArray) -> float:
    """By how much rho is to change: more where members and pool are farther apart than what moves the price, or less."""
    apart = float(np.linalg.norm(mean - agreed)) / max(
        float(np.linalg.norm(mean)), float(np.linalg.norm(agreed)), 1e-12
    )
    moving = float(np.linalg.norm(agreed - before)) / max(float(np.linalg.norm(u)), 1e-12)
    if apart > _UNEQUAL * moving:
        return _STEP
    return 1.0 / _STEP if moving > _UNEQUAL * apart else 1.0


def _gap(cost: float, bound: float) -> float:
    return max(cost - bound, 0.0) / max(abs(bound), 1e-9) if np.isfinite(bound) else np.inf


class _Members:
    """The programmes of all members, which have nothing in common."""

    def __init__(self, blocks: Sequence[LinearBlock], day: MeteredDay, ends: Ends) -> None:
        k, slots = len(day.meter_of), len(day.need_kwh)
        none = np.zeros((slots, k))
        prices = np.repeat(day.retail, k, axis=1), np.repeat(day.feed_in, k, axis=1)
        own = MeteredDay(none, none, *prices, day.hours, np.arange(k))
        parts = day_programme(blocks, own, ends)
        whole, kept = parts.programme, np.flatnonzero(parts.block_of >= 0)
        at_meters = k * slots
        self.n, self._shape = k, (k, slots)
        self._net = -whole.at_most.matrix.tocsr()[:at_meters].tocsc()[:, kept]
        self._cost = whole.cost[kept] + self._net.T @ prices[1].T.ravel()
        self.has_choices = bool(whole.whole[kept].any())
        self._programme = SparseProgramme(
            self._cost,
            whole.lower[kept],
            whole.upper[kept],
            np.zeros(len(kept), dtype=np.bool_),
            SparseRows(whole.at_most.matrix.tocsr()[at_meters:].tocsc()[:, kept], whole.at_most.right[at_meters:]),
            SparseRows(whole.equal.matrix[:, kept], whole.equal.right),
        )
        moved = np.abs(self._net) @ np.where(np.isfinite(whole.upper[kept]), whole.upper[kept], 0.0)
        self.scale_kwh = float(np.mean(moved[moved > 0.0])) if (moved > 0.0).any() else 1.0
        """How much a member can move in a slot."""

    def net(self, x: FloatArray) -> FloatArray:
        """What columns decide of the net energy of each member [n, slots]."""
        return np.asarray(self._net @ x).reshape(self._shape)

    def cost(self, x: FloatArray) -> float:
        """Of all devices, missed energy at its price."""
        return float(self._cost @ x)

    def answer(self, rho: float, wanted: FloatArray) -> FloatArray:
        """The best of each member beside what the others would have of it [n, slots]."""
        own, at_meters = self._programme, self._net.shape[0]
        n_columns = len(own.cost)
        aside = [sp.csc_matrix((len(rows.right), at_meters)) for rows in (own.equal, own.at_most)]
        joined = sp.hstack([self._net, -sp.identity(at_meters, format="csc")], format="csc")
        equal = sp.vstack([sp.hstack([own.equal.matrix, aside[0]]), joined], format="csc")
        most = sp.hstack([own.at_most.matrix, aside[1]], format="csc")
        free = np.full(at_meters, np.inf)
        found = quadratic_optimum(
            Quadratic(
                np.concatenate((np.zeros(n_columns), np.full(at_meters, rho / 2.0))),
                np.concatenate((self._cost, -rho * wanted.ravel())),
                sp.csc_array(equal),
                np.concatenate((own.equal.right, np.zeros(at_meters))),
                sp.csc_array(most),
                own.at_most.right,
                np.concatenate((own.lower, -free)),
                np.concatenate((own.upper, free)),
            )
        )
        return np.clip(found.x[:n_columns], own.lower, own.upper)

    def least(self, price: FloatArray) -> float:
        """What all devices cost together at a price, each member with its best plan."""
        cost = self._cost - self._net.T @ np.tile(price, self.n)
        return optimum(self._programme._replace(cost=cost), f"answers of {self.n} members").value


class _Pool:
    """The meter of all together."""

    def __init__(self, day: MeteredDay, fixed_kwh: FloatArray) -> None:
        self.retail, self.feed_in = day.retail[:, 0], day.feed_in[:, 0]
        self._need = day.need_kwh[:, 0] - fixed_kwh
        self._spare = np.where(self.feed_in < 0.0, day.spare_kwh[:, 0], 0.0)
        self.slots = len(self._need)

    def cost(self, net: FloatArray) -> float:
        """With the utility, where devices give ``net`` together."""
        over = net - self._need
        sold = np.maximum(over, 0.0) - np.clip(over, 0.0, self._spare)
        return float((self.retail * np.maximum(-over, 0.0) - self.feed_in * sold).sum())

    def least(self, price: FloatArray) -> float:
        """What the meter adds to the bound at a price between the tariffs."""
        return float((price * self._need + np.minimum(price, 0.0) * self._spare).sum())

    def nearest(self, n: int, wanted: FloatArray, rho: float) -> FloatArray:
        """A member's mean part of what is best for the meter beside ``wanted``."""
        width, bend = rho / n, np.where(self.feed_in < 0.0, self._spare, np.inf)
        over = n * wanted - self._need
        buys, uses, sells = (
            over + price / width for price in (self.retail, np.maximum(self.feed_in, 0.0), self.feed_in)
        )
        found = np.select(
            [buys < 0.0, uses < 0.0, uses <= bend, sells < bend], [buys, np.zeros_like(over), uses, bend], sells
        )
        return np.asarray((found + self._need) / n)


def _plan(
    blocks: Sequence[LinearBlock], day: MeteredDay, ends: Ends, x: FloatArray, price: FloatArray, gap: float
) -> PlannedDay:
    """What was agreed on, as a solution of the programme of all."""
    parts = day_programme(blocks, day, ends)
    whole = np.zeros(len(parts.cost))
    whole[parts.block_of >= 0] = x
    short = parts.programme.at_most.right[: parts.imports.size] - (
        parts.programme.at_most.matrix.tocsr()[: parts.imports.size] @ whole
    )
    over = np.maximum(short, 0.0)
    whole[parts.imports.ravel()] = np.maximum(-short, 0.0)
    whole[parts.curtailed] = np.minimum(over[parts.curtailed_at], parts.programme.upper[parts.curtailed])
    dual = day.feed_in[:, 0] - price
    found = Optimum(whole, float(parts.programme.cost @ whole), dual, np.zeros(len(parts.programme.equal.right)))
    return told_plan(blocks, day, parts, found, found)._replace(gap=gap)
