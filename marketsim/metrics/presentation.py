"""KPIs for people: the table of definitions in the docs, and the rows of the headline table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from marketsim.core.currency import PLAIN, named
from marketsim.core.metric import Kpi, Value
from marketsim.metrics.wording import number

RUN: Final = (
    Kpi("slots", "-", "Slots simulated.", int),
    Kpi("agents", "-", "Agents of all markets.", int),
    Kpi("seed", "-", "Seed of the run.", int),
    Kpi("wall_s", "s", "Wall time of the run."),
)
"""KPIs that whoever runs the simulation fills in."""

VALIDATION: Final = (
    Kpi("validated_slots", "-", "Slots and markets solved again by an independent power flow.", int),
    Kpi("validation_worst_pu", "p.u.", "Largest difference of a voltage between the two power flows."),
    Kpi("validation_worst_wh", "Wh", "Largest |energy from the source by the independent power flow - booked energy|."),
    Kpi("validation_mismatches", "-", "Values on which the two power flows disagree.", int),
)
"""KPIs of the independent check; only in runs with a feeder."""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def kpi_table(definitions: Iterable[Kpi]) -> str:
    """Markdown table of KPI definitions, one a row, in the given order; ends with a line end."""
    rows = [f"| `{kpi.name}` | {_cell(kpi.unit)} | {_cell(kpi.text)} |" for kpi in definitions]
    return "\n".join(("| KPI | unit | definition |", "|---|---|---|", *rows)) + "\n"


class HeadlineRow(NamedTuple):
    """A row of the table that sums a run up."""

    label: str
    name: str
    """Key of the summary."""
    value: Value
    unit: str
    """Unit of ``value`` and ``grid_only``; ``%`` where a share was scaled by 100."""
    grid_only: Value
    """The same in the reference run; None where there is none."""
    change: float | None
    """``value / grid_only - 1``; None where it says nothing."""
    group: str


class _Line(NamedTuple):
    label: str
    name: str
    unit: str
    group: str


HEADLINE: Final = (
    _Line("Demand", "demand_kwh", "kWh", "energy"),
    _Line("PV generation", "pv_kwh", "kWh", "energy"),
    _Line("Traded between peers", "p2p_kwh", "kWh", "energy"),
    _Line("Of it into storage or sold on", "p2p_stored_share", "%", "energy"),
    _Line("Share of demand met by peers", "p2p_share", "%", "energy"),
    _Line("Imports", "import_kwh", "kWh", "energy"),
    _Line("Exports", "export_kwh", "kWh", "energy"),
    _Line("Curtailed", "curtailed_kwh", "kWh", "energy"),
    _Line("Losses", "losses_kwh", "kWh", "energy"),
    _Line("Shunts and impedance loads", "shunt_kwh", "kWh", "energy"),
    _Line("Refused by the grid", "rejected_kwh", "kWh", "energy"),
    _Line("Missed by EVs", "ev_unserved_kwh", "kWh", "energy"),
    _Line("Mean price", "mean_price", "currency/kWh", "money"),
    _Line("Cost of consumers", "consumer_cost", "currency", "money"),
    _Line("Cost of prosumers", "prosumer_cost", "currency", "money"),
    _Line("Utility revenue", "utility_revenue", "currency", "money"),
    _Line("Utility margin", "utility_margin", "currency", "money"),
    _Line("Welfare of agents and utility", "welfare", "currency", "money"),
    _Line("Allocative efficiency", "allocative_efficiency", "%", "fairness"),
    _Line("Trade efficiency", "trade_efficiency", "%", "fairness"),
    _Line("Fairness to grid (FTG)", "ftg", "-", "fairness"),
    _Line("Fairness between sellers (FBS)", "fbs", "-", "fairness"),
    _Line("Fairness between sellers over a day", "fbs_day", "-", "fairness"),
    _Line("Fairness between buyers over a day", "ftb_day", "-", "fairness"),
    _Line("Fairness of pricing (FPP)", "fpp", "-", "fairness"),
    _Line("Price neutrality", "price_neutrality", "-", "fairness"),
    _Line("Lowest voltage", "voltage_min_pu", "p.u.", "grid"),
    _Line("Highest voltage", "voltage_max_pu", "p.u.", "grid"),
    _Line("Bus-slots out of band", "voltage_violation_rate", "%", "grid"),
    _Line("Highest loading", "loading_max_percent", "%", "grid"),
)
"""What a person wants to know first; a row whose KPI is undefined is left out."""

INCIDENTS: Final = frozenset({"curtailed_kwh", "rejected_kwh", "ev_unserved_kwh", "p2p_stored_share"})
"""Shown only where they happened."""
_COMPARED: Final = frozenset({"kWh", "currency"})
"""Units whose relative change says something."""


def headline(summary: Mapping[str, Value]) -> list[HeadlineRow]:
    """Rows for the table at the end of a run, each beside its value in the reference run where there is one."""
    rows = []
    for line in HEADLINE:
        scale = percent_scale(line.name, line.unit)
        value = _scaled(summary.get(line.name), scale)
        only = _scaled(summary.get(f"{line.name}_grid_only"), scale)
        if value is None or (line.name in INCIDENTS and not value and not only):
            continue
        change = relative_change(line.unit, only, value)
        rows.append(HeadlineRow(line.label, line.name, value, line.unit, only, change, line.group))
    return rows


def headline_texts(summary: Mapping[str, Value], currency: str = PLAIN) -> list[tuple[str, ...]]:
    """Label, value, unit, value with the utility only, and change of each row, for a table."""
    return [
        (
            line.label,
            number(line.value, line.unit),
            named(line.unit, currency),
            number(line.grid_only, line.unit),
            named(change_text(line.unit, line.grid_only, line.value), currency),
        )
        for line in headline(summary)
    ]


def rationing_text(summary: Mapping[str, Value]) -> str:
    """Which side of the market was rationed, in a sentence; scores between sellers or buyers mean nothing elsewhere."""
    sellers, buyers = summary.get("sellers_rationed_share"), summary.get("buyers_rationed_share")
    if not isinstance(sellers, float) or not isinstance(buyers, float):
        return "Nothing could have been traded between peers in any slot"
    if sellers == buyers == 0.0:
        return "Neither sellers nor buyers competed in any slot: FBS and FTB are undefined"
    if sellers == 0.0:
        return "No seller competed: in every slot that could trade all that sellers had was wanted, or one sold alone"
    if buyers == 0.0:
        return "No buyer competed: in every slot that could trade there was enough for all buyers, or one bought alone"
    return (
        f"Sellers were rationed in {100 * sellers:.0f} % of the slots that could trade, buyers in {100 * buyers:.0f} %"
    )


def percent_scale(name: str, unit: str) -> float:
    """Factor from a KPI to the unit in which people read it: shares are shown in percent."""
    return 100.0 if unit == "%" and not name.endswith("_percent") else 1.0


def relative_change(unit: str, before: float | None, after: float | None) -> float | None:
    """``after / before - 1`` of an energy or a sum of money; None where it says nothing, as where a cost becomes income."""
    if before is None or after is None or unit not in _COMPARED:
        return None
    return after / before - 1.0 if before > 0.0 and after >= 0.0 else None


def change_text(unit: str, before: Value, after: Value) -> str:
    """The change of an energy or a sum of money: relative, or where that says nothing the difference with its unit."""
    if before is None or after is None or isinstance(before, str) or isinstance(after, str):
        return ""
    change = relative_change(unit, before, after)
    if change is not None:
        return f"{100 * change:+.1f} %"
    if unit not in _COMPARED or before == after:
        return ""
    return f"{number(after - before, unit, sign=True)} {unit}"


def _scaled(value: Value, scale: float) -> float | None:
    return None if value is None or isinstance(value, str) else value * scale
