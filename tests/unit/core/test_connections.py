"""The optimum where connections alone are limited."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.connections import ConnectionModel, has_limits
from marketsim.core.grid_model import GridModel
from marketsim.testing.records import slot_record
from marketsim.testing.worlds import community

PEOPLE = community(2)._replace(import_limit_wh=np.array([100, 2**62]), export_limit_wh=np.array([50, 200]))


def opened(load: list[int]) -> ConnectionModel:
    model = ConnectionModel(PEOPLE)
    model.open(slot_record(PEOPLE, load, [0, 0]))
    return model


def test_it_is_there_only_where_someone_is_limited() -> None:
    assert has_limits(PEOPLE)
    assert not has_limits(community(2))
    assert isinstance(ConnectionModel(PEOPLE), GridModel)


def test_margins_are_shares_of_the_limits_and_firm_demand_widens_them() -> None:
    assert opened([0, 0]).margins(0, np.array([-150.0, 300.0])) == pytest.approx([0.5, -1.0, -4.0, 0.5])
    assert opened([150, 0]).margins(0, np.array([-150.0, 200.0]))[[0, 3]].tolist() == [0.0, 0.0]


def test_the_gradient_is_the_slope_of_the_margins() -> None:
    model, at, limits = opened([0, 0]), np.array([10.0, 20.0]), np.arange(4)
    for agent in range(2):
        step = np.eye(2)[agent]
        slope = (model.margins(0, at + step) - model.margins(0, at - step)) / 2.0
        assert model.gradient(0, at, limits)[:, agent] == pytest.approx(slope, abs=1e-12)


def test_connections_behind_the_last_that_trades_may_be_left_out() -> None:
    """Whoever has no order in a slot is not in the engine's plan, and the last connection may be such a one."""
    model, short, whole = opened([0, 0]), np.array([-150.0]), np.array([-150.0, 0.0])
    assert model.margins(0, short).tolist() == model.margins(0, whole).tolist()
    assert model.gradient(0, short, np.arange(4)).tolist() == model.gradient(0, whole, np.arange(4)).tolist()
