"""The grid model opened from net power alone is the one that a gate and a record of the same slot would open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandapower
import pytest

import marketsim as ms
from marketsim.app.nets import slot_nets
from marketsim.app.wiring import Built, build
from marketsim.core.grid_model import GridModel
from marketsim.core.records import SlotRecord
from marketsim.core.simulation import Simulation
from marketsim.grid.flow.net_of_slot import Injection

AGREES_PU = 1e-9
AGREES_LOADING = 1e-8
"""Two power flows whose injections differ in the last bit differ so much on branches with next to no impedance."""
RINGS: dict[str, Any] = {
    "name": "rings",
    "clock": {"start": "2016-07-12", "slots": 6, "slot_minutes": 240},
    "grid": {"feeder": "file:rings.json", "voltage_band_pu": [0.95, 1.05], "source_pu": 1.0, "load_scale": 0.5},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
    "profiles": {"source": "simbench_2016", "demand_scale": 0.5, "pv_scale": 3.0},
    "agents": [
        {"kind": "prosumer", "count": 3, "buses": {"sample": "loads"}, "load": {"peak_kw": "feeder"}, "pv_kw": 2000},
        {"kind": "consumer", "count": 5, "buses": {"sample": "loads"}, "load": {"peak_kw": "feeder"}},
    ],
}
STRESS = {"clock.slots": 6, "clock.slot_minutes": 240}
LOW = {**STRESS, "grid.source_pu": 0.98, "profiles.demand_scale": 1.0}
"""The untraded evening breaks the band."""
POWER_KW = {"stress": 300.0, "rings": 4000.0, "village": 3000.0}
"""Of an agent, so that buses leave the band."""
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "unity": ("stress", STRESS),
    "fixed_pf": ("stress", {**STRESS, "grid.reactive": {"fixed_pf": {}}}),
    "broken": ("stress", LOW),
    "volt_var": ("stress", {**STRESS, "grid.reactive": "volt_var"}),
    "low volt_var": ("stress", {**LOW, "grid.source_pu": 0.93, "grid.reactive": {"volt_var": {"q_share": 0.9}}}),
    "limited": ("stress", {**STRESS, "agents[0].connection_kw": {"export": 500, "import": 100}}),
    "rings": ("rings", {}),
    "rings with background": ("rings", {"grid.background": True, "grid.reactive": {"fixed_pf": {}}}),
    "background": ("village", {"grid.background": True, "clock.slots": 4, "clock.slot_minutes": 360}),
}


@pytest.fixture(scope="module")
def rings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with CIGRE's medium-voltage benchmark, every switch closed."""
    folder = tmp_path_factory.mktemp("rings")
    net = ms.feeder("pandapower:create_cigre_network_mv")
    net.switch["closed"] = True
    pandapower.to_json(net, folder / "rings.json")
    return folder


@pytest.fixture
def load(rings: Path, village: Any) -> Any:
    """``load(case)``: the scenario of a case."""

    def read(case: str) -> ms.ReadyScenario:
        scenario, changes = CASES[case]
        source = {
            "stress": "scenarios/stress141.yaml",
            "rings": {**RINGS, "folder": str(rings)},
            "village": village(),
        }[scenario]
        return ms.load_scenario(source, changes)

    return read


def model_of(built: Built) -> GridModel:
    """What the parts of a simulation ask."""
    grid = built.context.grid
    assert grid is not None
    assert grid.model is not None
    return grid.model


def untraded(record: SlotRecord) -> np.ndarray:
    """Net energy before anything trades [n_agents]."""
    place = record.positions
    return np.asarray(place.must_run_wh - place.firm_demand_wh)


def n_voltages(built: Built) -> int:
    """How many margins are those of voltages."""
    assert built.grid is not None
    return 2 * (built.grid.n_nodes - 1)


def records(built: Built) -> Iterator[SlotRecord]:
    """The slots of a run, each while it is the last."""
    yield from Simulation(built.world).run()


Asked = tuple[np.ndarray, np.ndarray]
"""Margins, and the gradients of a few of them."""


def asked_of(model: GridModel, market: int, points: list[np.ndarray]) -> list[Asked]:
    """What a model says of net injections."""
    answers = []
    for point in points:
        margins = model.margins(market, point)
        assert margins is not None
        some = np.arange(0, len(margins), 97)
        answers.append((margins, model.gradient(market, point, some)))
    return answers


