"""The figure of the gate shows what the gate does, and the page says what the figure shows."""

from __future__ import annotations

import importlib.util
import runpy
from pathlib import Path

import numpy as np
import pytest

import marketsim as ms
from marketsim.grid.flow.power_flow_check import Validator
from marketsim.grid.net.feeders import load

ROOT = Path(__file__).resolve().parents[2]
PAGE, README = ((ROOT / name).read_text(encoding="utf-8") for name in ("docs/gate.md", "README.md"))
SESSIONS = runpy.run_path(str(Path(__file__).with_name("sessions.py")))


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


def test_without_the_gate_voltages_rise_as_the_page_says(figures, simulated):
    """The highest voltage of the day with gate ``observe``."""
    free = simulated("scenarios/stress141.yaml", {"grid.gate": "observe"})
    assert f"`observe` lets voltages rise to {free.summary['voltage_max_pu']:.3f} p.u." in PAGE


def test_what_one_wh_moves():
    """By power-grid-model: the smallest and the largest effect of a Wh on the voltage of its own bus, without load."""
    network = load("feeder141").network
    own = np.arange(network.n_nodes)
    rest, more = np.zeros((2, network.n_nodes, network.n_nodes))
    more[own, own] = 4.0  # 1,000 Wh in 15 minutes
    solver = Validator(network)
    moved = (solver.solve(more, rest).v_pu - solver.solve(rest, rest).v_pu)[own, own][1:] / 1000
    assert f"moves feeder141 by {moved.min():.1e} to\n  {moved.max():.1e} p.u.".replace("e-0", "e-") in PAGE


def rows_of_all(command):
    """The rows over all feeders in what the page shows of a command, by words."""
    (session,) = [each for each in SESSIONS["sessions"](ROOT / "docs" / "gate.md") if each.command == command]
    return [line.split() for line in session.output.splitlines() if line.startswith("all ")]


def test_the_readme_says_of_lindistflow_what_the_page_shows():
    """Its counts at either voltage limit are those of the row over all feeders."""
    under, over, _ = (row[3:] for row in rows_of_all("gate-errors"))
    said = " ".join(README.split())
    accepted, infeasible, share = under[0], under[1], under[2].strip("(")
    assert f"{infeasible} of the {accepted} ({share} %) that it accepts at undervoltage are infeasible" in said
    assert over[1] == "0"
    refused, feasible, share = over[4], over[5], over[6].strip("(")
    assert (
        f"at overvoltage none of {over[0]} is, but {feasible} of the {refused} that it refuses ({share} %) are" in said
    )


def test_readme_and_page_say_of_the_exact_gate_what_it_shows():
    """Trades in all, none of which breaks a limit; refused in part, and how far the first infeasible Wh is."""
    ((_, trades, broken, _, parts, next_to_guard, most_to_guard, near, most, _),) = rows_of_all("gate-errors --gate ac")
    assert broken == "0"
    assert f"of {int(trades):,} trades on four feeders" in " ".join(README.split())
    said = " ".join(PAGE.split())
    assert f"No admitted trade of the {int(trades):,} breaks a limit" in said
    assert f"of the {int(parts):,} partial refusals" in said
    assert f"less the guard in {int(next_to_guard):,}," in said
    assert most_to_guard == "2"
    assert f"it is 1 or 2 Wh in {int(near):,}, and {most} Wh at most" in said
