"""Files that may be a stranger's: read whole, as data, from regular files alone; written so that no link is followed.

Nothing here waits for a pipe, reads a device or takes in more than was asked for. What is wrong is raised as the class of
error that the caller names, with the file and what to do.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from marketsim.core.errors import InputError, Problem

MIB: Final = 2**20
PARTIAL: Final = ".partial"
"""How files end that are being written."""
_DEEPEST: Final = 100
_LONGEST_INTEGER: Final = 40


def demand_regular(path: Path, most: int, refused: type[InputError], *, links: bool = True) -> int:
    """Size of a regular file of at most ``most`` bytes; ``refused`` for anything else.

    ``links`` False: also for a symbolic link, wherever it leads.
    """
    with contextlib.closing(_Opened(path, refused, links=links)) as opened:
        return opened.size(most)


def read_bytes(path: Path, most: int, refused: type[InputError], *, links: bool = True) -> bytes:
    """A regular file of at most ``most`` bytes; ``refused`` for anything else, see ``demand_regular``."""
    with contextlib.closing(_Opened(path, refused, links=links)) as opened:
        opened.size(most)
        return opened.read(most)


def read_text(path: Path, most: int, refused: type[InputError], *, links: bool = True) -> str:
    """The same as text in UTF-8, without a byte order mark; ``refused`` with the line of a byte that is none."""
    return decoded(read_bytes(path, most, refused, links=links), path, refused)


def decoded(data: bytes, path: Path | str, refused: type[InputError]) -> str:
    """The text of a file that was read; ``refused`` with the line and column of the first byte that is not UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        seen, hint = f"byte 0x{data[error.start]:02x}", "save the file as UTF-8"
        raise refused([Problem("the file is not UTF-8", "", seen, hint, str(path), line, column)]) from error


def json_value(text: str, path: Path | str, refused: type[InputError], line: int = 1) -> Any:
    """A JSON value from text that begins at ``line`` of a file.

    Stricter than ``json.loads``: no NaN or infinity, no key twice, at most 100 levels, no endless integers.
    """
    try:
        return strict_json(text)
    except json.JSONDecodeError as error:
        at = line + error.lineno - 1
        raise refused([Problem("this is no JSON", "", error.msg, "", str(path), at, error.colno)]) from error
    except (ValueError, RecursionError) as error:
        said = "too deeply nested" if isinstance(error, RecursionError) else str(error)
        raise refused([Problem("this is no JSON", "", said, "", str(path), line)]) from error


def strict_json(text: str, *, constants: bool = False) -> Any:
    """A JSON value; ValueError where there is none, see ``json_value``. ``constants``: NaN and infinities are numbers."""
    if _deeper_than(text, _DEEPEST):
        raise ValueError(f"more than {_DEEPEST} levels")
    constant = float if constants else _no_number
    return json.loads(text, object_pairs_hook=_object, parse_constant=constant, parse_int=_integer, parse_float=_finite)


def _deeper_than(text: str, most: int) -> bool:
    """Whether brackets may stand deeper than ``most``; those inside of texts are looked at only where it matters."""
    if text.count("[") + text.count("{") <= most:
        return False
    depth = 0
    for token in _TOKEN.finditer(text):
        letter = token[0]
        if letter in "[{":
            depth += 1
            if depth > most:
                return True
        elif letter in "]}":
            depth -= 1
    return False


