"""Where in the code of others an error came from."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Final

_LONGEST: Final = 4_000
"""Letters of a message that are told."""
_PACKAGE: Final = str(Path(__file__).resolve().parent.parent)


def is_foreign(file: str) -> bool:
    """Whether a file is outside the package."""
    return not file.startswith((_PACKAGE, "<frozen"))


def raised_by_package(error: BaseException) -> bool:
    """Whether the line that raised an error is one of the package."""
    frames = traceback.extract_tb(error.__traceback__)
    return bool(frames) and not is_foreign(frames[-1].filename)


def place_of(error: BaseException, own_file: str = "") -> tuple[str, int]:
    """Last file and line of ``own_file`` that the error passed, else of any code outside the package; ("", 0): none."""
    frames = [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)]
    own = [frame for frame in frames if frame[0] == own_file]
    foreign = [frame for frame in frames if is_foreign(frame[0])]
    return (own or foreign or [(own_file, 0)])[-1]


def said(error: BaseException) -> str:
    """``Type: message`` of an error that may be a stranger's: also where its message fails, or no file could hold it."""
    try:
        text = str(error)
    except Exception as worse:
        text = f"its message cannot be made ({type(worse).__name__})"
    text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
    return f"{type(error).__name__}: {text.encode('utf-8', 'backslashreplace').decode()}"


def told(error: BaseException) -> str:
    """The error with its place, ``Type: message (file:line)``; without a place where only the package ran."""
    file, line = place_of(error)
    return f"{said(error)}{f' ({file}:{line})' if line else ''}"
