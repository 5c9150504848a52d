"""Parameters of the built-in critics."""

from __future__ import annotations

from typing import Literal

from marketsim.core.params import Params


class RuleCriticParams(Params):
    """Which measures the rule critic scores with; the defaults are those of the KPIs."""

    ftg: Literal["tradable", "demand"] = "tradable"
    """Traded energy over what could have been traded (`tradable`), or over the demand (`demand`) [-]."""
    fbs: Literal["deviation", "range", "share_range"] = "deviation"
    """Mean deviation of the sellers' fill rates, their range, or the range of the sellers' shares of trade [-]."""
    fpp: Literal["deviation", "range"] = "deviation"
    """Standard deviation of the prices, or their range [-]."""
    log: bool = True
    """Keep a row for each slot and market for `critic.jsonl`."""


class FairnessParams(Params):
    """The fairness KPIs take no parameters."""
