"""Running a simulation: reference run in lock-step, metrics, critic, validation, tables."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from marketsim.agents.model import MarketModel
from marketsim.app.bill_words import between_of, between_of_run
from marketsim.app.followers import planned_setpoints
from marketsim.app.kernels import compile_once
from marketsim.app.memory import keep_memory
from marketsim.app.own_refusals import FACT as OWN_REFUSALS
from marketsim.app.own_refusals import OwnRefusals
from marketsim.app.ready import ScenarioLike, load_scenario
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.reviews import Reviews
from marketsim.app.shown_progress import progress_of, tell
from marketsim.app.signed_prices import FACT as SIGNED_PRICES
from marketsim.app.signed_prices import SignedPrices
from marketsim.app.wiring import Built, build
from marketsim.core.currency import PLAIN
from marketsim.core.errors import NetworkError, Problem, RunFolderError
from marketsim.core.interrupts import interruptible
from marketsim.core.metric import Metric, Value
from marketsim.core.progress import ProgressCallback
from marketsim.core.records import SlotRecord
from marketsim.core.simulation import Simulation
from marketsim.core.walls import suspecting
from marketsim.metrics.bundle import Metrics
from marketsim.metrics.presentation import headline_texts
from marketsim.results.folder import COMPLETE, SUMMARY, folder_name
from marketsim.results.grid_history import GridHistory
from marketsim.results.manifests import demand_whole_summary
from marketsim.results.reader import Run, RunViews
from marketsim.results.reader import open_run as read_run
from marketsim.results.table_columns import TableLayout
from marketsim.results.writer import RunWriter
from marketsim.scenario.dump import dump, scenario_hash
from marketsim.scenario.origin import read_origin

RUNS: Final = Path("runs")
_OVERRIDES: Final = "values that are set over a scenario go by ms.simulate(ms.load_scenario(scenario, {'seed': 2}))"

_PACKAGES: Final = ("marketsim", "numpy", "scipy", "numba", "llvmlite", "mesa", "power-grid-model", "pyarrow")


def default_folder(ready: ReadyScenario, now: datetime) -> Path:
    """Folder of a run that was not told where to go."""
    return RUNS / folder_name(ready.name, ready.seed, now)


def simulate(
    scenario: ReadyScenario | ScenarioLike,
    out: str | Path | None = None,
    *,
    force: bool = False,
    progress: ProgressCallback | bool | None = None,
    trust: bool = False,
) -> Run:
    """Run a scenario, loaded or what ``load_scenario`` takes, from beginning to end.

    ``out`` is the run folder; None keeps the tables in memory. ``force`` replaces a run that is there. ``progress`` True shows
    how far it is, in a notebook or on a terminal; else it is called with (slots done, in all). ``trust``: a scenario that is
    not loaded yet is your own, see ``load_scenario``.

    Raises RunFolderError for a folder that cannot be used, ValidationMismatch or LawBroken where the program
    contradicts itself, RunError where a plugin fails or the disk is full; what was written until then can be opened.
    """
    folder = None if out is None else _folder(out)
    if not isinstance(scenario, ReadyScenario):
        scenario = load_scenario(scenario, trust=trust)
    began = time.perf_counter()
    keep_memory()
    compile_once(scenario, tell if progress is True else None)
    advance = progress_of(progress, "slots")
    built = build(scenario)
    metrics = Metrics(built.metrics)
    refused, signs = OwnRefusals(scenario, dict(built.kinds)), SignedPrices(built.world.community)
    with ExitStack() as stack:
        model = stack.enter_context(MarketModel(Simulation(built.world), scenario.agents, built.kinds))
        writer = stack.enter_context(_writer(scenario, built, metrics, folder, force=force))
        validator = _validator(scenario, built)
        critics = stack.enter_context(Reviews(built.critic, writer))
        stack.enter_context(interruptible())
        stack.enter_context(suspecting(built.world.suspects))
        for record, reference in _steps(model, built):
            critics.take(record)
            refused.take(record)
            signs.take(record)
            if validator is not None:
                validator.add(record.inputs.time.slot, record.grid, record.exchange)
            planned = planned_setpoints(built.followers, built.world.community.n_agents)
            writer.add(record, metrics.observe(record, reference), reference, planned)
            if advance is not None:
                advance(model.simulation.state.slot, built.world.clock.slots)
        critics.finish()
        for fact, lines in ((OWN_REFUSALS, refused.lines()), (SIGNED_PRICES, signs.lines())):
            if lines:
                writer.note({fact: lines})
        checked = {} if validator is None else _validation_summary(validator.finish())
        summary: dict[str, Value] = {
            "slots": built.world.clock.slots,
            "agents": built.world.community.n_agents,
            "seed": scenario.seed,
            **metrics.summary(),
            **critics.tally.summary(),
            **checked,
            "wall_s": round(time.perf_counter() - began, 3),
        }
        return writer.finish(summary, _SolvedSlots(scenario).views)


def open_run(path: str | Path, *, trust: bool = False) -> Run:
    """A run from its folder, complete or as far as it got; RunFolderError if there is none.

    Looking at it loads no plugin and reads nothing outside of the folder: where ``net`` and ``grid_history`` need that they
    say so, unless ``trust`` allows it.
    """
    run = read_run(_folder(path), _SolvedSlots(trust=trust).views)
    if run.status == COMPLETE:
        demand_whole_summary(run.summary, _folder(path) / SUMMARY)
    return run


def _folder(path: object) -> Path:
    if not isinstance(path, str | Path):
        hint = _OVERRIDES if isinstance(path, Mapping) else ""
        raise RunFolderError([Problem(f"a run folder is a path, not {type(path).__name__}", hint=hint)])
    return Path(path)


def _steps(model: MarketModel, built: Built) -> Iterator[tuple[SlotRecord, SlotRecord]]:
    """Each slot as it ended, in the run and in the reference run, which has the same inputs and depends on nothing else."""
    reference = Simulation(built.reference)
    for record in model.run():
        yield record, reference.step((record.inputs, model.simulation.state.carry))


def _writer(ready: ReadyScenario, built: Built, metrics: Metric, folder: Path | None, *, force: bool) -> RunWriter:
    layout = TableLayout(
        community=built.world.community,
        slots_per_day=built.world.clock.slots_per_day,
        device_names=built.world.device_names,
        slot_columns=metrics.columns,
        elements=(built.elements,),
        voltages=ready.model.output.voltages and ready.feeder is not None,
        book=ready.model.output.book,
        sharing=built.world.sharing is not None,
        planned=bool(built.followers),
    )
    return RunWriter(
        folder,
        layout,
        manifest=manifest_facts(ready, notes=built.notes),
        scenario_text=dump(ready.model, ready.agents, folder),
        force=force,
    )


def manifest_facts(ready: ReadyScenario, *more_packages: str, notes: Sequence[str] = ()) -> dict[str, object]:
    """What a run's manifest says of where it came from; versions also of ``more_packages``, ``notes`` beside the feeder's."""
    origin = None if ready.model.origin is None else read_origin(ready.model.origin, ready.fence)
    return {
        "scenario": ready.name,
        "seed": ready.seed,
        "scenario_hash": scenario_hash(ready.model, ready.agents),
        "versions": {
            "python": platform.python_version(),
            **{name: package_version(name) for name in (*_PACKAGES, *more_packages)},
        },
        "platform": platform.platform(),
        "plugins": [{"name": each.name, "file": each.path.name, "sha256": each.sha256} for each in ready.plugin_files],
        **({} if ready.model.currency == PLAIN else {"currency": ready.model.currency}),
        **({} if origin is None else {"origin": origin.model_dump(mode="json")}),
        "notes": [*(ready.feeder.notes if ready.feeder else ()), *(origin.notes if origin else ()), *notes],
    }


def package_version(package: str) -> str | None:
    """Version of an installed package; None where it is not."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _validator(ready: ReadyScenario, built: Built) -> Any:
    grid = ready.model.grid
    if built.grid is None or not grid.independent_check:
        return None
    from marketsim.app.grid import is_regulated, tap_laws
    from marketsim.grid.flow.fixed_point import FixedPointValidator
    from marketsim.grid.flow.power_flow_check import Validator, batch_threads
    from marketsim.grid.flow.validation import BatchValidator
    from marketsim.grid.net.topology import is_radial

    def check_on(network: Any) -> BatchValidator:
        # the gate of meshed nets is power-grid-model's Newton, so their check has to be another
        solver = Validator(network, threads=batch_threads()) if is_radial(network) else FixedPointValidator(network)
        return BatchValidator(
            solver,
            built.world.community,
            built.world.clock.slot_hours,
            on_mismatch=grid.on_mismatch,
            background_wh=built.background_wh,
        )

    if not is_regulated(ready):
        return check_on(built.grid)
    from marketsim.app.grid import tap_log
    from marketsim.grid.flow.tap_changer import TappedValidator, at_position

    network, laws = built.grid, tap_laws(ready)
    return TappedValidator(lambda at: check_on(at_position(network, laws, at)), tap_log(built.context))


