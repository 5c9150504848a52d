"""Prosumers and consumers: Mesa agents that are views of their row in the arrays of a simulation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import mesa  # type: ignore[import-untyped]

from marketsim.agents.view import AgentView, Order
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import AgentSpec
from marketsim.core.records import LedgerLine, SlotRecord
from marketsim.core.units import WH_PER_KWH, to_currency

if TYPE_CHECKING:
    from marketsim.agents.model import MarketModel


class Participant(mesa.Agent):  # type: ignore[misc]  # Mesa is not typed
    """An agent of the market. Quantities of the last slot are 0 before there is one.

    Override ``decide`` to write an agent of the simple form.
    """

    model: MarketModel

    def __init__(self, model: MarketModel, row: int, spec: AgentSpec) -> None:
        super().__init__(model)
        self.row = row
        """Row of the flat agent axis."""
        self.spec = spec
        """As resolved from the scenario."""

    def decide(self, view: AgentView) -> Sequence[Order] | None:  # noqa: ARG002 - for agents of the simple form
        """The orders of this slot; None leaves them to the agent's strategy."""
        return None

    @property
    def name(self) -> str:
        """Unique name."""
        return self.model.simulation.world.community.names[self.row]

    @property
    def kind(self) -> str:
        """Kind as the scenario names it."""
        return self.spec.kind

    @property
    def bus(self) -> str | None:
        """Bus of the feeder; None without a grid."""
        return self.spec.bus

    @property
    def market(self) -> int:
        """Index of its market."""
        return int(self.model.simulation.world.community.market[self.row])

    @property
    def load_kw(self) -> float:
        """Mean firm load of the last slot [kW]."""
        record = self._record
        return 0.0 if record is None else self._kwh(record.inputs.load_wh) / record.inputs.time.hours

    @property
    def net_kwh(self) -> float:
        """Net energy through the meter in the last slot [kWh]; generation positive."""
        return 0.0 if self._record is None else self._kwh(self._record.energy.net_wh)

    @property
    def bought_kwh(self) -> float:
        """Bought from peers in the last slot [kWh]."""
        return 0.0 if self._record is None else self._kwh(self._record.energy.bought_wh)

    @property
    def sold_kwh(self) -> float:
        """Sold to peers in the last slot [kWh]."""
        return 0.0 if self._record is None else self._kwh(self._record.energy.sold_wh)

    @property
    def imported_kwh(self) -> float:
        """Bought from the utility in the last slot [kWh]."""
        return 0.0 if self._record is None else self._kwh(self._record.exchange.import_wh)

    @property
    def exported_kwh(self) -> float:
        """Sold to the utility in the last slot [kWh]."""
        return 0.0 if self._record is None else self._kwh(self._record.exchange.export_wh)

    @property
    def paid(self) -> float:
        """Paid in the last slot, less what was received [currency]."""
        return 0.0 if self._record is None else float(to_currency(self._record.ledger.money[:, self.row].sum()))

    @property
    def paid_so_far(self) -> float:
        """Paid since the start of the run, less what was received [currency]."""
        return self.model.paid_by_agents.currency(self.row)

    @property
    def bill(self) -> dict[str, float]:
        """The last slot's bill by ledger line [currency]; receipts are negative."""
        money = None if self._record is None else to_currency(self._record.ledger.money[:, self.row])
        return {line.name.lower(): 0.0 if money is None else float(money[line]) for line in LedgerLine}

    @property
    def voltage_pu(self) -> float:
        """Voltage of its bus at the end of the last slot; NaN without a grid or before the first slot."""
        return float(self.model.simulation.state.voltage_pu[self.row])

    def device_state(self, name: str) -> FloatArray:
        """State of one of its devices [rows]; KeyError for a name that the simulation does not have."""
        names = self.model.simulation.world.device_names
        if name not in names:
            raise KeyError(f"no device {name!r} in this simulation; there are: {', '.join(names) or 'none'}")
        return self.model.simulation.state.devices[names.index(name)][:, self.row]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} at bus {self.bus}>"

    @property
    def _record(self) -> SlotRecord | None:
        return self.model.simulation.record

    def _kwh(self, energy_wh: IntArray) -> float:
        return int(energy_wh[self.row]) / WH_PER_KWH


class Consumer(Participant):
    """Draws energy; generates none."""


class Prosumer(Participant):
    """Generates as well."""

    @property
    def pv_kw(self) -> float:
        """Mean PV generation of the last slot, curtailed energy left out [kW]."""
        record = self._record
        return 0.0 if record is None else self._kwh(record.energy.pv_used_wh) / record.inputs.time.hours

    @property
    def curtailed_kwh(self) -> float:
        """PV that was neither used, sold, exported nor stored in the last slot [kWh]."""
        return 0.0 if self._record is None else self._kwh(self._record.exchange.curtailed_wh)

    @property
    def soc_kwh(self) -> float:
        """Energy in its battery now [kWh]; 0 without one."""
        if "battery" not in self.model.simulation.world.device_names:
            return 0.0
        return float(self.device_state("battery")[0]) / WH_PER_KWH
