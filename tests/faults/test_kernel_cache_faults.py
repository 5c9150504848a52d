"""A cache of kernels that is damaged, or that many processes fill at once, ends no run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

KERNELS = """
import sys
from marketsim.core.compiled import kernel

@kernel()
def first(x):
    return x + 1

@kernel("i8(i8)")
def second(x):
    total = 0
    for i in range(x):
        total += i * i
    return total

@kernel()
def third(x):
    return x * 2.5

if __name__ == "__main__":
    print(first(1), first(1.5), second(4), third(2))
    print(sum(sum(each.stats.cache_hits.values()) for each in (first, third)), file=sys.stderr)
"""
RIGHT = "2 2.5 14 5.0\n"


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "own_kernel.py"
    path.write_text(textwrap.dedent(KERNELS))
    return path


def test_a_cache_in_ruins_is_built_anew(python, program, tmp_path):
    """Every file damaged in another way: the same output, a line for each, and a whole cache afterwards."""
    cache = {"MARKETSIM_CACHE_DIR": str(tmp_path / "cache")}
    assert python(str(program), env=cache).out == RIGHT
    files = sorted((tmp_path / "cache" / "marketsim").glob("*/*.nbc"))
    assert len(files) == 4
    for at, path in enumerate(files):
        whole = path.read_bytes()
        path.write_bytes((b"", whole[: len(whole) // 2], b"x" + whole[1:], whole[:-9] + bytes(9))[at])
    ended = python(str(program), env=cache)
    assert (ended.code, ended.out) == (0, RIGHT)
    assert ended.err.count("RuntimeWarning: a compiled kernel is damaged and compiled anew") == 4
    assert "Traceback" not in ended.err
    again = python(str(program), env=cache)
    assert (again.code, again.out, again.err) == (0, RIGHT, "3\n")


def test_many_first_processes_end_though_some_are_killed(program, environment, tmp_path):
    """Nobody waits for anybody: those that are left end, with the right numbers and without a word."""
    env = environment({"MARKETSIM_CACHE_DIR": str(tmp_path / "cache")})
    processes = [
        subprocess.Popen(
            [sys.executable, str(program)], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(5)
    ]
    until = time.monotonic() + 120.0
    while not list(tmp_path.glob("cache/marketsim/*/*")) and time.monotonic() < until:
        time.sleep(0.005)
    for process in processes[:2]:
        os.kill(process.pid, signal.SIGKILL)
    ended = [process.communicate(timeout=120.0) for process in processes]
    for (out, err), process in list(zip(ended, processes, strict=True))[2:]:
        assert (process.returncode, out) == (0, RIGHT), err
        assert "Warning" not in err
