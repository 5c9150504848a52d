"""The Mesa model: agents are views of a simulation, and leave nothing behind."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import mesa
import numpy as np
import pytest

from marketsim.agents.members import Consumer, Participant, Prosumer
from marketsim.agents.model import BUILT_IN_KINDS, MarketModel, decides
from marketsim.agents.params import TruthfulParams
from marketsim.agents.strategies import truthful
from marketsim.agents.utility import Utility
from marketsim.core.build import BuildContext
from marketsim.core.rng import Streams
from marketsim.core.simulation import Simulation
from marketsim.core.world import Role
from marketsim.devices.battery import build as build_battery
from marketsim.devices.params import BatteryParams
from marketsim.testing.plain_world import plain_world
from marketsim.testing.strategy_kit import specs
from marketsim.testing.worlds import ConstantProfiles, clock, community

BATTERY = BatteryParams(energy_kwh=10.0, power_kw=2.0)


def model_of(load_kw, pv_kw, *, batteries=None, n_markets=1, slots=4):
    """Truthful agents at constant load and PV; every second one is a prosumer."""
    n = len(load_kw)
    equipped = batteries or [{}] * n
    kinds = ("prosumer", "consumer")
    agents = tuple(replace(spec, kind=kinds[row % 2]) for row, spec in enumerate(specs(equipped)))
    place, seeds = community(n, n_markets), tuple(range(n_markets))
    bare = BuildContext(clock(slots), Streams(seeds), place, agents, rows=np.arange(n * n_markets))
    rows = [agent.devices.get("battery") for agent in agents] * n_markets
    fleets = (build_battery(rows, bare),) if batteries else ()
    context = replace(bare, fleets=tuple(fleet.info for fleet in fleets))
    profiles = ConstantProfiles(list(load_kw) * n_markets, list(pv_kw) * n_markets)
    cast = [Role(truthful.build(TruthfulParams(), context), np.arange(n * n_markets))]
    world = plain_world(place, profiles, cast, fleets, slots=slots, seeds=seeds)
    return MarketModel(Simulation(world), agents)


def test_agents_have_the_kinds_of_their_specs():
    with model_of([1.0, 1.0], [3.0, 0.0]) as model:
        assert [type(member) for member in model.members] == [Prosumer, Consumer]
        assert [member.name for member in model.members] == ["a0", "a1"]
        assert [member.kind for member in model.members] == ["prosumer", "consumer"]
        assert len(model.agents) == 3
        assert isinstance(model.utilities[0], Utility)


def test_agents_show_nothing_before_the_first_slot():
    with model_of([1.0, 1.0], [3.0, 0.0]) as model:
        seller = model.members[0]
        quantities = ("load_kw", "pv_kw", "net_kwh", "bought_kwh", "sold_kwh", "imported_kwh", "exported_kwh", "paid")
        assert [getattr(seller, name) for name in quantities] == [0.0] * len(quantities)
        assert set(seller.bill.values()) == {0.0}
        assert model.utilities[0].delivered_kwh == model.utilities[0].taken_kwh == 0.0


def test_agents_are_views_of_the_last_slot():
    """1 kW of load beside 3 kW of PV: the surplus of 2 goes half to the neighbour, half to the utility."""
    with model_of([1.0, 1.0], [3.0, 0.0]) as model:
        model.step()
        seller, buyer = model.members
        assert (seller.load_kw, seller.pv_kw, seller.net_kwh) == (1.0, 3.0, 2.0)
        assert (seller.sold_kwh, seller.exported_kwh, seller.curtailed_kwh) == (1.0, 1.0, 0.0)
        assert (buyer.bought_kwh, buyer.imported_kwh, buyer.net_kwh) == (1.0, 0.0, -1.0)
        assert np.isnan(seller.voltage_pu)
        assert buyer.paid == pytest.approx(buyer.bill["peer_purchases"])
        assert 0.08 <= buyer.paid <= 0.30


def test_payments_add_up_over_the_run():
    """What agents paid so far is the sum over the slots, and all accounts together are zero to the last unit."""
    with model_of([1.0, 2.0, 0.5], [3.0, 0.0, 0.0]) as model:
        paid = [[member.paid for member in model.members] for _ in model.run()]
        assert [member.paid_so_far for member in model.members] == pytest.approx(np.sum(paid, axis=0))
        agents = sum(model.paid_by_agents.money(row) for row in range(3))
        assert agents + model.paid_by_utilities.money(0) + model.paid_by_operators.money(0) == 0
        assert model.utilities[0].received_so_far == pytest.approx(agents / 1e9)


def test_the_utility_posts_the_tariff():
    with model_of([1.0, 1.0], [3.0, 0.0]) as model:
        utility = model.utilities[0]
        assert (utility.retail, utility.feed_in, utility.wholesale) == (0.30, 0.08, None)
        model.step()
        assert (utility.delivered_kwh, utility.taken_kwh) == (0.0, 1.0)
        assert repr(utility) == "<Utility utility: retail 0.3, feed-in 0.08>"


def test_a_prosumer_shows_its_battery():
    """Own surplus of 2 kWh fills the battery by 95 % of it, from half of 10 kWh on."""
    with model_of([1.0, 0.0], [3.0, 0.0], batteries=[{"battery": BATTERY}, {}]) as model:
        assert model.members[0].soc_kwh == 5.0
        model.step()
        assert model.members[0].soc_kwh == pytest.approx(6.9)
        assert model.members[0].device_state("battery") == pytest.approx([6900.0])


def test_who_has_no_battery_stores_nothing():
    with model_of([1.0, 1.0], [3.0, 0.0]) as model:
        assert model.members[0].soc_kwh == 0.0
        with pytest.raises(KeyError, match="no device 'battery' in this simulation; there are: none"):
            model.members[0].device_state("battery")


def test_markets_have_their_own_agents_and_utilities():
    with model_of([1.0, 1.0], [3.0, 0.0], n_markets=2) as model:
        model.step()
        assert [member.market for member in model.members] == [0, 0, 1, 1]
        assert [utility.name for utility in model.utilities] == ["utility 0", "utility 1"]
        assert [utility.taken_kwh for utility in model.utilities] == [1.0, 1.0]


def test_a_model_runs_to_the_end_of_its_clock():
    with model_of([1.0, 1.0], [3.0, 0.0], slots=3) as model:
        assert [record.inputs.time.slot for record in model.run()] == [0, 1, 2]
        assert not model.running
        assert model.utilities[0].retail == 0.30


def test_mesa_sees_the_agents():
    """Agents are ordinary Mesa agents: selected, mapped and counted by Mesa's own means."""
    with model_of([1.0, 1.0, 1.0], [3.0, 0.0, 0.0]) as model:
        model.step()
        buyers = model.agents.select(lambda agent: isinstance(agent, Participant) and agent.bought_kwh > 0)
        assert {agent.name for agent in buyers} == {"a1", "a2"}
        assert model.steps == 1


