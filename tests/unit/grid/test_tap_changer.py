"""A tap changer rests within its dead band, waits, moves one step between slots, and every solver sees where it stands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.app.ready import load_scenario
from marketsim.app.running import simulate
from marketsim.core.errors import InputError, NetworkError, ScenarioError
from marketsim.grid.tap_changer import Law, RegulatedGate, Regulator

LAW = Law(target_pu=1.0, dead_band_pu=0.02, step=0.0125, lowest=-2, highest=2, delay_slots=1)
DAY = {"clock.slots": 24, "clock.slot_minutes": 60, "output.voltages": True}
CHANGER = {"target_pu": 1.0, "dead_band_pu": 0.015, "delay_slots": 0}


def at(middle: float) -> np.ndarray:
    return np.array([1.04, middle - 0.01, middle + 0.01])


def test_inside_the_dead_band_it_rests() -> None:
    regulator = Regulator(LAW, 0)
    for middle in (1.0, 1.0099, 0.9901, 1.0099):
        regulator.advance(at(middle))
    assert regulator.position == 0


def test_it_waits_and_then_moves_one_step_against_the_deviation() -> None:
    regulator, seen = Regulator(LAW, 0), []
    for _ in range(5):
        regulator.advance(at(1.03))
        seen.append(regulator.position)
    assert seen == [0, -1, -1, -2, -2]


def test_a_change_of_side_starts_the_wait_anew() -> None:
    regulator = Regulator(LAW, 0)
    for middle in (1.03, 0.97, 1.03, 0.97):
        regulator.advance(at(middle))
    assert regulator.position == 0


@given(st.lists(st.floats(0.8, 1.2), max_size=30), st.integers(-2, 2))
def test_it_never_leaves_its_positions_and_moves_a_step_at_most(middles: list[float], start: int) -> None:
    regulator = Regulator(LAW, start)
    for middle in middles:
        before = regulator.position
        regulator.advance(at(middle))
        assert abs(regulator.position - before) <= 1
        assert -2 <= regulator.position <= 2


def test_without_a_solution_it_rests_and_a_bus_can_be_held() -> None:
    regulator = Regulator(LAW._replace(delay_slots=0), 1)
    regulator.advance(np.array([1.0, np.nan, np.nan]))
    assert regulator.position == 1
    one = Regulator(LAW._replace(delay_slots=0, node=2), 0)
    one.advance(np.array([1.0, 1.2, 1.0]))
    assert one.position == 0


@pytest.fixture(scope="module")
def run():
    return simulate(
        load_scenario("scenarios/ieee141.yaml", {**DAY, "grid.source_pu": 1.045, "grid.tap_changer": CHANGER})
    )


def test_a_run_moves_it_and_newton_confirms_every_slot(run) -> None:
    """From a source set too high it steps down; an independent solver agrees on each position."""
    positions = run.slots.tap_position.to_numpy()
    assert positions[0] == 0
    assert positions.min() <= -2
    assert np.abs(np.diff(positions)).max() == 1
    assert run.summary["tap_operations"] == np.abs(np.diff(positions)).sum()
    assert run.summary["validated_slots"] == 24
    assert run.summary["validation_mismatches"] == 0


def test_moves_follow_the_slot_before(run) -> None:
    """Replayed from the table of slots, voltages of each slot give the position of the next."""
    regulator = Regulator(Law(1.0, 0.015, 0.0125, -8, 8, 0), 0)
    for low, high, position in zip(
        run.slots.voltage_min_pu, run.slots.voltage_max_pu, run.slots.tap_position, strict=True
    ):
        assert regulator.position == position
        regulator.advance(np.array([np.nan, low, high]))


def test_the_net_of_a_slot_stands_where_the_changer_stood(run) -> None:
    net = run.net(slot=12)
    position = int(run.slots.tap_position[12])
    assert net.ext_grid.vm_pu.iloc[0] == pytest.approx(1.045 * (1 + 0.0125 * position))
    assert net.res_bus.vm_pu.drop(net.ext_grid.bus).max() == pytest.approx(run.slots.voltage_max_pu[12], abs=1e-7)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ScenarioError, match="start: is no position"):
        load_scenario("scenarios/ieee141.yaml", {"grid.tap_changer": {**CHANGER, "start": 20}})
    with pytest.raises(ScenarioError, match="takes no tap changer"):
        load_scenario("scenarios/ieee141.yaml", {"grid.tap_changer": CHANGER, "grid.gate": "doe_maximal"})
    with pytest.raises(NetworkError, match="serves one market"):
        RegulatedGate(lambda _: None, Regulator(LAW, 0), [], 2)  # type: ignore[arg-type,return-value]
    from marketsim.analysis.contingency.assessment import contingencies

    with pytest.raises(InputError, match="holds the voltage of the source"):
        contingencies(load_scenario("scenarios/ieee141.yaml", {**DAY, "grid.tap_changer": CHANGER}))
