"""The model behind the welfare optimum has the right margins and exact gradients."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.app.ready import load_scenario
from marketsim.app.wiring import build
from marketsim.core.simulation import Simulation
from marketsim.grid.flow.ac_model import AcModel

LIMITS_PER_KIND = 3


@pytest.fixture(scope="module")
def opened() -> tuple[AcModel, np.ndarray]:
    """The model at a sunny noon of the stressed feeder, and net injections near those of the slot."""
    ready = load_scenario("scenarios/stress141.yaml", {"clock.slots": 50, "grid.reactive": {"fixed_pf": {}}})
    built = build(ready)
    simulation = Simulation(built.world)
    for record in simulation.run():
        last = record
    network, world = built.grid, built.world
    assert network is not None
    law = world.reactive.law  # type: ignore[attr-defined]
    model = AcModel(
        network,
        world.node_of,
        world.community,
        world.clock.slot_hours,
        law,
    )
    model.open(last)
    return model, last.energy.net_wh.astype(np.float64)


def test_the_slot_as_it_ended_keeps_every_limit(opened: tuple[AcModel, np.ndarray]) -> None:
    """What the exact gate admitted is admissible here too, to the difference of the two solvers."""
    model, net_wh = opened
    margins = model.margins(0, net_wh)
    assert margins is not None
    assert -1e-3 < margins.max() < 1e-6, "the stressed slot stands at a limit"


def test_gradients_are_those_of_the_power_flow(opened: tuple[AcModel, np.ndarray]) -> None:
    """Central differences over 2 kWh agree to 1e-4 of the largest, for voltages and for both branch ends."""
    model, net_wh = opened
    net_wh = net_wh + 5_000.0  # away from the untraded state, where reactive power has a kink
    n_nodes, n_branches = 140, 140
    limits = np.array([86, n_nodes + 50, 2 * n_nodes + 1, 2 * n_nodes + n_branches + 60])
    exact = model.gradient(0, net_wh, limits)
    for connection in (0, 7, 40):
        step = np.zeros(len(net_wh))
        step[connection] = 1_000.0
        above, below = model.margins(0, net_wh + step), model.margins(0, net_wh - step)
        assert above is not None
        assert below is not None
        numeric = (above - below)[limits] / 2_000.0
        np.testing.assert_allclose(exact[:, connection], numeric, atol=1e-4 * np.abs(exact).max(axis=1).max())


def test_a_slot_has_to_be_opened_first(opened: tuple[AcModel, np.ndarray]) -> None:
    """Margins without a slot are an error, not a guess."""
    model, net_wh = opened
    kept, model._slot = model._slot, None
    with pytest.raises(ValueError, match="open a slot first"):
        model.margins(0, net_wh)
    model._slot = kept


def test_what_is_drawn_is_what_the_slot_booked_and_its_slope_that_of_the_power_flow(
    opened: tuple[AcModel, np.ndarray],
) -> None:
    """Central differences over 2 kWh; an injection saves about as much upstream, and losses tell connections apart."""
    model, net_wh = opened
    net_wh = net_wh + 5_000.0
    slope = model.drawn_slope(0, net_wh)
    for connection in (0, 7, 40):
        step = np.zeros(len(net_wh))
        step[connection] = 1_000.0
        above, below = model.drawn_wh(0, net_wh + step), model.drawn_wh(0, net_wh - step)
        assert above is not None
        assert below is not None
        assert slope[connection] == pytest.approx((above - below) / 2_000.0, abs=1e-6)
    assert -1.2 < slope.min() < slope.max() < -0.8
    assert np.ptp(slope) > 1e-3


def test_a_flow_that_turns_gets_the_plain_rating() -> None:
    """A line that loads overload before trade may stay so, and carry its rating the other way.

    Where what is injected behind it overloads it the other way, its margin is what has turned, with its own gradient.
    """
    overrides = {"clock.slots": 1, "grid.line_rating_a": 60, "grid.source_pu": 1.0, "profiles.demand_scale": 0.7}
    built = build(load_scenario("scenarios/stress141.yaml", overrides))
    record = Simulation(built.world).step()
    model = built.context.grid.model  # type: ignore[union-attr]
    assert isinstance(model, AcModel)
    model.open(record)
    before = record.grid.firm_loading[0]
    line = int(np.nanargmax(before))
    assert before[line] > 1.0
    base = (record.positions.must_run_wh - record.positions.firm_demand_wh).astype(np.float64)
    n_nodes = built.grid.n_nodes  # type: ignore[union-attr]
    place = 2 * (n_nodes - 1) + line

    def margin(net_wh: np.ndarray) -> float:
        found = model.margins(0, net_wh)
        assert found is not None
        return float(found[place])

    def injected(times: float) -> np.ndarray:
        behind = base.copy()
        behind[:20] -= times * base.sum() / 20
        return behind

    assert margin(base) == pytest.approx(-1e-3), "as it stood, and 0.1 % more"
    most = injected(2.0)
    assert 0.05 < margin(most) < 0.2
    step = np.zeros(len(most))
    step[3] = 1_000.0
    slope = (margin(most + step) - margin(most - step)) / 2_000.0
    assert slope > 1e-9
    assert model.gradient(0, most, np.array([place]))[0, 3] == pytest.approx(slope, rel=1e-3)
    ways = [injected(times) for times in np.linspace(0.0, 2.0, 41)]
    held = [margin(way) for way in ways]
    model.open(record._replace(grid=record.grid._replace(firm_loading=np.zeros_like(record.grid.firm_loading))))
    plain = [margin(way) for way in ways]
    turns = int(np.argmin(plain))
    assert plain[turns] < -0.1
    assert held[turns + 1 : turns + 3] == pytest.approx(plain[turns + 1 : turns + 3]), (
        "it carries its rating the other way"
    )
    assert held[0] == pytest.approx(plain[0] + 1.0 - (before[line] + 1e-3)), "more than that in its own direction"


def test_a_point_is_solved_once_whatever_is_asked_of_it(
    opened: tuple[AcModel, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Limits, energy and slopes of one point; another point, and another slot, are solved anew."""
    model, net_wh = opened
    solved: list[int] = []
    solve = model._validator.solve_one
    monkeypatch.setattr(model._validator, "solve_one", lambda *given: solved.append(1) or solve(*given))  # type: ignore[func-returns-value]
    first = model.drawn_wh(0, net_wh + 3.0)
    model.drawn_slope(0, net_wh + 3.0)
    assert model.drawn_wh(0, net_wh + 3.0) == first
    assert len(solved) == 1
    assert model.drawn_wh(0, net_wh + 1_000.0) != first
    assert len(solved) == 2
    model._take_over(model._given())
    assert model.drawn_wh(0, net_wh + 1_000.0) != first
    assert len(solved) == 3
