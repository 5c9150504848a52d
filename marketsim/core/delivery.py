"""Gate closure: what the market trades on, and what becomes of deviations from it.

At closure 0 a slot trades on its metered energy and there are no deviations. From 1 on orders and gate work on
forecasts that were made so many slots before; what then differs settles with the utility, whether or not the grid
likes it.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.clock import Clock, SlotTime
from marketsim.core.ports import Gate, Profiles, Reactive
from marketsim.core.records import AskedKvar, Community, Exchange, Forecast, SlotInputs, UncertainForecast
from marketsim.core.units import WH_PER_KWH


class Delivery(Protocol):
    """Port of the gate closure."""

    def plan(self, inputs: SlotInputs) -> SlotInputs:
        """The inputs that strategies, market and gate work on."""
        ...

    def deliver(
        self,
        gate: Gate,
        inputs: SlotInputs,
        planned: SlotInputs,
        firm_wh: IntArray,
        exchange: Exchange,
        asked: AskedKvar | None = None,
    ) -> Exchange:
        """The exchange after deviations; tells the gate what was really delivered.

        ``firm_wh`` is the untraded net energy that the gate was opened with [n_agents]; ``asked``: reactive power that
        strategies ask for, which stands.
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
        inputs: SlotInputs,
        planned: SlotInputs,
        firm_wh: IntArray,  # noqa: ARG002
        exchange: Exchange,
        asked: AskedKvar | None = None,  # noqa: ARG002
    ) -> Exchange:
        """The exchange as it is; PV that strategies withheld is curtailed."""
        if planned is inputs:
            return exchange
        return exchange._replace(curtailed_wh=exchange.curtailed_wh + inputs.pv_wh - planned.pv_wh)


class ClosedProfiles:
    """Profiles whose forecasts were made ``slots`` slots before: nobody who trades at closure knows more than then."""

    def __init__(self, profiles: Profiles, slots: int, clock: Clock) -> None:
        self._profiles, self._slots, self._clock = profiles, slots, clock

    def at(self, time: SlotTime) -> dict[str, FloatArray]:
        """Actual series, as they are metered at delivery."""
        return self._profiles.at(time)

    def forecast(self, time: SlotTime, agents: IntArray) -> Forecast:
        """For ``time`` and later slots, as expected when the gate closed; for the first slots, when the run began."""
        closed = max(time.slot - self._slots, 0)
        made, passed = self._profiles.forecast(self._clock.at(closed), agents), time.slot - closed
        return _LaterUncertain(made, passed) if isinstance(made, UncertainForecast) else _Later(made, passed)


class _Later:
    """A forecast without its first ``passed`` slots."""

    def __init__(self, made: Forecast, passed: int) -> None:
        self._made, self._passed = made, passed

    def series(self, name: str, horizon: int) -> FloatArray:
        return self._made.series(name, horizon + self._passed)[self._passed :]

    def tariffs(self, horizon: int) -> tuple[IntArray, IntArray]:
        retail, feed_in = self._made.tariffs(horizon + self._passed)
        return retail[self._passed :], feed_in[self._passed :]


class _LaterUncertain(_Later):
    """The same of a forecast that knows how it may fail."""

    def __init__(self, made: UncertainForecast, passed: int) -> None:
        super().__init__(made, passed)
        self._uncertain = made

    def paths(self, name: str, horizon: int, n: int) -> FloatArray:
        return self._uncertain.paths(name, horizon + self._passed, n)[:, self._passed :]


class Ahead:
    """Closure from 1 on: load and PV are what ``profiles``, those of ``ClosedProfiles``, expect."""

    def __init__(self, community: Community, profiles: Profiles, reactive: Reactive, firm_share: FloatArray) -> None:
        self._community, self._profiles = community, profiles
        self._reactive, self._firm_share = reactive, firm_share
        self._agents = np.arange(community.n_agents)

    def plan(self, inputs: SlotInputs) -> SlotInputs:
        """Load and PV expected when the gate closed."""
        expected = self._profiles.forecast(inputs.time, self._agents)
        load_kw, pv_kw = (expected.series(name, 1)[0] for name in ("load_kw", "pv_kw"))
        to_wh = inputs.time.hours * WH_PER_KWH
        pv_wh = self._reactive.limit_pv(_whole(pv_kw * to_wh), inputs.time.hours)
        return inputs._replace(load_wh=_whole(load_kw * self._firm_share * to_wh), pv_wh=pv_wh)

    def deliver(
        self,
        gate: Gate,
        inputs: SlotInputs,
        planned: SlotInputs,
        firm_wh: IntArray,
        exchange: Exchange,
        asked: AskedKvar | None = None,
    ) -> Exchange:
        """Keep the planned net energy with the PV there is; what is short is imported, what is too much exported.

        Inverters give what is asked of them as far as they can at the power that is delivered.
        """
        wanted = planned.pv_wh - exchange.curtailed_wh + inputs.load_wh - planned.load_wh
        used = np.clip(wanted, 0, inputs.pv_wh)
        short = wanted - used
        lacking, beyond = np.maximum(short, 0), np.maximum(-short, 0)
        less_export = np.minimum(exchange.export_wh, lacking)
        less_import = np.minimum(exchange.import_wh, beyond)
        gate.amend(-short, self._reactive.kvar(self._community, inputs, firm_wh - short, asked))
        return exchange._replace(
            import_wh=exchange.import_wh + lacking - less_export - less_import,
            export_wh=exchange.export_wh + beyond - less_import - less_export,
            curtailed_wh=inputs.pv_wh - used,
        )


def _whole(energy_wh: FloatArray) -> IntArray:
    return np.maximum(np.rint(energy_wh), 0.0).astype(np.int64)
