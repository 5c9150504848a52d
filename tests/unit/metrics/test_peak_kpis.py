"""What all agents together are to the utility."""

from __future__ import annotations

import pytest

from marketsim.metrics.peak import PeakMetric
from marketsim.testing.records import Deal, slot_record
from marketsim.testing.worlds import community

PEOPLE = community(3)


def metric():
    return PeakMetric(PEOPLE.market, PEOPLE.n_markets)


def summary(*pairs):
    one = metric()
    for record, reference in pairs:
        assert one.observe(record, reference) == {}
    found = one.summary()
    assert set(found) == {kpi.name for kpi in one.definitions}
    return found


def drawing(wh, pv=(0, 0, 0), deals=()):
    return slot_record(PEOPLE, list(wh), list(pv), deals=list(deals))


def test_the_peak_is_that_of_all_together():
    """What one injects another one draws: 900 Wh of load less 300 Wh traded in an hour."""
    peers = [Deal(0, 2, 300, 200_000)]
    found = summary((drawing([900, 0, 0], [0, 0, 300], peers), None))
    assert found["peak_import_kw"] == pytest.approx(0.6)
    assert found["load_factor"] == 1.0
    assert found["peak_reduction"] is None
    assert found["peak_import_kw_grid_only"] is None


def test_the_load_factor_is_mean_over_peak():
    found = summary((drawing([600, 0, 0]), None), (drawing([300, 0, 0]), None), (drawing([0, 0, 0]), None))
    assert found["load_factor"] == pytest.approx(0.5)


def test_it_is_compared_with_the_reference_run():
    found = summary((drawing([300, 0, 0]), drawing([400, 0, 0])), (drawing([300, 0, 0]), drawing([200, 0, 0])))
    assert found["peak_reduction"] == pytest.approx(0.25)
    assert found["load_factor_grid_only"] == pytest.approx(0.75)
    assert found["cooperation_gain"] == pytest.approx(0.0)


def test_nothing_is_made_up_where_nobody_draws_or_shines():
    """Undefined is None, never 0 or 1."""
    found = summary((drawing([0, 0, 0]), drawing([0, 0, 0])))
    assert (found["peak_reduction"], found["load_factor"], found["solar_utilisation"]) == (None, None, None)


def test_solar_utilisation_counts_what_leaves_all_together():
    """Of 1,000 Wh the own load takes 200 and a neighbour 300; the rest is exported or curtailed: half is used."""
    peers = [Deal(1, 0, 300, 200_000)]
    found = summary((drawing([200, 300, 0], [1000, 0, 0], peers), None))
    assert found["solar_utilisation"] == pytest.approx(0.5)


def test_what_is_gained_is_what_is_paid_less():
    """300 Wh from a neighbour in place of the utility at 0.30, and in place of exports at 0.08."""
    peers = [Deal(1, 0, 300, 200_000)]
    together, alone = (drawing([0, 300, 0], [300, 0, 0], deals) for deals in (peers, ()))
    exported = int(alone.exchange.export_wh.sum())
    assert exported in (0, 300)
    gain = summary((together, alone))["cooperation_gain"]
    assert gain == pytest.approx(0.3 * 0.30 - exported / 1000 * 0.08)
