"""What planning together takes off the peak of the six shipped communities over a year."""

from __future__ import annotations

import pytest

import marketsim as ms
from marketsim.analysis.coordination.days import days_of_a_year
from marketsim.analysis.coordination.study import Plans, compare_ways, totals_of

PAPERS_MOST = 0.726
LOWERED = {
    "base_community": (0.09, 0.10),
    "high_pv": (0.55, 0.65),
    "high_storage": (0.25, 0.55),
    "electrified": (0.40, 0.70),
    "mixed_income": (0.40, 0.62),
    "demand_response": (0.55, 0.62),
}
"""Of the mean of the days' peaks, at least: by the cheapest plan that may spend a thousandth, and by the least peak."""


@pytest.mark.nightly
@pytest.mark.parametrize(("name", "least"), LOWERED.items())
def test_the_peak_is_lowered_by_what_the_page_says(name, least):
    ready = ms.load_scenario(f"scenarios/{name}.yaml")
    found = compare_ways(ready, days_of_a_year(ready), Plans())
    alone, _, *pools = found.ways
    for pool, lowered in zip(pools, least, strict=True):
        total = totals_of(pool, alone, PAPERS_MOST)
        assert total.mean_reduction >= lowered
        assert total.slots_outside == 0
        assert total.solar_utilisation <= 1.0
        assert total.refused_kwh == 0.0
