"""The folder of a study: its design, one table, every run; whether it is complete, and how it goes on."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from marketsim.analysis.execution.store import FolderStore
from marketsim.analysis.studies.axes import Axis
from marketsim.analysis.studies.plan import StudyPlan, plan_study
from marketsim.analysis.studies.reading import read_design, read_sensitivities, read_study_table
from marketsim.analysis.studies.sensitivity import Sensitivity
from marketsim.analysis.studies.variant import SCENARIO_TEXT
from marketsim.analysis.studies.variant import SUMMARY as VARIANT_SUMMARY
from marketsim.app.ready import load_scenario
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.running import manifest_facts
from marketsim.core.errors import RunError, RunFolderError
from marketsim.core.plain_text import harmless
from marketsim.results import manifests
from marketsim.results.folder import COMPLETE, MANIFEST, SCENARIO, format_of, refusal, status
from marketsim.results.json_checks import Key, each, read_object, record, scalar
from marketsim.results.notebook import html
from marketsim.results.session import FolderKind, Session
from marketsim.scenario.dump import relative_path, scenario_hash, text_of
from marketsim.scenario.source import read_source
from marketsim.scenario.tree import plain, shorten_text, texts
from marketsim.scenario.yamltext import parse

if TYPE_CHECKING:
    import pandas as pd

FORMAT: Final = "marketsim study 1"
"""What the manifest of a study says."""
DESIGN: Final = "study.yaml"
TABLE, TABLE_CSV, TIMINGS = "study.parquet", "study.csv", "timings.csv"
ANSWER, SENSITIVITY = "answer.json", "sensitivity.csv"
RUNS, FIGURES = "runs", "figures"
STUDY: Final = FolderKind("a study", FORMAT, manifests.STUDY, folders=(RUNS, FIGURES))
NEEDS_TRUST: Final = "needs_trust"
"""Says in the manifest whether the scenario in the folder names plugins or files, which lie elsewhere."""
_HINT: Final = "name the folder that 'marketsim whatif' printed"
_MOST_LEVELS: Final = 8
"""Values of an axis that are listed."""


class Study:
    """A study in a folder; made by ``open_study``."""

    def __init__(
        self, path: Path, manifest: Mapping[str, Any], design: Mapping[str, Any], axes: tuple[Axis, ...]
    ) -> None:
        self.path = path
        self.axes = axes
        """What was varied."""
        self.manifest = dict(manifest)
        self.design = dict(design)
        """What ``study.yaml`` says."""
        self.status = status(manifest)
        """``complete``, ``running``, ``interrupted`` or ``failed``."""

    def __repr__(self) -> str:
        return harmless(f"<Study {self.design['scenario']}: {self.status}, {self._extent}, {self.path}>")

    def _repr_html_(self) -> str:
        varied = [(axis.label, _values_text(axis)) for axis in self.axes]
        facts = [("status", self.status), ("runs", self._extent), *varied, ("folder", self.path)]
        return html(f"Study of {self.design['scenario']}", facts)

    @property
    def _extent(self) -> str:
        points, seeds = self.design["points"], len(self.design["seeds"])
        return f"{points:,} point{'' if points == 1 else 's'} x {seeds} seed{'' if seeds == 1 else 's'}"

    @property
    def paths(self) -> tuple[str, ...]:
        """Every varied path, a column of the table each."""
        return tuple(path for axis in self.axes for path in axis.paths)

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row a run; RunFolderError unless the study is complete and its table can be read."""
        if self.status != COMPLETE:
            raise refusal(self.path, f"the study is not complete ({self.status})", f"go on: {resume_hint(self.path)}")
        try:
            return read_study_table(self.path / TABLE, self.axes, self.design["runs"])
        except RunFolderError as error:
            raise self._to_write_anew(error, "the table cannot be read") from error

    def _to_write_anew(self, error: RunFolderError, message: str) -> RunFolderError:
        hint = f"write it anew: {resume_hint(self.path)}"
        return RunFolderError(
            [each._replace(message=f"{message}: {each.message}", hint=hint) for each in error.problems]
        )

    @cached_property
    def sensitivities(self) -> tuple[Sensitivity, ...]:
        """How much each axis moves each KPI, as the study wrote it; empty where its file is missing."""
        path = self.path / SENSITIVITY
        if not os.path.lexists(path):
            return ()
        try:
            return read_sensitivities(path)
        except RunFolderError as error:
            raise self._to_write_anew(error, "cannot be read") from error

    def run_folder(self, run: int) -> Path:
        """Folder of a run, by its number in the table."""
        return self.path / RUNS / run_key(run, int(self.design["runs"]))


def _values_text(axis: Axis) -> str:
    """What an axis takes, in short."""
    if axis.span is not None:
        return f"{axis.span.low:g} to {axis.span.high:g}"
    levels = [", ".join(shorten_text(str(value)) for value in level) for level in axis.levels]
    return "; ".join(levels if len(levels) <= _MOST_LEVELS else [*levels[: _MOST_LEVELS - 1], "...", levels[-1]])


def open_study(path: str | Path) -> Study:
    """The study in a folder; RunFolderError where there is none."""
    folder = Path(path)
    if not is_study(folder):
        raise refusal(folder, "this folder is no study of marketsim", _HINT)
    manifest = read_object(folder / MANIFEST, manifests.STUDY)
    return Study(folder, manifest, *read_design(folder / DESIGN))


def is_study(folder: Path) -> bool:
    """Whether a folder holds a study, complete or not."""
    return format_of(folder) == FORMAT


