"""The benchmark of readers: the rules, and language models by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from marketsim.app.expert_writing import RULES, AskingReader, RuleReader, asked_interviewer
from marketsim.experts.workflow.benchmark import ReadDescription, read_all
from marketsim.experts.workflow.params import ReadingParams
from marketsim.extension.registry import Registry


def benchmarked(
    readers: Mapping[str, ReadingParams],
    first: int,
    registry: Registry | None = None,
    progress: Callable[[int, int, str], object] | None = None,
) -> dict[str, list[ReadDescription]]:
    """What the rules and each model make of the first descriptions, by reader."""
    found = {RULES: list(read_all(RuleReader(), first, progress))}
    for name, params in readers.items():
        with asked_interviewer(params, registry) as interviewer:
            found[name] = list(read_all(AskingReader(interviewer), first, progress))
    return found
