"""Reads mutated files in a process of its own: ``python worker.py ARTEFACTS READER FIRST COUNT FOLDER``.

A line of JSON a mutation: ``n``, ``outcome`` (``read``, ``refused`` or ``fault``), ``said``, ``cpu_s``, ``peak_mb``. The line
``{"next": n}`` comes before each, so that whoever waits knows which one hangs or kills the process. While a file is read,
an audit hook watches what is opened, imported, started and connected to.
"""

from __future__ import annotations

import contextlib
import fnmatch
import io
import json
import os
import random
import resource
import shutil
import sys
import sysconfig
import time
import warnings
from pathlib import Path
from typing import Any

from readers import READERS, Reader

TRAPS = ("trap", "antigravity", "this")
"""Modules that nothing of ours imports: the first lies on the path, the others belong to Python."""
_HARMLESS = (
    "/proc/",
    "/sys/",
    "/dev/null",
    "/dev/urandom",
    "/etc/localtime",
    "/usr/share/",
    "/etc/mime.types",
    "/usr/lib/",
)
_MOST_ADDRESSES = 12 * 2**30
"""What a process may ask for, such that one that asks for everything gets a MemoryError and not the machine."""
_STARTS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.startfile", "pty.spawn")
_REACHES = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request", "ftplib.connect")


class Watch:
    """What a reader may not do, seen by the interpreter's audit events."""

    def __init__(self) -> None:
        self.folder: str | None = None
        self.seen: list[str] = []
        self._roots = tuple({str(Path(each).resolve()) for each in self._own()})

    @staticmethod
    def _own() -> list[str]:
        import marketsim

        paths = sysconfig.get_paths()
        package = os.path.dirname(os.path.dirname(marketsim.__file__))
        cache = os.environ.get("MARKETSIM_CACHE_DIR") or os.path.expanduser("~/.cache")
        return [paths["stdlib"], paths["purelib"], paths["platlib"], sys.prefix, sys.base_prefix, package, cache]

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Note what is not allowed while a folder is being read."""
        if self.folder is None:
            return
        if event == "open":
            self._opened(*arguments[:3])
        elif event == "import" and str(arguments[0]).partition(".")[0] in TRAPS:
            self.seen.append(f"imports {arguments[0]}")
        elif event in _STARTS or event in _REACHES:
            self.seen.append(f"{event} {str(arguments)[:200]}")

    def _opened(self, path: Any, mode: Any, flags: Any) -> None:
        if isinstance(path, int) or path is None:
            return
        folder = self.folder or ""
        text = os.path.abspath(os.fsdecode(path))
        writes = bool((flags or 0) & (os.O_WRONLY | os.O_RDWR)) or any(letter in str(mode or "") for letter in "wax+")
        allowed = (folder,) if writes else (folder, *self._roots, *_HARMLESS)
        inside = any(text == root or text.startswith(root.rstrip("/") + "/") for root in allowed)
        if not inside and text not in ("/dev/null",) and not (writes and self._is_cache(text)):
            self.seen.append(f"opens {text} {'to write' if writes else ''}")

    def _is_cache(self, text: str) -> bool:
        return text.startswith(self._roots) and "cache" in text


def mutated(base: Path, reader: Reader, place: Path, rng: random.Random) -> str:
    """Copy the artefacts and mutate one file; which and how."""
    if place.exists():
        shutil.rmtree(place)
    shutil.copytree(base, place)
    choices = [
        (path, how)
        for pattern, how in reader.targets
        for path in sorted(place.rglob("*"))
        if path.is_file() and fnmatch.fnmatch(path.relative_to(place).as_posix(), pattern)
    ]
    path, how = rng.choice(choices)
    path.write_bytes(how(path.read_bytes(), rng))
    return f"{path.relative_to(place).as_posix()} {how.__name__}"


def judged(reader: Reader, place: Path, watch: Watch) -> tuple[str, str]:
    """Outcome of reading, and what was said."""
    from marketsim.core.errors import MarketsimError

    watch.seen.clear()
    watch.folder = str(place)
    told = io.StringIO()
    try:
        with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told), warnings.catch_warnings():
            warnings.simplefilter("error")
            reader.use(place)
        outcome, said = "read", ""
    except MarketsimError as error:
        outcome, said = _judged_refusal(error)
    except RecursionError as error:
        outcome, said = "fault", f"RecursionError: {error}"
    except Exception as error:  # whatever else a reader lets through is what this looks for
        import traceback

        where = traceback.extract_tb(error.__traceback__)[-1]
        outcome, said = "fault", f"{type(error).__name__}: {str(error)[:300]} at {where.filename}:{where.lineno}"
    finally:
        watch.folder = None
    if watch.seen:
        return "fault", f"{'; '.join(dict.fromkeys(watch.seen))[:500]} ({outcome}: {said[:200]})"
    return outcome, said


def _judged_refusal(error: Exception) -> tuple[str, str]:
    from marketsim.core.errors import InputError, RunError

    said = str(error)
    if isinstance(error, RunError) and not isinstance(error, InputError):
        return "refused", said
    if not said.strip() or "Traceback" in said:
        return "fault", f"says nothing clear: {said[:300]!r}"
    if len(said) > 50_000 or any(ord(letter) < 32 and letter not in "\n\t" for letter in said):
        return "fault", f"a message of {len(said)} characters, or with control characters: {said[:300]!r}"
    return "refused", said


def peak_mb() -> int:
    """Most memory of this process; ``getrusage`` would tell that of whoever started it, where that was more."""
    with contextlib.suppress(OSError), Path("/proc/self/status").open(encoding="ascii", errors="replace") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def tell(**row: Any) -> None:
    """A line for whoever waits."""
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Read so many mutations of one kind."""
    base, name, first, count, folder = (
        Path(sys.argv[1]),
        sys.argv[2],
        int(sys.argv[3]),
        int(sys.argv[4]),
        Path(sys.argv[5]),
    )
    reader, place = READERS[name], folder.resolve() / "case"
    trap = folder.resolve() / "trap"
    trap.mkdir(parents=True, exist_ok=True)
    (trap / "trap.py").write_text("class Trap:\n    def __init__(self, *a, **k): pass\n")
    sys.path.insert(0, str(trap))
    os.chdir(trap)
    if place.exists():
        shutil.rmtree(place)
    shutil.copytree(base / reader.folder, place)
    try:
        reader.use(place)  # loads what is loaded once
    except Exception as error:
        tell(broken=f"{type(error).__name__}: {error}")
        raise
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_ADDRESSES, _MOST_ADDRESSES))
    watch = Watch()
    sys.addaudithook(watch)
    for n in range(first, first + count):
        tell(next=n)
        how = mutated(base / reader.folder, reader, place, random.Random(f"{name} {n}"))
        began = time.process_time()
        outcome, said = judged(reader, place, watch)
        row = {
            "n": n,
            "how": how,
            "outcome": outcome,
            "said": said[:2_000],
            "cpu_s": round(time.process_time() - began, 2),
            "peak_mb": peak_mb(),
        }
        tell(**row)


if __name__ == "__main__":
    main()
