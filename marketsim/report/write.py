"""Writing a report."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from marketsim.analysis.studies.folder import Study, is_study, open_study
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.running import open_run
from marketsim.core.errors import Problem, RunFolderError
from marketsim.core.files import demand_new
from marketsim.report.page import render
from marketsim.report.run_page import RunContent, page_context, page_data
from marketsim.report.study_page import StudyContent, study_context, study_data
from marketsim.results.folder import REPORT, write_text
from marketsim.results.reader import Run


class Written(NamedTuple):
    """A report in its file."""

    path: Path
    left_out: tuple[str, ...] = ()
    """What the page does not show, and why."""


def run_report(run: Run, ready: ReadyScenario | None = None) -> str:
    """The report of a run as HTML; ``ready`` is its scenario where it is at hand."""
    return _run_page(RunContent(run, ready))


def _run_page(content: RunContent) -> str:
    return render("run.html.j2", ("core.js", "run.js"), page_data(content), page_context(content))


def study_report(study: Study) -> str:
    """The report of a complete study as HTML; RunFolderError for one that is not."""
    return _study_page(StudyContent(study))


def _study_page(content: StudyContent) -> str:
    return render("study.html.j2", ("core.js", "study.js"), study_data(content), study_context(content))


def write_report(run: Run, out: Path | None = None, ready: ReadyScenario | None = None) -> Path:
    """Write the report of a run to ``out``, by default into its folder; RunFolderError where that cannot be done."""
    return _of_run(run, out, ready).path


def _of_run(
    run: Run, out: Path | None, ready: ReadyScenario | None = None, *, force: bool = True, trust: bool = False
) -> Written:
    if out is None and run.path is None:
        raise RunFolderError([Problem("a run in memory has no folder for its report", hint="name a file for it")])
    place = _place(Path("." if run.path is None else run.path), out, force=force)
    content = RunContent(run, ready, trust=trust)
    return Written(_write(_run_page(content), place), tuple(content.left_out))


def report_folder(folder: Path, out: Path | None = None, *, force: bool = False, trust: bool = False) -> Written:
    """Write the report of what is in ``folder``; RunFolderError where there is no run or study.

    ``force`` replaces a file at ``out``. ``trust`` loads the plugins that the folder's scenario names, and reads files
    outside the folder; without it what needs them is left out.
    """
    if not is_study(folder):
        return _of_run(open_run(folder, trust=trust), out, force=force, trust=trust)
    place = _place(folder, out, force=force)
    content = StudyContent(open_study(folder), trust=trust)
    return Written(_write(_study_page(content), place), tuple(content.left_out))


def _place(folder: Path, out: Path | None, *, force: bool) -> Path:
    """Where a page goes. That in the folder itself is ours and replaced, but never what is no file."""
    place = folder / REPORT if out is None else out
    demand_new(place, RunFolderError, force=force if out is not None else not place.is_symlink())
    return place


def _write(text: str, path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text, durable=False)
    except OSError as error:
        message = f"cannot write the report: {error.strerror or error}"
        raise RunFolderError([Problem(message, file=str(path), hint="choose another --out")]) from error
    return path