_TOKEN: Final = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)
"""A text, also one without an end, or a bracket."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen = set[str]()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice[:80]!r} stands twice")
    return found


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text[:40]} is beyond all numbers")
    return number


def _integer(text: str) -> int:
    if len(text) > _LONGEST_INTEGER:
        raise ValueError(f"an integer of {len(text)} digits")
    return int(text)


class _Opened:
    """A file opened for reading without waiting for anybody."""

    def __init__(self, path: Path, refused: type[InputError], *, links: bool) -> None:
        self._path, self._refused = path, refused
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOCTTY", 0)
        self._handle = -1
        try:
            if not links and path.is_symlink():
                raise self._refusal("is a link, which is not followed here", "put the file itself there")
            self._handle = os.open(path, flags | (0 if links else getattr(os, "O_NOFOLLOW", 0)))
            self._stat = os.fstat(self._handle)
        except FileNotFoundError:
            raise self._refusal("there is no such file") from None
        except (OSError, ValueError) as error:
            self.close()
            raise self._refusal(f"cannot be read: {_reason(error)}") from error

    def size(self, most: int) -> int:
        """Bytes of it, if it is regular and has at most so many."""
        mode = self._stat.st_mode
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "a pipe, a socket or a device"
            raise self._refusal(f"is {what}, not a file", "name a regular file")
        if self._stat.st_size > most:
            raise self._refusal(f"has {_size(self._stat.st_size)}, at most {_size(most)} are read")
        return self._stat.st_size

    def read(self, most: int) -> bytes:
        """All of it; a file that grew, or says that it is empty and is not, is read no further than ``most``."""
        try:
            with os.fdopen(self._handle, "rb", closefd=False) as file:
                data = file.read(self._stat.st_size + 1)
                while len(data) <= most and (more := file.read(MIB)):  # it grew, or hides its size
                    data += more
        except OSError as error:
            raise self._refusal(f"cannot be read: {_reason(error)}") from error
        if len(data) > most:
            raise self._refusal(f"has more than the {_size(most)} that are read")
        return data

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _refusal(self, message: str, hint: str = "") -> InputError:
        return self._refused([Problem(message, file=str(self._path), hint=hint)])


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _size(n_bytes: int) -> str:
    return f"{n_bytes / MIB:.0f} MiB" if n_bytes >= MIB else f"{n_bytes} bytes"


def create(path: Path, *, buffering: int = -1) -> IO[bytes]:
    """A new file for writing bytes; FileExistsError where anything has that name, a link that leads nowhere included."""
    return os.fdopen(os.open(path, _NEW, 0o666), "wb", buffering=buffering)


_NEW: Final = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
) | getattr(os, "O_BINARY", 0)


def demand_new(path: Path, refused: type[InputError], *, force: bool = False, option: str = "--force") -> None:
    """``refused`` where a file may not be put: something has that name, and is no file or, without ``force``, is one.

    ``option``: what the user says for ``force``.
    """
    hint = "choose another name"
    if path.is_dir() and not path.is_symlink():
        raise refused([Problem("there is a folder of that name", file=str(path), hint=hint)])
    if not force and os.path.lexists(path):
        what = "a link" if path.is_symlink() else "a file"
        raise refused(
            [Problem(f"there is {what} already", file=str(path), hint=f"replace it with {option}, or {hint}")]
        )


def make_folder(path: Path) -> None:
    """A folder, made where it is not there; OSError where that is not possible, and for a link, wherever it leads."""
    if path.is_symlink():
        raise OSError(errno.ELOOP, f"{path} is a link, which is not followed here", str(path))
    path.mkdir(parents=True, exist_ok=True)


def append_to(path: Path) -> IO[str]:
    """A file for appending lines in UTF-8, made where it is not there; OSError for a link."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    return os.fdopen(os.open(path, flags, 0o666), "a", encoding="utf-8", newline="\n")


def replace(path: Path, data: bytes | str | Callable[[IO[bytes]], object], *, durable: bool = True) -> None:
    """Put a file in place in one step, where ``durable`` down to the disk; OSError where that is not possible.

    ``data`` is its content (text in UTF-8), or writes it into the file that it is given. What is written first has a name
    that nobody can foresee, and a link at ``path`` is replaced, never followed.
    """
    temporary = partial_path(path)
    try:
        with create(temporary) as file:
            if callable(data):
                data(file)
            else:
                file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:  # an interrupt, too: nothing half written is left behind
        with contextlib.suppress(OSError):  # the first error is the one to report
            temporary.unlink(missing_ok=True)
        raise


def partial_path(path: Path) -> Path:
    """Where to write what will be ``path``: beside it, under a name that was never used."""
    return path.with_name(f"{path.name}.{secrets.token_hex(8)}{PARTIAL}")


def is_partial_of(name: str, final: str) -> bool:
    """Whether ``name`` is one that ``partial_path`` gives for a file called ``final``: left over by a kill."""
    if not (name.startswith(f"{final}.") and name.endswith(PARTIAL)):
        return False
    token = name[len(final) + 1 : -len(PARTIAL)]
    return len(token) == 16 and all(letter in "0123456789abcdef" for letter in token)
