"""Reports of studies, opened in a browser."""

from __future__ import annotations

import pytest

import marketsim as ms
from marketsim.analysis.studies.folder import open_study
from marketsim.report.write import report_folder

AXES = {"profiles.pv_scale": [0.5, 1.0, 2.0], "grid.gate": ["ac", "observe"]}


@pytest.fixture(scope="session")
def study(village, tmp_path_factory):
    """Report of a small study: two axes, two seeds."""
    folder = tmp_path_factory.mktemp("study") / "study"
    scenario = ms.load_scenario(village(clock={"start": "2016-04-12", "slots": 4, "slot_minutes": 60}))
    ms.whatif(scenario, AXES, seeds=2, out=folder, workers=1)
    return report_folder(folder)


def test_curves_heat_map_and_tornado_are_drawn(opened, study):
    page = opened(study).page
    for chart in ("response", "heatmap", "sensitivity"):
        assert page.locator(f"#{chart} .main-svg").count() > 0, chart
    assert page.locator("#answer li").count() > 0
    assert page.locator("#table tbody tr").count() == 12


def test_a_curve_is_the_mean_of_its_seeds(opened, study):
    """With an interval, since there are two; the table behind the chart holds both."""
    page = opened(study).page
    page.select_option("#kpi", "p2p_share")
    page.locator('details[data-for="response"] summary').click()
    rows = page.locator('details[data-for="response"] tbody tr')
    assert rows.count() == 6
    first = rows.first.locator("td").all_inner_texts()
    assert first[:2] == ["0.5", "grid.gate = ac"]
    assert first[4] == "2"
    assert first[3] != "–"
    table = open_study(study.parent).table
    own = table[(table["profiles.pv_scale"] == 0.5) & (table["grid.gate"] == "ac")]
    assert float(first[2]) == pytest.approx(own.p2p_share.mean(), abs=1e-4)


def test_choices_redraw_the_page(opened, study):
    page = opened(study).page
    title = "document.querySelector('#response .ytitle').textContent"
    before = page.evaluate(title)
    page.select_option("#kpi", index=1)
    assert page.evaluate(title) != before
    page.select_option("#along", "1")
    assert page.evaluate("document.querySelector('#response .xtitle').textContent") == "grid.gate"


def test_a_phone_shows_it_in_one_column(opened, study):
    page = opened(study, width=390, scheme="dark").page
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
