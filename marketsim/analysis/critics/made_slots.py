"""Slots that were made up, so that a critic is asked about fair and unfair ones of every degree.

A scenario's own slots may all look alike: with truthful traders everything that can be traded is. Made-up ones differ in all
three scores; and of pairs that the deviation of fill rates cannot tell apart, in one slot everybody got less than in the other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.fairness.critic import Triple
from marketsim.fairness.slot_view import SideOfMarket, SlotView

_EQUAL = 1e-3
_TELLING = 0.05
_TRIES = 2_000


class LevelledPair(NamedTuple):
    """Two slots of equal supply, demand, price and deviation of fill rates; in the second no seller got more, and all less."""

    full: SlotView
    levelled: SlotView


def made_slot(rng: np.random.Generator) -> SlotView:
    """A slot of two to six sellers and buyers in which supply exceeds demand; volume, evenness and prices are drawn."""
    supply = rng.integers(500, 9_000, rng.integers(2, 7))
    demand = _demand(rng, int(supply.sum() * rng.uniform(0.3, 0.9)))
    fills = rng.dirichlet(np.full(len(supply), 10.0 ** rng.uniform(-0.3, 2.2))) * demand.sum() / supply
    sold = (np.minimum(fills, 1.0) * supply * rng.uniform(0.2, 1.0)).astype(np.int64)
    prices = np.clip(rng.uniform(0.0, 100.0) + rng.normal(0.0, rng.uniform(0.0, 60.0), len(supply)), 0.0, 100.0)
    return _slot(supply, demand, sold, prices)


def rule_of(view: SlotView) -> Triple:
    """FTG, FBS and FPP of a slot by their definitions; FBS by entitlement."""
    ftg = min(float(view.sellers.traded_wh.sum()) / view.tradable_wh, 1.0)
    fbs, fpp = 1.0 - view.shortfall, 1.0 - view.price_spread / 100.0
    return ftg, None if np.isnan(fbs) else fbs, None if np.isnan(fpp) else fpp


def deviation_fbs(view: SlotView) -> float:
    """FBS as the mean deviation of fill rates, the older form: 1 - sum S_i |f_i - f| / (2 f (1 - f) sum S)."""
    supply, sold = view.sellers.available_wh, view.sellers.traded_wh
    share = float(sold.sum() / supply.sum())
    if share in (0.0, 1.0):
        return share
    return float(1.0 - np.abs(sold - share * supply).sum() / (2.0 * share * (1.0 - share) * supply.sum()))


def levelled_pair(rng: np.random.Generator) -> LevelledPair:
    """A pair whose deviation of fill rates is the same to 0.001, in the second slot of which every seller got less.

    Everybody is cut by the same part, by which the older FBS rises; then one seller is cut further until it is what it was.
    FBS by entitlement is 0.05 lower in the second at least: where it is 0 in both there is nothing to tell.
    """
    for _ in range(_TRIES):
        full = made_slot(rng)
        supply, sold = full.sellers.available_wh, full.sellers.traded_wh
        prices = full.sellers.price
        if (sold < 100).any():
            continue
        cut = (sold * rng.uniform(0.4, 0.8)).astype(np.int64)
        victim = int(np.argmin(sold / supply))
        found = _as_even(full, cut, victim)
        if found is None:
            continue
        levelled = _slot(supply, full.buyers.available_wh, found, prices)
        if levelled.shortfall - full.shortfall >= _TELLING:
            return LevelledPair(full, levelled)
    raise RuntimeError("no pair was found")


def _as_even(full: SlotView, cut: IntArray, victim: int) -> IntArray | None:
    """Sales ``cut``, with the victim's lowered until the deviation is that of ``full``; None where that cannot be."""
    wanted = deviation_fbs(full)

    def trial(wh: int) -> tuple[IntArray, float]:
        sold = cut.copy()
        sold[victim] = wh
        view = full._replace(sellers=full.sellers._replace(traded_wh=sold))
        return sold, deviation_fbs(view) - wanted

    low, high = 1, int(cut[victim])
    if trial(low)[1] > 0.0 or trial(high)[1] < 0.0:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if trial(middle)[1] < 0.0 else (low, middle)
    sold, apart = trial(high)
    return sold if abs(apart) <= _EQUAL else None


def _demand(rng: np.random.Generator, total_wh: int) -> IntArray:
    parts = rng.dirichlet(np.full(rng.integers(2, 7), 3.0)) * total_wh
    return np.maximum(parts.astype(np.int64), 1)


def _slot(supply: IntArray, demand: IntArray, sold: IntArray, prices: FloatArray) -> SlotView:
    """Buyers are served in the order in which they stand; prices are those of the sellers."""
    before = np.concatenate([[0], np.cumsum(demand)[:-1]])
    bought = np.clip(sold.sum() - before, 0, demand)
    paid = np.where(sold > 0, prices, np.nan)
    mean = float(np.average(prices, weights=sold)) if sold.any() else np.nan
    spread = 2.0 * float(np.sqrt(np.average((prices - mean) ** 2, weights=sold))) if sold.any() else np.nan
    sellers = SideOfMarket(supply, supply, np.zeros(len(supply)), sold, paid)
    buyers = SideOfMarket(demand, demand, np.full(len(demand), 100.0), bought, np.where(bought > 0, mean, np.nan))
    tradable = int(min(supply.sum(), demand.sum()))
    return SlotView(tradable, min(spread, 100.0), sellers, buyers)
