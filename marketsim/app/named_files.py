"""Files that a scenario names beside tariff and series: are they there? Light: nothing that needs torch or a kernel."""

from __future__ import annotations

from collections.abc import Iterator

from marketsim.app.ready_scenario import ReadyScenario
from marketsim.builtin import SOURCE
from marketsim.core.build import Choice
from marketsim.core.named_file import NamedFile
from marketsim.extension.registry import Registry


def named_files(ready: ReadyScenario) -> Iterator[tuple[str, NamedFile]]:
    """The files that parameters of built-in strategies, engine, sharing, critic and learner name, with the kind."""
    seen = set()
    for kind, choice, at in _choices(ready):
        own = choice.params.files_named(ready.fence, at) if is_built_in(ready.registry, kind, choice.name) else ()
        for each in own:
            if (kind, each.path) not in seen:
                seen.add((kind, each.path))
                yield kind, each


def _choices(ready: ReadyScenario) -> Iterator[tuple[str, Choice, str]]:
    """Parts, and where their parameters stand in the scenario."""
    for agent in ready.agents:
        yield "strategy", agent.strategy, f"agents[{agent.group}].strategy.{agent.strategy.name}"
    market = ready.model.market
    yield "engine", market.engine, f"market.engine.{market.engine.name}"
    yield "sharing", market.sharing, f"market.sharing.{market.sharing.name}"
    yield "critic", ready.model.critic, "critic"
    learner = ready.model.learning.learner
    yield "learner", learner, f"learning.learner.{learner.name}"


def is_built_in(registry: Registry, kind: str, name: str) -> bool:
    """Whether a part comes with the package."""
    return name in registry.names(kind) and registry.entry(kind, name).source == SOURCE
