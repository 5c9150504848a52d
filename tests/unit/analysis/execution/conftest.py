"""Jobs for workers: functions in a module of its own, which other processes can import."""

from __future__ import annotations

import importlib
import sys

import pytest

JOBS = '''
import os
import pathlib
import sys
import time


def square(x):
    return {"square": x * x}


def refuse_odd(x):
    if x % 2:
        raise ValueError(f"{x} is odd")
    return {"half": x // 2}


def die_once(payload):
    """Ends its process the first time that it sees a payload."""
    folder, x = payload
    mark = pathlib.Path(folder) / f"{x}"
    if not mark.exists():
        mark.touch()
        os._exit(7)
    return {"square": x * x}


def die_if_three(x):
    if x == 3:
        os.kill(os.getpid(), 9)
    return {"square": x * x}


def talk(x):
    print(f"said {x}")
    os.write(1, b"from below")
    return {"x": x}


def threads(x):
    return {name: os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")}


def function_as_result(x):
    return lambda: x


def leave(x):
    sys.exit(f"left with {x}")


def nap(payload):
    folder, seconds = payload
    (pathlib.Path(folder) / f"{os.getpid()}").touch()
    time.sleep(seconds)
    return {}
'''


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    """The module of jobs, importable here and in workers."""
    name = f"jobs_{abs(hash(str(tmp_path)))}"
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / f"{name}.py").write_text(JOBS, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))
    yield importlib.import_module(name)
    del sys.modules[name]
