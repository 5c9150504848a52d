"""``marketsim data check``: what it says of tables, and of the agents of a scenario beside them."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
import yaml

BEGIN = datetime(2023, 6, 1)
TOLD = """\
meter.csv: 47 rows, 3 series, steps of 60 minutes
Taken as: separator: ";", time: Zeit, date_format: "%d.%m.%Y %H:%M".
"""


@pytest.fixture
def table(tmp_path, monkeypatch):
    """``table(name, header, row)``: 48 hours of ``row(hour, time)``; rows that are None are left out."""
    monkeypatch.chdir(tmp_path)

    def write(name, header, row, hours=48):
        rows = [row(hour, BEGIN + timedelta(hours=hour)) for hour in range(hours)]
        (tmp_path / name).write_text(
            "\n".join([header, *(each for each in rows if each is not None)]) + "\n", encoding="utf-8"
        )
        return name

    return write


def found(cli, *words):
    """The result as data, and the exit code."""
    ended = cli("data", "check", *words, "--json")
    assert ended.err == ""
    return json.loads(ended.out), ended.code


def series_of(document, name):
    (each,) = [each for each in document["series"] if each["name"] == name]
    return each


def test_a_table_is_told_in_words(cli, table):
    """How it was taken, each series in a line, what to look at, and sections to be pasted."""
    name = table(
        "meter.csv",
        "Zeit;Haus 1 (kWh);Dach PV (kWh);Temperatur [°C]",
        lambda hour, time: (
            None
            if hour == 5
            else f"{time:%d.%m.%Y %H:%M};{0.5 + hour % 7 / 60};{2.0 if 10 <= time.hour < 13 else 0};20.5"
        ),
    )
    ended = cli("data", "check", name)
    assert (ended.code, ended.err) == (0, "")
    lines = [" ".join(line.split()) for line in ended.out.splitlines()]
    assert lines[:2] == TOLD.splitlines()[:2]
    assert "- Haus 1 (kWh): 1 value is missing, the longest gap lasts 1:00:00 from 2023-06-01 05:00:00 on." in lines
    assert "- Columns that are no load, PV or heat by their names are left out: Temperatur [°C]." in lines
    assert any(line.startswith("Haus 1 (kWh) load kwh 13.") and line.endswith("yes") for line in lines)
    text = ended.out[ended.out.index("clock:") :]
    assert yaml.safe_load(text)["profiles"]["columns"] == {"Haus 1": {"load": "Haus 1 (kWh)", "pv": "Dach PV (kWh)"}}
    assert "- Haus 1 (kWh), Dach PV (kWh): taken for one household, since the table has one of each." in lines
    assert yaml.safe_load(text)["profiles"]["gaps"] == "interpolate"


def test_what_is_pasted_is_valid(cli, table, tmp_path):
    """With a plant that has no load beside it, and a gap that is filled and told."""
    name = table(
        "m.csv",
        "time,h_load_kw,roof_pv_kw",
        lambda hour, time: None if hour == 9 else f"{time.isoformat()},{hour % 5 / 4},{hour % 3}",
    )
    document, code = found(cli, name)
    assert code == 0
    (tmp_path / "s.yaml").write_text(document["text"], encoding="utf-8")
    ended = cli("validate", "s.yaml")
    assert (ended.code, ended.err) == (0, "")
    assert "1 of 48 steps have no row in m.csv and were filled (interpolate)." in ended.out


@pytest.mark.parametrize(
    ("header", "factor", "said"),
    [
        ("time,h_load_kw", 1000.0, "12,000 kWh a day; a household takes 2 to 60 kWh a day"),
        ("time,h_load_kwh", 0.0001, "0.0012 kWh a day; a household takes 2 to 60 kWh a day"),
        ("time,roof_pv_kw", 1000.0, "a plant on a roof yields 0.2 to 120 kWh a day"),
    ],
)
def test_what_nobody_takes_is_told_with_its_range(cli, table, header, factor, said):
    name = table("m.csv", header, lambda hour, time: f"{time.isoformat()},{factor * (0.25 + 0.5 * (hour % 2)):g}")
    document, _ = found(cli, name)
    assert document["series"][0]["plausible"] is False
    assert any(said in remark for remark in document["remarks"])


@pytest.mark.parametrize(("power", "values"), [(0.5, "kwh"), (500.0, "wh"), (1e7, None)])
def test_a_unit_that_no_name_tells_is_that_which_is_plausible(cli, table, power, values):
    name = table("m.csv", "time;Zähler", lambda hour, time: f"{time.isoformat()};{power * (1 + hour % 2):g}")
    document, code = found(cli, name)
    assert document["series"][0]["values"] == values
    assert code == (0 if values else 2)
    said = "what it holds is not known (no unit makes it plausible" if values is None else f"taken for {values}, since"
    assert any(said in remark for remark in document["remarks"])


def test_spikes_and_negative_values_are_told_with_their_place(cli, table):
    def row(hour, time):
        return f"{time.isoformat()},{40 if hour == 30 else 0.5 + hour % 3 / 10},{-1 if hour == 7 else 0.5}"

    document, code = found(cli, table("m.csv", "time,a_load_kw,b_load_kw", row, hours=480))
    assert series_of(document, "a_load_kw")["spikes"] == [{"begins": "2023-06-02 06:00:00", "kw": 40.0, "line": 32}]
    assert series_of(document, "b_load_kw")["negative"] == 1
    assert code == 2
    assert [(problem["line"], problem["message"]) for problem in document["problems"]] == [(9, "a negative value")]


def test_a_counter_is_recognised_and_its_energy_is_that_of_a_day(cli, table):
    """Readings from 1000 kWh on, 0.6 kWh an hour: not 24,000 kWh a day."""
    name = table(
        "m.csv", "time,home_load_kwh", lambda hour, time: f"{time.isoformat()},{1000 + 0.6 * hour:.1f}", hours=49
    )
    document, code = found(cli, name)
    assert code == 0
    assert series_of(document, "home_load_kwh")["values"] == "counter_kwh"
    assert series_of(document, "home_load_kwh")["kwh_a_day"] == pytest.approx(14.4)


def test_a_counter_that_was_changed_is_not_usable(cli, table):
    """The line at which it falls; a run would refuse it there, too."""
    name = table(
        "m.csv",
        "time,home_kwh",
        lambda hour, time: f"{time.isoformat()},{(1000 if hour < 30 else 3) + 0.6 * hour:.1f}",
        72,
    )
    document, code = found(cli, name)
    assert code == 2
    assert [(problem["line"], problem["message"]) for problem in document["problems"]] == [(32, "the counter falls")]


def test_why_no_series_can_be_used_is_told(cli, table):
    name = table("m.csv", "time,temperature", lambda hour, time: f"{time.isoformat()},{20 + hour % 3}")
    document, code = found(cli, name)
    assert (code, document["sections"]) == (2, {})
    assert document["problems"][0]["message"] == "no column was taken for a load, PV or heat whose unit is known"


def test_a_count_of_each_day_is_left_to_its_owner(cli, table):
    name = table(
        "m.csv", "time,home_kwh", lambda hour, time: f"{time.isoformat()},{0.6 * (time.hour + 1):.1f}", hours=72
    )
    document, code = found(cli, name)
    assert code == 2
    assert any("counts up within each day: write the energy of each step" in remark for remark in document["remarks"])


SCENARIO = """\
clock: {start: 2023-06-01, slots: 24, slot_minutes: 60}
tariff: {flat: {retail: 0.30, feed_in: 0.08}}
agents:
  - {name: haus-1, kind: consumer}
  - {name: haus-22, kind: consumer}
