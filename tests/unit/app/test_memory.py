"""Freed memory stays with the process."""

import ctypes
import sys

import pytest

from marketsim.app.memory import keep_memory

CODE = """
import ctypes, sys
import numpy as np
from marketsim.app.memory import keep_memory

class Counts(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]

count = ctypes.CDLL(None).mallinfo2
count.restype = Counts
if sys.argv[1] == "keep":
    assert keep_memory()
before = count()
arrays = [np.ones(size) for size in range(20_000, 120_000, 1_000)]  # 160 kB to 960 kB
of_the_system = count().hblks - before.hblks
del arrays
print(of_the_system, count().arena >= before.arena + 50_000_000)
"""


@pytest.mark.skipif(
    not (sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "mallinfo2")),
    reason="counts of the GNU C library",
)
def test_arrays_come_from_memory_that_stays(python):
    """None is mapped by the system for itself, and their 56 MB are there for the next ones; otherwise each is, and none stay."""
    assert python("-c", CODE, "keep").out.split() == ["0", "True"]
    mapped, stays = python("-c", CODE, "not").out.split()
    assert int(mapped) > 50
    assert stays == "False"


def test_asking_twice_is_asking_once():
    assert keep_memory() == keep_memory()
