"""The benchmark of readers: the rules, and language models by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from marketsim.app.expert_writing import (
    LIBRARY,
    RULES,
    Asked,
    AskingReader,
    RuleReader,
    asked_interviewer,
    workshop,
)
from marketsim.experts.workflow.benchmark import ReadDescription, read_all
from marketsim.experts.workflow.code_benchmark import write_all
from marketsim.experts.workflow.params import ReadingParams
from marketsim.extension.registry import Registry


def benchmarked(
    readers: Mapping[str, ReadingParams],
    first: int,
    registry: Registry | None = None,
    progress: Callable[[int, int, str], object] | None = None,
    *,
    code: bool = False,
) -> dict[str, list[ReadDescription]]:
    """What the rules and each model make of the first descriptions, by reader; with ``code`` what is written for them.

    InputError where code of a model cannot be run on this machine.
    """
    if code:
        return {
            LIBRARY: _codes(Asked(None), first, registry, progress),
            **{name: _codes(Asked(params, True), first, registry, progress) for name, params in readers.items()},
        }
    found = {RULES: list(read_all(RuleReader(), first, progress))}
    for name, params in readers.items():
        with asked_interviewer(params, registry) as interviewer:
            found[name] = list(read_all(AskingReader(interviewer), first, progress))
    return found


def _codes(
    asked: Asked, first: int, registry: Registry | None, progress: Callable[[int, int, str], object] | None
) -> list[ReadDescription]:
    with workshop(asked, lambda *_: True, None, registry) as shop:
        return list(write_all(shop, first, told=progress))
