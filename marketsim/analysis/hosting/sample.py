"""Days that stand for a year: drawn by strata from the worst to the best, with the error of what they say of it."""

from __future__ import annotations

import datetime
from typing import Final, NamedTuple

import numpy as np

from marketsim.analysis.hosting.assets import Asset
from marketsim.analysis.hosting.days import DayBlock, YearSeries
from marketsim.core.arrays import FloatArray, IntArray

A_STRATUM: Final = 2
"""Days drawn from each stratum: the fewest that show how days of one differ."""


class YearSample(NamedTuple):
    """Days of a year, and how many each stands for."""

    periods: tuple[DayBlock, ...]
    stratum: IntArray
    """Of each day [n_days]."""
    sizes: IntArray
    """Days of the year in each stratum [n_strata]."""
    year: int

    @property
    def drawn(self) -> IntArray:
        """Days drawn from each stratum [n_strata]."""
        return np.bincount(self.stratum, minlength=len(self.sizes))

    @property
    def weight(self) -> FloatArray:
        """Days of the year that each day stands for [n_days]."""
        return np.asarray((self.sizes / self.drawn)[self.stratum])

    @property
    def name(self) -> str:
        """What it is called in the name of a rule."""
        return "the year" if self.complete else f"the year, by {len(self.periods)} days"

    @property
    def complete(self) -> bool:
        """Whether every day of the year is in it."""
        return len(self.periods) == int(self.sizes.sum())

    @property
    def note(self) -> str:
        """How it was made."""
        if self.complete:
            return f"all {len(self.periods)} days of {self.year}"
        return (
            f"{len(self.periods)} days of {self.year}, drawn by the seed from {len(self.sizes)} strata of about equally many "
            "days in the order of their worst hour"
        )

    def share(self, lost: FloatArray, added: FloatArray) -> tuple[float, float]:
        """Estimated share of the year's energy that is lost, and its standard error; ``lost``, ``added``: a day [n_days].

        The combined ratio estimator of a stratified sample without replacement, by its linearisation (Cochran 1977, Sampling
        Techniques, 3rd edition, section 6.11).
        """
        whole = float(self.weight @ added)
        if whole == 0.0:
            return 0.0, 0.0
        share = float(self.weight @ lost) / whole
        rest = lost - share * added
        drawn = self.drawn
        mean = np.bincount(self.stratum, rest) / drawn
        spread = np.bincount(self.stratum, (rest - mean[self.stratum]) ** 2) / np.maximum(drawn - 1, 1)
        variance = self.sizes * (self.sizes - drawn) / drawn * spread
        return share, float(np.sqrt(variance.sum())) / whole


def sample_of_year(asset: Asset, year: YearSeries, count: int, seed: int) -> YearSample:
    """``count`` (2 or more) days: as many strata as pairs, two days from each, three from the worst if the count is odd.

    Strata hold the days in the order of their worst hour for the asset. All days, each a stratum, where the count is not
    less.
    """
    worst = np.max([score.max(axis=1) for score, _ in year.rankings(asset)], axis=0)
    order = np.argsort(-worst, kind="stable")
    if count >= len(order):
        rows, stratum, sizes = np.arange(len(order)), np.arange(len(order)), np.ones(len(order), dtype=np.int64)
    else:
        strata = np.array_split(order, count // A_STRATUM)
        rng = np.random.default_rng([seed, len(order)])
        drawn = [
            np.sort(
                rng.choice(days, min(A_STRATUM + (count % A_STRATUM if place == 0 else 0), len(days)), replace=False)
            )
            for place, days in enumerate(strata)
        ]
        rows = np.concatenate(drawn)
        stratum = np.repeat(np.arange(len(drawn)), [len(days) for days in drawn])
        sizes = np.array([len(days) for days in strata])
    periods = tuple(DayBlock(year.first + datetime.timedelta(days=int(row)), 1) for row in rows)
    return YearSample(periods, stratum, sizes, year.first.year)
