"""Figures for papers."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from marketsim.core.errors import InputError, MissingDependency
from marketsim.results.plots import paper

pytest.importorskip("matplotlib")

EVERY = ("prices", "volumes", "fairness", "voltages", "loadings", "bills")


@pytest.fixture(scope="module")
def run(simulated, hours):
    return simulated("scenarios/stress141.yaml", {**hours, "grid.gate": "observe"})


@pytest.mark.parametrize("name", EVERY)
def test_every_axis_says_what_it_measures(run, name):
    """A quantity with its unit on the vertical axis, a column's width, and words for every colour."""
    made = getattr(run.plot, name)()
    axes = made.axes[0]
    assert "[" in axes.get_ylabel() or axes.get_ylabel() == "score"
    assert made.get_size_inches()[0] == paper.COLUMN_INCHES
    assert len(axes.get_legend().get_texts()) >= 2


@pytest.mark.parametrize("ending", ["svg", "pdf", "png"])
def test_the_same_figure_is_the_same_file(run, tmp_path, ending):
    for name in ("a", "b"):
        run.plot.prices().savefig(tmp_path / f"{name}.{ending}")
    first = (tmp_path / f"a.{ending}").read_bytes()
    assert first == (tmp_path / f"b.{ending}").read_bytes()
    assert len(first) > 5_000


def test_lines_are_the_table(run):
    """What is drawn is what the run recorded."""
    lines = {line.get_label(): line.get_ydata() for line in run.plot.prices().axes[0].lines}
    assert lines["mean of trades"] == pytest.approx(run.slots.mean_price.to_numpy(dtype=float), nan_ok=True)
    worst = run.plot.loadings().axes[0].lines[0].get_ydata()
    assert worst == pytest.approx(run.slots.loading_max_percent.to_numpy(), abs=1e-5)


def test_bills_add_up(run):
    heights = [bar.get_height() for bar in run.plot.bills().axes[0].containers[0]]
    assert sum(heights) == pytest.approx(run.agents.paid.sum())
    assert heights == sorted(heights, reverse=True)


def test_the_feeder_has_every_bus_and_branch(run):
    """Colours are voltages, widths loadings; buses out of band are marked, as many as the run counted."""
    slot = int(run.slots.voltage_violations.to_numpy().argmax())
    branches, buses, out, _ = run.plot.feeder(slot).axes[0].collections
    assert len(branches.get_paths()) == 140
    assert buses.get_array().max() == pytest.approx(run.slots.voltage_max_pu[slot], abs=1e-9)
    assert len(out.get_offsets()) == run.slots.voltage_violations[slot]
    assert np.ptp(branches.get_linewidths()) > 1


def test_a_slot_that_is_not_there_is_said_so(run):
    with pytest.raises(InputError, match="slot 24 is not in this run: it has slots 0 to 23"):
        run.plot.feeder(24)


def test_without_a_grid_there_is_nothing_to_draw(simulated):
    run = simulated("scenarios/pilot.yaml", {"clock.slots": 24})
    with pytest.raises(InputError, match="no grid"):
        run.plot.voltages()
    assert run.plot.bills().axes[0].get_xticklabels()[0].get_text() == "bakery"


def test_a_missing_matplotlib_names_the_extra(run, monkeypatch):
    monkeypatch.setattr(paper, "find_spec", lambda name: None)
    with pytest.raises(MissingDependency, match=r"marketsim\[plots\]"):
        run.plot.prices()
    assert importlib.util.find_spec("matplotlib")


@pytest.mark.full
def test_looking_at_a_run_loads_no_matplotlib():
    """It is imported when a figure is drawn, not before."""
    code = "import sys, marketsim; marketsim.Run; marketsim.open_run; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
