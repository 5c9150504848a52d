"""Gate closure: what the market trades on, and what becomes of deviations from it.

At closure 0 a slot trades on its metered energy and there are no deviations. From 1 on orders and gate work on
forecasts that were made so many slots before; what then differs settles with the utility, whether or not the grid
likes it.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.clock import Clock
from marketsim.core.ports import Gate, Profiles, Reactive
from marketsim.core.records import Community, Exchange, SlotInputs
from marketsim.core.units import WH_PER_KWH


class Delivery(Protocol):
    """Port of the gate closure."""

    def plan(self, inputs: SlotInputs) -> SlotInputs:
        """The inputs that strategies, market and gate work on."""
        ...

    def deliver(
        self, gate: Gate, inputs: SlotInputs, planned: SlotInputs, firm_wh: IntArray, exchange: Exchange
    ) -> Exchange:
        """The exchange after deviations; tells the gate what was really delivered.

        ``firm_wh`` is the untraded net energy that the gate was opened with [n_agents].
        """
        ...


class Immediate:
    """Closure 0: the slot trades on what is metered."""

    def plan(self, inputs: SlotInputs) -> SlotInputs:
        """The inputs as they are."""
        return inputs

    def deliver(
        self,
        gate: Gate,  # noqa: ARG002 - nothing deviates
        inputs: SlotInputs,  # noqa: ARG002
        planned: SlotInputs,  # noqa: ARG002
        firm_wh: IntArray,  # noqa: ARG002
        exchange: Exchange,
    ) -> Exchange:
        """The exchange as it is."""
        return exchange


class Ahead:
    """Closure ``slots`` >= 1: load and PV are what was expected that many slots before delivery."""

    def __init__(
        self,
        slots: int,
        clock: Clock,
        community: Community,
        profiles: Profiles,
        reactive: Reactive,
        firm_share: FloatArray,
    ) -> None:
        self._slots, self._clock, self._community = slots, clock, community
        self._profiles, self._reactive, self._firm_share = profiles, reactive, firm_share
        self._agents = np.arange(community.n_agents)

    def plan(self, inputs: SlotInputs) -> SlotInputs:
        """Load and PV expected when the gate closed; for the first slots, when the run began."""
        slot = inputs.time.slot
        closed = max(slot - self._slots, 0)
        made = self._profiles.forecast(self._clock.at(closed), self._agents)
        load_kw, pv_kw = (made.series(name, slot - closed + 1)[-1] for name in ("load_kw", "pv_kw"))
        to_wh = inputs.time.hours * WH_PER_KWH
        pv_wh = self._reactive.limit_pv(_whole(pv_kw * to_wh), inputs.time.hours)
        return inputs._replace(load_wh=_whole(load_kw * self._firm_share * to_wh), pv_wh=pv_wh)

    def deliver(
        self, gate: Gate, inputs: SlotInputs, planned: SlotInputs, firm_wh: IntArray, exchange: Exchange
    ) -> Exchange:
        """Keep the planned net energy with the PV there is; what is short is imported, what is too much exported."""
        wanted = planned.pv_wh - exchange.curtailed_wh + inputs.load_wh - planned.load_wh
        used = np.clip(wanted, 0, inputs.pv_wh)
        short = wanted - used
        lacking, beyond = np.maximum(short, 0), np.maximum(-short, 0)
        less_export = np.minimum(exchange.export_wh, lacking)
        less_import = np.minimum(exchange.import_wh, beyond)
        gate.amend(-short, self._reactive.kvar(self._community, inputs, firm_wh - short))
        return exchange._replace(
            import_wh=exchange.import_wh + lacking - less_export - less_import,
            export_wh=exchange.export_wh + beyond - less_import - less_export,
            curtailed_wh=inputs.pv_wh - used,
        )


def _whole(energy_wh: FloatArray) -> IntArray:
    return np.maximum(np.rint(energy_wh), 0.0).astype(np.int64)
