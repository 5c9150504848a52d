"""The first run on a machine: kernels are compiled once, by two processes that share the work.

Nearly all of a first run is compilation, on which two processes spend half the time of one. Both go through the same list, one
from each end; which of them compiles a module is decided by who makes the file of its name in a folder of theirs. Run as a
module this is the second process.
"""

from __future__ import annotations

import gc
import importlib
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from marketsim.core.child import module_command, module_environment

if TYPE_CHECKING:
    from marketsim.app.ready_scenario import ReadyScenario

COMPILING: Final = "Compiling kernels for this machine, once (up to a minute)."

_PATIENCE_S: Final = 120.0
"""For the second process once there is nothing left to begin [s]."""

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
    "marketsim.metrics.tally_kernel",
    "marketsim.fairness.totals_kernel",
    "marketsim.core.potential_kernel",
    "marketsim.fairness.measures_kernel",
)


def kernels_of(ready: ReadyScenario) -> tuple[str, ...]:
    """Modules of the kernels that a run of the scenario needs in any case, the gate's first."""
    registry, model = ready.registry, ready.model
    gate = registry.entry("gate", model.grid.gate.name).kernels if ready.feeder is not None else ()
    if gate and ready.feeder is not None:
        from marketsim.grid.net.topology import is_radial

        gate = gate if is_radial(ready.feeder.network) else ()
    return (*gate, *_EVERY_RUN, *registry.entry("engine", model.market.engine.name).kernels)


def compile_once(ready: ReadyScenario, tell: Callable[[str], None] | None = None) -> None:
    """Put the scenario's kernels into the cache if they are not there; ``tell`` gets a line for the user before that.

    The second process is a help and not a need: whatever it does not compile is compiled here.
    """
    modules = kernels_of(ready)
    if next(_missing(modules), None) is None:
        return
    if tell is not None:
        tell(COMPILING)
    with _uncollected():
        try:
            with tempfile.TemporaryDirectory() as claims:
                _share(Path(claims), modules)
        except OSError as error:  # no room for a folder, or for a process
            warnings.warn(f"kernels are compiled by one process alone: {error}", RuntimeWarning, stacklevel=2)
        for module in _missing(modules):
            importlib.import_module(module)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without garbage collection: compilation makes little garbage, and each collection goes through all that it has made."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _share(claims: Path, modules: Sequence[str]) -> None:
    """Compile side by side with the second process. One that hangs is not waited for longer than its last part may take."""
    command = [*module_command("marketsim.app.kernels"), str(claims), *reversed(modules)]
    nothing = subprocess.DEVNULL
    environment = module_environment()
    with subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, env=environment) as other:
        try:
            compile_unclaimed(claims, modules)
            other.wait(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired:
            other.kill()
        except BaseException:  # an interrupt, too: the other process is not left behind
            other.kill()
            raise


def compile_unclaimed(claims: Path, modules: Iterable[str]) -> None:
    """Compile what is not in the cache and what nobody has begun, module after module."""
    for module in _missing(modules):
        if _claimed(claims / module):
            importlib.import_module(module)


def _claimed(path: Path) -> bool:
    try:
        path.touch(exist_ok=False)
    except OSError:  # the other has it; or no file can be made, and the other is left alone with it
        return False
    return True


def _missing(modules: Iterable[str]) -> Iterator[str]:
    """Modules that are not in the cache when their turn comes."""
    from marketsim.core.compiled import in_cache

    return (module for module in modules if not in_cache(module))


if __name__ == "__main__":
    with _uncollected():
        compile_unclaimed(Path(sys.argv[1]), sys.argv[2:])
