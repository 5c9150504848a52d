"""Parts of a ready scenario as they are built, and what they get to know. Light: ``validate`` builds some of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from marketsim.app.foreign import behind_wall, made_by, owner
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core import ports
from marketsim.core.arrays import IntArray
from marketsim.core.build import Basics, BuildContext, Choice, FileContext
from marketsim.core.errors import InputError, PluginError, Problem, ScenarioError
from marketsim.core.expert import Expert, HoldingExpert
from marketsim.core.fleets import FleetInfo, faults_of
from marketsim.core.game import Game
from marketsim.core.language_model import LanguageModel, ModelMaker, ModelSettings
from marketsim.core.learner import Learner
from marketsim.core.metric import Metric
from marketsim.core.records import Community
from marketsim.core.rng import Streams
from marketsim.core.rule_terms import Sizes
from marketsim.core.units import UNLIMITED_WH, WH_PER_KWH
from marketsim.experts.context import ExpertContext
from marketsim.extension.registry import Registry
from marketsim.fairness.critic import Critic, PatientCritic
from marketsim.games.context import ReviewedGame
from marketsim.scenario.agents import BUILT_IN_KINDS
from marketsim.scenario.model import Scenario
from marketsim.scenario.overrides import split_path
from marketsim.scenario.problems import did_you_mean
from marketsim.scenario.rules import power_fits_int64
from marketsim.scenario.tree import Loc, Node, dotted, locate, texts

if TYPE_CHECKING:
    from marketsim.grid.gates.context import GateContext

SECTIONS: Final[dict[str, Loc]] = {
    "tariff": ("tariff", "*"),
    "profile": ("profiles",),
    "engine": ("market", "engine", "*"),
    "charges": ("market", "charges", "*"),
    "allocation": ("grid", "allocation", "*"),
    "reactive": ("grid", "reactive", "*"),
    "gate": ("grid", "gate", "*"),
    "settlement": ("market", "settlement", "*"),
    "sharing": ("market", "sharing", "*"),
    "critic": ("critic",),
    "strategy": ("agents",),
    "expert": ("expert", "*"),
    "game": ("learning", "game", "*"),
    "learner": ("learning", "learner", "*"),
}
"""Where the parameters of a part stand in a scenario, ``*`` for its name."""
_PORTS: Final[dict[str, type]] = {
    "allocation": ports.Allocation,
    "charges": ports.Charges,
    "critic": Critic,
    "device": ports.Device,
    "engine": ports.Engine,
    "expert": Expert,
    "game": Game,
    "gate": ports.Gate,
    "importer": ports.Importer,
    "model": LanguageModel,
    "learner": Learner,
    "metric": Metric,
    "profile": ports.Profiles,
    "reactive": ports.Reactive,
    "settlement": ports.Settlement,
    "sharing": ports.Sharing,
    "strategy": ports.Strategy,
    "tariff": ports.Tariff,
}
"""What a part has to have."""
_WALLED: Final[dict[str, type]] = {
    **_PORTS,
    "device": ports.LinearDevice,
    "strategy": ports.RevisingStrategy,
    "critic": PatientCritic,
    "expert": HoldingExpert,
    "game": ReviewedGame,
}
"""What a part of a plugin may have, and what is called behind a wall."""


def chosen(ready: ReadyScenario, kind: str, choice: Choice, context: object) -> Any:
    """The part that a scenario chooses; an InputError tells where in the scenario."""
    try:
        return made(ready.registry, kind, choice.name, choice.params, context)
    except InputError as error:
        section = tuple(choice.name if part == "*" else part for part in SECTIONS.get(kind, ()))
        raise placed(error, ready, section) from error


def placed(error: InputError, ready: ReadyScenario, section: Loc = ()) -> InputError:
    """The same error, with places in the scenario; paths that do not start at its root start from ``section``."""
    return type(error)([_placed(problem, section, ready.source.root) for problem in error.problems])


def _placed(problem: Problem, section: Loc, root: Node) -> Problem:
    """A problem with its place in the scenario: its path is one from the root, or one within ``section``.

    What is wrong inside a file stands at a line of that file; what is wrong with a file as such, where it is named.
    """
    if problem.file:
        named = None if problem.line else _naming(root, section, Path(problem.file).name)
        if named is None:
            return problem
        return problem._replace(path=dotted(named), value=problem.value or problem.file, **_at(root, named))
    own = split_path(problem.path) if problem.path else ()
    loc = own if own and own[0] in Scenario.model_fields else (*section, *own)
    return problem._replace(path=dotted(loc), **_at(root, loc))


def _at(root: Node, loc: Loc) -> dict[str, Any]:
    return locate(root, loc)[1].place._asdict()


def _naming(root: Node, section: Loc, name: str) -> Loc | None:
    """Path of the first text below ``section`` that ends with the name of a file."""
    steps, node = locate(root, section)
    for loc, text in texts(node):
        if Path(text).name == name:
            return (*section[:steps], *loc)
    return None


def made(registry: Registry, kind: str, name: str, *arguments: Any) -> Any:
    """A part as it is built; where that is a plugin's and fails, PluginError tells which one and where."""
    build, who = registry.builder(kind, name), owner(registry, kind, name)
    if who is None:
        return build(*arguments)
    part = made_by(who, build, arguments)
    return behind_wall(part, who, _sizes(arguments[-1]), _PORTS.get(kind), _WALLED.get(kind))


