"""Hostile code is stopped by the allow-list, and by the lock alone when the allow-list is switched off.

Each snippet raises ``through`` where it did what it wanted. Where the tests run as root the locked child is nobody (65534).
"""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from marketsim.experts.sandbox.check import problems_of
from marketsim.experts.sandbox.client import CodeMember, Sandbox
from marketsim.experts.sandbox.lock import JobLimits

BRIEF = JobLimits(deadline_s=1.5)
STATE = {"load_kw": [1.0, 2.0]}
RUN = "os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)"
BY_NUMPY = "np.fromfile('/etc/passwd', dtype=np.int8)[:3]"
SYSCALL = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"


def expert(body, head=""):
    """Code whose function does this."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f"{head}def prosumer(state):\n{lines}\n"


def through(expression):
    return f"raise RuntimeError('through', {expression})"


HOSTILE = {
    "read a file": expert(through("open('/etc/passwd').read()[:9]")),
    "write a file": expert(through("open('/tmp/written', 'w').write('x')")),
    "network": expert(f"s = libc.syscall(41, 2, 1, 0)\nif s >= 0: {through('s')}\nraise OSError('no socket')", SYSCALL),
    "run a program": expert(f"import os\n{through(RUN)}"),
    "fork bomb": expert(f"import os\nfor _ in range(20): os.fork()\n{through('os.getpid()')}"),
    "endless loop": expert("while True: pass"),
    "memory bomb": expert("return [0] * 10**10"),
    "escape by subclasses": expert(
        "for each in ().__class__.__base__.__subclasses__():\n"
        "    if each.__name__ == '_wrap_close' and each.__init__.__globals__['system']('true') == 0:\n"
        "        raise RuntimeError('through')\n"
        "raise OSError('no program')"
    ),
    "a file by numpy": expert(f"import numpy as np\n{through(BY_NUMPY)}"),
    "a program by the C library": expert(
        f"if libc.system(b'true') == 0: {through('1')}\nraise OSError('no program')", SYSCALL
    ),
    "a signal to the parent": expert(f"import os\nos.kill(os.getppid() if os.getppid() > 0 else 1, 0)\n{through('1')}"),
    "another process's variables": expert(through("open('/proc/1/environ', 'rb').read(9)")),
}
"""The twelve of the design."""
WORSE = {
    "a module that is not loaded": expert(f"import socketserver\n{through('socketserver')}"),
    "a child by the C library": expert(f"if libc.syscall(57) >= 0: {through('1')}\nraise OSError()", SYSCALL),
    "a thread": expert(f"import threading\nthreading.Thread(target=print).start()\n{through('1')}"),
    "memory that can be executed": expert(f"import mmap\nmmap.mmap(-1, 4096, prot=mmap.PROT_EXEC)\n{through('1')}"),
    "memory made executable later": expert(
        f"import mmap\nm = mmap.mmap(-1, 4096)\np = ctypes.addressof(ctypes.c_char.from_buffer(m))\n"
        f"if libc.mprotect(ctypes.c_void_p(p), ctypes.c_size_t(4096), 7) == 0: {through('1')}\nraise OSError()",
        SYSCALL,
    ),
    "higher limits": expert(f"import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (9, 9))\n{through('1')}"),
    "calls by other numbers": expert(
        f"if libc.syscall(0x40000000 + 39) >= 0: {through('1')}\nraise OSError()", SYSCALL
    ),
    "another process's memory": expert(
        f"import os\nnone = [ctypes.c_long(0)] * 5\nif libc.syscall(310, os.getpid(), *none) >= 0: {through('1')}\nraise OSError()",
        SYSCALL,
    ),
    "look at another process": expert(
        f"if libc.syscall(101, 16, 1, 0, 0) >= 0: {through('1')}\nraise OSError()", SYSCALL
    ),
    "the lock undone": expert(f"if libc.prctl(38, 0, 0, 0, 0) == 0: {through('1')}\nraise OSError()", SYSCALL),
    "a file removed": expert(f"import os\nos.unlink('/tmp/precious')\n{through('1')}"),
    "a handle of the parent's": expert(
        "import os\nfor handle in range(4, 4096):\n    try: os.fstat(handle)\n    except OSError: continue\n"
        "    raise RuntimeError('through', handle)\nraise OSError('none')"
    ),
    "a second handle": expert(f"import os\nos.dup(1)\n{through('1')}"),
    "a secret in the environment": expert(
        f"import os\nif 'MARKETSIM_SECRET' in os.environ: {through('1')}\nraise OSError()"
    ),
    "an exit": expert("raise SystemExit(0)"),
    "an interrupt": expert("raise KeyboardInterrupt"),
    "the end of the process": expert("import os\nos._exit(0)"),
    "a crash": expert("import ctypes\nctypes.string_at(0)"),
    "sleep": expert("import time\ntime.sleep(600)"),
    "a signal that is ignored": expert(
        "import signal\nfor each in (signal.SIGTERM, signal.SIGXCPU, signal.SIGALRM): signal.signal(each, signal.SIG_IGN)\n"
        "while True: pass"
    ),
    "a number that is never ready": expert("return 10 ** 10 ** 10"),
    "a message without end": expert("raise ValueError('x' * 300_000_000)"),
    "a message that never comes": expert(
        "raise Slow()", "class Slow(Exception):\n    def __str__(self):\n        while True: pass\n"
    ),
    "a message that fails": expert("raise Bad()", "class Bad(Exception):\n    def __str__(self): return 1 / 0\n"),
    "a flood": expert("import os\nwhile True: os.write(3, b'x' * 65536)"),
    "an answer that is a pickle": expert("import os\nos.write(3, b'\\x80\\x04cos\\nsystem\\n.')\nos._exit(0)"),
    "an answer that is no number": expert(
        'import os\nos.write(3, b\'{"value": {"objective": NaN, "members": [], "status": ""}}\')\nos._exit(0)'
    ),
    "an answer of another length": expert(
        'import os\nos.write(3, b\'{"value": {"objective": 1.0, "members": [{}], "status": ""}}\')\nos._exit(0)'
    ),
    "an answer that is deep": expert("import os\nos.write(3, b'[' * 100000)\nos._exit(0)"),
    "two answers": expert('import os\nos.write(3, b\'{"fault": "a", "line": 1}\')\nreturn {}'),
    "a pipe that is closed": expert("import os\nos.close(3)\nwhile True: pass"),
}
"""More, for the lock alone."""


OUTSIDE = """
import sys
try:
    exec(compile(sys.stdin.read(), "<expert>", "exec"), space := {})
    space["prosumer"]({"load_kw": [1.0]})
