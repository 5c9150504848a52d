"""Meters that net load and PV, and rows without times: read as far as they tell, refused where they do not."""

from __future__ import annotations

import math

import pytest

import marketsim as ms
from marketsim.core.errors import InputError, ProfileError, ScenarioError

HOURS = 72
NET = [0.4 - 2.0 * max(0.0, math.sin(math.pi * (hour % 24 - 6) / 12)) for hour in range(HOURS)]
"""Import less export of a house with PV [kWh an hour]."""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working directory, with ``net.csv``: times, a net meter, and a load."""
    monkeypatch.chdir(tmp_path)
    rows = [f"2023-06-{1 + hour // 24:02d}T{hour % 24:02d}:00,{net:.3f},0.500" for hour, net in enumerate(NET)]
    (tmp_path / "net.csv").write_text("\n".join(["time,Roof net (kWh),Flat (kWh)", *rows]) + "\n", encoding="utf-8")
    (tmp_path / "bare.csv").write_text(
        "\n".join(["Roof net (kWh),Flat (kWh)", *(row.partition(",")[2] for row in rows)]) + "\n", encoding="utf-8"
    )
    return tmp_path


def scenario(roof=None, **profiles):
    return {
        "name": "net",
        "clock": {"start": "2023-06-01", "slots": HOURS, "slot_minutes": 60},
        "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
        "profiles": {
            "source": "file",
            "path": "net.csv",
            "values": "kwh",
            "columns": {"roof": {"net": "Roof net (kWh)"}, "flat": {"load": "Flat (kWh)"}},
            **profiles,
        },
        "agents": [
            {"name": "roof", "kind": "prosumer", "pv_kw": 3.0, **(roof or {})},
            {"name": "flat", "kind": "consumer"},
        ],
    }


def told(values, **how):
    with pytest.raises(InputError) as caught:
        ms.simulate(ms.load_scenario(values, how))
    return str(caught.value)


def test_what_a_net_meter_drew_is_load_and_what_it_fed_in_is_pv(folder):
    """Slot by slot, as metered; the run says what is in neither."""
    run = ms.simulate(scenario())
    own = run.agents[run.agents["name"] == "roof"].sort_values("slot")
    for hour, row in enumerate(own.itertuples()):
        assert row.load_kwh == pytest.approx(max(round(NET[hour], 3), 0.0), abs=0.0015)
        assert row.pv_used_kwh == pytest.approx(max(round(-NET[hour], 3), 0.0), abs=0.0015)
    assert any("so that own use of PV is in neither" in note for note in run.manifest["notes"])


def test_energy_of_a_net_meter_is_kept_in_slots_of_any_length(folder):
    """Import less export of the whole run is what the column adds up to, within rounding to Wh."""
    for minutes in (15, 120):
        run = ms.simulate(
            ms.load_scenario(scenario(), {"clock.slot_minutes": minutes, "clock.slots": HOURS * 60 // minutes})
        )
        own = run.agents[run.agents["name"] == "roof"]
        assert own.load_kwh.sum() - own.pv_used_kwh.sum() == pytest.approx(sum(NET), abs=0.04)


def test_what_a_net_meter_cannot_tell_is_refused_in_a_sentence(folder):
    """A household that feeds in and has no plant, scales, a load of its own, counters, and columns beside it."""
    assert "the meter of 'roof' feeds in up to 1.6 kW, and it has no plant" in told(scenario({"pv_kw": 0}))
    assert "twice the plant is not twice what it fed in" in told(scenario(pv_scale=2.0))
    assert "neither can be scaled" in told(scenario({"load": {"annual_kwh": 3000}}))
    assert "holds power or energy of steps, not counter_kwh" in told(
        scenario(columns={"roof": {"net": "Roof net (kWh)", "values": "counter_kwh"}, "flat": {"load": "Flat (kWh)"}})
    )
    both = {"roof": {"net": "Roof net (kWh)", "load": "Flat (kWh)"}}
    assert "net is load less PV of one meter: leave load out" in told(scenario(columns=both))


def test_a_column_that_is_not_said_to_be_net_stays_positive(folder):
    """The error says how to say it."""
    said = told(scenario(columns={"roof": {"load": "Roof net (kWh)"}, "flat": {"load": "Flat (kWh)"}}))
    assert "a negative value" in said
    assert "of one that nets load and PV say so: profiles.columns, net" in said


def test_data_check_finds_net_meters_and_what_it_writes_runs(folder):
    """By the share that is fed in, or by name; single negative values stay faults."""
    checked = ms.check_data("net.csv")
    assert checked.section["columns"] == {"Roof": {"net": "Roof net (kWh)"}, "Flat": {"load": "Flat (kWh)"}}
    assert {"name": "Roof", "kind": "prosumer", "pv_kw": 1.6} in checked.sections["agents"]
    assert "taken for a net meter" in checked.remarks[0]
    run = ms.simulate({**checked.sections, "name": "proposed"})
    assert run.summary["pv_kwh"] == pytest.approx(sum(max(-net, 0.0) for net in NET), abs=0.1)
    lines = (folder / "net.csv").read_text().splitlines()
    lines = [lines[0].replace("Roof net", "Roof"), *(line.replace(",-", ",") for line in lines[1:])]
    lines[9] = lines[9].replace(",0.", ",-0.", 1)
    (folder / "fault.csv").write_text("\n".join(lines) + "\n")
    assert [problem.message for problem in ms.check_data("fault.csv").problems] == ["a negative value"]


def test_rows_without_times_are_counted_from_a_begin(folder):
    """The same tables as with times; data check writes the same section, and the run says what cannot be known."""
    counted = {"path": "bare.csv", "begins": "2023-06-01T00:00", "step_minutes": 60}
    with_times, without = ms.simulate(scenario()), ms.simulate(scenario(**counted))
    assert without.agents.equals(with_times.agents)
    assert any("if one is missing, all behind it are too early" in note for note in without.manifest["notes"])
    checked = ms.check_data("bare.csv", begins="2023-06-01", step_minutes=60)
    assert (checked.section["begins"], checked.section["step_minutes"]) == ("2023-06-01 00:00:00", 60)
    assert ms.simulate({**checked.sections, "name": "p"}).summary["demand_kwh"] == with_times.summary["demand_kwh"]
    again = ms.check_data("bare.csv", scenario(**counted))
    assert again.usable, "the scenario says when the first row begins"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"begins": "2023-06-01T00:00"}, "begins and step_minutes belong together"),
        ({"begins": "2023-06-01T00:00+02:00", "step_minutes": 60}, "local standard time: leave the offset out"),
        ({"begins": "2023-06-01T00:00:30", "step_minutes": 60}, "begins is a whole minute"),
        ({"begins": "2023-06-01T00:00", "step_minutes": 0}, "step_minutes"),
        ({"begins": "2023-06-01T00:00", "step_minutes": 60, "time": "T", "stamps": "end"}, "leave time and stamps out"),
        (
            {"begins": "2023-06-01T00:00", "step_minutes": 60, "path": "net.csv"},
            "the file has a column 'time' of its own",
        ),
        ({"begins": "2023-06-02T00:00", "step_minutes": 60}, "the run lasts from 2023-06-01"),
        ({"begins": "2199-06-02T00:00", "step_minutes": 1440}, "the run lasts from 2023-06-01"),
        ({}, "profiles.begins and profiles.step_minutes"),
    ],
)
def test_what_cannot_be_counted_is_refused(folder, given, message):
    assert message in told(scenario(**{"path": "bare.csv", **given}))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, 'no column of times was found\n    add one .* begins="2016-07-12T00:00", step_minutes=15'),
        ({"begins": "2023-06-01"}, "rows without times need a begin in local standard time, and a length"),
        ({"begins": "soon", "step_minutes": 15}, "rows without times need a begin"),
    ],
)
def test_data_check_says_what_it_needs_of_rows_without_times(folder, given, message):
    with pytest.raises(ProfileError, match=message):
        ms.check_data("bare.csv", **given)


def test_a_file_that_tells_times_is_not_counted(folder):
    with pytest.raises(ProfileError, match="the file tells times itself, in 'time'"):
        ms.check_data("net.csv", begins="2023-06-01", step_minutes=60)


def test_scenarios_without_these_keys_are_written_and_hashed_as_before(folder):
    """A key at its default is not in the resolved text."""
    text = ms.simulate(
        scenario(columns={"roof": {"load": "Flat (kWh)"}, "flat": {"load": "Flat (kWh)"}}, values="kwh")
        | {"agents": [{"name": "roof", "kind": "consumer"}, {"name": "flat", "kind": "consumer"}]}
    ).scenario_text
    assert "net:" not in text.replace("name: net", "")
    assert "begins" not in text
    again = ms.load_scenario(
        ms.simulate(scenario(path="bare.csv", begins="2023-06-01T00:00", step_minutes=60)).scenario_text
    )
    assert str(again.model.profiles.params.begins) == "2023-06-01 00:00:00"
    assert again.model.profiles.params.columns["roof"].net == "Roof net (kWh)"


def test_an_offset_of_a_scenario_is_refused_as_one(folder):
    with pytest.raises(ScenarioError):
        ms.load_scenario(scenario(begins="2023-06-01T00:00Z", step_minutes=60))


@pytest.fixture
def three(tmp_path, monkeypatch):
    """``three.csv``: what a household of 0.5 kWh an hour drew, fed in and generated; and a plant that is another one's."""
    monkeypatch.chdir(tmp_path)
    rows = []
    for hour in range(HOURS):
        pv = 2.0 * max(0.0, math.sin(math.pi * (hour % 24 - 6) / 12))
        drawn, fed_in = max(0.5 - pv, 0.0), max(pv - 0.5, 0.0)
        rows.append(
            f"2023-06-{1 + hour // 24:02d}T{hour % 24:02d}:00,{drawn:.4f},{fed_in:.4f},{pv:.4f},{pv / 4:.4f},{1000 * pv:.1f}"
        )
    header = "time,Bezug (kWh),Einspeisung (kWh),PV (kWh),PV 2 (kWh),PV 3 (W/kW)"
    (tmp_path / "three.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return tmp_path


def household(entry, roof=None, **profiles):
    columns = {"load": "Bezug (kWh)", "fed_in": "Einspeisung (kWh)", **entry}
    values = scenario(roof, path="three.csv", columns={"roof": columns}, **profiles)
    values["agents"] = values["agents"][:1]
    return values


def test_what_was_drawn_and_fed_in_and_generated_makes_the_load(three):
    """Slot by slot the load is 0.5 kWh, and PV all that the plant generated."""
    run = ms.simulate(household({"pv": "PV (kWh)"}))
    assert run.agents.load_kwh.tolist() == pytest.approx([0.5] * HOURS, abs=0.002)
    assert run.agents.pv_available_kwh.max() == pytest.approx(2.0, abs=0.002)
    assert not any("net load and PV" in note for note in run.manifest["notes"])


def test_without_a_meter_of_the_plant_own_use_is_in_neither(three):
    run = ms.simulate(household({}))
    assert run.agents.load_kwh.max() == pytest.approx(0.5, abs=0.002)
    assert run.agents.load_kwh.min() == 0.0
    assert run.agents.pv_available_kwh.max() == pytest.approx(1.5, abs=0.002)
    assert any("Meters net load and PV of 'roof'" in note for note in run.manifest["notes"])


@pytest.mark.parametrize(
    ("entry", "roof", "profiles", "said"),
    [
        ({"fed_in": "Einspeisng (kWh)"}, None, {}, "did you mean 'Einspeisung (kWh)'?"),
        ({"pv": "PV (kWh)", "fed_in": "Export"}, None, {}, "has no column for the load of 'roof'"),
        ({}, {"kind": "consumer", "pv_kw": 0.0}, {}, "the meter of 'roof' feeds in, and it has no plant"),
        ({"pv": "PV 2 (kWh)"}, None, {}, "fed in more than was drawn and generated, by"),
        ({"pv": "PV 3 (W/kW)", "values": {"load": "kwh", "pv": "w_per_kw"}}, None, {}, "PV by its rating tells none"),
        ({}, None, {"pv_scale": 2.0}, "twice the plant is not twice what it fed in"),
        ({"load": None}, None, {}, "name that column by load"),
        ({"load": None, "net": "PV (kWh)"}, None, {}, "leave fed_in out"),
    ],
)
def test_what_was_fed_in_is_refused_where_it_does_not_belong(three, entry, roof, profiles, said):
    assert said in told(household(entry, roof, **profiles))