def suspects(ready: ReadyScenario) -> tuple[str, ...]:
    """The parts of plugins that a scenario's slots are made of, each with the line that builds it."""
    model, agents = ready.model, ready.agents
    market, grid = model.market, model.grid
    named = [("tariff", model.tariff.name), ("profile", model.profiles.name), ("engine", market.engine.name)]
    named += [
        ("charges", market.charges.name),
        ("settlement", market.settlement.name),
        ("sharing", market.sharing.name),
    ]
    named += [("allocation", grid.allocation.name), ("reactive", grid.reactive.name), ("gate", grid.gate.name)]
    named += sorted({("device", name) for agent in agents for name in agent.devices})
    named += sorted({("strategy", agent.strategy.name) for agent in agents})
    named += sorted({("agent", agent.kind) for agent in agents} - {("agent", kind) for kind in BUILT_IN_KINDS})
    named += [] if model.expert is None else [("expert", model.expert.name)]
    named += [("grid", source) for source in _feeder_source(ready)]
    owners = [owner(ready.registry, *each) for each in named]
    return tuple(who.placed for who in owners if who is not None)


def _feeder_source(ready: ReadyScenario) -> tuple[str, ...]:
    """The registered source of the scenario's feeder, if it has one."""
    source, _, _ = (ready.model.grid.feeder or "").partition(":")
    return (source,) if source in ready.registry.names("grid") else ()


def _sizes(context: Basics | FileContext | ExpertContext | GateContext) -> Sizes:
    """How many agents and markets a part is built for."""
    if isinstance(context, Basics):
        community = context.community
        return Sizes(community.n_agents, community.n_markets, community.names)
    if isinstance(context, FileContext):
        return Sizes(None, None)
    if isinstance(context, ExpertContext):
        return Sizes(len(context.names), 1, context.names)
    return Sizes(len(context.market), context.n_markets)


def basics_of(ready: ReadyScenario, seeds: tuple[int, ...]) -> Basics:
    """What the first parts of as many markets as there are seeds are built from."""
    model = ready.model
    clock = model.clock.to_clock()
    return Basics(
        clock=clock,
        streams=Streams(seeds),
        community=_community(ready, len(seeds), clock.slot_hours),
        agents=ready.agents,
        fence=ready.fence,
        closure_slots=model.market.gate_closure_slots,
        pv_scale=model.profiles.params.plant_scale(),
        retry_passes=model.grid.retry_passes,
        policies=_load_policy,
        models=model_maker(ready),
    )


def context_of(ready: ReadyScenario, seeds: tuple[int, ...]) -> BuildContext:
    """What parts get to know that are built without a grid."""
    basics = basics_of(ready, seeds)
    devices = devices_of(ready, basics)
    return BuildContext.of(basics, tariff=chosen(ready, "tariff", ready.model.tariff, basics), devices=devices)


