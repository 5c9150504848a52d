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


def drawn_kw(time: datetime) -> float:
    return max(load_kw(time) - pv_kw(time), 0.0)


def fed_in_kw(time: datetime) -> float:
    return max(pv_kw(time) - load_kw(time), 0.0)


DRAWN_KWH, FED_IN_KWH = 8.2, 7.0


def opsd() -> Case:
    """Open Power System Data: counters in UTC of import, export and PV, a household that joined later, and appliances."""
    load, pv, fed = (
        counted(power, 60, 3, start) for power, start in ((drawn_kw, 1000.0), (pv_kw, 500.0), (fed_in_kw, 200.0))
    )
    rows = [
        f"{time:%Y-%m-%dT%H:%M:%S}Z,{time + timedelta(hours=2):%Y-%m-%dT%H:%M:%S}+0200,"
        f"{'' if step < 5 else round(load[step], 3)},{fed[step]:.3f},{pv[step]:.3f},{load[step] / 4:.3f},"
        for step, time in enumerate([*times(60, 3), BEGIN + timedelta(days=3)])
    ]
    who = "DE_KN_residential1"
    head = f"utc_timestamp,cet_cest_timestamp,{who}_grid_import,{who}_grid_export,{who}_pv,{who}_dishwasher,"
    form = {"time": "utc_timestamp", "utc_offset_hours": 0.0, "values": "counter_kwh"}
    form |= {"first_day": "2023-06-02", "last_day": "2023-06-03"}
    said = (
        "since it counts up",
        "Times are in UTC",
        f"left out: {who}_dishwasher",
        f"{who}: its load is what was drawn and PV",
    )
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


def meter_in_two_columns() -> Case:
    """What a meter drew and what it fed in, by their codes, in counters; no meter of the plant."""
    drawn, fed = counted(drawn_kw, 15, 2, 1000.0), counted(fed_in_kw, 15, 2, 200.0)
    rows = [
        f"{time:%d.%m.%Y %H:%M};{comma(one)};{comma(other)}"
        for time, one, other in zip([*times(15), BEGIN + timedelta(days=2)], drawn, fed, strict=True)
    ]
    form = {"separator": ";", "decimal": ",", "time": "Zeit", "date_format": "%d.%m.%Y %H:%M", "values": "counter_kwh"}
    said = ("for what it fed in, which is the PV: own use is in neither",)
    data = text("Zeit;Zählerstand 1.8.0 (kWh);Zählerstand 2.8.0 (kWh)", rows)
    return Case("obis.csv", data, form, {"home": DRAWN_KWH}, {"home": FED_IN_KWH}, said)


def household_in_three_columns() -> Case:
    """What a household drew, fed in and generated: its load is what is left."""
    rows = [
        f"{time:%d.%m.%Y %H:%M};{comma(drawn_kw(time) / 4)};{comma(fed_in_kw(time) / 4)};{comma(pv_kw(time) / 4)}"
        for time in times(15)
    ]
    form = {"separator": ";", "decimal": ",", "time": "Zeit", "date_format": "%d.%m.%Y %H:%M", "values": "kwh"}
    said = ("home: its load is what was drawn and PV less what was fed in",)
    data = text("Zeit;Bezug (kWh);Einspeisung (kWh);Erzeugung (kWh)", rows)
    return Case("three.csv", data, form, {"home": LOAD_KWH}, {"home": PV_KWH}, said)


def days_by_number() -> Case:
    """A day a row, hours called by their numbers, several meters."""
    rows = [
        f"IT{meter};{day:%d/%m/%Y};"
        + ";".join(comma(load_kw(day + timedelta(hours=hour)) / meter) for hour in range(24))
        for meter in (1, 2)
        for day in times(24 * 60, 20)
    ]
    form = {
        "separator": ";",
        "decimal": ",",
        "time": "Data",
        "date_format": "%d/%m/%Y",
        "layout": "days",
        "id_column": "POD",
    }
    data = text("POD;Data;" + ";".join(f"{hour:02}" for hour in range(1, 25)), rows)
    said = ("Columns 01 to 24 are taken for the 24 steps of a day",)
    return Case("numbers.csv", data, {**form, "values": "kwh"}, {"IT1": LOAD_KWH, "IT2": LOAD_KWH / 2}, None, said)


def days_of_one_meter() -> Case:
    """A day a row, hours called by begin and end, and no column that tells a meter."""
    rows = [
        f"{day:%d.%m.%Y};" + ";".join(comma(load_kw(day + timedelta(hours=hour))) for hour in range(24))
        for day in times(24 * 60, 3)
    ]
    form = {
        "separator": ";",
        "decimal": ",",
        "time": "Datum",
        "date_format": "%d.%m.%Y",
        "layout": "days",
        "values": "kwh",
    }
    data = text("Datum;" + ";".join(f"{hour:02}:00-{hour + 1:02}:00" for hour in range(24)), rows)
    return Case("ranges.csv", data, form, {"home": LOAD_KWH})


def enedis() -> Case:
    """Enedis: the unit stands above the header alone, times with offsets at the end of their steps."""
    rows = [f"{time + timedelta(minutes=30):%Y-%m-%dT%H:%M:%S}+02:00;{load_kw(time) * 1000:.0f}" for time in times(30)]
    top = ("Identifiant PRM;Type de donnees;Grandeur physique;Unite;Pas", "123;Courbe;Energie active;W;30")
    form = {
        "separator": ";",
        "skip_lines": 2,
        "time": "Horodate",
        "stamps": "end",
        "utc_offset_hours": 2.0,
        "values": "w",
    }
    said = ("since the lines above the header say so", "All times carry one offset")
    return Case("enedis.csv", text(top, "Horodate;Valeur", rows), form, {"Valeur": LOAD_KWH}, None, said)


