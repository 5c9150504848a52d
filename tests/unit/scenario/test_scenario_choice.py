"""Parts chosen by name, and their parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import Field, model_validator

from marketsim.core.build import Choice
from marketsim.core.errors import PluginError, Problem
from marketsim.core.params import Params
from marketsim.scenario.choice import Unchecked, validate_params, written
from marketsim.scenario.problems import InvalidValue

Problems = Callable[..., list[Problem]]


class Nested(Params):
    level: int = Field(default=1, ge=1)
    flag: bool = False


class Sample(Params):
    number: float
    pair: tuple[float, float] = (0.0, 1.0)
    nested: Nested = Nested()
    either: float | Nested | None = None


class Lenient(Params):
    """Takes a bare number for its pair, as models with a ``before`` validator do."""

    pair: tuple[float, float]
    count: int = 1

    @model_validator(mode="before")
    @classmethod
    def _alone(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {"pair": [value, value]}


class Holder(Params):
    lenient: Lenient


def refused(model: type[Params], raw: object) -> dict[tuple[str | int, ...], str]:
    with pytest.raises(InvalidValue) as caught:
        validate_params(model, raw)
    return {detail.loc: detail.message for detail in caught.value.details}


def test_lists_serve_as_tuples_and_whole_numbers_as_numbers() -> None:
    """Plain data is enough to fill a model."""
    assert validate_params(Sample, {"number": 5, "pair": [1, 2]}) == Sample(number=5.0, pair=(1.0, 2.0))


@pytest.mark.parametrize(
    ("raw", "loc", "message"),
    [
        ({"number": "5"}, ("number",), "must be a number"),
        ({"number": True}, ("number",), "must be a number"),
        ({"number": 1, "nested": {"level": 1.5}}, ("nested", "level"), "must be a whole number"),
        ({"number": 1, "nested": {"flag": 1}}, ("nested", "flag"), "must be true or false"),
        ({"number": 1, "nested": {"level": 0}}, ("nested", "level"), "must be at least 1"),
        ({"number": 1, "pair": [1]}, ("pair", 1), "is missing"),
        ({"number": 1, "pair": 3}, ("pair",), "must be a list"),
        ({}, ("number",), "is missing"),
    ],
)
def test_values_are_not_converted(raw: object, loc: tuple[str | int, ...], message: str) -> None:
    """Text is no number, and no number is a truth value."""
    assert refused(Sample, raw) == {loc: message}


def test_alternatives_are_one_problem_at_the_written_path() -> None:
    """Branches of a union do not show in the path, and their messages are joined."""
    found = refused(Sample, {"number": 1, "either": "x"})
    assert found == {("either",): "must be a number, or be a mapping of keys to values"}


def test_models_that_rewrite_their_input_still_take_lists() -> None:
    """Behind a ``before`` validator a list is a tuple, and text is still no number."""
    assert validate_params(Holder, {"lenient": 3.0}).lenient.pair == (3.0, 3.0)  # type: ignore[attr-defined]
    assert validate_params(Holder, {"lenient": {"pair": [1, 2]}}).lenient.count == 1  # type: ignore[attr-defined]
    assert refused(Holder, {"lenient": {"pair": [1, 2], "count": "3"}}) == {
        ("lenient", "count"): "must be a whole number"
    }


@pytest.mark.parametrize(
    ("engine", "expected"),
    [
        ("pool", "pool"),
        ("{pool: {}}", "pool"),
        ("{pool: }", "pool"),
        ("{double_auction: {rounds: 3}}", "double_auction"),
    ],
)
def test_ways_to_choose(load: Any, minimal: str, engine: str, expected: str) -> None:
    """A bare name, or the name as the only key."""
    scenario = load(f"{minimal}market: {{engine: {engine}}}\n").scenario
    assert scenario.market.engine.name == expected


@pytest.mark.parametrize(
    ("section", "path", "message", "hint"),
    [
        ("market: {engine: pol}", "market.engine", "no engine of this name", "did you mean pool?"),
        ("market: {engine: zzz}", "market.engine", "no engine of this name", "there are: double_auction, pool"),
        ("market: {engine: {pool: {}, rounds: 1}}", "market.engine", "keys pool, rounds", "below its name"),
        ("market: {engine: [pool]}", "market.engine", "must name one engine", "write its name"),
        ("market: {engine: {pool: 5}}", "market.engine.pool", "mapping of parameters", ""),
        ("market: {rounds: 3}", "market.rounds", "unknown key", "belongs to the engine"),
        ("critic: {knd: rule}", "critic.knd", "unknown key", "did you mean kind?"),
        ("critic: {kind: 5}", "critic.kind", "must name one critic", "one of rule, ollama"),
        ("critic: {kind: olama}", "critic.kind", "no critic of this name", "did you mean ollama?"),
        ("critic: {kind: ollama, every: 0}", "critic.every", "must be at least 1", ""),
        ("critic: 5", "critic", "must name one critic", "one of rule, ollama"),
        ("profiles: {source: synthetic, pv_skale: 1}", "profiles.pv_skale", "unknown key", "did you mean pv_scale?"),
        ("metrics: [jane]", "metrics[0]", "no metric of this name", "did you mean jain?"),
    ],
)
def test_wrong_choices(problems: Problems, minimal: str, section: str, path: str, message: str, hint: str) -> None:
    """Every wrong choice is explained at its own path, on its own line."""
    (problem,) = problems(f"{minimal}{section}\n")
    assert problem.path == path
    assert message in problem.message
    assert hint in problem.hint
    assert problem.line == 5


@pytest.mark.parametrize("section", ["profiles: {pv_scale: 2}", "profiles: {source: null, pv_scale: 2}"])
def test_parameters_without_a_name_are_those_of_the_default_part(load: Any, minimal: str, section: str) -> None:
    """A scenario that never named its source can have the source's parameters set, in the file and from outside."""
    for found in (load(f"{minimal}{section}\n"), load(minimal, {"profiles.pv_scale": 2})):
        assert (found.scenario.profiles.name, found.scenario.profiles.params.pv_scale) == ("simbench_2016", 2)
    assert load(minimal, {"critic.kind": None}).scenario.critic.name == "rule"


