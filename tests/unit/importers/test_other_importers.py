"""SimBench and pandapower nets, and HAMLET's folders, as scenarios."""

from __future__ import annotations

import json

import numpy as np
import pytest

import marketsim as ms
from marketsim.core.errors import ImportedDataError, InputError

CODE = "1-LV-rural1--1-sw"


@pytest.mark.full
def test_simbench_energies_are_those_of_its_own_absolute_values(importing):
    """What SimBench itself works out for each load and plant, summed over a day of the run, to 0.01 %."""
    simbench = pytest.importorskip("simbench")
    made = importing("simbench", CODE, days=1, history_days=0, start="2016-07-12")
    net = simbench.get_simbench_net(CODE)
    values = simbench.get_absolute_values(net, profiles_instead_of_study_cases=True)
    day = slice(193 * 96, 194 * 96)
    run = ms.simulate(made.scenario)
    kwh = run.frame("agents", raw=True)[["load_wh", "pv_available_wh"]].sum() / 1000
    assert kwh.load_wh == pytest.approx(250 * values["load", "p_mw"].iloc[day].to_numpy().sum(), rel=1e-4)
    assert kwh.pv_available_wh == pytest.approx(250 * values["sgen", "p_mw"].iloc[day].to_numpy().sum(), rel=1e-4)
    assert made.agents == len(net.load)
    assert all(abs(each.source_sum - each.written_sum) <= 1e-9 * each.source_sum for each in made.report.sums)


def test_a_simbench_run_lies_in_its_year(importing):
    pytest.importorskip("simbench")
    with pytest.raises(ImportedDataError, match="has to lie in the year of the profiles, 2016"):
        importing("simbench", CODE, start="2016-12-30")


@pytest.fixture
def net_file(tmp_path):
    """A net of four buses, one without supply, with everything that becomes an agent."""
    pandapower = pytest.importorskip("pandapower")
    net = pandapower.create_empty_network("village")
    for index, kv in ((0, 20.0), (1, 0.4), (2, 0.4), (9, 0.4)):
        pandapower.create_bus(net, kv, index=index, name=f"bus {index}")
    pandapower.create_ext_grid(net, 0)
    pandapower.create_transformer(net, 0, 1, "0.4 MVA 20/0.4 kV")
    pandapower.create_line(net, 1, 2, 0.1, "NAYY 4x150 SE")
    pandapower.create_load(net, 2, 0.004, 0.003, name="house", scaling=0.5)
    pandapower.create_load(net, 2, 0.006, name="farm")
    pandapower.create_load(net, 9, 0.001, name="hut")
    pandapower.create_sgen(net, 2, 0.008, name="roof")
    pandapower.create_sgen(net, 1, 0.010, name="field")
    pandapower.create_storage(net, 2, 0.003, 0.010, soc_percent=20.0, name="cellar")
    path = tmp_path / "village.json"
    pandapower.to_json(net, str(path))
    return path


def test_elements_of_a_net_become_agents(importing, net_file):
    """A plant and a storage join the first load of their bus; nominal powers are kept; the net lies beside the scenario."""
    made = importing("pandapower", net_file, days=1)
    ready = ms.load_scenario(made.scenario)
    assert [(agent.name, agent.bus, agent.kind) for agent in ready.agents] == [
        ("house", "2", "prosumer"), ("farm", "2", "consumer"), ("field", "1", "prosumer"),
    ]  # fmt: skip
    house, farm, field = ready.agents
    assert (house.load.peak_kw, house.load.power_factor, house.pv_kw) == pytest.approx((2.0, 0.8, 8.0))
    assert (farm.load.peak_kw, field.pv_kw) == pytest.approx((6.0, 10.0))
    battery = house.devices["battery"]
    assert (battery.energy_kwh, battery.power_kw, battery.soc_initial) == pytest.approx((10.0, 3.0, 0.2))
    assert any("loads at buses without supply: hut (1)" in each for each in made.report.left_out)
    assert (made.folder / "net.json").read_bytes() == net_file.read_bytes()
    assert ms.simulate(ready.variant({"clock.slots": 4})).status == "complete"


def test_what_agents_cannot_say_of_a_net_is_told(importing, tmp_path):
    """Types of plants that are no PV, reactive power that is given, loads that follow the voltage: each with its name."""
    pandapower = pytest.importorskip("pandapower")
    net = pandapower.create_empty_network("works")
    for index, kv in ((0, 20.0), (1, 0.4)):
        pandapower.create_bus(net, kv, index=index)
    pandapower.create_ext_grid(net, 0)
    pandapower.create_transformer(net, 0, 1, "0.4 MVA 20/0.4 kV")
    pandapower.create_load(net, 1, 0.004, -0.001, name="lamps")
    pandapower.create_load(net, 1, 0.004, 0.003, name="motors")
    net.load["const_z_percent"] = [0.0, 30.0]
    pandapower.create_sgen(net, 1, 0.010, name="boiler", type="CHP")
    pandapower.create_sgen(net, 1, 0.008, q_mvar=0.002, name="roof", type="PV")
    pandapower.create_sgen(net, 1, 0.008, name="shed")
    pandapower.to_json(net, str(tmp_path / "works.json"))
    report = importing("pandapower", tmp_path / "works.json", days=1).report
    assert any(each.endswith("are PV plants all the same, by day alone: CHP (1)") for each in report.assumed)
    assert "reactive power that loads give: lamps (1)" in report.left_out
    assert any("follow the voltage" in each and each.endswith(": motors (1)") for each in report.left_out)
    assert any(
        "reactive power of static generators" in each and each.endswith(": roof (1)") for each in report.left_out
    )


