"""The grid of a simulation: feeder, gate, validation, and what metrics and nets of slots need of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from marketsim.app.parts import chosen
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import Basics, BuildContext, GridInfo, VoltageBand
from marketsim.core.connections import ConnectionModel, has_limits
from marketsim.core.fleets import FleetInfo
from marketsim.core.grid_model import GridModel
from marketsim.core.ports import Gate, Reactive, steered
from marketsim.core.units import UNLIMITED_WH, WH_PER_KWH
from marketsim.grid.net.feeder import Feeder
from marketsim.grid.net.network import BranchKind, Network
from marketsim.grid.net.topology import head_names
from marketsim.results.table_columns import ElementNames
from marketsim.scenario.model import VoltageRegulator

if TYPE_CHECKING:
    from marketsim.grid.flow.tap_changer import Law
    from marketsim.grid.gates.limits import GateSettings


@dataclass(frozen=True, slots=True)
class GridParts:
    """What the grid contributes to a simulation."""

    gate: Callable[[], Gate]
    """A fresh gate; run and reference run have one each."""
    node_of: IntArray
    """Node of each agent, -1 without a grid [n_agents]."""
    elements: ElementNames
    info: GridInfo | None = None
    """What other parts may know; None without a grid and without limits of connections."""
    network: Network | None = None


def grid_parts(ready: ReadyScenario, context: Basics, fleets: Sequence[FleetInfo], reactive: Reactive) -> GridParts:
    """Feeder and gate of a scenario, or their absence."""
    community = context.community
    choice, names = ready.model.grid.gate, tuple(agent.name for agent in context.agents)
    if ready.feeder is None or has_trait(ready, "blind"):
        return GridParts(
            gate=lambda: chosen(ready, "gate", choice, context),
            node_of=np.full(community.n_agents, -1, dtype=np.int64),
            elements=ElementNames(connections=names),
            info=GridInfo(model=ConnectionModel(community)) if has_limits(community) else None,
        )
    from marketsim.grid.gates.context import GateContext

    network = network_of_run(ready)
    nodes = ready.feeder.nodes_of([_bus_of(agent) for agent in context.agents])
    settings = _settings(ready, context, fleets, network, reactive)
    background_kw = network.nominal_kw * own_load_share(ready)
    background_wh = int(np.rint(background_kw * (context.clock.slot_hours * WH_PER_KWH)).sum())

    def gate_on(net: Network) -> Gate:
        gate_context = GateContext(
            n_markets=community.n_markets,
            market=community.market,
            hours=context.clock.slot_hours,
            network=net,
            nodes=nodes,
            settings=settings,
            model=partial(_ac_model, ready, _unlimited(context), net, nodes, reactive),
        )
        made: Gate = chosen(ready, "gate", choice, gate_context)
        return made

    gate, taps = _regulated(ready, network, gate_on, community.n_markets)
    return GridParts(
        gate=gate,
        node_of=np.tile(nodes, community.n_markets),
        elements=ElementNames(network.bus_names, network.branch_names, names, laterals=head_names(network)),
        info=GridInfo(
            band=VoltageBand(network.v_min_pu, network.v_max_pu),
            model=_optimum_model(ready, context, network, nodes, reactive),
            background_wh=background_wh,
            distances=cache(partial(_distances, network, nodes)),
            guard=max(settings.guard_voltage_pu, settings.guard_loading),
            taps=taps,
        ),
        network=network,
    )


def _regulated(
    ready: ReadyScenario, network: Network, gate_on: Callable[[Network], Gate], n_markets: int
) -> tuple[Callable[[], Gate], list[tuple[int, ...]] | None]:
    """How a gate is made, with the scenario's tap changers if it has any; the first one made logs their positions."""
    if not is_regulated(ready):
        return lambda: gate_on(network), None
    from marketsim.grid.flow.tap_changer import RegulatedGate, Regulator, TapPositions, at_position

    laws, log, made = tap_laws(ready), list[TapPositions](), list[RegulatedGate]()

    def gate() -> Gate:
        regulators = [Regulator(law, start) for law, start in zip(laws, _starts(ready), strict=True)]
        own = RegulatedGate(
            lambda positions: gate_on(at_position(network, laws, positions)), regulators, [] if made else log, n_markets
        )
        made.append(own)
        return own

    return gate, log


