"""Pandapower nets of the slots of a run."""

from __future__ import annotations

from typing import Any

import numpy as np

from marketsim.app.grid_history import tap_positions
from marketsim.app.ready import feeder_options
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.errors import InputError
from marketsim.grid.flow.net_of_slot import Injection, SlotNets, Taps
from marketsim.results.reader import Run

_COLUMNS = ("agent", "market", "net_wh", "kvar")


def slot_nets(ready: ReadyScenario) -> SlotNets:
    """The feeder of a scenario, prepared for any number of slots."""
    if ready.model.grid.feeder is None:
        raise InputError("this run has no grid, so its slots have no net")
    return SlotNets(
        ready.model.grid.feeder,
        ready.fence.opened_for(ready.model.grid.feeder),
        feeder_options(ready.model),
        background=ready.model.grid.load_scale if ready.model.grid.background else 0.0,
        hours=ready.model.clock.slot_minutes / 60.0,
    )


def net_of_slot(nets: SlotNets, ready: ReadyScenario, run: Run, slot: int, market: int) -> Any:
    """The net of one slot and market, with every agent's metered power, solved."""
    rows = run.table("agents", columns=[*_COLUMNS, "slot"], slot=slot)
    table = {name: rows.column(name).to_numpy() for name in _COLUMNS}
    own = table["market"] == market
    if not own.any():
        raise InputError(f"this run has no slot {slot} of market {market}; it has {run.n_slots} slots")
    hours = ready.model.clock.slot_minutes / 60.0
    specs = [ready.agents[agent] for agent in table["agent"][own]]
    return nets.net(
        Injection(
            names=[spec.name for spec in specs],
            buses=[str(spec.bus) for spec in specs],
            net_kw=np.asarray(table["net_wh"][own] / (1_000.0 * hours)),
            kvar=np.asarray(table["kvar"][own], dtype=np.float64),
        ),
        _taps(ready, run, slot),
    )


def _taps(ready: ReadyScenario, run: Run, slot: int) -> Taps:
    """Where the tap changers stood in a slot."""
    from marketsim.app.grid import tap_laws

    positions = tap_positions(ready, run, slot)
    return tuple(zip(tap_laws(ready), positions[slot], strict=True)) if positions else ()
