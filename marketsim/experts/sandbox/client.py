"""Asks the sandbox: starts the zygote, sends jobs, and takes nothing that comes back for true before it was looked at."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Final, NamedTuple, Self

from marketsim.core.child import module_command, module_environment
from marketsim.core.errors import InputError, MissingDependency, Problem
from marketsim.core.files import strict_json
from marketsim.core.plain_text import plain
from marketsim.experts.sandbox import frames, syscalls, zygote
from marketsim.experts.sandbox.check import problems_of
from marketsim.experts.sandbox.lock import JobLimits

_START_S: Final = 120.0
"""How long the zygote may take to import [s]; on a busy machine it does."""
_GRACE_S: Final = 10.0
_MOST_PROBLEMS: Final = 5
_SERIES: Final = frozenset(("generator_kw", "battery_kw", "curtailed_kw", "pv_kw", "p2p_kw"))
_KEPT_VARIABLES: Final = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "SYSTEMROOT", "VIRTUAL_ENV")
_ONE_THREAD: Final = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "RAYON", "NUMEXPR")}
_OTHER_PATHS: Final = "a description in words, its preferences and the reviewed library need no sandbox"


class CodeMember(NamedTuple):
    """Code of one prosumer, and the state that its function is called with."""

    code: str
    state: Mapping[str, Any]


class Coupling(NamedTuple):
    """Rows on what members inject together: sum of per_kw net + per_pv_kw pv <= limit in a slot, or ``weight`` a unit beyond.

    Net injection is generation, discharge, curtailed load and PV less the load.
    """

    slot: list[int]
    """[m]"""
    per_kw: list[list[float]]
    """[m][members]"""
    per_pv_kw: list[list[float]]
    """[m][members]"""
    limit: list[float]
    """[m]"""
    weight: list[float]
    """[currency] [m]"""


class SolvedJob(NamedTuple):
    """How a job ended: with a value, or the reason why there is none."""

    value: Mapping[str, Any] | None
    """``objective``, ``status``, ``members``, and ``slack`` with rows on all; numbers that a stranger's code gave, of the right
    shape and no more."""
    reason: str = ""
    """``refused`` by the allow-list, ``fault`` in the code, ``deadline``, ``killed``, ``flood`` or ``garbled``."""
    message: str = ""
    line: int = 0
    cpu_s: float = 0.0
    """Processor time of the child [s]."""

    @property
    def told(self) -> str:
        """What went wrong, with its line."""
        return f"line {self.line}: {self.message}" if self.line else self.message


def refusal() -> str | None:
    """Why code cannot be run on this machine at all; None: it may be tried."""
    return syscalls.refusal()


class Sandbox:
    """Runs code of experts in locked processes; a context manager. The process that forks them starts with the first job.

    Parameters
    ----------
    limits
        What each job may use.
    checked
        Whether the allow-list looks at code first. Tests of the lock switch it off; then all built-in functions are there, too.
    """

    def __init__(self, limits: JobLimits | None = None, *, checked: bool = True) -> None:
        self.limits, self.checked = limits or JobLimits(), checked
        self._process: subprocess.Popen[bytes] | None = None
        self._busy = threading.Lock()
        self.holds: tuple[str, ...] = ()
        """What locks the children, once the zygote runs."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def solve(
        self, members: Sequence[CodeMember], limits: JobLimits | None = None, *, coupling: Coupling | None = None
    ) -> SolvedJob:
        """Solve the problems of these prosumers as one, in which what they buy from each other sums to zero.

        One alone buys nothing from peers. InputError where this machine has no sandbox.
        """
        if self.checked:
            for member in members:
                problems = problems_of(member.code)
                if problems:
                    text = "; ".join(map(str, problems[:_MOST_PROBLEMS]))
                    return SolvedJob(None, "refused", text)
        child = self._asked(payload_of(members, coupling), zygote.CODE, limits)
        return _ended(child, Expected.of(members, coupling))

    def start(self) -> None:
        """Start the zygote and see that its children are locked; InputError with the reason where they are not."""
        if self._process is not None:
            return
        reason = refusal()
        if reason is not None:
            raise _no_sandbox(reason)
        self._process = _started()
        try:
            self._greet()
        except BaseException:  # an interrupt, too: no zygote is left behind
            self.close()
            raise

    def close(self) -> None:
        """End the zygote."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None
        assert process.stdout is not None
        for stream in (process.stdin, process.stdout):
            stream.close()
        try:
            process.wait(1.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _greet(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            frames.take(self._process.stdout.fileno(), 100, _START_S)
        except (frames.Ended, frames.Late, frames.Flood) as error:
            raise _not_started(self._process) from error
        child = self._asked(b"", zygote.PROBE, None)
        if child.why != "ended" or not child.data:
            raise _no_sandbox("the kernel does not let a process lock itself (no_new_privs, rlimits, seccomp)")
        found = strict_json(child.data.decode())
        if found["openings"]:
            raise _no_sandbox(f"a locked process could still {', '.join(found['openings'])}")
        self.holds = tuple(found["holds"])

    def _asked(self, payload: bytes, asked: int, limits: JobLimits | None) -> zygote.Child:
        own = limits or self.limits
        self.start()
        with self._busy:
            assert self._process is not None
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            head = zygote.HEAD.pack(own.deadline_s, own.memory_mib, own.answer_bytes, not self.checked, asked)
            try:
                frames.put(self._process.stdin.fileno(), head + payload)
                reply = frames.take(self._process.stdout.fileno(), own.answer_bytes + 1024, own.deadline_s + _GRACE_S)
            except (OSError, frames.Ended, frames.Late, frames.Flood) as error:
                self.close()
                raise _no_sandbox(f"its process ended or hangs ({type(error).__name__})") from error
        why, number, cpu_s = zygote.TAIL.unpack_from(reply)
        return zygote.Child(why.rstrip(b"\0").decode(), number, cpu_s, reply[zygote.TAIL.size :])


def _started() -> subprocess.Popen[bytes]:
    """The zygote, with no variable of this process's environment but those that it needs to import."""
    whole = module_environment()
    environment = {name: whole[name] for name in _KEPT_VARIABLES if name in whole} | _ONE_THREAD
    return subprocess.Popen(
        module_command("marketsim.experts.sandbox.zygote"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**environment, "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=os.sep,
        start_new_session=True,
    )


def _no_sandbox(reason: str) -> InputError:
    return InputError([Problem(f"code of experts is not run here: {reason}", hint=_OTHER_PATHS)])


def _not_started(process: subprocess.Popen[bytes]) -> Exception:
    if find_spec("cvxpy") is None:
        return MissingDependency("cvxpy", "experts-code", "running code of experts")
    code = process.poll()
    return _no_sandbox(f"its process {'does not answer' if code is None else f'ended with code {code}'}")


def payload_of(members: Sequence[CodeMember], coupling: Coupling | None = None) -> bytes:
    """A job as a child reads it."""
    job: dict[str, Any] = {"members": [each._asdict() for each in members]}
    if coupling is not None:
        job["coupling"] = coupling._asdict()
    return json.dumps(job, allow_nan=False).encode()


class Expected(NamedTuple):
    """The shape of an answer."""

    slots: tuple[int, ...]
    """Of each member."""
    rows: int
    """On all of them."""

    @classmethod
    def of(cls, members: Sequence[CodeMember], coupling: Coupling | None) -> Expected:
        """Of the answer to a job."""
        slots = tuple(len(each.state["load_kw"]) for each in members)
        return cls(slots, 0 if coupling is None else len(coupling.slot))


def _ended(child: zygote.Child, expected: Expected) -> SolvedJob:
    """How a child ended, and what it said."""
    if child.why == "deadline":
        return SolvedJob(None, "deadline", "the code did not end in time", cpu_s=child.cpu_s)
    if child.why == "flood":
        return SolvedJob(None, "flood", "the code said more than an answer has", cpu_s=child.cpu_s)
    if not child.data:
        how = f"by signal {child.signal}" if child.signal else "without an answer"
        return SolvedJob(None, "killed", f"the process ended {how}: it left its limits, or crashed", cpu_s=child.cpu_s)
    return outcome_of(child.data, expected, child.cpu_s)


def outcome_of(data: bytes, expected: Expected, cpu_s: float) -> SolvedJob:
    """What was said, if it has the form of an answer; a child that runs foreign code may say anything."""
    try:
        return _read(strict_json(data.decode("utf-8", "strict")), expected, cpu_s)
    except (ValueError, RecursionError) as error:
        return SolvedJob(None, "garbled", f"what came is no answer: {plain(str(error))}", cpu_s=cpu_s)


def _read(found: Any, expected: Expected, cpu_s: float) -> SolvedJob:
    match found:
        case {"fault": str(text), "line": int(line)}:
            return SolvedJob(None, "fault", plain(text, 600), max(0, min(line, 100_000)), cpu_s)
        case {"value": {"objective": float() | int(), "members": list(members), "status": str()}}:
            if len(members) != len(expected.slots):
                raise ValueError("other members were asked for")
            for member, count in zip(members, expected.slots, strict=True):
                _demand_member(member, count)
            _demand_numbers(found["value"].get("slack", []), expected.rows, "slack")
            return SolvedJob(found["value"], cpu_s=cpu_s)
    raise ValueError("it has another form")


def _demand_member(member: Any, slots: int) -> None:
    if not isinstance(member, dict) or set(member) != {"objective"} | _SERIES:
        raise ValueError("a member has other fields")
    _demand_numbers([member["objective"]], 1, "objective")
    for name in _SERIES:
        _demand_numbers(member[name], slots, name)


def _demand_numbers(values: Any, count: int, name: str) -> None:
    if not isinstance(values, list) or len(values) != count:
        raise ValueError(f"{name} is no list of {count} numbers")
    if not all(isinstance(each, int | float) and not isinstance(each, bool) and abs(each) < 1e12 for each in values):
        raise ValueError("a value is no number")
