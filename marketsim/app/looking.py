"""The scenario of a run or study that is looked at: data of a stranger, so no plugin is loaded and no link followed.

Of the folder that holds it nothing is read but itself: what only a plugin knows, and a net outside of the folder, is left
out, and why is said. Whoever trusts the folder's maker asks for both (``ms.open_run(path, trust=True)``, ``--trust``).
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from marketsim.app.ready import facts_of, load_feeder, load_scenario, ready_of
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.builtin import built_in_registry
from marketsim.core.build import Choice, LoadSpec
from marketsim.core.errors import InputError, NetworkError, Problem, ScenarioError
from marketsim.core.fence import Fence
from marketsim.core.files import demand_regular
from marketsim.extension.registry import Registry
from marketsim.grid.net import names
from marketsim.grid.net.feeder import Feeder
from marketsim.results.folder import MANIFEST, SCENARIO
from marketsim.results.frames import agent_names
from marketsim.results.reader import Run
from marketsim.scenario.agents import BUILT_IN_KINDS
from marketsim.scenario.facts import FeederFacts
from marketsim.scenario.load import load_scenario as read_scenario
from marketsim.scenario.model import Scenario
from marketsim.scenario.older import renewed
from marketsim.scenario.source import ScenarioSource
from marketsim.scenario.tree import Node, child, plain, shorten
from marketsim.scenario.yamltext import parse

LARGEST_NET: Final = 2**28
"""Bytes of a net's file."""
HINT: Final = "if you trust who made this folder: ms.open_run(path, trust=True), marketsim report RUN --trust"


class Seen(NamedTuple):
    """A scenario as far as it can be looked at."""

    ready: ReadyScenario
    """With the built-in parts alone; ``feeder`` None where it has none, or where that is left out."""
    plugins: tuple[str, ...]
    """Plugin files that it names."""
    left_out: tuple[Problem, ...] = ()
    """Why the feeder is left out; empty where it is there or the scenario has none."""


def seen_of(run: Run, *, trust: bool = False) -> Seen:
    """The scenario of a run; ScenarioError or PluginError where it cannot be read here.

    One from a folder is only looked at unless ``trust`` says otherwise; one in memory was run by this process.
    """
    if run.path is None or trust:
        return trusted(run.scenario_text if run.path is None else run.path / SCENARIO)
    found = look(run.scenario_text, run.path)
    _demand_same_agents(found.ready, run)
    return found


def trusted(scenario: str | Path) -> Seen:
    """A scenario with its plugins, and with what it names outside of its folder."""
    return Seen(load_scenario(scenario, trust=True), ())


def look(text: str, folder: Path) -> Seen:
    """The resolved scenario ``text`` of a run or study in ``folder``; ScenarioError where it is none."""
    root = renewed(parse(text, str(folder / SCENARIO)))
    _demand_whole(root, folder)
    listed = child(root, "plugins")
    plugins = () if listed is None or not isinstance(listed.value, list) else tuple(_texts(listed.value))
    outside = _outside(root, folder)
    # No plugin is even looked for, and relative paths start from the folder itself.
    source = ScenarioSource(
        _without(root, ("plugins", *(("folder",) if outside else ()))), folder.absolute(), "scenario"
    )
    registry = built_in_registry()
    feeders: list[Feeder] = []
    left_out: list[Problem] = []

    def look_up(model: Scenario) -> FeederFacts:
        try:
            feeders.append(_feeder(model, registry, source.fence, folder, outside=outside))
        except InputError as error:
            left_out.extend(error.problems)
            raise
        return facts_of(feeders[0])

    loaded = read_scenario(source, catalog=registry, feeder=look_up, tolerant=True)
    if left_out:
        with contextlib.suppress(ScenarioError):  # only a resolved scenario says itself where its agents are
            loaded = read_scenario(source, catalog=registry, tolerant=True)
    ready = ready_of(loaded, registry, feeder=feeders[0] if feeders else None)
    return Seen(ready, plugins, tuple(left_out))


def _texts(nodes: list[Node]) -> list[str]:
    return [node.value for node in nodes if isinstance(node.value, str)]


def _without(root: Node, keys: tuple[str, ...]) -> Node:
    members = root.value
    assert isinstance(members, dict)
    return Node({key: member for key, member in members.items() if key not in keys}, root.place)


def _demand_whole(root: Node, folder: Path) -> None:
    """A resolved scenario is a mapping that stands by itself."""
    file = str(folder / SCENARIO)
    if not isinstance(root.value, dict):
        raise ScenarioError([Problem("a scenario must be a mapping of keys to values", file=file)])
    base = child(root, "extends")
    if base is not None and base.value is not None:
        message = "the scenario of a run or study stands by itself: other files are not read"
        raise ScenarioError([Problem(message, "extends", shorten(plain(base)), "", *root.value["extends"].key)])


