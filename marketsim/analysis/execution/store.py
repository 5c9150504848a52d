"""Outcomes in a folder: what is there need not be done again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from marketsim.analysis.execution.port import Outcome
from marketsim.core.errors import Problem, RunFolderError
from marketsim.core.files import make_folder
from marketsim.results.folder import read_json, write_json, write_text

RESULT: Final = "result.json"


class FolderStore:
    """Port ``Store``: ``<folder>/<key>/result.json``, written in one step when a job has ended.

    Results are mappings that JSON can hold. Those of their entries that ``files`` names are texts, each kept
    in a file of that name beside it. Failed jobs are kept, too, but done again when they are asked for.
    """

    def __init__(self, folder: Path, files: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._files = dict(files or {})

    def load(self, key: str) -> Outcome | None:
        """A finished job's outcome; None where there is none, where it failed, or where it is damaged."""
        own = self._folder / key
        path = own / RESULT
        try:
            if not path.exists():
                return None
            texts = {name: (own / file).read_text("utf-8") for name, file in self._files.items()}
        except (FileNotFoundError, UnicodeDecodeError):
            return None
        except OSError as error:
            raise _unreadable(path, error) from error
        try:
            kept = read_json(path)
        except RunFolderError as error:
            if isinstance(error.__cause__, OSError):
                raise
            return None
        return _outcome(kept, texts)

    def save(self, key: str, outcome: Outcome) -> None:
        """Keep an outcome; OSError where the disk does not take it."""
        own = self._folder / key
        make_folder(self._folder)
        make_folder(own)
        value: dict[str, Any] | None = None
        if outcome.failure is None:
            value = dict(outcome.value)
            for name, file in self._files.items():
                write_text(own / file, value.pop(name))
        failure = None if outcome.failure is None else outcome.failure._asdict()
        content = {"value": value, "failure": failure, "wall_s": outcome.wall_s, "attempts": outcome.attempts}
        write_json(own / RESULT, content)


def _unreadable(path: Path, error: OSError) -> RunFolderError:
    return RunFolderError([Problem(f"cannot read {path.name}: {error.strerror}", file=str(path))])


def _outcome(kept: Mapping[str, Any], texts: Mapping[str, str]) -> Outcome | None:
    value = kept.get("value")
    if not isinstance(value, dict):
        return None
    return Outcome({**value, **texts}, None, float(kept.get("wall_s", 0.0)), int(kept.get("attempts", 1)))
