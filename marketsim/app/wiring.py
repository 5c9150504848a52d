"""A ready scenario becomes a world: every part built and joined."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from marketsim.agents.members import Participant
from marketsim.agents.model import BUILT_IN_KINDS, decides
from marketsim.agents.params import UtilityOnlyParams
from marketsim.agents.simple import simple_strategy
from marketsim.app.followers import MadeFollower
from marketsim.app.grid import GridParts, feeder_of, grid_parts, is_regulated, tap_laws, tap_log
from marketsim.app.parts import basics_of, chosen, devices_of, fleets_of, made, notes_of, suspects
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.builtin import PARTS
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext, Choice
from marketsim.core.delivery import Ahead, ClosedProfiles, Delivery, Immediate
from marketsim.core.errors import PluginError, Problem
from marketsim.core.expert import Follower, FollowerMaker
from marketsim.core.metric import Metric
from marketsim.core.ports import Allocation, Device, Engine, Profiles, Reactive, Strategy
from marketsim.core.world import Role, SharedPeriods, World
from marketsim.grid.net.network import Network
from marketsim.market.allocation import with_rights
from marketsim.market.bounds import WithinTariffs, within_bounds
from marketsim.metrics.shunts import ShuntMetric
from marketsim.results.table_columns import ElementNames

REFERENCE = Choice("utility_only", UtilityOnlyParams())
"""Strategy of everybody in the reference run."""


class Built(NamedTuple):
    """What a run needs beside its scenario."""

    world: World
    reference: World
    """The same with everybody trading with the utility only."""
    context: BuildContext
    kinds: Mapping[str, Any]
    """Mesa class of each agent kind."""
    metrics: tuple[Metric, ...]
    critic: Any
    elements: ElementNames
    """Names of what can limit a quantity."""
    grid: Network | None
    """The network as rated for this run."""
    background_wh: int
    """Load of the feeder that belongs to no agent, a market and slot."""
    notes: tuple[str, ...]
    """What whoever runs it should know of its series."""
    followers: Sequence[MadeFollower]
    """Of the agents that follow an expert's plans."""


def build(ready: ReadyScenario, seeds: Sequence[int] | None = None) -> Built:
    """Wire one market, or with several ``seeds`` as many replicas side by side."""
    model = ready.model
    basics = basics_of(ready, tuple(seeds) if seeds is not None else (model.seed,))
    devices = devices_of(ready, basics)
    reactive: Reactive = chosen(ready, "reactive", model.grid.reactive, basics)
    grid = grid_parts(ready, basics, fleets_of(devices), reactive)
    tariff = chosen(ready, "tariff", model.tariff, basics)
    context = BuildContext.of(basics, tariff=tariff, devices=devices, grid=grid.info, law=reactive.law)
    profiles: Profiles = chosen(ready, "profile", model.profiles, context)
    followers: list[MadeFollower] = []
    context = replace(context, follower=_follower_maker(ready, context, profiles, reactive, followers))
    kinds = _kinds(ready, context)
    world = _world(ready, context, devices, profiles, reactive, grid, kinds)
    reference = replace(
        world, cast=_reference_cast(ready, context), gate=grid.gate(), rounds=1, sharing=None, daily=False
    )
    return Built(
        world=world,
        reference=reference,
        context=context,
        kinds=kinds,
        metrics=_metrics(ready, context, grid),
        critic=chosen(ready, "critic", model.critic, context),
        elements=grid.elements,
        grid=grid.network,
        background_wh=0 if grid.info is None else grid.info.background_wh,
        notes=(*notes_of(profiles), *_strategy_notes(world)),
        followers=followers,
    )


def _follower_maker(
    ready: ReadyScenario, context: BuildContext, profiles: Profiles, reactive: Reactive, made: list[MadeFollower]
) -> FollowerMaker:
    """Lists in ``made`` whom it makes; experts are loaded where somebody follows one."""

    def make(rows: IntArray) -> Follower:
        from marketsim.app.experts import follower_of

        made.append(MadeFollower(rows, follower_of(ready, context, profiles, reactive, rows)))
        return made[-1].follower

    return make


