"""Executors: the same outcomes whoever does the work; a worker that dies costs time and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from marketsim.analysis.execution.in_process import InProcess
from marketsim.analysis.execution.mapping import available, executor_for
from marketsim.analysis.execution.pool import ProcessPool
from marketsim.analysis.execution.port import MOST_ATTEMPTS, JobFailure, JobOutcome, attempt
from marketsim.analysis.execution.ray_cluster import RayCluster
from marketsim.core.errors import InputError, RunError

EXECUTORS = [pytest.param(InProcess(), id="in_process"), pytest.param(ProcessPool(2), id="pool")]


def ended(executor, function, payloads):
    """Outcomes by position, without the clock."""
    outcomes = dict(executor.run(function, payloads))
    assert sorted(outcomes) == list(range(len(payloads)))
    return [outcomes[position]._replace(wall_s=0.0) for position in range(len(payloads))]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_every_job_comes_to_its_result(executor, jobs):
    assert ended(executor, jobs.square, range(7)) == [JobOutcome({"square": x * x}) for x in range(7)]


@pytest.mark.parametrize("executor", EXECUTORS)
def test_no_jobs_is_no_work(executor, jobs):
    assert ended(executor, jobs.square, []) == []


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_job_that_raises_is_a_failure_and_not_the_end(executor, jobs):
    """With the class of the error, its message, and a traceback that leads into the job."""
    outcomes = ended(executor, jobs.refuse_odd, range(4))
    assert [outcome.value for outcome in outcomes] == [{"half": 0}, None, {"half": 1}, None]
    failure = outcomes[1].failure
    assert (failure.kind, failure.message, str(failure)) == ("ValueError", "1 is odd", "ValueError: 1 is odd")
    assert "in refuse_odd" in failure.traceback


@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_job_that_leaves_the_program_is_a_failure(executor, jobs):
    """``sys.exit`` in a plugin ends a run, not the study."""
    assert ended(executor, jobs.leave, [5])[0].failure[:2] == ("SystemExit", "left with 5")


@pytest.mark.parametrize("executor", EXECUTORS)
def test_what_a_job_prints_goes_to_standard_error(executor, jobs, capfd):
    """Standard output belongs to the command; compiled code that writes there does not disturb a worker either."""
    assert [outcome.value for outcome in ended(executor, jobs.talk, [1, 2])] == [{"x": 1}, {"x": 2}]
    out, err = capfd.readouterr()
    assert "said" not in out
    assert "said 1" in err
    assert "said 2" in err
    if isinstance(executor, ProcessPool):
        assert out == ""


def test_our_own_errors_need_no_traceback():
    """What the user can act on is in the message."""

    def refuse(payload):
        raise InputError("no such thing")

    assert attempt(refuse, None).failure == JobFailure("InputError", "no such thing", "")


def test_a_job_takes_the_time_that_it_takes():
    assert attempt(time.sleep, 0.02).wall_s >= 0.02


def test_a_worker_that_dies_costs_nothing_but_time(jobs, tmp_path):
    """Each job's first worker ends in the middle of it; the job is given to another one."""
    (tmp_path / "marks").mkdir()
    payloads = [(str(tmp_path / "marks"), x) for x in range(4)]
    outcomes = ended(ProcessPool(2), jobs.die_once, payloads)
    assert outcomes == [JobOutcome({"square": x * x}, attempts=2) for x in range(4)]


def test_a_job_that_kills_every_worker_fails_alone(jobs):
    """After a bounded number of attempts it is a failure that says how its workers ended; the others are done once."""
    outcomes = ended(ProcessPool(2), jobs.die_if_three, range(6))
    fatal = outcomes.pop(3)
    assert outcomes == [JobOutcome({"square": x * x}) for x in (0, 1, 2, 4, 5)]
    assert fatal.attempts == MOST_ATTEMPTS
    assert str(fatal.failure) == (
        "WorkerLost: its worker died 3 times (signal 9); too little memory is the usual cause"
    )


