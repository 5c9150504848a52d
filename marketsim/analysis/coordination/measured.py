"""One day of one way to run a community, measured where it meets the rest of the world: at the pool's meter."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from marketsim.agents.strategies.coordinated import Coordinated
from marketsim.analysis.trajectory import outside
from marketsim.app.wiring import Built
from marketsim.core.arrays import FloatArray
from marketsim.core.metric import ratio
from marketsim.core.records import SlotRecord
from marketsim.core.simulation import Simulation
from marketsim.core.units import MONEY_PER_CURRENCY, WH_PER_KWH, to_price
from marketsim.core.world import World
from marketsim.metrics.energy import refused
from marketsim.optimise.pool import PlannedDay

_ROUNDING_KWH: Final = 0.01
"""A plan in floats may miss so much in a day for being followed in whole Wh."""


class MeasuredDay(NamedTuple):
    """A day from noon to noon."""

    net_kw: FloatArray
    """What all agents together draw, negative: they inject [slots]."""
    cost: float
    """All payments, wear, fuel and curtailment; what stores lack at the end counts as bought at the mean retail price, what they
    hold more as sold at the mean feed-in tariff [currency]."""
    stored_kwh: float
    """What stores hold more at the end than at the beginning, as it could be delivered."""
    pv_kwh: float
    """That could have been generated."""
    unused_kwh: float
    """Of it, curtailed or exported by all together."""
    refused_kwh: float
    """What the grid refused, as far as it was open at the end of its slot."""
    missed_kwh: float
    """What vehicles, buffers and shiftable loads missed; curtailment is a cost."""
    slots_outside: int
    """Slots that end outside a limit of the feeder."""
    plan: PlannedDay | None = None
    """What a pool planned at noon."""
    spent: FloatArray = np.zeros(0)
    """All payments, wear, fuel and curtailment alone [currency] [slots]."""
    put_by_kwh: FloatArray = np.zeros(0)
    """What stores hold more at the end of a slot than at its beginning, as it could be delivered [slots]."""
    middle_price: float = 0.0
    """Mean of the tariffs' middle [currency/kWh]."""

    @property
    def peak_kw(self) -> float:
        """Largest import of all together."""
        return max(float(self.net_kw.max(initial=0.0)), 0.0)

    @property
    def load_factor(self) -> float | None:
        """Mean import over the largest; None where nothing is imported."""
        return ratio(float(np.maximum(self.net_kw, 0.0).mean()), self.peak_kw)

    @property
    def solar_utilisation(self) -> float | None:
        """Share of the PV that is neither curtailed nor exported by all together; None without PV."""
        unused = ratio(self.unused_kwh, self.pv_kwh)
        return None if unused is None else 1.0 - min(unused, 1.0)

    @property
    def optimal(self) -> bool:
        """Whether it went by an optimal plan: nothing was refused, and nothing missed beyond what whole Wh leave."""
        return (
            self.plan is not None
            and self.plan.gap == 0.0
            and self.refused_kwh == 0.0
            and self.missed_kwh < _ROUNDING_KWH
        )


def measured(built: Built, world: World, noon: int) -> MeasuredDay:
    """Run a world of one market, and measure it from the slot ``noon`` on."""
    simulation = Simulation(world)
    rows: list[dict[str, float]] = []
    plan = None
    for record in simulation.run():
        if record.inputs.time.slot == noon:
            plan = _plan_of(world)
        if record.inputs.time.slot >= noon:
            rows.append(_row(built, world, record))
    total = {name: sum(row[name] for row in rows) for name in rows[0]}
    retail, feed_in = (float(np.mean([row[name] for row in rows])) for name in ("retail", "feed_in"))
    stored = total["stored_kwh"]
    return MeasuredDay(
        net_kw=np.array([row["net_kw"] for row in rows]),
        cost=total["paid"] + total["wear"] - stored * max(feed_in if stored > 0.0 else retail, 0.0),
        stored_kwh=stored,
        pv_kwh=total["pv_kwh"],
        unused_kwh=total["unused_kwh"],
        refused_kwh=total["refused_kwh"],
        missed_kwh=total["missed_kwh"],
        slots_outside=int(total["outside"]),
        plan=plan,
        spent=np.array([row["paid"] + row["wear"] for row in rows]),
        put_by_kwh=np.array([row["stored_kwh"] for row in rows]),
        middle_price=(retail + feed_in) / 2.0,
    )


def _plan_of(world: World) -> PlannedDay | None:
    """The plan that is followed, where everybody is of one pool."""
    strategy = world.cast[0].strategy
    latest = strategy.fleets.latest if isinstance(strategy, Coordinated) and len(world.cast) == 1 else None
    return None if latest is None else latest.markets[0]


def _row(built: Built, world: World, record: SlotRecord) -> dict[str, float]:
    energy, inputs = record.energy, record.inputs
    net_wh = int(energy.net_wh.sum())
    curtailed_wh = int(record.exchange.curtailed_wh.sum())
    demanding = np.array([not device.info.priced for device in world.devices], dtype=bool)
    beyond = False
    if built.grid is not None:
        beyond = bool(outside(built.grid, record.grid.v_pu[:1], record.grid.loading[:1])[0])
    return {
        "net_kw": -net_wh / WH_PER_KWH / inputs.time.hours,
        "paid": float(record.ledger.money.sum()) / MONEY_PER_CURRENCY,
        "wear": float(record.wear_money.sum()) / MONEY_PER_CURRENCY,
        "stored_kwh": _stored_kwh(world, record),
        "retail": float(to_price(inputs.tariffs.retail_ticks)[0]),
        "feed_in": float(to_price(inputs.tariffs.feed_in_ticks)[0]),
        "pv_kwh": float(inputs.pv_wh.sum()) / WH_PER_KWH,
        "unused_kwh": (curtailed_wh + min(max(net_wh, 0), int(energy.pv_used_wh.sum()))) / WH_PER_KWH,
        "refused_kwh": refused(record.rejects)["rejected_wh"] / WH_PER_KWH,
        "missed_kwh": float(energy.unserved_wh[demanding].sum()) / WH_PER_KWH,
        "outside": float(beyond),
    }


def _stored_kwh(world: World, record: SlotRecord) -> float:
    """What was put in store less what was taken out, as energy that could be delivered [kWh]."""
    total = 0.0
    for fleet, device in enumerate(world.devices):
        store = device.info.store
        if store is not None:
            moved = record.energy.device_wh[fleet]
            content = (
                store.charge_efficiency * np.maximum(-moved, 0) - np.maximum(moved, 0) / store.discharge_efficiency
            )
            total += float((content * store.discharge_efficiency).sum())
    return total / WH_PER_KWH