def tap_log(context: BuildContext) -> list[tuple[int, ...]]:
    """Positions of the slots of a simulation with tap changers."""
    if context.grid is None or context.grid.taps is None:
        raise AssertionError("the simulation has no tap changers")
    return context.grid.taps


def is_regulated(ready: ReadyScenario) -> bool:
    """Whether the scenario has tap changers or regulators."""
    return ready.model.grid.tap_changer is not None or bool(ready.model.grid.regulators)


def _starts(ready: ReadyScenario) -> tuple[int, ...]:
    grid = ready.model.grid
    at_source = () if grid.tap_changer is None else (grid.tap_changer.start,)
    return (*at_source, *(each.start for each in grid.regulators))


def tap_laws(ready: ReadyScenario) -> tuple[Law, ...]:
    """How the scenario's tap changers move, that of the source first; NetworkError for buses and branches that are none."""
    from marketsim.grid.flow.tap_changer import Law
    from marketsim.grid.net.topology import far_end_is_from

    grid, feeder = ready.model.grid, feeder_of(ready)
    laws = []
    for place, changer in enumerate((grid.tap_changer, *grid.regulators)):
        if changer is None:
            continue
        law = Law(
            target_pu=changer.target_pu,
            dead_band_pu=changer.dead_band_pu,
            step=changer.step_percent / 100.0,
            lowest=changer.lowest,
            highest=changer.highest,
            delay_slots=changer.delay_slots,
            node=-1 if changer.bus is None else feeder.node(changer.bus),
        )
        if isinstance(changer, VoltageRegulator):
            branch, network = feeder.branch(changer.branch), feeder.network
            far = (network.from_node if far_end_is_from(network)[branch] else network.to_node)[branch]
            held = law.node if changer.bus is not None else int(far)
            law = law._replace(node=held, branch=branch, column=f"tap_position_{place}")
        laws.append(law)
    return tuple(laws)


def _bus_of(agent: Any) -> str:
    if agent.bus is None:
        raise AssertionError(f"agent {agent.name} has no bus, which validation refuses")
    return str(agent.bus)


def network_of_run(ready: ReadyScenario) -> Network:
    """The feeder as a run solves it: ratings scaled, regulated branches turned, own loads where nobody replaces them."""
    feeder = feeder_of(ready)
    return regulated(ready, rated(ready, feeder.network.drawing(own_load_share(ready))))


def own_load_share(ready: ReadyScenario) -> FloatArray:
    """Share of its nominal load that each node of the feeder draws on its own account [n_nodes]."""
    grid, feeder = ready.model.grid, feeder_of(ready)
    share = np.full(feeder.network.n_nodes, grid.load_scale if grid.background else 0.0)
    share[feeder.nodes_of([_bus_of(agent) for agent in ready.agents])] = 0.0
    return share


def rated(ready: ReadyScenario, network: Network) -> Network:
    """The network with ratings scaled to the loading that the scenario allows."""
    grid = ready.model.grid
    allowed = np.where(network.kind == BranchKind.TRAFO, grid.trafo_loading_percent, grid.line_loading_percent) / 100.0
    return network._replace(
        rating_from_pu=network.rating_from_pu * allowed, rating_to_pu=network.rating_to_pu * allowed
    )


def regulated(ready: ReadyScenario, network: Network) -> Network:
    """The network with every regulated branch's from end at the source; NetworkError where that cannot be."""
    from marketsim.grid.flow.tap_changer import facing_source

    for law in tap_laws(ready) if ready.model.grid.regulators else ():
        if law.branch >= 0:
            network = facing_source(network, law.branch)
    return network