def test_hamlet_agents_have_their_series_and_sessions(importing, foreign, tmp_path):
    """Watts as energy, a vehicle that lacks what it consumed while it was away, and a heat pump that is left out loudly."""
    pytest.importorskip("pyarrow")
    made = importing("hamlet", foreign.hamlet(tmp_path / "town"), days=3)
    run = ms.simulate(made.scenario)
    kwh = (
        run.frame("agents", raw=True)
        .groupby("name", observed=True)[["load_wh", "pv_available_wh", "ev_wh", "ev_unserved_wh"]]
        .sum()
        / 1000
    )
    hour = (np.arange(foreign.QUARTERS) // 4) % 24
    assert kwh.load_wh["sfh_anna"] == pytest.approx((200 + 10 * hour).sum() / 4000, rel=1e-4)
    assert kwh.load_wh["ctsp_shop"] == pytest.approx(36.0, rel=1e-4)
    assert kwh.pv_available_wh["sfh_anna"] == pytest.approx(
        np.maximum(0, 3000 - 100 * (hour - 12) ** 2).sum() / 4000, rel=1e-4
    )
    sessions = (made.folder / "sessions.csv").read_text("utf-8").splitlines()[1:]
    assert [line.split(",")[1:] for line in sessions[:2]] == [
        ["2021-03-24T00:00", "2021-03-24T08:00", repr((1.0 - 0.9) * 40.0)],
        ["2021-03-24T17:00", "2021-03-25T08:00", "6.0"],
    ]
    assert any("hp (1)" in each for each in made.report.left_out)
    assert run.manifest["origin"]["importer"] == "hamlet"


def test_a_folder_without_agents_is_no_hamlet_scenario(importing, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImportedDataError, match="no agents with series"):
        importing("hamlet", tmp_path / "empty")


def test_a_damaged_feather_table_is_refused(importing, foreign, tmp_path):
    folder = foreign.hamlet(tmp_path / "town")
    (folder / "agents" / "sfh" / "anna" / "timeseries.ft").write_bytes(b"ARROW1\0\0 and nothing more")
    with pytest.raises(InputError, match=r"timeseries\.ft: this is no Feather table"):
        importing("hamlet", folder)


def test_a_level_that_is_no_share_is_refused(importing, foreign, tmp_path):
    """50 would be a full battery."""
    pytest.importorskip("pyarrow")
    plants = foreign.hamlet(tmp_path / "town") / "agents" / "sfh" / "anna" / "plants.json"
    for key in ("b1", "e1"):
        own = json.loads(plants.read_text())
        own[key]["sizing"]["soc"] = 50
        plants.write_text(json.dumps(own))
        with pytest.raises(
            ImportedDataError, match=rf"{key}\.soc: a level is a share of 0 to 1 \(got '?50'?\)\n.*0\.5"
        ):
            importing("hamlet", tmp_path / "town")
        own[key]["sizing"]["soc"] = 0.5
        plants.write_text(json.dumps(own))


def test_the_agent_whose_times_are_shifted_is_named(importing, foreign, tmp_path):
    """Of three the one that differs from two, wherever it stands; of two both."""
    pytest.importorskip("pyarrow")
    import shutil

    import pyarrow as pa
    from pyarrow import feather

    folder = foreign.hamlet(tmp_path / "town")
    shop = folder / "agents" / "ctsp" / "shop"
    table = feather.read_table(shop / "timeseries.ft").to_pydict()
    table["timestamp"] = [each + 900 for each in table["timestamp"]]
    feather.write_feather(pa.table(table), shop / "timeseries.ft")
    both = r"agents have other times than each other .*from 2021-03-24 00:00:00; .*shop/timeseries\.ft: .* 2021-03-24 00:15"
    with pytest.raises(ImportedDataError, match=both):
        importing("hamlet", folder)
    shutil.copytree(folder / "agents" / "sfh" / "anna", folder / "agents" / "sfh" / "bert")
    with pytest.raises(
        ImportedDataError, match=r"shop/timeseries\.ft: timestamp: the times are not those of most other"
    ):
        importing("hamlet", folder)


def test_a_net_that_is_none_is_refused(importing, tmp_path):
    (tmp_path / "net.json").write_text(json.dumps({"a": 1}))
    with pytest.raises(InputError, match="this is no pandapower net"):
        importing("pandapower", tmp_path / "net.json")
