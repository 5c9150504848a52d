"""Parameters of the built-in metrics."""

from __future__ import annotations

from pydantic import Field

from marketsim.core.params import Params


class EnergyParams(Params):
    """The energy KPIs take no parameters."""


class MoneyParams(Params):
    """The money KPIs take no parameters."""


class GridParams(Params):
    """The grid KPIs take no parameters."""


class PeakParams(Params):
    """The KPIs of all agents together take no parameters."""


class EquityParams(Params):
    """Burdens and access take no parameters."""


class LawsParams(Params):
    """The laws take no parameters."""


class EfficiencyParams(Params):
    """The gains of peers take no parameters."""


class WelfareParams(Params):
    """How the most that agents and utility can get together is found where the grid limits what flows."""

    slp_steps: int = Field(default=12, ge=0, le=100)
    """Most linear programmes a slot and market; 0: no limits and no losses, an upper bound [-]."""
