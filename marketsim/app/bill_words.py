"""What lies between the price of a trade and what its sides pay: network charges, or what the engine keeps."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from marketsim.app.ready_scenario import ReadyScenario
from marketsim.builtin import built_in_registry
from marketsim.core.errors import ScenarioError
from marketsim.extension.registry import Registry
from marketsim.results.bill import BOTH, NETWORK_CHARGES, SURPLUS
from marketsim.results.reader import Run
from marketsim.scenario.tree import plain
from marketsim.scenario.yamltext import parse


def between_of(ready: ReadyScenario) -> str:
    """The line's name in a run of a scenario that is loaded."""
    market = ready.model.market
    return _between(ready.registry, market.engine.name, market.charges.name)


def between_of_run(run: Run) -> str:
    """The same of a run from a folder; of engines of plugins nothing is known, since no plugin is loaded."""
    with contextlib.suppress(ScenarioError):  # what it paid stands in its tables, whatever became of its scenario
        document = plain(parse(run.scenario_text, "scenario.yaml"))
        market = document.get("market") if isinstance(document, Mapping) else None
        if isinstance(market, Mapping):
            return _between(built_in_registry(), _chosen(market.get("engine")), _chosen(market.get("charges")))
    return NETWORK_CHARGES


def _chosen(value: object) -> str:
    """The part that a section names, alone or with its parameters."""
    return str(next(iter(value), "")) if isinstance(value, Mapping) else str(value)


def _between(registry: Registry, engine: str, charges: str) -> str:
    def has(kind: str, name: str, trait: str) -> bool:
        return name in registry.names(kind) and trait in registry.traits(kind, name)

    if not has("engine", engine, "keeps"):
        return NETWORK_CHARGES
    return SURPLUS if has("charges", charges, "free") else BOTH
