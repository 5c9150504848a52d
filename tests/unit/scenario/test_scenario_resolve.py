"""From groups to agents."""

from __future__ import annotations

from collections.abc import Callable
from statistics import mean
from typing import Any

import pytest

from marketsim.core.build import AgentSpec
from marketsim.core.errors import Problem, ScenarioError
from marketsim.scenario.facts import FeederFacts
from marketsim.scenario.load import Loaded
from marketsim.scenario.resolve import resolve

Load = Callable[..., Loaded]
Problems = Callable[..., list[Problem]]

HEAD = {"clock": {"start": "2016-07-12"}, "tariff": {"flat": {"retail": 0.3}}, "grid": {"feeder": "feeder141"}}
GROUP = {"kind": "prosumer", "count": 40, "buses": ["48", "78"], "pv_kw": {"uniform": [200, 800]}}


def scenario(*agents: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**HEAD, "agents": list(agents), **more}


@pytest.fixture
def agents(load: Load) -> Callable[..., tuple[AgentSpec, ...]]:
    return lambda *entries, **more: load(scenario(*entries, **more)).agents


def test_numbers_are_drawn_within_their_law(agents: Any) -> None:
    """Forty draws lie within the bounds, differ, and have about the mean."""
    drawn = [agent.pv_kw for agent in agents(GROUP)]
    assert all(200 <= each <= 800 for each in drawn)
    assert len(set(drawn)) == 40
    assert mean(drawn) == pytest.approx(500, abs=100)


def test_same_seed_same_agents_another_seed_others(agents: Any) -> None:
    """The seed decides every draw."""
    assert agents(GROUP, seed=3) == agents(GROUP, seed=3)
    assert agents(GROUP, seed=3) != agents(GROUP, seed=4)


def test_groups_do_not_disturb_each_other(agents: Any) -> None:
    """A group behind, another key or a larger count leaves the draws of the first agents as they were."""
    alone = agents(GROUP)
    with_other = agents(GROUP, {**GROUP, "count": 3})
    with_key = agents({**GROUP, "inverter_kva": {"uniform": [1, 2]}})
    larger = agents({**GROUP, "count": 41})
    assert [agent.pv_kw for agent in with_other[:40]] == [agent.pv_kw for agent in alone]
    assert [agent.pv_kw for agent in with_key] == [agent.pv_kw for agent in alone]
    assert larger[:40] == alone
    assert with_other[40].pv_kw != alone[0].pv_kw


def test_named_groups_keep_their_draws_wherever_they_stand(agents: Any) -> None:
    """The name of a group, not its place, is the name of its random stream."""
    named = {**GROUP, "name": "roofs"}
    first = agents(named, {"kind": "consumer", "bus": 48})
    last = agents({"kind": "consumer", "bus": 48}, named)
    assert [agent.pv_kw for agent in first[:40]] == [agent.pv_kw for agent in last[1:]]


def test_keys_are_drawn_independently(agents: Any) -> None:
    """Two keys of a group with the same law have different numbers."""
    found = agents({**GROUP, "inverter_kva": {"uniform": [200, 800]}})
    assert all(agent.pv_kw != agent.inverter_kva for agent in found)


def test_names_are_unique_and_pass_over_taken_ones(agents: Any) -> None:
    """Unnamed agents are numbered by kind, members of a group behind its name."""
    found = agents(
        {"kind": "prosumer", "count": 2, "bus": "48"},
        {"kind": "prosumer", "name": "prosumer-3", "bus": "48"},
        {"kind": "prosumer", "bus": "48"},
        {"kind": "consumer", "bus": "48"},
        {"kind": "consumer", "name": "flat", "count": 2, "bus": "48"},
    )
    names = [agent.name for agent in found]
    assert names == ["prosumer-1", "prosumer-2", "prosumer-3", "prosumer-4", "consumer-1", "flat-1", "flat-2"]
    assert [agent.group for agent in found] == [0, 0, 1, 2, 3, 4, 4]


def test_names_that_meet_are_refused(problems: Problems) -> None:
    """Two agents of one name are a problem of the second."""
    group = {"kind": "consumer", "name": "flat", "count": 2, "bus": 48}
    (problem,) = problems(scenario(group, {"kind": "consumer", "name": "flat-2", "bus": 48}))
    assert problem.path == "agents[1].name"
    assert "agents[0]" in problem.message


