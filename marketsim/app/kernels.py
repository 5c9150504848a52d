"""The first run on a machine: kernels are compiled once, by two processes that share the work.

Nearly all of a first run is compilation, on which two processes spend half the time of one. Both go through the same list, one
from each end, and leave out what the other has put into the cache already. Run as a module this is the second process.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from marketsim.app.ready import ReadyScenario

COMPILING: Final = "Compiling kernels for this machine, once (up to a minute)."

_EVERY_RUN: Final = (
    "marketsim.core.slot_kernel",
    "marketsim.core.matching_kernel",
    "marketsim.core.sensing_kernel",
    "marketsim.core.rng_kernel",
    "marketsim.core.free_gate_kernel",
    "marketsim.devices.battery_kernel",
    "marketsim.agents.strategies.orders_kernel",
    "marketsim.agents.strategies.plan_kernel",
    "marketsim.market.bounds_kernel",
    "marketsim.market.settlement_kernel",
    "marketsim.metrics.snapshot_kernel",
    "marketsim.metrics.merit_kernel",
    "marketsim.metrics.tally_kernel",
    "marketsim.fairness.totals_kernel",
    "marketsim.core.potential_kernel",
    "marketsim.fairness.measures_kernel",
)
_GATES: Final = {
    "ac": ("marketsim.grid.gate_kernel",),
    "sensitivity": ("marketsim.grid.gate_screen_kernel",),
    "observe": ("marketsim.grid.gate_observe_kernel",),
}
_EVERY_GATE: Final = ("marketsim.grid.gate_market_kernel", "marketsim.grid.gate_report_kernel")
_ENGINES: Final = {"double_auction": ("marketsim.market.double_auction_kernel",)}


def kernels_of(ready: ReadyScenario) -> tuple[str, ...]:
    """Modules of the kernels that a run of the scenario needs in any case, the gate's first."""
    gate: tuple[str, ...] = ()
    if ready.feeder is not None and ready.model.grid.gate in _GATES:
        from marketsim.grid.radial import is_radial

        if is_radial(ready.feeder.network):
            gate = (*_EVERY_GATE, *_GATES[ready.model.grid.gate])
    return (*gate, *_EVERY_RUN, *_ENGINES.get(ready.model.market.engine.name, ()))


def compile_once(ready: ReadyScenario, tell: Callable[[str], None] | None = None) -> None:
    """Put the scenario's kernels into the cache if they are not there; ``tell`` gets a line for the user before that.

    The second process is a help and not a need: whatever it does not compile is compiled here.
    """
    from marketsim.core.compiled import in_cache

    modules = kernels_of(ready)
    if all(in_cache(module) for module in modules):
        return
    if tell is not None:
        tell(COMPILING)
    command = [sys.executable, "-m", "marketsim.app.kernels", *reversed(modules)]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as other:
        try:
            compile_missing(modules)
        except BaseException:
            other.kill()
            raise


def compile_missing(modules: Iterable[str]) -> None:
    """Compile what is not in the cache, module after module."""
    from marketsim.core.compiled import in_cache

    for module in modules:
        if not in_cache(module):
            importlib.import_module(module)


if __name__ == "__main__":
    compile_missing(sys.argv[1:])
