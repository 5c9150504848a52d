"""Shapes of a year, by kind and name."""

from __future__ import annotations

import difflib
import io
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from typing import Final

import numpy as np

from marketsim.core.arrays import FloatArray, frozen

DAYS: Final = 366
"""Days of the source year, 2016."""
STEPS_PER_DAY: Final = 96
"""Quarter hours of a day."""
STEP_HOURS: Final = 0.25
FULL_SCALE: Final = 65_535
"""Stored steps for 1 p.u."""
LOAD_KINDS: Final = ("household", "commercial", "agricultural", "area", "ev", "heat")
"""Kinds whose shapes can be a load; households come first."""
_FILE: Final = "simbench_2016.npz"


class Library:
    """The shapes of a source; each is a year of quarter hours in p.u. [366, 96], read when first asked for."""

    def __init__(self, kinds: Mapping[str, tuple[str, ...]], shapes: Mapping[str, FloatArray]) -> None:
        self._kinds = dict(kinds)
        self._shapes = shapes

    def names(self, kind: str) -> tuple[str, ...]:
        """Names of a kind, in order; ``load`` for everything that can be one. KeyError if there is no such kind."""
        if kind == "load":
            return tuple(name for part in LOAD_KINDS for name in self._kinds.get(part, ()))
        return self._kinds[kind]

    def shape(self, name: str) -> FloatArray:
        """The year of a shape [366, 96]; KeyError if there is none."""
        return self._shapes[name]

    def closest(self, kind: str, name: str) -> str:
        """What to write instead of the unknown ``name``."""
        known = self.names(kind)
        close = difflib.get_close_matches(name, known, n=1)
        return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"


class _Packed(Mapping[str, FloatArray]):
    """Shapes in the file that ships with the package, unpacked one by one."""

    def __init__(self) -> None:
        # read whole: an open file would be shared with forked processes
        packed = (resources.files("marketsim.profiles") / "data" / _FILE).read_bytes()
        self._file = np.load(io.BytesIO(packed), allow_pickle=False)
        self.members = {member.partition("/")[2]: member for member in self._file.files}
        self._unpacked: dict[str, FloatArray] = {}

    def __getitem__(self, name: str) -> FloatArray:
        if name not in self._unpacked:
            shape = (self._file[self.members[name]] / FULL_SCALE).reshape(DAYS, STEPS_PER_DAY)
            frozen(shape)
            self._unpacked[name] = shape
        return self._unpacked[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.members)

    def __len__(self) -> int:
        return len(self.members)


@cache
def simbench_library() -> Library:
    """The SimBench year that ships with the package; see ``extract_simbench`` for what it holds."""
    packed = _Packed()
    kinds: dict[str, tuple[str, ...]] = {}
    for member in packed.members.values():
        kind, _, name = member.partition("/")
        kinds[kind] = (*kinds.get(kind, ()), name)
    return Library(kinds, packed)


def shape_names(kind: str) -> tuple[str, ...]:
    """Names of the SimBench shapes of a kind: ``load`` (all that can be one), ``household``, ``pv``, ``heat``, ..."""
    return simbench_library().names(kind)
