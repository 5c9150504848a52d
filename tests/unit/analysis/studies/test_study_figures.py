"""Figures of a study: which there are, that they carry their words, and that the same study gives the same bytes."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET

import pytest

from marketsim.analysis.execution.in_process import InProcess
from marketsim.analysis.studies.axes import axes_of
from marketsim.analysis.studies.figures import COLOURS
from marketsim.analysis.studies.plan import plan_study
from marketsim.analysis.studies.study import run_study


@pytest.fixture(scope="module")
def drawn(street, tmp_path_factory):
    """``drawn(vary, **options)``: names of the figures of a study, and its folder."""

    def draw(vary, **options):
        finished = run_study(
            plan_study(street, axes_of(vary), **options), InProcess(), tmp_path_factory.mktemp("f") / "s"
        )
        folder = finished.path / "figures"
        return {path.name for path in folder.iterdir()}, folder

    return draw


def words(path):
    return {"".join(node.itertext()).strip() for node in ET.parse(path).iter() if node.tag.endswith("text")}


def test_one_dimension_gives_response_curves(drawn):
    """With the path below and the KPI above each panel; an SVG whose words are text, and a PNG."""
    names, folder = drawn({"profiles.pv_scale": [1, 2]}, seeds=3)
    assert names == {"response.svg", "response.png"}
    assert {"profiles.pv_scale", "Fairness between sellers (FBS)", "Demand met by peers [%]"} <= words(
        folder / "response.svg"
    )
    assert "Bands: 95 % intervals of the mean of 3 seeds; weather only where they draw it." in words(
        folder / "response.svg"
    )
    assert (folder / "response.png").read_bytes().startswith(b"\x89PNG")


def test_two_dimensions_give_a_heat_map_and_a_tornado_too(drawn):
    names, folder = drawn({"profiles.pv_scale": [1, 2], "profiles.demand_scale": [1, 2]})
    assert names == {f"{name}.{kind}" for name in ("response", "heatmap", "tornado") for kind in ("svg", "png")}
    assert {"profiles.pv_scale", "profiles.demand_scale"} <= words(folder / "heatmap.svg")
    assert "change from the lowest to the highest value" in words(folder / "tornado.svg")
    assert {"profiles.demand_scale=1", "profiles.demand_scale=2"} <= words(folder / "response.svg")


def test_a_sampled_design_gives_a_tornado_of_correlations(drawn):
    names, folder = drawn({"profiles.pv_scale": "1:2", "profiles.demand_scale": "1:2"}, design="lhs", samples=4)
    assert names == {"tornado.svg", "tornado.png"}
    assert "Spearman's rank correlation, with 95 % intervals" in words(folder / "tornado.svg")


@pytest.mark.full
def test_the_same_study_gives_the_same_bytes(drawn):
    _, first = drawn({"profiles.pv_scale": [1, 2]})
    _, second = drawn({"profiles.pv_scale": [1, 2]})
    for name in ("response.svg", "response.png"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_choices_without_order_give_no_curve(drawn):
    """An empty folder rather than a line between things that have none."""
    names, _ = drawn({"market.engine": ["double_auction", "mid_market_rate"]})
    assert names == set()


def test_without_matplotlib_the_study_is_complete_and_says_what_to_install(street, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    finished = run_study(plan_study(street, axes_of({"profiles.pv_scale": [1, 2]})), InProcess(), tmp_path / "s")
    assert finished.notes == ("No figures: drawing figures needs matplotlib: pip install 'marketsim[plots]'",)
    assert finished.table["status"].eq("ok").all()


def test_the_colours_are_told_apart():
    assert len(set(COLOURS)) == len(COLOURS) == 8
