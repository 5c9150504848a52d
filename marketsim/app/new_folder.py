"""A folder that is there whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from marketsim.core.errors import InputError, Problem
from marketsim.core.files import partial_path

_ELSEWHERE: Final = "choose another --out: nothing is overwritten"


def demand_new_folder(folder: Path, refused: type[InputError]) -> None:
    """``refused`` where a folder cannot be made: something has its name, or its parent is none."""
    if os.path.lexists(folder):
        raise refused([Problem("there is something of that name already", file=str(folder), hint=_ELSEWHERE)])
    if not folder.parent.is_dir():
        raise refused([Problem("there is no such folder", file=str(folder.parent), hint="make it first")])


@contextmanager
def arriving(folder: Path, refused: type[InputError]) -> Iterator[Path]:
    """A folder to write into, which becomes ``folder`` at the end, or vanishes."""
    temporary = partial_path(folder)
    try:
        temporary.mkdir()
        yield temporary
        demand_new_folder(folder, refused)
        temporary.rename(folder)
    except OSError as error:
        raise refused(f"cannot write {folder}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