def _strategy_notes(world: World) -> tuple[str, ...]:
    """What strategies found, each sentence once."""
    return tuple(dict.fromkeys(note for role in world.cast for note in notes_of(role.strategy)))


def _world(
    ready: ReadyScenario,
    context: BuildContext,
    devices: tuple[Device, ...],
    profiles: Profiles,
    reactive: Reactive,
    grid: GridParts,
    kinds: Mapping[str, Any],
) -> World:
    firm_share = _firm_share(context)
    profiles, delivery = _delivered(ready, context, profiles, reactive, firm_share)
    engine = _engine(ready, context)
    return World(
        clock=context.clock,
        community=context.community,
        streams=context.streams,
        profiles=profiles,
        tariff=_given(context.tariff),
        devices=devices,
        cast=cast_of(ready, context, kinds, range(len(ready.agents))),
        engine=engine,
        rounds=engine.rounds,
        allocation=_allocation(ready, context),
        charges=chosen(ready, "charges", ready.model.market.charges, context),
        gate=grid.gate(),
        reactive=reactive,
        delivery=delivery,
        bounds=within_bounds,
        settle=chosen(ready, "settlement", ready.model.market.settlement, context),
        firm_share=firm_share,
        node_of=grid.node_of,
        suspects=suspects(ready),
        sharing=_sharing(ready, context),
        traders=_traders(ready, context),
        daily="daily" in ready.registry.traits("engine", ready.model.market.engine.name),
    )


def _traders(ready: ReadyScenario, context: BuildContext) -> IntArray:
    """Rows of the agents of each market whose strategies trade with others at all [n_markets, T]."""
    traits = {name: ready.registry.traits("strategy", name) for name in {each.strategy.name for each in ready.agents}}
    own = [row for row, agent in enumerate(ready.agents) if "alone" not in traits[agent.strategy.name]]
    first = np.arange(context.community.n_markets)[:, None] * len(ready.agents)
    return first + np.array(own, dtype=np.int64)


def copied_world(ready: ReadyScenario, built: Built, seeds: Sequence[int]) -> World:
    """The market side of a world for as many copies as there are ``seeds``: it can trade, and nothing else."""
    model = ready.model
    basics = basics_of(ready, tuple(seeds))
    devices = devices_of(ready, basics)
    reactive: Reactive = chosen(ready, "reactive", model.grid.reactive, basics)
    grid = grid_parts(ready, basics, fleets_of(devices), reactive)
    tariff = _given(built.context.tariff)
    context = BuildContext.of(basics, tariff=tariff, devices=devices, grid=grid.info)
    return replace(
        built.world,
        community=context.community,
        streams=context.streams,
        devices=devices,
        gate=grid.gate(),
        node_of=grid.node_of,
        reactive=reactive,
        charges=chosen(ready, "charges", model.market.charges, context),
        allocation=_allocation(ready, context),
        cast=(),
        rounds=1,
        traders=None,
    )


def _allocation(ready: ReadyScenario, context: BuildContext) -> Allocation:
    grid = ready.model.grid
    return with_rights(chosen(ready, "allocation", grid.allocation, context), grid.untraded, grid.priority)


def _sharing(ready: ReadyScenario, context: BuildContext) -> SharedPeriods | None:
    market, clock = ready.model.market, context.clock
    if "idle" in ready.registry.traits("sharing", market.sharing.name):
        return None
    slots = clock.slots if market.sharing_period == "run" else clock.slots_per_day
    return SharedPeriods(market.sharing.name, chosen(ready, "sharing", market.sharing, context), slots)


def _engine(ready: ReadyScenario, context: BuildContext) -> Engine:
    market = ready.model.market
    engine: Engine = chosen(ready, "engine", market.engine, context)
    if "signed" in ready.registry.traits("charges", market.charges.name):
        engine = WithinTariffs(engine)
    return engine


def critic_of(ready: ReadyScenario, context: BuildContext) -> Any:
    """The scenario's critic for a game, which keeps no rows where that can be chosen."""
    choice = ready.model.critic
    return chosen(ready, "critic", Choice(choice.name, choice.params.without_rows()), context)


def _given(tariff: Any) -> Any:
    if tariff is None:
        raise AssertionError("the tariff is built before the world")
    return tariff