def test_built_in_kinds_leave_decisions_to_their_strategy():
    assert not any(decides(kind) for kind in BUILT_IN_KINDS.values())
    with model_of([1.0, 1.0], [3.0, 0.0]) as model:
        assert model.members[0].decide(None) is None


def test_a_custom_kind_may_be_its_own_class():
    class Farm(Prosumer):
        def decide(self, view):
            return []

    assert decides(Farm)


def test_a_closed_model_is_not_kept():
    """Mesa's registry of identifiers forgets a closed model, so that it can be collected (Mesa issue 3180)."""
    model = model_of([1.0, 1.0], [3.0, 0.0])
    model.step()
    gone = weakref.ref(model)
    model.close()
    assert len(model.agents) == 0
    del model
    gc.collect()
    assert gone() is None


@pytest.mark.full
def test_a_thousand_models_leave_nothing_behind():
    """Neither Mesa's registry nor the number of living objects grows over a thousand simulations."""

    def simulate(times):
        for _ in range(times):
            with model_of([1.0, 1.0], [3.0, 0.0], slots=1) as model:
                model.step()
        gc.collect()
        return len(gc.get_objects()), len(getattr(mesa.Agent, "_ids", ()))

    simulate(5)
    objects, registered = simulate(5)
    later, still_registered = simulate(1_000)
    assert later - objects < 100
    assert still_registered == registered


def test_a_step_calls_no_agent():
    """A step of built-in strategies runs no Python of any agent: its cost is that of arrays."""

    class Quiet(Prosumer):
        def step(self):
            raise AssertionError("an agent was stepped")

    with model_of([1.0, 1.0], [3.0, 0.0]) as model:
        again = MarketModel(
            model.simulation, [member.spec for member in model.members], {"prosumer": Quiet, "consumer": Quiet}
        )
        again.step()
        again.close()
