"""Where the program contradicts itself, or its place on the disk is unusable: it stops, or says how it goes on."""

from __future__ import annotations

import json
import textwrap

import pytest

import marketsim as ms
from marketsim.core.errors import LawBroken
from marketsim.grid.flow.power_flow_check import Validator

KERNEL = """\
from marketsim.core.compiled import cache_folder, kernel

@kernel()
def double(x):
    return 2 * x

if __name__ == "__main__":
    print(double(21), cache_folder())
"""


@pytest.fixture
def disagreeing(monkeypatch):
    """The independent power flow finds one bus a millionth per unit higher."""
    solve = Validator.solve

    def shifted(self, net_kw, kvar):
        flow = solve(self, net_kw, kvar)
        v_pu = flow.v_pu.copy()
        v_pu[2, 17] += 1e-6
        return flow._replace(v_pu=v_pu)

    monkeypatch.setattr(Validator, "solve", shifted)


@pytest.fixture
def short(root):
    return [root / "scenarios" / "ieee141.yaml", "--set", "clock.slots=4"]


def test_two_power_flows_that_disagree_stop_the_run(cli, disagreeing, short, tmp_path):
    """Exit code 1; slot, bus, both values and whose fault it is; status ``failed``, the slots are kept."""
    ended = cli("run", *short, "--out", tmp_path / "run")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: ")
    for part in ("slot 2", "bus ", "This is a fault of the program, not of the scenario."):
        assert part in ended.err
    run = ms.open_run(tmp_path / "run")
    assert (run.status, run.n_slots) == ("failed", 4)
    assert run.manifest["error"].startswith("ValidationMismatch: ")


def test_recording_a_disagreement_goes_on_and_says_so(cli, disagreeing, short, tmp_path):
    """``--on-mismatch record``: the run completes, and the summary counts what disagreed."""
    ended = cli("run", *short, "--out", tmp_path / "run", "--on-mismatch", "record", "--json")
    summary = json.loads(ended.out)
    assert ended.code == 0
    assert summary["validation_mismatches"] == 1
    assert summary["validation_worst_pu"] == pytest.approx(1e-6, rel=1e-3)
    assert ms.open_run(tmp_path / "run").status == "complete"


def test_a_recorded_disagreement_stands_on_the_screen(cli, disagreeing, short, tmp_path):
    """A person who reads the last lines cannot miss it."""
    ended = cli("run", *short, "--out", tmp_path / "run", "--on-mismatch", "record")
    assert "1 disagree" in ended.out.splitlines()[-2] or "1 mismatch" in ended.out.splitlines()[-2]


def test_money_that_appears_from_nowhere_stops_the_run(root, monkeypatch):
    """A settlement that is off by one unit of 1e-9 is caught in the slot in which it happens."""
    from marketsim.market import settlement

    def generous(*arguments):
        ledger = settle(*arguments)
        if len(ledger.utility) and arguments[3].import_wh.sum() > 0:
            return ledger._replace(utility=ledger.utility + 1)
        return ledger

    settle = settlement.settle
    monkeypatch.setattr(settlement, "settle", generous)
    with pytest.raises(LawBroken, match=r"slot 0: .* \(1\); this is a fault of the program"):
        ms.simulate(ms.load_scenario(root / "scenarios" / "pilot.yaml"))


def test_shares_that_are_off_stop_the_run_in_the_slot_in_which_they_are_booked(root, monkeypatch):
    """A built-in rule that loses one unit of 1e-9 is named."""
    from marketsim.sharing import rules

    def careless(total, weights, names):
        return portions(total - 1, weights, names)

    portions = rules.portions
    monkeypatch.setattr(rules, "portions", careless)
    with pytest.raises(
        LawBroken, match=r"slot 23: the shares by the rule 'proportional' in market 0 .* fault of the program"
    ):
        ms.simulate(ms.load_scenario(root / "scenarios" / "pilot.yaml", {"market.sharing": "proportional"}))


@pytest.mark.usefixtures("inventing_energy")
def test_energy_that_a_device_invents_stops_the_run(village):
    """A fleet that is told to give more than its range allows is caught by the law of ranges."""
    with pytest.raises(LawBroken, match="does not hold .*this is a fault of the program"):
        ms.simulate(ms.load_scenario(village(grid={}, agents=[{"name": "a", "kind": "prosumer", "load": {"annual_kwh": 900}, "battery": {"energy_kwh": 5, "power_kw": 1}}])))  # fmt: skip


@pytest.mark.parametrize("place", ["a file", "below a file", "/proc/nowhere"])
def test_without_a_folder_for_kernels_they_are_compiled_with_a_warning(python, tmp_path, place):
    """The program runs all the same; the warning names the variable that helps."""
    (tmp_path / "file").write_text("")
    (tmp_path / "a_kernel.py").write_text(KERNEL)
    folder = {"a file": tmp_path / "file", "below a file": tmp_path / "file" / "x"}.get(place, place)
    ended = python(str(tmp_path / "a_kernel.py"), env={"MARKETSIM_CACHE_DIR": str(folder)})
    assert (ended.code, ended.out) == (0, "42 None\n")
    assert "RuntimeWarning: no writable folder for compiled kernels (" in ended.err
    assert "Set MARKETSIM_CACHE_DIR to a writable folder of your own." in ended.err


def test_a_folder_for_kernels_is_used_where_there_is_one(python, tmp_path):
    """The cache lies where the user wants it, named by a hash of sources and versions; the second time it is found."""
    (tmp_path / "a_kernel.py").write_text(KERNEL)
    cache = {"MARKETSIM_CACHE_DIR": str(tmp_path / "cache")}
    for _ in range(2):
        ended = python(str(tmp_path / "a_kernel.py"), env=cache)
        assert (ended.code, ended.err) == (0, "")
    (folder,) = (tmp_path / "cache" / "marketsim").iterdir()
    assert ended.out == f"42 {folder}\n"
    assert list(folder.glob("a_kernel.double-*.nbc"))


def test_a_disk_without_room_for_kernels_does_not_stop_the_program(python, tmp_path):
    """The folder can be written but has no room: kernels are compiled without being kept."""
    (tmp_path / "a_kernel.py").write_text(KERNEL)
    code = textwrap.dedent(
        """
        import resource, runpy, sys
        from marketsim.core.compiled import cache_folder
        cache_folder()
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        runpy.run_path(sys.argv[1], run_name="__main__")
        """
    )
    ended = python("-c", code, str(tmp_path / "a_kernel.py"), env={"MARKETSIM_CACHE_DIR": str(tmp_path / "cache")})
    assert ended.code == 0, ended.err
    assert ended.out.startswith("42 ")
