"""``marketsim.match``: an engine on a table of orders, without a scenario and without a grid."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.app.parts import made
from marketsim.app.user_parts import asked_params, user_registry
from marketsim.app.user_table import (
    MOST_ENERGY_KWH,
    MOST_PRICE,
    amounts,
    codes,
    columns_of,
    demand_tariffs,
    names,
    sides,
)
from marketsim.core.arrays import IntArray, joined
from marketsim.core.build import BuildContext
from marketsim.core.clock import Clock
from marketsim.core.errors import OrderError, Problem
from marketsim.core.free_gate_kernel import FreeGate
from marketsim.core.ports import Engine, lacking
from marketsim.core.records import Community, Fallback, Orders, Reason, Rejects, Tariffs, Trades
from marketsim.core.rng import Streams
from marketsim.core.units import UNLIMITED_WH, to_kwh, to_price, to_ticks, to_wh
from marketsim.market.bounds import within_bounds

COLUMNS: Final = ("agent", "side", "price", "energy_kwh")


class OrderColumns(NamedTuple):
    """Checked orders of the user's."""

    labels: Any
    """Agents as the user names them [n_orders]."""
    side: IntArray
    price_ticks: IntArray
    energy_wh: IntArray


def match(
    orders: Any,
    engine: str | Engine = "double_auction",
    *,
    retail: float | None = None,
    feed_in: float | None = None,
    raw: bool = False,
    **parameters: Any,
) -> tuple[Any, Any]:
    """Match orders and return (trades, rejects), as DataFrames if ``orders`` is one, else as dicts of arrays.

    ``orders`` has the columns ``agent``, ``side`` ("buy", "sell", 1 or -1), ``price`` [currency/kWh] and
    ``energy_kwh``, in order of arrival. Prices are rounded to ticks of 1e-6 currency/kWh, energies to Wh, half to even.

    ``engine`` is the name of an engine, built in or of an installed plugin, with its ``parameters`` as in a scenario, or
    an engine of your own. ``retail`` and ``feed_in`` [currency/kWh] are the utility's prices: with both, orders outside
    them are rejected; engines with the trait ``prices``, such as ``mid_market_rate``, ``supply_demand_ratio`` and
    ``pro_rata``, need them.

    Trades have ``buyer``, ``seller``, ``energy_kwh``, ``price``, what buyer and seller pay and get (``buyer_price``,
    ``seller_price``) and the positions ``buy_order`` and ``sell_order``, in order of execution. Rejects name buyer,
    seller, energy, ``reason`` and positions, with None and -1 where there is no order on that side. With ``raw`` quantities are
    the market's integers, as in ``run.frame("trades", raw=True)``: ``energy_wh``, ``price_ticks`` [1e-6 currency/kWh] and so on.

    Raises OrderError with everything that is wrong with the orders.
    """
    columns = _checked(orders)
    records = _records(columns)
    matcher = _engine(engine, parameters, len(columns.labels))
    tariffs = _tariffs(matcher.name, retail, feed_in)
    bounded = retail is not None
    keep, outside = within_bounds(records, tariffs) if bounded else (None, None)
    index = None if keep is None or keep.all() else np.flatnonzero(keep)
    inside = records if index is None else Orders(*(column[index] for column in records))
    trades, rejects = matcher.match(inside, FreeGate(1), tariffs)
    if index is not None:
        trades = trades._replace(buy_order=index[trades.buy_order], sell_order=index[trades.sell_order])
        rejects = rejects._replace(buy_order=index[rejects.buy_order], sell_order=index[rejects.sell_order])
    if outside is not None:
        rejects = joined((outside, rejects))
    return _table(orders, _trades(columns, trades, raw=raw)), _table(orders, _rejects(columns, rejects, raw=raw))


def _engine(engine: str | Engine, parameters: Mapping[str, Any], n_agents: int) -> Engine:
    if not isinstance(engine, str):
        missing = lacking(Engine, engine)
        if missing:
            raise OrderError(f"engine must be a name or an engine, got {engine!r}, which has no {', '.join(missing)}")
        if parameters:
            raise OrderError(f"an engine object takes no parameters here, got {', '.join(parameters)}")
        return engine
    checked = asked_params(user_registry(), "engine", engine, parameters, OrderError)
    built: Engine = made(user_registry(), "engine", engine, checked, _context(n_agents))
    return built