except RuntimeError as error:
    print(error.args[0])
"""
"""What a snippet does in a process that is not locked."""
HARMLESS = (
    *(
        "read a file",
        "network",
        "run a program",
        "escape by subclasses",
        "a file by numpy",
        "a program by the C library",
    ),
    *("a signal to the parent", "a child by the C library", "memory made executable later", "a second handle"),
    *("a module that is not loaded", "another process's memory"),
)
"""Those that may be tried without a lock."""


@pytest.mark.parametrize("what", HARMLESS)
def test_without_a_lock_it_gets_through(what, tmp_path):
    """So the snippets do what they say, and it is the lock that stops them."""
    asked = subprocess.run(
        [sys.executable, "-c", OUTSIDE], input={**HOSTILE, **WORSE}[what].encode(), capture_output=True, check=False
    )
    assert b"through" in asked.stdout


@pytest.mark.parametrize("what", HOSTILE)
def test_the_allow_list_refuses_it(sandbox, what):
    """All but the memory bomb, which is honest Python and is stopped by the limit of memory."""
    ended = sandbox.solve([CodeMember(HOSTILE[what], STATE)], BRIEF)
    assert ended.value is None
    assert ended.reason == ("fault" if what == "memory bomb" else "refused")
    assert problems_of(HOSTILE[what]) == [] or ended.message.startswith("line ")


@pytest.mark.parametrize("what", [*HOSTILE, *WORSE])
def test_the_lock_alone_stops_it(unchecked, what, monkeypatch):
    ended = unchecked.solve([CodeMember({**HOSTILE, **WORSE}[what], STATE)], BRIEF)
    assert ended.value is None
    assert "through" not in ended.message
    assert ended.reason in {"fault", "deadline", "killed", "flood", "garbled"}
    assert len(ended.message) < 1000


REASONS = {
    "endless loop": "deadline",
    "memory bomb": "fault",
    "sleep": "deadline",
    "a signal that is ignored": "deadline",
    "a flood": "flood",
    "an answer that is a pickle": "garbled",
    "an answer that is no number": "garbled",
    "a crash": "killed",
    "the end of the process": "killed",
    "a pipe that is closed": "killed",
    "read a file": "fault",
}


@pytest.mark.parametrize("what", REASONS)
def test_how_it_was_stopped_is_told(unchecked, what):
    ended = unchecked.solve([CodeMember({**HOSTILE, **WORSE}[what], STATE)], BRIEF)
    assert ended.reason == REASONS[what], ended


def test_a_locked_child_is_nobody_of_consequence(unchecked):
    """No user's rights, whoever runs the tests."""
    ended = unchecked.solve([CodeMember(expert("import os\nraise RuntimeError(os.getuid(), os.getgid())"), STATE)])
    own = os.getuid() or 65534
    assert ended.told == f"line 3: RuntimeError: ({own}, {own if os.getuid() == 0 or own == 65534 else os.getgid()})"


