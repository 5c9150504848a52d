"""The source ``simbench_2016``: real shapes of a year, in quarter hours."""

from __future__ import annotations

from typing import cast

from marketsim.core.build import BuildContext
from marketsim.core.params import Params
from marketsim.profiles.daily import DayProfiles
from marketsim.profiles.library import simbench_library
from marketsim.profiles.params import SimbenchParams
from marketsim.profiles.shapes import ShapeDays


def build(params: Params, context: BuildContext) -> DayProfiles:
    """Profiles of all agents from the SimBench year; ProfileError lists every shape that it does not have."""
    own = cast(SimbenchParams, params)
    libraries = [simbench_library()] * context.community.n_markets
    source = ShapeDays(context, libraries, own, own.days, own.diversification)
    return DayProfiles(context, source, own.forecast.chosen)
