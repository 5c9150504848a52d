"""Reports of studies, opened in a browser."""

from __future__ import annotations

from pathlib import Path

import pytest

import marketsim as ms
from marketsim.analysis.studies.folder import open_study
from marketsim.report.write import report_folder

ROOT = Path(__file__).resolve().parents[2]
AXES = {"profiles.pv_scale": [0.5, 1.0, 2.0], "grid.gate": ["ac", "observe"]}


@pytest.fixture(scope="session")
def study(village, tmp_path_factory):
    """Report of a small study: two axes, two seeds."""
    folder = tmp_path_factory.mktemp("study") / "study"
    scenario = ms.load_scenario(village(clock={"start": "2016-04-12", "slots": 4, "slot_minutes": 60}))
    ms.whatif(scenario, AXES, seeds=2, out=folder, workers=1)
    return report_folder(folder).path


@pytest.fixture(scope="session")
def broken(tmp_path_factory):
    """Report of a study in which the feeder breaks, with and without the gate; a day in two slots."""
    folder = tmp_path_factory.mktemp("broken") / "study"
    hours = {"clock.slots": 2, "clock.slot_minutes": 720}
    axes = {"profiles.pv_scale": [0.1, 4.0], "grid.gate": ["observe", "ac"]}
    ms.whatif(ms.load_scenario(ROOT / "scenarios" / "stress141.yaml", hours), axes, out=folder, workers=1)
    return report_folder(folder).path


@pytest.fixture(scope="session")
def sobol(village, tmp_path_factory):
    """Report of a small Sobol design over two ranges."""
    folder = tmp_path_factory.mktemp("sobol") / "study"
    scenario = village(clock={"start": "2016-04-12", "slots": 2, "slot_minutes": 720})
    axes = {"profiles.pv_scale": "0.5:2", "tariff.flat.retail": "0.2:0.4"}
    ms.whatif(ms.load_scenario(scenario), axes, design="sobol", samples=4, out=folder, workers=1)
    return report_folder(folder).path


@pytest.fixture(scope="session")
def engines(scenario_of_a_street, tmp_path_factory):
    """Report of a study of two engines over five seeds: names alone are varied."""
    folder = tmp_path_factory.mktemp("engines") / "study"
    axes = {"market.engine": ["double_auction", "mid_market_rate"]}
    ms.whatif(scenario_of_a_street, axes, seeds=5, out=folder, workers=1)
    return report_folder(folder).path


@pytest.fixture(scope="session")
def scenario_of_a_street():
    """A few hours of six households without a grid, in euros."""
    trader = {"load": {"annual_kwh": 3500}, "strategy": {"zero_intelligence": {}}}
    return {
        "name": "street",
        "currency": "EUR",
        "clock": {"start": "2016-06-14", "slots": 24, "slot_minutes": 60},
        "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
        "agents": [
            {"kind": "prosumer", "count": 3, "pv_kw": {"uniform": [4, 9]}, **trader},
            {"kind": "consumer", "count": 3, **trader},
        ],
    }


def test_names_are_compared_by_points_with_intervals_and_no_line(opened, engines, drawn):
    """Two engines have no order: nothing joins them, and each mean has its interval."""
    page = opened(engines).page
    assert drawn(page, "response")
    (trace,) = page.evaluate(
        "document.getElementById('response').data.map(each => ({ mode: each.mode, y: each.y, error: each.error_y.array }))"
    )
    assert trace["mode"] == "markers"
    assert len(trace["y"]) == 2
    assert all(half > 0 for half in trace["error"])
    ticks = page.evaluate(
        "document.getElementById('response').layout.xaxis.ticktext.map(each => each.replace('<br>', ''))"
    )
    assert ticks == ["double_auction", "mid_market_rate"]


def test_a_study_of_names_has_an_answer_and_the_verdicts_of_compare(opened, engines):
    """The page says what differs beyond the noise, as the command does, KPI by KPI, in the scenario's currency."""
    from marketsim.analysis.compare.arms import arms_of_study
    from marketsim.analysis.compare.verdicts import compare

    page = opened(engines).page
    answer = page.inner_text("#answer")
    assert "No axis" not in answer
    assert "With market.engine=mid_market_rate in place of market.engine=double_auction" in answer
    arms, _, _ = arms_of_study(open_study(engines.parent))
    verdicts = {each.kpi: each.verdict for each in compare(*arms, ["p2p_kwh", "consumer_cost"])}
    rows = {
        row[0]: row
        for row in (each.locator("td").all_inner_texts() for each in page.locator("#compared tbody tr").all())
    }
    assert rows["Traded between peers"][-1] == verdicts["p2p_kwh"]
    assert rows["Cost of consumers"][-1] == verdicts["consumer_cost"]
    assert rows["Cost of consumers"][1] == "EUR"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_tool_bars_cover_nothing_and_the_navigation_is_whole(opened, study, engines, covered, cut, scheme, width):
    for path in (study, engines):
        page = opened(path, width=width, scheme=scheme).page
        assert covered(page) == []
        assert cut(page) == []