def test_after_all_of_it_an_honest_expert_is_solved(unchecked):
    """Nothing that a child does reaches those after it."""
    for what in ("a crash", "a flood", "endless loop"):
        unchecked.solve([CodeMember({**HOSTILE, **WORSE}[what], STATE)], BRIEF)
    honest = expert("return {'objective': cp.sum(state['load_kw']), 'constraints': []}")
    assert unchecked.solve([CodeMember(honest, STATE)]).value["objective"] == 3.0


def test_the_parent_s_secrets_stay_with_it(monkeypatch, unchecked):
    """The process that forks children has no variable of the program's environment that it does not need."""
    monkeypatch.setenv("MARKETSIM_SECRET", "s")
    code = expert("import os\nraise RuntimeError(sorted(os.environ))")
    with Sandbox(checked=False) as fresh:
        assert "SECRET" not in fresh.solve([CodeMember(code, STATE)]).message


@pytest.mark.full
def test_a_zygote_that_is_killed_is_told(sandbox):
    """Whoever kills it, the program goes on, and starts another one."""
    from marketsim.core.errors import InputError

    code = CodeMember(expert("return {'objective': 0 * cp.sum(state['load_kw']), 'constraints': []}"), STATE)
    with Sandbox() as own:
        own.start()
        os.kill(own._process.pid, signal.SIGKILL)
        own._process.wait()
        with pytest.raises(InputError, match="not run here: its process ended"):
            own.solve([code])
        assert own.solve([code]).value is not None


def test_threads_take_turns(sandbox):
    """Jobs of several threads do not mix."""
    code = expert("return {'objective': cp.sum(state['load_kw']), 'constraints': []}")
    found = {}

    def ask(number):
        found[number] = sandbox.solve([CodeMember(code, {"load_kw": [float(number)]})]).value["objective"]

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: float(number) for number in range(4)}


def test_children_die_with_the_program():
    """The zygote ends when its input does; nothing is left behind."""
    own = Sandbox()
    own.start()
    pid = own._process.pid
    own.close()
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
