"""Importing: an importer reads, the program writes, reads back, compares sums, checks, and puts the folder in place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from marketsim.app.import_sums import compared
from marketsim.app.new_folder import arriving, demand_new_folder
from marketsim.app.parts import made
from marketsim.app.ready import full_registry, load_scenario
from marketsim.app.running import package_version
from marketsim.core.build import FeederBuses, ImportContext
from marketsim.core.errors import ImportedDataError, InputError, Problem, ScenarioError
from marketsim.core.files import create
from marketsim.core.import_rules import REPORT, SCENARIO, imported
from marketsim.core.imported import ImportedScenario
from marketsim.core.params import Params
from marketsim.core.plain_text import harmless
from marketsim.core.rule_terms import Call, Sizes
from marketsim.extension.registry import Registry
from marketsim.results.notebook import frame_of, html
from marketsim.scenario.choice import validate_params, written_params
from marketsim.scenario.dump import text_of
from marketsim.scenario.origin import ComparedSum, Origin, text_of_origin
from marketsim.scenario.overrides import apply_overrides
from marketsim.scenario.problems import InvalidValue, did_you_mean, to_problems
from marketsim.scenario.tree import from_python, plain

_HEAD = "# Made by marketsim import {name}; {report} says what was taken, assumed and left out.\n"


@dataclass(frozen=True, slots=True, repr=False)
class ImportDone:
    """What an import has made."""

    folder: Path
    scenario: Path
    """Its scenario, which ``load_scenario`` takes."""
    report: Origin
    """What was taken, assumed and left out, and the sums that were compared."""
    agents: int

    def __repr__(self) -> str:
        left = len(self.report.left_out)
        return harmless(
            f"<ImportDone {self.scenario}: {self.agents} agents by {self.report.importer}, {left} left out>"
        )

    def _repr_html_(self) -> str:
        report = self.report
        said = (("taken", report.taken), ("assumed", report.assumed), ("LEFT OUT", report.left_out))
        facts = [("scenario", str(self.scenario)), ("agents", str(self.agents))]
        return html(
            f"Import of {report.source} by {report.importer}",
            [*facts, *((head, each) for head, all_ in said for each in all_)],
        )

    @property
    def sums(self) -> Any:
        """Sums of the source and as they are read back, as a DataFrame: ``what``, ``source``, ``source_sum``, ``written``,
        ``written_sum``, ``unit``.
        """
        return frame_of([each.model_dump() for each in self.report.sums], list(ComparedSum.model_fields))


def import_scenario(
    name: str,
    source: str | Path,
    out: str | Path,
    options: Mapping[str, object] | None = None,
    *,
    registry: Registry | None = None,
) -> ImportDone:
    """Make a scenario of data of others in the new folder ``out``, by the importer of this name; as ``marketsim import``.

    ``options`` are its parameters by dotted path, ``registry`` the parts that there are, by default those of the program and of
    installed plugins. The folder is there whole or not at all: it is put in place once its
    scenario has been loaded and the sums of source and tables agree. InputError with everything that is wrong.
    """
    for what, value in (("a source", source), ("a folder", out)):
        if not isinstance(value, str | Path):
            raise ImportedDataError(f"{what} is named by a path or a text, not {type(value).__name__}")
    source, folder = str(source), Path(out)
    demand_new_folder(folder, ImportedDataError)
    known = registry if registry is not None else full_registry()
    params = _params(known, name, options or {})
    found = _checked(made(known, "importer", name, params, import_context()).read(source))
    with arriving(folder, ImportedDataError) as temporary:
        report, agents = _write(temporary, found, name, source, params)
    return ImportDone(folder, folder / SCENARIO, report, agents)


def import_context() -> ImportContext:
    """What importers get to know: files anywhere, and the feeders of the package."""
    return ImportContext(net=_net, buses=_buses)


def _params(registry: Registry, name: str, options: Mapping[str, object]) -> Params:
    """The importer's parameters; ImportedDataError for an unknown importer, ScenarioError for values."""
    known = registry.names("importer")
    if name not in known:
        hint = did_you_mean(name, known)
        raise ImportedDataError([Problem("there is no importer of this name", value=repr(name), hint=hint)])
    root = apply_overrides(from_python({}), options)
    try:
        return validate_params(registry.params("importer", name), plain(root))
    except InvalidValue as error:
        raise ScenarioError(to_problems(error.details, root)) from error


def _checked(result: Any) -> ImportedScenario:
    """What was read, by the rules of the wall; those of plugins have been through them already."""
    return imported(Call(None, (), result, Sizes()))


def _net(name: str) -> Any:
    from marketsim.grid.net.pandapower_nets import feeder

    return feeder(name)


def _buses(name: str) -> FeederBuses:
    from marketsim.grid.net import feeders
    from marketsim.grid.net.bus_table import buses_of

    return buses_of(feeders.load(name))


def _write(folder: Path, found: ImportedScenario, name: str, source: str, params: Params) -> tuple[Origin, int]:
    """Tables, report and scenario; the report, and how many agents the scenario has once it is loaded."""
    for table, data in found.tables.items():
        _put(folder / table, data)
    head = _HEAD.format(name=name, report=REPORT)
    with _named():
        values = plain(from_python({**found.scenario, "origin": REPORT}))
    _put(folder / SCENARIO, (head + text_of(values)).encode())
    report = Origin(
        importer=name,
        version=package_version("marketsim") or "unknown",
        source=Path(source).name or source,
        files=dict(found.sources),
        options=written_params(params),
        taken=found.taken,
        assumed=found.assumed,
        left_out=found.left_out,
        sums=(),
    )
    _put(folder / REPORT, text_of_origin(report).encode())
    with _named():
        ready = load_scenario(folder / SCENARIO)
        report = report.model_copy(update={"sums": compared(found.quantities, ready)})
    (folder / REPORT).unlink()
    _put(folder / REPORT, text_of_origin(report).encode())
    return report, len(ready.agents)


def _put(path: Path, data: bytes) -> None:
    with create(path) as file:
        file.write(data)


@contextmanager
def _named() -> Iterator[None]:
    """Say of what is wrong in the folder that it is what the import made; the folder itself is gone by then."""
    try:
        yield
    except ImportedDataError:
        raise
    except InputError as error:
        told = [each._replace(file=each.file and Path(each.file).name) for each in error.problems]
        hint = "no folder was left; change the source, or an option of the importer"
        raise ImportedDataError([Problem("what was imported makes no valid scenario", hint=hint), *told]) from error
