"""Answers of models on disk, by content: a question that was answered once is never asked again.

One small file an answer, named by the hash of everything that the answer depends on. A file is written beside its
place and moved there in one step, so that several processes may share a folder; one that is damaged, or belongs to
another question, counts as absent and is written anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from marketsim.core.errors import InputError
from marketsim.core.files import MIB, read_text, strict_json
from marketsim.fairness.critic_log import read_features

FORMAT: Final = "marketsim critique 1"
_MOST_BYTES: Final = 4 * MIB
_LONGEST_NAME: Final = 200


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
            place.parent.mkdir(parents=True, exist_ok=True)
            _replace(place, json.dumps(content, allow_nan=False))
        except OSError as error:
            self.fault = f"answers cannot be kept in {self.folder}: {error.strerror or error}"

    @staticmethod
    def _place(folder: Path, key: str) -> Path:
        return folder / key[:2] / f"{key}.json"


def _replace(place: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=place.stem, suffix=".partial")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(place)
    except OSError:
        with contextlib.suppress(OSError):  # the first error is the one to report
            Path(temporary).unlink(missing_ok=True)
        raise


def _check(content: Mapping[str, Any]) -> str:
    body = {name: value for name, value in content.items() if name != "check"}
    return hashlib.blake2b(json.dumps(body, sort_keys=True).encode(), digest_size=8).hexdigest()


def read_kept(place: Path) -> Kept | None:
    """The answer in a file; None where it is missing, no regular file, damaged, of another kind or of other types."""
    try:
        content = strict_json(read_text(place, _MOST_BYTES, InputError, links=False))
        if not isinstance(content, dict) or content.get("format") != FORMAT or content.get("check") != _check(content):
            return None
        features = read_features("features", content.get("features"))
    except (InputError, ValueError, RecursionError):
        return None
    texts = [text for name in ("key", "model", "digest", "text") if isinstance(text := content.get(name), str)]
    scores = content.get("scores")
    if len(texts) < 4 or not _is_name(texts[1]):
        return None
    if not isinstance(scores, list) or len(scores) != 3 or not all(_is_score(score) for score in scores):
        return None
    key, model, digest, text = texts
    ftg, fbs, fpp = (float(score) for score in scores)
    return Kept(key, (ftg, fbs, fpp), model, digest, text, features)


def _is_name(value: str) -> bool:
    return len(value) <= _LONGEST_NAME and (value == "" or value.isprintable())


def _is_score(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0.0 <= value <= 1.0


def all_kept(folder: Path) -> Iterator[Kept]:
    """Every answer in a folder that can be trusted, in the order of their keys."""
    for place in sorted(folder.glob("??/*.json")):
        kept = read_kept(place)
        if kept is not None:
            yield kept
