"""A study before it runs: scenario, axes, design, seeds; and the runs that follow from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from marketsim.analysis.studies.axes import Axis
from marketsim.analysis.studies.designs import GRID, MOST_RUNS, Point, points_of
from marketsim.app.ready import load_scenario
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.errors import InputError, Problem, ScenarioError
from marketsim.scenario.tree import shorten

_MOST_CHECKED: Final = 64


class RunSpec(NamedTuple):
    """One run of a study."""

    number: int
    """Position in the table."""
    point: int
    """Position of its values in the design."""
    values: Point
    seed: int


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """What a study is made of; made by ``plan_study``."""

    scenario: ReadyScenario
    axes: tuple[Axis, ...]
    design: str
    samples: int | None
    seeds: tuple[int, ...]
    points: tuple[Point, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """Every varied path."""
        return tuple(path for axis in self.axes for path in axis.paths)

    @property
    def n_runs(self) -> int:
        """Runs of the study."""
        return len(self.points) * len(self.seeds)

    def runs(self) -> Iterator[RunSpec]:
        """All runs in the order of the table: points as the design lists them, within each point the seeds."""
        number = 0
        for position, values in enumerate(self.points):
            for seed in self.seeds:
                yield RunSpec(number, position, values, seed)
                number += 1

    def overrides(self, run: RunSpec) -> dict[str, Any]:
        """What a run changes about the scenario, by path."""
        return {**dict(zip(self.paths, run.values, strict=True)), "seed": run.seed}


def plan_study(
    scenario: ReadyScenario,
    axes: Sequence[Axis],
    *,
    design: str = GRID,
    samples: int | None = None,
    seeds: int | Sequence[int] = 1,
) -> StudyPlan:
    """A plan whose values the scenario accepts; ScenarioError with everything that it does not.

    ``seeds``: how many, counted from the scenario's own, or which.
    """
    chosen = _seeds(scenario.seed, seeds)
    points = points_of(axes, design, samples, scenario.seed)
    if len(points) * len(chosen) > MOST_RUNS:
        message = f"a study has at most {MOST_RUNS:,} runs"
        raise InputError([Problem(message, value=f"{len(points) * len(chosen):,}", hint="use fewer values or seeds")])
    plan = StudyPlan(scenario, tuple(axes), design, samples, chosen, points)
    _check_values(plan)
    return plan


def _seeds(first: int, seeds: int | Sequence[int]) -> tuple[int, ...]:
    chosen = tuple(range(first, first + seeds)) if isinstance(seeds, int) else tuple(seeds)
    if not chosen or len(set(chosen)) < len(chosen):
        hint = "a number from 1, or different seeds as in 3,7,9"
        raise InputError([Problem("a study needs seeds, each once", value=shorten(seeds), hint=hint, file="--seeds")])
    return chosen


def _check_values(plan: StudyPlan) -> None:
    """Validate as few points as hold every value, so that a typing error does not wait for its run.

    Combinations that do not fit together are found by their runs.
    """
    seen: set[tuple[int, str]] = set()
    checked = 0
    problems: dict[Problem, None] = {}
    for values in plan.points:
        new = {(place, repr(value)) for place, value in enumerate(values)} - seen
        if not new or checked >= _MOST_CHECKED:
            continue
        seen |= new
        checked += 1
        try:
            load_scenario(plan.scenario.source, dict(zip(plan.paths, values, strict=True)))
        except ScenarioError as error:
            problems |= dict.fromkeys(problem._replace(file=_as_varied(problem.file)) for problem in error.problems)
    if problems:
        raise ScenarioError(list(problems))


def _as_varied(file: str) -> str:
    return file.replace("--set ", "--vary ", 1) if file.startswith("--set ") else file
