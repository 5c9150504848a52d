"""What a part of a plugin may return, by kind and method: type of record, numbers, shape, range.

A rule returns a copy of the result in the types that the rest of the program counts on, so that a plugin which goes on
writing into its own arrays changes no record; or it raises ``Wrong`` with what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.import_rules import imported
from marketsim.core.metric import LONGEST
from marketsim.core.period import Period
from marketsim.core.ports import ChargeTable, EstimatedShares, Noted, ReactiveLaw, Steered, lacking
from marketsim.core.programme_rules import planned_block
from marketsim.core.records import (
    BLAMES_SINK,
    DeviceRange,
    Forecast,
    GridState,
    Ledger,
    LedgerLine,
    Orders,
    Reason,
    Rejects,
    Side,
    Tariffs,
    Trades,
)
from marketsim.core.rule_terms import (
    MOST,
    Call,
    Declared,
    Rule,
    Sizes,
    array_of,
    demand,
    pair_of,
    real,
    record_of,
    whole,
    whole_number,
    wrong,
)

_MOST_POWER: Final = 1e9
"""Largest load, PV [kW] and reactive power [kvar] of an agent, and largest level of a device [-]."""
_MOST_MONEY: Final = 10**18
"""Largest payment [1e-9 currency]."""
_MOST_INDEX: Final = 2**31 - 1
"""Largest index of an element that a table holds."""
_MOST_ROUNDS: Final = 10_000
_OF_AGENTS: Final = ("source_kvar_per_kw", "sink_kvar_per_kw", "kva", "curve_kvar")
_CODES: Final = frozenset(int(reason) | blame for reason in Reason for blame in (0, BLAMES_SINK))


def tariffs(call: Call) -> Tariffs:
    """Prices of a slot."""
    found, n = record_of(call.result, Tariffs), (call.sizes.n_markets,)
    retail, feed_in = whole("retail_ticks", found.retail_ticks, n), whole("feed_in_ticks", found.feed_in_ticks, n)
    demand("feed_in_ticks", feed_in, feed_in <= retail, "at most retail_ticks")
    bulk = None if found.wholesale_ticks is None else whole("wholesale_ticks", found.wholesale_ticks, n)
    return Tariffs(retail, feed_in, bulk)


def profiles(call: Call) -> dict[str, Any]:
    """Series of a slot."""
    if not isinstance(call.result, Mapping):
        wrong(f"it has to return series by name, not {type(call.result).__name__}")
    series = dict(call.result)
    for name in ("load_kw", "pv_kw"):
        if name not in series:
            wrong(f"the series {name} is missing")
        series[name] = real(name, series[name], (call.sizes.n_agents,), least=0.0, most=_MOST_POWER)
    for name, column in series.items():
        series[name] = array_of(f"series {name!r}", column, "fiub", "numbers", (call.sizes.n_agents,)).copy()
    return series


def forecast_series(call: Call) -> FloatArray:
    """A forecast of a series; NaN where it is not defined, which load and PV always are."""
    name, shape = f"the forecast of {call.given[0]}", (call.given[1], call.sizes.n_agents)
    if call.given[0] in ("load_kw", "pv_kw"):
        return real(name, call.result, shape, least=0.0, most=_MOST_POWER)
    return real(name, call.result, shape, nan=True)


def forecasts(call: Call) -> Any:
    """What can be asked for forecasts."""
    missing = lacking(Forecast, call.result)
    if missing:
        wrong(f"it has to return a Forecast, and {type(call.result).__name__} has no {', '.join(missing)}")
    return call.result


def forecast_tariffs(call: Call) -> tuple[IntArray, IntArray]:
    """Published prices."""
    retail, feed_in = pair_of(call.result, "retail and feed-in prices")
    shape = (call.given[0], call.sizes.n_agents)
    retail, feed_in = whole("the retail prices", retail, shape), whole("the feed-in prices", feed_in, shape)
    demand("the feed-in prices", feed_in, feed_in <= retail, "at most the retail prices")
    return retail, feed_in


def fleet_state(call: Call) -> FloatArray:
    """State at the start."""
    return np.array(array_of("the state", call.result, "f", "real numbers", (None, call.sizes.n_agents)))


def fleet_range(call: Call) -> DeviceRange:
    """What a fleet can do."""
    found, n = record_of(call.result, DeviceRange), (call.sizes.n_agents,)
    lo, firm, hi = (whole(name, value, n) for name, value in zip(found._fields[:3], found[:3], strict=True))
    demand("firm_wh", firm, lo <= firm, "at least lo_wh")
    demand("hi_wh", hi, firm <= hi, "at least firm_wh")
    return DeviceRange(lo, firm, hi, real("level", found.level, n, nan=True, least=-_MOST_POWER, most=_MOST_POWER))


def fleet_advance(call: Call) -> tuple[FloatArray, IntArray]:
    """The next state, and what was missed."""
    state, missed = pair_of(call.result, "the next state and the missed energy")
    before = call.given[0]
    after = np.array(array_of("the state", state, "f", "real numbers", before.shape), dtype=np.float64)
    return after, whole("the missed energy", missed, (call.sizes.n_agents,), least=0)


def fleet_cost(call: Call) -> IntArray:
    """Running cost."""
    return whole("the running cost", call.result, (call.sizes.n_agents,), -_MOST_MONEY, _MOST_MONEY)


def _table(kind: type, found: Any, n_orders: int) -> dict[str, IntArray]:
    rows = np.size(record_of(found, kind).buy_order)
    where = {"buy_order": (-1, n_orders - 1), "sell_order": (-1, n_orders - 1), "energy_wh": (0, MOST)}
    if kind is Trades:
        where |= {"buy_order": (0, n_orders - 1), "sell_order": (0, n_orders - 1), "energy_wh": (1, MOST)}
        where["moves"] = (0, 3)
    else:
        where |= {"reason": (0, max(Reason)), "side": (-1, 1), "element": (-1, _MOST_INDEX)}
    name = kind.__name__.lower()
    return {
        column: whole(f"{name}.{column}", value, (rows,), *where.get(column, (-MOST, MOST)))
        for column, value in found._asdict().items()
    }


def matched(call: Call) -> tuple[Trades, Rejects]:
    """Trades and refusals of an engine."""
    trades, rejects = pair_of(call.result, "trades and rejects")
    orders: Orders = call.given[0]
    done = Trades(**_table(Trades, trades, orders.size))
    refused = Rejects(**_table(Rejects, rejects, orders.size))
    buy, sell = done.buy_order, done.sell_order
    demand("trades.buy_order", buy, orders.side[buy] == Side.BUY, "an order that buys")
    demand("trades.sell_order", sell, orders.side[sell] == Side.SELL, "an order that sells")
    demand("trades.sell_order", sell, orders.market[buy] == orders.market[sell], "an order of the buyer's market")
    demand("trades.sell_order", sell, orders.agent[buy] != orders.agent[sell], "of another agent than the buyer")
    demand("trades.buyer_ticks", done.buyer_ticks, done.buyer_ticks <= orders.price_ticks[buy], "within the bid")
    demand("trades.seller_ticks", done.seller_ticks, done.seller_ticks >= orders.price_ticks[sell], "within the ask")
    for side in (buy, sell):
        filled = np.zeros(orders.size, dtype=np.int64)
        np.add.at(filled, side, done.energy_wh)
        demand("the traded energy of an order", filled, filled <= orders.energy_wh, "at most what it asks for")
    return done, refused


def charged(call: Call) -> ChargeTable:
    """Network charges."""
    found, n = record_of(call.result, ChargeTable), (call.sizes.n_agents,)
    pair = found.pair_ticks
    return ChargeTable(
        whole("buy_ticks", found.buy_ticks, n),
        whole("sell_ticks", found.sell_ticks, n),
        None if pair is None else whole("pair_ticks", pair, (call.sizes.n_markets, None, None)),
    )


def granted(call: Call) -> tuple[Orders, Rejects]:
    """Orders after an allocation."""
    changed, rejects = pair_of(call.result, "orders and rejects")
    before: Orders = call.given[0]
    record_of(changed, Orders)
    after = Orders(*(whole(f"orders.{name}", value, (before.size,)) for name, value in changed._asdict().items()))
    demand("orders.energy_wh", after.energy_wh, (after.energy_wh >= 0) & (after.energy_wh <= before.energy_wh),
            "at most what the order had, and at least 0")  # fmt: skip
    firm = (after.firm_wh >= 0) & (after.firm_wh <= np.maximum(after.energy_wh, before.firm_wh))
    demand("orders.firm_wh", after.firm_wh, firm, "at most orders.energy_wh, and at least 0")
    for name in set(Orders._fields) - {"energy_wh", "firm_wh"}:
        column = getattr(after, name)
        demand(f"orders.{name}", column, column == getattr(before, name), "what it was")
    return after, Rejects(**_table(Rejects, rejects, before.size))


def kvar(call: Call) -> FloatArray:
    """Power of each agent."""
    return real("its answer", call.result, (call.sizes.n_agents,), least=-_MOST_POWER, most=_MOST_POWER)


def limited_pv(call: Call) -> IntArray:
    """PV within the limit of the inverter."""
    pv_wh = call.given[0]
    left = whole("its answer", call.result, pv_wh.shape, least=0)
    demand("its answer", left, left <= pv_wh, "at most the PV there is")
    return left


def admitted(call: Call) -> tuple[int, int, int]:
    """What a gate admits."""
    if not isinstance(call.result, tuple) or len(call.result) != 3:
        wrong(f"it has to return admitted Wh, code and element, not {type(call.result).__name__}")
    if not all(isinstance(each, int | np.integer) and not isinstance(each, bool) for each in call.result):
        wrong(f"it has to return whole numbers, not {call.result}")
    wh, code, element = map(int, call.result)
    if not 0 <= wh <= call.given[3]:
        wrong(f"the admitted energy has to lie within 0..{call.given[3]}, not {wh}")
    if code not in _CODES:
        wrong(f"the code has to be a Reason, with or without BLAMES_SINK, not {code}")
    return wh, code, element


def broken_markets(call: Call) -> Any:
    """Markets whose limits are broken."""
    return array_of("its answer", call.result, "b", "truth values", (call.sizes.n_markets,)).copy()


def grid_state(call: Call) -> GridState:
    """The power flow of a slot."""
    found, n = record_of(call.result, GridState), call.sizes.n_markets
    columns: dict[str, Any] = {}
    for name, value in found._asdict().items():
        shape = (n,) if name in ("slack_wh", "losses_wh", "shunt_wh", "converged") else (n, None)
        if name == "converged":
            columns[name] = array_of(name, value, "b", "truth values", shape).copy()
        else:
            columns[name] = whole(name, value, shape) if name == "net_wh" else np.array(
                array_of(name, value, "f", "real numbers", shape)
            )  # fmt: skip
            demand(name, columns[name], ~np.isinf(columns[name]), "finite, or NaN")
    return GridState(**columns)


def ledger(call: Call) -> Ledger:
    """Payments of a slot, which sum to zero."""
    found, community = call.result, call.given[0]
    if not isinstance(found, Ledger):
        wrong(f"it returned {type(found).__name__} in place of a Ledger")
    n_markets = (community.n_markets,)
    shapes = {"money": (len(LedgerLine), community.n_agents), "utility": n_markets, "operator": n_markets}
    for name, column in found._asdict().items():
        if not isinstance(column, np.ndarray) or column.dtype != np.int64 or column.shape != shapes[name]:
            wrong(f"{name} must be whole money, an int64 array of shape {shapes[name]}")
        whole(name, column, column.shape, -_MOST_MONEY, _MOST_MONEY)
    off = sum(sum(column.ravel().tolist()) for column in found)
    if off != 0:
        wrong(f"the payments of a slot sum to {off} x 1e-9 currency, and must sum to zero")
    moved = found.money[LedgerLine.SHARING]
    demand("the line SHARING of money", moved, moved == 0, "0, for market: {sharing: ...} alone books there")
    return Ledger(*(np.array(column) for column in found))


def shared(call: Call) -> IntArray:
    """Shares of a period, which sum to what was paid in each market."""
    period: Period = call.given[0]
    shares = whole("its answer", call.result, (period.community.n_agents,), -_MOST_MONEY, _MOST_MONEY)
    for market, (due, got) in enumerate(zip(*map(period.of_markets, (period.paid_money, shares)), strict=True)):
        if got != due:
            wrong(
                f"the shares in market {market} sum to {got} x 1e-9 currency, {abs(got - due)} too "
                f"{'much' if got > due else 'little'}: they must sum to what was paid there, to the last unit"
            )
    return shares


def estimated(call: Call) -> EstimatedShares:
    """The same with standard errors."""
    found = record_of(call.result, EstimatedShares)
    money = shared(call._replace(result=found.money))
    if found.standard_errors is None:
        return EstimatedShares(money, None)
    return EstimatedShares(money, real("standard_errors", found.standard_errors, money.shape, least=0.0))


def declared_rounds(part: Any, sizes: Sizes) -> dict[str, Any]:  # noqa: ARG001 - as all that parts declare
    """Name and rounds of an engine, as they are when it is built."""
    name = part.name
    if not isinstance(name, str):
        wrong(f"name has to be text, not {type(name).__name__}")
    return {"name": name, "rounds": whole_number("rounds", part.rounds, 1, _MOST_ROUNDS)}


def declared_law(part: Any, sizes: Sizes) -> dict[str, Any]:
    """How reactive power follows in a reactive mode, as it is when it is built."""
    law, n = part.law, (sizes.n_agents,)
    if not isinstance(law, ReactiveLaw):
        wrong(f"law has to be a ReactiveLaw, not {type(law).__name__}")
    columns = {name: real(f"law.{name}", getattr(law, name), n) for name in _OF_AGENTS}
    for name in ("sink_kvar_per_kw", "kva", "curve_kvar"):
        demand(f"law.{name}", columns[name], columns[name] >= 0, "at least 0")
    curve = real("law.curve_pu", law.curve_pu, (None,))
    if len(curve) not in (0, 4) or np.any(np.diff(curve) < 0):
        wrong("law.curve_pu has to hold four rising voltages, or none")
    return {"law": ReactiveLaw(**columns, curve_pu=curve, kvar_per_kw=_steered(part, n))}


def _steered(part: Any, n: tuple[int | None]) -> FloatArray | None:
    """Most reactive power for each kW, of a mode that is steered."""
    per_kw = part.law.kvar_per_kw
    if per_kw is None:
        return None
    if not isinstance(part, Steered):
        wrong("a mode with law.kvar_per_kw has to have asked_kvar() and given_kvar(net_wh, v_pu, hours)")
    finite = real("law.kvar_per_kw", np.where(np.isinf(per_kw), 0.0, per_kw), n)
    demand("law.kvar_per_kw", finite, finite >= 0, "at least 0")
    return np.array(per_kw, dtype=np.float64)


def declared_notes(part: Any, sizes: Sizes) -> dict[str, Any]:  # noqa: ARG001
    """What profiles found in their series."""
    if not isinstance(part, Noted):
        return {}
    notes = part.notes
    if not isinstance(notes, tuple | list) or not all(map(_is_sentence, notes)):
        wrong("notes has to hold sentences that can be printed")
    return {"notes": tuple(notes)}


def _is_sentence(note: Any) -> bool:
    return isinstance(note, str) and note.isprintable() and len(note) <= LONGEST


DECLARED: Final[dict[str, Declared]] = {
    "engine": declared_rounds, "reactive": declared_law, "profile": declared_notes,
}  # fmt: skip
"""What parts declare when they are built, which stays so, by kind."""


RULES: Final[dict[str, dict[str, Rule]]] = {
    "tariff": {"at": tariffs},
    "profile": {"at": profiles, "forecast": forecasts},
    "forecast": {"series": forecast_series, "tariffs": forecast_tariffs},
    "device": {
        "initial": fleet_state, "range": fleet_range, "advance": fleet_advance, "running_cost": fleet_cost,
        "linear": planned_block,
    },
    "engine": {"match": matched},
    "charges": {"at": charged},
    "allocation": {"grant": granted},
    "reactive": {
        "kvar": kvar, "inverter_kvar": kvar, "limit_pv": limited_pv, "behind_kw": kvar, "asked_kvar": kvar, "given_kvar": kvar,
    },
    "gate": {"admit": admitted, "broken": broken_markets, "sensitivity": kvar, "close": grid_state},
    "settlement": {"__call__": ledger},
    "sharing": {"share": shared, "estimate": estimated},
    "importer": {"read": imported},
}  # fmt: skip
"""By kind and method of the port; those of strategies, metrics, games and critics stand in modules of their own."""
