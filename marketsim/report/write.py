"""Writing a report."""

from __future__ import annotations

from pathlib import Path

from marketsim.analysis.studies.folder import Study, is_study, open_study
from marketsim.app.ready import ReadyScenario
from marketsim.app.running import open_run
from marketsim.core.errors import Problem, RunFolderError
from marketsim.report.page import render
from marketsim.report.run_page import RunContent, page_context, page_data
from marketsim.report.study_page import StudyContent, study_context, study_data
from marketsim.results.folder import REPORT, write_text
from marketsim.results.reader import Run


def run_report(run: Run, ready: ReadyScenario | None = None) -> str:
    """The report of a run as HTML; ``ready`` is its scenario where it is at hand."""
    content = RunContent(run, ready)
    return render("run.html.j2", ("core.js", "run.js"), page_data(content), page_context(content))


def study_report(study: Study) -> str:
    """The report of a complete study as HTML; RunFolderError for one that is not."""
    content = StudyContent(study)
    return render("study.html.j2", ("core.js", "study.js"), study_data(content), study_context(content))


def write_report(run: Run, out: Path | None = None, ready: ReadyScenario | None = None) -> Path:
    """Write the report of a run to ``out``, by default into its folder; RunFolderError where that cannot be done."""
    if out is None and run.path is None:
        raise RunFolderError([Problem("a run in memory has no folder for its report", hint="name a file for it")])
    return _write(run_report(run, ready), out if out is not None else Path(str(run.path)) / REPORT)


def report_folder(folder: Path, out: Path | None = None) -> Path:
    """Write the report of what is in ``folder``; RunFolderError where there is no run or study."""
    if is_study(folder):
        return _write(study_report(open_study(folder)), out if out is not None else folder / REPORT)
    return write_report(open_run(folder), out)


def _write(text: str, path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text, durable=False)
    except OSError as error:
        message = f"cannot write the report: {error.strerror or error}"
        raise RunFolderError([Problem(message, file=str(path), hint="choose another --out")]) from error
    return path
