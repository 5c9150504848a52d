"""The figure of learning curves."""

from __future__ import annotations

import math

import pytest

from marketsim.core.errors import MissingDependency
from marketsim.results import training_figure
from marketsim.results.training_figure import draw_curves, panels_of

REWARDS, SCORES = ("economic", "shaping"), ("ftg", "fbs", "fpp")
NAMES = ("episodes", "total", *REWARDS, "lowest", *SCORES, "kl", "highest_kl", "entropy")
LIMITS = {"ends an update": 0.015, "undoes an epoch": 0.03}


def curves(n):
    return {name: [math.nan if name == "fbs" else 0.01 * i for i in range(n)] for name in NAMES}


def test_every_part_and_score_of_a_game_has_its_curve():
    """In the order that the game declares, as many as there are; what a learner does not say has none."""
    rewards, scores = tuple("abcde"), tuple("vwxyz")
    returns, told, movement, entropy = panels_of(("total", "lowest", *rewards, *scores, "kl"), rewards, scores)
    assert [curve.column for curve in returns.curves] == ["total", *rewards, "lowest"]
    assert [(curve.column, curve.label) for curve in told.curves] == [(name, name.upper()) for name in scores]
    assert [curve.column for curve in movement.curves] == ["kl"]
    assert entropy.curves == ()


def test_a_game_without_scores_has_no_panel_of_scores(tmp_path):
    svg, _ = draw_curves(curves(3), LIMITS, tmp_path, ("economic",), ())
    text = svg.read_text()
    assert "Return of an episode" in text
    assert "Fairness scores" not in text


@pytest.mark.parametrize("n", [1, 2, 30])
def test_it_is_drawn_as_svg_and_png_from_one_update_on(tmp_path, n):
    """Undefined scores leave gaps."""
    svg, png = draw_curves(curves(n), LIMITS, tmp_path, REWARDS, SCORES)
    assert png.read_bytes().startswith(b"\x89PNG")
    text = svg.read_text()
    assert "<svg" in text
    assert "Date" not in text or "<dc:date>" not in text


@pytest.mark.full
def test_the_same_curves_give_the_same_bytes(tmp_path):
    files = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        files.append([path.read_bytes() for path in draw_curves(curves(5), LIMITS, tmp_path / name, REWARDS, SCORES)])
    assert files[0] == files[1]


def test_without_matplotlib_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(training_figure, "find_spec", lambda name: None)
    with pytest.raises(
        MissingDependency, match=r"figure of learning curves needs matplotlib: pip install 'marketsim\[learn\]'"
    ):
        draw_curves(curves(1), LIMITS, tmp_path, REWARDS, SCORES)
