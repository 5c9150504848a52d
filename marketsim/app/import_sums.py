"""Sums over what an import wrote, as the program reads it for a run, beside those of the source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.build import AgentSpec
from marketsim.core.errors import ImportedDataError, Problem
from marketsim.core.imported import ImportedQuantity
from marketsim.devices.sessions import read_sessions
from marketsim.profiles.file_params import FileParams
from marketsim.profiles.series import SeriesFile
from marketsim.scenario.origin import ComparedSum

AGREE: Final = 1e-4
"""Largest difference of two sums, as a share of the source's."""
_NOTHING: Final = 1e-6
"""Sums below it are none [in their unit]."""


def compared(quantities: Iterable[ImportedQuantity], ready: ReadyScenario) -> tuple[ComparedSum, ...]:
    """Each quantity with what was written of it; ImportedDataError where two sums differ by more than 0.01 %."""
    quantities = tuple(quantities)
    sums = {("agents", "", each.column): _of_agents(ready.agents, each.column) for each in quantities if not each.file}
    for file in dict.fromkeys(each.file for each in quantities if each.held == "series"):
        wanted = [each.column for each in quantities if each.held == "series" and each.file == file]
        sums |= {("series", file, column): kwh for column, kwh in _of_series(file, wanted, ready).items()}
    for file in dict.fromkeys(each.file for each in quantities if each.held == "sessions"):
        kwh = {name: float(own.energy_kwh.sum()) for name, own in read_sessions(file, ready.fence).items()}
        sums |= {("sessions", file, name): energy for name, energy in kwh.items()}
    lost = [each for each in quantities if (each.held, each.file, each.column) not in sums]
    if lost:
        told = "this is a fault of the importer"
        raise ImportedDataError(
            [Problem(f"{each.what} was not written", value=f"{each.file}: {each.column}", hint=told) for each in lost]
        )
    found = tuple(_beside(each, sums[each.held, each.file, each.column]) for each in quantities)
    wrong = [each for each in found if not _agree(each)]
    if wrong:
        hint = "this is a fault of the importer"
        raise ImportedDataError([_differing(each, hint) for each in wrong])
    return found


def _beside(quantity: ImportedQuantity, written: float) -> ComparedSum:
    where = f"{quantity.file}: {quantity.column}" if quantity.file else f"agents: {quantity.column}"
    return ComparedSum(
        what=quantity.what,
        source=quantity.source,
        source_sum=quantity.amount,
        written=where,
        written_sum=written,
        unit=quantity.unit,
    )


def _agree(each: ComparedSum) -> bool:
    return abs(each.written_sum - each.source_sum) <= max(AGREE * abs(each.source_sum), _NOTHING)


def _differing(each: ComparedSum, hint: str) -> Problem:
    seen = f"{each.source_sum:.9g} and {each.written_sum:.9g} {each.unit}"
    return Problem(f"{each.what}: the sums of {each.source} and {each.written} differ", value=seen, hint=hint)


def _of_series(file: str, columns: list[str], ready: ReadyScenario) -> dict[str, float]:
    """Energy of each column [kWh], read as a run reads it."""
    params = ready.model.profiles.params
    if not isinstance(params, FileParams):
        seen, hint = ready.model.profiles.name, "this is a fault of the importer"
        raise ImportedDataError([Problem("series were written that no profiles read", value=seen, hint=hint)])
    read = SeriesFile(params.model_copy(update={"path": file}), ready.fence, {})
    values = params.values if isinstance(params.values, str) else None
    series, problems = read.series({name: values for name in columns if name in read.table.columns})
    if series is None:
        raise ImportedDataError(problems)
    return {name: float(power.sum()) * series.steps.hours for name, power in series.powers.items()}


def _of_agents(agents: Iterable[AgentSpec], path: str) -> float:
    """Sum of a number over all agents that have it."""
    found = [_member(agent, path.split(".")) for agent in agents]
    return sum(float(value) for value in found if isinstance(value, int | float))


def _member(agent: AgentSpec, steps: list[str]) -> Any:
    value: Any = agent.devices if steps[0] in agent.devices else agent
    for step in steps:
        value = value.get(step) if isinstance(value, Mapping) else getattr(value, step, None)
    return value
