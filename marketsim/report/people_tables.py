"""Tables of who pays and earns what: of every agent, and of classes of agents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.report.people import Person, RunTotals, classes
from marketsim.report.series import plain

AGENT_COLUMNS: Final = (
    ("Agent", "", 0),
    ("Kind", "", 0),
    ("Load", "kWh", 1),
    ("PV used", "kWh", 1),
    ("Curtailed", "kWh", 1),
    ("Bought from peers", "kWh", 1),
    ("Sold to peers", "kWh", 1),
    ("Imported", "kWh", 1),
    ("Exported", "kWh", 1),
    ("Mean price bought", "currency/kWh", 4),
    ("Mean price sold", "currency/kWh", 4),
    ("Pays in all", "currency", 2),
    ("With utility only", "currency", 2),
    ("Saves", "currency", 2),
)
"""Label, unit and digits of the columns of the tables of agents and classes."""
SHARING_COLUMN: Final = ("Cost sharing", "currency", 2)
"""Last column of the table of agents where costs are shared; part of what an agent pays in all."""


def _columns(of: RunTotals) -> list[FloatArray]:
    with np.errstate(invalid="ignore", divide="ignore"):
        paid_price = np.where(of.bought > 0, of.peer_purchases / of.bought, np.nan)
        got_price = np.where(of.sold > 0, -of.peer_sales / of.sold, np.nan)
    flows = [of.load, of.pv_used, of.curtailed, of.bought, of.sold, of.imported, of.exported]
    return [*flows, paid_price, got_price, of.paid, of.reference_paid, of.reference_paid - of.paid]


def _table(of: RunTotals) -> list[list[float | None]]:
    return [plain(values, digits) for values, (_, _, digits) in zip(_columns(of), AGENT_COLUMNS[2:], strict=True)]


def agent_table(names: Sequence[str], people: Sequence[Person], of: RunTotals) -> dict[str, Any]:
    """A row an agent: energies, mean prices, what it pays and saves."""
    shared = bool(np.isfinite(of.sharing).any())
    return {
        "head": [list(column) for column in (*AGENT_COLUMNS, *([SHARING_COLUMN] if shared else []))],
        "names": list(names),
        "kinds": [person.kind for person in people],
        "values": [*_table(of), *([plain(of.sharing, SHARING_COLUMN[2])] if shared else [])],
    }


CLASS_COLUMNS: Final = (
    ("Class", "", 0),
    ("Agents", "", 0),
    ("Need met by peers", "%", 1),
    ("Surplus sold to peers", "%", 1),
    ("PV curtailed", "%", 1),
    ("Mean price bought", "currency/kWh", 4),
    ("Mean price sold", "currency/kWh", 4),
    ("Pay in all", "currency", 2),
    ("With utility only", "currency", 2),
    ("Save", "currency", 2),
    ("Of the bill", "%", 1),
)


def class_table(people: Sequence[Person], totals: RunTotals) -> dict[str, Any]:
    """A row a class of agents: shares met and sold, mean prices, bills."""
    rows = []
    for label, members in classes(people).items():
        own = totals.of(members)
        got = [float(column[0]) for column in _columns(own)]
        drawn, given = float((own.bought + own.imported)[0]), float((own.sold + own.exported + own.curtailed)[0])
        saved = float((own.reference_paid - own.paid)[0])
        shares = (
            _share(float(own.bought[0]), drawn),
            _share(float(own.sold[0]), given),
            _share(float(own.curtailed[0]), float(own.pv_available[0])),
        )
        values = [*shares, *got[7:11], saved, _share(saved, float(own.reference_paid[0]))]
        digits = [column[2] for column in CLASS_COLUMNS[2:]]
        rows.append([label, len(members), *(plain(np.array([v]), d)[0] for v, d in zip(values, digits, strict=True))])
    return {"head": [list(column) for column in CLASS_COLUMNS], "rows": rows}


def _share(part: float, whole: float) -> float:
    return 100.0 * part / whole if whole > 0 else float("nan")
