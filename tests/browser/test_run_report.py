"""Reports of runs, opened in a browser. Every test also fails on a console error and on any request."""

from __future__ import annotations

import re

import pytest

import marketsim as ms
from marketsim.report import focus, series
from marketsim.report.write import write_report

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>'\"&{{7*7}}"


@pytest.fixture(scope="session")
def day(simulated, hours, tmp_path_factory):
    """Report of a day of the feeder, in hours."""
    run = simulated("scenarios/stress141.yaml", {**hours, "grid.gate": "observe"})
    return write_report(run, tmp_path_factory.mktemp("report") / "day.html")


@pytest.fixture(scope="session")
def hostile(village, tmp_path_factory):
    """Report of a run folder of a stranger, whose names carry markup and scripts."""
    run = ms.simulate(ms.load_scenario(village()))
    run.manifest["scenario"] = HOSTILE
    run.manifest["agents"][0] = HOSTILE
    return write_report(run, tmp_path_factory.mktemp("report") / "hostile.html")


@pytest.fixture(scope="module")
def common(village, tmp_path_factory):
    """Report of a run whose agents have incomes, and the run."""
    agents = [{**agent, "income": 1000 * (row + 1)} for row, agent in enumerate(village()["agents"])]
    run = ms.simulate(ms.load_scenario(village(agents=agents)))
    return write_report(run, tmp_path_factory.mktemp("report") / "common.html"), run


@pytest.fixture(scope="module")
def long(simulated, tmp_path_factory):
    """Report of three days that count as a long run: curves by day, chosen days slot by slot."""
    run = simulated("scenarios/stress141.yaml", {"clock.slots": 72, "clock.slot_minutes": 60})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(series, "MOST_SLOTS", 48)
        patch.setattr(focus, "MOST_SLOTS", 48)
        return write_report(run, tmp_path_factory.mktemp("report") / "long.html")