def test_a_result_that_cannot_travel_is_a_failure(jobs):
    (outcome,) = ended(ProcessPool(1), jobs.function_as_result, [1])
    assert outcome.failure is not None
    assert "pickle" in outcome.failure.message


def test_a_payload_that_cannot_travel_is_an_error_of_the_caller(jobs):
    with pytest.raises(Exception, match="pickle"):
        list(ProcessPool(1).run(jobs.square, [lambda: 1]))


def test_each_worker_has_one_thread(jobs):
    (outcome,) = ended(ProcessPool(1), jobs.threads, [0])
    assert set(outcome.value.values()) == {"1"}


def test_the_parents_environment_stays_as_it_is(jobs):
    before = dict(os.environ)
    ended(ProcessPool(1), jobs.square, [1])
    assert dict(os.environ) == before


def gone(pid, within_s=10.0):
    """Whether a process ends in time."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if (
            Path(f"/proc/{pid}/stat").exists()
            and Path(f"/proc/{pid}/stat").read_text().split(")")[-1].split()[0] == "Z"
        ):
            return True
        time.sleep(0.05)
    return False


def working(folder, count):
    """Numbers of the worker processes, once as many are at work."""
    until = time.monotonic() + 30.0
    while len(list(folder.iterdir())) < count:
        assert time.monotonic() < until
        time.sleep(0.02)
    return [int(path.name) for path in folder.iterdir()]


def test_closing_the_outcomes_stops_the_workers(jobs, tmp_path):
    """Whoever stops listening leaves no process behind, even in the middle of jobs."""
    folder = tmp_path / "pids"
    folder.mkdir()
    outcomes = ProcessPool(2).run(jobs.nap, [(str(folder), 0.0), (str(folder), 60.0), (str(folder), 60.0)])
    next(outcomes)
    pids = working(folder, 2)
    outcomes.close()
    assert all(gone(pid) for pid in pids)


@pytest.mark.full
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_workers_end_with_their_parent(jobs, tmp_path):
    """A study that is killed leaves no worker behind, not even one in the middle of a job."""
    folder = tmp_path / "pids"
    folder.mkdir()
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}\n"
        f"import {jobs.__name__} as jobs\n"
        "from marketsim.analysis.execution.pool import ProcessPool\n"
        f"list(ProcessPool(1).run(jobs.nap, [({str(folder)!r}, 600.0)]))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    (worker,) = working(folder, 1)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert gone(worker)


def test_a_script_without_a_guard_can_use_the_pool(python, tmp_path):
    """The script of the user is not run again in each worker."""
    script = tmp_path / "script.py"
    script.write_text(
        "import math\n"
        "from marketsim.analysis.execution.pool import ProcessPool\n"
        "print('once')\n"
        "print(sorted(outcome.value for _, outcome in ProcessPool(2).run(math.sqrt, [4.0, 9.0])))\n",
        encoding="utf-8",
    )
    ended = python(str(script), cwd=tmp_path)
    assert (ended.code, ended.out, ended.err) == (0, "once\n[2.0, 3.0]\n", "")


def test_a_worker_that_cannot_start_ends_the_study_with_a_reason(jobs, monkeypatch, tmp_path):
    """Not with a row of failures: the function that workers cannot import is nobody's run."""
    command = [sys.executable, "-c", "raise SystemExit(3)"]
    monkeypatch.setattr("marketsim.analysis.execution.pool.module_command", lambda module: command)
    with pytest.raises(RunError, match=r"a worker process cannot start \(exit code 3\)"):
        list(ProcessPool(1).run(jobs.square, [1]))


@pytest.mark.parametrize(
    ("workers", "ray", "kind"),
    [(1, None, InProcess), (2, None, ProcessPool), (2, "local", RayCluster), (None, "auto", RayCluster)],
)
def test_the_executor_follows_from_workers_and_ray(workers, ray, kind):
    assert type(executor_for(workers, ray)) is kind


def test_without_a_number_there_is_a_worker_for_each_processor():
    assert type(executor_for()) is (InProcess if available() == 1 else ProcessPool)