def _firm_share(context: BuildContext) -> FloatArray:
    """Share of each agent's load that no fleet declares to be its own [n_agents]."""
    left = np.ones(context.community.n_agents)
    for fleet in context.fleets:
        if fleet.load_share is not None:
            left = left - fleet.load_share
    beyond = np.flatnonzero(~((left >= 0.0) & (left <= 1.0)))
    if len(beyond):
        names = ", ".join(fleet.name for fleet in context.fleets if fleet.load_share is not None)
        hint = "what they declare as load_share lies within 0..1, and adds up to 1 at most"
        who = context.community.names[beyond[0]]
        raise PluginError(
            [Problem(f"the devices {names} take more than all or less than none of the load of {who!r}", hint=hint)]
        )
    return left


def _kinds(ready: ReadyScenario, context: BuildContext) -> dict[str, Any]:
    kinds: dict[str, Any] = dict(BUILT_IN_KINDS)
    for name in {agent.kind for agent in ready.agents} - set(kinds):
        params = ready.registry.params("agent", name)()
        kinds[name] = made(ready.registry, "agent", name, params, context)
        if not (isinstance(kinds[name], type) and issubclass(kinds[name], Participant)):
            source = ready.registry.entry("agent", name).source
            hint = "return a subclass of marketsim.Prosumer or marketsim.Consumer"
            raise PluginError([Problem(f"plugin {source}: agent {name!r} is no class of agents", hint=hint)])
    return kinds


def _roles(context: BuildContext, groups: Mapping[Any, list[int]]) -> dict[Any, IntArray]:
    """Rows of the flat axis for connections grouped by key, in every market."""
    n_agents, n_markets = len(context.agents), context.community.n_markets
    starts = np.arange(n_markets)[:, None] * n_agents
    return {key: (starts + np.array(members)[None, :]).reshape(-1) for key, members in groups.items()}


def cast_of(
    ready: ReadyScenario, context: BuildContext, kinds: Mapping[str, Any], among: Iterable[int]
) -> tuple[Role, ...]:
    """Roles of the agents ``among`` those of a market, by position.

    One role a strategy with equal parameters; agents that decide for themselves have roles of their own.
    """
    groups: dict[tuple[Choice, bool], list[int]] = defaultdict(list)
    for position in among:
        agent = ready.agents[position]
        groups[agent.strategy, decides(kinds[agent.kind])].append(position)
    cast = []
    for (choice, own), rows in _roles(context, groups).items():
        strategy: Strategy = chosen(ready, "strategy", choice, context.for_rows(rows))
        if own:
            strategy = simple_strategy(strategy, choice.name)
        cast.append(Role(strategy, rows))
    return tuple(cast)


def _reference_cast(ready: ReadyScenario, context: BuildContext) -> tuple[Role, ...]:
    rows = np.arange(context.community.n_agents)
    return (Role(chosen(ready, "strategy", REFERENCE, context.for_rows(rows)), rows),)


def _delivered(
    ready: ReadyScenario, context: BuildContext, profiles: Profiles, reactive: Reactive, firm_share: FloatArray
) -> tuple[Profiles, Delivery]:
    """What is known when the gate closes, and what becomes of deviations from it."""
    slots = ready.model.market.gate_closure_slots
    if slots == 0:
        return profiles, Immediate()
    closed = ClosedProfiles(profiles, slots, context.clock)
    return closed, Ahead(context.community, closed, reactive, firm_share)


def _metrics(ready: ReadyScenario, context: BuildContext, grid: GridParts) -> tuple[Metric, ...]:
    registry = ready.registry
    names = [entry.name for entry in PARTS if entry.kind == "metric" and "asked" not in entry.traits]
    own = [Choice(name, registry.params("metric", name)()) for name in names]
    metrics: list[Metric] = [chosen(ready, "metric", each, context) for each in (*own, *ready.model.metrics)]
    if grid.network is not None and grid.network.ground_pu.real.any():
        metrics.append(ShuntMetric())
    if is_regulated(ready):
        from marketsim.grid.flow.tap_changer import TapMetric

        metrics.append(TapMetric(tap_laws(ready), feeder_of(ready).network.branch_names, tap_log(context)))
    return tuple(metrics)
