"""The pooled day, and the sharing of what it costs, against scipy's ``linprog`` on the same problems."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from marketsim.analysis.bench.rows import BenchFailed, BenchRow, median_s, once_s
from marketsim.app.dispatch_game import PlannedPool
from marketsim.app.ready import load_scenario
from marketsim.optimise.highs import SparseProgramme
from marketsim.sharing.coalitions import all_costs, members_of
from marketsim.sharing.dispatch import DispatchGame
from marketsim.sharing.metered import MeteredGame
from marketsim.sharing.shapley import sampled_shapley
from marketsim.sharing.worst_dispatch import worst_planning_group

_TO: Final = 0.01
"""Standard errors of Shapley values, as a share of the largest one."""
_ORDERS: Final = 800
_DAYS: Final = 30
_WINDOWS: Final = [
    {"from_hour": 0, "to_hour": 6, "retail": 0.22},
    {"from_hour": 6, "to_hour": 17, "retail": 0.30},
    {"from_hour": 17, "to_hour": 21, "retail": 0.40},
    {"from_hour": 21, "to_hour": 24, "retail": 0.30},
]


def homes(n: int, slots: int, date: str = "2016-04-11") -> dict[str, Any]:
    """A day of ``n`` homes: half with PV, two fifths with a battery, three tenths with a vehicle and as many with a heat pump."""
    tenth, load = n // 10, {"annual_kwh": 3500}
    store = {"pv_kw": 6, "battery": {"energy_kwh": 8, "power_kw": 4}, "load": load}
    return {
        "name": "benchpool",
        "clock": {"start": date, "slots": slots, "slot_minutes": 24 * 60 // slots},
        "tariff": {"time_of_use": {"windows": _WINDOWS, "feed_in": 0.08}},
        "profiles": {"source": "simbench_2016"},
        "agents": [
            {"name": "all", "kind": "prosumer", "count": 2 * tenth, "ev": {"power_kw": 11}, **store},
            {"name": "store", "kind": "prosumer", "count": 2 * tenth, **store},
            {"name": "heat", "kind": "prosumer", "count": tenth, "pv_kw": 6, "heat_pump": {"power_kw": 3}, "load": load},
            {"name": "pump", "kind": "consumer", "count": 2 * tenth, "heat_pump": {"power_kw": 3}, "load": load},
            {"name": "car", "kind": "consumer", "count": tenth, "ev": {"power_kw": 11}, "load": load},
            {"name": "flat", "kind": "consumer", "count": n - 8 * tenth, "shiftable_load": {"share": 0.1}, "load": load},
        ],
    }  # fmt: skip


def _linprog(programme: SparseProgramme) -> float:
    """What scipy finds with its own choice of method."""
    from scipy.optimize import linprog

    found = linprog(
        programme.cost,
        A_ub=programme.at_most.matrix,
        b_ub=programme.at_most.right,
        A_eq=programme.equal.matrix,
        b_eq=programme.equal.right,
        bounds=np.column_stack((programme.lower, programme.upper)).tolist(),
    )
    if found.fun is None:
        raise BenchFailed(f"scipy found no plan: {found.message}")
    return float(found.fun)


def check_plan(game: DispatchGame, cost: float) -> None:
    """BenchFailed unless scipy finds the same cost of the plan of all."""
    theirs = _linprog(game.programme) + float(game.constant.sum() - game.missed_cost().sum())
    if abs(cost - theirs) > 1e-9 * max(abs(cost), 1.0):
        raise BenchFailed(f"the pooled day costs {cost!r}, scipy says {theirs!r}")


def _pooled_day() -> BenchRow:
    game = PlannedPool(load_scenario(homes(30, 96))).game
    everybody = np.ones((1, game.n), dtype=bool)
    check_plan(game, float(game.cost(everybody)[0]))
    ours_s = median_s(lambda: DispatchGame(game.pool).cost(everybody), 3)
    theirs_s = median_s(lambda: _linprog(game.programme), 3)
    columns = len(game.programme.cost)
    detail = (
        f"30 homes x 96 slots, {columns:,} columns, built and solved {ours_s:.3f} s, scipy's linprog {theirs_s:.3f} s"
    )
    return BenchRow("pooled day", ours_s / theirs_s, "x linprog", 0.7, None, False, detail)


def _pooled_year() -> BenchRow:
    """A day of each month, for all of them."""
    games = [PlannedPool(load_scenario(homes(30, 96, f"2016-{month:02d}-11"))).game for month in range(1, 13)]
    everybody = np.ones((1, games[0].n), dtype=bool)
    for game in games:
        check_plan(game, float(game.cost(everybody)[0]))
    ours_s = median_s(lambda: [DispatchGame(game.pool).cost(everybody) for game in games], 3)
    theirs_s = median_s(lambda: [_linprog(game.programme) for game in games], 3)
    year_s, theirs_year_s = (each * 365 / len(games) for each in (ours_s, theirs_s))
    detail = f"30 homes x 96 slots, 365 days as these 12: built and solved {year_s:.0f} s, scipy's linprog {theirs_year_s:.0f} s"
    return BenchRow("pooled year", ours_s / theirs_s, "x linprog", 0.7, None, False, detail)


def _worst_group() -> BenchRow:
    game = PlannedPool(load_scenario(homes(20, 24))).game
    alone = np.abs(game.cost(np.eye(game.n, dtype=bool)))
    shares = float(game.cost(np.ones((1, game.n), dtype=bool))[0]) * alone / alone.sum()
    found = worst_planning_group(game, shares, 60.0)
    if found is None or found.gap > 1e-4:
        raise BenchFailed("the worst of 1,048,574 groups was not found within a minute")
    ours_s, theirs_s = (
        median_s(lambda: worst_planning_group(game, shares, 60.0), 3),
        median_s(lambda: _linprog(game.programme), 3),
    )
    detail = f"20 homes x 24 slots, all 1,048,574 groups; {ours_s:.2f} s, one plan by scipy's linprog {theirs_s:.3f} s"
    return BenchRow("worst group of plans", ours_s / theirs_s, "x linprog", None, None, False, detail)


def _shapley() -> BenchRow:
    """Of metered energy against one plan a group that is asked about, a day of it for each of the days."""
    day = PlannedPool(load_scenario(homes(60, 96))).game
    rng, pool = np.random.default_rng(1), day.pool
    net_wh = np.rint(-1000 * np.tile(pool.need_kwh, (_DAYS, 1)) * rng.uniform(0.7, 1.3, (_DAYS * 96, 60))).astype(
        np.int64
    )
    retail, feed_in = (np.rint(1e6 * np.tile(each, _DAYS)).astype(np.int64) for each in (pool.retail, pool.feed_in))
    game = MeteredGame(net_wh, np.maximum(net_wh, 0), retail, feed_in)
    found = sampled_shapley(game, _ORDERS, np.random.default_rng(1))
    if found.standard_errors is None or found.standard_errors.max() > _TO * np.abs(found.shares).max():
        raise BenchFailed("Shapley values are not known to 1 % of the largest one")
    ours_s = once_s(lambda: sampled_shapley(game, _ORDERS, np.random.default_rng(1)))
    half = np.arange(60) % 2 == 0
    programme, _ = day.programme_of(half)
    theirs_s = once_s(lambda: _linprog(programme)) * _DAYS * 2 * _ORDERS * 60
    detail = f"60 homes x {_DAYS} days x 96 slots, {_ORDERS} pairs of orders {ours_s:.1f} s; a plan a group {theirs_s:,.0f} s"
    return BenchRow("shapley, metered", ours_s / theirs_s, "x a plan a group", 0.01, None, False, detail)


def _all_metered() -> BenchRow:
    """Bills of all groups against one loop over some of them."""
    n, slots, some = 14, 7 * 96, 64
    rng = np.random.default_rng(2)
    net_wh, feed_in = rng.integers(-2_000, 2_001, (slots, n)), np.full(slots, 80_000)
    retail = rng.integers(150_000, 400_000, slots)
    game = MeteredGame(net_wh, np.maximum(net_wh, 0), retail, feed_in)
    numbers = rng.integers(1, 1 << n, some)

    def plain() -> list[int]:
        nets = (net_wh[:, members].sum(axis=1) for members in members_of(numbers, n))
        return [int(np.where(net < 0, -net * retail, -net * feed_in).sum()) for net in nets]

    if not np.allclose(all_costs(game)[numbers], plain(), rtol=1e-12, atol=0.5):
        raise BenchFailed("bills of groups are not those of one meter")
    ours_s, theirs_s = median_s(lambda: all_costs(game), 3), median_s(plain, 3) * (1 << n) / some
    detail = (
        f"14 members x {slots} slots, all 16,384 groups {ours_s:.2f} s; one after the other in numpy {theirs_s:.2f} s"
    )
    return BenchRow("all groups, metered", ours_s / theirs_s, "x numpy loop", None, None, False, detail)


def _all_planned() -> BenchRow:
    """Plans of all groups, one from the other, against one plan a group."""
    game = PlannedPool(load_scenario(homes(10, 24))).game
    ours_s = once_s(lambda: all_costs(game))
    theirs_s = median_s(lambda: _linprog(game.programme), 3) * (1 << game.n)
    detail = f"10 homes x 24 slots, all 1,024 groups {ours_s:.1f} s; a plan a group by scipy's linprog {theirs_s:.1f} s"
    return BenchRow("all groups, planned", ours_s / theirs_s, "x a plan a group", 0.5, None, False, detail)


def rows() -> list[BenchRow]:
    """Pooled days, the group that would rather plan by itself, Shapley values of a month, and costs of all groups."""
    return [_pooled_day(), _pooled_year(), _worst_group(), _shapley(), _all_metered(), _all_planned()]
