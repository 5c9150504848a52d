"""Nets that are handed out can be drawn: by their own coordinates, else as a single-line diagram."""

from __future__ import annotations

import json

import pandapower
import pytest

import marketsim as ms
from marketsim.grid.net.pandapower_nets import feeder, placed


def places(net: pandapower.pandapowerNet) -> dict[int, tuple[float, float]]:
    return {bus: tuple(json.loads(text)["coordinates"]) for bus, text in net.bus.geo.items()}


def test_a_net_without_places_gets_those_of_a_single_line_diagram() -> None:
    """Every line of a tree goes one step to the right, and no two buses share a place."""
    net = ms.feeder("feeder141")
    at = places(net)
    assert len(set(at.values())) == len(net.bus) == 141
    steps = [abs(at[a][0] - at[b][0]) for a, b in zip(net.line.from_bus, net.line.to_bus, strict=True)]
    assert set(steps) == {1.0}
    assert at[net.ext_grid.bus.iat[0]][0] == 0.0


@pytest.mark.parametrize("name", ["case33bw", "mv_oberrhein"])
def test_places_of_its_own_are_kept(name: str) -> None:
    own = feeder(f"pandapower:{name}")
    assert ms.feeder(f"pandapower:{name}").bus.geo.tolist() == own.bus.geo.tolist()


def test_what_no_closed_switch_joins_stands_below() -> None:
    net = feeder("pandapower:create_kerber_dorfnetz")
    cut = net.line.index[-1]
    pandapower.create_switch(net, net.line.from_bus[cut], cut, "l", closed=False)
    at = places(placed(net))
    lost = at.pop(net.line.to_bus[cut])
    assert lost[1] < min(y for _, y in at.values())


def test_a_net_of_a_slot_can_be_drawn(simulated) -> None:
    run = simulated("scenarios/ieee141.yaml", {"clock.slots": 2})
    assert places(run.net(1)).keys() == set(run.net(1).bus.index)


def test_a_net_without_a_source_is_left_as_it_is() -> None:
    net = pandapower.create_empty_network()
    pandapower.create_bus(net, 0.4)
    assert "geo" not in placed(net).bus or placed(net).bus.geo.isna().all()
