"""Files that figures are written to."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_DRAWN: Final = (".svg", ".pdf", ".png")


def drawable(name: str) -> Path:
    """A file that a figure can be written to; InputError, told before anything is computed, where it is none."""
    from marketsim.core.errors import InputError, Problem

    path = Path(name)
    if path.suffix not in _DRAWN:
        hint = f"let its name end with {', '.join(_DRAWN)}"
        raise InputError([Problem("no kind of figure", value=name, hint=hint, file="--figure")])
    if not path.absolute().parent.is_dir():
        raise InputError([Problem("there is no such folder", value=str(path.parent), file="--figure")])
    return path