def agree(ours: list[Asked], theirs: list[Asked], n_voltages: int) -> None:
    """Voltages to 1e-9 p.u., loadings to 1e-8 of the rating, gradients to a millionth of the largest."""
    for (own, own_slopes), (other, other_slopes) in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(own[:n_voltages], other[:n_voltages], rtol=0.0, atol=AGREES_PU)
        np.testing.assert_allclose(own, other, rtol=0.0, atol=AGREES_LOADING)
        np.testing.assert_allclose(own_slopes, other_slopes, rtol=0.0, atol=1e-6 * np.abs(other_slopes).max())


@pytest.mark.parametrize("case", CASES)
def test_it_is_the_model_of_the_slot(load: Any, case: str) -> None:
    """Margins and gradients are those of the record of the slot, at the untraded state, the last, and between."""
    built, rng = build(load(case)), np.random.default_rng(1)
    model, broken = model_of(built), 0
    for record in records(built):
        firm_wh, net_wh = untraded(record), record.energy.net_wh
        points = [each.astype(np.float64) for each in (firm_wh, net_wh, firm_wh + rng.random() * (net_wh - firm_wh))]
        model.open(record)
        theirs = asked_of(model, 0, points)
        model.open_at(firm_wh, record.opened_kvar)
        agree(asked_of(model, 0, points), theirs, n_voltages(built))
        broken += int((record.grid.firm_v_pu[:, 1:] < 0.95).any())
    assert bool(broken) == (case in ("broken", "low volt_var", "background"))


@pytest.mark.parametrize("case", ["volt_var", "unity", "rings"])
def test_markets_are_opened_side_by_side(load: Any, case: str) -> None:
    """Each of three markets is that of its own record, and asks nothing of its neighbours."""
    built = build(load(case), [1, 2, 3])
    model, n = model_of(built), len(built.context.agents)
    *_, record = list(records(built))[:4]
    model.open(record)
    points = [untraded(record)[market * n : (market + 1) * n].astype(np.float64) for market in range(3)]
    theirs = [asked_of(model, market, [point]) for market, point in enumerate(points)]
    model.open_at(untraded(record), record.opened_kvar)
    for market, point in enumerate(points):
        agree(asked_of(model, market, [point]), theirs[market], n_voltages(built))


@pytest.mark.parametrize("case", ["unity", "broken", "rings", "rings with background", "background"])
def test_margins_are_those_of_pandapower(load: Any, case: str) -> None:
    """At random net powers, without any slot: each bus's distance to the band is ``runpp``'s to 1e-8, and so its sign.

    What the state that is opened breaks by itself may stay, and get worse by 1e-4 p.u. at most.
    """
    ready = load(case)
    built, nets, rng = build(ready), slot_nets(ready), np.random.default_rng(3)
    model, n, hours = model_of(built), len(ready.agents), built.world.clock.slot_hours
    network = built.grid
    assert network is not None
    signs = set()
    for scale in (0.2, 1.0, 3.0):
        kw = rng.uniform(-1.0, 1.0, n) * scale * POWER_KW[CASES[case][0]]
        firm_wh, kvar = np.rint(kw * hours * 1e3).astype(np.int64), rng.uniform(-50, 50, n) * scale
        model.open_at(firm_wh, kvar)
        margins = model.margins(0, firm_wh.astype(np.float64))
        assert margins is not None
        injection = Injection(
            [agent.name for agent in ready.agents],
            [str(agent.bus) for agent in ready.agents],
            firm_wh / hours / 1e3,
            kvar,
        )
        net = nets.net(injection)
        feeder = ready.feeder
        assert feeder is not None
        v = np.full(network.n_nodes, np.nan)
        for bus, v_pu in net.res_bus.vm_pu.dropna().items():
            v[feeder.nodes[str(bus)]] = v_pu
        low, high = network.v_min_pu[1:], network.v_max_pu[1:]
        limits = np.where(v[1:] < low, v[1:] - 1e-4, low), np.where(v[1:] > high, v[1:] + 1e-4, high)
        n_inner = network.n_nodes - 1
        np.testing.assert_allclose(margins[:n_inner], limits[0] - v[1:], rtol=0.0, atol=1e-8)
        np.testing.assert_allclose(margins[n_inner : 2 * n_inner], v[1:] - limits[1], rtol=0.0, atol=1e-8)
        further = firm_wh + 4.0 * firm_wh
        margins = model.margins(0, further)
        if margins is None:
            continue
        moved = nets.net(injection._replace(net_kw=further / hours / 1e3, kvar=kvar + follows(built, firm_wh, further)))
        for bus, v_pu in moved.res_bus.vm_pu.dropna().items():
            node = feeder.nodes[str(bus)]
            if node > 0 and abs(v_pu - limits[0][node - 1]) > 1e-8:
                assert (margins[node - 1] > 0.0) == (v_pu < limits[0][node - 1])
                signs.add(bool(margins[node - 1] > 0.0))
    assert signs == {False, True}