def tesla() -> Case:
    """Tesla: load, PV, battery and grid of one home."""
    rows = [
        f"{time:%Y-%m-%dT%H:%M:%S}+02:00,{load_kw(time)},{-0.2 if time.hour < 18 else 0.3},{pv_kw(time)},{drawn_kw(time):.3f}"
        for time in times(15)
    ]
    head = "Date time,Home (kW),From Powerwall (kW),Solar Energy (kW),From Grid (kW)"
    form = {"time": "Date time", "utc_offset_hours": 2.0, "values": "kw"}
    said = ("left out: From Powerwall (kW)", "are read, and left out: From Grid (kW)")
    return Case("tesla.csv", text(head, rows), form, {"home": LOAD_KWH}, {"home": PV_KWH}, said)


def register() -> Case:
    """Fluvius: registers one below another, begin and end in two columns each, and a number of the meter that is no value."""
    rows = [
        f"{time:%d-%m-%Y};{time:%H:%M:%S};{time + timedelta(minutes=15):%d-%m-%Y};{time + timedelta(minutes=15):%H:%M:%S};"
        f"541448;{kind};{comma(power(time) / 4)};kWh"
        for time in times(15)
        for kind, power in (("Afname", drawn_kw), ("Injectie", fed_in_kw))
    ]
    form = {"separator": ";", "decimal": ",", "time": ["Van Datum", "Van Tijdstip"], "date_format": "%d-%m-%Y %H:%M:%S"}
    form |= {"layout": "long", "id_column": "Register", "value_column": "Volume", "values": "kwh"}
    head = "Van Datum;Van Tijdstip;Tot Datum;Tot Tijdstip;EAN;Register;Volume;Eenheid"
    said = ("as those of meters do, are left out: 'EAN'",)
    return Case("fluvius.csv", text(head, rows), form, {"home": DRAWN_KWH}, {"home": FED_IN_KWH}, said)


def year_first() -> Case:
    """Years of two digits, first: 23/06/01 is a day in June and not one of two years."""
    rows = [f"{time:%y/%m/%d %H:%M};{comma(load_kw(time))}" for time in times(60)]
    form = {"separator": ";", "decimal": ",", "time": "Datum", "date_format": "%y/%m/%d %H:%M", "values": "kwh"}
    return Case("years.csv", text("Datum;kWh", rows), form, {"home": LOAD_KWH})


def july_to_june() -> Case:
    """A year from July on with its offsets, so that the first and the last rows are both of summer."""
    first = datetime(2023, 7, 1, tzinfo=ZoneInfo("Etc/GMT-1")).astimezone(UTC)
    local = [(first + timedelta(hours=hour)).astimezone(BERLIN) for hour in range(-1, 365 * 24)]
    rows = [f"{time.isoformat()},{load_kw(time.astimezone(ZoneInfo('Etc/GMT-1')))}" for time in local]
    said = ("Offsets from UTC change; standard time is taken to be +1 h",)
    return Case("july.csv", text("time,home_load_kwh", rows), {"utc_offset_hours": 1.0}, {"home": LOAD_KWH}, {}, said)


def lost_hours() -> Case:
    """Hours that are missing: the section fills them from the day before, as it says."""
    rows = [
        f"{time.isoformat()},{load_kw(time)}" for time in times(60, 5) if not (time.day == 3 and 4 <= time.hour < 20)
    ]
    form = {"gaps": "previous_day", "longest_gap_minutes": 960}
    said = ("Gaps are filled from the day before (gaps: previous_day)",)
    return Case("gap.csv", text("time,house_load_kwh", rows), form, {"house": LOAD_KWH}, None, said)


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
    *(
        kinds,
        parquet,
        meter_in_two_columns,
        household_in_three_columns,
        days_by_number,
        days_of_one_meter,
        enedis,
        tesla,
    ),
    *(register, year_first, july_to_june, lost_hours),
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
        (
            "hours.csv",
            text("Date,Hour,kWh", (f"{time:%Y-%m-%d},H{time.hour + 1:02},{load_kw(time)}" for time in times(60))),
            "Hour: not a time of the day (got 'H01')",
        ),
        (
            "range.csv",
            text("Datum;Uhrzeit;kWh", (f"{t:%d.%m.%Y};{t:%H:%M}-{t:%H}:59;{comma(load_kw(t))}" for t in times(60))),
            "Uhrzeit: not a time of the day (got '00:00-00:59')",
        ),
        (
            "periods.csv",
            text(
                "Date,SettlementPeriod,kWh", (f"{t:%Y-%m-%d},{2 * t.hour + t.minute // 30 + 1},0.2" for t in times(30))
            ),
            "SettlementPeriod: not a time of the day (got '1')",
        ),
        (
            "odd.csv",
            text(
                "Date," + ",".join(f"H{n:02}" for n in range(1, 26)),
                (f"{t:%Y-%m-%d}" + ",0.5" * 25 for t in times(1440, 3)),
            ),
            "columns H01 to H25 look like the steps of a day, and are 25",
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
