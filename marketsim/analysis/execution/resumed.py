"""What evaluations share: their folder, what fails in them, and that they go on only with what they began with."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.running import RUNS
from marketsim.core.errors import InputError, Problem, RunFolderError
from marketsim.results.folder import folder_name


class FailedCell(NamedTuple):
    """An arm and seed without a result, or what an arm is played with."""

    arm: str
    seed: int
    reason: str


def demand_folder(out: str | Path | None, *, resume: bool) -> None:
    """InputError where an evaluation is to go on and nobody says which."""
    if resume and out is None:
        raise InputError([Problem("--resume needs the folder of the evaluation", hint="name it with --out DIR")])


def folder_of(ready: ReadyScenario, out: str | Path | None) -> Path:
    """Where an evaluation is written, absolute; by scenario, seed and time where nobody says."""
    named = RUNS / f"evaluate-{folder_name(ready.name, ready.seed, datetime.now())}" if out is None else Path(out)
    return named.absolute()


def resume_command(
    what: Path, overrides: Mapping[str, Any], arms: Sequence[str], folder: Path, more: Sequence[str], *, trust: bool
) -> str:
    """What a user types to go on with an evaluation; ``more`` are words of its own options."""
    words = ["marketsim", "evaluate", str(what)]
    words += [word for path, value in overrides.items() for word in ("--set", f"{path}={value}")]
    words += ["--trust"] if trust else []
    words += ["--arm", ",".join(arms)] if arms else []
    return shlex.join([*words, *more, "--out", str(folder), "--resume"])


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
