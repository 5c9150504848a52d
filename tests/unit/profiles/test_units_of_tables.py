"""Units of columns: spelled out, of something else, and one for all that state none."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from marketsim.profiles.understand.reading import Understood, understood
from marketsim.profiles.understand.units import as_written, foreign_unit, unit_of, what_to_write

BEGIN = datetime(2023, 6, 1)


def quarters(header: str, *kw: float, factor: float = 1.0, form: str = ".4f") -> Understood:
    """Two days of quarter hours, in which a column holds ``kw`` times ``factor`` by day and half of it at night."""
    times = [BEGIN + timedelta(minutes=15 * step) for step in range(192)]
    rows = [
        ",".join([time.isoformat(), *(f"{each * factor * (1 if time.hour >= 12 else 0.5):{form}}" for each in kw)])
        for time in times
    ]
    return understood("m.csv", "\n".join([header, *rows]).encode())


def holds(found: Understood) -> list[tuple[str | None, float]]:
    return [(each.values, round(each.kwh_a_day, 2)) for each in found.facts]


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("Load (kilowatt hours)", "kwh"),
        ("Usage (kilowatt-hour)", "kwh"),
        ("Verbrauch in Kilowattstunden", "kwh"),
        ("Verbruik (kilowattuur)", "kwh"),
        ("Consommation (kilowattheures)", "kwh"),
        ("Consumo (kilovatios hora)", "kwh"),
        ("Förbrukning (kilowattimmar)", "kwh"),
        ("Consumo (quilowatts-hora)", "kwh"),
        ("Usage (kWhrs)", "kwh"),
        ("Load (watt-hours)", "wh"),
        ("Usage (Watt hour)", "wh"),
        ("Verbrauch (Wattstunden)", "wh"),
        ("Load (kilowatts)", "kw"),
        ("House consumption W", "w"),
        ("Total.Active.W", "w"),
        ("Ø W", "w"),
        ("Haus W", None),
        ("Verbrauch [kWh/15min]", "kwh"),
        ("PV 9,9 kWp (kWh)", "kwh"),
        ("Haus 10 kW (kWh)", "kwh"),
        ("Preis (ct/kWh)", None),
        ("EPEX Spot €/kWh", None),
        ("Haus [kW/h]", None),
        ("Rate (kWh/day)", None),
        ("Energy [kWh x 10]", None),
        ("Energy (0.1 kWh)", None),
    ],
)
def test_units_are_whole_words_in_the_languages_of_tables(name: str, unit: str | None) -> None:
    assert unit_of(name) == unit


@pytest.mark.parametrize(
    ("name", "unit", "hint"),
    [
        ("Haus [kW/h]", "kW/h", "write kWh if it is the energy of a step, kW if it is power"),
        ("Energy (kBtu)", "kBtu", "write energy in kWh"),
        ("Energy (VAh)", "VAh", "write energy in kWh"),
        ("Energy (0.1 kWh)", "0.1 kWh", "write plain kWh or kW"),
        ("Energy [kWh x 10]", "kWh x 10", "write plain kWh or kW"),
        ("Rate (kWh/day)", "kWh/day", "write the energy of each step in kWh"),
        ("Wirkleistung (mW)", "mW", r"kW (divided by 1,000,000); if MW is meant, in kW (times 1000)"),
        ("Energy mWh", "mWh", r"kWh (divided by 1,000,000); if MWh is meant"),
        ("Feeder (MWh)", "MWh", "write it in kWh (times 1000)"),
        ("feeder_mw", "MW", "write it in kW (times 1000)"),
    ],
)
def test_a_unit_that_is_not_read_is_named_as_it_is_written(name: str, unit: str, hint: str) -> None:
    """A milliwatt is no megawatt."""
    found = quarters(f"time,{name}", 0.5)
    (problem,) = found.problems
    assert not found.used
    assert problem.message.startswith(f"{unit} is ")
    assert hint in problem.hint
    assert as_written(name, foreign_unit(name)) == unit
    assert what_to_write(name, foreign_unit(name)) == problem.hint


@pytest.mark.parametrize("name", ["Kostnad (SEK)", "Preis (ct/kWh)", "Strom [A]", "Autarkie (%)"])
def test_money_and_others_are_no_loads(name: str) -> None:
    found = quarters(f"time,Haus (kWh),{name}", 0.5, 0.3, factor=0.25)
    assert [each.name for each in found.used] == ["Haus (kWh)"]


@pytest.mark.parametrize(
    ("kw", "factor", "form", "unit", "also"),
    [
        ((0.7, 0.9), 1e3, ".0f", "w", "wh would be 50.4 (values: wh)"),
        ((0.7, 0.9), 250.0, ".0f", "wh", "; w would be 3.1"),
        ((0.7, 0.9), 0.25, ".4f", "kwh", "kw would be 3.15 (values: kw)"),
        ((0.7, 2.1), 1e3, ".0f", "w", "wh would be 50.4 (values: wh)"),
    ],
)
def test_columns_that_state_no_unit_have_one_together(
    kw: tuple[float, float], factor: float, form: str, unit: str, also: str
) -> None:
    """Of a household of 38 kWh a day beside one of 13, one is not power and the other energy."""
    found = quarters("time,Haus 1,Haus 2", *kw, factor=factor, form=form)
    energies = pytest.approx([18 * each for each in kw], rel=0.03)
    assert [values for values, _ in holds(found)] == [unit, unit]
    assert [kwh for _, kwh in holds(found)] == energies
    assert any(f"taken for {unit}, since 12.6 kWh a day" in each and also in each for each in found.remarks)


def test_a_stated_unit_is_never_overridden() -> None:
    """12.6 kWh a day in W would be 50.4 in Wh, which a household may take, too."""
    assert holds(quarters("time,House consumption W", 0.7, factor=1e3)) == [("w", 12.6)]
    assert holds(quarters("time,total.W,barn", 0.7, 0.9, factor=1e3)) == [("w", 12.6), ("w", 16.2)]


def test_a_rating_above_the_header_is_no_unit() -> None:
    times = [BEGIN + timedelta(minutes=15 * step) for step in range(192)]
    rows = [f"{time.isoformat()};{0.1 + time.hour / 500:.3f}" for time in times]
    found = understood("m.csv", "\n".join(["Anschlussleistung: 30 kW", "Zeit;Verbrauch", *rows]).encode())
    assert (found.facts[0].values, found.form["skip_lines"]) == ("kwh", 1)


def test_readings_by_name_that_fall_are_energies() -> None:
    """Of each step; a counter that is changed falls once."""
    times = [BEGIN + timedelta(minutes=15 * step) for step in range(192)]
    rows = [f"{time.isoformat()},{0.1 + step % 3 * 0.05:.3f}" for step, time in enumerate(times)]
    found = understood("m.csv", "\n".join(["time,Reading (kWh)", *rows]).encode())
    assert holds(found) == [("kwh", 14.4)]
    assert any("its values fall, so that it is no counter" in each for each in found.remarks)


def test_a_column_of_which_half_are_numbers_is_told_with_its_cells() -> None:
    times = [BEGIN + timedelta(hours=step) for step in range(48)]
    for cell in ("0,22 *", "0,22 kWh", "0.22"):
        rows = [f"{time.isoformat()};0,3;{cell if time.hour % 2 else '0,31'}" for time in times]
        found = understood("m.csv", "\n".join(["time;Haus 1 (kWh);Haus 2 (kWh)", *rows]).encode())
        (problem,) = found.problems
        assert (problem.path, problem.value, problem.line) == ("Haus 2 (kWh)", repr(cell), 3)
    rows = [f"{time.isoformat()};0,3;0,22 kWh" for time in times]
    (problem,) = understood("m.csv", "\n".join(["time;Haus 1 (kWh);Haus 2", *rows]).encode()).problems
    assert "units stand in the name of the column" in problem.hint