def _outside(root: Node, folder: Path) -> bool:
    """Whether relative paths of a scenario start from outside of the folder that it stands in."""
    start = child(root, "folder")
    if start is None or not isinstance(start.value, str):
        return False
    return not (folder / start.value).resolve().is_relative_to(folder.resolve())


def _feeder(model: Scenario, registry: Registry, fence: Fence, folder: Path, *, outside: bool) -> Feeder:
    """The feeder of a scenario, by this package alone and from this folder alone; NetworkError where there is none."""
    name = model.grid.feeder or ""
    base, _ = names.copies(name)
    if base.partition(":")[0] in registry.names("grid"):
        return _loaded(model, registry, fence)
    if base.strip() != names.FEEDER141 and base.partition(":")[0].strip() not in names.SOURCES:
        message = "the feeder is none of this package; it may be one of a plugin, and looking at a run loads none"
        raise NetworkError([Problem(message, "grid.feeder", repr(name), HINT)])
    kind, item = names.parse(base)
    if kind == "file":
        _demand_inside(model, item, folder, outside=outside)
    return _loaded(model, registry, fence)


def _loaded(model: Scenario, registry: Registry, fence: Fence) -> Feeder:
    found = load_feeder(model, registry, fence)
    if found is None:
        raise AssertionError("asked for the feeder of a scenario without one")
    return found


def _demand_inside(model: Scenario, item: str, folder: Path, *, outside: bool) -> None:
    """The net of a ``file:`` feeder lies in the folder itself, as a file and not as a link."""
    path = model.folder / item
    if outside or not path.resolve().is_relative_to(folder.resolve()):
        message = "the net lies outside of the run's folder, and looking at a run reads nothing else"
        raise NetworkError([Problem(message, "grid.feeder", repr(item), HINT)])
    for part in (path, *path.parents):
        if part == folder.absolute():
            break
        if part.is_symlink():
            raise NetworkError([Problem("is a link, which is not followed here", file=str(part), hint=HINT)])
    demand_regular(path, LARGEST_NET, NetworkError, links=False)


def _demand_same_agents(ready: ReadyScenario, run: Run) -> None:
    """The tables count agents and slots as the manifest does, so the scenario has to have the same ones."""
    markets = agent_names(run.manifest)
    own = [agent.name for agent in ready.agents]
    if len(own) != len(markets[0] if markets else ()) or (len(markets) == 1 and own != markets[0]):
        message = f"lists other agents than {MANIFEST} does"
        raise ScenarioError([Problem(message, "agents", f"{len(own)} agents", file=f"{run.path}/{SCENARIO}")])
    slots = ready.model.clock.slots
    if run.n_slots > slots:
        message = f"has fewer slots than the {run.n_slots} of the tables"
        raise ScenarioError([Problem(message, "clock.slots", str(slots), file=f"{run.path}/{SCENARIO}")])


def harmless(ready: ReadyScenario) -> ReadyScenario:
    """The same feeder, agents and devices without anything that reads files, loads policies or takes long to build.

    What it builds tells which KPIs the scenario has and which limits its feeder; nothing else of it means anything.
    """
    model, registry = ready.model, ready.registry

    def plain_choice(kind: str, name: str) -> Choice:
        return Choice(name, registry.params(kind, name)())

    gate = model.grid.gate.name
    grid = model.grid.model_copy(
        update={
            "reactive": plain_choice("reactive", "unity"),
            "allocation": plain_choice("allocation", "arrival"),
            "gate": plain_choice("gate", gate if gate in registry.names("gate") else "ac"),
        }
    )
    if ready.feeder is None:
        grid = grid.model_copy(
            update={"feeder": None, "gate": plain_choice("gate", "none"), "tap_changer": None, "regulators": ()}
        )
    market = model.market.model_copy(
        update={
            "gate_closure_slots": 0,
            "engine": plain_choice("engine", "double_auction"),
            "charges": plain_choice("charges", "none"),
            "settlement": plain_choice("settlement", "pay_as_agreed"),
            "sharing": plain_choice("sharing", "none"),
            "sharing_period": "day",
        }
    )
    changes = {
        "clock": model.clock.model_copy(update={"slots": 1}),
        "grid": grid,
        "market": market,
        "tariff": Choice("flat", registry.params("tariff", "flat").model_validate({"retail": 0.3, "feed_in": 0.1})),
        "profiles": plain_choice("profile", "synthetic"),
        "critic": plain_choice("critic", "rule"),
        "expert": None,
        "metrics": tuple(each for each in model.metrics if each.name in registry.names("metric")),
    }
    known, alone = registry.names("device"), plain_choice("strategy", "utility_only")
    agents = tuple(
        replace(
            agent,
            kind=agent.kind if agent.kind in BUILT_IN_KINDS else "prosumer",
            load=LoadSpec(),
            pv_shape=None,
            strategy=alone,
            devices={name: device for name, device in agent.devices.items() if name in known},
        )
        for agent in ready.agents
    )
    return replace(ready, model=model.model_copy(update=changes), agents=agents)
