"""Where compiled kernels are kept: a folder of the user's own, and a file for each signature that knows its contents.

What is kept is machine code in a pickle: whoever can write there can run code. So only folders and files that belong to
the user, and that nobody else can write into, are used; and a file is used only if it is what was written, to the bit.
One that is not is removed and its kernel compiled anew. There is no index that several processes would have to agree on.
"""

from __future__ import annotations

import contextlib
import functools
import glob
import hashlib
import inspect
import os
import pickle
import secrets
import stat
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any, Final

from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.serialize import dumps

from marketsim.core import files
from marketsim.core.errors import InputError

ENDING: Final = ".nbc"
_MAGIC: Final = b"marketsim kernel 1\n"
_DIGEST: Final = 32
_MOST_BYTES: Final = 256 * files.MIB
_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH
_PRIVATE: Final = 0o700
_LONGEST_NAME: Final = 150


def private_folder(folder: Path) -> None:
    """Make a folder for kernels where it is not there; OSError where that fails, or where others have a say in it.

    Others are those who own it or may write into it, or who could put another in its place: into the folder above, which
    is ours as well, or into any above that without the bit that keeps them from what is not theirs.
    """
    own = folder.parent
    own.parent.mkdir(parents=True, exist_ok=True)
    for each in (own, folder):
        with contextlib.suppress(FileExistsError):
            each.mkdir(mode=_PRIVATE)
    if hasattr(os, "geteuid"):
        _demand_own(own)
        _without_others(own)
        _demand_own(folder)
        if folder.stat().st_mode & _OTHERS:
            raise PermissionError(f"others may write into {folder}: remove it, and it is made anew for you alone")
        for above in own.resolve().parents:
            mode = above.stat().st_mode
            if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
                raise PermissionError(f"everybody may replace what is in {above}")
    probe = folder / f".probe-{secrets.token_hex(8)}"
    files.create(probe).close()
    probe.unlink()


def _demand_own(folder: Path) -> None:
    found = folder.stat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotADirectoryError(f"{folder} is no folder")
    if {found.st_uid, folder.lstat().st_uid} != {os.geteuid()}:
        raise PermissionError(f"{folder} belongs to another user")


def _without_others(folder: Path) -> None:
    """Close a folder that earlier versions made as open as the user's files are."""
    mode = folder.stat().st_mode
    if mode & _OTHERS:
        folder.chmod(stat.S_IMODE(mode) & ~_OTHERS)


class _Implementation(CompileResultCacheImpl):
    """numba's way to take compiled code apart and put it together, without its search for a folder."""

    def __init__(self, function: Callable[..., Any], source: str) -> None:
        self._lineno = function.__code__.co_firstlineno
        self._locator = SimpleNamespace(_py_file=source)
        """What numba's warnings ask a locator for."""


class KernelCache(FunctionCache):
    """Compiled versions of one function in a folder that ``private_folder`` has approved.

    OSError where the function has no source whose changes could be seen.
    """

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        self._py_func, self._folder = function, folder
        source = inspect.getfile(function)
        self._stamp = hashlib.sha256(Path(source).read_bytes()).hexdigest()
        self._impl = _Implementation(function, source)
        name = f"{Path(source).stem}.{function.__qualname__}-{function.__code__.co_firstlineno}"
        self._base = name.replace("<", "").replace(">", "")[:_LONGEST_NAME]
        self._identity = (name, os.path.abspath(source), sys.version_info[:2])
        self.enable()  # type: ignore[no-untyped-call]

    @property
    def cache_path(self) -> str:
        """The folder."""
        return str(self._folder)

    def flush(self) -> None:
        """Forget every version of the function."""
        for path in self._folder.glob(f"{glob.escape(self._base)}.*{ENDING}"):
            _discard(path)

    def _load_overload(self, sig: Any, target_context: Any) -> Any:
        key = self._index_key(sig, target_context.codegen())  # type: ignore[no-untyped-call]
        path = self._path(key)
        try:
            body = self._body(path)
            if body is None:
                return None
            stamp, kept, reduced = pickle.loads(body)  # ours to the bit, out of a folder of the user's own
            if (stamp, kept) != (self._stamp, key):  # of an earlier text: it is written over
                return None
            return self._impl.rebuild(target_context, reduced)
        except Exception as error:  # whatever numba, LLVM or pickle say: compiling anew is the way on
            self._give_up(path, f"{type(error).__name__}: {error}")
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a version; a disk that takes no more costs the next process its compilation, and this one nothing."""
        try:
            self._save_overload(sig, data)
        except OSError as error:
            _warn(f"compiled kernels cannot be kept: {error}")

    def _save_overload(self, sig: Any, data: Any) -> None:
        if not self._enabled or not self._impl.check_cachable(data):
            return
        key = self._index_key(sig, data.codegen)  # type: ignore[no-untyped-call]
        path = self._path(key)
        body = dumps((self._stamp, key, self._impl.reduce(data)))  # type: ignore[no-untyped-call]
        self._folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        files.replace(path, functools.partial(_write, _MAGIC + _digest(path, body), body), durable=False)

    def _path(self, key: Any) -> Path:
        """File of a version, by the hash of what makes it one."""
        what = hashlib.sha256(repr((self._identity, key)).encode()).hexdigest()[:16]
        return self._folder / f"{self._base}.{what}{ENDING}"

    def _body(self, path: Path) -> bytes | None:
        """What was written into a file; None where there is none, or where it is not what was written."""
        try:
            found = path.lstat()
        except FileNotFoundError:
            return None
        if hasattr(os, "geteuid") and (found.st_uid != os.geteuid() or found.st_mode & _OTHERS):
            self._give_up(path, "others may have written it")
            return None
        try:
            data = files.read_bytes(path, _MOST_BYTES, InputError, links=False)
        except InputError as error:
            self._give_up(path, error.problems[0].message)
            return None
        begin = len(_MAGIC) + _DIGEST
        head, body = data[:begin], data[begin:]
        if head != _MAGIC + _digest(path, body):
            self._give_up(path, "it is not what was written")
            return None
        return body

    def _give_up(self, path: Path, reason: str) -> None:
        _warn(f"a compiled kernel is damaged and compiled anew: {path}: {reason}")
        _discard(path)


def _digest(path: Path, body: bytes) -> bytes:
    """Of a file's contents and its name, so that one cannot stand for another."""
    return hashlib.sha256(path.name.encode() + b"\0" + body).digest()


def _write(head: bytes, body: bytes, file: IO[bytes]) -> None:
    if hasattr(os, "fchmod"):
        os.fchmod(file.fileno(), stat.S_IRUSR | stat.S_IWUSR)
    file.write(head)
    file.write(body)


def _discard(path: Path) -> None:
    """Remove a file; a folder in its place is moved aside, whatever is in it."""
    with contextlib.suppress(OSError):  # then it is damaged in the next process, too, which says so again
        if path.is_dir() and not path.is_symlink():
            path.rename(path.with_name(f"{path.name}.{secrets.token_hex(4)}.aside"))
        else:
            path.unlink()


def _warn(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=3)