def plan_of(study: Study, *, trust: bool = False, tell: Callable[[Path], None] | None = None) -> StudyPlan:
    """The plan of a study that goes on; whoever goes on with it is told if it is no longer the same.

    Scenario and values come from the study's folder, none of them is the user's own word. ``trust`` and ``tell`` are for
    ``load_scenario``.
    """
    source = read_source(study.path / SCENARIO, trust=trust)._replace(listens=False)
    return plan_study(
        load_scenario(source, trust=trust, tell=tell),
        study.axes,
        design=study.design["design"],
        samples=study.design["samples"],
        seeds=study.design["seeds"],
    )


def run_key(run: int, runs: int) -> str:
    """Name of a run's folder, such that names sort as numbers."""
    return f"{run:0{max(4, len(str(runs - 1)))}d}"


def resume_hint(folder: Path) -> str:
    """The command that finishes a study; with ``--trust`` where its own manifest says that its scenario needs it."""
    try:
        needs = is_study(folder) and read_object(folder / MANIFEST, manifests.STUDY).get(NEEDS_TRUST) is True
    except RunFolderError:
        needs = False
    return shlex.join(["marketsim", "whatif", "--resume", *(["--trust"] if needs else []), "--out", str(folder)])


def needs_trust(ready: ReadyScenario) -> bool:
    """Whether a scenario that lies elsewhere than its files, as one in a folder of results, has to be trusted."""
    if ready.plugin_files:
        return True
    folder = ready.fence.folder
    names = {text.removeprefix("file:").partition("*")[0] for _, text in texts(ready.source.root)}
    with contextlib.suppress(OSError, ValueError):  # no path at all
        return any((folder / name).exists() for name in names if name and len(name) < 1000 and name != str(folder))
    return True


def design_of(plan: StudyPlan) -> dict[str, Any]:
    """What ``study.yaml`` says of a plan: everything that its table depends on but the versions of the software."""
    ready = plan.scenario
    return {
        "scenario": ready.name,
        "scenario_hash": scenario_hash(ready.model, ready.agents),
        "design": plan.design,
        "samples": plan.samples,
        "seeds": list(plan.seeds),
        "vary": [_axis_entry(axis) for axis in plan.axes],
        "points": len(plan.points),
        "runs": plan.n_runs,
        "plugins": [{"name": each.name, "file": each.path.name, "sha256": each.sha256} for each in ready.plugin_files],
    }


def _axis_entry(axis: Axis) -> dict[str, Any]:
    if axis.span is not None:
        return {"paths": list(axis.paths), "low": axis.span.low, "high": axis.span.high, "whole": axis.span.whole}
    return {"paths": list(axis.paths), "values": [list(level) for level in axis.levels]}


def written_scenario(ready: ReadyScenario, folder: Path) -> str:
    """The scenario as it was given, overrides and what it extends in place, for a file in ``folder``."""
    values = {"name": ready.name, **plain(ready.source.root)}
    values["folder"] = relative_path(ready.model.folder.absolute(), folder)
    return text_of(values)


@contextlib.contextmanager
def session(folder: Path, plan: StudyPlan, *, resume: bool, tables: bool) -> Iterator[FolderStore]:
    """Work on the study in ``folder``, which says how it ended; yields the store of its runs.

    Raises RunFolderError where the folder holds anything else, or another study, or where someone works on it
    already; RunError where the disk takes no more.
    """
    with _begun(folder, plan, resume=resume, tables=tables):
        try:
            yield FolderStore(
                folder / RUNS, {SCENARIO_TEXT: SCENARIO}, record({VARIANT_SUMMARY: Key(each(scalar), required=True)})
            )
        except OSError as error:
            raise RunError(
                f"cannot write the study to {folder}: {error.strerror or error}. Finished runs are kept. "
                f"Free space, then go on: {resume_hint(folder)}"
            ) from error


def _begun(folder: Path, plan: StudyPlan, *, resume: bool, tables: bool) -> Session:
    """The study's folder, in which this process now works."""
    held = Session(folder, STUDY, resume=resume)
    facts: dict[str, Any] = {**manifest_facts(plan.scenario)}
    if held.resumes:
        _demand_same(open_study(folder), plan, facts["versions"])
        tables = held.earlier["tables"]
    facts |= {
        "runs": plan.n_runs,
        "paths": list(plan.paths),
        "tables": tables,
        NEEDS_TRUST: needs_trust(plan.scenario),
    }
    held.begin(facts, {SCENARIO: written_scenario(plan.scenario, folder.absolute()), DESIGN: text_of(design_of(plan))})
    return held


def _demand_same(before: Study, plan: StudyPlan, versions: Mapping[str, Any]) -> None:
    """Rows of one table come from one scenario, one design and one set of versions."""
    now = plain(parse(text_of(design_of(plan)), DESIGN))
    changed = [key for key in now if now[key] != before.design.get(key)]
    if changed:
        message = f"the study there is another one: it differs in {', '.join(changed)}"
        hint = f"to finish it as it was begun: {resume_hint(before.path)}; else choose another --out"
        raise refusal(before.path, message, hint)
    began = before.manifest.get("versions", {})
    differ = [
        f"{name} {began.get(name)} -> {version}" for name, version in versions.items() if began.get(name) != version
    ]
    if differ:
        message = f"the study there was begun with other versions: {', '.join(differ)}"
        raise refusal(before.path, message, "go on with the versions of its manifest.json, or choose another --out")
