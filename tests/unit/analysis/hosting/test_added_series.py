"""What is added to a feeder has the series of the user's own plants, or the default source's where there are none."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np
import pytest

from marketsim.analysis.hosting import assets
from marketsim.analysis.hosting.added_series import note_of
from marketsim.analysis.hosting.capacity import Options, hosting_capacity
from marketsim.analysis.hosting.figure import draw
from marketsim.app.ready import load_scenario
from marketsim.app.ready_scenario import ReadyScenario

DAYS = 366
QUICK = Options(placements=2, days=1, unit_kw=5.0)


def own_data(folder: Path, agents: list[dict[str, object]], days: int = DAYS) -> ReadyScenario:
    """Two houses on Kerber's overhead line, an hour a row; the roof yields most on the 200th day, half of it in winter."""
    rows = ["time,a_load_kw,b_load_kw,a_pv_kw"]
    first = datetime.datetime(2016, 1, 1)
    for hour in range(24 * days):
        day = hour // 24
        sun = max(0.0, np.sin(np.pi * (hour % 24 - 6) / 12)) * (4.0 if day == 199 else 2.0)
        rows.append(f"{(first + datetime.timedelta(hours=hour)).isoformat()},0.5,0.7,{sun:.4f}")
    (folder / "m.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return load_scenario(
        {
            "name": "own",
            "clock": {"start": datetime.date(2016, 1, 1), "slots": 24, "slot_minutes": 60},
            "grid": {"feeder": "pandapower:create_kerber_landnetz_freileitung_1", "voltage_band_pu": [0.95, 1.05]},
            "tariff": {"flat": {"retail": 0.3, "feed_in": 0.08}},
            "profiles": {"source": "file", "path": str(folder / "m.csv"), "pv_scale": 0.5},
            "agents": agents,
        }
    )


ROOF = [
    {"name": "a", "kind": "prosumer", "pv_kw": 5.0, "bus": 2},
    {"name": "b", "kind": "consumer", "bus": 14},
]
NO_ROOF = [{"name": "a", "kind": "consumer", "bus": 2}, {"name": "b", "kind": "consumer", "bus": 14}]


@pytest.fixture
def owned(tmp_path: Path) -> ReadyScenario:
    return own_data(tmp_path, ROOF)


def test_a_kilowatt_that_is_added_does_what_one_of_the_own_plants_does(owned: ReadyScenario) -> None:
    """By its rating, and without the scale of the scenario, as for every other source."""
    sun = assets.per_kw(assets.ASSETS["pv"], owned)[0]
    expected = [max(0.0, np.sin(np.pi * (hour - 6) / 12)) * 2.0 / 5.0 for hour in range(24)]
    np.testing.assert_allclose(sun, expected, atol=1e-4)
    assert note_of(owned, "pv") == (
        "series: a kW that is added feeds in what a kW of the plant of a does (5 kW in all)."
    )


def test_the_worst_day_is_that_of_the_file(owned: ReadyScenario) -> None:
    """It holds a whole year, so that the day of most sun is found: the 200th."""
    report = hosting_capacity(owned, QUICK)
    assert report.days.startswith("2016-07-18: the days of most sun over least load of 2016")
    assert sum(note.startswith("series: ") for note in report.notes) == 1
    assert sum("balanced" in note for note in report.notes) == 1, "said once"


@pytest.mark.parametrize("asset", ["pv", "ev", "heat_pump", "battery"])
def test_without_own_series_the_default_source_is_taken_and_told(tmp_path: Path, asset: str) -> None:
    """Loads are metered, and nothing else: what is added has weather and heat of the program's own."""
    ready = own_data(tmp_path, NO_ROOF)
    report = hosting_capacity(ready, QUICK._replace(asset=asset, per_bus=False))
    assert report.capacities[0].kw[1] > 0.0
    told = [note for note in report.notes if note.startswith("series: ")]
    assert told == (
        []
        if asset == "battery"
        else [
            f"series: profiles.source file has none for {asset} that is added; simbench_2016 has been taken, so look at its weather."
        ]
    )


def test_a_net_meter_does_not_say_what_a_plant_generates(tmp_path: Path) -> None:
    """Own use is not in what it fed in, so the default source is taken, as without any plant."""
    ready = own_data(tmp_path, NO_ROOF, days=3)
    netted = ready.variant(
        {
            "agents": [
                {"name": "a", "kind": "prosumer", "pv_kw": 5.0, "bus": 2},
                {"name": "b", "kind": "consumer", "bus": 3},
            ],
            "profiles.columns": {"a": {"net": "a_load_kw"}},
            "profiles.pv_scale": 1.0,
        }
    )
    assert "has none for pv that is added" in note_of(netted, "pv")
    assert assets.per_kw(assets.ASSETS["pv"], netted).tolist() == assets.per_kw(assets.ASSETS["pv"], ready).tolist()


def test_a_file_of_less_than_a_year_is_tried_on_the_days_of_the_scenario(tmp_path: Path) -> None:
    report = hosting_capacity(own_data(tmp_path, ROOF, days=3), QUICK._replace(per_bus=False))
    assert report.days == "the scenario's own 1 day(s): its series hold no whole year"


@pytest.mark.parametrize("per_bus", [True, False])
def test_the_figure_is_the_same_each_time(owned: ReadyScenario, tmp_path: Path, per_bus: bool) -> None:
    """Both rules by name, and a bar a bus where buses were asked about."""
    pytest.importorskip("matplotlib")
    report = hosting_capacity(owned, QUICK._replace(per_bus=per_bus))
    first, again = tmp_path / "a.svg", tmp_path / "b.svg"
    draw(report, first)
    draw(report, again)
    assert first.read_bytes() == again.read_bytes()
    from marketsim.analysis.hosting.figure import figure_of

    made = figure_of(report)
    labels = [text.get_text() for legend in made.legends for text in legend.get_texts()]
    assert labels == [each.rule for each in report.capacities]
    assert len(made.axes) == (2 if per_bus else 1)
    if per_bus:
        named = [text.get_text() for text in made.axes[1].get_yticklabels()]
        weakest = sorted(report.capacities[0].buses, key=lambda bus: bus.kw)
        assert named == [bus.name for bus in weakest]
