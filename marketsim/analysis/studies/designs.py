"""Which combinations of values are run: all of them, a Latin hypercube, or a Sobol sequence for indices."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from marketsim.analysis.studies.axes import Axis, Span
from marketsim.core.arrays import FloatArray
from marketsim.core.errors import InputError, MissingDependency, Problem

GRID, LHS, SOBOL = "grid", "lhs", "sobol"
MOST_RUNS: Final = 1_000_000

Point: TypeAlias = tuple[Any, ...]
"""Values of all paths of a study, in their order."""


def points_of(axes: Sequence[Axis], design: str, samples: int | None, seed: int) -> tuple[Point, ...]:
    """The points of a design, in the order in which a table lists them.

    Parameters
    ----------
    axes
        What is varied. A full grid needs values; samples come from a range or, evenly, from a list of values.
    design
        ``grid``: every combination, the last axis fastest. ``lhs``: ``samples`` points, each axis evenly covered.
        ``sobol``: Saltelli's scheme, ``samples`` x (axes + 2) points, from which Sobol's indices follow.
    samples
        Of a sampled design; for Sobol a power of two.
    seed
        Of the scrambling; the same seed gives the same points.

    Raises InputError where design, axes and samples do not fit together.
    """
    if design == GRID:
        _demand_values(axes, samples)
        return tuple(_flat(levels) for levels in itertools.product(*(axis.levels for axis in axes)))
    if samples is None or samples < 1:
        raise _refused(f"a {design} design needs a number of samples", samples, "for example --samples 64")
    unit = _UNITS[design](len(axes), samples, seed)
    return tuple(_flat([_at(axis, share) for axis, share in zip(axes, row, strict=True)]) for row in unit.tolist())


def _demand_values(axes: Sequence[Axis], samples: int | None) -> None:
    for axis in axes:
        if axis.span is not None:
            hint = "say how many values, as in 0:4:9, or sample it with --design lhs"
            raise _refused(f"{axis.label}: a full grid needs values", f"{axis.span.low:g}:{axis.span.high:g}", hint)
    if samples is not None:
        raise _refused("a full grid takes no samples", samples, "leave --samples out, or use --design lhs")


def _flat(levels: Sequence[tuple[Any, ...]]) -> Point:
    return tuple(value for level in levels for value in level)


def _at(axis: Axis, share: float) -> tuple[Any, ...]:
    """What lies at a share of [0, 1) of an axis."""
    if axis.span is None:
        return axis.levels[min(int(share * len(axis.levels)), len(axis.levels) - 1)]
    return (_within(axis.span, share),)


def _within(span: Span, share: float) -> float | int:
    if span.whole:
        return int(span.low + min(int(share * (span.high - span.low + 1)), span.high - span.low))
    return span.low + share * (span.high - span.low)


def _latin_hypercube(dimensions: int, samples: int, seed: int) -> FloatArray:
    from scipy.stats import qmc

    points: FloatArray = qmc.LatinHypercube(dimensions, rng=np.random.default_rng(seed)).random(samples)
    return points


def _saltelli(dimensions: int, samples: int, seed: int) -> FloatArray:
    if samples & (samples - 1):
        raise _refused("the samples of a Sobol design must be a power of two", samples, "for example 64 or 128")
    sobol = import_salib("SALib.sample.sobol")
    with warnings.catch_warnings(action="ignore"):  # about its own numerics; the power of two is checked above
        points: FloatArray = sobol.sample(unit_problem(dimensions), samples, calc_second_order=False, seed=seed)
    return points


_UNITS: Final[Mapping[str, Callable[[int, int, int], FloatArray]]] = {LHS: _latin_hypercube, SOBOL: _saltelli}


def unit_problem(dimensions: int) -> dict[str, Any]:
    """The unit cube, as SALib calls it."""
    names = [f"x{number}" for number in range(dimensions)]
    return {"num_vars": dimensions, "names": names, "bounds": [[0.0, 1.0]] * dimensions}


def import_salib(module: str) -> Any:
    """A module of SALib; MissingDependency without it."""
    import importlib

    try:
        with warnings.catch_warnings(action="ignore"):
            return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependency("SALib", "sensitivity", "a Sobol design") from error


def _refused(message: str, value: object, hint: str) -> InputError:
    return InputError([Problem(message, value="" if value is None else str(value), hint=hint, file="--design")])
