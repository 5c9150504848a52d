"""Meter data in the layouts that people have: ``data check`` understands them, and what it writes runs with their energy.

The files are made here in the layout of each source. Every household takes 0.2 kW until eight and 0.6 kW for the rest of the
day, 11.2 kWh; every plant gives 2 kW from ten to three, 10 kWh; the second one of each has half of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import marketsim as ms

BEGIN = datetime(2023, 6, 1)
LOAD_KWH, PV_KWH = 11.2, 10.0
BERLIN = ZoneInfo("Europe/Berlin")


def load_kw(time: datetime) -> float:
    return 0.2 if time.hour < 8 else 0.6


def pv_kw(time: datetime) -> float:
    return 2.0 if 10 <= time.hour < 15 else 0.0


def times(minutes: int, days: int = 2, start: datetime = BEGIN) -> list[datetime]:
    return [start + timedelta(minutes=minutes * step) for step in range(days * 24 * 60 // minutes)]


def text(*lines: str | Iterable[str]) -> bytes:
    rows = [row for each in lines for row in ([each] if isinstance(each, str) else each)]
    return ("\n".join(rows) + "\n").encode()


def comma(value: float) -> str:
    return f"{value:.4f}".replace(".", ",")


class Case(NamedTuple):
    """A layout, and what it has to become."""

    name: str
    data: bytes
    form: dict[str, object]
    """Keys of ``profiles`` that are found."""
    loads: dict[str, float]
    """Energy a day by agent [kWh]."""
    plants: dict[str, float] | None = None
    remarks: tuple[str, ...] = ()
    """What is said, in part."""


def london() -> Case:
    """London (Low Carbon London): meters one below another, energy of half-hours, a blank behind the header and cells."""
    rows = [
        f"MAC00000{meter},Std,{time:%Y-%m-%d %H:%M:%S}.0000000,{load_kw(time) / 2 / meter:.3f} "
        for meter in (1, 2)
        for time in times(30)
    ]
    form = {"time": "DateTime", "layout": "long", "id_column": "LCLid", "value_column": "KWH/hh (per half hour)"}
    data = text("LCLid,stdorToU,DateTime,KWH/hh (per half hour) ", rows)
    return Case("lcl.csv", data, {**form, "values": "kwh"}, {"MAC000001": LOAD_KWH, "MAC000002": LOAD_KWH / 2})


def ausgrid() -> Case:
    """Ausgrid's solar homes: a row a day, meter and category, columns called after the ends of half-hours, a line on top."""
    clocks = [f"{(30 * step // 60) % 24}:{30 * step % 60:02}" for step in range(1, 49)]
    kinds: dict[str, Callable[[datetime], float]] = {"GC": load_kw, "CL": lambda _: 0.5, "GG": pv_kw}
    rows = [
        f"{home},3.78,2076,{kind},{day.day}/06/2023,"
        + ",".join(f"{power(day + timedelta(minutes=30 * step)) / 2 / home:.3f}" for step in range(48))
        + ","
        for home in (1, 2)
        for kind, power in kinds.items()
        for day in times(24 * 60)
    ]
    head = "Customer,Generator Capacity,Postcode,Consumption Category,date," + ",".join(clocks) + ",Row Quality"
    form = {"skip_lines": 1, "time": "date", "date_format": "%d/%m/%Y", "stamps": "end", "layout": "days"}
    form |= {"id_column": "Customer", "kind_column": "Consumption Category", "values": "kwh"}
    return Case(
        "ausgrid.csv",
        text("For detailed explanation see the notes", head, rows),
        form,
        {"1": LOAD_KWH, "2": LOAD_KWH / 2},
        {"1": PV_KWH, "2": PV_KWH / 2},
        ("no load, PV or heat by their names are left out: 1 CL, 2 CL",),
    )


def counted(power: Callable[[datetime], float], minutes: int, days: int, start: float) -> list[float]:
    """Readings at the beginning of each step, and one at the end."""
    readings = [start]
    for time in times(minutes, days):
        readings.append(readings[-1] + power(time) * minutes / 60)
    return readings


