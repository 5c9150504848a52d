"""Mechanisms side by side: each keeps what it promises, by another power flow than its own."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.analysis.comparators.comparison import MechanismOutcome, as_json, compare, ranks
from marketsim.analysis.comparators.mechanisms import MECHANISMS, chosen, under
from marketsim.analysis.comparators.robustness import ERRORS, Error, really
from marketsim.analysis.trajectory import Trajectory, follow, outside
from marketsim.app.ready import load_scenario
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.errors import InputError
from marketsim.grid.flow.power_flow_check import Validator

DAY = {"clock.slots": 24, "clock.slot_minutes": 60}
"""The stressed day in hours; around noon the feeder has to refuse."""
NOMINAL = ERRORS[0]


@pytest.fixture(scope="module")
def ready() -> ReadyScenario:
    return load_scenario("scenarios/stress141.yaml", DAY)


@pytest.fixture(scope="module")
def outcomes(ready: ReadyScenario) -> dict[str, MechanismOutcome]:
    return {each.mechanism.name: each for each in compare(ready)}


@pytest.fixture(scope="module")
def observed(ready: ReadyScenario) -> Trajectory:
    return follow(under(ready, MECHANISMS["observe"]))


def test_only_the_market_without_a_check_breaks_limits(outcomes: dict[str, MechanismOutcome]) -> None:
    """By its own AC state and by power-grid-model's alike."""
    for name, each in outcomes.items():
        assert (each.violated > 0) == (name == "observe"), name
        assert each.real["nominal"].slots == each.violated, name
        assert each.curtailed_kwh == 0 if name == "observe" else each.curtailed_kwh > 0, name


def test_the_planner_is_first_of_those_that_keep_the_limits(outcomes: dict[str, MechanismOutcome]) -> None:
    """Ranked by welfare; who breaks limits has no rank, whatever it would be worth."""
    placed = dict(zip(outcomes, ranks(list(outcomes.values())), strict=True))
    assert placed["central"] == 1
    assert placed["observe"] is None
    assert outcomes["observe"].welfare > outcomes["central"].welfare
    kept = sorted((each.welfare for each in outcomes.values() if not each.violated), reverse=True)
    assert [outcomes[name].welfare for name in sorted(placed, key=lambda name: placed[name] or 99)[:6]] == kept


def test_efficiency_is_never_above_one_where_limits_are_kept(outcomes: dict[str, MechanismOutcome]) -> None:
    """And the gap to what is possible without limits is that of the same most."""
    for name, each in outcomes.items():
        if name == "observe":
            assert each.efficiency is each.gap is None
        else:
            assert each.efficiency is not None
            assert each.gap is not None
            assert 0.0 < each.efficiency <= 1.0
            assert 0.0 < each.gap < 1.0
    assert outcomes["central"].efficiency > 0.99  # type: ignore[operator]
    assert outcomes["doe_equal"].efficiency > outcomes["ac"].efficiency  # type: ignore[operator]


def test_what_agents_lose_adds_up(outcomes: dict[str, MechanismOutcome]) -> None:
    """Curtailment by agent sums to the total, over owners of PV alone."""
    for each in outcomes.values():
        assert sum(each.curtailed_by_agent.values()) == pytest.approx(each.curtailed_kwh, abs=0.1)
        assert len(each.curtailed_by_agent) == 20


def test_envelopes_keep_a_distance_that_survives_some_errors(outcomes: dict[str, MechanismOutcome]) -> None:
    """The exact gate uses the last of a limit, so a stiffer error hits it more than envelopes of the largest sum."""
    error = "impedance +20 %"
    assert outcomes["doe_maximal"].real[error].caused < outcomes["ac"].real[error].caused
    assert outcomes["ac"].real["load +10 %"].caused == 0, "more load takes up what is injected"


def test_the_trajectory_is_what_the_run_did(ready: ReadyScenario, observed: Trajectory) -> None:
    """Solved again by power-grid-model, its injections give its voltages; its untraded state is the loads' alone."""
    solved = Validator(observed.network).solve(observed.net_kw, observed.kvar)
    np.testing.assert_allclose(solved.v_pu, observed.v_pu, atol=1e-8)
    assert observed.n_slots == ready.model.clock.slots
    assert (observed.firm_kw <= 1e-9).all()
    assert (observed.firm_kw >= -observed.load_kw - 1e-9).all()
    assert (observed.demand_kw >= observed.load_kw).all()
    assert observed.starts[1] == "2016-07-12 01:00"


def test_more_load_lowers_voltages_by_what_it_draws(observed: Trajectory) -> None:
    """A load error changes nodes with load only, and a higher source shifts what is outside upwards."""
    assert really(observed, NOMINAL).slots == int(observed.violated.sum())
    high, low = really(observed, Error("", source=1.01)), really(observed, Error("", source=0.99))
    assert high.deepest_pu > really(observed, NOMINAL).deepest_pu > low.deepest_pu
    assert really(observed, Error("", load=1.1)).deepest_pu < really(observed, Error("", load=0.9)).deepest_pu


def test_no_solution_counts_as_outside(observed: Trajectory) -> None:
    v = observed.v_pu[:2].copy()
    v[1] = np.nan
    assert outside(observed.network, v, observed.loading[:2]).tolist() == [False, True]


def test_central_bids_true_values(ready: ReadyScenario) -> None:
    strategies = {agent.strategy.name for agent in under(ready, MECHANISMS["central"]).agents}
    assert strategies == {"truthful"}
    assert {agent.strategy.name for agent in under(ready, MECHANISMS["ac"]).agents} == {"zero_intelligence"}
    assert {agent.strategy.name for agent in under(ready, MECHANISMS["ac"], truthful=True).agents} == {"truthful"}


def test_unknown_mechanisms_are_all_named() -> None:
    with pytest.raises(InputError, match="did you mean doe_equal") as caught:
        chosen(["ac", "doe_eqal", "nothing"])
    assert len(caught.value.problems) == 2


def test_a_scenario_without_a_feeder_has_nothing_to_compare() -> None:
    with pytest.raises(InputError, match="pilot has none"):
        compare(load_scenario("scenarios/pilot.yaml"), ["ac"])


def test_plain_data_holds_every_mechanism(ready: ReadyScenario, outcomes: dict[str, MechanismOutcome]) -> None:
    plain = as_json(ready, list(outcomes.values()))
    assert [each["name"] for each in plain["mechanisms"]] == list(MECHANISMS)  # type: ignore[attr-defined,index]
    assert plain["scenario"] == "stress141"
