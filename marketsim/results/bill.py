"""Bills that explain themselves: each line with its energy, mean price and amount; the total is what was paid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.compute as pc  # type: ignore[import-untyped]

from marketsim.core.errors import InputError, Problem
from marketsim.core.units import MONEY_PER_CURRENCY, WH_PER_KWH
from marketsim.results.table_columns import LEDGER_COLUMNS, SHARING_COLUMN

if TYPE_CHECKING:
    import pandas as pd


class _Line(NamedTuple):
    name: str
    energy: tuple[str, ...]
    """Columns of the energy that the line is about."""
    price_sign: int
    """-1 where the agent is paid, so that its price reads positive."""
    text: str


NETWORK_CHARGES: Final = "network charges"
SURPLUS: Final = "market surplus"
BOTH: Final = "charges and surplus"
_KEPT: Final = "what the market keeps, since under its rule buyers pay more than sellers get"
_BETWEEN: Final = {
    NETWORK_CHARGES: "for the use of the network by trade with other agents",
    SURPLUS: _KEPT,
    BOTH: f"for the use of the network by trade with other agents, and {_KEPT}",
}
"""What lies between the price of a trade and what its sides pay."""
_TRADE: Final = ("bought_wh", "sold_wh")
_LINES: Final = (
    _Line("peer purchases", ("bought_wh",), 1, "energy bought from other agents, at the prices of the trades"),
    _Line("peer sales", ("sold_wh",), -1, "energy sold to other agents, at the prices of the trades"),
    _Line(NETWORK_CHARGES, _TRADE, 1, _BETWEEN[NETWORK_CHARGES]),
    _Line("imports", ("import_wh",), 1, "energy bought from the utility, at retail"),
    _Line("exports", ("export_wh",), -1, "energy sold to the utility, at the feed-in tariff"),
)
"""In the order of ``LEDGER_COLUMNS``."""
_SHARING: Final = _Line("cost sharing", (), 1, "what the agent's share of a period's cost is above what it had paid")


def bill(
    table: Callable[..., pa.Table],
    names: Sequence[Sequence[str]],
    agent: str | int,
    market: int = 0,
    *,
    raw: bool = False,
    between: str = NETWORK_CHARGES,
) -> pd.DataFrame:
    """The bill of one agent over all slots of a run; with a line of cost sharing where costs were shared.

    Index: the lines and ``total``. Columns: ``energy_kwh``; ``mean_price`` [currency/kWh], null without energy;
    ``amount`` [currency], receipts negative. With ``raw`` the same as integers: ``energy_wh`` and ``amount_money`` [1e-9
    currency]. What each line is about stands in ``attrs["meaning"]``. ``between`` names the line of what lies
    between the price of a trade and what its sides pay.
    """
    import pandas as pd

    index = _index_of(names, agent, market)
    energies = sorted({column for line in _LINES for column in line.energy})
    rows = table("agents", columns=["market", "agent", *energies, *LEDGER_COLUMNS, SHARING_COLUMN])
    shared = SHARING_COLUMN in rows.column_names
    columns = (*LEDGER_COLUMNS, SHARING_COLUMN) if shared else LEDGER_COLUMNS
    mine = rows.filter(pc.and_(pc.equal(rows["market"], market), pc.equal(rows["agent"], index)))
    total = {name: _sum(mine[name]) for name in (*energies, *columns)}
    named = (line if line.name != NETWORK_CHARGES else _Line(between, _TRADE, 1, _BETWEEN[between]) for line in _LINES)
    lines = (*named, *([_SHARING] if shared else []))
    sums = [(sum(total[name] for name in line.energy), total[own]) for line, own in zip(lines, columns, strict=True)]
    labels = pd.Index([*(line.name for line in lines), "total"], name="line")
    paid = sum(money for _, money in sums)
    if raw:
        energy = pd.array([*(wh for wh, _ in sums), None], dtype="Int64")
        made = pd.DataFrame({"energy_wh": energy, "amount_money": [*(money for _, money in sums), paid]}, index=labels)
    else:
        shown = [_daily(line, *own) for line, own in zip(lines, sums, strict=True)]
        shown.append((None, None, paid / MONEY_PER_CURRENCY))
        made = pd.DataFrame(shown, columns=["energy_kwh", "mean_price", "amount"], index=labels, dtype="float64")
    made.attrs["meaning"] = {**{line.name: line.text for line in lines}, "total": "paid in all; negative: received"}
    return made


def _daily(line: _Line, energy_wh: int, money: int) -> tuple[float | None, float | None, float]:
    """Energy [kWh], mean price [currency/kWh] and amount [currency] of a line."""
    energy_kwh, amount = energy_wh / WH_PER_KWH, money / MONEY_PER_CURRENCY
    return energy_kwh, (line.price_sign * amount / energy_kwh if energy_kwh else None), amount


def _sum(column: pa.ChunkedArray) -> int:
    """Exact sum; chunks are summed as Python integers, since a long run may exceed 64 bits."""
    return sum(pc.sum(chunk).as_py() or 0 for chunk in column.chunks)


def _index_of(names: Sequence[Sequence[str]], agent: str | int, market: int) -> int:
    if not 0 <= market < len(names):
        raise InputError(f"there is no market {market}: this run has {len(names)}")
    own = names[market]
    if isinstance(agent, int) and 0 <= agent < len(own):
        return agent
    if isinstance(agent, str) and agent in own:
        return own.index(agent)
    some = ", ".join(own[:5]) + (", ..." if len(own) > 5 else "")
    hint = f"an index below {len(own)}, or a name: {some}"
    raise InputError([Problem("there is no such agent in this run", value=repr(agent), hint=hint)])
