"""The buses and branches that a planner looks for, on numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.results.grid_history import FeederMap, GridHistory
from marketsim.results.worst import branch_table, bus_table, worst_elements

NAN = float("nan")
V_PU = np.array([[1.0, 0.99, 1.06, 1.00], [1.0, 0.89, 1.07, 1.01], [1.0, 0.88, 1.01, 1.02], [1.0, NAN, NAN, NAN]])
LOADING = np.array([[0.5, NAN, 0.2], [1.2, NAN, 0.9], [1.1, NAN, 0.95], [NAN, NAN, NAN]])
BEGINS = np.array(["2016-07-12T00:00", "2016-07-12T00:30", "2016-07-12T01:00", "2016-07-12T01:30"], "datetime64[ms]")
FEEDER = FeederMap(
    name="four",
    buses=("source", "low", "high", "fine"),
    branches=("line a", "link", "trafo"),
    from_node=np.array([0, 1, 2]),
    to_node=np.array([1, 2, 3]),
    is_trafo=np.array([False, False, True]),
    rated=np.array([True, False, True]),
    x=np.arange(4.0),
    y=np.zeros(4),
    geographic=False,
    in_tree=np.ones(3, dtype=bool),
    v_min_pu=np.array([0.9, 0.9, 0.9, 0.9]),
    v_max_pu=np.array([1.05, 1.05, 1.05, 1.05]),
    base_kv=np.array([20.0, 0.4, 0.4, 0.4]),
    limit_a=np.array([200.0, np.inf, 11.5]),
    limit_kva=np.array([138.0, np.inf, 400.0]),
    agents_at=((), (), (), ()),
)


def history(slots: range) -> GridHistory:
    """Half-hours of the four-bus feeder, of which the last has no solution."""
    rows = [slot for slot in slots if slot < len(V_PU)]
    return GridHistory(FEEDER, np.array(rows), V_PU[rows], LOADING[rows], np.zeros((len(rows), 4)), 0.5)


def test_hours_depth_and_extremes_of_buses_are_those_of_the_slots():
    """Low: two half-hours below 0.9, down to 0.88; high: two above 1.05, up to 1.07; the source is no bus of these."""
    table = bus_table(worst_elements(history, 4), BEGINS, None)
    assert table.index.tolist() == ["low", "high", "fine"] or table.index.tolist() == ["high", "low", "fine"]
    low, high, fine = (table.loc[name] for name in ("low", "high", "fine"))
    assert (low.hours_below, low.hours_above, high.hours_below, high.hours_above) == (1.0, 0.0, 0.0, 1.0)
    assert (low.depth_pu, low.depth_v) == (pytest.approx(0.02), pytest.approx(8.0))
    assert (high.depth_pu, high.depth_v) == (pytest.approx(0.02), pytest.approx(8.0))
    assert (low.v_min_pu, low.v_min_v, str(low.v_min_at)) == (0.88, pytest.approx(352.0), "2016-07-12 01:00:00")
    assert (high.v_max_pu, high.v_max_v, str(high.v_max_at)) == (1.07, pytest.approx(428.0), "2016-07-12 00:30:00")
    assert (fine.depth_pu, fine.depth_v, fine.hours_below + fine.hours_above) == (0.0, 0.0, 0.0)
    assert (table.low_pu == 0.9).all()
    assert (table.high_pu == 1.05).all()


def test_loadings_have_hours_amperes_and_kva():
    """What has no rating is not listed; the line is over its limit for an hour, the transformer never."""
    table = branch_table(worst_elements(history, 4), BEGINS, None)
    assert table.index.tolist() == ["line a", "trafo"]
    line, trafo = table.loc["line a"], table.loc["trafo"]
    assert (line.kind, trafo.kind) == ("line", "transformer")
    assert (line.hours_over, trafo.hours_over) == (1.0, 0.0)
    assert (line.loading_percent, line.current_a, line.limit_a) == pytest.approx((120.0, 240.0, 200.0))
    assert (trafo.loading_percent, trafo.power_kva, trafo.limit_kva) == pytest.approx((95.0, 380.0, 400.0))
    assert str(line["at"]) == "2016-07-12 00:30:00"


def test_buses_that_broke_nothing_are_ordered_by_what_is_left():
    """So that the table says something of a feeder within its limits, too: the nearest to a limit first."""
    calm = FEEDER._replace(v_min_pu=np.full(4, 0.5), v_max_pu=np.full(4, 1.2))
    table = bus_table(worst_elements(lambda slots: history(slots)._replace(feeder=calm), 4), BEGINS, 2)
    assert table.index.tolist() == ["high", "fine"]


def test_pieces_of_a_long_run_give_the_same_table(monkeypatch):
    """One slot at a time, and all at once."""
    whole = worst_elements(history, 4)
    monkeypatch.setattr("marketsim.results.worst._FIRST_PIECE", 1)
    monkeypatch.setattr("marketsim.results.worst._MOST_VALUES", 1)
    asked = []

    def seen(slots: range) -> GridHistory:
        asked.append(slots)
        return history(slots)

    pieces = worst_elements(seen, 4)
    assert asked == [range(1), range(1, 2), range(2, 3), range(3, 4)]
    assert bus_table(pieces, BEGINS, None).equals(bus_table(whole, BEGINS, None))
    assert branch_table(pieces, BEGINS, None).equals(branch_table(whole, BEGINS, None))
