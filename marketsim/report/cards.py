"""The figures at the head of a report, each beside the reference run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from marketsim.core.currency import PLAIN, named
from marketsim.metrics.presentation import HeadlineRow, change_text, headline
from marketsim.metrics.wording import number
from marketsim.report.series import PlotSeries

BETTER: Final[Mapping[str, int]] = {
    "p2p_kwh": 1,
    "p2p_share": 1,
    "import_kwh": -1,
    "curtailed_kwh": -1,
    "losses_kwh": -1,
    "rejected_kwh": -1,
    "ev_unserved_kwh": -1,
    "consumer_cost": -1,
    "prosumer_cost": -1,
    "allocative_efficiency": 1,
    "ftg": 1,
    "fbs": 1,
    "fpp": 1,
    "price_neutrality": 1,
    "voltage_violation_rate": -1,
}
"""Whether more (1) or less (-1) of a KPI is better for the people and the feeder; others are neither."""
NOTHING: Final = 5e-3
"""Relative change up to which neither is called better."""
_LARGE: Final = 1e6
_SHORTER: Final[Mapping[str, tuple[float, str]]] = {"kWh": (1e-6, "GWh"), "currency": (1e-6, "million currency")}
"""Units of values from a million on."""
GROUPS: Final = {"energy": "Energy", "money": "Money", "fairness": "Fairness and efficiency", "grid": "Grid"}


class Card(NamedTuple):
    """One figure."""

    label: str
    name: str
    group: str
    value: str
    unit: str
    reference: str
    """The same with the utility alone; ``""`` where there is none."""
    change: str
    tone: str
    """``good``, ``bad`` or ``""``: which way the reference run is beaten or missed."""


def cards(summary: Mapping[str, Any], currency: str = PLAIN) -> list[Card]:
    """Figures of a complete run, in the order and with the words of what ``marketsim run`` prints."""
    return [_card(row, currency) for row in headline(summary)]


def _card(row: HeadlineRow, currency: str) -> Card:
    values = [each for each in (row.value, row.grid_only) if isinstance(each, int | float)]
    large = max(map(abs, values), default=0.0) >= _LARGE
    scale, unit = _SHORTER.get(row.unit, (1.0, row.unit)) if large else (1.0, row.unit)

    def shown(value: Any) -> str:
        return number(value * scale if scale != 1.0 else value, row.unit)

    return Card(
        label=row.label,
        name=row.name,
        group=row.group,
        value=shown(row.value),
        unit="" if unit == "-" else named(unit, currency),
        reference="" if row.grid_only is None else shown(row.grid_only),
        change=named(change_text(row.unit, row.grid_only, row.value), currency),
        tone=_tone(row.name, row.value, row.grid_only),
    )


def partial_summary(series: PlotSeries) -> dict[str, Any]:
    """What can be said of a run that has no summary, from the slots that it reached."""
    sums = {
        "demand_kwh": "demand",
        "pv_kwh": "pv",
        "p2p_kwh": "p2p",
        "import_kwh": "import",
        "export_kwh": "export",
        "curtailed_kwh": "curtailed",
        "losses_kwh": "losses",
        "rejected_kwh": "refused",
    }
    found: dict[str, Any] = {key: _sum(series, name) for key, name in sums.items()}
    found |= {"voltage_min_pu": _extreme(series, "v_min", min), "voltage_max_pu": _extreme(series, "v_max", max)}
    found["loading_max_percent"] = _extreme(series, "loading", max)
    return {key: value for key, value in found.items() if value or (value == 0 and key != "losses_kwh")}


def _known(series: PlotSeries, name: str) -> list[float]:
    return [value for value in series.get(name, ()) if value == value]


def _sum(series: PlotSeries, name: str) -> float | None:
    known = _known(series, name)
    return sum(known) if known else None


def _extreme(series: PlotSeries, name: str, pick: Any) -> float | None:
    known = _known(series, name)
    return pick(known) if known else None


def _tone(name: str, value: Any, reference: Any) -> str:
    if reference is None or name not in BETTER or abs(value - reference) <= NOTHING * abs(reference):
        return ""
    return "good" if (value - reference) * BETTER[name] > 0 else "bad"
