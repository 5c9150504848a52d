"""A file that parameters name, and what can be said of it before a run. Light: nothing that needs torch or a kernel."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from marketsim.core.errors import CheckpointError, InputError, Problem
from marketsim.core.fence import Fence
from marketsim.core.files import demand_regular

MOST_BYTES: Final = 2**40
"""Of a file that is not read here."""
_ZIP: Final = b"PK\x03\x04"
"""How archives begin, checkpoints and surrogates among them."""


class NamedFile(NamedTuple):
    """A file that a scenario names, and what can be said of it before a run."""

    path: Path
    check: Callable[[], object]
    """Raises InputError where the file cannot be used."""
    whole: bool
    """Whether ``check`` reads all of it; else whether it is there and begins as such a file does."""


def named_checkpoint(fence: Fence, named: str, at: str) -> NamedFile:
    """The checkpoint of a training that a scenario names at ``at``, relative to its folder."""

    def check() -> None:
        path = fence.file(named, CheckpointError, "the checkpoint")
        here = fence.from_here(named)
        hint = (
            "name the file checkpoint.pt in the folder that 'marketsim train' printed"
            if here is None
            else f"a scenario's paths start at its own folder: from there it is {here}"
        )
        absent = Problem("there is no such checkpoint", at, str(path), hint)
        other = Problem("this is no checkpoint of marketsim, or a damaged one", file=str(path))
        demand_archive(path, absent, other, CheckpointError)

    return NamedFile(Path(named), check, whole=False)


def demand_archive(path: Path, absent: Problem, other: Problem, refused: type[InputError]) -> None:
    """``refused`` with ``absent`` unless the file is there, with ``other`` unless it begins as an archive."""
    if not os.path.exists(path):  # also for names that no system takes
        raise refused([absent])
    demand_regular(path, MOST_BYTES, refused)
    with path.open("rb") as file:
        start = file.read(len(_ZIP))
    if start != _ZIP:
        raise refused([other])
