"""The folder of a training: who may write into it, its manifest, and whether it is still going on."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from marketsim.core.errors import Problem, RunFolderError
from marketsim.core.files import MIB, PARTIAL, demand_regular, is_partial_of
from marketsim.results import manifests
from marketsim.results.folder import (
    COMPLETE,
    FAILED,
    MANIFEST,
    RUNNING,
    SCENARIO,
    SUMMARY,
    begun,
    demand_own,
    ended,
    ending_of,
    format_of,
    refusal,
    status,
    write_json,
    write_text,
)
from marketsim.results.schema import read_object, seen

TRAINING_FORMAT: Final = "marketsim training 1"
"""What the manifest of a training must say to be ours."""
_LARGEST: Final = 2048 * MIB
"""Bytes of policies that are read."""


def is_training(folder: Path) -> bool:
    """Whether there is a training in a folder; RunFolderError for a damaged manifest."""
    return format_of(folder) == TRAINING_FORMAT


def read_training(folder: Path) -> dict[str, Any]:
    """Manifest of a training; RunFolderError where there is none."""
    if not folder.is_dir() or not is_training(folder):
        hint = "name the folder that 'marketsim train' printed"
        raise RunFolderError([Problem("there is no training in this folder", file=str(folder), hint=hint)])
    return read_object(folder / MANIFEST, manifests.MANIFEST)


def trained_checkpoint(folder: Path) -> Path:
    """The policies that a training ended with, a file of its folder; RunFolderError where its summary names none."""
    name: str = read_object(folder / SUMMARY, manifests.TRAINED)["checkpoint"]
    if Path(name).name != name:
        message = "must name a file of the training's folder"
        raise RunFolderError([Problem(message, "checkpoint", seen(name), file=str(folder / SUMMARY))])
    demand_regular(folder / name, _LARGEST, RunFolderError, links=False)
    return folder / name


class TrainingFolder:
    """Holds the folder of a training while it goes on; a context manager.

    Leaving it sets the status: ``complete``, after Ctrl-C ``interrupted``, after an error ``failed``.

    Parameters
    ----------
    path
        New or empty folder, or with ``resume`` that of a training which is not going on. Else RunFolderError. A training
        that was ended before its first checkpoint begins anew, with or without ``resume``.
    facts
        Of the manifest: scenario, seed, hash, versions.
    scenario_text
        The resolved scenario.
    """

    def __init__(self, path: Path, facts: Mapping[str, object], scenario_text: str, *, resume: bool) -> None:
        self.path = path
        self._facts, self._scenario_text, self._resume = facts, scenario_text, resume
        self._manifest: dict[str, Any] = {}
        self._spent_s = 0.0
        self._began = 0.0
        self.anew = False
        """Whether a training had begun here that came to nothing, and begins again."""

    @property
    def resumes(self) -> bool:
        """Whether there is something to go on with."""
        return self._resume and not self.anew

    def __enter__(self) -> Self:
        earlier = self._claimed()
        self._spent_s = _seconds(self.path, earlier.get("wall_s", 0.0))
        self._began = time.monotonic()
        self._manifest = {**begun(TRAINING_FORMAT), **self._facts}
        if isinstance(earlier.get("started"), str):
            self._manifest["started"] = earlier["started"]
        try:
            write_json(self.path / MANIFEST, self._manifest)
            if not self.resumes:
                write_text(self.path / SCENARIO, self._scenario_text)
        except OSError as error:
            raise refusal(self.path, f"cannot write the training: {error.strerror}", "choose another --out") from error
        return self

    @property
    def wall_s(self) -> float:
        """Time spent so far, that before a resume included [s]."""
        return self._spent_s + time.monotonic() - self._began

    def note(self, facts: Mapping[str, object]) -> None:
        """Add facts to the manifest that the training brought to light."""
        self._manifest |= facts

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        reached = ending_of(error)
        self._manifest = ended(self._manifest, reached) | {"wall_s": round(self.wall_s, 3)}
        if reached == FAILED:
            self._manifest["error"] = f"{type(error).__name__}: {error}"
        try:
            write_json(self.path / MANIFEST, self._manifest)
        except OSError:
            if error is None:
                raise

    def _claimed(self) -> dict[str, Any]:
        """The folder, fit to be written into; what its manifest said if it is resumed."""
        path = self.path
        if self._resume:
            earlier = {} if _is_left_empty(path) else read_training(path)
            demand_own(path, ("tensorboard", "checkpoints"))
            if status(earlier) == RUNNING:
                raise refusal(path, f"a training is going on there (process {earlier.get('pid')})", "let it end first")
            self.anew = _came_to_nothing(path, status(earlier))
            return {} if self.anew else earlier
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise refusal(path, f"cannot make the folder: {error.strerror}", "choose another --out") from error
        if any(path.iterdir()) and not _is_left_empty(path):
            if not is_training(path):
                raise refusal(path, "the folder is not empty and holds no training", "choose another --out")
            reached = status(read_training(path))
            if not _came_to_nothing(path, reached):
                hint = "go on with it by --resume, or choose another --out"
                raise refusal(path, f"there is a training already ({reached})", hint)
            self.anew = True
        return {}


def _is_left_empty(path: Path) -> bool:
    """Whether a folder holds nothing but what a kill leaves of a manifest that was being written."""
    return path.is_dir() and all(is_partial_of(entry.name, MANIFEST) for entry in path.iterdir())


def _came_to_nothing(path: Path, reached: str) -> bool:
    """Whether a training was ended before its first checkpoint: there is nothing but what it begins with."""
    if reached in (RUNNING, COMPLETE):
        return False
    return all(entry.name in (MANIFEST, SCENARIO) or entry.name.endswith(PARTIAL) for entry in path.iterdir())


def _seconds(path: Path, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value < 1e12:
        message = "the manifest does not say how long the training took"
        raise RunFolderError([Problem(message, "wall_s", str(value)[:80], file=str(path / MANIFEST))])
    return float(value)