def overflow(page):
    """Pixels by which the page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


def test_every_chart_is_drawn(opened, day, drawn):
    page = opened(day).page
    for chart in ("map", "voltages", "loadings", "prices", "volumes", "depth", "curves", "bills", "scores"):
        assert drawn(page, chart), chart


def test_the_slider_moves_the_map_and_says_when(opened, day):
    """By the keyboard: an arrow key is a slot; the picture and its words change."""
    page = opened(day).page
    slider = page.locator("#slot")
    before, place = page.inner_text("#map-text"), int(slider.input_value())
    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("text => document.getElementById('map-text').textContent !== text", arg=before)
    assert int(slider.input_value()) == place - 1
    assert f"{place - 1:02d}:00" in page.inner_text("#when")
    assert slider.get_attribute("aria-valuetext") == page.inner_text("#when")


def test_the_slider_starts_where_it_is_worst(opened, day, simulated, hours):
    """The first slot shown is the one with most buses out of band."""
    slots = simulated("scenarios/stress141.yaml", {**hours, "grid.gate": "observe"}).slots
    assert int(opened(day).page.locator("#slot").input_value()) == int(slots.voltage_violations.to_numpy().argmax())


def test_the_map_shows_the_recorded_extremes(opened, day, simulated, hours):
    """Voltages packed into the page are those of the table of slots, to the four digits shown."""
    page = opened(day).page
    slots = simulated("scenarios/stress141.yaml", {**hours, "grid.gate": "observe"}).slots
    own = slots.iloc[int(page.locator("#slot").input_value())]
    text = page.inner_text("#map-text")
    said = re.findall(r"(\d\.\d{4})", text)
    assert [float(value) for value in said] == pytest.approx([own.voltage_min_pu, own.voltage_max_pu], abs=6e-5)
    assert f"{own.loading_max_percent:.1f} %" in text
    assert f"{own.voltage_violations} buses out of band" in text


def test_refused_and_curtailed_energy_have_their_element(opened, long, simulated, drawn, unfold):
    """The table behind the bars: an element a row, with what it refused and what was curtailed for it."""
    page = opened(long).page
    assert drawn(page, "refusals")
    rows = unfold(page, "refusals")
    heads = page.locator('details[data-for="refusals"] th').all_inner_texts()
    assert heads[-1] == "PV curtailed [kWh]"
    curtailed = sum(float(row.locator("td").last.inner_text().replace(",", "")) for row in rows.all())
    run = simulated("scenarios/stress141.yaml", {"clock.slots": 72, "clock.slot_minutes": 60})
    assert curtailed == pytest.approx(run.summary["curtailed_kwh"], abs=0.01)


def test_a_long_run_is_shown_by_day_and_some_days_slot_by_slot(opened, long):
    """Curves have a point a day; the days to choose from say why they are there."""
    page = opened(long).page
    assert page.evaluate("document.getElementById('prices').data[0].x.length") == 4
    days = page.locator("#stretch option").all_inner_texts()
    assert 1 < len(days) <= 3
    assert any("most energy refused" in day for day in days)


def test_the_slider_of_a_long_run_moves_within_the_chosen_day(opened, long):
    page = opened(long).page
    page.select_option("#stretch", index=1)
    day = page.locator("#stretch option").nth(1).inner_text()
    slider = page.locator("#slot")
    assert slider.get_attribute("max") == "23"
    before = page.inner_text("#map-text")
    slider.focus()
    page.keyboard.press("Home")
    page.wait_for_function("text => document.getElementById('map-text').textContent !== text", arg=before)
    when = page.inner_text("#when")
    assert " 00:00 " in when
    assert int(when[8:10]) == int(day.split()[1])


@pytest.mark.parametrize(("scheme", "width"), [("light", 1200), ("dark", 390)])
def test_a_long_run_is_whole_in_both_themes_and_on_a_phone(opened, long, scheme, width, drawn):
    page = opened(long, width=width, scheme=scheme).page
    assert overflow(page) <= 0
    for chart in (
        "map",
        "voltages",
        "loadings",
        "prices",
        "volumes",
        "depth",
        "curves",
        "bills",
        "scores",
        "curtailment",
    ):
        assert drawn(page, chart), chart


@pytest.mark.parametrize(("scheme", "other"), [("light", "dark"), ("dark", "light")])
def test_the_theme_follows_the_system_and_the_button(opened, day, scheme, other, drawn):
    page = opened(day, scheme=scheme).page
    colour = "getComputedStyle(document.body).backgroundColor"
    theme = "document.documentElement.dataset.theme"
    assert page.evaluate(theme) == scheme
    before = page.evaluate(colour)
    page.click("#theme")
    assert page.evaluate(theme) == other
    assert page.evaluate(colour) != before
    assert drawn(page, "map")


def test_a_phone_scrolls_in_one_direction_only(opened, day):
    assert overflow(opened(day, width=390).page) <= 0


@pytest.mark.parametrize("width", [1280, 390])
def test_the_scale_of_voltages_ends_at_the_limits(opened, day, drawn, width):
    """Both limits are written at its ends, within the window."""
    page = opened(day, width=width).page
    assert drawn(page, "map")
    marks = page.locator("#map .cbaxis text")
    assert {"0.950", "1.050"} <= set(marks.all_text_contents())
    assert all(
        box["x"] >= 0 and box["x"] + box["width"] <= width for box in (mark.bounding_box() for mark in marks.all())
    )


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)])
def test_tool_bars_cover_nothing_and_nothing_is_cut(opened, day, covered, cut, scheme, width):
    """Legends, titles of colour bars and words beside a chart stay free; the navigation and the key figures are whole."""
    page = opened(day, width=width, scheme=scheme).page
    assert covered(page) == []
    assert cut(page) == []
    assert "{{" not in page.inner_text("body")


def test_savings_are_shown_by_name(opened, day):
    """The bars from left to right have the names of the agents, the largest saving first."""
    page = opened(day).page
    names, saved = page.evaluate(
        "(() => { const own = document.getElementById('bills'); return [own.layout.xaxis.ticktext, own.data[0].y]; })()"
    )
    assert len(names) == len(saved) == 104
    assert {name.split("-")[0] for name in names} == {"prosumer", "consumer"}
    assert saved == sorted(saved, reverse=True)


def test_the_worst_buses_and_branches_are_those_of_the_run(opened, day, simulated, hours):
    """Names and hours of the tables are those that Python gives, with their units."""
    page = opened(day).page
    run = simulated("scenarios/stress141.yaml", {**hours, "grid.gate": "observe"})
    for part, table in (("worst-buses", run.worst_buses()), ("worst-branches", run.worst_branches())):
        assert page.locator(f"#{part} tbody td:first-child").all_inner_texts() == table.index.tolist()
    above = [float(text) for text in page.locator("#worst-buses tbody td:nth-child(3)").all_inner_texts()]
    assert above == run.worst_buses().hours_above.tolist()
    units = page.locator("#worst-branches thead small").all_inner_texts()
    assert units == ["h", "%", "A", "A", "kVA", "kVA"]


def test_each_chart_has_words_and_a_table(opened, day, unfold):
    """A label for those who cannot see it, and its figures as rows."""
    page = opened(day).page
    for chart in page.locator(".panel:not(.hidden) .chart").all():
        assert chart.get_attribute("role") == "img"
        assert len(chart.get_attribute("aria-label")) > 20
    for details in page.locator(".panel:not(.hidden) details.data").all():
        assert unfold(page, details.get_attribute("data-for")).count() > 0


def test_agents_are_sorted_by_a_click_and_found_by_name(opened, day):
    page = opened(day).page
    heads = page.locator("#agents thead button")
    column = [head.inner_text() for head in heads.all()].index("Pays in all")
    heads.nth(column).click()
    cells = page.locator(f"#agents tbody tr td:nth-child({column + 1})").all_inner_texts()
    paid = [float(text.replace(",", "")) for text in cells]
    assert paid == sorted(paid, reverse=True)
    assert page.locator("#agents thead th").nth(column).get_attribute("aria-sort") == "descending"
    page.fill("#find", "prosumer-17")
    assert page.locator("#agents tbody tr").count() == 1
    page.fill("#find", "")
    page.click("#more")
    assert page.locator("#agents tbody tr").count() == 104


def test_names_are_text_and_never_markup(opened, hostile):
    """Nothing in a name runs or becomes an element, in the page, its tables or its charts."""
    own = opened(hostile)
    own.page.on("dialog", lambda dialog: own.complaints.append(dialog.message))
    assert own.page.locator("img").count() == 0
    assert HOSTILE in own.page.inner_text("h1")
    assert HOSTILE in own.page.inner_text("#agents")
    own.page.locator("#bills").scroll_into_view_if_needed()
    box = own.page.locator("#bills .main-svg").first.bounding_box()
    own.page.mouse.move(box["x"] + 90, box["y"] + box["height"] / 2)
    own.page.wait_for_timeout(200)
    assert own.page.locator("img").count() == 0


def test_what_is_printed_is_light_and_whole(opened, day):
    """In print the controls are gone; a dark page turns light."""
    page = opened(day, scheme="dark").page
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    assert not page.locator("nav.bar").is_visible()
    assert page.locator("#prices").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_a_market_without_a_grid_has_no_map(opened, simulated, tmp_path, drawn):
    run = simulated("scenarios/pilot.yaml", {"clock.slots": 24})
    page = opened(write_report(run, tmp_path / "pilot.html")).page
    assert page.locator("#map").count() == 0
    assert drawn(page, "prices")
    page.locator("#slot").focus()
    page.keyboard.press("ArrowRight")
    assert drawn(page, "curves")


def test_a_run_that_broke_off_is_reported_as_far_as_it_came(opened, scenario_file, tmp_path, drawn):
    """It says that it is partial, shows its slots, and claims nothing about the rest."""
    text = """