def opsd() -> Case:
    """Open Power System Data: counters in UTC, a household that joined later, and appliances."""
    load, pv = counted(load_kw, 60, 3, 1000.0), counted(pv_kw, 60, 3, 500.0)
    rows = [
        f"{time:%Y-%m-%dT%H:%M:%S}Z,{time + timedelta(hours=2):%Y-%m-%dT%H:%M:%S}+0200,"
        f"{'' if step < 5 else round(load[step], 3)},{pv[step]:.3f},{load[step] / 4:.3f},"
        for step, time in enumerate([*times(60, 3), BEGIN + timedelta(days=3)])
    ]
    head = "utc_timestamp,cet_cest_timestamp,DE_KN_residential1_grid_import,DE_KN_residential1_pv,DE_KN_residential1_dishwasher,"
    form = {"time": "utc_timestamp", "utc_offset_hours": 0.0, "values": "counter_kwh"}
    form |= {"first_day": "2023-06-02", "last_day": "2023-06-03"}
    who = "DE_KN_residential1"
    said = ("since it counts up", "Times are in UTC", "left out: DE_KN_residential1_dishwasher")
    return Case("opsd.csv", text(head + "interpolated", rows), form, {who: LOAD_KWH}, {who: PV_KWH}, said)


def green_button() -> Case:
    """Green Button as CSV: lines on top, date, begin and end in columns of their own, the unit in another."""
    rows = [
        f"Electric usage,{time:%m/%d/%Y},{time:%H:%M},{time + timedelta(minutes=14):%H:%M},{load_kw(time) / 4:.3f},kWh,$0.05,"
        for time in times(15)
    ]
    top = ("Name,JANE DOE", 'Address,"1 MAIN ST, TOWN"', "Account Number,123", "Service,Service 1", "")
    form = {"skip_lines": 5, "time": ["DATE", "START TIME"], "date_format": "%m/%d/%Y %H:%M", "values": "kwh"}
    head = "TYPE,DATE,START TIME,END TIME,USAGE,UNITS,COST,NOTES"
    return Case("green.csv", text(top, head, rows), form, {"home": LOAD_KWH})


def german() -> Case:
    """A German network operator: semicolons, decimal commas, days first, times at the end of their step, a byte order mark."""
    rows = [
        f"{time + timedelta(minutes=15):%d.%m.%Y %H:%M};{comma(load_kw(time) / 4)};{comma(load_kw(time) / 8)}"
        for time in times(15)
    ]
    form = {"separator": ";", "decimal": ",", "time": "Zeitstempel", "date_format": "%d.%m.%Y %H:%M", "stamps": "end"}
    data = b"\xef\xbb\xbf" + text("Zeitstempel;Haus 1 (kWh);Haus 2 (kWh)", rows)
    return Case("german.csv", data, {**form, "values": "kwh"}, {"Haus 1": LOAD_KWH, "Haus 2": LOAD_KWH / 2})


def watt_hours() -> Case:
    """Energy in Wh, told by the name."""
    rows = [f"{time.isoformat()},{load_kw(time) * 250:g},{load_kw(time) * 125:g}" for time in times(15)]
    loads = {"flat": LOAD_KWH, "shop": LOAD_KWH / 2}
    return Case("wh.csv", text("time,flat_wh,shop_wh", rows), {"values": "wh"}, loads)


def counter() -> Case:
    """A meter that was read out each half-hour, in seconds since 1970."""
    readings = counted(load_kw, 30, 2, 8000.0)
    stamps = [int(time.replace(tzinfo=UTC).timestamp()) for time in [*times(30), BEGIN + timedelta(days=2)]]
    rows = [f"{stamp},{reading:.2f}" for stamp, reading in zip(stamps, readings, strict=True)]
    form = {"time": "unix", "date_format": "unix", "utc_offset_hours": 0.0, "values": "counter_kwh"}
    return Case("counter.csv", text("unix,zaehlerstand_kwh", rows), form, {"home": LOAD_KWH})


