"""The filter of system calls: a program of the kernel's packet filter (BPF) for x86-64 that admits a closed list.

Source: seccomp(2), linux/seccomp.h, linux/filter.h and arch/x86/entry/syscalls/syscall_64.tbl of Linux.
"""

from __future__ import annotations

import platform
import struct
import sys
from typing import Final

X86_64: Final[dict[str, int]] = {
    "read": 0, "write": 1, "close": 3, "fstat": 5, "lseek": 8, "munmap": 11, "brk": 12, "rt_sigaction": 13,
    "rt_sigprocmask": 14, "rt_sigreturn": 15, "writev": 20, "sched_yield": 24, "mremap": 25, "madvise": 28,
    "nanosleep": 35, "getpid": 39, "exit": 60, "uname": 63, "gettimeofday": 96, "getrlimit": 97, "getrusage": 98,
    "sysinfo": 99, "times": 100, "getuid": 102, "getgid": 104, "geteuid": 107, "getegid": 108, "sigaltstack": 131,
    "gettid": 186, "time": 201, "futex": 202, "sched_getaffinity": 204, "restart_syscall": 219,
    "clock_gettime": 228, "clock_getres": 229, "clock_nanosleep": 230, "exit_group": 231, "getrandom": 318,
    "rseq": 334,
}  # fmt: skip
"""What is admitted: memory, time, signals to handlers of one's own, and reading and writing what is open already."""
WITHOUT_CODE: Final[dict[str, int]] = {"mmap": 9, "mprotect": 10}
"""Admitted unless memory would become executable."""

_ARCH: Final = 0xC000003E  # AUDIT_ARCH_X86_64
_OTHER_CALLS: Final = 0x40000000  # calls of the x32 interface, by other numbers
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050001, 0x80000000  # refuse: EPERM
_LOAD, _EQUAL, _AT_LEAST, _BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _PROTECTION = 0, 4, 32  # offsets in struct seccomp_data; the third argument's lower half
_PROT_EXEC: Final = 4


def refusal() -> str | None:
    """Why there is no filter for this machine; None: there is one."""
    if sys.platform != "linux":
        return f"the sandbox is made of Linux's seccomp, and this is {sys.platform}"
    machine = platform.machine()
    if machine not in ("x86_64", "AMD64") or sys.maxsize < 2**32:
        return f"there is a table of system calls for x86_64 alone, and this is {machine}, {sys.maxsize.bit_length() + 1} bit"
    return None


def program() -> bytes:
    """The filter as instructions ``(code, true, false, operand)`` of 8 bytes each."""
    body = [_one(_LOAD, _NUMBER), _one(_AT_LEAST, _OTHER_CALLS, 0, 1), _one(_RETURN, _REFUSE)]
    for number in WITHOUT_CODE.values():
        body += [_one(_EQUAL, number, 0, 4), _one(_LOAD, _PROTECTION), _one(_BITS, _PROT_EXEC, 0, 1)]
        body += [_one(_RETURN, _REFUSE), _one(_RETURN, _ALLOW)]
    for number in X86_64.values():
        body += [_one(_EQUAL, number, 0, 1), _one(_RETURN, _ALLOW)]
    head = [_one(_LOAD, _ARCHITECTURE), _one(_EQUAL, _ARCH, 1, 0), _one(_RETURN, _KILL)]
    return b"".join([*head, *body, _one(_RETURN, _REFUSE)])


def _one(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)
