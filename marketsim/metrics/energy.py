"""Energy KPIs: what was used, generated, traded, exchanged, curtailed and refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from marketsim.core.arrays import BoolArray, IntArray
from marketsim.core.build import BuildContext
from marketsim.core.fleets import FleetInfo
from marketsim.core.metric import Kpi, Totals, Value, fleet_flags, grid_only, ratio
from marketsim.core.records import GridState, Reason, Rejects, SlotRecord
from marketsim.core.units import WH_PER_KWH
from marketsim.metrics.params import EnergyParams

ENERGIES: Final = (
    Kpi("demand_kwh", "kWh", "Final consumption: load, EVs, heat and curtailable load; not the charging of batteries."),
    Kpi("pv_kwh", "kWh", "PV energy generated, after curtailment."),
    Kpi("p2p_kwh", "kWh", "Energy traded between peers."),
    Kpi("import_kwh", "kWh", "Energy bought from the utility."),
    Kpi("export_kwh", "kWh", "Energy sold to the utility."),
    Kpi("curtailed_kwh", "kWh", "PV energy that was neither used, stored, sold nor exported."),
    Kpi("losses_kwh", "kWh", "Losses of the feeder; the utility supplies them. Undefined without a feeder."),
    Kpi(
        "rejected_kwh",
        "kWh",
        "Energy that the grid refused, in the market or on its way to or from the utility, as far as it was open at the "
        "end; each order's energy counts once.",
    ),
    Kpi("rolled_back_kwh", "kWh", "Energy admitted by an inexact gate and taken back after the AC power flow."),
    Kpi("ev_unserved_kwh", "kWh", "What EVs missed at their departure."),
    Kpi("unserved_kwh", "kWh", "What devices of all kinds missed at a deadline."),
)
REFERENCED: Final = ("import_kwh", "export_kwh", "curtailed_kwh", "losses_kwh")
SHARES: Final = (
    Kpi(
        "p2p_share",
        "-",
        "sum min(b, d - o) / sum d: share of final consumption d met by peers, beyond self-supply o; a purchase that "
        "is sold on adds nothing.",
    ),
    Kpi(
        "p2p_stored_share",
        "-",
        "1 - sum min(b, d - o) / sum b: share of the energy traded between peers that met no final consumption in its "
        "slot but went into storage, or was sold on.",
    ),
)


def _column(kpi: Kpi) -> str:
    return kpi.name.replace("_kwh", "_wh")


COLUMNS: Final = tuple(
    Kpi(_column(kpi), "Wh", kpi.text, float if kpi.name == "losses_kwh" else int) for kpi in ENERGIES
)

_COLUMN_NAMES: Final = tuple(kpi.name for kpi in COLUMNS)
_FLOWS: Final = np.array(
    [Reason.UNDERVOLTAGE <= reason <= Reason.DIVERGED or reason == Reason.ALLOCATION for reason in range(len(Reason))]
)
"""Refusals that lie in the grid and were never admitted."""


def losses_wh(grid: GridState) -> float:
    """Losses of all markets; a state without solution has none [Wh]."""
    losses = float(np.add.reduce(grid.losses_wh))
    return losses if losses == losses else float(np.nansum(grid.losses_wh))


class EnergyMetric:
    """Port ``Metric``: energy."""

    definitions = (*ENERGIES, *(grid_only(kpi) for kpi in ENERGIES if kpi.name in REFERENCED), *SHARES)
    columns = COLUMNS

    def __init__(self, fleets: Sequence[FleetInfo] = ()) -> None:
        self._stores = tuple(fleet.stores for fleet in fleets)
        self._is_ev: BoolArray = np.array([fleet.departs for fleet in fleets], dtype=bool)
        self._totals, self._reference = Totals(), Totals()
        self._losses_wh, self._reference_losses_wh = 0.0, 0.0
        self._has_grid = False
        self._compared = False

    def observe(self, record: SlotRecord, reference: SlotRecord | None) -> dict[str, Value]:
        """Take in a slot."""
        from marketsim.metrics.tally_kernel import tally_energy

        energy, exchange = record.energy, record.exchange
        demand, from_peers, pv, imports, exports, curtailed = tally_energy(
            record.inputs.load_wh,
            energy.device_wh,
            fleet_flags(self._stores, record),
            energy.pv_used_wh,
            energy.bought_wh,
            exchange.import_wh,
            exchange.export_wh,
            exchange.curtailed_wh,
        )
        amounts = {
            "demand_wh": demand,
            "pv_wh": pv,
            "p2p_wh": _sum(record.trades.energy_wh),
            "import_wh": imports,
            "export_wh": exports,
            "curtailed_wh": curtailed,
            **refused(record.rejects),
            **self._unserved(energy.unserved_wh),
        }
        self._totals.add(amounts)
        self._totals.add({"from_peers_wh": from_peers})
        if reference is not None:
            self._compared = True
            self._reference.add(_exchange(reference))
            self._reference_losses_wh += losses_wh(reference.grid)
        lost = losses_wh(record.grid)
        self._losses_wh += lost
        self._has_grid = record.grid.v_pu.shape[1] > 0
        row: dict[str, Value] = {**amounts, "losses_wh": lost if self._has_grid else None}
        return {name: row[name] for name in _COLUMN_NAMES}

    def _unserved(self, unserved_wh: IntArray) -> dict[str, int]:
        if not len(unserved_wh):
            return {"ev_unserved_wh": 0, "unserved_wh": 0}
        by_fleet = np.add.reduce(unserved_wh, axis=1)
        return {"ev_unserved_wh": _sum(by_fleet[self._is_ev]), "unserved_wh": _sum(by_fleet)}

    def summary(self) -> dict[str, Value]:
        """The KPIs of all slots so far."""
        energies: dict[str, Value] = {kpi.name: self._totals[_column(kpi)] / WH_PER_KWH for kpi in ENERGIES}
        only: dict[str, Value] = {
            name: self._reference[name.replace("_kwh", "_wh")] / WH_PER_KWH for name in REFERENCED
        }
        energies["losses_kwh"] = self._losses_wh / WH_PER_KWH if self._has_grid else None
        only["losses_kwh"] = self._reference_losses_wh / WH_PER_KWH if self._has_grid else None
        return {
            **energies,
            **{f"{name}_grid_only": value if self._compared else None for name, value in only.items()},
            "p2p_share": ratio(self._totals["from_peers_wh"], self._totals["demand_wh"]),
            "p2p_stored_share": ratio(self._totals["p2p_wh"] - self._totals["from_peers_wh"], self._totals["p2p_wh"]),
        }


def _sum(values: IntArray) -> int:
    return int(np.add.reduce(values))


def refused(rejects: Rejects) -> dict[str, int]:
    """What the grid refused and was never admitted, and what was admitted and taken back [Wh]."""
    if rejects.size == 0:
        return {"rejected_wh": 0, "rolled_back_wh": 0}
    return {
        "rejected_wh": _sum(rejects.energy_wh[_FLOWS[rejects.reason]]),
        "rolled_back_wh": _sum(rejects.energy_wh[rejects.reason == Reason.ROLLED_BACK]),
    }


def _exchange(record: SlotRecord) -> dict[str, int]:
    return {name: _sum(getattr(record.exchange, name)) for name in ("import_wh", "export_wh", "curtailed_wh")}


def build(params: EnergyParams, context: BuildContext) -> EnergyMetric:  # noqa: ARG001 - part of the port
    """The metric of a simulation."""
    return EnergyMetric(context.fleets)
