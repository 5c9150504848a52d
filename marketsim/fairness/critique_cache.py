"""Answers of models on disk, by content: a question that was answered once is never asked again.

One small file an answer, named by the hash of everything that the answer depends on. A file is written beside its
place and moved there in one step, so that several processes may share a folder; one that is damaged, or belongs to
another question, counts as absent and is written anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from marketsim.core import files

FORMAT: Final = "marketsim critique 1"


class Kept(NamedTuple):
    """An answer and what it is an answer to."""

    key: str
    scores: tuple[float, float, float]
    model: str
    digest: str
    text: str
    """The text about the slot."""
    features: tuple[float, ...]
    """What a surrogate learns from."""


def default_folder() -> Path:
    """Where answers are kept unless a scenario says otherwise."""
    root = os.environ.get("MARKETSIM_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(root).expanduser() / "marketsim" / "critiques"


def question_key(digest: str, options: Mapping[str, object], messages: object, schema: object) -> str:
    """Hash of everything that an answer depends on: the model's weights, its options, the prompt, the answer's form."""
    content = json.dumps([FORMAT, digest, options, messages, schema], sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(content.encode(), digest_size=20).hexdigest()


class CritiqueCache:
    """A folder of answers; None: nothing is kept. A folder that cannot be used is as good as none: see ``fault``."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.fault: str | None = None
        """Why answers could not be kept, if they could not."""

    def get(self, key: str) -> tuple[float, float, float] | None:
        """The scores under a key, None where there are none that can be trusted."""
        if self.folder is None:
            return None
        kept = read_kept(self._place(self.folder, key))
        return kept.scores if kept is not None and kept.key == key else None

    def put(self, kept: Kept) -> None:
        """Keep an answer."""
        if self.folder is None:
            return
        place = self._place(self.folder, kept.key)
        content = {"format": FORMAT, **kept._asdict()}
        content["check"] = _check(content)
        try:
            files.make_folder(place.parent)
            files.replace(place, json.dumps(content, allow_nan=False), durable=False)
        except OSError as error:
            self.fault = f"answers cannot be kept in {self.folder}: {error.strerror or error}"

    @staticmethod
    def _place(folder: Path, key: str) -> Path:
        return folder / key[:2] / f"{key}.json"


def _check(content: Mapping[str, Any]) -> str:
    body = {name: value for name, value in content.items() if name != "check"}
    return hashlib.blake2b(json.dumps(body, sort_keys=True).encode(), digest_size=8).hexdigest()


def read_kept(place: Path) -> Kept | None:
    """The answer in a file; None where it is missing, damaged or of another kind."""
    try:
        content = json.loads(place.read_text(encoding="utf-8"))
        if content["format"] != FORMAT or content["check"] != _check(content):
            return None
        ftg, fbs, fpp = (float(score) for score in content["scores"])
        kept = Kept(*(content[name] for name in Kept._fields))
        features = tuple(float(each) for each in kept.features)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None
    if not all(0.0 <= score <= 1.0 for score in (ftg, fbs, fpp)):
        return None
    return kept._replace(scores=(ftg, fbs, fpp), features=features)


def all_kept(folder: Path) -> Iterator[Kept]:
    """Every answer in a folder that can be trusted, in the order of their keys."""
    for place in sorted(folder.glob("??/*.json")):
        kept = read_kept(place)
        if kept is not None:
            yield kept
