"""What is said of tables of which nothing can be made: the cell, and what to do about it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

import marketsim as ms
from marketsim.core.errors import ProfileError
from marketsim.profiles.understand.reading import Understood, understood

BEGIN = datetime(2023, 6, 1)
HOURS = [BEGIN + timedelta(hours=hour) for hour in range(72)]
LOADS = [0.5 + time.hour * 7 % 24 / 24 for time in HOURS]


def table(header: str, *rows: str) -> Understood:
    return understood("m.csv", "\n".join([header, *rows, ""]).encode())


def hourly() -> list[str]:
    return [f"{time.isoformat()},{load:.3f}" for time, load in zip(HOURS, LOADS, strict=True)]


def at(place: int, row: str) -> list[str]:
    return [*hourly()[:place], row, *hourly()[place + 1 :]]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (at(30, "2023-06-02 6 Uhr,0.5"), r"m\.csv:32: time: not a time \(got '2023-06-02 6 Uhr'\)\n.*as the other rows do, such as"),
        (at(30, "0202-06-02T06:00:00,0.5"), r"m\.csv:32: time: not a time .*\n.*years 1900 to 2200"),
        ([*hourly(), "Total,41.85"], r"m\.csv:74: time: not a time \(got 'Total'\)\n.*delete rows of sums and notes below"),
        (["[-],[kWh]", *hourly()], r"m\.csv:2: house \(kWh\): a line of units stands .*\n.*'house \(kWh\)', and delete the line"),
        ([f"9999-12-{29 + k // 24}T{k % 24:02}:00,0.5" for k in range(48)], r"not a time, in 48 lines .*\n.*years 1900 to 2200"),
        ([], r"the file has a header and no rows\n.*it names: time, house \(kWh\)"),
    ],
)  # fmt: skip
def test_the_cell_that_is_no_time_is_told(rows: list[str], said: str) -> None:
    with pytest.raises(ProfileError, match=said):
        table("time,house (kWh)", *rows)


def test_dates_written_otherwise_than_by_iso_are_times_all_the_same() -> None:
    rows = [f"{time:%d.%m.%Y %H:%M};{load:.3f}" for time, load in zip(HOURS, LOADS, strict=True)]
    with pytest.raises(ProfileError, match=r"m\.csv:74: Zeit: not a time \(got 'Summe'\)"):
        table("Zeit;Verbrauch (kWh)", *rows, "Summe;41.85")


def test_steps_that_are_numbered_are_no_times() -> None:
    """Hours of 1 to 24, and half-hours of 1 to 48; the other advice would make meters of them."""
    hours = [f"{time:%d/%m/%Y};{time.hour + 1};{load:.3f}" for time, load in zip(HOURS, LOADS, strict=True)]
    with pytest.raises(ProfileError, match=r"m\.csv:2: Hora: not a time of the day \(got '1'\)"):
        table("Fecha;Hora;kWh", *hours)
    halves = [f"{time:%Y-%m-%d},{2 * time.hour + half + 1},0.{half + 2}" for time in HOURS for half in (0, 1)]
    with pytest.raises(ProfileError, match=r"m\.csv:2: SettlementPeriod: not a time of the day \(got '1'\)"):
        table("SettlementDate,SettlementPeriod,kWh", *halves)


def test_a_marked_hour_of_autumn_is_told() -> None:
    rows = [f"{time:%d.%m.%Y};{time:%H:%M};{load:.3f}" for time, load in zip(HOURS, LOADS, strict=True)]
    rows.insert(27, "02.06.2023;02:00B;0.5")
    with pytest.raises(ProfileError, match=r"m\.csv:29: Uhrzeit: not a time of the day \(got '02:00B'\)"):
        table("Datum;Uhrzeit;kWh", *rows)


def test_rows_of_one_time_without_a_name_say_where() -> None:
    rows = [f"{time.isoformat()},{load}" for time, load in zip(HOURS, LOADS, strict=True) for _ in range(2)]
    with pytest.raises(
        ProfileError, match=r"m\.csv:3: time: the time stands several times.*\n.*keep one of the rows; or"
    ):
        table("time,kwh", *rows)


@pytest.mark.parametrize("mark", [",", "'", "\u2019", "\u202f", "\u00a0"])
def test_marks_between_thousands_are_told(mark: str) -> None:
    rows = [
        f"{time.isoformat()};{4000 * load:,.0f}".replace(",", mark) for time, load in zip(HOURS, LOADS, strict=True)
    ]
    if mark == ",":
        rows = [f"{time.isoformat()};{4000 * load:,.1f}" for time, load in zip(HOURS, LOADS, strict=True)]
    (problem,) = table("time;house (Wh)", *rows).problems
    assert "house (Wh): not a number" in str(problem)
    assert "write it without marks between thousands" in str(problem)


def test_a_column_with_marks_beside_others_is_refused() -> None:
    rows = [f'{row},"{4000 * load:,.1f}"' for row, load in zip(hourly(), LOADS, strict=True)]
    (problem,) = table("time,a (kWh),b (Wh)", *rows).problems
    assert "b (Wh): not a number" in str(problem)
    assert "without marks between thousands" in str(problem)


def test_numbers_of_meters_are_no_values() -> None:
    rows = [
        f"{time.isoformat()};5414488600123{meter};{load:.3f}"
        for time, load in zip(HOURS, LOADS, strict=True)
        for meter in (45, 46)
    ]
    long = table("time;EAN;Volume (kWh)", *rows)
    assert (long.shape.layout, long.shape.id_column, long.shape.value_column) == ("long", "EAN", "Volume (kWh)")
    wide = table("time;EAN;Volume (kWh)", *rows[::2])
    assert [each.name for each in wide.facts] == ["Volume (kWh)"]
    assert any("long whole numbers" in each and "EAN" in each for each in wide.remarks)


def test_the_newest_row_first_is_told() -> None:
    (problem,) = table("time,house (kWh)", *reversed(hourly())).problems
    assert "m.csv:2: time: the times do not increase: the newest row stands first" in str(problem)
    assert "sort the rows by time" in str(problem)


def test_meters_with_steps_and_days_of_their_own_are_one_below_another() -> None:
    quarters = [BEGIN + timedelta(minutes=15 * place) for place in range(288)]
    rows = [f"{time.isoformat()},A,0.1" for time in quarters] + [f"{time.isoformat()},B,0.4" for time in HOURS]
    mixed = table("time,meter,kwh", *rows)
    assert [(each.name, round(each.kwh_a_day, 6)) for each in mixed.used] == [("A", 9.6), ("B", 9.6)]
    rows = [f"{time + timedelta(days=day)},{name},0.4" for day, name in ((0, "A"), (1, "B")) for time in HOURS]
    assert [each.name for each in table("time,meter,kwh", *rows).used] == ["A", "B"]
    wide = table("time,house (kWh)", *hourly()[:10], *hourly()[9:])
    assert "the time stands twice" in str(wide.problems[0])


def test_an_index_without_a_name_is_read(tmp_path, monkeypatch) -> None:
    """As a data frame is written: the sections that come of it run, with the energy of the file."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"house (kWh)": LOADS}, index=pandas.date_range("2023-06-01", periods=72, freq="h"))
    frame.to_csv(tmp_path / "m.csv")
    monkeypatch.chdir(tmp_path)
    checked = ms.check_data("m.csv")
    assert checked.usable
    assert 'time: ""' in checked.text
    run = ms.simulate({**checked.sections, "name": "x"})
    assert run.agents.load_kwh.sum() == pytest.approx(sum(LOADS), abs=0.1)