def devices_of(ready: ReadyScenario, basics: Basics) -> tuple[ports.Device, ...]:
    """One fleet a kind of device that anybody has, in the order of the registry."""
    owned = {name for agent in ready.agents for name in agent.devices}
    n_agents = basics.community.n_agents
    devices = []
    for name in ready.registry.names("device"):
        if name in owned:
            rows = tuple(agent.devices.get(name) for agent in ready.agents) * basics.community.n_markets
            devices.append(made(ready.registry, "device", name, rows, basics))
            _check_info(ready.registry, name, devices[-1], n_agents)
    _demand_countable(ready, devices)
    return tuple(devices)


def _demand_countable(ready: ReadyScenario, devices: Sequence[ports.Device]) -> None:
    """ScenarioError where a slot could hold more money than 64 bits, by what fleets say that they are rated for."""
    n_agents = len(ready.agents)
    infos = [device.info for device in devices]
    rated_kw = sum(float(info.rated_in_kw[:n_agents].sum() + info.rated_out_kw[:n_agents].sum()) for info in infos)
    found = list(power_fits_int64(ready.model, ready.agents, rated_kw / 2.0))
    if found:
        raise ScenarioError([Problem(each.message, path=dotted(each.loc), hint=each.hint) for each in found])


def fleets_of(devices: Sequence[ports.Device]) -> tuple[FleetInfo, ...]:
    """What the fleets say of themselves."""
    return tuple(device.info for device in devices)


def _check_info(registry: Registry, name: str, device: ports.Device, n_agents: int) -> None:
    try:
        info: object = device.info
    except AttributeError:
        info = None
    wrong = faults_of(info, name, n_agents)
    if wrong:
        who = f"plugin {registry.entry('device', name).source}: device {name!r}"
        raise PluginError([Problem(f"{who}: {fault}") for fault in wrong])


def _load_policy(path: Path) -> Any:
    """Trained policies, for the strategy that acts by them; torch is loaded here, and not before."""
    from marketsim.learning.learned import load_policy

    return load_policy(path)


def model_maker(ready: ReadyScenario) -> ModelMaker:
    """Makes language models by the name of their part; InputError for a name that there is not."""
    registry, context = ready.registry, FileContext(ready.fence)

    def maker(name: str, settings: ModelSettings) -> LanguageModel:
        demand_model(ready, name, "client")
        model: LanguageModel = made(registry, "model", name, settings, context)
        return model

    return maker


def demand_model(ready: ReadyScenario, name: str, path: str) -> None:
    """InputError where no part of the kind ``model`` has this name."""
    known = ready.registry.names("model")
    if name not in known:
        hint = did_you_mean(name, known) or f"there are: {', '.join(known)}; a plugin can bring others"
        raise InputError([Problem("nothing of this name speaks with language models", path, repr(name), hint)])


def _limits(limits_kw: Sequence[float | None], hours: float) -> IntArray:
    whole = [UNLIMITED_WH if kw is None else int(kw * hours * WH_PER_KWH) for kw in limits_kw]
    return np.array(whole, dtype=np.int64)


def _community(ready: ReadyScenario, n_markets: int, hours: float) -> Community:
    agents = ready.agents
    names = tuple(agent.name for agent in agents)
    if n_markets > 1:
        names = tuple(f"{name}#{market}" for market in range(n_markets) for name in names)
    return Community(
        names=names,
        market=np.repeat(np.arange(n_markets), len(agents)),
        connection=np.tile(np.arange(len(agents)), n_markets),
        is_prosumer=np.tile([agent.kind != "consumer" for agent in agents], n_markets),
        n_markets=n_markets,
        import_limit_wh=np.tile(_limits([agent.import_limit_kw for agent in agents], hours), n_markets),
        export_limit_wh=np.tile(_limits([agent.export_limit_kw for agent in agents], hours), n_markets),
    )


def profiles_of(ready: ReadyScenario) -> ports.Profiles:
    """The profiles of one market with the scenario's own seed."""
    context = context_of(ready, (ready.model.seed,))
    profiles: ports.Profiles = chosen(ready, "profile", ready.model.profiles, context)
    return profiles


def notes_of(part: object) -> tuple[str, ...]:
    """What profiles found in their series, where they say so."""
    return part.notes if isinstance(part, ports.Noted) else ()
