"""Folders of results: their files, their manifests, and whether who writes there is still alive."""

from __future__ import annotations

import io
import json
import os
import platform
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from marketsim.core import files
from marketsim.core.errors import Problem, RunFolderError
from marketsim.results.json_checks import read_object, seen
from marketsim.results.manifests import demand_run
from marketsim.results.streams import FINAL_SUFFIX, STREAM_SUFFIX
from marketsim.results.table_columns import TABLES

MANIFEST: Final = "manifest.json"
SUMMARY: Final = "summary.json"
SCENARIO: Final = "scenario.yaml"
CRITIC: Final = "critic.jsonl"
REPORT: Final = "report.html"
FORMAT: Final = "marketsim run 1"
"""What a manifest must say to be ours."""

RUNNING, COMPLETE, FAILED, INTERRUPTED = "running", "complete", "failed", "interrupted"

_OURS: Final = (
    *(table + suffix for table in TABLES for suffix in (FINAL_SUFFIX, STREAM_SUFFIX)),
    *(SUMMARY, SCENARIO, CRITIC, REPORT),
)
"""Files of a run beside its manifest."""


_ENDINGS: Final = frozenset(
    {".csv", ".html", ".json", ".jsonl", ".md", ".parquet", ".png", ".pt", ".svg", ".yaml", FINAL_SUFFIX, STREAM_SUFFIX}
)
"""Of files that a run, a study, an evaluation or a training writes."""


def folder_name(scenario: str, seed: int, now: datetime) -> str:
    """Name of a new run's folder: ``<scenario>-<seed>-<time>``, safe as a file name."""
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in scenario).strip(".") or "run"
    return f"{safe[:80]}-{seed}-{now:%Y%m%dT%H%M%S}"


def json_text(content: Mapping[str, object]) -> str:
    """A JSON object; numpy numbers become plain ones, ValueError for NaN and infinity: what is undefined is None."""
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False, default=_plain) + "\n"


def write_json(path: Path, content: Mapping[str, object], *, durable: bool = True) -> None:
    """Replace ``path`` in one step; see ``json_text``."""
    write_text(path, json_text(content), durable=durable)


def write_text(path: Path, text: str, *, durable: bool = True) -> None:
    """Replace ``path`` in one step, where ``durable`` down to the disk."""
    files.replace(path, text, durable=durable)


def save_figure(figure: Any, path: Path, **options: Any) -> None:
    """Replace ``path`` by a figure of matplotlib, of the kind that its name ends with."""
    made = io.BytesIO()
    figure.savefig(made, format=path.suffix.removeprefix("."), **options)
    files.replace(path, made.getvalue(), durable=False)


def save_figures(figure: Any, paths: Iterable[Path]) -> None:
    """Replace each path by a figure of matplotlib, of the same bytes for the same figure; texts of an SVG stay texts."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "marketsim", "svg.fonttype": "none"}):
        for path in paths:
            save_figure(figure, path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)


def _plain(value: object) -> object:
    if hasattr(value, "item"):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in a JSON file")


def format_of(folder: Path) -> str | None:
    """What the manifest in a folder says that it is of; None without one, RunFolderError for a damaged one."""
    place = folder / MANIFEST
    if not os.path.lexists(place) or never_began(folder):
        return None
    said = read_object(place).get("format")
    return said if isinstance(said, str) else None


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run; RunFolderError where ``folder`` is none."""
    hint = "a run folder has a manifest.json; name the folder that 'marketsim run' printed"
    if folder.is_file():
        asked = "run a scenario first, and name the folder that 'marketsim run' printed"
        raise RunFolderError([Problem("this is a file and no run folder", file=str(folder), hint=asked)])
    if not folder.is_dir():
        raise RunFolderError([Problem("no such run folder", file=str(folder), hint=hint)])
    if not os.path.lexists(folder / MANIFEST):
        raise RunFolderError([Problem("this folder is no run of marketsim", file=str(folder), hint=hint)])
    if never_began(folder):
        raise RunFolderError([Problem("this run ended before its first slot", file=str(folder), hint="run it again")])
    manifest = read_object(folder / MANIFEST)
    if manifest.get("format") != FORMAT:
        message = "this manifest is not of a run that this version can read"
        raise RunFolderError([Problem(message, "format", seen(manifest.get("format")), file=str(folder / MANIFEST))])
    demand_run(manifest, folder / MANIFEST)
    return manifest


