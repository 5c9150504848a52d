from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from marketsim.core.build import LoadSpec
from marketsim.core.errors import ProfileError
from marketsim.profiles.draws import DrawPurpose, agent_keys
from marketsim.profiles.library import Library, simbench_library
from marketsim.profiles.plan import (
    annual_heat_kwh,
    check_shapes,
    component,
    heat_wishes,
    load_wish,
    power_factor_tan,
    pv_wish,
)

Make = Callable[..., object]
YEAR = np.full((366, 96), 0.25)
YEAR[0, 0] = 0.5


def test_a_peak_is_the_largest_value_of_the_year(agent: Make) -> None:
    wish = load_wish(agent(load=LoadSpec(peak_kw=3.0)))
    assert wish.scale_of(YEAR) * YEAR.max() == 3.0


def test_an_annual_energy_is_that_of_the_source_year(agent: Make) -> None:
    wish = load_wish(agent(load=LoadSpec(annual_kwh=4000.0)))
    assert wish.scale_of(YEAR) * YEAR.sum() * 0.25 == pytest.approx(4000.0, rel=1e-12)


def test_an_empty_shape_stays_empty(agent: Make) -> None:
    assert load_wish(agent(load=LoadSpec(peak_kw=3.0))).scale_of(np.zeros((366, 96))) == 0.0


def test_who_states_nothing_has_nothing(agent: Make, context: Make) -> None:
    bare = agent(load=LoadSpec(shape="H0-A"))
    assert (load_wish(bare), pv_wish(bare), heat_wishes(context([bare]))) == (None, None, [None])


def test_heat_is_that_of_the_heat_pump(agent: Make, context: Make, heat_pump: Make) -> None:
    own = agent(devices={"heat_pump": heat_pump(annual_heat_kwh=9000.0)})
    none, wish = heat_wishes(context([agent("b"), own], seeds=(1, 2)))
    assert none is None
    assert wish.scale_of(YEAR) * YEAR.sum() * 0.25 == pytest.approx(9000.0, rel=1e-12)


def test_heat_of_several_fleets_adds_up(agent: Make, context: Make, heat_pump: Make) -> None:
    """A device of a plugin may cover heat as well, whatever its name and parameters are."""
    one = context([agent(devices={"heat_pump": heat_pump(annual_heat_kwh=9000.0)})])
    (pump,) = one.fleets
    assert annual_heat_kwh(replace(one, fleets=(pump, replace(pump, name="boiler")))) == [18_000.0]


def test_reactive_power_follows_the_power_factor(agent: Make, context: Make) -> None:
    factors = [1.0, 0.95, 0.85]
    agents = [agent(f"a{row}", load=LoadSpec(peak_kw=1, power_factor=pf)) for row, pf in enumerate(factors)]
    tan = power_factor_tan(context(agents, seeds=(1, 2)))
    np.testing.assert_allclose(tan, np.tile([0.0, 0.328684, 0.619744], 2), atol=1e-6)


def test_unknown_shapes_are_all_reported_with_what_was_meant(agent: Make) -> None:
    agents = [
        agent("a0", load=LoadSpec(shape="H0-AA", peak_kw=1.0)),
        agent("a1", load=LoadSpec(shape="H0-AA", peak_kw=1.0)),
        agent("a2", group=1, load=LoadSpec(shape="PV1", peak_kw=1.0), pv_kw=3.0, pv_shape="PV9"),
    ]
    with pytest.raises(ProfileError, match="did you mean 'H0-A'") as caught:
        check_shapes(agents, simbench_library())
    assert [problem.path for problem in caught.value.problems] == [
        "agents[0].load.shape",
        "agents[1].load.shape",
        "agents[1].pv_shape",
    ]


def test_known_shapes_are_no_problem(agent: Make) -> None:
    check_shapes([agent(load=LoadSpec(shape="G1-B", peak_kw=1.0), pv_shape="PV4")], simbench_library())


def test_agents_without_a_shape_get_all_household_shapes(agent: Make, context: Make) -> None:
    whole = context([agent(f"a{row}") for row in range(60)])
    part = component(
        whole,
        [simbench_library()],
        agent_keys(whole.streams, whole.community),
        [load_wish(spec) for spec in whole.agents],
        "household",
        DrawPurpose.LOAD_SHAPE,
    )
    assert len(part.years) == 5
    assert set(part.row.tolist()) == set(range(5))


def test_markets_may_have_libraries_of_their_own(agent: Make, context: Make) -> None:
    pair = context([agent()], seeds=(1, 2))
    low, high = np.full((366, 96), 0.5), np.full((366, 96), 1.0)
    libraries = [Library({"household": ("one",)}, {"one": year}.__getitem__) for year in (low, high)]
    wishes = [load_wish(spec) for spec in pair.agents]
    part = component(
        pair, libraries, agent_keys(pair.streams, pair.community), wishes, "household", DrawPurpose.LOAD_SHAPE
    )
    assert part.row.tolist() == [0, 1]
    assert part.scale_kw[0] == 2 * part.scale_kw[1]
