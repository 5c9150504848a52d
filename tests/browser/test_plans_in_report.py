"""Plans of an expert beside what was done, in the report of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import marketsim as ms
from marketsim.report.write import write_report

pytest.importorskip("clarabel", reason="experts need clarabel: pip install 'marketsim[experts]'")
HUB = "hub <b>1</b>"
"""A name as a stranger's folder may have it."""
SUNNY: dict[str, Any] = {
    "name": "sunny",
    "clock": {"start": "2016-05-08", "slots": 24, "slot_minutes": 60},
    "grid": {"feeder": "feeder141", "source_pu": 1.01, "voltage_band_pu": [0.95, 1.05], "gate": "observe"},
    "tariff": {"flat": {"retail": 0.3, "feed_in": 0.06}},
    "market": {"engine": "mid_market_rate"},
    "expert": "joint",
    "agents": [
        {
            "name": "hub 1", "kind": "prosumer", "bus": 87, "pv_kw": 9000, "load": {"peak_kw": 400, "power_factor": 0.95},
            "battery": {"energy_kwh": 1200, "power_kw": 400}, "strategy": "expert",
            "generator": {"max_kw": 250, "cost_per_kwh": 0.17, "ramp_kw_per_h": 125},
        },
        {
            "name": "rural", "kind": "prosumer", "bus": 75, "pv_kw": 6000, "load": {"peak_kw": 400}, "strategy": "expert",
            "curtailable_load": {"share": 0.2, "cost_per_kwh": 0.1},
        },
        {"name": "flat", "kind": "consumer", "bus": 78, "load": {"annual_kwh": 900_000}, "strategy": "utility_only"},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def run() -> Any:
    made = ms.simulate(ms.load_scenario(SUNNY))
    made.manifest["agents"][0] = HUB
    return made


@pytest.fixture(scope="module")
def page(run: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(run, tmp_path_factory.mktemp("report") / "planned.html")


def test_the_table_behind_the_chart_has_plans_and_what_was_metered(
    opened: Callable[..., Any], page: Path, run: Any, unfold: Callable[[Any, str], Any]
) -> None:
    """Of all together as the table of agents has it; of one agent where it is chosen, by its name as it stands."""
    shown = opened(page).page
    rows = unfold(shown, "plan-chart")
    heads = shown.locator('details[data-for="plan-chart"] th').all_inner_texts()
    battery = heads.index("battery, discharge positive, planned [kW]")
    agents = run.frame("agents", raw=True)
    noon = agents.query("slot == 12")

    def told(column: int) -> float:
        return float(rows.nth(12).locator("td").nth(column).inner_text().replace(",", ""))

    pv = heads.index("PV used, metered [kW]")
    assert told(pv) == pytest.approx(noon.query("name != 'flat'").pv_used_wh.sum() / 1000, abs=0.06)
    assert shown.locator("#plan-agent option").all_inner_texts() == ["all together", HUB, "rural"]
    shown.select_option("#plan-agent", label=HUB)
    hub = noon.query("name == 'hub 1'")
    shown.wait_for_function("() => document.getElementById('plan-chart').data[0].y.length === 25")
    assert told(pv) == pytest.approx(hub.pv_used_wh.item() / 1000, abs=0.2)
    assert told(battery) == pytest.approx(hub.planned_battery_kw.item(), abs=0.2)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_the_part_is_whole_in_both_themes_and_on_a_phone(
    opened: Callable[..., Any],
    page: Path,
    scheme: str,
    width: int,
    drawn: Callable[[Any, str], bool],
    covered: Callable[[Any], list[str]],
    cut: Callable[[Any], list[str]],
) -> None:
    shown = opened(page, width=width, scheme=scheme).page
    assert drawn(shown, "plan-chart")
    assert shown.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert covered(shown) == []
    assert cut(shown) == []


def test_the_slider_marks_its_slot(opened: Callable[..., Any], page: Path) -> None:
    shown = opened(page).page
    shown.locator("#slot").focus()
    shown.keyboard.press("Home")
    shown.wait_for_function("() => document.getElementById('plan-chart').layout.shapes[0].x0.endsWith('00:00')")


def test_runs_without_plans_have_no_such_part(opened: Callable[..., Any], tmp_path: Path) -> None:
    agents = [{**agent, "strategy": "utility_only"} for agent in SUNNY["agents"]]
    plain = ms.simulate(ms.load_scenario({**SUNNY, "agents": agents}))
    shown = opened(write_report(plain, tmp_path / "plain.html")).page
    assert shown.locator("#plans").count() == 0
