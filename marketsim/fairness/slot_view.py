"""What a model is shown of a slot: numbers of anonymous participants as compact JSON, and nothing else.

No name, no text and no order of the scenario reaches it: participants are listed by size, so that the same slot reads
the same whoever came first, and is found in the cache again. Energies are whole Wh, prices currency/kWh.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.records import Community, Side, SlotRecord
from marketsim.core.units import TICKS_PER_CURRENCY
from marketsim.fairness.slot import SlotFairness

_PRICE_DIGITS = 4


class _Book(NamedTuple):
    """One side of the market, an entry an agent of the flat axis."""

    available_wh: IntArray
    offered_wh: IntArray
    """Offered to peers at any price; orders for the utility alone are no offers."""
    limit: FloatArray
    """Mean limit price of the offers [currency/kWh]; NaN without an offer."""
    traded_wh: IntArray
    price: FloatArray
    """Mean price of the trades [currency/kWh]; NaN without a trade."""


def _mean_price(agents: IntArray, ticks: IntArray, energy_wh: IntArray, n_agents: int) -> tuple[IntArray, FloatArray]:
    """Energy [Wh] and mean price [currency/kWh] of each agent; NaN without energy."""
    energy = np.bincount(agents, weights=energy_wh, minlength=n_agents)
    value = np.bincount(agents, weights=energy_wh * (ticks / TICKS_PER_CURRENCY), minlength=n_agents)
    price = np.divide(value, energy, out=np.full(n_agents, np.nan), where=energy > 0)
    return energy.astype(np.int64), price


def _book(record: SlotRecord, n_agents: int, side: Side, available_wh: IntArray) -> _Book:
    orders, trades = record.orders, record.trades
    rows = np.flatnonzero((orders.side == side) & (orders.limit_ticks >= 0))
    offered, limit = _mean_price(orders.agent[rows], orders.limit_ticks[rows], orders.energy_wh[rows], n_agents)
    own = orders.agent[trades.buy_order if side == Side.BUY else trades.sell_order]
    traded, price = _mean_price(own, trades.price_ticks, trades.energy_wh, n_agents)
    return _Book(available_wh, offered, limit, traded, price)


def _number(price: float) -> float | None:
    return None if np.isnan(price) else round(float(price), _PRICE_DIGITS)


def _listed(book: _Book, agents: slice, traded: str, rng: np.random.Generator | None) -> list[dict[str, Any]]:
    """Participants of one side and market, largest first or, with ``rng``, shuffled; ids count from 1."""
    table = np.stack([column[agents] for column in book])
    table = table[:, (table[0] > 0) | (table[3] > 0)]
    keys = np.nan_to_num(table, nan=-1.0)
    order = np.lexsort(-keys[::-1]) if rng is None else rng.permutation(table.shape[1])
    rows = []
    for place, (available, offered, limit, energy, price) in enumerate(table[:, order].T.tolist(), start=1):
        row = {"id": place, "available_wh": int(available), "offered_wh": int(offered), "limit": _number(limit)}
        rows.append(row | {f"{traded}_wh": int(energy), "price": _number(price)})
    return rows


def slot_texts(
    record: SlotRecord,
    community: Community,
    found: SlotFairness,
    markets: Sequence[int],
    rng: np.random.Generator | None = None,
) -> list[str]:
    """The text about the slot in each of these markets; ``rng`` shuffles the participants."""
    n_agents = community.n_agents
    sellers = _book(record, n_agents, Side.SELL, found.available.supply_wh)
    buyers = _book(record, n_agents, Side.BUY, found.available.demand_wh)
    first = np.searchsorted(community.market, np.arange(community.n_markets + 1)).tolist()
    tariffs = record.inputs.tariffs
    texts = []
    for market in markets:
        agents = slice(first[market], first[market + 1])
        view = {
            "retail": _number(tariffs.retail_ticks[market] / TICKS_PER_CURRENCY),
            "feed_in": _number(tariffs.feed_in_ticks[market] / TICKS_PER_CURRENCY),
            "tradable_wh": int(found.tradable_wh[market]),
            "traded_wh": int(sellers.traded_wh[agents].sum()),
            "sellers": _listed(sellers, agents, "sold", rng),
            "buyers": _listed(buyers, agents, "bought", rng),
        }
        texts.append(json.dumps(view, separators=(",", ":"), allow_nan=False))
    return texts


def text_hash(text: str) -> str:
    """Hash of a text about a slot, 16 hex digits."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