def _settings(
    ready: ReadyScenario, context: Basics, fleets: Sequence[FleetInfo], network: Network, reactive: Reactive
) -> GateSettings:
    from marketsim.grid.gates.limits import GateSettings

    grid, n_connections = ready.model.grid, len(context.agents)
    own_share = own_load_share(ready)
    return GateSettings(
        import_limit_wh=context.community.import_limit_wh[:n_connections],
        export_limit_wh=context.community.export_limit_wh[:n_connections],
        head_import_kw=_or_infinite(grid.head_kw.import_kw),
        head_export_kw=_or_infinite(grid.head_kw.export_kw),
        background_kw=network.nominal_kw * own_share,
        background_kvar=network.nominal_kvar * own_share,
        source_kvar_per_kw=reactive.law.source_kvar_per_kw[:n_connections],
        sink_kvar_per_kw=reactive.law.sink_kvar_per_kw[:n_connections],
        curve_pu=reactive.law.curve_pu,
        curve_kvar=reactive.law.curve_kvar[:n_connections],
        inverter_kva=reactive.law.kva[:n_connections],
        behind_kw=reactive.behind_kw if len(reactive.law.curve_pu) else None,
        kvar_per_kw=None if reactive.law.kvar_per_kw is None else reactive.law.kvar_per_kw[:n_connections],
        asked_kvar=None if (inverters := steered(reactive)) is None else inverters.asked_kvar,
        guard_voltage_pu=grid.guard.voltage_pu,
        guard_loading=grid.guard.loading_percent / 100.0,
        worsen_voltage_pu=grid.worsen_tolerance.voltage_pu,
        worsen_loading=grid.worsen_tolerance.loading_percent / 100.0,
        rated_export_wh=_rated_wh(context, fleets, exports=True),
        rated_import_wh=_rated_wh(context, fleets, exports=False),
    )


def _rated_wh(context: Basics, fleets: Sequence[FleetInfo], *, exports: bool) -> IntArray:
    """What each connection is rated to inject, or its devices to draw, a slot [Wh] [n_connections]."""
    n = len(context.agents)
    power_kw = np.zeros(n)
    for fleet in fleets:
        power_kw += (fleet.rated_out_kw if exports else fleet.rated_in_kw)[:n]
    if exports:
        power_kw += np.array([agent.pv_kw for agent in context.agents]) * context.pv_scale
    return np.rint(power_kw * (context.clock.slot_hours * WH_PER_KWH)).astype(np.int64)


def _or_infinite(limit: float | None) -> float:
    return float("inf") if limit is None else limit


def has_trait(ready: ReadyScenario, trait: str) -> bool:
    """Whether the scenario's gate is such a one."""
    return trait in ready.registry.traits("gate", ready.model.grid.gate.name)


def _distances(network: Network, nodes: IntArray) -> FloatArray:
    from marketsim.grid.net.distance import distance_ohm

    return distance_ohm(network, nodes)


def _optimum_model(
    ready: ReadyScenario, context: Basics, network: Network, nodes: IntArray, reactive: Reactive
) -> GridModel | None:
    """What the most possible is verified by, where the gate limits anything."""
    if has_trait(ready, "records") or is_regulated(ready):  # the model knows one state of the taps
        return None
    return _ac_model(ready, context, network, nodes, reactive)


def _unlimited(context: Basics) -> Basics:
    """The same without limits of connections, which a gate that plans holds itself."""
    free = np.full(context.community.n_agents, UNLIMITED_WH, dtype=np.int64)
    return replace(context, community=context.community._replace(import_limit_wh=free, export_limit_wh=free))


def _ac_model(
    ready: ReadyScenario, context: Basics, network: Network, nodes: IntArray, reactive: Reactive
) -> GridModel:
    from marketsim.grid.flow.ac_model import AcModel, Worsening
    from marketsim.grid.flow.untraded import UntradedBackground

    grid, hours, own_share = ready.model.grid, context.clock.slot_hours, own_load_share(ready)
    worsening = Worsening(grid.worsen_tolerance.voltage_pu, grid.worsen_tolerance.loading_percent / 100.0)
    background_wh = np.rint(network.nominal_kw * own_share * (hours * WH_PER_KWH)).astype(np.int64)
    inverters = steered(reactive)
    asked = None if inverters is None else inverters.asked_kvar
    background = UntradedBackground(background_wh, network.nominal_kvar * own_share, reactive.behind_kw, asked)
    return AcModel(network, nodes, context.community, hours, reactive.law, worsening, background)


def feeder_of(ready: ReadyScenario) -> Feeder:
    """The feeder of a scenario that has one."""
    if ready.feeder is None:
        raise AssertionError("the scenario has no feeder")
    return ready.feeder
