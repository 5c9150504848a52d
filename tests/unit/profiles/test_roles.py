"""What columns are and whose: by words of many languages, by what their values look like, and by what they add up to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from math import pi, sin
from typing import Any

import numpy as np
import pytest

import marketsim as ms
from marketsim.profiles.understand.names import key_of, phase_of
from marketsim.profiles.understand.proposal import proposal
from marketsim.profiles.understand.reading import Understood, understood
from marketsim.profiles.understand.whose import proposed
from marketsim.profiles.understand.words import basis_of, imports, role_of

BEGIN = datetime(2023, 6, 1)
TIMES = [BEGIN + timedelta(minutes=15 * step) for step in range(3 * 96)]


def load(time: datetime) -> float:
    return 0.05 + 0.01 * ((time.hour * 7 + time.minute // 15) % 23)


def other(time: datetime) -> float:
    return 0.08 + 0.01 * ((time.hour * 5 + time.day) % 17)


def pv(time: datetime) -> float:
    return 0.5 * max(sin(pi * (time.hour + time.minute / 60 - 5) / 15), 0.0) if 5 <= time.hour < 20 else 0.0


def drawn(time: datetime) -> float:
    return max(load(time) - pv(time), 0.0)


def fed_in(time: datetime) -> float:
    return max(pv(time) - load(time), 0.0)


def own_use(time: datetime) -> float:
    return pv(time) - fed_in(time)


Series = Callable[[datetime], object]


def read(columns: dict[str, Series], top: str = "") -> Understood:
    """Quarter-hours of three days."""
    rows = [";".join([time.isoformat(), *(_cell(series(time)) for series in columns.values())]) for time in TIMES]
    return understood("m.csv", "\n".join([*top.splitlines(), ";".join(["time", *columns]), *rows]).encode())


def _cell(value: object) -> str:
    return f"{value:.5f}" if isinstance(value, float) else str(value)


def agents(found: Understood) -> dict[str, dict[str, str]]:
    """Columns of each agent, by series."""
    return {agent.name: {role: facts.name for role, facts in agent.columns.items()} for agent in proposed(found).agents}


def said(found: Understood) -> str:
    return " ".join([*found.remarks, *proposed(found).notes])


@pytest.mark.parametrize(
    ("drew", "fed"),
    [
        ("CONSUMO Wh", "Vertido Wh"),
        ("Prelievo (kWh)", "Immissione (kWh)"),
        ("Levering (kWh)", "Teruglevering (kWh)"),
        ("Consumo (kWh)", "Injeção na rede (kWh)"),
        ("Uttag (kWh)", "Inmatning (kWh)"),
        ("pobór", "oddanie"),
        ("Odběr (kWh)", "Dodávka (kWh)"),
        ("Bezug (kWh)", "Lieferung (kWh)"),
        ("Wirkarbeit Bezug (kWh)", "Wirkarbeit Abgabe (kWh)"),
        ("Soutirage (kWh)", "Injection (kWh)"),
        ("Delivered (kWh)", "Received (kWh)"),
        ("Energy Received from Grid (kWh)", "Energy Delivered to Grid (kWh)"),
        ("Purchased (kWh)", "Sold (kWh)"),
        ("Energy in (kWh)", "Energy out (kWh)"),
        ("1-0:1.7.0 (kW)", "1-0:2.7.0 (kW)"),
        ("+A (kW)", "-A (kW)"),
        ("P+ (kW)", "P- (kW)"),
    ],
)
def test_what_a_meter_drew_and_fed_in_is_told_in_many_languages(drew: str, fed: str) -> None:
    assert (role_of(drew), role_of(fed)) == ("load", "export")
    unit = 1000 if "Wh" in drew.split() else 1
    found = read({drew: lambda time: unit * drawn(time), fed: lambda time: unit * fed_in(time)})
    assert list(agents(found).values()) == [{"load": drew, "export": fed}]


@pytest.mark.parametrize(
    ("takes", "plant"),
    [
        ("Consumo (kWh)", "Generación (kWh)"),
        ("Consumo (kWh)", "Produzione (kWh)"),
        ("Verbruik (kWh)", "Opbrengst zonnepanelen (kWh)"),
        ("Forbruk (kWh)", "Produksjon (kWh)"),
        ("Consommation (kWh)", "Production solaire (kWh)"),
        ("Hausverbrauch (kWh)", "PV-Ertrag (kWh)"),
        ("Gesamtverbrauch (kWh)", "Gesamterzeugung (kWh)"),
        ("House (kWh)", "Solar (kWh)"),
        ("sensor.house_power", "sensor.solar_power"),
        ("Consumption (Wh)", "System Production (Wh)"),
        ("Load (kWh)", "Inverter output (kWh)"),
        ("Pload(W)", "Ppv(W)"),
    ],
)
def test_one_load_and_one_plant_are_one_household(takes: str, plant: str) -> None:
    scale = 1000.0 if "W" in takes.replace("kW", "") or "sensor" in takes else 1.0
    found = read({takes: lambda time: scale * load(time), plant: lambda time: scale * pv(time)})
    assert list(agents(found).values()) == [{"load": takes, "pv": plant}]


@pytest.mark.parametrize(
    "name",
    [
        *("EPEX Spot €/kWh", "Preis (ct/kWh)", "Prognose (kWh)", "Vorjahr (kWh)", "Average neighbour (kWh)"),
        *(
            "Maximum (kW)",
            "L1 max W",
            "Min V",
            "Kostnad (SEK)",
            "Standing Charge Inc. Tax (p)",
            "cos phi",
            "Statuscode",
        ),
    ],
)
def test_prices_forecasts_and_extremes_are_no_households(name: str) -> None:
    assert role_of(name) == "other"


@pytest.mark.parametrize(
    "name", ["WP (kWh)", "Heizstrom", "E-Auto (kWh)", "Direktverbrauch", "energiaAutoconsumida_kWh"]
)
def test_parts_of_a_load_are_no_households(name: str) -> None:
    assert role_of(name) == "part"


@pytest.mark.parametrize(
    ("name", "basis"),
    [
        ("Verbrauch", "said"),
        ("Haus 3", "household"),
        ("Nord (kWh)", "nothing"),
        ("electricity", "nothing"),
        ("A+", "said"),
    ],
)
def test_what_a_role_rests_on(name: str, basis: str) -> None:
    assert basis_of(name) == basis


def test_names_with_signs_at_the_end_of_other_words_are_no_registers() -> None:
    assert (role_of("N0001-A"), imports("N0001-A"), imports("Haus+A1")) == ("load", False, False)
    assert [key_of(name) for name in ("H1.load", "H1.pv", "house1_load_kw", "Nord PV (kWh)")] == [
        "h1",
        "h1",
        "1",
        "nord",
    ]
    assert [phase_of(name)[0] for name in ("L1 (W)", "a (kWh)", "Active energy A (Wh)")] == ["l1", "", "a"]


def test_a_load_by_default_is_told() -> None:
    found = read({"Nord (kWh)": load, "Verbrauch Süd (kWh)": other, "Haus 3 (kWh)": other})
    assert "Nord (kWh): nothing in its name says what it is; taken for a load" in said(found)
    assert "Süd (kWh): nothing" not in said(found)


def test_what_follows_the_sun_is_no_household_unless_it_is_said_to_be() -> None:
    found = read({"Verbrauch (kWh)": load, "Dach (kWh)": pv})
    assert agents(found) == {"home": {"load": "Verbrauch (kWh)"}}
    assert "Dach (kWh) looks like PV or what was fed in" in said(found)
    loud = read({"Verbrauch (kWh)": pv})
    assert agents(loud) == {"home": {"load": "Verbrauch (kWh)"}}
    assert not loud.facts[0].is_plausible
    assert "although the name says load" in said(loud)


def test_a_load_of_nights_is_none_that_follows_the_sun() -> None:
    found = read(
        {
            "Hof (kWh)": lambda time: 0.5 if time.hour < 6 else 0.0,
            "Amt (kWh)": lambda time: 0.3 if 8 <= time.hour < 17 else 0.05,
        }
    )
    assert list(agents(found)) == ["Hof", "Amt"]


def test_a_scenario_says_what_a_column_is_whose_name_does_not(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{time.isoformat()},{load(time):.4f},{pv(time):.4f}" for time in TIMES]
    (tmp_path / "m.csv").write_text("\n".join(["time,Haus (kWh),Dach (kWh)", *rows]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    scenario: dict[str, Any] = {
        "name": "x",
        "clock": {"start": "2023-06-01", "slots": 288, "slot_minutes": 15},
        "tariff": {"flat": {"retail": 0.3, "feed_in": 0.08}},
        "agents": [{"name": "a", "kind": "prosumer", "pv_kw": 2.1}],
        "profiles": {"source": "file", "path": "m.csv", "columns": {"a": {"load": "Haus (kWh)", "pv": "Dach (kWh)"}}},
    }
    checked = ms.check_data("m.csv", scenario)
    assert checked.section["columns"] == {"a": {"load": "Haus (kWh)", "pv": "Dach (kWh)"}}
    run = ms.simulate({**scenario, **checked.sections})
    assert run.agents.pv_available_kwh.sum() == pytest.approx(sum(round(pv(time), 4) for time in TIMES), rel=1e-4)


def test_flags_and_counts_of_rows_are_no_loads() -> None:
    places = {time: place for place, time in enumerate(TIMES)}
    found = read({"Nr": lambda time: places[time] + 1, "INV / VER": lambda _: 1, "Verbrauch (kWh)": load})
    assert agents(found) == {"home": {"load": "Verbrauch (kWh)"}}
    assert "Nr is no load (it counts the rows)" in said(found)
    assert "INV / VER is no load (it holds 0, 1 or 2 and two of them at most, as flags do)" in said(found)


def test_an_inverter_portal_is_one_household_and_its_energy_counts_once() -> None:
    found = read(
        {
            "PV Yield (kWh)": pv,
            "Export (kWh)": fed_in,
            "Import (kWh)": drawn,
            "Self-consumption (kWh)": own_use,
            "Total consumption (kWh)": load,
        }
    )
    ((_, columns),) = agents(found).items()
    assert columns == {"load": "Total consumption (kWh)", "pv": "PV Yield (kWh)"}


def test_columns_that_add_up_are_one_household_whatever_they_are_called() -> None:
    found = read(
        {
            "Nord Verbrauch": load,
            "Süd Verbrauch": other,
            "X Erzeugung": pv,
            "Y Bezug": drawn,
            "Z Einspeisung": fed_in,
        }
    )
    own = agents(found)
    assert own["Nord"]["pv"] == "X Erzeugung"
    assert own["Süd"] == {"load": "Süd Verbrauch"}
    assert "taken for one household, since they add up" in said(found)


def test_a_load_that_is_less_than_own_use_is_what_a_meter_drew() -> None:
    found = read({"consumo_kWh": drawn, "energiaVertida_kWh": fed_in, "energiaGenerada_kWh": pv})
    assert agents(found) == {
        "home": {"load": "consumo_kWh", "pv": "energiaGenerada_kWh", "export": "energiaVertida_kWh"}
    }
    assert "consumo_kWh is less than own use of PV" in said(found)
    whole = read({"consumo_kWh": load, "energiaVertida_kWh": fed_in, "energiaGenerada_kWh": pv})
    assert agents(whole) == {"home": {"load": "consumo_kWh", "pv": "energiaGenerada_kWh"}}


def test_a_load_that_goes_on_while_its_meter_feeds_in_is_told() -> None:
    assert "Verbrauch (kWh) goes on while" in said(read({"Verbrauch (kWh)": load, "Überschuss (kWh)": fed_in}))
    assert "goes on while" not in said(read({"Bezug (kWh)": drawn, "Überschuss (kWh)": fed_in}))


def test_several_loads_and_plants_are_paired_by_the_rest_of_their_names() -> None:
    found = read(
        {
            "Building_1 non_shiftable_load": load,
            "Building_1 solar_generation": pv,
            "Building_2 non_shiftable_load": other,
            "Building_2 solar_generation": lambda time: 0.7 * pv(time),
        }
    )
    assert list(agents(found).values()) == [
        {"load": f"Building_{place} non_shiftable_load", "pv": f"Building_{place} solar_generation"} for place in (1, 2)
    ]
    unpaired = read({"Haus 1 (kWh)": load, "Haus 2 (kWh)": other, "Dach 1 PV (kWh)": pv})
    assert "Dach 1 PV (kWh): no name tells whose plant it is" in said(unpaired)


def test_strings_and_phases_are_to_be_summed() -> None:
    strings = read({"Verbrauch (kWh)": load, "PV Ost (kWh)": pv, "PV West (kWh)": lambda time: 0.5 * pv(time)})
    assert agents(strings) == {"home": {"load": "Verbrauch (kWh)"}}
    assert "Plants of one household are left out: PV Ost (kWh), PV West (kWh). Write their sum" in said(strings)
    phases: dict[str, Series] = {
        f"L{place} (W)": lambda time, place=place: place * 300 * load(time) for place in (1, 2, 3)
    }
    assert not proposal(read(phases))
    total: dict[str, Series] = {**phases, "Summe (W)": lambda time: 1800 * load(time)}
    assert list(agents(read(total)).values()) == [{"load": "Summe (W)"}]


def test_a_sum_is_no_household_although_its_name_does_not_say_so() -> None:
    found = read({"Meyer (kWh)": load, "Schulz (kWh)": other, "Ort (kWh)": lambda time: load(time) + other(time)})
    assert list(agents(found)) == ["Meyer", "Schulz"]
    assert "Sums are no households, and are left out: Ort (kWh)." in said(found)


def test_a_sum_beside_parts_that_are_less_is_the_household() -> None:
    found = read(
        {
            "Kitchen (kWh)": lambda time: 0.2 * load(time),
            "Other (kWh)": lambda time: 0.3 * load(time),
            "Sum [kWh]": load,
        }
    )
    assert list(agents(found).values()) == [{"load": "Sum [kWh]"}]
    assert "left out as parts of it: Kitchen (kWh), Other (kWh)" in said(found)


def test_the_same_series_twice_is_told() -> None:
    assert "B (kWh): the same in each step as A (kWh)" in said(read({"A (kWh)": load, "B (kWh)": load}))


def test_the_lines_above_say_what_a_column_is_whose_name_does_not() -> None:
    found = read({"electricity (kWh)": pv}, "# Renewables.ninja PV, one place\n")
    assert [(agent["kind"], agent["load"]) for agent in proposal(found)["agents"]] == [("prosumer", {"annual_kwh": 0})]
    assert "taken for PV, since the lines above the header say so" in said(found)


def test_each_column_that_is_not_read_is_told_with_the_reason() -> None:
    found = read(
        {
            "Verbrauch (kWh)": load,
            "Status": lambda time: "fehlend" if time.day == 2 else "gemessen",
            "Tarif B": lambda time: "0.2 *" if time.hour > 12 else 0.2,
            "Notiz": lambda _: "",
            "Anlage": lambda _: "Nord",
            "Ende": lambda time: f"{time:%d.%m. um %H:%M}",
        }
    )
    told = said(found)
    assert "Status ('gemessen' in 192 rows, 'fehlend' in 96 rows; what they mark is read as it stands)" in told
    assert "by their names are left out: Tarif B." in told
    assert "Notiz (empty), Anlage ('Nord' in all that are filled), Ende (text)" in told


def test_the_sections_are_checked_as_validate_does(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plant's counter without rows at night has nothing to fill its first night from."""
    counted = 100 + np.cumsum([pv(time) for time in TIMES])
    rows = [
        f"{time.isoformat()},{load(time):.4f},{f'{count:.4f}' if pv(time) else ''}"
        for time, count in zip(TIMES, counted, strict=True)
    ]
    (tmp_path / "m.csv").write_text("\n".join(["time,Haus (kWh),PV Zählerstand (kWh)", *rows]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    checked = ms.check_data("m.csv")
    assert not checked.usable
    assert "a run refuses the sections below: no value to fill the gap from" in str(checked.problems[0])


@pytest.mark.parametrize("name", ["Verbrauch [kWh/¼h]", "Haus ½ [kWh]"])
def test_names_of_agents_are_those_that_a_scenario_takes(tmp_path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    rows = [f"{time.isoformat()},{load(time):.4f}" for time in TIMES]
    (tmp_path / "m.csv").write_text("\n".join([f"time,{name}", *rows]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert ms.check_data("m.csv").usable


def test_heat_without_a_load_runs(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"{time.isoformat()},{load(time):.4f},{other(time):.4f},0.5" for time in TIMES]
    (tmp_path / "m.csv").write_text("\n".join(["time,a_load_kwh,b_load_kwh,c_heat_kwh", *rows]), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    checked = ms.check_data("m.csv")
    assert checked.usable
    assert checked.sections["agents"][2] == {"name": "c", "kind": "consumer", "load": {"annual_kwh": 0}}
