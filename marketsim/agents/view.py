"""What one agent of the simple form sees and says, in kWh, currency/kWh and kvar."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from marketsim.agents.stage import Stage
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.records import FIRM, PV, DeviceRange, Fallback, Side
from marketsim.core.units import TICKS_PER_CURRENCY, WH_PER_KWH, to_ticks, to_wh

_MOST_KWH, _MOST_PRICE, _MOST_KVAR = 1e9, 1e6, 1e9


class Order(NamedTuple):
    """An order of one agent; made by ``AgentView.buy`` and ``AgentView.sell``."""

    side: int
    price_ticks: int
    energy_wh: int
    component: int
    fallback: int


class DeviceView(NamedTuple):
    """One device in this slot [kWh]: net energy, drawing negative."""

    name: str
    lo_kwh: float
    """The most that it can draw, as a negative number."""
    firm_kwh: float
    """What happens in any case: minus what must be drawn now."""
    hi_kwh: float
    """The most that it can deliver."""
    level: float
    """State of charge, 0..1; NaN for a device without a store."""
    planned_kwh: float
    """What is going to flow whether or not anything trades."""
    up_kwh: float
    """What could be sold on top of that."""
    down_kwh: float
    """What could be bought on top of that."""


class AgentView:
    """One agent's slot. Energies in kWh, prices in currency/kWh; drawing is negative."""

    __slots__ = ("_agent", "_rng", "_stage")

    def __init__(self, stage: Stage, agent: int) -> None:
        self._stage, self._agent = stage, agent
        self._rng: np.random.Generator | None = None

    @property
    def slot(self) -> int:
        """Slots since the start of the run."""
        return self._stage.seen.time.slot

    @property
    def day(self) -> int:
        """Days since the start of the run."""
        return self._stage.seen.time.day

    @property
    def hour(self) -> float:
        """Hour of the day at which the slot begins."""
        return self._stage.seen.time.hour

    @property
    def slot_hours(self) -> float:
        """Length of the slot [h]."""
        return self._stage.seen.time.hours

    @property
    def retail(self) -> float:
        """What the utility asks."""
        return self._price(self._stage.seen.retail_ticks)

    @property
    def feed_in(self) -> float:
        """What the utility pays."""
        return self._price(self._stage.seen.feed_in_ticks)

    @property
    def last_price(self) -> float:
        """Mean price of the market's last slot with a trade; the middle of the tariffs before there is one."""
        return self._price(self._stage.seen.last_price_ticks)

    @property
    def load_kwh(self) -> float:
        """Own firm load of the slot."""
        return self._energy(self._stage.seen.load_wh)

    @property
    def pv_kwh(self) -> float:
        """Own PV of the slot."""
        return self._energy(self._stage.seen.pv_wh)

    @property
    def demand_kwh(self) -> float:
        """What has to be bought, from peers or from the utility, as the devices are planned now."""
        return self._energy(self._stage.now()[1].firm_demand_wh)

    @property
    def surplus_kwh(self) -> float:
        """PV left for sale, as the devices are planned now."""
        return self._energy(self._stage.now()[1].surplus_wh)

    @property
    def last_fill(self) -> float:
        """Share of the own offered energy that was traded in the last slot."""
        return float(self._stage.seen.last_fill[self._agent])

    @property
    def last_refused(self) -> float:
        """Share of the own offered energy that the grid refused in the last slot."""
        return float(self._stage.seen.last_refused[self._agent])

    @property
    def voltage_pu(self) -> float:
        """Own bus voltage at the end of the last slot; NaN without a grid or before the first slot."""
        return float(self._stage.seen.voltage_pu[self._agent])

    @property
    def rng(self) -> np.random.Generator:
        """Random numbers of this agent and slot, the same in every run with the same seed."""
        if self._rng is None:
            self._rng = np.random.Generator(np.random.PCG64(int(self._stage.seen.keys[self._agent])))
        return self._rng

    @property
    def devices(self) -> tuple[str, ...]:
        """Names of the fleets of the simulation; a device that the agent does not have can do nothing."""
        return self._stage.seen.device_names

    @property
    def battery(self) -> DeviceView:
        """The device ``battery``."""
        return self.device("battery")

    @property
    def ev(self) -> DeviceView:
        """The device ``ev``."""
        return self.device("ev")

    @property
    def heat_pump(self) -> DeviceView:
        """The device ``heat_pump``."""
        return self.device("heat_pump")

    def device(self, name: str) -> DeviceView:
        """A device by its name; one that nobody has can do nothing."""
        if name not in self.devices:
            return DeviceView(name, 0.0, 0.0, 0.0, math.nan, 0.0, 0.0, 0.0)
        index = self.devices.index(name)
        reach: DeviceRange = self._stage.seen.ranges[index]
        plan, standing = self._stage.now()
        return DeviceView(
            name=name,
            lo_kwh=self._energy(reach.lo_wh),
            firm_kwh=self._energy(reach.firm_wh),
            hi_kwh=self._energy(reach.hi_wh),
            level=float(reach.level[self._agent]),
            planned_kwh=self._energy(plan.dispatch_wh[index]),
            up_kwh=self._energy(standing.up_wh[index]),
            down_kwh=self._energy(standing.down_wh[index]),
        )

    def forecast(self, series: str, horizon: int) -> FloatArray:
        """Forecast of ``load_kw``, ``pv_kw`` or another series for this and the following slots [horizon]."""
        return np.asarray(self._stage.series(series, horizon)[:, self._agent])

    def prices(self, horizon: int) -> tuple[FloatArray, FloatArray]:
        """Published retail and feed-in prices of this and the following slots, each [horizon]."""
        retail, feed_in = self._stage.prices(horizon)
        return retail[:, self._agent], feed_in[:, self._agent]

    def buy(self, energy_kwh: float, price: float, device: str | None = None, fallback: str | None = None) -> Order:
        """A bid of at most ``price``: for the firm demand, or for a device to draw more than is planned.

        ``fallback``: ``utility`` buys the rest at retail, ``keep`` does without (default); firm demand is always
        served. Raises ValueError for a malformed number, an unknown device or fallback.
        """
        return self._order(Side.BUY, energy_kwh, price, device, fallback)

    def sell(self, energy_kwh: float, price: float, device: str | None = None, fallback: str | None = None) -> Order:
        """An offer of at least ``price``: of PV surplus, or of a device that delivers more than is planned.

        ``fallback``: ``utility`` exports the rest at the feed-in tariff (default for PV), ``keep`` does not (default
        for devices). Raises ValueError for a malformed number, an unknown device or fallback.
        """
        return self._order(Side.SELL, energy_kwh, price, device, fallback)

    def dispatch(self, device: str, energy_kwh: float) -> None:
        """Run a device whether or not anything trades: net energy, drawing negative; held to what it can do.

        The default behaviour then leaves it alone and plans the other devices around it.
        Raises ValueError for a malformed number or an unknown device.
        """
        index = self._index(device)
        reach = self._stage.seen.ranges[index]
        wanted = int(to_wh(_checked("energy_kwh", energy_kwh, -_MOST_KWH, _MOST_KWH)))
        held = min(max(wanted, int(reach.lo_wh[self._agent])), int(reach.hi_wh[self._agent]))
        self._stage.fix(index, self._agent, held)

    def ask_kvar(self, kvar: float) -> None:
        """Ask the own inverter for reactive power on top of what ``grid.reactive`` has it do; injection is positive [kvar].

        It gives what its apparent power leaves beside any active power that the slot may bring; without an inverter,
        nothing. Raises ValueError for a malformed number.
        """
        self._stage.ask(self._agent, _checked("kvar", kvar, -_MOST_KVAR, _MOST_KVAR))

    def _order(self, side: Side, energy_kwh: float, price: float, device: str | None, fallback: str | None) -> Order:
        component = (FIRM if side == Side.BUY else PV) if device is None else self._index(device)
        choice = fallback or ("keep" if component >= 0 else "utility")
        if choice not in ("utility", "keep"):
            raise ValueError(f"fallback is 'utility' or 'keep', not {fallback!r}")
        return Order(
            int(side),
            int(to_ticks(_checked("price", price, -_MOST_PRICE, _MOST_PRICE))),
            int(to_wh(_checked("energy_kwh", energy_kwh, 0.0, _MOST_KWH))),
            component,
            int(Fallback.UTILITY if choice == "utility" else Fallback.KEEP),
        )

    def _index(self, device: str) -> int:
        if device not in self.devices:
            raise ValueError(f"no device {device!r} in this simulation; there are: {', '.join(self.devices) or 'none'}")
        return self.devices.index(device)

    def _energy(self, row: IntArray) -> float:
        return int(row[self._agent]) / WH_PER_KWH

    def _price(self, row: IntArray) -> float:
        return int(row[self._agent]) / TICKS_PER_CURRENCY


def _checked(name: str, value: float, least: float, most: float) -> float:
    number = float(value)
    if not least <= number <= most:
        raise ValueError(f"{name} has to be a number from {least:g} to {most:g}, not {value!r}")
    return number
