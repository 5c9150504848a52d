"""What is left of a run when the world ends it: a killed process, a full disk, a limit on file sizes."""

import errno
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from marketsim.core.errors import RunError, RunFolderError
from marketsim.results import streams
from marketsim.results.reader import open_run

CHILD = """
    import resource, sys, time
    from pathlib import Path
    from marketsim.core.errors import RunError
    from marketsim.results import writer as writer_module
    from marketsim.results.table_columns import TableLayout
    from marketsim.results.writer import RunWriter
    from marketsim.testing.random_records import random_records
    from marketsim.testing.worlds import clock, community

    who, hours = community(40), clock(72)
    writer = RunWriter(Path(sys.argv[1]), TableLayout(who, 24), manifest={}, scenario_text="")
"""


def child(body, folder, **options):
    code = textwrap.dedent(CHILD) + textwrap.dedent(body)
    return subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True, **options)


def test_a_killed_run_says_so_and_opens_as_far_as_it_got(tmp_path, small):
    """Two of three days are on the disk when the process is killed within the third."""
    body = """
        for record in random_records(who, hours):
            writer.add(record, {})
            if record.inputs.time.slot == 60:
                print("now", flush=True)
                time.sleep(60)
    """
    with child(body, tmp_path / "run") as process:
        assert process.stdout.readline() == "now\n"
        assert open_run(tmp_path / "run").status == "running"
        process.send_signal(signal.SIGKILL)
    run = open_run(tmp_path / "run")
    assert (run.status, run.n_slots, run.summary) == ("interrupted", 48, {})
    assert len(run.frame("agents", raw=True)) == 48 * 40
    assert run.frame("trades", raw=True)["slot"].max() == 47
    assert (
        run.bill("a1", raw=True).loc["total", "amount_money"]
        == run.frame("agents", raw=True).query("agent == 1")["paid_money"].sum()
    )


def test_a_slow_run_loses_seconds_not_a_day(tmp_path):
    """What is older than the longest delay is on the disk, also within a day."""
    body = """
        writer_module._MOST_SECONDS = -1.0
        for record in random_records(who, hours):
            writer.add(record, {})
            if record.inputs.time.slot == 10:
                print("now", flush=True)
                time.sleep(60)
    """
    with child(body, tmp_path / "run") as process:
        assert process.stdout.readline() == "now\n"
        process.kill()
    assert open_run(tmp_path / "run").n_slots == 11


def test_a_run_killed_before_its_first_day_opens_empty(tmp_path):
    body = """
        print("now", flush=True)
        time.sleep(60)
    """
    with child(body, tmp_path / "run") as process:
        assert process.stdout.readline() == "now\n"
        process.kill()
    run = open_run(tmp_path / "run")
    assert (run.status, run.n_slots) == ("interrupted", 0)
    assert run.frame("trades", raw=True).empty


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_table_cut_anywhere_opens_up_to_its_last_whole_day(small, tmp_path, share):
    """A stream truncated at any byte gives whole days, in order, and nothing else."""
    longer = type(small)(days=5)
    longer.fill(longer.writer(tmp_path / "run")).abort()
    path = tmp_path / "run" / "agents.arrows"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    slots = open_run(tmp_path / "run").table("agents").to_pydict().get("slot", [])
    days = len(slots) // 48
    assert slots == [slot for slot in range(8 * days) for _ in range(6)]
    assert days == int(5 * share) or (share > 0.99 and days == 4)


def full_disk(*_args, **_options):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_full_during_the_run_stops_it_with_what_there_was(small, tmp_path, monkeypatch):
    writer = small.writer(tmp_path / "run")
    small.fill(writer, 9)  # the second day has begun: the first is on the disk
    monkeypatch.setattr(streams.DiskSink, "spill", full_disk)
    with pytest.raises(RunError, match=r"cannot write the run to .*run: No space left on device.*another out"):
        small.fill(writer)
    run = open_run(tmp_path / "run")
    assert (run.status, run.n_slots) == ("failed", 8)
    assert run.manifest["error"] == "No space left on device"


def test_a_disk_full_at_the_end_completes_nothing(small, tmp_path, monkeypatch):
    """No Parquet file is in place, half or whole; all slots can still be opened."""
    writer = small.fill(small.writer(tmp_path / "run"))
    monkeypatch.setattr(streams.os, "fsync", full_disk)
    with pytest.raises(RunError, match="No space left"):
        writer.finish({})
    monkeypatch.undo()
    assert not [file.name for file in (tmp_path / "run").iterdir() if ".parquet" in file.name]
    run = open_run(tmp_path / "run")
    assert (run.n_slots, run.summary) == (16, {})


def test_a_disk_that_takes_not_even_the_manifest_leaves_a_dead_run(small, tmp_path, monkeypatch):
    """The status cannot be written: the run is known by its process being gone."""
    writer = small.fill(small.writer(tmp_path / "run"), 9)
    monkeypatch.setattr("marketsim.results.session.write_json", full_disk)
    monkeypatch.setattr(streams.DiskSink, "spill", full_disk)
    with pytest.raises(RunError):
        writer.finish({})
    monkeypatch.undo()
    assert open_run(tmp_path / "run").manifest["status"] == "running"


def test_a_stream_that_loses_rows_is_noticed(small, tmp_path):
    """A run is never called complete with fewer rows than it had."""
    writer = small.fill(small.writer(tmp_path / "run"))
    path = tmp_path / "run" / "agents.arrows"
    os.truncate(path, path.stat().st_size - 100)
    with pytest.raises(RunError, match=r"agents.arrows gives back 48 of 96 rows"):
        writer.finish({})
    assert open_run(tmp_path / "run").status == "failed"


def test_a_limit_on_file_sizes_is_a_defined_end(tmp_path):
    """The operating system refuses a write in earnest: exit by RunError, status failed, whole days readable."""
    body = """
        resource.setrlimit(resource.RLIMIT_FSIZE, (120_000, 120_000))
        try:
            for _ in range(20):
                for record in random_records(who, hours):
                    writer.add(record, {})
        except RunError as error:
            print(error)
    """
    with child(body, tmp_path / "run") as process:
        output = process.stdout.read()
    assert "File too large" in output
    run = open_run(tmp_path / "run")
    assert run.status == "failed"
    assert 0 < run.table("agents").num_rows < 20 * 72 * 40
    assert run.table("agents").num_rows % (24 * 40) == 0


def test_a_folder_that_cannot_be_made_is_told(small, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match="cannot make the folder: Not a directory"):
        small.writer(tmp_path / "file" / "run")