def midnight() -> Case:
    """Hours that are called by their ends, the last of them 24:00."""
    stamps = [
        f"{time:%Y-%m-%d} 24:00" if time.hour == 23 else f"{time + timedelta(hours=1):%Y-%m-%d %H:%M}"
        for time in times(60)
    ]
    rows = [f"{stamp};{load_kw(time)}" for stamp, time in zip(stamps, times(60), strict=True)]
    form = {"separator": ";", "time": "Datum", "stamps": "end", "values": "kw"}
    return Case("midnight.csv", text("Datum;kW", rows), form, {"home": LOAD_KWH})


def offsets() -> Case:
    """Times with their offsets, over the night in which clocks go back: 2023-10-29."""
    first = datetime(2023, 10, 28, tzinfo=ZoneInfo("Etc/GMT-1")).astimezone(UTC)
    local = [(first + timedelta(hours=hour)).astimezone(BERLIN) for hour in range(-1, 73)]
    rows = [f"{time.isoformat()},{load_kw(time.astimezone(ZoneInfo('Etc/GMT-1')))}" for time in local]
    said = ("Offsets from UTC change; standard time is taken to be +1 h",)
    return Case(
        "offsets.csv", text("time,home_load_kwh", rows), {"utc_offset_hours": 1.0}, {"home": LOAD_KWH}, {}, said
    )


def wall_clock() -> Case:
    """What clocks on the wall showed that night, an hour twice."""
    first = datetime(2023, 10, 28, tzinfo=ZoneInfo("Etc/GMT-1")).astimezone(UTC)
    standard = [first + timedelta(minutes=30 * step) for step in range(-2, 144)]
    rows = [
        f"{time.astimezone(BERLIN):%Y-%m-%d %H:%M},{load_kw(time.astimezone(ZoneInfo('Etc/GMT-1')))}"
        for time in standard
    ]
    said = ("Clocks are changed as in Europe/Berlin: name your own place by time_zone.",)
    form = {"time_zone": "Europe/Berlin"}
    return Case("wall.csv", text("time,home_load_kw", rows), form, {"home": LOAD_KWH}, None, said)


def spreadsheet() -> Case:
    """Excel: the line that tells the separator, a byte order mark, serial days, load and PV in kW."""
    rows = [f"{comma_days(time)};{comma(load_kw(time))};{comma(pv_kw(time))}" for time in times(60)]
    form = {"separator": ";", "decimal": ",", "skip_lines": 1, "time": "Date", "date_format": "excel", "values": "kw"}
    data = b"\xef\xbb\xbf" + text("sep=;", "Date;Load [kW];PV [kW]", rows)
    return Case("excel.csv", data, form, {"home": LOAD_KWH}, {"home": PV_KWH})


def comma_days(time: datetime) -> str:
    return f"{(time - datetime(1899, 12, 30)) / timedelta(days=1):.10f}".replace(".", ",")


def minutes() -> Case:
    """Date and time in two columns, a minute a row, a question mark for a missing value (as the UCI household has them)."""
    rows = [
        f"{time.day}/{time.month}/{time:%Y;%H:%M:%S};{'?' if time == BEGIN.replace(hour=12) else load_kw(time)}"
        for time in times(1)
    ]
    form = {"separator": ";", "time": ["Date", "Time"], "date_format": "%d/%m/%Y %H:%M:%S", "values": "kw"}
    form |= {"gaps": "interpolate", "longest_gap_minutes": 1}
    said = ("1 value is missing, the longest gap lasts 0:01:00",)
    return Case("minutes.txt", text("Date;Time;Global_active_power", rows), form, {"home": LOAD_KWH}, None, said)


def kinds() -> Case:
    """Meters one below another with what they count in a column of its own, quarter-hours in W."""
    rows = [
        f"{time:%d.%m.%Y %H:%M};{house};{kind};{1000 * power(time) / size:g}"
        for time in times(15)
        for house, size in (("Nord", 1), ("Süd", 2))
        for kind, power in (("Verbrauch", load_kw), ("Erzeugung", pv_kw))
    ]
    form = {"separator": ";", "time": "Zeit", "date_format": "%d.%m.%Y %H:%M", "layout": "long", "id_column": "Haus"}
    form |= {"kind_column": "Art", "value_column": "Leistung [W]", "values": "w"}
    return Case(
        "kinds.csv",
        text("Zeit;Haus;Art;Leistung [W]", rows),
        form,
        {"Nord": LOAD_KWH, "Süd": LOAD_KWH / 2},
        {"Nord": PV_KWH, "Süd": PV_KWH / 2},
    )