def test_buses_are_assigned_in_turn(agents: Any) -> None:
    """A list is walked round; ``loads`` is the list of the feeder."""
    assert [agent.bus for agent in agents({**GROUP, "count": 3})] == ["48", "78", "48"]
    assert [agent.bus for agent in agents({**GROUP, "count": 3, "buses": "loads"})] == ["48", "78", "48"]
    single = agents({"kind": "consumer", "bus": "north"})
    assert [agent.bus for agent in single] == ["north"]


@pytest.mark.parametrize("listed", ["loads", ["48", "78", "99"]])
def test_sampled_buses_are_a_seeded_deck(agents: Any, listed: Any) -> None:
    """Each bus comes up as often as any other, in an order that the seed decides."""
    size = 2 if listed == "loads" else 3
    found = [agent.bus for agent in agents({**GROUP, "count": 10 * size, "buses": {"sample": listed}})]
    assert {found.count(bus) for bus in set(found)} == {10}
    again = [agent.bus for agent in agents({**GROUP, "count": 10 * size, "buses": {"sample": listed}}, seed=2)]
    assert found != again


def test_nominal_load_is_shared_by_those_who_ask(agents: Any) -> None:
    """``peak_kw: feeder`` keeps the feeder's load, whatever the names by which agents find the bus."""
    found = agents(
        {"kind": "consumer", "count": 2, "bus": "78", "load": {"peak_kw": "feeder"}},
        {"kind": "consumer", "bus": "north", "load": {"peak_kw": "feeder"}},
        {"kind": "consumer", "bus": "78", "load": {"peak_kw": 7}},
        {"kind": "consumer", "bus": "48", "load": {"peak_kw": "feeder", "power_factor": "feeder"}},
    )
    assert [agent.load.peak_kw for agent in found] == [20.0, 20.0, 20.0, 7.0, 80.0]
    assert found[4].load.power_factor == pytest.approx(0.8)


def test_load_scale_multiplies_nominal_loads(agents: Any) -> None:
    """``grid.load_scale`` concerns what comes from the feeder."""
    grid = {"feeder": "feeder141", "load_scale": 0.5}
    found = agents({"kind": "consumer", "bus": "48", "load": {"peak_kw": "feeder"}}, grid=grid)
    assert found[0].load.peak_kw == 40.0


@pytest.mark.parametrize(
    ("entry", "path", "message"),
    [
        ({"bus": "99", "load": {"peak_kw": "feeder"}}, "agents[0].load.peak_kw", "no load at bus 99"),
        ({"bus": "78", "load": {"peak_kw": 1, "power_factor": "feeder"}}, "agents[0].load.power_factor", "leading"),
        ({"bus": "nort"}, "agents[0].bus", "no such bus"),
        ({"count": 2, "buses": ["48", "1", "2"]}, "agents[0].buses", "no such bus"),
        ({"count": 2, "buses": {"sample": ["1"]}}, "agents[0].buses", "no such bus"),
    ],
)
def test_what_the_feeder_does_not_have(problems: Problems, entry: dict[str, Any], path: str, message: str) -> None:
    """Buses and loads are held to the feeder's table."""
    (problem,) = problems(scenario({"kind": "consumer", **entry}))
    assert problem.path == path
    assert message in problem.message


def test_near_buses_are_offered(problems: Problems) -> None:
    """A mistyped bus gets the nearest one as a hint."""
    (problem,) = problems(scenario({"kind": "consumer", "bus": "nort"}))
    assert problem.hint == "did you mean north?"


def test_symbols_need_the_feeders_table(problems: Problems, load: Load) -> None:
    """Without the table buses are taken as written, but ``loads`` and ``feeder`` cannot be resolved."""
    assert load(scenario({"kind": "consumer", "bus": "any"}), feeder=None).agents[0].bus == "any"
    (first,) = problems(scenario({"kind": "consumer", "buses": "loads"}), feeder=None)
    (second,) = problems(scenario({"kind": "consumer", "bus": 1, "load": {"peak_kw": "feeder"}}), feeder=None)
    assert (first.path, second.path) == ("agents[0].buses", "agents[0].load.peak_kw")
    bare = FeederFacts({"0": 0}, (), (0.0,), (0.0,))
    (third,) = problems(scenario({"kind": "consumer", "buses": "loads"}), feeder=lambda _: bare)
    assert "no loads" in third.message


