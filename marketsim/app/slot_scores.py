"""``marketsim.fairness_scores``: the fairness measures of one slot from a user's own table."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from marketsim.app.user_table import (
    MOST_ENERGY_KWH,
    MOST_PRICE,
    amounts,
    codes,
    columns_of,
    demand_tariffs,
    names,
    sides,
    tell,
)
from marketsim.core.arrays import IntArray
from marketsim.core.errors import InputError, Problem
from marketsim.core.metric import defined
from marketsim.core.records import Side
from marketsim.core.units import to_ticks
from marketsim.fairness import measures

COLUMNS: Final = ("agent", "side", "available_kwh", "traded_kwh", "price")
_PLACES: Final = 12
"""Decimal places in which the total energy is counted, or as many as products with prices leave room for."""
_ROOM: Final = 2.0**62
_DIGITS: Final = 12
"""Decimals of a score that are not rounding."""


def fairness_scores(table: Any, *, retail: float, feed_in: float) -> dict[str, float | None]:
    """All fairness measures of one slot of one market, by the names of the KPIs; None where a measure is undefined.

    ``table`` is a DataFrame, or a mapping of columns, with a row an agent and side: ``agent``, ``side`` ("buy", "sell", 1
    or -1), ``available_kwh`` before trading (for sellers what they could have sold, for buyers what they would have
    bought), ``traded_kwh``, and ``price`` [currency/kWh], the mean of what the row traded, ignored where that is nothing.
    ``retail`` and ``feed_in`` are the utility's prices [currency/kWh].

    Trade beyond what was available is left out of the measures between agents. Prices are weighted by the energy of their
    rows. Where sales and purchases differ, as in a table that lists part of the agents, the larger sum is what was traded.

    >>> fairness_scores({"agent": ["a", "b", "c"], "side": ["sell", "sell", "buy"], "available_kwh": [3, 1, 2],
    ...     "traded_kwh": [2, 0, 2], "price": [0.2, None, 0.2]}, retail=0.3, feed_in=0.1)["fbs"]
    0.0

    Raises InputError with everything that is wrong with the table.
    """
    demand_tariffs(retail, feed_in, InputError)
    raw = columns_of(table, COLUMNS, "rows", InputError)
    problems: list[Problem] = []
    side = sides(problems, raw["side"])
    available_kwh = amounts(problems, "available_kwh", raw["available_kwh"], MOST_ENERGY_KWH)
    traded_kwh = amounts(problems, "traded_kwh", raw["traded_kwh"], MOST_ENERGY_KWH)
    names(problems, raw["agent"])
    prices = np.where(traded_kwh > 0, raw["price"].astype(object), 0.0)
    price = amounts(problems, "price", prices, MOST_PRICE, signed=True)
    if not problems:
        agent = codes(raw["agent"])
        _, first, row = np.unique(np.stack((agent, side)), axis=1, return_index=True, return_inverse=True)
        again = np.arange(len(agent)) != first[row.reshape(-1)]
        tell(problems, "agent", raw["agent"], again, "agent and side have a row already")
    if problems:
        raise InputError(problems)
    ticks = to_ticks([retail, feed_in, *price])
    unit = _unit(max(float(available_kwh.sum()), float(traded_kwh.sum())), float(np.abs(ticks).max(initial=1)))
    available, traded = (np.rint(energy / unit).astype(np.int64) for energy in (available_kwh, traded_kwh))
    return _scores(agent, side, np.stack((available, traded)), ticks[2:], (int(ticks[0]), int(ticks[1])))


def _unit(total_kwh: float, ticks: float) -> float:
    """Unit of energy, so that no sum of energy times price exceeds an integer of 64 bits."""
    if total_kwh == 0.0:
        return 1.0
    room = math.log10(_ROOM) - math.log10(max(ticks, 1.0))
    return float(10.0 ** (math.ceil(math.log10(total_kwh)) - math.floor(min(_PLACES, room - 1.0))))


def _scores(
    agent: IntArray, side: IntArray, energy: IntArray, price: IntArray, tariffs: tuple[int, int]
) -> dict[str, float | None]:
    """Scores from available and traded ``energy`` [2, n_rows] in whole units."""
    place = np.unique(agent, return_inverse=True)[1].reshape(-1)
    by_side = np.zeros((2, 2, int(place.max(initial=-1)) + 1), dtype=np.int64)
    by_side[:, (side == int(Side.BUY)).astype(np.int64), place] = energy
    (supply, demand), (sold, bought) = by_side
    possible, volume = measures.tradable(supply, demand), int(max(sold.sum(), bought.sum()))
    dealt = energy[1] > 0
    deals = (price[dealt], energy[1][dealt], *tariffs)
    scores = {
        "ftg": measures.fairness_to_grid(volume, possible),
        "ftg_demand": measures.fairness_to_grid(volume, int(demand.sum())),
        "fbs": measures.fairness_of_rationing(supply, sold, int(demand.sum())),
        "fbs_deviation": measures.fairness_by_deviation(supply, sold),
        "fbs_range": measures.fairness_between_range(supply, sold),
        "fbs_share_range": measures.fairness_between_share_range(supply, sold),
        "ftb": measures.fairness_of_rationing(demand, bought, int(supply.sum())),
        "fpp": measures.fairness_of_pricing(*deals),
        "fpp_range": measures.fairness_of_pricing_range(*deals),
        "price_neutrality": measures.price_neutrality(*deals),
        "jain_fill": measures.jain_fill(supply, sold),
    }
    return {name: defined(round(score, _DIGITS)) if possible else None for name, score in scores.items()}
