"""Arrays of numbers and texts from numpy's ``.npz`` that a stranger may have written.

Each part is looked at before it is unpacked, and unpacked to its last byte, so that its checksum counts. Of the many
things that zip and numpy allow, only those are read that numpy writes for plain arrays.
"""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from marketsim.core.errors import InputError, Problem
from marketsim.core.files import MIB, read_bytes

_ENDING: Final = ".npy"
_MOST_BYTES: Final = 160 * MIB
_LONGEST_HEADER: Final = 1_000
_ENCRYPTED: Final = 0x1
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_HEADER: Final = re.compile(
    r"\{'descr': '([<>]f[48]|[<>]U[1-9][0-9]{0,8})', 'fortran_order': (True|False), 'shape': \(([0-9, ]*)\), \} *\n"
)
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    RuntimeError,  # NotImplementedError, too
    OverflowError,
    TypeError,
    AttributeError,
)
"""What Python's reader of zip files raises where bytes are not as it expects them."""


class _Unreadable(Exception):
    """Why a file is none of ours."""


def read_npz(path: Path, names: Collection[str], refused: type[InputError], what: str, hint: str) -> dict[str, Any]:
    """The arrays ``names`` of a file: of 64-bit floats in C order, or a text where the array is one.

    ``refused`` says that the file is no ``what``, why, and ``hint``; for anything else in it, for other types, for parts
    that are larger than 160 MiB together.
    """
    data = read_bytes(path, _MOST_BYTES, refused)
    try:
        return {name: _array(name, part) for name, part in _parts(data, names).items()}
    except _Unreadable as error:
        raise refused([Problem(f"this is no {what}: {error}", file=str(path), hint=hint)]) from error


def _parts(data: bytes, names: Collection[str]) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
            _demand_names([member.filename for member in members], {f"{name}{_ENDING}" for name in names})
            if sum(member.file_size for member in members) > _MOST_BYTES:
                raise _Unreadable(f"unpacked it has more than {_MOST_BYTES // MIB} MiB")
            return {member.filename.removesuffix(_ENDING): _unpacked(archive, member) for member in members}
    except _BROKEN as error:
        raise _Unreadable(" ".join(str(error).split())[:200] or type(error).__name__) from error


def _demand_names(found: list[str], wanted: set[str]) -> None:
    missing, strange = sorted(wanted - set(found)), sorted(set(found) - wanted)
    if missing:
        raise _Unreadable(f"it has no {', '.join(missing)}")
    if strange:
        raise _Unreadable(f"it has a {strange[0][:80]!r} besides")
    if len(found) > len(wanted):
        twice = next(name for name in found if found.count(name) > 1)
        raise _Unreadable(f"it has {twice} twice")


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.flag_bits & _ENCRYPTED or member.compress_type not in _METHODS:
        raise _Unreadable(f"{member.filename} is encrypted, or packed in another way than numpy's")
    with archive.open(member) as opened:
        part = opened.read(member.file_size + 1)
    if len(part) != member.file_size or zlib.crc32(part) != member.CRC:
        raise _Unreadable(f"{member.filename} does not match its checksum")
    return part


def _array(name: str, part: bytes) -> NDArray[np.float64] | str:
    version = part[6:8]
    if part[:6] != b"\x93NUMPY" or version not in (b"\x01\x00", b"\x02\x00", b"\x03\x00"):
        raise _Unreadable(f"{name} is no array of numpy")
    begin = 10 if version == b"\x01\x00" else 12
    length = int.from_bytes(part[8:begin], "little")
    if length > _LONGEST_HEADER:
        raise _Unreadable(f"{name} has a header of {length} bytes")
    header = _HEADER.fullmatch(part[begin : begin + length].decode("latin-1"))
    if header is None:
        raise _Unreadable(f"{name} is neither of floats nor a text")
    kind, fortran, sizes = header.groups()
    return _values(name, np.dtype(kind), fortran == "True", _shape(name, sizes), part[begin + length :])


def _shape(name: str, sizes: str) -> tuple[int, ...]:
    found = [size.strip() for size in sizes.split(",") if size.strip()]
    if len(found) > 2 or not all(size.isdecimal() and len(size) < 12 for size in found):
        raise _Unreadable(f"{name} has the shape ({sizes[:80]})")
    return tuple(int(size) for size in found)


def _values(
    name: str, kind: np.dtype[Any], fortran: bool, shape: tuple[int, ...], body: bytes
) -> NDArray[np.float64] | str:
    if len(body) != math.prod(shape) * kind.itemsize:
        raise _Unreadable(f"{name} has {len(body)} bytes for {kind.str} of shape {shape}")
    if kind.kind == "U":
        if shape:
            raise _Unreadable(f"{name} is a list of texts")
        try:
            return body.decode("utf-32-le" if kind.str[0] == "<" else "utf-32-be").rstrip("\0")
        except UnicodeDecodeError as error:
            raise _Unreadable(f"{name} is no text") from error
    values = np.frombuffer(body, kind).astype(np.float64)
    return np.ascontiguousarray(values.reshape(shape, order="F" if fortran else "C"))
