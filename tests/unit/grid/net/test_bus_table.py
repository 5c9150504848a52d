"""Where an agent can sit: every bus of a net, and the text that leads to it."""

from __future__ import annotations

import copy

import pytest

from marketsim.grid.net import feeders
from marketsim.grid.net.bus_table import bus_rows, buses_of


@pytest.fixture
def odd_net():
    """Names that are other buses' indices, two fused buses, one without supply, two areas."""
    pandapower = pytest.importorskip("pandapower")
    net = pandapower.create_empty_network("odd")
    for index, (kv, name) in {
        0: (20.0, "top"),
        1: (0.4, "2"),
        2: (0.4, "far"),
        3: (0.4, "twin"),
        7: (0.4, "lost"),
    }.items():
        pandapower.create_bus(net, kv, index=index, name=name)
    pandapower.create_ext_grid(net, 0)
    pandapower.create_transformer(net, 0, 1, "0.4 MVA 20/0.4 kV")
    pandapower.create_line(net, 1, 2, 0.1, "NAYY 4x150 SE")
    pandapower.create_switch(net, 2, 3, et="b")
    pandapower.create_load(net, 3, 0.004, 0.001)
    return net


def test_every_text_leads_to_its_bus(odd_net):
    """What the table says for a bus is what the feeder takes for it."""
    from marketsim.grid.net.extraction import extract

    feeder = extract(copy.deepcopy(odd_net))
    rows = {row.index: row for row in bus_rows(feeder, odd_net)}
    assert sorted(rows) == [0, 1, 2, 3, 7]
    assert {index: row.refer for index, row in rows.items()} == {0: "0", 1: "1", 2: "index 2", 3: "3", 7: None}
    for index in (0, 1, 2, 3):
        assert index in feeder.members[feeder.node(rows[index].refer)]
    assert (rows[2].load_kw, rows[3].load_kw) == pytest.approx((4.0, 0.0))
    assert rows[3].remark == "one with bus index 2 (closed switch)"
    assert (rows[0].area, rows[1].area, rows[2].area, rows[7].area) == (1, 2, 2, None)
    assert (rows[7].island, rows[1].island) == (1, None)
    assert "not connected" in rows[7].remark
    assert not rows[7].takes_agents


def test_importers_get_the_same_texts(odd_net):
    from marketsim.grid.net.extraction import extract

    found = buses_of(extract(copy.deepcopy(odd_net)))
    assert found.by_index == {0: "0", 1: "1", 2: "index 2", 3: "3"}
    assert len(found.loaded) == 1


def test_a_feeder_without_a_net_has_its_nodes():
    """feeder141 in copies: names, no indices."""
    rows = bus_rows(feeders.load("feeder141*2"))
    assert len(rows) == 1 + 2 * 140
    assert all(row.takes_agents for row in rows)
    assert {row.refer for row in rows if row.index is None} >= {"7@0", "7@1"}
