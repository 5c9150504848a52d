"""Parameters of strategies, as scenarios write them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from marketsim.agents.params import (
    CoordinatedParams,
    FixedMarginParams,
    LpParams,
    SelfConsumptionParams,
    StorageChoice,
    TruthfulParams,
    UtilityOnlyParams,
    ZipParams,
)


def test_a_policy_by_name_alone_has_its_defaults():
    assert TruthfulParams(storage="lp").storage.lp == LpParams()
    assert TruthfulParams(storage={"lp": {"every": 2}}).storage.lp == LpParams(every=2)


def test_the_reference_runs_stores_on_self_consumption():
    assert UtilityOnlyParams().storage.set_keys == (("self_consumption", SelfConsumptionParams()),)


@pytest.mark.parametrize("storage", [{}, {"idle": {}, "lp": {}}])
def test_exactly_one_policy_is_chosen(storage):
    with pytest.raises(ValidationError, match="choose exactly one of idle, self_consumption, trade, lp"):
        StorageChoice(**storage)


def test_an_unknown_policy_is_refused():
    with pytest.raises(ValidationError, match="magic"):
        TruthfulParams(storage="magic")


@pytest.mark.parametrize("storage", ["idle", "self_consumption", "trade", "lp"])
def test_what_is_written_out_reads_back(storage):
    """The resolved scenario shows every default, and reading it gives the same parameters."""
    params = TruthfulParams(storage=storage)
    assert TruthfulParams.model_validate(params.model_dump(mode="json")) == params


def test_a_store_that_only_sells_is_written_and_the_default_is_not():
    """So that what earlier versions wrote has the same digest."""
    params = TruthfulParams(storage={"trade": {"buys": False}})
    written = params.model_dump(mode="json")
    assert written["storage"]["trade"] == {"buys": False}
    assert TruthfulParams.model_validate(written) == params
    assert TruthfulParams(storage="trade").model_dump(mode="json")["storage"]["trade"] == {}


def test_equal_parameters_are_one_group():
    """Agents with equal parameters share a strategy, so parameters compare and hash by value."""
    assert hash(TruthfulParams(storage="lp")) == hash(TruthfulParams(storage={"lp": {}}))


@pytest.mark.parametrize("margin", [-0.1, 1.1])
def test_a_margin_is_a_share(margin):
    with pytest.raises(ValidationError, match="margin"):
        FixedMarginParams(margin=margin)


@pytest.mark.parametrize("name", ["learning_rate", "momentum", "initial_margin"])
def test_ranges_run_upwards(name):
    with pytest.raises(ValidationError, match=rf"{name} must be \[low, high\] with low <= high"):
        ZipParams(**{name: (0.4, 0.2)})


@pytest.mark.parametrize("every", [0, -1])
def test_a_plan_is_solved_at_least_once_in_a_while(every):
    with pytest.raises(ValidationError, match="every"):
        LpParams(every=every)


@pytest.mark.parametrize("more", [{}, {"objective": "cost", "peak_price": 1.0}, {"objective": "peak"}])
def test_members_agree_on_the_least_cost_alone(more):
    """Nobody is told that a peak is agreed on, which only a programme of all can lower."""
    assert CoordinatedParams(by="consensus", objective="cost").by == "consensus"
    with pytest.raises(ValueError, match="by: consensus goes with objective: cost"):
        CoordinatedParams(by="consensus", **more)
