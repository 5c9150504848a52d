"""The lock of a process: it cannot be undone, needs no privileges, and works within containers.

In this order, for each step needs what the next takes away: no new privileges; Landlock, where the kernel has it (it needs a file
descriptor); limits of resources (memory beyond what is there, processor time, no file, no process); the filter of system calls.
Sources: prctl(2), landlock(7), setrlimit(2).
"""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
import struct
from collections.abc import Callable
from typing import Final, NamedTuple

from marketsim.core.files import MIB
from marketsim.experts.sandbox.syscalls import program

NOBODY: Final = 65534
"""User and group that a process of root becomes before it is locked."""
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
_SECCOMP_MODE_FILTER: Final = 2
_SIGKILL: Final = 9
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_ASK_VERSION: Final = 1
_FILES_BY_VERSION: Final = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF}
_FILES: Final = 0xFFFF
_NETWORK, _SCOPES = 0x3, 0x3
_PAGE: Final = resource.getpagesize()


class JobLimits(NamedTuple):
    """What a job may use."""

    deadline_s: float = 20.0
    """Wall time, and processor time rounded up [s]."""
    memory_mib: int = 512
    """Beyond what the process has when the job begins [MiB]."""
    answer_bytes: int = 8 * MIB
    """Of what it says."""


def adopt(parent: int) -> None:
    """Make this process nobody's that dies with its parent, and that no other process of its user looks into."""
    _become_nobody()
    library = _library()
    _prctl(library, _PR_SET_PDEATHSIG, _SIGKILL)
    _prctl(library, _PR_SET_DUMPABLE, 0)
    if os.getppid() != parent:
        os._exit(1)


def lock(limits: JobLimits) -> list[str]:
    """Lock this process for good; the names of what holds it. OSError where a step that has to hold does not."""
    library = _library()
    used = _used_bytes()
    filter_ = program()
    _prctl(library, _PR_SET_NO_NEW_PRIVS, 1)
    holds = ["no_new_privs"]
    if _landlocked(library):
        holds.append("landlock")
    _limit(used + limits.memory_mib * MIB, limits.deadline_s)
    holds.append("rlimits")
    _admit_only(library, filter_)
    return [*holds, "seccomp"]


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(library: ctypes.CDLL, option: int, *values: object) -> None:
    words = [ctypes.c_ulong(each) if isinstance(each, int) else each for each in values]
    _demand(library.prctl(option, *words, *[ctypes.c_ulong(0)] * (4 - len(words))), f"prctl({option})")


def _demand(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _used_bytes() -> int:
    """Address space of this process [bytes]."""
    handle = os.open("/proc/self/statm", os.O_RDONLY)
    try:
        return int(os.read(handle, 200).split()[0]) * _PAGE
    finally:
        os.close(handle)


def _become_nobody() -> None:
    """Give up root; where there is no such user (some namespaces) the filter has to do without this."""
    if os.geteuid() != 0:
        return
    for give_up in _GIVEN_UP:
        try:
            give_up()
        except OSError:
            return


_GIVEN_UP: Final[tuple[Callable[[], None], ...]] = (
    lambda: os.setgroups([]),
    lambda: os.setresgid(NOBODY, NOBODY, NOBODY),
    lambda: os.setresuid(NOBODY, NOBODY, NOBODY),
)


def _landlocked(library: ctypes.CDLL) -> bool:
    """Deny every file, port and signal to others by Landlock; False where the kernel has none."""
    long = ctypes.c_long
    version = library.syscall(long(_CREATE_RULESET), None, long(0), long(_ASK_VERSION))
    if version < 1:
        return False
    rules = struct.pack("=QQQ", _FILES_BY_VERSION.get(version, _FILES), _NETWORK, _SCOPES)
    size = 8 if version < 4 else 16 if version < 6 else 24
    handle = library.syscall(long(_CREATE_RULESET), rules, long(size), long(0))
    _demand(min(handle, 0), "landlock_create_ruleset")
    try:
        _demand(library.syscall(long(_RESTRICT_SELF), long(handle), long(0)), "landlock_restrict_self")
    finally:
        os.close(handle)
    return True


def _limit(memory_bytes: int, deadline_s: float) -> None:
    seconds = int(deadline_s) + 1
    limits = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_NOFILE: 0,
    }
    for what, most in limits.items():
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


class _Filter(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def _admit_only(library: ctypes.CDLL, filter_: bytes) -> None:
    fprog = _Filter(len(filter_) // 8, filter_)
    _prctl(library, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(fprog))


def openings() -> list[str]:
    """What a locked process can still do and should not; empty: the lock holds. For the process itself to ask."""
    tries: dict[str, Callable[[], object]] = {
        "open a file": lambda: os.open("/", os.O_RDONLY),
        "send a signal": lambda: os.kill(os.getpid(), 0),
        "make a process": _forked,
        "make memory executable": _executable,
        "open a pipe": os.pipe,
    }
    return [what for what, call in tries.items() if _works(call)]


def _forked() -> None:
    if os.fork() == 0:
        os._exit(0)


def _executable() -> None:
    mmap.mmap(-1, _PAGE, prot=mmap.PROT_READ | mmap.PROT_EXEC)


def _works(call: Callable[[], object]) -> bool:
    try:
        call()
    except OSError:
        return False
    return True
