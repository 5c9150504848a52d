"""Every error that marketsim raises on purpose.

::

    MarketsimError                 exit 1
     +-- InputError                exit 2   what the user wrote; carries all problems at once
     |    +-- ScenarioError                 a scenario file or a --set
     |    +-- ProfileError                  a series of the user's own
     |    +-- PluginError                   a plugin that does not fit its hook
     |    +-- OrderError                    orders given to an engine
     |    +-- RunFolderError                a run folder that exists, is missing or unreadable
     |    +-- NetworkError                  a feeder that cannot be used as asked
     |    +-- ImportedDataError             data of others that no scenario can be made of
     |    +-- CheckpointError               a trained policy that is damaged, not ours, or of another scenario
     +-- MissingDependency         exit 2   an extra that is not installed
     +-- RunError                  exit 1   the simulation had to stop
          +-- LawBroken                     an energy, money or priority law does not hold: our fault
          +-- ValidationMismatch            the independent power flow disagrees
          +-- PowerFlowDiverged             firm demand alone has no solution

Only the command line prints; library code raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from marketsim.core.face import OPTIONS, worded
from marketsim.core.plain_text import harmless


class Problem(NamedTuple):
    """One thing that is wrong with an input, as data."""

    message: str
    path: str = ""
    """Dotted path inside the document, e.g. ``agents[2].pv_kw``."""
    value: str = ""
    """What was seen there, shortened."""
    hint: str = ""
    """What to do about it."""
    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        file = worded(self.file) if self.file.startswith(OPTIONS) else self.file
        place = ":".join(str(part) for part in (file, self.line, self.column) if part)
        path = "" if self.path and self.file.endswith(f" {self.path}") else self.path  # "--set PATH" says it already
        head = ": ".join(part for part in (place, path, self.message) if part)
        seen = f" (got {self.value})" if self.value else ""
        hint = f"\n    {worded(self.hint)}" if self.hint else ""
        return harmless(f"{head}{seen}{hint}")


class MarketsimError(Exception):
    """Base of all errors raised on purpose."""

    exit_code = 1


class InputError(MarketsimError):
    """The user's input cannot be used; ``problems`` lists everything that is wrong with it."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem] | str) -> None:
        self.problems: tuple[Problem, ...] = (Problem(problems),) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ScenarioError(InputError):
    """A scenario file or an override is wrong."""


class ProfileError(InputError):
    """A profile series of the user's own is wrong."""


class PluginError(InputError):
    """A plugin cannot be loaded or does not fit its hook."""


class OrderError(InputError):
    """Orders handed to an engine are malformed."""


class RunFolderError(InputError):
    """A run folder exists already, is missing, or cannot be read."""


class NetworkError(InputError):
    """A feeder cannot be used as asked."""


class ImportedDataError(InputError):
    """Data of others cannot be made a scenario."""


class CheckpointError(InputError):
    """A checkpoint is missing, damaged, not ours, of another version, or of another scenario."""


BY_LAW: Final = "; this is a fault of the program"
"""How the message of a broken law ends, unless parts of plugins took part."""
BY_CHECK: Final = ". This is a fault of the program, not of the scenario."
"""The same of power flows that disagree."""


class MissingDependency(MarketsimError):
    """An optional library is not installed."""

    exit_code = 2

    def __init__(self, library: str, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs {library}: pip install 'marketsim[{extra}]'")


class RunError(MarketsimError):
    """The simulation had to stop."""

    suspects: tuple[str, ...] = ()
    """Parts of plugins that may have brought it about, each with its line; the message names them."""


class LawBroken(RunError):
    """A law that holds by construction does not hold: a fault of the program."""


class ValidationMismatch(RunError):
    """The independent power flow disagrees with the gate's own."""


class PowerFlowDiverged(RunError):
    """The power flow of the firm demand alone has no solution."""
