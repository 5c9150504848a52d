"""The source ``simbench_2016``: real shapes of a year, in quarter hours."""

from __future__ import annotations

from marketsim.core.build import BuildContext
from marketsim.profiles.daily import DayProfiles
from marketsim.profiles.library import simbench_library
from marketsim.profiles.params import SimbenchParams
from marketsim.profiles.shapes import ShapeDays


def build(params: SimbenchParams, context: BuildContext) -> DayProfiles:
    """Profiles of all agents from the SimBench year; ProfileError lists every shape that it does not have."""
    libraries = [simbench_library()] * context.community.n_markets
    source = ShapeDays(context, libraries, params, params.days, params.diversification)
    return DayProfiles(context, source, params.forecast.chosen)
