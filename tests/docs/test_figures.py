"""The figure of the gate shows what the gate does, and the page says what the figure shows."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import marketsim as ms

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def figures():
    """The script that makes the figure."""
    spec = importlib.util.spec_from_file_location("docs_figures", ROOT / "tests" / "docs" / "figures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def gated(figures):
    """The day up to its noon."""
    return ms.simulate(ms.load_scenario(figures.SCENARIO, {"clock.slots": figures.SLOT + 1}))


@pytest.fixture(scope="module")
def shown(figures, gated):
    return figures.refusal(gated, points=4)


def test_one_wh_more_breaks_the_limit(figures, gated, shown):
    """By pandapower: what was admitted keeps it, a thousandth of a kWh more does not."""
    net = gated.net(figures.SLOT)
    at = [4.0 * (shown.admitted_kwh + more) for more in (0.0, 0.001)]
    kept, broken = (figures.voltage(net, figures.SELLER, shown.bus, kw) for kw in at)
    assert kept <= shown.limit_pu < broken
    assert f"{shown.limit_pu - kept:.1e}" == "1.5e-08"


def test_the_curve_rises_through_the_limit_at_what_was_admitted(shown):
    assert (np.diff(shown.v_pu) > 0.0).all()
    admitted = shown.kwh <= shown.admitted_kwh
    assert (shown.v_pu[admitted] <= shown.limit_pu).all()
    assert (shown.v_pu[~admitted] > shown.limit_pu).all()


def test_the_page_has_the_figures_numbers(figures, shown):
    for said in (f"{shown.offered_kwh:.3f} kWh", f"{shown.admitted_kwh:.3f} kWh", f"bus\n{shown.bus},", figures.SELLER):
        assert said in PAGE


def test_the_figure_is_drawn_and_shown(figures, gated, shown, tmp_path):
    """As SVG with words that can be read and searched; the page has it with a text instead of it."""
    pytest.importorskip("matplotlib")
    import matplotlib as mpl

    with mpl.rc_context(figures.STYLE):
        figures.draw(shown, gated, gated).savefig(tmp_path / "gate.svg", metadata={"Date": None})
    for text in ((tmp_path / "gate.svg").read_text("utf-8"), figures.FIGURE.read_text("utf-8")):
        assert "admitted" in text
        assert "refused" in text
    assert "](gate.svg)" in PAGE
