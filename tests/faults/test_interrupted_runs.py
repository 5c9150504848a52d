"""Runs that do not reach their end: killed, interrupted, out of disk. What is left says so and can be opened."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
import time

import pytest

import marketsim as ms
from marketsim.results import buffers, streams

LONG = "clock.slots=400000"


@pytest.fixture
def running(environment, tmp_path, root):
    """``running(*options)``: a ``marketsim run`` of the pilot over decades, once two days of each table are on the disk.

    With ``slots=0`` it has only begun: there is a manifest.
    """
    processes = []

    def start(*options: str, slots: int = 48):
        folder = tmp_path / "run"
        command = [sys.executable, "-m", "marketsim", "run", str(root / "scenarios" / "pilot.yaml")]
        process = subprocess.Popen(
            [*command, "--set", LONG, "--out", str(folder), *options],
            env=environment(),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        end = time.monotonic() + 240  # kernels may have to be compiled
        while not (folder / "manifest.json").exists() or slots_written(folder) < slots:
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < end
            time.sleep(0.02)
        return process, folder

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def slots_written(folder) -> int:
    """Slots that every table of a run under way has."""
    begun = (folder / "manifest.json").exists() and (folder / "slots.arrows").exists()
    return ms.open_run(folder).n_slots if begun else 0


def whole_days(run: ms.Run) -> int:
    """Days in the tables of an unfinished run, which all tables must agree on."""
    days, rest = divmod(run.n_slots, 24)
    assert rest == 0
    assert run.frame("slots", raw=True).slot.tolist() == list(range(24 * days))
    assert len(run.frame("agents", raw=True)) == 24 * days * 8
    assert run.frame("trades", raw=True).slot.max() < 24 * days
    traded = run.frame("agents", raw=True).bought_wh.sum()
    assert run.frame("trades", raw=True).energy_wh.sum() == traded > 0
    return days


def test_a_killed_run_says_so_and_opens_as_far_as_it_got(running, cli, root):
    """``kill -9``: status ``interrupted``, no summary, whole days readable, a bill; ``--force`` replaces it."""
    process, folder = running()
    assert ms.open_run(folder).status == "running"
    process.send_signal(signal.SIGKILL)
    process.wait()
    run = ms.open_run(folder)
    assert (run.status, run.summary) == ("interrupted", {})
    assert whole_days(run) >= 2
    assert run.bill("house").loc["total", "amount"] > 0
    pilot = root / "scenarios" / "pilot.yaml"
    refused = cli("run", pilot, "--out", folder)
    assert refused.err.startswith(f"error: {folder}: there is a run already (interrupted)\n")
    assert cli("run", pilot, "--set", "clock.slots=24", "--out", folder, "--force", "--quiet").code == 0
    assert ms.open_run(folder).status == "complete"
    assert not list(folder.glob("*.arrows"))


@pytest.mark.parametrize("moment", [0.0, 0.003, 0.011, 0.027, 0.06, 0.13, 0.3])
def test_whenever_it_is_killed_the_folder_opens(running, moment):
    """Seconds after it has begun, before its first day, at a boundary of days or between two tables: the tables agree.

    What a plan of moments misses, ``test_every_write`` goes through write by write.
    """
    process, folder = running(slots=0)
    time.sleep(moment)
    process.kill()
    process.wait()
    run = ms.open_run(folder)
    assert (run.status, run.summary) == ("interrupted", {})
    n_slots = run.n_slots
    assert n_slots % 24 == 0
    assert run.frame("slots", raw=True).slot.tolist() == list(range(n_slots))
    assert len(run.frame("agents", raw=True)) == 8 * n_slots
    assert run.frame("trades", raw=True).energy_wh.sum() == run.frame("agents", raw=True).bought_wh.sum()
    assert (
        run.frame("agents", raw=True).paid_money.sum() + 0
        == run.frame("agents", raw=True).filter(regex="^(peer|network|imports|exports).*_money$").sum().sum()
    )


def test_a_folder_in_which_a_run_goes_on_is_not_replaced(running, cli, root):
    """Not even with ``--force``; the running process is named, and goes on."""
    process, folder = running()
    refused = cli("run", root / "scenarios" / "pilot.yaml", "--out", folder, "--force")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (
        f"error: {folder}: a run is being written there (process {process.pid})\n    choose another --out\n"
    )
    assert process.poll() is None


def test_control_c_keeps_what_was_simulated_and_says_how_to_go_on(running, said):
    """SIGINT: exit code 1, no traceback, status ``interrupted``, and the message names the folder."""
    process, folder = running()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert said(err).strip() == (
        f"Interrupted. What was simulated until then is kept in {folder}: open it with marketsim.open_run(...), "
        "or run again with --force to replace it."
    )
    run = ms.open_run(folder)
    assert (run.status, run.manifest["status"]) == ("interrupted", "interrupted")
    assert run.n_slots >= 48
    assert run.frame("agents", raw=True).groupby("slot").size().eq(8).all()


def test_control_c_inside_a_kernel_is_control_c(simulated, cli, root, tmp_path, monkeypatch):
    """What Python makes of a signal in compiled code: the same end, status and message as between two kernels."""
    from marketsim.core import sensing

    simulated("scenarios/pilot.yaml", {"clock.slots": 24})  # kernels are compiled
    calls = iter(range(10_000))
    meter = sensing.meter

    def interrupted(*arguments):
        if next(calls) == 60:
            raise SystemError("returned a result with an exception set") from KeyboardInterrupt()
        return meter(*arguments)

    monkeypatch.setattr(sensing, "meter", interrupted)
    folder = tmp_path / "run"
    ended = cli("run", root / "scenarios" / "pilot.yaml", "--out", folder)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.strip().startswith("Interrupted. What was simulated until then is kept in")
    run = ms.open_run(folder)
    assert run.status == "interrupted"
    assert run.n_slots == 30  # two meters a slot: load and PV; the reference run takes the run's


@pytest.mark.parametrize("buffer", ["SlotBuffer", "AgentBuffer", "DealBuffer"])
@pytest.mark.parametrize("after", [False, True])
def test_control_c_while_a_slot_is_gathered_leaves_that_slot_out(cli, root, tmp_path, monkeypatch, buffer, after):
    """Before or after any table has taken it in: all tables end with the slot before."""
    owner = getattr(buffers, buffer)
    put, calls = owner.put, iter(range(10_000))

    def interrupted(*arguments):
        now = next(calls) == 30
        if after or not now:
            put(*arguments)
        if now:
            raise KeyboardInterrupt

    monkeypatch.setattr(owner, "put", interrupted)
    folder = tmp_path / "run"
    ended = cli("run", root / "scenarios" / "pilot.yaml", "--out", folder)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.strip().startswith("Interrupted. What was simulated until then is kept in")
    run = ms.open_run(folder)
    assert (run.status, run.n_slots) == ("interrupted", 30)
    assert len(run.frame("agents", raw=True)) == 30 * 8
    assert run.frame("trades", raw=True).energy_wh.sum() == run.frame("agents", raw=True).bought_wh.sum()


def test_control_c_before_the_first_slot_is_a_word(cli, monkeypatch, root):
    def interrupt(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("marketsim.app.ready.load_scenario", interrupt)
    ended = cli("run", root / "scenarios" / "pilot.yaml")
    assert (ended.code, ended.out, ended.err.strip()) == (1, "", "Interrupted.")


def test_a_full_disk_stops_the_run_with_what_there_was(cli, monkeypatch, root, tmp_path):
    """Exit code 1, a message that says what to do, status ``failed``; the days written before can be opened."""
    spilled = streams.DiskSink.spill
    calls = []

    def spill(sink):
        calls.append(sink)
        if len(calls) > 5 * 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        spilled(sink)

    monkeypatch.setattr(streams.DiskSink, "spill", spill)
    folder = tmp_path / "run"
    ended = cli("run", root / "scenarios" / "pilot.yaml", "--out", folder)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == (
        f"error: cannot write the run to {folder}: No space left on device. What was written before can be opened. "
        "Free space, or choose another --out, and run it again.\n"
    )
    run = ms.open_run(folder)
    assert (run.status, run.summary) == ("failed", {})
    assert run.manifest["error"] == "No space left on device"
    assert whole_days(run) >= 2


def test_a_limit_of_the_operating_system_is_a_defined_end(python, simulated, root, tmp_path):
    """No file may grow beyond 60 kB: the process ends with code 1 and the same message, in earnest."""
    simulated("scenarios/pilot.yaml")  # compiles what the other process then finds
    code = """
import resource, sys
from marketsim.cli.main import main
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
main(sys.argv[1:])
"""
    folder = tmp_path / "run"
    ended = python(
        "-c", code, "run", str(root / "scenarios" / "pilot.yaml"), "--set", LONG, "--out", str(folder), cwd=tmp_path
    )
    assert ended.err.startswith(f"error: cannot write the run to {folder}: File too large.")
    assert (ended.code, ended.out) == (1, "")
    assert ms.open_run(folder).status == "failed"
