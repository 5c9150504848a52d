"""Tap changers rest within their dead band, wait, move one step between slots, and every solver sees where they stand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.app.ready import load_scenario
from marketsim.app.running import simulate
from marketsim.core.errors import InputError, NetworkError, ScenarioError
from marketsim.grid.flow.tap_changer import Law, RegulatedGate, Regulator, at_position, facing_source
from marketsim.grid.net.topology import far_end_is_from
from marketsim.testing.grids import dense_power_flow, tree_network

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
        RegulatedGate(lambda _: None, [Regulator(LAW, 0)], [], 2)  # type: ignore[arg-type,return-value]
    from marketsim.analysis.contingency.assessment import contingencies

    with pytest.raises(InputError, match="holds the voltage of the source"):
        contingencies(load_scenario("scenarios/ieee141.yaml", {**DAY, "grid.tap_changer": CHANGER}))


# --- inside the feeder -----------------------------------------------------------------------------------------------

WAY = {"target_pu": 1.0, "dead_band_pu": 0.01, "delay_slots": 0, "step_percent": 1.0}
AT_LINE = {**WAY, "branch": "line 6-7"}
VILLAGE = {
    "name": "village",
    "clock": {"start": "2016-07-12", "slots": 24, "slot_minutes": 60},
    "grid": {"feeder": "pandapower:create_kerber_landnetz_freileitung_1", "voltage_band_pu": [0.9, 1.1], "gate": "ac"},
    "tariff": {"flat": {"retail": 0.3, "feed_in": 0.08}},
    "profiles": {"source": "simbench_2016"},
    "agents": [{"kind": "prosumer", "count": 13, "buses": "loads", "load": {"annual_kwh": 4_000}, "pv_kw": 12}],
    "output": {"voltages": True},
}


def regulated_feeder141():
    return simulate(
        load_scenario("scenarios/ieee141.yaml", {**DAY, "grid.tap_changer": CHANGER, "grid.regulators": [AT_LINE]})
    )


@pytest.fixture(scope="module")
def line_run():
    """A changer at the source and a regulator at a line, of feeder141."""
    return regulated_feeder141()


@pytest.fixture(scope="module")
def trafo_run():
    """A changer at the transformer of a village full of PV."""
    regulator = {**WAY, "branch": "trafo 1", "dead_band_pu": 0.004, "step_percent": 0.5}
    return simulate(load_scenario(VILLAGE, {"grid.regulators": [regulator]}))


def test_regulators_move_and_newton_confirms_every_slot(line_run, trafo_run) -> None:
    """Each by a step at most; power-grid-model agrees on every setting; all steps are counted."""
    for run, columns in ((line_run, ["tap_position", "tap_position_1"]), (trafo_run, ["tap_position_1"])):
        positions = run.slots[columns].to_numpy()
        moved = np.abs(np.diff(positions, axis=0))
        assert moved[:, -1].max() == 1
        assert run.summary["tap_operations"] == moved.sum() > 0
        assert (run.summary["validated_slots"], run.summary["validation_mismatches"]) == (24, 0)


@pytest.mark.parametrize("which", ["line_run", "trafo_run"])
def test_pandapower_finds_the_same_voltages_at_the_same_taps(which, request) -> None:
    """In each slot in which a regulator stands elsewhere: every bus, to 1e-6 p.u., by ``runpp`` of the slot's net."""
    run = request.getfixturevalue(which)
    feeder = load_scenario(run.scenario_text).feeder
    slots = run.slots.drop_duplicates("tap_position_1").index
    assert len(slots) > 1
    for slot in slots:
        net = run.net(int(slot))
        ours = run.voltages[run.voltages.slot == slot].set_index("bus").v_pu
        theirs = net.res_bus.vm_pu[[bus for bus in net.bus.index if str(bus) in feeder.nodes]].dropna()
        names = [feeder.network.bus_names[feeder.nodes[str(bus)]] for bus in theirs.index]
        assert np.abs(ours[names].to_numpy() - theirs.to_numpy()).max() < 1e-6


def test_the_transformer_of_the_net_stands_at_the_opposite_tap(trafo_run) -> None:
    """A position up is a tap down at the winding towards the source, as pandapower counts."""
    slot = int(trafo_run.slots.tap_position_1.abs().idxmax())
    trafo = trafo_run.net(slot).trafo.iloc[0]
    assert trafo.tap2_pos == -trafo_run.slots.tap_position_1[slot] != 0
    assert (trafo.tap2_side, trafo.tap2_step_percent) == ("hv", 0.5)


def test_the_map_of_a_run_shows_each_slot_at_its_taps(line_run) -> None:
    """States that are solved again for the report are those of the table, wherever the changers stood."""
    history = line_run.grid_history(range(24))
    assert history.v_pu[:, 1:].max(axis=1) == pytest.approx(line_run.slots.voltage_max_pu.to_numpy(), abs=1e-8)
    assert history.v_pu[:, 1:].min(axis=1) == pytest.approx(line_run.slots.voltage_min_pu.to_numpy(), abs=1e-8)


def test_the_same_scenario_moves_them_the_same_way(line_run) -> None:
    again = regulated_feeder141()
    assert again.slots.equals(line_run.slots)


def test_a_position_raises_what_lies_behind_and_nothing_before() -> None:
    """By a dense solution without load: only voltages behind the branch rise, by its share."""
    network = tree_network([0, 1, 2, 1], np.full(4, 0.01 + 0.01j))
    law = Law(1.0, 0.02, 0.01, -8, 8, 0, branch=1)
    v = np.abs(dense_power_flow(at_position(network, [law], (3,)), np.zeros(5, dtype=complex)).v_pu)
    assert v == pytest.approx(np.array([1.0, 1.0, 1 / 0.97, 1 / 0.97, 1.0]))


def test_a_line_that_was_drawn_the_other_way_is_turned_and_stays_the_same() -> None:
    network = tree_network([0, 1, 2], np.full(3, 0.02 + 0.01j))
    backwards = network._replace(
        from_node=np.where(np.arange(3) == 1, network.to_node, network.from_node),
        to_node=np.where(np.arange(3) == 1, network.from_node, network.to_node),
    )
    assert far_end_is_from(backwards).tolist() == [False, True, False]
    turned = facing_source(backwards, 1)
    assert (turned.from_node == network.from_node).all()
    assert (turned.to_node == network.to_node).all()


def test_a_regulator_that_cannot_be_is_refused() -> None:
    """A branch that there is not, two at one, a position that is none: each with its place in the scenario."""
    with pytest.raises(NetworkError, match=r"no such branch \(got line 6-77\)\n    did you mean"):
        simulate(load_scenario("scenarios/ieee141.yaml", {"grid.regulators": [{**AT_LINE, "branch": "line 6-77"}]}))
    with pytest.raises(ScenarioError, match=r"regulators\[1\].branch: has a regulator already"):
        load_scenario("scenarios/ieee141.yaml", {"grid.regulators": [AT_LINE, AT_LINE]})
    with pytest.raises(ScenarioError, match=r"regulators\[0\].start: is no position"):
        load_scenario("scenarios/ieee141.yaml", {"grid.regulators": [{**AT_LINE, "start": 9}]})
    from marketsim.analysis.hosting.capacity import hosting_capacity

    with pytest.raises(InputError, match="every tap"):
        hosting_capacity(load_scenario("scenarios/ieee141.yaml", {"grid.regulators": [AT_LINE]}))
