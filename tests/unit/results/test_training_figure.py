"""The figure of learning curves."""

from __future__ import annotations

import math

import pytest

from marketsim.core.errors import MissingDependency
from marketsim.learning.curves import Row
from marketsim.results import training_figure
from marketsim.results.training_figure import PANELS, draw_curves

LIMITS = {"ends an update": 0.015, "undoes an epoch": 0.03}


def curves(n):
    return {name: [math.nan if name == "fbs" else 0.01 * i for i in range(n)] for name in Row._fields}


def test_every_curve_that_is_drawn_is_a_column():
    assert {curve.column for panel in PANELS for curve in panel.curves} <= set(Row._fields)


@pytest.mark.parametrize("n", [1, 2, 30])
def test_it_is_drawn_as_svg_and_png_from_one_update_on(tmp_path, n):
    """Undefined scores leave gaps."""
    svg, png = draw_curves(curves(n), LIMITS, tmp_path)
    assert png.read_bytes().startswith(b"\x89PNG")
    text = svg.read_text()
    assert "<svg" in text
    assert "Date" not in text or "<dc:date>" not in text


def test_the_same_curves_give_the_same_bytes(tmp_path):
    files = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        files.append([path.read_bytes() for path in draw_curves(curves(5), LIMITS, tmp_path / name)])
    assert files[0] == files[1]


def test_without_matplotlib_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(training_figure, "find_spec", lambda name: None)
    with pytest.raises(
        MissingDependency, match=r"figure of learning curves needs matplotlib: pip install 'marketsim\[learn\]'"
    ):
        draw_curves(curves(1), LIMITS, tmp_path)