name: broken
clock: {start: 2016-07-12, slots: 12, slot_minutes: 60}
tariff: {flat: {retail: 0.3, feed_in: 0.08}}
agents: [{kind: prosumer, count: 3, pv_kw: 5, load: {annual_kwh: 3000}}]
"""

    def stop(done, total):
        if done == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ms.simulate(ms.load_scenario(scenario_file(text)), tmp_path / "run", progress=stop)
    page = opened(write_report(ms.open_run(tmp_path / "run"))).page
    assert "interrupted" in page.inner_text("h1")
    assert "of 12 slots" in page.inner_text(".facts")
    assert "Partial run" in page.inner_text("main")
    assert drawn(page, "prices")


def test_who_should_pay_what_and_why(opened, common, drawn, unfold):
    """Bills by rule, the group that would rather leave, lines of the bill of whoever is chosen, equity and peak."""
    path, run = common
    page = opened(path).page
    for chart in ("shares", "burden-gini", "burden-worst", "peak"):
        assert drawn(page, chart), chart
    assert page.locator("#leaving tbody tr").count() == 4
    rows = unfold(page, "shares")
    assert rows.count() == len(run.manifest["agents"])
    page.select_option("#whose", index=1)
    name = page.locator("#whose option").nth(1).inner_text()
    lines = page.locator("#bill tbody tr")
    assert lines.last.locator("td").first.inner_text() == "together"
    asked = float(lines.last.locator("td").last.inner_text().replace(",", ""))
    assert asked == pytest.approx(ms.explain(run, name).priced_money / 1e9, abs=1e-4)
    page.locator("#bill th button").first.click()
    assert page.locator("#bill thead tr").count() == 1
    page.select_option("#whose", index=0)
    assert page.locator("#bill thead tr").count() == 1


@pytest.mark.parametrize("width", [1200, 390])
def test_shared_bills_are_whole_on_a_phone(opened, common, width):
    assert overflow(opened(common[0], width=width).page) <= 0