def _validation_summary(found: Any) -> dict[str, Value]:
    return {
        "validated_slots": found.cases,
        "validation_worst_pu": found.worst_pu,
        "validation_worst_wh": found.worst_wh,
        "validation_mismatches": len(found.mismatches),
    }


class _SolvedSlots:
    """Nets, voltages and loadings of a run's slots; NetworkError where what they need is left out."""

    def __init__(self, ready: ReadyScenario | None = None, *, trust: bool = False) -> None:
        """``ready`` None: the run comes from a folder, and its scenario, beside its tables, is read once."""
        self._ready, self._trust = ready, trust
        self._nets: Any = None
        """What the nets of all slots share."""

    @property
    def views(self) -> RunViews:
        """What a run shows beyond its tables; nothing of a feeder where its scenario is known to have none."""
        without = self._ready is not None and self._ready.feeder is None
        bare = RunViews(headline=headline_texts, between=self.between)
        return bare if without else bare._replace(net=self.net, history=self.history)

    def between(self, run: Run) -> str:
        """What lies between the price of a trade and what its sides pay."""
        return between_of_run(run) if self._ready is None else between_of(self._ready)

    def net(self, run: Run, slot: int, market: int) -> Any:
        """The pandapower net of a slot, from the run's table of agents."""
        from marketsim.app.nets import net_of_slot, slot_nets

        ready = self._scenario(run)
        if self._nets is None:
            self._nets = slot_nets(ready)
        return net_of_slot(self._nets, ready, run, slot, market)

    def history(self, run: Run, slots: range, market: int) -> GridHistory:
        """Voltages and loadings."""
        from marketsim.app.grid_history import grid_history

        return grid_history(self._scenario(run), run, slots, market)

    def _scenario(self, run: Run) -> ReadyScenario:
        from marketsim.app.looking import seen_of

        if self._ready is None:
            seen = seen_of(run, trust=self._trust)
            if seen.left_out:
                raise NetworkError(seen.left_out)
            self._ready = seen.ready
        return self._ready
