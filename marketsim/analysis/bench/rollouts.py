"""Training roll-outs: many markets side by side in one simulation, every trade checked by the exact gate."""

from __future__ import annotations

from typing import Final

import numpy as np

from marketsim.analysis.bench.rows import BenchFailed, BenchRow, median_s
from marketsim.analysis.bench.runs import IEEE141
from marketsim.app.ready import load_scenario
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.wiring import build
from marketsim.core.records import SlotRecord
from marketsim.core.simulation import Simulation

N_MARKETS: Final = 16
SLOTS: Final = 96
CHECKED: Final = (0, N_MARKETS // 2, N_MARKETS - 1)
"""Markets that are compared with themselves alone."""


def _played(ready: ReadyScenario, seeds: tuple[int, ...]) -> list[SlotRecord]:
    return list(Simulation(build(ready, seeds).world).run())


def check_batch(ready: ReadyScenario, seeds: tuple[int, ...], markets: tuple[int, ...]) -> None:
    """BenchFailed unless markets of a batch give the same as each of them alone: voltages, energies, payments."""
    together = _played(ready, seeds)
    n_agents = len(ready.agents)
    for market in markets:
        own = slice(market * n_agents, (market + 1) * n_agents)
        for batch, alone in zip(together, _played(ready, (seeds[market],)), strict=True):
            same = (
                np.array_equal(batch.grid.v_pu[market], alone.grid.v_pu[0], equal_nan=True)
                and np.array_equal(batch.energy.net_wh[own], alone.energy.net_wh)
                and np.array_equal(batch.ledger.money[:, own], alone.ledger.money)
            )
            if not same:
                raise BenchFailed(
                    f"market {market} of the batch differs from itself alone in slot {batch.inputs.time.slot}"
                )


def rows() -> list[BenchRow]:
    """Agent-steps a second of a random policy (zero intelligence) in 16 markets of 20 agents, gate ``ac``."""
    ready = load_scenario(IEEE141)
    seeds = tuple(range(1, N_MARKETS + 1))
    check_batch(load_scenario(IEEE141, {"clock.slots": SLOTS // 2}), seeds, CHECKED)
    built = build(ready, seeds)

    def day() -> None:
        for _ in Simulation(built.world).run():
            pass

    taken_s = median_s(day, 5)
    steps = SLOTS * built.world.community.n_agents
    detail = (
        f"{N_MARKETS} markets x {len(ready.agents)} zero-intelligence agents, seeds 1-{N_MARKETS}, {SLOTS} slots: "
        f"{taken_s / SLOTS * 1e3:.2f} ms a slot"
    )
    return [
        BenchRow("roll-outs, gate ac, random policy", steps / taken_s, "agent-steps/s", 200_000, 600_000, True, detail)
    ]
