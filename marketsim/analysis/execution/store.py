"""Outcomes in a folder: what is there need not be done again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from marketsim.analysis.execution.port import JobOutcome
from marketsim.core.errors import Problem, RunFolderError
from marketsim.core.files import make_folder, read_bytes, strict_json
from marketsim.results.folder import write_json, write_text
from marketsim.results.json_checks import MOST_BYTES, ValueCheck, count, mapping, named, number

RESULT: Final = "result.json"


class FolderStore:
    """Port ``Store``: ``<folder>/<key>/result.json``, written in one step when a job has ended.

    Results are mappings that JSON can hold. Those of their entries that ``files`` names are texts, each kept
    in a file of that name beside it. Failed jobs are kept, too, but done again when they are asked for.
    """

    def __init__(self, folder: Path, files: Mapping[str, str] | None = None, fits: ValueCheck = mapping) -> None:
        """``fits`` says what is wrong with a result, texts left out; one that does not fit counts as damaged."""
        self._folder, self._fits = folder, fits
        self._files = dict(files or {})

    def load(self, key: str) -> JobOutcome | None:
        """A finished job's outcome; None where there is none, where it failed, or where it is damaged.

        RunFolderError where one is there and cannot be read, such as a link.
        """
        own = self._folder / key
        read = {file: self._bytes(own / file) for file in (RESULT, *self._files.values())}
        whole = {file: data for file, data in read.items() if data is not None}
        if len(whole) < len(read):
            return None
        try:
            kept = strict_json(whole[RESULT].decode())
            texts = {name: whole[file].decode() for name, file in self._files.items()}
        except (ValueError, RecursionError):
            return None
        return self._outcome(kept, texts)

    def _bytes(self, path: Path) -> bytes | None:
        for folder in (self._folder, path.parent):
            if folder.is_symlink():
                message = "is a link, which is not followed here"
                raise RunFolderError([Problem(message, file=str(folder), hint="put the folder itself there")])
        if not os.path.lexists(path):
            return None
        try:
            return read_bytes(path, MOST_BYTES, RunFolderError, links=False)
        except RunFolderError as error:
            raise RunFolderError([named(problem, path) for problem in error.problems]) from error

    def _outcome(self, kept: Any, texts: Mapping[str, str]) -> JobOutcome | None:
        if not isinstance(kept, dict) or mapping(kept.get("value")) or self._fits(kept["value"]):
            return None
        wall_s, attempts = kept.get("wall_s", 0.0), kept.get("attempts", 1)
        if number(wall_s) or count(attempts):
            return None
        return JobOutcome({**kept["value"], **texts}, None, float(wall_s), attempts)

    def save(self, key: str, outcome: JobOutcome) -> None:
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
