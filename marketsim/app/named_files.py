"""Files that a scenario names beside tariff and series: are they there? Light: nothing that needs torch or a kernel."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from marketsim.agents.params import LearnedParams
from marketsim.app.ready import ReadyScenario
from marketsim.builtin import SOURCE
from marketsim.core.errors import CheckpointError, InputError, Problem
from marketsim.core.fence import Fence
from marketsim.core.files import demand_regular
from marketsim.extension.registry import Registry
from marketsim.fairness.critic_log import log_file, read_log
from marketsim.fairness.params import ReplayCriticParams, SurrogateCriticParams

_MOST_BYTES: Final = 2**40
_ZIP: Final = b"PK\x03\x04"
"""How checkpoints and surrogates begin."""


class NamedFile(NamedTuple):
    """A file that a scenario names, and what can be said of it before a run."""

    what: str
    path: Path
    check: Callable[[], object]
    """Raises InputError where the file cannot be used."""
    whole: bool
    """Whether ``check`` reads all of it; else whether it is there and begins as such a file does."""


def named_files(ready: ReadyScenario) -> Iterator[NamedFile]:
    """The checkpoints of trained strategies and the file of the critic, as far as they are those of built-in parts."""
    seen: set[str] = set()
    if is_built_in(ready.registry, "strategy", "learned"):
        for agent in ready.agents:
            own = agent.strategy.params
            if isinstance(own, LearnedParams) and own.checkpoint not in seen:
                seen.add(own.checkpoint)
                yield _checkpoint(ready.fence, own.checkpoint, f"agents[{agent.group}].strategy.learned.checkpoint")
    critic = ready.model.critic
    if is_built_in(ready.registry, "critic", critic.name):
        if isinstance(critic.params, ReplayCriticParams):
            yield _log(ready.fence, critic.params.file)
        if isinstance(critic.params, SurrogateCriticParams):
            yield _surrogate(ready.fence, critic.params.file)


def is_built_in(registry: Registry, kind: str, name: str) -> bool:
    """Whether a part comes with the package."""
    return name in registry.names(kind) and registry.entry(kind, name).source == SOURCE


def _checkpoint(fence: Fence, named: str, asked_by: str) -> NamedFile:
    def check() -> None:
        path = fence.file(named, CheckpointError, "the checkpoint")
        if not os.path.exists(path):  # also for names that no system takes
            hint = "name the file checkpoint.pt in the folder that 'marketsim train' printed"
            raise CheckpointError([Problem("there is no such checkpoint", path=asked_by, value=str(path), hint=hint)])
        _demand_zip(path, "this is no checkpoint of marketsim, or a damaged one", CheckpointError)

    return NamedFile("checkpoint", Path(named), check, whole=False)


def _surrogate(fence: Fence, named: str) -> NamedFile:
    def check() -> None:
        path = fence.file(named, InputError, "the surrogate")
        hint = "make one with 'marketsim critic train-surrogate critic.jsonl --out FILE'"
        if not os.path.exists(path):  # also for names that no system takes
            raise InputError([Problem("there is no such surrogate", file=str(path), hint=hint)])
        _demand_zip(path, "this is no surrogate", InputError, hint)

    return NamedFile("surrogate", Path(named), check, whole=False)


def _log(fence: Fence, named: str) -> NamedFile:
    def check() -> None:
        place = log_file(fence.file(named, InputError, "the log"))
        demand_regular(place, _MOST_BYTES, InputError)
        if not read_log(place):
            raise InputError([Problem("the log has no critiques", file=str(place))])

    return NamedFile("log of critiques", Path(named), check, whole=True)


def _demand_zip(path: Path, message: str, refused: type[InputError], hint: str = "") -> None:
    demand_regular(path, _MOST_BYTES, refused)
    with path.open("rb") as file:
        start = file.read(len(_ZIP))
    if start != _ZIP:
        raise refused([Problem(message, file=str(path), hint=hint)])
