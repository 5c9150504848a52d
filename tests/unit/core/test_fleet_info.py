"""What a fleet says of itself, and what is wrong with what others say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import marketsim as ms
from marketsim.core.errors import PluginError
from marketsim.core.fleets import FleetInfo, PriceInfo, Sessions, StayInfo, StoreInfo, faults_of
from marketsim.testing.strategy_kit import FULLY_EQUIPPED, fleet_of

TWO = np.array([True, False])
PLAIN = FleetInfo("thing", TWO, np.array([3.0, 0.0]), np.zeros(2))


STAYING = replace(PLAIN, stay=StayInfo(*(np.zeros(2) for _ in StayInfo._fields)))
ONE = Sessions(np.array([1.0]), np.array([2.0]), np.array([3.0]))


def test_sessions_belong_to_their_agents():
    """One entry an agent; rows of the fleet have those of their agents."""
    info = replace(STAYING, sessions=(ONE, None))
    assert faults_of(info, "thing", 2) == []
    assert info.of(np.array([1, 0, 0])).sessions == (None, ONE, ONE)


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (replace(STAYING, sessions=(ONE,)), "info.sessions must be a tuple with an entry for each of 2 agents"),
        (replace(PLAIN, sessions=(ONE, None)), "beside info.stay"),
        (replace(STAYING, sessions=(ONE._replace(energy_kwh=np.zeros(2)), None)), "info.sessions[0] must be Sessions"),
        (replace(STAYING, sessions=(None, 7)), "info.sessions[1] must be Sessions"),
    ],
)
def test_sessions_that_fit_no_fleet_are_named(info, message):
    assert message in "; ".join(faults_of(info, "thing", 2))


def test_a_fleet_is_what_it_declares():
    """Kind and flags follow from what is set; a store is one whatever else it is."""
    kinds = {name: fleet_of(name, [FULLY_EQUIPPED]) for name in FULLY_EQUIPPED}
    assert {name: info.kind for name, info in kinds.items()} == {
        "battery": "store",
        "ev": "deferrable",
        "heat_pump": "deferrable",
        "curtailable_load": "priced",
        "generator": "priced",
    }
    assert [name for name, info in kinds.items() if info.departs] == ["ev"]
    assert [name for name, info in kinds.items() if info.stores] == ["battery"]
    assert [name for name, info in kinds.items() if info.priced] == ["curtailable_load", "generator"]


def test_rows_of_a_fleet_are_those_of_every_column():
    """Also of the columns within store, price and stay; what is not set stays unset."""
    price = PriceInfo(np.array([0.1, 0.0]), np.zeros(2))
    one = replace(PLAIN, price=price, load_share=np.array([0.5, 0.0])).of(np.array([1, 0, 0]))
    assert one.owned.tolist() == [False, True, True]
    assert one.rated_in_kw.tolist() == [0.0, 3.0, 3.0]
    assert one.price.cost.tolist() == [0.0, 0.1, 0.1]
    assert one.load_share.tolist() == [0.0, 0.5, 0.5]
    assert (one.store, one.stay, one.annual_heat_kwh, one.name) == (None, None, None, "thing")


def test_a_whole_declaration_has_no_faults():
    assert faults_of(PLAIN, "thing", 2) == []


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (None, "must be a marketsim.core.fleets.FleetInfo, not NoneType"),
        (replace(PLAIN, name="other"), "has the name 'other', but it is registered as 'thing'"),
        (replace(PLAIN, rated_in_kw=np.zeros(3)), "rated_in_kw must be an array of 2 agents, not shape (3,)"),
        (replace(PLAIN, rated_in_kw=3.0), "rated_in_kw must be an array of 2 agents, not float"),
        (replace(PLAIN, owned=None), "owned must be an array of 2 agents, not NoneType"),
        (replace(PLAIN, owned=np.array([1, 0])), "owned must be true or false"),
        (replace(PLAIN, rated_in_kw=np.array([np.nan, 0.0])), "rated_in_kw must be at least 0 and finite"),
        (replace(PLAIN, rated_out_kw=np.array([-1.0, 0.0])), "rated_out_kw must be at least 0 and finite"),
        (replace(PLAIN, rated_in_kw=np.array([3.0, 1.0])), "0 for who has no device"),
        (replace(PLAIN, price=PriceInfo(np.zeros(1), np.zeros(2))), "price.cost must be an array of 2 agents"),
        (
            replace(PLAIN, store=StoreInfo(*[np.ones(2)] * 4), price=PriceInfo(np.zeros(2), np.zeros(2))),
            "both store and price",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_declaration_is_said(info, message):
    assert any(message in fault for fault in faults_of(info, "thing", 2))


PLUGIN = """\
import numpy as np
import marketsim as ms
from marketsim.core.fleets import FleetInfo
from marketsim.core.records import DeviceRange

class Kettles:
    def __init__(self, rows):
        self.info = FleetInfo("kettle", np.array([row is not None for row in rows]), {rated}, np.zeros(len(rows)))

    def initial(self):
        return np.zeros((0, len(self.info.owned)))

    def range(self, state, inputs):
        none = np.zeros(len(self.info.owned), dtype=np.int64)
        return DeviceRange(none, none, none, np.full(len(none), np.nan))

    def advance(self, state, inputs, energy_wh):
        return state, np.zeros_like(energy_wh)

    {running_cost}

@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="device", name="kettle", build=lambda params, context: Kettles(params))
"""
COST = "def running_cost(self, energy_wh, unserved_wh):\n        return np.zeros_like(energy_wh)"


def kettles(tmp_path, rated="np.zeros(len(rows))", running_cost=COST):
    """A run of four slots with a device of a plugin."""
    (tmp_path / "kettle.py").write_text(PLUGIN.format(rated=rated, running_cost=running_cost))
    agents = [{"kind": "prosumer", "count": 2, "pv_kw": 3, "load": {"annual_kwh": 3000}, "kettle": {}}]
    agents.append({"kind": "consumer", "load": {"annual_kwh": 3000}})
    return ms.simulate(
        {
            "name": "kettles",
            "clock": {"start": "2016-07-12", "slots": 4, "slot_minutes": 60},
            "tariff": {"flat": {"retail": 0.3, "feed_in": 0.08}},
            "agents": agents,
            "plugins": [str(tmp_path / "kettle.py")],
        }
    )


def test_a_device_of_a_plugin_runs_by_what_it_declares(tmp_path):
    """The correct one beside the broken ones below."""
    assert kettles(tmp_path).status == "complete"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rated": "np.zeros(1)"}, "plugin kettle: device 'kettle': info.rated_in_kw must be an array of 3 agents"),
        ({"rated": "-np.ones(len(rows))"}, "plugin kettle: device 'kettle': info.rated_in_kw must be at least 0"),
        (
            {"running_cost": "x = 1"},
            "plugin kettle: device 'kettle': Kettles has no running_cost, which the port Device",
        ),
    ],
)
def test_a_broken_device_of_a_plugin_is_named(tmp_path, changes, message):
    """Before the run: the plugin, the device and the column."""
    with pytest.raises(PluginError) as caught:
        kettles(tmp_path, **changes)
    assert message in str(caught.value)
