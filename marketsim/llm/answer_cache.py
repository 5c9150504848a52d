"""Answers of models on disk, by content: a question that was answered once is never asked again.

One small file an answer, named by the hash of everything that the answer depends on. A file is written beside its
place and moved there in one step, so that several processes may share a folder; one that is damaged, or belongs to
another question, counts as absent and is written anew.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from marketsim.core import files
from marketsim.core.errors import InputError
from marketsim.core.files import MIB, read_text, strict_json
from marketsim.core.language_model import Identity
from marketsim.llm.question import Question

V = TypeVar("V")

_MOST_BYTES: Final = 4 * MIB
_LONGEST_NAME: Final = 200


def default_folder(name: str) -> Path:
    """Where answers are kept unless a scenario says otherwise."""
    root = os.environ.get("MARKETSIM_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(root).expanduser() / "marketsim" / name


def question_key(question: Question[Any], digest: str, options: Mapping[str, object]) -> str:
    """Hash of everything that an answer depends on: the model's weights, its options, the prompt, the answer's form."""
    parts = [question.kind, digest, options, question.messages, question.form]
    content = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(content.encode(), digest_size=20).hexdigest()


class AnswerCache:
    """A folder of answers; None: nothing is kept. A folder that cannot be used is as good as none: see ``fault``."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.fault: str | None = None
        """Why answers could not be kept, if they could not."""

    def get(self, key: str, question: Question[V]) -> V | None:
        """The answer under a key, None where there is none that can be trusted."""
        if self.folder is None:
            return None
        return read_kept(self._place(self.folder, key), question.kind, question.found, key)

    def put(self, key: str, question: Question[V], value: V, who: Identity) -> None:
        """Keep an answer."""
        if self.folder is None:
            return
        place = self._place(self.folder, key)
        text = question.messages[-1]["content"]
        asked = {"format": question.kind, "key": key, "model": who.model, "digest": who.digest, "text": text}
        content = {**asked, **question.kept(value)}
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


def read_kept(place: Path, kind: str, found: Callable[[Mapping[str, Any]], V], key: str | None = None) -> V | None:
    """What ``found`` makes of the answer in a file, to the question of this key, if it is given.

    None where it is missing, no regular file, damaged, of another kind or key, or of other types.
    """
    try:
        content = strict_json(read_text(place, _MOST_BYTES, InputError, links=False))
        if not isinstance(content, dict) or content.get("format") != kind or content.get("check") != _check(content):
            return None
        texts = [content.get(name) for name in ("key", "model", "digest", "text")]
        if not all(isinstance(text, str) for text in texts) or not _is_name(content["model"]):
            return None
        return found(content) if key in (None, content["key"]) else None
    except (InputError, ValueError, RecursionError):
        return None


def _is_name(value: str) -> bool:
    return len(value) <= _LONGEST_NAME and (value == "" or value.isprintable())


def all_kept(folder: Path, kind: str, found: Callable[[Mapping[str, Any]], V]) -> Iterator[V]:
    """What ``found`` makes of every answer of a kind in a folder that can be trusted, in the order of their keys."""
    for place in sorted(folder.glob("??/*.json")):
        kept = read_kept(place, kind, found)
        if kept is not None:
            yield kept