def parquet() -> Case:
    """A data frame with times in UTC."""
    sink = pa.BufferOutputStream()
    stamps = pa.array(times(60), type=pa.timestamp("us", tz="UTC"))
    pq.write_table(pa.table({"time": stamps, "h_load_kw": [load_kw(time) for time in times(60)]}), sink)
    return Case("frame.parquet", sink.getvalue().to_pybytes(), {"utc_offset_hours": 0.0}, {"h": LOAD_KWH})


CASES = [
    *(
        london,
        ausgrid,
        opsd,
        green_button,
        german,
        watt_hours,
        counter,
        midnight,
        offsets,
        wall_clock,
        spreadsheet,
        minutes,
    ),
    *(kinds, parquet),
]


@pytest.mark.parametrize("made", CASES, ids=[make.__name__ for make in CASES])
def test_a_layout_is_understood_and_runs_with_its_energy(
    made: Callable[[], Case], cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ``data check`` writes is valid as it stands; energies of each day are those that were written into the file."""
    case = made()
    (tmp_path / case.name).write_bytes(case.data)
    monkeypatch.chdir(tmp_path)
    told = cli("data", "check", case.name, "--json")
    assert told.code == 0, told.out
    found = json.loads(told.out)
    section = found["sections"]["profiles"]
    assert {key: value for key, value in section.items() if key not in ("source", "path", "columns")} == case.form
    assert all(series["plausible"] for series in found["series"] if series["for"] in ("load", "pv"))
    for said in case.remarks:
        assert any(said in remark for remark in found["remarks"]), found["remarks"]
    (tmp_path / "s.yaml").write_text(found["text"], encoding="utf-8")
    checked = cli("validate", "s.yaml")
    assert (checked.code, checked.err) == (0, "")
    run = ms.simulate(tmp_path / "s.yaml")
    days = found["sections"]["clock"]["slots"] * found["sections"]["clock"]["slot_minutes"] / 1440
    agents = run.agents
    energies = agents.groupby(agents["name"].astype(str))[["load_kwh", "pv_available_kwh"]].sum() / days
    assert days >= 1
    assert {name: row.load_kwh for name, row in energies.iterrows()} == pytest.approx(case.loads, abs=0.002)
    plants = {name: row.pv_available_kwh for name, row in energies.iterrows() if row.pv_available_kwh}
    assert plants == pytest.approx(case.plants or {}, abs=0.002)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        (
            "espi.xml",
            b"<?xml version='1.0'?><feed/>",
            "download it as CSV: portals that offer Green Button data have both",
        ),
        (
            "espi.csv",
            b"\n<?xml version='1.0'?><feed/>",
            "download it as CSV; portals that offer Green Button data have both",
        ),
        ("book.xlsx", b"PK\x03\x04", "save the sheet as 'CSV UTF-8'"),
        (
            "year.csv",
            text("month,hour,load", (f"1,{hour},0.5" for hour in range(24))),
            "add one with the beginning of each step",
        ),
        (
            "bare.csv",
            text(f"{time.isoformat()},0.{time.hour}" for time in times(60)),
            "its first line has to name the columns",
        ),
        ("utf16.csv", "time;kW\n".encode("utf-16"), "save it as UTF-8"),
        (
            "meters.csv",
            text("time,load_kwh", (f"{time.isoformat()},0.5" for time in times(60) for _ in range(3))),
            "no column tells whose rows they are",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(
    cli: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, data: bytes, said: str
) -> None:
    """One error that says what to do, exit code 2."""
    (tmp_path / name).write_bytes(data)
    monkeypatch.chdir(tmp_path)
    told = cli("data", "check", name)
    assert (told.code, told.out) == (2, "")
    assert said in told.err
    assert told.err.count("error:") == 1
    assert len(told.err.splitlines()) <= 2