def test_curves_heat_map_and_tornado_are_drawn(opened, study, drawn):
    page = opened(study).page
    for chart in ("response", "heatmap", "sensitivity"):
        assert drawn(page, chart), chart
    assert page.locator("#answer li").count() > 0
    assert page.locator("#table tbody tr").count() == 12


def test_a_curve_is_the_mean_of_its_seeds(opened, study, unfold):
    """With an interval, since there are two; the table behind the chart holds both."""
    page = opened(study).page
    page.select_option("#kpi", "p2p_share")
    rows = unfold(page, "response")
    assert rows.count() == 6
    first = rows.first.locator("td").all_inner_texts()
    assert first[:2] == ["0.5", "grid.gate = ac"]
    assert first[4] == "2"
    assert first[3] != "–"
    table = open_study(study.parent).table
    own = table[(table["profiles.pv_scale"] == 0.5) & (table["grid.gate"] == "ac")]
    assert float(first[2]) == pytest.approx(100.0 * own.p2p_share.mean(), abs=1e-3)


def test_kpis_have_names_units_and_definitions(opened, study):
    """In words where the command line has them; those that are asked for first come first."""
    page = opened(study).page
    page.select_option("#kpi", "p2p_share")
    assert page.locator("#kpi option:checked").inner_text() == "Share of demand met by peers [%]"
    assert page.inner_text("#kpi-text").startswith("sum min(b, d - o) / sum d")
    groups = page.locator("#kpi optgroup").evaluate_all("all => all.map(each => each.label)")
    assert groups == ["What decides", "Everything that moves"]
    assert "Share of demand met by peers [%]" in page.inner_text("#table thead")


def test_a_chart_shows_its_limit_and_where_the_feeder_breaks(opened, broken):
    """The limit of the chosen KPI, and the first value at which each gate has trouble."""
    page = opened(broken).page
    told = page.inner_text("#breaks")
    assert "Dashed: the limit." in told
    assert "from 4 on: " in told
    assert "out of limits (grid.gate=observe)" in told
    assert "energy refused (grid.gate=ac)" in told
    dashes = "document.getElementById('response').layout.shapes.map(each => each.line.dash)"
    assert page.evaluate(dashes) == ["dash", "dot"]
    page.select_option("#kpi", "rejected_kwh")
    assert page.evaluate(dashes) == ["dot"]
    page.select_option("#along", "1")
    assert page.inner_text("#breaks") == ""


def test_names_keep_the_order_of_the_study(opened, broken):
    """A list is drawn as it was given, not by the alphabet."""
    page = opened(broken).page
    assert page.evaluate("document.getElementById('response').data.map(each => each.name)") == [
        "grid.gate = observe",
        "grid.gate = ac",
    ]


def test_sobol_indices_are_those_of_the_study(opened, sobol):
    """First order with its interval, and total, for the chosen KPI."""
    own = opened(sobol).page
    kpi = own.locator("#kpi").input_value()
    written = {each.axis: each for each in open_study(sobol.parent).sensitivities if each.kpi == kpi}
    drawn = own.evaluate("document.getElementById('indices').data.map(each => [each.name, each.y, each.x])")
    assert [name for name, _, _ in drawn] == ["first order", "total"]
    for (_, axes, values), field in zip(drawn, ("value", "total"), strict=True):
        assert dict(zip(axes, values, strict=True)) == {axis: getattr(each, field) for axis, each in written.items()}


def test_a_sampled_study_has_a_heat_map_of_bins(opened, sobol):
    """Every sample has its own value, so a map of values would be empty but for a diagonal."""
    own = opened(sobol).page
    assert own.evaluate("document.getElementById('heatmap').data[0].x.length") == 8


def test_a_grid_has_no_indices(opened, study):
    assert opened(study).page.locator("#indices").count() == 0


def test_choices_redraw_the_page(opened, study):
    page = opened(study).page
    title = "document.querySelector('#response .ytitle').textContent"
    before = page.evaluate(title)
    page.select_option("#kpi", index=1)
    assert page.evaluate(title) != before
    page.select_option("#along", "1")
    assert page.evaluate("document.querySelector('#response .xtitle').textContent") == "grid.gate"
    modes = "document.getElementById('response').data.map(each => each.mode)"
    assert page.evaluate(modes) == ["markers"]
    page.select_option("#split", "0")
    assert page.evaluate(modes) == ["markers"] * 3


def test_a_phone_shows_it_in_one_column(opened, study):
    page = opened(study, width=390, scheme="dark").page
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