"""


def test_agents_of_a_scenario_look_for_their_columns(cli, table, scenario_file):
    """Those whose names are columns but for marks have theirs; for others the closest is named, and what is left over."""
    row = "{0},{1},{1},{1}"
    name = table(
        "m.csv",
        "time,Haus_1_kwh,Haus_2_kwh,Garage_kwh",
        lambda hour, time: row.format(time.isoformat(), 0.5 + hour % 2),
    )
    path = scenario_file(SCENARIO)
    document, code = found(cli, name, "--scenario", path)
    assert code == 2
    assert document["sections"]["profiles"]["columns"] == {"haus-1": {"load": "Haus_1_kwh"}}
    (problem,) = document["problems"]
    assert problem["message"].startswith("'haus-22' has no load, while no agent uses these columns of m.csv:")
    assert "did you mean 'Haus_2_kwh' for 'haus-22'?" in problem["hint"]
    document, code = found(cli, name, "--scenario", path, "--set", "agents[1].name=haus 2")
    assert (code, document["problems"]) == (0, [])
    assert "Columns of m.csv that no agent uses: Garage_kwh." in document["remarks"]


def test_columns_that_a_scenario_maps_are_kept(cli, table, scenario_file):
    name = table("m.csv", "time,one,two", lambda hour, time: f"{time.isoformat()},{0.5 + hour % 2},1")
    mapped = "profiles: {source: file, path: gone.csv, columns: {haus-1: {load: one}, haus-22: {load: tow}}}\n"
    path = scenario_file(SCENARIO + mapped)
    document, code = found(cli, name, "--scenario", path)
    (problem,) = document["problems"]
    assert (code, problem["path"], problem["value"]) == (2, "profiles.columns.haus-22.load", "'tow'")
    assert "did you mean 'two'?" in problem["hint"]


def test_a_scenario_that_is_wrong_is_told_as_by_validate(cli, table, scenario_file):
    name = table("m.csv", "time,a_load_kw", lambda hour, time: f"{time.isoformat()},{0.5 + hour % 2}")
    ended = cli("data", "check", name, "--scenario", scenario_file(SCENARIO + "sede: 1\n"))
    assert ended.code == 2
    assert "did you mean seed?" in ended.err


@pytest.mark.parametrize("name", ["gone.csv", "m.docx"])
def test_a_file_that_is_none_is_refused(cli, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.docx").write_bytes(b"PK")
    ended = cli("data", "check", name)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {name}: ")
    document, code = found(cli, name)
    assert (code, document["usable"]) == (2, False)


def test_columns_called_after_their_agents_in_one_way_are_a_pattern(cli, table):
    """From three meters on; the pattern reads the same columns. Fewer are listed."""
    for n_meters in (2, 3):
        names = [f"Meter {number} (kWh)" for number in range(n_meters)]
        name = table(
            f"{n_meters}.csv",
            ",".join(["time", *names, "Meter 1 PV (kWh)"]),
            lambda hour, time, n=n_meters: ",".join([time.isoformat(), *["0.5"] * n, "0.2"]),
        )
        document, code = found(cli, name)
        assert code == 0
        columns = document["sections"]["profiles"]["columns"]
        if n_meters == 2:
            assert columns["Meter 1"] == {"load": "Meter 1 (kWh)", "pv": "Meter 1 PV (kWh)"}
        else:
            assert columns == {"all": {"load": "{agent} (kWh)", "pv": "{agent} PV (kWh)"}}


def test_what_is_pasted_has_no_line_too_long_to_change(cli, table):
    """Columns without a pattern have a line an agent."""
    names = [
        "Bakery on the corner (kWh)",
        "Town hall of the village (kWh)",
        "Load of the school and its gym (kWh)",
        "Fire brigade, kWh",
    ]
    name = table("m.csv", ";".join(["time", *names]), lambda hour, time: ";".join([time.isoformat(), *["0.5"] * 4]))
    document, code = found(cli, name)
    assert code == 0
    lines = document["text"].splitlines()
    assert max(map(len, lines)) <= 120
    assert yaml.safe_load(document["text"]) == document["sections"] | {
        "clock": {**document["sections"]["clock"], "start": yaml.safe_load(document["sections"]["clock"]["start"])}
    }


def test_python_says_the_same_as_the_command_line(cli, table, scenario_file):
    """Section, text, series and problems; with a scenario as a path, as a mapping, and loaded."""
    import marketsim as ms

    name = table("m.csv", "time,h_load_kwh,roof_pv_kwh", lambda hour, time: f"{time.isoformat()},0.5,{hour % 3}")
    document, code = found(cli, name)
    checked = ms.check_data(name)
    assert (checked.usable, code) == (True, 0)
    assert json.loads(json.dumps(checked.document())) == document
    assert checked.section == document["sections"]["profiles"]
    assert repr(checked) == "<CheckedData m.csv: 48 rows, 2 series, steps of 60 minutes, can be used>"
    assert list(checked.series.index) == ["h_load_kwh", "roof_pv_kwh"]
    assert checked.series.loc["h_load_kwh", "kwh_a_day"] == 12.0
    assert checked.series.begins.dt.strftime("%Y-%m-%d").tolist() == ["2023-06-01"] * 2
    shown = checked._repr_html_()
    assert "roof_pv_kwh" in shown
    assert len(shown) < 4_000

    text = document["text"].replace("name: h,", "name: other,")
    for scenario in (scenario_file(text), yaml.safe_load(text) | {"clock": {**yaml.safe_load(text)["clock"]}}):
        fitted = ms.check_data(name, scenario)
        assert [problem.message for problem in fitted.problems] == [
            "'other' has no load, while no agent uses these columns of m.csv: 'h_load_kwh'"
        ]
        assert "1 problem to be mended first" in repr(fitted)


def test_what_is_found_runs_from_another_folder(tmp_path, monkeypatch, table):
    """The sections say where the file lies; as text they are for a scenario beside it."""
    import marketsim as ms

    name = table("m.csv", "time,h_load_kwh", lambda hour, time: f"{time.isoformat()},{hour % 7 / 7:.3f}")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    checked = ms.check_data(f"../{name}")
    assert checked.sections["folder"] == ".."
    assert checked.section["path"] == name
    assert "folder" not in checked.text
    assert "folder" not in checked.document()["sections"]
    run = ms.simulate({**checked.sections, "name": "mine"})
    assert run.agents.load_kwh.sum() == pytest.approx(2 * checked.series.kwh_a_day.iloc[0], abs=0.001 * 48)


def test_what_is_found_runs_as_it_stands(table):
    """The section goes into a scenario of one's own, in Python."""
    import marketsim as ms

    name = table("m.csv", "time,h_load_kwh", lambda hour, time: f"{time.isoformat()},{hour % 7 / 7:.3f}")
    checked = ms.check_data(name)
    run = ms.simulate(ms.load_scenario({**checked.sections, "name": "mine"}))
    assert run.agents.load_kwh.sum() == pytest.approx(2 * checked.series.kwh_a_day.iloc[0], abs=0.001 * 48)
