"""The fence of a scenario: where its relative paths start from, and out of which no file lies that it names.

A scenario may come from a stranger. What it names is looked for, and read, only where it may be; so no message ever
tells what stands in a file elsewhere, or whether there is one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from marketsim.core.errors import InputError, Problem

TRUST: Final = "if the scenario is your own, run it with --trust (in Python: trust=True)"
"""What to do about what only a scenario of one's own may have."""


@dataclass(frozen=True, slots=True)
class Fence:
    """Where the files of a scenario may lie."""

    folder: Path
    """Folder that relative paths start from."""
    within: Path | None
    """Folder out of which no file lies; None: the scenario is trusted, and files lie anywhere."""
    leaves: str = ""
    """The scenario's own word for ``folder``, where that leads out of where it lies: then it has no files at all."""
    own: frozenset[str] = frozenset()
    """Texts that the user gave, not the scenario's file: what they name lies anywhere."""

    @classmethod
    def of(cls, folder: Fence | Path | None) -> Fence:
        """Around a folder, files lie there or below; None: an open one around the current folder."""
        if isinstance(folder, Fence):
            return folder
        return cls(Path(), None) if folder is None else cls(folder, folder)

    @property
    def is_open(self) -> bool:
        """Whether files may lie anywhere."""
        return self.within is None

    def says(self, text: str | None) -> bool:
        """Whether ``text`` is the user's own word, or the whole scenario is."""
        return self.is_open or (text is not None and text in self.own)

    def opened_for(self, text: str) -> Fence:
        """The fence, or an open one where ``text`` is the user's own word."""
        return Fence(self.folder, None) if text in self.own else self

    def from_here(self, text: str) -> str | None:
        """How a file that lies here, in the current folder, is named from the scenario's; None for what the user did not name."""
        if (
            text not in self.own or os.path.isabs(text) or not os.path.exists(text)
        ):  # also for names that no system takes
            return None
        return Path(os.path.relpath(Path(text).resolve(), self.folder.resolve())).as_posix()

    def file(self, named: str | Path, refused: type[InputError], what: str = "the file") -> Path:
        """Where the file (or folder) lies that a scenario names, links followed; there may be none.

        ``refused`` for one that lies outside, before anything there is looked at but links on the way.
        """
        path = self.folder / named
        try:
            found = path.resolve()
            if self.is_open or str(named) in self.own:
                return found
            root = self.within.resolve() if self.within is not None else self.folder
        except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: links in a circle, before Python 3.13
            message = f"{what} cannot be opened: {getattr(error, 'strerror', None) or error}"
            raise refused([Problem(message, file=str(named))]) from error
        if self.leaves:
            message = f"{what} is not looked for: the scenario's folder {self.leaves!r} leads out of where it lies"
            raise refused([Problem(message, file=str(named), hint=TRUST)])
        if not found.is_relative_to(root):
            hint = f"move it below {root}; or, {TRUST}"
            raise refused([Problem(f"{what} lies outside the scenario's folder", file=str(named), hint=hint)])
        return found