def never_began(folder: Path) -> bool:
    """Whether a run claimed the folder and came no further."""
    place = folder / MANIFEST
    return not place.is_symlink() and place.is_file() and place.stat().st_size == 0


def identity() -> dict[str, object]:
    """What tells this process from every other one, also after its number is given anew."""
    return {"pid": os.getpid(), "process_started": _process_started(os.getpid()), "host": platform.node()}


def begun(what: str) -> dict[str, Any]:
    """Head of the manifest of something that this process begins; ``what`` is its format."""
    return {"format": what, "status": RUNNING, **identity(), "started": now_text()}


def ended(manifest: Mapping[str, Any], reached: str) -> dict[str, Any]:
    """The manifest at the end: what it reached and when, without the process that worked on it."""
    of_process = identity().keys()
    kept = {key: value for key, value in manifest.items() if key not in of_process}
    return {**kept, "status": reached, "finished": now_text()}


def ending_of(error: BaseException | None) -> str:
    """``complete``, after Ctrl-C ``interrupted``, after another error ``failed``."""
    return COMPLETE if error is None else INTERRUPTED if isinstance(error, KeyboardInterrupt) else FAILED


def refusal(place: Path, message: str, hint: str) -> RunFolderError:
    """Why a folder cannot be used, and what to do."""
    return RunFolderError([Problem(message, file=str(place), hint=hint)])


def demand_own(folder: Path, folders: Collection[str] = ()) -> None:
    """RunFolderError where anything below a folder is not what results are written into.

    Refused are links, which could lead anywhere, pipes, sockets and devices, folders with the name of a table, a figure or
    another file of results, and files with a name of ``folders``.
    """
    problems = [
        Problem(wrong, file=str(path), hint="put what belongs there in its place, or choose another --out")
        for path in _below(folder)
        if (wrong := _no_place(path, path.parent == folder and path.name in folders))
    ]
    if problems:
        raise RunFolderError(problems[:20])


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            yield Path(place) / name


def _no_place(path: Path, is_folder: bool) -> str:
    """Why something cannot be left where it is; empty where it can."""
    try:
        mode = path.lstat().st_mode
    except OSError:  # it is gone
        return ""
    if stat.S_ISLNK(mode):
        return "is a link, which is not followed here"
    if stat.S_ISDIR(mode):
        return "is a folder, where a file belongs" if path.suffix in _ENDINGS else ""
    if not stat.S_ISREG(mode):
        return "is a pipe, a socket or a device, where a file belongs"
    return "is a file, where a folder belongs" if is_folder else ""


def now_text() -> str:
    """The time, as manifests say it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def status(manifest: Mapping[str, Any]) -> str:
    """Status of a run: what it says, but ``interrupted`` where it says ``running`` and its process is gone."""
    said = str(manifest.get("status", FAILED))
    return INTERRUPTED if said == RUNNING and not _alive(manifest) else said


def _alive(manifest: Mapping[str, Any]) -> bool:
    pid = manifest.get("pid")
    if not isinstance(pid, int) or pid <= 0:
        return False
    if manifest.get("host") != platform.node() or os.name != "posix":
        return True  # cannot be known from here
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return bool(_process_started(pid) == manifest.get("process_started"))


def _process_started(pid: int) -> int | None:
    """Start of a process in clock ticks since boot; None where the system does not say (no /proc)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return int(stat.rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return None


def remove_run(folder: Path) -> None:
    """Take away the files of a run, and nothing else."""
    for entry in sorted(folder.iterdir()):
        if any(files.is_partial_of(entry.name, name) for name in (*_OURS, MANIFEST)):
            entry.unlink(missing_ok=True)
    for name in (*_OURS, MANIFEST):  # the manifest last: what is left half-way is still known as a run
        (folder / name).unlink(missing_ok=True)