def test_parts_keep_their_parameters(load: Any, minimal: str) -> None:
    """Parameters are validated objects of the part's own model."""
    scenario = load(f"{minimal}critic: {{kind: ollama, model: x}}\n").scenario
    assert scenario.critic.name == "ollama"
    assert scenario.critic.params.model == "x"
    assert written(scenario.tariff) == {"flat": {"retail": 0.3, "feed_in": 0.08}}


def test_broken_models_of_plugins_are_problems(problems: Problems, catalog: Any, minimal: str) -> None:
    """What the catalogue cannot deliver is reported where the part is chosen."""

    class Broken(type(catalog)):  # type: ignore[misc]
        def params(self, kind: str, name: str) -> type[Params]:
            if kind == "tariff":
                raise PluginError("the model cannot be imported")
            return super().params(kind, name)  # type: ignore[no-any-return]

    (problem,) = problems(minimal, catalog=Broken())
    assert (problem.path, problem.message) == ("tariff", "the model cannot be imported")


def test_names_of_unloaded_plugins_are_passed_over(load: Any, minimal: str) -> None:
    """Without plugin code unknown names are listed, and their parameters kept as they are."""
    text = f"{minimal}market: {{engine: {{mine: {{x: [1, a]}}}}}}\n"
    loaded = load(text, tolerant=True)
    assert loaded.unchecked == ("engine mine",)
    engine = loaded.scenario.market.engine
    assert isinstance(engine, Choice)
    assert isinstance(engine.params, Unchecked)
    assert written(engine) == {"mine": {"x": [1, "a"]}}
