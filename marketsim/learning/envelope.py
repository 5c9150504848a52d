"""What checkpoints of all learners have in common: format, version and checksum around contents that are the learner's own.

Contents are texts, numbers, lists, plain tensors, and mappings of them: a file that runs no code.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch

from marketsim.core import files
from marketsim.core.errors import CheckpointError, Problem
from marketsim.learning.checkpoint_file import read_plain

FORMAT: Final = "marketsim checkpoint"
VERSION: Final = 1
_CHECKSUM: Final = "sha256"


def write(path: Path, contents: Mapping[str, Any]) -> None:
    """Write a checkpoint in place of ``path``, in one step and down to the disk; OSError where that fails."""
    whole = {"format": FORMAT, "version": VERSION, **contents}
    buffer = io.BytesIO()
    torch.save({**whole, _CHECKSUM: digest(whole)}, buffer)
    files.replace(path, buffer.getvalue())


def read(path: Path) -> dict[str, Any]:
    """What stands in a checkpoint; CheckpointError where it is missing, not ours, or of another version.

    Whether the contents are whole is for who has looked at their types to ask, by ``is_whole``.
    """
    content = read_plain(path)
    if not isinstance(content, dict) or not isinstance(content.get("format"), str) or content["format"] != FORMAT:
        raise refusal(path, "this file of torch is no checkpoint of marketsim")
    if type(content.get("version")) is not int or content["version"] != VERSION:
        hint = "load it with the version of marketsim that wrote it, or train anew"
        raise refusal(path, f"this checkpoint is of format {str(content.get('version'))[:40]}, not {VERSION}", hint)
    return content


def is_whole(content: Mapping[str, Any]) -> bool:
    """Whether what was read fits its checksum."""
    return bool(content[_CHECKSUM] == digest({key: value for key, value in content.items() if key != _CHECKSUM}))


def refusal(path: Path, message: str, hint: str = "", seen: object = "") -> CheckpointError:
    """What is wrong with a checkpoint."""
    return CheckpointError([Problem(message, file=str(path), value=str(seen), hint=hint)])


def digest(content: Mapping[str, Any]) -> str:
    """SHA-256 of keys and values, tensors by their bytes."""
    found = hashlib.sha256()
    for key in sorted(content):
        value = content[key]
        found.update(key.encode() + b"\0")
        if isinstance(value, torch.Tensor):
            found.update(f"{value.dtype}{tuple(value.shape)}".encode() + value.contiguous().numpy().tobytes())
        elif isinstance(value, dict):
            found.update(digest(value).encode())
        else:
            found.update(json.dumps(value).encode())
    return found.hexdigest()
