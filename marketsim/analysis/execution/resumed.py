"""Evaluations that go on where they were stopped: only with what they began with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from marketsim.core.errors import Problem, RunFolderError


def demand_same(path: Path, found: Mapping[str, Any], facts: Mapping[str, Any], of_the_design: Sequence[str]) -> None:
    """RunFolderError where the manifest at ``path``, which says ``found``, differs from ``facts`` in one ``of_the_design``."""
    hint = "resume with the options that it began with, or choose another --out"
    problems = [
        Problem("the evaluation there is another one", name, repr(found.get(name)), hint, str(path))
        for name in of_the_design
        if found.get(name) != facts[name]
    ]
    if problems:
        raise RunFolderError(problems)
