"""What an evaluation of controls found: estimates of every arm, and paired comparisons.

Bootstrap over seeds, then over the months of the days that were played (``analysis.evaluation.statistics``). A control that does
not depend on a seed has the seeds' noise of loads alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from marketsim.analysis.control.arms import BOUND, CLONE, CLONE_CURVE, IDLE, LEARNED_FROM, TRAINED
from marketsim.analysis.control.days import DayTotals
from marketsim.analysis.control.jobs import ControlResult
from marketsim.analysis.control.measures import JUDGED, MEASURES, ControlMeasure, measure_of
from marketsim.analysis.evaluation.statistics import (
    DRAWS,
    Estimate,
    PairedDifference,
    compare_of,
    estimate_of,
    holm,
)
from marketsim.profiles.parts import DaySplit

COMPARED: Final = {
    CLONE_CURVE: ("rule_volt_var", CLONE),
    "adjoint_imitation": (
        CLONE,
        CLONE_CURVE,
        "adjoint_from_clone",
        "sac_imitation",
        "sac_from_clone",
        "sac",
        "matd3",
        "maddpg",
        "mappo",
    ),
    "adjoint_longer": (CLONE, "adjoint_imitation"),
    "sac_imitation": (CLONE, CLONE_CURVE, "sac_from_clone", "sac", "matd3", "maddpg", "mappo"),
    "sac_imitation_differential": (
        "sac_imitation_attention",
        "sac_imitation",
        "sac_imitation_twofold",
        "sac_imitation_eightfold",
    ),
    "mappo_from_clone": (CLONE,),
    TRAINED: ("rule_volt_var",),
    f"{TRAINED}_volt_var": ("rule_volt_var", TRAINED),
}
"""Arms that are held against others."""


def compared_with(arm: str) -> tuple[str, ...]:
    """Arms that one is held against; clones of other experts: those of the scenario's, inverters by their curve in both."""
    return COMPARED.get(arm, (CLONE_CURVE,) if arm.startswith(LEARNED_FROM) else ())


class ControlPair(NamedTuple):
    """An arm against another one in a measure."""

    arm: str
    other: str
    measure: str
    found: PairedDifference
    p_holm: float
    """Corrected over all pairs; NaN where nothing is corrected."""


class Effort(NamedTuple):
    """What an arm took, means over seeds; NaN where nothing was trained, or nobody counts."""

    train_cpu_s: float
    gradient_steps: float
    agent_steps: float


class ControlsFound(NamedTuple):
    """All arms on the same days."""

    part: DaySplit
    days: int
    seeds: tuple[int, ...]
    estimates: Mapping[str, Mapping[str, Estimate]]
    """By arm and measure."""
    efforts: Mapping[str, Effort]
    pairs: tuple[ControlPair, ...]


def compare_controls(
    results: Mapping[str, Sequence[ControlResult]],
    seeds: Sequence[int],
    part: DaySplit,
    rng_seed: int = 0,
    draws: int = DRAWS,
) -> ControlsFound:
    """Compare arms by their totals by month, one entry a seed, the same seeds in all; idle and bound must be among them."""
    arms = {name: _stacked([each.totals for each in runs]) for name, runs in results.items()}
    idle, bound = arms[IDLE], arms[BOUND]

    def rng() -> np.random.Generator:
        return np.random.default_rng(rng_seed)  # the same draws for all: arms are compared on the same samples

    estimates = {
        name: {
            measure.name: estimate_of(
                lambda found, base, measure=measure: measure.compute(found[0], base, found[1]),  # type: ignore[misc]
                (arm, bound),
                idle,
                rng(),
                draws,
            )
            for measure in MEASURES
        }
        for name, arm in arms.items()
    }

    def compared(measure: ControlMeasure, arm: DayTotals, other: DayTotals) -> PairedDifference:
        return compare_of(
            lambda found, base: measure.compute(found[0], base, found[2]),
            lambda found, base: measure.compute(found[1], base, found[2]),
            (arm, other, bound),
            idle,
            rng(),
            draws,
        )

    found = [
        (name, other, measure, compared(measure_of(measure), arms[name], arms[other]))
        for name in (*COMPARED, *(each for each in arms if each not in COMPARED))
        for other in compared_with(name)
        if name in arms and other in arms
        for measure in JUDGED
    ]
    corrected = holm([each.p for *_, each in found]) if found else []
    pairs = tuple(ControlPair(*each, p) for each, p in zip(found, corrected, strict=True))
    efforts = {name: _effort(runs) for name, runs in results.items()}
    return ControlsFound(part, round(float(idle.days[0].sum())), tuple(seeds), estimates, efforts, pairs)


def _stacked(runs: Sequence[DayTotals]) -> DayTotals:
    """Totals of several seeds [S, months that have days]."""
    played = np.flatnonzero(runs[0].days)
    return DayTotals(*(np.stack([field[played] for field in fields]) for fields in zip(*runs, strict=True)))


def _effort(runs: Sequence[ControlResult]) -> Effort:
    columns = zip(*(each[1:] for each in runs), strict=True)
    return Effort(*(float(np.mean(np.array(column))) for column in columns))
