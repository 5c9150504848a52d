"""Shapes of a year, by kind and name."""

from __future__ import annotations

import difflib
import io
from collections.abc import Callable, Mapping
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

    def __init__(self, kinds: Mapping[str, tuple[str, ...]], shape_of: Callable[[str], FloatArray]) -> None:
        """``shape_of`` a name raises KeyError where there is none."""
        self._kinds = dict(kinds)
        self._shape_of = shape_of

    def names(self, kind: str) -> tuple[str, ...]:
        """Names of a kind, in order; ``load`` for everything that can be one. KeyError if there is no such kind."""
        if kind == "load":
            return tuple(name for part in LOAD_KINDS for name in self._kinds.get(part, ()))
        return self._kinds[kind]

    def shape(self, name: str) -> FloatArray:
        """The year of a shape [366, 96]; KeyError if there is none."""
        return self._shape_of(name)

    def closest(self, kind: str, name: str) -> str:
        """What to write instead of the unknown ``name``."""
        known = self.names(kind)
        close = difflib.get_close_matches(name, known, n=1)
        return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known)}"


@cache
def simbench_library() -> Library:
    """The SimBench year that ships with the package; see ``extract_simbench`` for what it holds."""
    # read whole: an open file would be shared with forked processes
    content = (resources.files("marketsim.profiles") / "data" / _FILE).read_bytes()
    packed = np.load(io.BytesIO(content), allow_pickle=False)
    members: dict[str, str] = {}
    kinds: dict[str, tuple[str, ...]] = {}
    for member in packed.files:
        kind, _, name = member.partition("/")
        members[name] = member
        kinds[kind] = (*kinds.get(kind, ()), name)

    @cache
    def unpacked(name: str) -> FloatArray:
        shape: FloatArray = (packed[members[name]] / FULL_SCALE).reshape(DAYS, STEPS_PER_DAY)
        frozen(shape)
        return shape

    return Library(kinds, unpacked)


def shape_names(kind: str) -> tuple[str, ...]:
    """Names of the SimBench shapes of a kind: ``load`` (all that can be one), ``household``, ``pv``, ``heat``, ..."""
    return simbench_library().names(kind)
