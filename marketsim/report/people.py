"""Who pays and earns what: totals of every agent over a run, and of classes of agents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.units import MONEY_PER_CURRENCY, WH_PER_KWH
from marketsim.results.frames import agent_names
from marketsim.results.reader import Run
from marketsim.results.table_columns import SHARING_COLUMN

_ENERGIES: Final = (
    *("load_wh", "pv_available_wh", "pv_used_wh", "curtailed_wh"),
    *("bought_wh", "sold_wh", "import_wh", "export_wh"),
)
_MONEY: Final = ("peer_purchases_money", "peer_sales_money", "network_charges_money", "paid_money")
REFERENCE: Final = "reference_paid_money"
_SOMETIMES: Final = (REFERENCE, SHARING_COLUMN)
"""Columns that not every run has."""
_MOST_ROWS: Final = 2_000_000
"""Rows of the table of agents read at once."""


class Person(NamedTuple):
    """An agent as a report lists it."""

    name: str
    kind: str
    """Its kind in the scenario; ``""`` where that is not known."""
    group: str
    """Its income class, or its entry in the scenario's list."""


class RunTotals(NamedTuple):
    """Totals over the run, a row an agent [n_agents]; energies in kWh, money in currency, receipts negative."""

    load: FloatArray
    pv_available: FloatArray
    pv_used: FloatArray
    curtailed: FloatArray
    bought: FloatArray
    sold: FloatArray
    imported: FloatArray
    exported: FloatArray
    peer_purchases: FloatArray
    peer_sales: FloatArray
    network_charges: FloatArray
    paid: FloatArray
    reference_paid: FloatArray
    """Paid in the reference run; NaN where the run did not record it."""
    sharing: FloatArray
    """Moved by cost sharing, part of ``paid``; NaN where costs are not shared."""

    def of(self, rows: Sequence[int]) -> RunTotals:
        """Of some agents together, as arrays of one row."""
        return RunTotals(*(np.array([column[list(rows)].sum()]) for column in self))


def names_of(run: Run) -> list[str]:
    """Names of all agents, market after market; with several markets the market is part of the name."""
    markets = agent_names(run.manifest)
    if len(markets) == 1:
        return markets[0]
    return [f"{name} ({market})" for market, names in enumerate(markets) for name in names]


def totals(run: Run) -> RunTotals:
    """Sums of the table of agents, read piece by piece so that memory stays flat."""
    first = np.cumsum([0, *(len(names) for names in agent_names(run.manifest))])
    n_agents = int(first[-1])
    sums = {name: np.zeros(n_agents) for name in (*_ENERGIES, *_MONEY, *_SOMETIMES)}
    for table in agent_pieces(run, ["market", "agent", *sums]):
        row = first[table.column("market").to_numpy()] + table.column("agent").to_numpy()
        for name, total in sums.items():
            if name in table.column_names:
                total += np.bincount(row, weights=table.column(name).to_numpy(), minlength=n_agents)
            else:
                total += np.nan
    energies = (sums[name] / WH_PER_KWH for name in _ENERGIES)
    return RunTotals(*energies, *(sums[name] / MONEY_PER_CURRENCY for name in (*_MONEY, *_SOMETIMES)))


def agent_pieces(run: Run, columns: Sequence[str]) -> Iterator[Any]:
    """Columns of the table of agents as Arrow tables of some slots each, so that memory stays flat."""
    n_agents = len(run.manifest["agents"])
    size = max(1, _MOST_ROWS // max(n_agents, 1))
    for begin in range(0, run.n_slots, size):
        table = run.table("agents", columns=columns, slot=range(begin, begin + size))
        if table.num_rows:
            yield table


def classes(people: Sequence[Person]) -> dict[str, list[int]]:
    """Rows of the agents of each class, in order: kinds, then income classes or entries of at least two that divide them."""
    found: dict[str, list[int]] = {"all agents": list(range(len(people)))}
    for key in ("kind", "group"):
        own: dict[str, list[int]] = {}
        for row, person in enumerate(people):
            label = getattr(person, key)
            if label:
                own.setdefault(label, []).append(row)
        for label, rows in own.items():
            if rows not in found.values() and (key == "kind" or len(rows) > 1):
                found[label] = rows
    return found
