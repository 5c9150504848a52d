"""What a checkpoint's file may hold, looked at before torch reads it: plain tensors, texts and numbers, as long as they say.

torch's own guard keeps code out, and lets tensors in that are views of nothing, packed, sparse or on another device.
"""

from __future__ import annotations

import io
import pickletools
import warnings
import zipfile
from pathlib import Path
from typing import Any, Final

import torch

from marketsim.core.errors import CheckpointError, Problem
from marketsim.core.files import MIB, read_bytes
from marketsim.core.plain_text import plain

_MOST_BYTES: Final = 2048 * MIB
_MOST_MEMBERS: Final = 400
_LONGEST_PICKLE: Final = 16 * MIB
_KINDS: Final = ("Bool", "Float", "Double", "Int", "Long")
_KNOWN: Final = frozenset(
    ("torch._utils _rebuild_tensor_v2", "collections OrderedDict", *(f"torch {kind}Storage" for kind in _KINDS))
)
"""All that a pickle of plain tensors names."""
_NAMING: Final = frozenset(("INST", "STACK_GLOBAL", "EXT1", "EXT2", "EXT4"))
"""Other ways to name a function; torch writes none of them."""


def read_plain(path: Path) -> Any:
    """What stands in a file of torch; CheckpointError where it is missing, none, damaged, or more than plain tensors."""
    if not path.exists():
        hint = "name the file checkpoint.pt in the folder that 'marketsim train' printed"
        raise CheckpointError([Problem("there is no such checkpoint", file=str(path), hint=hint)])
    raw = read_bytes(path, _MOST_BYTES, CheckpointError)
    try:
        _demand_plain(raw)
        with warnings.catch_warnings(action="ignore"):  # of torch, on files that it does not like and then refuses
            return torch.load(io.BytesIO(raw), weights_only=True, map_location="cpu")
    except Exception as error:  # torch and zip raise what their readers raise: zip, pickle, runtime errors
        message = "this is no checkpoint of marketsim, or a damaged one"
        seen = plain(f"{type(error).__name__}: {error}".splitlines()[0], 120)
        raise CheckpointError([Problem(message, file=str(path), value=seen)]) from error


def _demand_plain(raw: bytes) -> None:
    """ValueError, or what the readers raise, for a zip that is packed or holds a pickle of more than plain tensors."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members = archive.infolist()
        names = [member.filename for member in members]
        if len(names) > _MOST_MEMBERS or len(set(names)) < len(names):
            raise ValueError("its parts are too many, or have the same name")
        if any(member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 0x1 for member in members):
            raise ValueError("its parts are packed")
        if sum(member.file_size for member in members) > len(raw):
            raise ValueError("its parts are larger than the file")
        pickles = [member for member in members if member.filename.endswith("data.pkl")]
        if len(pickles) != 1 or pickles[0].file_size > _LONGEST_PICKLE:
            raise ValueError("it has no contents, or too many")
        content = archive.read(pickles[0])
    for operation, argument, _ in pickletools.genops(content):
        if operation.name in _NAMING or (operation.name == "GLOBAL" and argument not in _KNOWN):
            raise ValueError(f"it holds {argument or operation.name}, which is no plain tensor")
