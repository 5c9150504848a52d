"""What constant admittances of the feeder draw; only in runs whose feeder has some."""

from __future__ import annotations

from typing import Final

import numpy as np

from marketsim.core.metric import Kpi, Value
from marketsim.core.records import SlotRecord
from marketsim.core.units import WH_PER_KWH

SHUNTS: Final = (
    Kpi(
        "shunt_kwh",
        "kWh",
        "Drawn by shunts and wards of the feeder and by the constant-impedance share of loads that belong to no agent, "
        "at the voltage of their bus. No loss, and like all own load of the feeder on nobody's bill.",
    ),
    Kpi("shunt_kwh_grid_only", "kWh", "shunt_kwh in the reference run."),
)
COLUMNS: Final = (Kpi("shunt_wh", "Wh", SHUNTS[0].text),)


class ShuntMetric:
    """Port ``Metric``: consumption of constant admittances outside branches."""

    definitions = SHUNTS
    columns = COLUMNS

    def __init__(self) -> None:
        self._drawn_wh = 0.0
        self._reference_wh: float | None = None

    def observe(self, record: SlotRecord, reference: SlotRecord | None) -> dict[str, Value]:
        """Take in a slot; a state without solution draws nothing."""
        drawn = float(np.nansum(record.grid.shunt_wh))
        self._drawn_wh += drawn
        if reference is not None:
            self._reference_wh = (self._reference_wh or 0.0) + float(np.nansum(reference.grid.shunt_wh))
        return {"shunt_wh": drawn}

    def summary(self) -> dict[str, Value]:
        """The KPIs of all slots so far."""
        only = self._reference_wh
        return {
            "shunt_kwh": self._drawn_wh / WH_PER_KWH,
            "shunt_kwh_grid_only": None if only is None else only / WH_PER_KWH,
        }
