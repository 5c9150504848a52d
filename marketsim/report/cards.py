"""The figures at the head of a report, each beside the reference run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from marketsim.core.currency import PLAIN, named
from marketsim.metrics.presentation import HeadlineRow, change_text, headline
from marketsim.metrics.wording import number
from marketsim.report.series import PlotSeries

MORE_IS_BETTER: Final = (
    *("p2p_kwh", "p2p_share", "welfare", "allocative_efficiency", "trade_efficiency"),
    *("ftg", "fbs", "fpp", "price_neutrality"),
)
LESS_IS_BETTER: Final = (
    *("import_kwh", "curtailed_kwh", "losses_kwh", "rejected_kwh", "ev_unserved_kwh"),
    *("consumer_cost", "prosumer_cost", "voltage_violation_rate"),
)
"""KPIs of which more, or less, is better for the people and the feeder; others are neither."""
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
    energies = ("demand", "pv", "p2p", "import", "export", "curtailed", "losses")
    found: dict[str, Any] = {f"{name}_kwh": _of_known(series, name, sum) for name in energies}
    found["rejected_kwh"] = _of_known(series, "refused", sum)
    found |= {"voltage_min_pu": _of_known(series, "v_min", min), "voltage_max_pu": _of_known(series, "v_max", max)}
    found["loading_max_percent"] = _of_known(series, "loading", max)
    return {key: value for key, value in found.items() if value or (value == 0 and key != "losses_kwh")}


def _of_known(series: PlotSeries, name: str, fold: Any) -> float | None:
    """Sum or extreme of the values that are defined; None where none is."""
    known = [value for value in series.get(name, ()) if value == value]
    return fold(known) if known else None


def _tone(name: str, value: Any, reference: Any) -> str:
    judged = name in MORE_IS_BETTER or name in LESS_IS_BETTER
    if reference is None or not judged or abs(value - reference) <= NOTHING * abs(reference):
        return ""
    return "good" if (value > reference) == (name in MORE_IS_BETTER) else "bad"
