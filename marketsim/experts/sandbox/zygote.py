"""The process that imports once and forks a locked child for each job: ``python -m marketsim.experts.sandbox.zygote``.

Frames come on standard input and go to standard output. It runs no foreign code itself, and reads nothing of what a child says:
it passes that on, bounded in time and size, and kills the child.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import struct
from typing import Final, NamedTuple, NoReturn

from marketsim.core.files import MIB
from marketsim.experts.sandbox import frames, lock

HEAD: Final = struct.Struct("=dIQ?B")
"""Of a job: deadline [s], memory [MiB], bytes of the answer, whether all built-in functions are there, and what is asked."""
CODE, PROBE = 0, 1
"""What is asked: to solve code, or whether the lock holds."""
MOST_JOB: Final = 64 * MIB
TAIL: Final = struct.Struct("=8sid")
"""Before an answer: how the child ended, the signal that ended it or 0, and its processor time [s]."""
_ANSWER: Final = 3
"""The one handle that a child has beside the null device."""
_READY: Final = b"ready"


class Child(NamedTuple):
    """How a child ended."""

    why: str
    signal: int
    cpu_s: float
    data: bytes


def main() -> None:
    """Answer jobs until standard input ends."""
    source, sink = _own_handles()
    from marketsim.experts.sandbox import solving

    solving.warm_up()
    gc.collect()
    gc.freeze()
    frames.put(sink, _READY)
    while True:
        try:
            job = frames.take(source, MOST_JOB)
        except frames.Ended:
            return
        ended = _child(job)
        frames.put(sink, TAIL.pack(ended.why.encode(), ended.signal, ended.cpu_s) + ended.data)


def _own_handles() -> tuple[int, int]:
    """Standard input and output under other numbers, for what libraries print is no frame."""
    source, sink, null = os.dup(0), os.dup(1), os.open(os.devnull, os.O_RDWR)
    for handle in (0, 1, 2):
        os.dup2(null, handle)
    return source, sink


def _child(job: bytes) -> Child:
    deadline_s, memory_mib, answer_bytes, full, asked = HEAD.unpack_from(job)
    limits = lock.JobLimits(deadline_s, memory_mib, answer_bytes)
    read, write = os.pipe()
    parent, pid = os.getpid(), os.fork()
    if pid == 0:
        _in_child(parent, write, limits, job[HEAD.size :], full=full, asked=asked)
    os.close(write)
    gathered = frames.gather(read, answer_bytes, deadline_s)
    os.close(read)
    os.kill(pid, signal.SIGKILL)
    _, status, used = os.wait4(pid, 0)
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    return Child(gathered.why, number, used.ru_utime + used.ru_stime, gathered.data)


def _in_child(parent: int, write: int, limits: lock.JobLimits, payload: bytes, *, full: bool, asked: int) -> NoReturn:
    """Lock this process, answer, and end."""
    code = 1
    try:
        os.dup2(write, _ANSWER)
        os.closerange(_ANSWER + 1, 1 << 20)
        lock.adopt(parent)
        holds = lock.lock(limits)
        frames.write_all(_ANSWER, _said(payload, holds, full=full, asked=asked))
        code = 0
    finally:
        os._exit(code)


def _said(payload: bytes, holds: list[str], *, full: bool, asked: int) -> bytes:
    if asked == PROBE:
        return json.dumps({"holds": holds, "openings": lock.openings()}).encode()
    from marketsim.experts.sandbox import solving

    return solving.answer(payload, full_builtins=full)


if __name__ == "__main__":
    main()
