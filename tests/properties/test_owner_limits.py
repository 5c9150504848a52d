"""What owners' limits mean in practice: through strategies, market and utility, slot after slot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketsim.agents.params import (
    FixedMarginParams,
    LpParams,
    StorageChoice,
    TruthfulParams,
    UtilityOnlyParams,
    ZeroIntelligenceParams,
    ZipParams,
)
from marketsim.agents.strategies import fixed_margin, truthful, utility_only, zero_intelligence
from marketsim.agents.strategies import zip as zip_plus
from marketsim.core.simulation import Simulation
from marketsim.core.world import Role
from marketsim.devices import battery, ev
from marketsim.devices.params import BatteryParams, EvParams
from marketsim.testing.plain_world import plain_world
from marketsim.testing.strategy_kit import FEED_IN, RETAIL, strategy_context
from marketsim.testing.worlds import ConstantProfiles, community

BATTERY = BatteryParams(energy_kwh=10.0, power_kw=2.0)
CAR = EvParams(energy_kwh=40.0, power_kw=5.0, efficiency=1.0)
FACTORIES = {"battery": battery.build, "ev": ev.build}
STRATEGIES = {
    "utility_only": (utility_only.build, UtilityOnlyParams()),
    "truthful": (truthful.build, TruthfulParams()),
    "fixed_margin": (fixed_margin.build, FixedMarginParams()),
    "zero_intelligence": (zero_intelligence.build, ZeroIntelligenceParams()),
    "zip": (zip_plus.build, ZipParams()),
    "lp": (truthful.build, TruthfulParams(storage=StorageChoice(lp=LpParams(horizon_slots=4, every=2)))),
}
TRADING = [name for name in STRATEGIES if name != "utility_only"]


class CarProfiles(ConstantProfiles):
    """Constant load and PV; a car that is there from the start, lacks energy, and leaves after ``stay`` slots."""

    def __init__(self, load_kw, pv_kw, lacking_kwh, stay):
        super().__init__(load_kw, pv_kw)
        self._lacking, self._stay = np.array(lacking_kwh, dtype=float), stay

    def at(self, time):
        here = np.full(len(self._lacking), float(time.slot < self._stay))
        return {
            **super().at(time),
            "ev_connected": here,
            "ev_slots_left": here * (self._stay - time.slot),
            "ev_arrival_kwh": self._lacking * (time.slot == 0),
        }


def simulate(name, devices, profiles, slots=6, rounds=3):
    """Records of hours in which everybody has the strategy ``name``."""
    build, params = STRATEGIES[name]
    context = strategy_context(devices, slots=slots, slot_minutes=60)
    fleets = [FACTORIES[fleet]([own.get(fleet) for own in devices], context) for fleet in context.device_names]
    cast = [Role(build(params, context), np.arange(len(devices)))]
    world = plain_world(community(len(devices)), profiles, cast, fleets, slots=slots, rounds=rounds)
    return list(Simulation(world).run())


@pytest.mark.parametrize("name", TRADING)
def test_a_bid_below_retail_is_never_bought_at_retail(name):
    """Half-empty batteries without a seller in sight draw nothing: imports are the firm demand and no more."""
    for record in simulate(name, [{"battery": BATTERY}] * 3, ConstantProfiles([0.0] * 3, [0.0] * 3)):
        assert not record.exchange.import_wh.any()
        assert not record.energy.device_wh.any()


@pytest.mark.parametrize("name", TRADING)
def test_stored_energy_is_never_dumped_at_the_feed_in_tariff(name):
    """Half-full batteries without a buyer in sight keep what they have."""
    for record in simulate(name, [{"battery": BATTERY}] * 3, ConstantProfiles([0.0] * 3, [1.0, 0.0, 0.0])):
        assert (record.exchange.export_wh <= record.inputs.pv_wh).all()
        assert (record.energy.device_wh <= 0).all()


@pytest.mark.parametrize("name", TRADING)
def test_stored_energy_is_sold_at_its_limit_or_better(name):
    """Whatever a battery sells brings at least its declared value."""
    devices = [{"battery": BATTERY}, {}, {"battery": BATTERY}, {}]
    sold = 0
    for record in simulate(name, devices, ConstantProfiles([0.0, 3.0, 0.0, 2.0], [0.0] * 4)):
        for sell, price, energy in zip(
            record.trades.sell_order, record.trades.seller_ticks, record.trades.energy_wh, strict=True
        ):
            agent = record.orders.agent[sell]
            assert price >= record.positions.marginal_ticks[0, agent]
            sold += int(energy)
    assert sold > 0


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_a_vehicle_without_sellers_charges_at_its_deadline(name):
    """It takes 20 kWh at 5 kW from the utility in its last hours, or at once where its strategy never waits."""
    profiles = CarProfiles([0.5, 0.5], [0.0, 0.0], [20.0, 0.0], 6)
    records = simulate(name, [{"ev": CAR}, {}], profiles, slots=7)
    charged = [-int(record.energy.device_wh[0, 0]) for record in records]
    early = [5_000] * 4 + [0] * 3
    late = [0, 0, *[5_000] * 4, 0]
    assert charged == (early if name == "utility_only" else late)
    assert not any(record.energy.unserved_wh.any() for record in records)


@pytest.mark.parametrize("name", TRADING)
def test_a_vehicle_beside_sellers_charges_from_them(name):
    """Surplus of a neighbour goes into the car before its deadline, below retail."""
    profiles = CarProfiles([0.0, 0.0], [0.0, 4.0], [10.0, 0.0], 6)
    records = simulate(name, [{"ev": CAR}, {}], profiles, slots=6, rounds=20)
    assert sum(int(record.energy.bought_wh[0]) for record in records) > 0
    for record in records:
        assert (record.trades.price_ticks < RETAIL).all()


def test_the_reference_trades_with_nobody():
    devices = [{"battery": BATTERY}, {}]
    for record in simulate("utility_only", devices, ConstantProfiles([0.5, 2.0], [4.0, 0.0])):
        assert record.trades.size == 0
        assert record.exchange.export_wh[0] + record.exchange.curtailed_wh[0] == 3_500 + record.energy.device_wh[0, 0]


POWERS = st.lists(st.floats(0.0, 5.0, allow_subnormal=False), min_size=4, max_size=4)


@settings(max_examples=25)
@given(load_kw=POWERS, pv_kw=POWERS, name=st.sampled_from(list(STRATEGIES)), lacking=st.floats(0.0, 25.0))
def test_nobody_pays_more_than_the_utility_alone_would_take(load_kw, pv_kw, name, lacking):
    """All laws of the slot hold with any strategy, and every price lies within the tariffs."""
    devices = [{"battery": BATTERY}, {"ev": CAR}, {}, {"battery": BATTERY, "ev": CAR}]
    profiles = CarProfiles(load_kw, pv_kw, [0.0, lacking, 0.0, lacking], 5)
    for record in simulate(name, devices, profiles):
        prices = np.concatenate((record.trades.buyer_ticks, record.trades.seller_ticks))
        assert ((prices >= FEED_IN) & (prices <= RETAIL)).all()
        assert (record.rejects.energy_wh == 0).all()
