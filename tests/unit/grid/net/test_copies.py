"""A feeder many times behind one source is that feeder many times."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.errors import NetworkError
from marketsim.grid.flow.power_flow_check import Validator
from marketsim.grid.net import feeders, names, pandapower_nets


def test_each_copy_has_the_voltages_of_the_feeder_alone() -> None:
    """Behind a stiff source copies do not know of each other."""
    one, three = feeders.load("feeder141").network, feeders.load("feeder141*3").network
    alone = Validator(one).solve_one(-one.nominal_kw, -one.nominal_kvar)
    load = np.concatenate((one.nominal_kw[:1], np.tile(one.nominal_kw[1:], 3)))
    np.testing.assert_array_equal(three.nominal_kw, load)
    together = Validator(three).solve_one(-three.nominal_kw, -three.nominal_kvar)
    np.testing.assert_allclose(together.v_pu[0, 1:].reshape(3, -1), np.tile(alone.v_pu[0, 1:], (3, 1)), atol=1e-10)
    np.testing.assert_allclose(together.slack_kw, 3 * alone.slack_kw, rtol=1e-10)


def test_buses_are_named_by_copy() -> None:
    """Bus 7 of the second copy is 7@1; the source keeps its name."""
    feeder = feeders.load("feeder141*2")
    assert feeder.network.bus_names[feeder.node("7@1")] == "7@1"
    assert feeder.node("7@1") - feeder.node("7@0") == 140
    assert feeder.node("1") == 0
    assert "copies" in feeder.notes[-1]


@pytest.mark.parametrize("name", ["feeder141*0", "feeder141*x", "feeder141*", "feeder141*1001", "feeder141*-2"])
def test_a_wrong_number_of_copies_is_told(name: str) -> None:
    """Only whole numbers from 1 to 1,000."""
    with pytest.raises(NetworkError, match="number of copies"):
        names.copies(name)


def test_copies_have_no_pandapower_net() -> None:
    """run.net and ms.feeder say so instead of returning one of them."""
    with pytest.raises(NetworkError, match="several copies"):
        pandapower_nets.feeder("feeder141*2")
