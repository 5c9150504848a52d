"""Processes of this program's own: they import what this one imports, and nothing from the folder that they run in.

Python puts the current folder on its path for ``python -m``; in a stranger's folder a file called ``torch.py`` would be
imported for the library of that name.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

_ROOT: Final = str(Path(__file__).resolve().parents[2])
"""Folder that holds the package: a clone, or where packages are installed."""


def module_command(module: str) -> list[str]:
    """The command that runs one of the package's modules."""
    return [sys.executable, "-P", "-m", module]


def module_environment() -> dict[str, str]:
    """The environment of that command: this process's own, with its path of imports less the current folder."""
    entries = [os.path.abspath(entry) if entry else _ROOT for entry in sys.path]
    if _ROOT not in entries:
        entries.insert(0, _ROOT)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(entries))}


def forget_current_folder() -> None:
    """Take the current folder off the path where ``python -m`` has put it; a path that the user gave stays."""
    if not sys.flags.safe_path and sys.path and sys.path[0] in ("", os.getcwd()):
        del sys.path[0]
