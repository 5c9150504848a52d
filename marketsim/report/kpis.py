"""KPIs that a page knows by name: numbers, whatever the folder says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from marketsim.core.errors import Problem
from marketsim.metrics.presentation import HEADLINE
from marketsim.results.json_checks import number, refuse, seen

_GRID_ONLY: Final = "_grid_only"
_SAID: Final = (
    *("slots", "voltage_min_pu", "voltage_max_pu", "loading_max_percent", "voltage_violation_rate"),
    *("slots_with_violation", "firm_violation_slots", "p2p_kwh", "pv_kwh", "curtailed_kwh", "unserved_kwh"),
    *("ev_unserved_kwh", "consumer_saving", "prosumer_cost", "worst_off_saving", "utility_margin", "utility_revenue"),
    *("ftg", "fbs", "fpp", "allocative_efficiency", "trade_efficiency", "money_imbalance", "energy_imbalance_wh"),
    *("validated_slots", "validation_worst_pu", "validation_mismatches", "critic_calls", "critic_fallbacks"),
)
_NUMBERS: Final = frozenset({*_SAID, *(line.name for line in HEADLINE)})
_TOGETHER: Final = (
    ("voltage_min_pu", "voltage_max_pu"),
    ("unserved_kwh", "ev_unserved_kwh"),
    ("money_imbalance", "energy_imbalance_wh"),
    ("validated_slots", "validation_worst_pu"),
    ("critic_fallbacks", "critic_calls"),
)
"""Where the first is there, and not 0, the second is, too."""


def demand_numbers(summary: Mapping[str, Any], file: Path | None) -> None:
    """RunFolderError with every KPI of a summary that a page says something about and that is no number."""
    place = str(file or "")
    problems = [
        Problem(number(value), name, seen(value), file=place)
        for name, value in summary.items()
        if name.removesuffix(_GRID_ONLY) in _NUMBERS and value is not None and number(value)
    ]
    problems += [
        Problem(f"is missing beside {first}", second, file=place)
        for first, second in _TOGETHER
        if summary.get(first) and summary.get(second) is None
    ]
    refuse(problems)
