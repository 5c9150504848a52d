"""A folder of results while this process writes into it: claimed, said to be going on, and at last how it ended."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

from marketsim.core import files
from marketsim.core.blame import said
from marketsim.core.errors import Problem, RunFolderError
from marketsim.results.folder import (
    FAILED,
    INTERRUPTED,
    MANIFEST,
    RUNNING,
    begun,
    demand_own,
    ended,
    ending_of,
    format_of,
    never_began,
    refusal,
    remove_run,
    status,
    write_json,
    write_text,
)
from marketsim.results.json_checks import Keys, read_object

_ELSEWHERE = "choose another --out"


class FolderKind(NamedTuple):
    """What is written into folders of one kind."""

    name: str
    """With its article: ``a run``."""
    format: str
    """What a manifest must say to be of it."""
    keys: Keys
    """Of its manifest."""
    resumable: bool = True
    """Whether one that was ended goes on; else it is replaced where the user says so."""
    folders: tuple[str, ...] = ()
    """Names of folders in it."""
    begins_with: tuple[str, ...] = ()
    """Files of one that has come to nothing yet, and begins anew; none: every one goes on where it was."""

    @property
    def noun(self) -> str:
        """Its name without the article."""
        return self.name.partition(" ")[2]


class Session:
    """Holds a folder of results; a context manager once it has begun.

    Leaving it sets the status: ``complete``, after Ctrl-C ``interrupted``, after an error ``failed``.

    Parameters
    ----------
    folder
        New or empty, or with ``resume`` what was ended, or with ``force`` a run to be replaced. Else RunFolderError: what
        goes on is left alone, and a folder that holds anything else is never touched. None: nothing is written.
    kind
        What is written there.
    """

    def __init__(self, folder: Path | None, kind: FolderKind, *, resume: bool = False, force: bool = False) -> None:
        self.folder, self.kind = folder, kind
        self.manifest: dict[str, Any] = {}
        self.anew = False
        """Whether one had begun here that came to nothing, and begins again."""
        self.earlier: dict[str, Any] = {}
        """Manifest of what is gone on with; empty where there is none."""
        self._spent_s, self._began = 0.0, time.monotonic()
        if folder is not None:
            self.earlier = self._claimed(folder, resume=resume, force=force)
            self._spent_s = _seconds(folder, self.earlier.get("wall_s", 0.0))

    @property
    def resumes(self) -> bool:
        """Whether there is something to go on with."""
        return bool(self.earlier)

    @property
    def wall_s(self) -> float:
        """Time spent so far, that before a resume included [s]."""
        return self._spent_s + time.monotonic() - self._began

    def begin(self, facts: Mapping[str, object], texts: Mapping[str, str], *, durable: bool = True) -> None:
        """Say in the manifest that this process works here; ``texts`` by file are written unless they are there already."""
        self.manifest = {**begun(self.kind.format), **facts}
        if "started" in self.earlier:
            self.manifest["started"] = self.earlier["started"]
        if self.folder is None:
            return
        try:
            write_json(self.folder / MANIFEST, self.manifest, durable=durable)
            for name, text in () if self.resumes else texts.items():
                write_text(self.folder / name, text, durable=durable)
        except OSError as error:
            reason = error.strerror or str(error)
            with contextlib.suppress(OSError):  # without its process it counts as interrupted
                self.end(FAILED, reason)
            raise self._refusal(f"cannot write the {self.kind.noun}: {reason}") from error

    def note(self, facts: Mapping[str, object]) -> None:
        """Add facts to the manifest that came to light."""
        self.manifest |= facts

    def end(self, reached: str, error: str = "") -> None:
        """Say how it ended; which process wrote it no longer matters. OSError where the disk takes no more."""
        self.manifest = {**ended(self.manifest, reached), "wall_s": round(self.wall_s, 3)}
        if error:
            self.manifest["error"] = error
        if self.folder is not None:
            write_json(self.folder / MANIFEST, self.manifest)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        reached = ending_of(error)
        try:
            self.end(reached, said(error) if error is not None and reached == FAILED else "")
        except OSError:  # without its process it counts as interrupted
            if error is None:
                raise

    def _refusal(self, message: str, hint: str = _ELSEWHERE) -> RunFolderError:
        return refusal(self.folder or Path(), message, hint)

    def _claimed(self, folder: Path, *, resume: bool, force: bool) -> dict[str, Any]:
        """The folder, fit to be written into; what its manifest said if it is gone on with."""
        kind = self.kind
        if folder.exists() and not folder.is_dir():
            raise self._refusal("there is a file of that name")
        holds_something = folder.exists() and not _is_left_empty(folder)
        if not holds_something and resume:
            if not (folder.exists() and kind.begins_with):
                raise self._refusal(f"there is no {kind.noun} to go on with", "leave --resume out to begin one")
            self.anew = True
        if holds_something and (earlier := self._found(folder, resume=resume, force=force)):
            return earlier
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not os.path.lexists(folder / MANIFEST):
                files.create(folder / MANIFEST).close()  # one of two processes that come here at once gets it
        except FileExistsError as error:
            raise self._refusal(f"another {kind.noun} begins there") from error
        except OSError as error:
            raise self._refusal(f"cannot make the folder: {error.strerror}") from error
        return {}

    def _found(self, folder: Path, *, resume: bool, force: bool) -> dict[str, Any]:
        """Manifest of what is there and goes on; empty where it makes room."""
        kind = self.kind
        choice = "go on with it by --resume, or choose another --out"
        if not kind.resumable:
            choice = "choose another --out, or replace it with --force"
        if never_began(folder):
            self.anew = bool(kind.begins_with)
            if not (force or resume or self.anew):
                raise self._refusal(f"{kind.name} ended there before it had begun", choice)
            if not force and not _holds_only(folder, MANIFEST):
                raise self._refusal(f"the folder is not empty and holds no {kind.noun} of marketsim")
            remove_run(folder)
            return {}
        if format_of(folder) != kind.format:
            raise self._refusal(f"the folder is not empty and holds no {kind.noun} of marketsim")
        earlier = read_object(folder / MANIFEST, kind.keys)
        if kind.resumable:
            demand_own(folder, kind.folders)
        reached = status(earlier)
        if reached == RUNNING:
            raise self._refusal(f"{kind.name} is being written there (process {earlier.get('pid')})")
        if kind.begins_with and reached in (FAILED, INTERRUPTED) and _holds_only(folder, MANIFEST, *kind.begins_with):
            self.anew = True
            return {}
        if resume:
            return earlier
        if not force:
            raise self._refusal(f"there is {kind.name} already ({reached})", choice)
        remove_run(folder)
        return {}


def _is_left_empty(folder: Path) -> bool:
    """Whether a folder holds nothing but what a kill leaves of a manifest that was being written."""
    return all(files.is_partial_of(entry.name, MANIFEST) for entry in folder.iterdir())


def _holds_only(folder: Path, *names: str) -> bool:
    """Whether a folder holds nothing but these files, and what a kill leaves of files that were being written."""
    return all(entry.name in names or entry.name.endswith(files.PARTIAL) for entry in folder.iterdir())


def _seconds(folder: Path, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value < 1e12:
        message = "the manifest does not say how long it took"
        raise RunFolderError([Problem(message, "wall_s", str(value)[:80], file=str(folder / MANIFEST))])
    return float(value)
