from __future__ import annotations

from pathlib import Path

import pandapower
import pytest

from marketsim.core.errors import NetworkError
from marketsim.grid.net import feeders
from marketsim.grid.net.feeder import FeederOptions
from marketsim.grid.net.pandapower_nets import feeder


def test_the_loads_of_feeder141_by_bus() -> None:
    loads = feeders.bus_loads("feeder141")
    assert len(loads) == 84
    kw, kvar = loads["80"]
    assert (kw, kvar) == pytest.approx((750.0 * 0.85, 750.0 * (1.0 - 0.85**2) ** 0.5))
    assert "1" not in loads


def test_the_loads_of_a_pandapower_net_by_bus_in_kw() -> None:
    net = feeder("pandapower:simple_four_bus_system")
    loads = feeders.bus_loads("pandapower:simple_four_bus_system")
    assert sum(kw for kw, _ in loads.values()) == pytest.approx(net.load.p_mw.sum() * 1e3)
    assert sum(kvar for _, kvar in loads.values()) == pytest.approx(net.load.q_mvar.sum() * 1e3)
    assert list(loads) == [net.bus.name.at[bus] for bus in net.load.bus]


def test_a_net_file_of_the_scenarios_folder_is_a_feeder(tmp_path: Path) -> None:
    pandapower.to_json(feeder("feeder141"), str(tmp_path / "net.json"))
    loaded = feeders.load("file:net.json", tmp_path, FeederOptions(source_pu=1.01))
    assert loaded.network.source_pu == 1.01
    assert loaded.network.bus_names == feeders.load("feeder141").network.bus_names


def test_an_unknown_feeder_is_an_input_error() -> None:
    with pytest.raises(NetworkError, match="unknown feeder"):
        feeders.load("feeder9")


def test_a_net_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    """Parsing is kept by the file's text, so writing it anew counts at once."""
    net = feeder("feeder141")
    for source_pu in (1.0, 1.03):
        net.ext_grid["vm_pu"] = source_pu
        pandapower.to_json(net, str(tmp_path / "net.json"))
        assert feeders.load("file:net.json", tmp_path).network.source_pu == source_pu


def test_what_one_scenario_changes_about_a_feeder_reaches_no_other() -> None:
    """The same net with other options is another feeder; without, the one it was."""
    name = "pandapower:simple_four_bus_system"
    plain = feeders.load(name)
    assert feeders.load(name, None, FeederOptions(source_pu=1.04)).network.source_pu == 1.04
    assert feeders.load(name).network.source_pu == plain.network.source_pu