def follows(built: Built, firm_wh: np.ndarray, net_wh: np.ndarray) -> np.ndarray:
    """Reactive power that comes with net energy beyond the untraded state [kvar]."""
    law, moved_kw = built.world.reactive.law, (net_wh - firm_wh) / built.world.clock.slot_hours / 1e3
    return np.asarray(moved_kw * np.where(moved_kw > 0, law.source_kvar_per_kw, law.sink_kvar_per_kw))


@pytest.mark.parametrize("case", ["fixed_pf", "limited", "rings"])
def test_gradients_are_differences_of_margins(load: Any, case: str) -> None:
    """Central differences over 2 kWh agree to 1e-4 of the largest, for voltages, both branch ends and connections."""
    built = build(load(case))
    model, n = model_of(built), len(built.context.agents)
    network, rng = built.grid, np.random.default_rng(5)
    assert network is not None
    model.open_at(np.rint(rng.uniform(-1, 1, n) * 1e5).astype(np.int64), np.zeros(n))
    at = rng.uniform(2, 3, n) * 1e5  # away from the untraded state, where reactive power has a kink
    n_inner, n_grid = network.n_nodes - 1, 2 * (network.n_nodes - 1) + 2 * network.n_branches
    limits = np.array([n_inner - 1, n_inner + 3, 2 * n_inner, n_grid - 2, n_grid, n_grid + n])
    exact = model.gradient(0, at, limits)
    for connection in range(0, n, 3):
        step = np.zeros(n)
        step[connection] = 1_000.0
        above, below = model.margins(0, at + step), model.margins(0, at - step)
        assert above is not None
        assert below is not None
        numeric = (above - below)[limits] / 2_000.0
        limited = np.isfinite(numeric)  # a branch without a rating has no loading
        np.testing.assert_allclose(
            exact[limited, connection] * (numeric[limited] != 0.0),
            numeric[limited],
            atol=1e-4 * np.abs(exact).max(axis=1)[limited].max(),
        )


@pytest.mark.parametrize("limited", [True, False])
def test_without_a_feeder_connections_are_limited(village: Any, limited: bool) -> None:
    """As the record of the slot freezes them; reactive power does not matter. Without limits there is no model."""
    agents = [{key: value for key, value in each.items() if key != "bus"} for each in village()["agents"]]
    if limited:
        agents[0]["connection_kw"] = {"export": 5, "import": 2}
    built = build(ms.load_scenario(village(agents=agents, grid={})))
    if not limited:
        assert built.context.grid is None
        return
    model = model_of(built)
    for record in records(built):
        point = record.energy.net_wh * 2.0
        model.open(record)
        theirs = asked_of(model, 0, [point])
        model.open_at(untraded(record), np.full(len(agents), 1e6))
        (ours,), (other,) = asked_of(model, 0, [point]), theirs
        assert [each.tolist() for each in ours] == [each.tolist() for each in other]


@pytest.mark.parametrize("case", ["unity", "without a feeder"])
def test_a_number_for_every_agent_is_needed(load: Any, village: Any, case: str) -> None:
    """Other shapes are an error that says which."""
    agents = [{key: value for key, value in each.items() if key != "bus"} for each in village()["agents"]]
    agents[0]["connection_kw"] = {"export": 5}
    built = build(load(case) if case == "unity" else ms.load_scenario(village(agents=agents, grid={})))
    model, n = model_of(built), built.world.community.n_agents
    zero = np.zeros(n, dtype=np.int64)
    for firm_wh, kvar, name in ((zero[1:], zero.astype(float), "firm_wh"), (zero, np.zeros((n, 1)), "kvar")):
        with pytest.raises(ValueError, match=rf"{name} has to have the shape \({n},\), an agent each, not"):
            model.open_at(firm_wh, kvar)


@pytest.mark.parametrize("case", ["unity", "volt_var", "rings"])
def test_a_state_without_a_solution_has_no_margins(load: Any, case: str) -> None:
    """What no feeder can carry is None, not a guess, and the next state is as good as ever."""
    built = build(load(case))
    model, n = model_of(built), len(built.context.agents)
    much, none = np.full(n, -(10**10)), np.zeros(n, dtype=np.int64)
    model.open_at(much, np.zeros(n))
    assert model.margins(0, much.astype(np.float64)) is None
    model.open_at(none, np.zeros(n))
    assert model.margins(0, none.astype(np.float64)) is not None