def _context(n_agents: int) -> BuildContext:
    """An hour without a grid, of agents that bring nothing but their orders."""
    unlimited = np.full(n_agents, UNLIMITED_WH)
    community = Community(
        names=tuple(str(agent) for agent in range(n_agents)),
        market=np.zeros(n_agents, dtype=np.int64),
        connection=np.arange(n_agents),
        is_prosumer=np.ones(n_agents, dtype=bool),
        n_markets=1,
        import_limit_wh=unlimited,
        export_limit_wh=unlimited,
    )
    return BuildContext(Clock(date(2016, 1, 1), 1, 60), Streams((1,)), community, ())


def _tariffs(engine: str, retail: float | None, feed_in: float | None) -> Tariffs:
    if (retail is None) != (feed_in is None):
        raise OrderError("give both retail and feed_in, or neither")
    if retail is None or feed_in is None:
        registry = user_registry()
        if engine in registry.names("engine") and "prices" in registry.traits("engine", engine):
            raise OrderError(f"engine {engine} needs the utility's prices: give retail and feed_in")
        return Tariffs(np.full(1, np.iinfo(np.int64).max), np.zeros(1, dtype=np.int64), None)
    demand_tariffs(retail, feed_in, OrderError)
    return Tariffs(to_ticks([retail]), to_ticks([feed_in]), None)


def _checked(orders: Any) -> OrderColumns:
    raw = columns_of(orders, COLUMNS, "orders", OrderError)
    problems: list[Problem] = []
    side = sides(problems, raw["side"])
    price = amounts(problems, "price", raw["price"], MOST_PRICE, signed=True)
    energy = amounts(problems, "energy_kwh", raw["energy_kwh"], MOST_ENERGY_KWH)
    names(problems, raw["agent"])
    if problems:
        raise OrderError(problems)
    return OrderColumns(raw["agent"], side, to_ticks(price), to_wh(energy))


def _records(columns: OrderColumns) -> Orders:
    n = len(columns.side)
    zeros = np.zeros(n, dtype=np.int64)
    agent = codes(columns.labels)
    return Orders(
        market=zeros,
        agent=agent,
        connection=agent,
        side=columns.side,
        price_ticks=columns.price_ticks,
        energy_wh=columns.energy_wh,
        firm_wh=zeros,
        component=zeros,
        fallback=np.full(n, int(Fallback.KEEP)),
        limit_ticks=columns.price_ticks,
    )


def _label(columns: OrderColumns, order: IntArray) -> Any:
    """Labels of the orders' agents; None where there is no order."""
    if len(order) == 0 or order.min() >= 0:
        return columns.labels[order]
    nobody = np.array([None], dtype=object)
    return np.concatenate((columns.labels.astype(object), nobody))[order]


def _trades(columns: OrderColumns, trades: Trades, *, raw: bool) -> dict[str, Any]:
    prices = {"price": trades.price_ticks, "buyer_price": trades.buyer_ticks, "seller_price": trades.seller_ticks}
    return {
        "buyer": _label(columns, trades.buy_order),
        "seller": _label(columns, trades.sell_order),
        **_energy(trades.energy_wh, raw=raw),
        **{f"{name}_ticks" if raw else name: ticks if raw else to_price(ticks) for name, ticks in prices.items()},
        "buy_order": trades.buy_order,
        "sell_order": trades.sell_order,
    }


def _energy(energy_wh: IntArray, *, raw: bool) -> dict[str, Any]:
    """Energy in one unit."""
    return {"energy_wh": energy_wh} if raw else {"energy_kwh": to_kwh(energy_wh)}


def _rejects(columns: OrderColumns, rejects: Rejects, *, raw: bool) -> dict[str, Any]:
    sides = np.array(["seller", "both", "buyer"], dtype=object)
    reasons = np.array([reason.name.lower() for reason in Reason], dtype=object)
    return {
        "buyer": _label(columns, rejects.buy_order),
        "seller": _label(columns, rejects.sell_order),
        **_energy(rejects.energy_wh, raw=raw),
        "refused": sides[rejects.side + 1],
        "reason": reasons[rejects.reason],
        "buy_order": rejects.buy_order,
        "sell_order": rejects.sell_order,
    }


def _table(like: Any, columns: dict[str, Any]) -> Any:
    if isinstance(like, Mapping):
        return columns
    return type(like)(columns)