def test_devices_are_owned_by_a_share(agents: Any) -> None:
    """About the stated share owns the device; 0 is nobody, 1 everybody; the parameters do not know of it."""
    battery = {"energy_kwh": {"uniform": [5, 15]}, "power_kw": 5}

    def owners(share: float) -> int:
        found = agents({**GROUP, "count": 400, "battery": {**battery, "owner_share": share}})
        return sum("battery" in agent.devices for agent in found)

    assert (owners(0), owners(1)) == (0, 400)
    assert 120 <= owners(0.4) <= 200


def test_null_takes_a_device_away(load: Load) -> None:
    """A scenario laid over another can remove a device."""
    text = scenario({**GROUP, "battery": {"energy_kwh": 1, "power_kw": 1}})
    assert not load(text, {"agents[0].battery": None}).agents[0].devices


def test_parameters_of_parts_are_drawn_and_validated_for_each_agent(agents: Any) -> None:
    """Devices and strategies take distributions; what is fixed is one object for all."""
    battery = {"energy_kwh": {"uniform": [5, 15]}, "power_kw": 5}
    found = agents({**GROUP, "battery": battery, "strategy": {"margin": {"margin": 0.1}}})
    assert len({agent.devices["battery"].energy_kwh for agent in found}) == 40
    assert len({id(agent.strategy.params) for agent in found}) == 1


def test_a_draw_that_a_model_refuses_names_its_law(problems: Problems) -> None:
    """A distribution that fits at its median may fail at a draw: one problem for the whole group."""
    entry = {**GROUP, "strategy": {"margin": {"margin": {"uniform": [0.5, 1.4]}}}}
    (problem,) = problems(scenario(entry))
    assert problem.path == "agents[0].strategy.margin.margin"
    assert problem.message == "must be at most 1"
    assert problem.hint == "drawn from uniform: [0.5, 1.4]"


def test_names_can_be_drawn(agents: Any) -> None:
    """Income class and shapes are chosen among names."""
    found = agents({**GROUP, "income_class": {"choice": ["low", "high"]}, "pv_shape": {"choice": ["a", "b"]}})
    assert {agent.income_class for agent in found} == {"low", "high"}
    assert {agent.pv_shape for agent in found} == {"a", "b"}


def test_incomes_can_be_drawn(agents: Any) -> None:
    """By themselves: what else is drawn stays as it is."""
    plain = agents({**GROUP, "pv_kw": {"uniform": [1, 5]}})
    found = agents({**GROUP, "pv_kw": {"uniform": [1, 5]}, "income": {"choice": [1000, 2200, 4500]}})
    assert {agent.income for agent in found} <= {1000.0, 2200.0, 4500.0}
    assert len({agent.income for agent in found}) > 1
    assert [agent.pv_kw for agent in found] == [agent.pv_kw for agent in plain]
    assert {agent.income for agent in plain} == {None}


def test_limits_and_ratings_reach_the_agent(agents: Any) -> None:
    """Every key of an agent has its place in the specification."""
    (agent,) = agents(
        {
            "kind": "flexible",
            "bus": 48,
            "load": {"shape": "H0", "annual_kwh": 4000, "power_factor": 0.95},
            "pv_kw": 5,
            "inverter_kva": 6,
            "connection_kw": {"import": 10, "export": 7},
        }
    )
    assert (agent.kind, agent.bus, agent.pv_kw, agent.inverter_kva) == ("flexible", "48", 5.0, 6.0)
    assert (agent.import_limit_kw, agent.export_limit_kw) == (10.0, 7.0)
    assert (agent.load.shape, agent.load.annual_kwh, agent.load.peak_kw) == ("H0", 4000.0, None)


def test_resolve_by_itself_raises_without_places(load: Load, feeder: FeederFacts) -> None:
    """The function can be used on a scenario object; its problems then have paths only."""
    valid = load(scenario(GROUP)).scenario
    assert len(resolve(valid, feeder)) == 40
    with pytest.raises(ScenarioError, match=r"^agents\[0\].buses: the feeder has no such bus"):
        resolve(valid, feeder._replace(nodes={"48": 0}))
