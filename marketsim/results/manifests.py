"""What manifests, summaries and logs of critiques hold, and that what they say fits together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from marketsim.core.errors import Problem, RunFolderError
from marketsim.core.files import json_value, read_bytes
from marketsim.results import json_checks as holds
from marketsim.results.json_checks import MOST_LOG_BYTES, Key, Keys, faults, maybe, named, refuse, seen

STATUSES: Final = ("running", "complete", "failed", "interrupted")
_PLUGIN: Final[Keys] = {name: Key(holds.text, required=True) for name in ("name", "file", "sha256")}

MANIFEST: Final[Keys] = {
    "format": Key(holds.text, required=True),
    "status": Key(holds.one_of(*STATUSES), required=True),
    "pid": Key(maybe(holds.process)),
    "process_started": Key(maybe(holds.count)),
    "host": Key(holds.text),
    "started": Key(holds.text),
    "finished": Key(holds.text),
    "wall_s": Key(holds.number),
    "error": Key(holds.long_text),
    "scenario": Key(holds.text),
    "seed": Key(holds.count),
    "scenario_hash": Key(holds.text),
    "versions": Key(holds.each(maybe(holds.text))),
    "platform": Key(holds.text),
    "plugins": Key(holds.all_of(holds.record(_PLUGIN))),
    "notes": Key(holds.all_of(holds.text)),
    "refused_orders": Key(holds.all_of(holds.text)),
    "signed_prices": Key(holds.all_of(holds.text)),
    "currency": Key(holds.text),
    "critic": Key(holds.mapping),
    "origin": Key(holds.mapping),
}
"""Of everything that has a manifest."""
RUN: Final[Keys] = {
    **MANIFEST,
    "agents": Key(holds.all_of(holds.text), required=True),
    "agent_markets": Key(holds.all_of(holds.count), required=True),
}
STUDY: Final[Keys] = {
    **MANIFEST,
    "started": Key(holds.text, required=True),
    "runs": Key(holds.count, required=True),
    "paths": Key(holds.all_of(holds.text), required=True),
    "tables": Key(holds.flag, required=True),
    "needs_trust": Key(holds.flag),
}
EVALUATION: Final[Keys] = {
    **MANIFEST,
    "arms": Key(holds.all_of(holds.text), required=True),
    "seeds": Key(holds.all_of(holds.count), required=True),
    "weeks": Key(holds.count, required=True),
    "part": Key(holds.text, required=True),
    "overrides": Key(holds.mapping, required=True),
}
CONTROLS: Final[Keys] = {
    **MANIFEST,
    "arms": Key(holds.all_of(holds.text), required=True),
    "seeds": Key(holds.all_of(holds.count), required=True),
    "part": Key(holds.text, required=True),
    "episodes": Key(maybe(holds.count), required=True),
    "learners": Key(holds.mapping, required=True),
    "overrides": Key(holds.mapping, required=True),
}
WEIGHTS: Final[Keys] = {
    **MANIFEST,
    "arms": Key(holds.all_of(holds.text), required=True),
    "seeds": Key(holds.all_of(holds.count), required=True),
    "part": Key(holds.text, required=True),
    "episodes": Key(maybe(holds.count), required=True),
    "checkpoint": Key(maybe(holds.text), required=True),
    "overrides": Key(holds.mapping, required=True),
}
TRAINED: Final[Keys] = {"checkpoint": Key(holds.text, required=True)}
"""Summary of a training, as an evaluation reads it."""

_SUMMARY: Final[Keys] = {name: Key(holds.count, required=True) for name in ("slots", "agents", "seed")}
"""What every complete run has beside the KPIs of its metrics."""
_TRIPLE: Final = maybe(holds.all_of(maybe(holds.score), 3))
_CRITIQUE: Final[Keys] = {
    "slot": Key(holds.slot, required=True),
    "market": Key(holds.count),
    "inputs": Key(holds.text),
    "source": Key(holds.text),
    "latency_s": Key(maybe(holds.number)),
    "error": Key(maybe(holds.long_text)),
    "attempts": Key(maybe(holds.count)),
    "audit_error": Key(maybe(holds.long_text)),
    "features": Key(maybe(holds.all_of(holds.number))),
    **{name: Key(maybe(holds.score)) for name in ("ftg", "fbs", "fpp")},
    **{name: Key(_TRIPLE) for name in ("answer", "rule", "gap", "audit_gap")},
    **{name: Key(maybe(holds.long_text)) for name in ("asked", "model", "digest", "server")},
}


def demand_run(manifest: Mapping[str, Any], file: Path) -> None:
    """RunFolderError with everything that is wrong with the manifest of a run."""
    problems = list(faults(manifest, RUN, str(file)))
    refuse(problems or list(_agents(manifest, str(file))))


def _agents(manifest: Mapping[str, Any], file: str) -> Iterator[Problem]:
    """Every agent has a market and, within it, a name of its own; markets are numbered without gaps."""
    names, markets = manifest["agents"], manifest["agent_markets"]
    if len(names) != len(markets):
        message = f"must have an entry for each of the {len(names)} agents"
        yield Problem(message, "agent_markets", f"{len(markets)}", file=file)
        return
    if sorted(set(markets)) != list(range(len(set(markets)))):
        message = "markets must be numbered from 0 without gaps"
        yield Problem(message, "agent_markets", f"up to {max(markets)}", file=file)
    twice = [name for (name, _), times in Counter(zip(names, markets, strict=True)).items() if times > 1]
    if twice or "" in names:
        message = "every agent of a market must have a name of its own"
        yield Problem(message, "agents", seen((twice or [""])[0]), file=file)


def demand_summary(summary: Mapping[str, Any], file: Path) -> None:
    """RunFolderError with every KPI that is no number, text or null."""
    refuse(list(faults(summary, {name: Key(holds.scalar) for name in summary}, str(file))))


def demand_whole_summary(summary: Mapping[str, Any], file: Path) -> None:
    """RunFolderError with what the summary of a complete run lacks."""
    refuse(list(faults(summary, _SUMMARY, str(file))))


def read_critiques(path: Path) -> list[dict[str, Any]]:
    """Whole lines of a critic's log; a last line that a kill cut off is left out. RunFolderError for what is none."""
    try:
        data = read_bytes(path, MOST_LOG_BYTES, RunFolderError, links=False)
        lines = data.decode("utf-8", errors="replace").split("\n")[:-1]
        found = [json_value(line, path, RunFolderError, place) for place, line in enumerate(lines, start=1)]
    except RunFolderError as error:
        raise RunFolderError([named(problem, path) for problem in error.problems]) from error
    problems = [
        problem for place, entry in enumerate(found, start=1) for problem in _critique_faults(entry, path, place)
    ]
    refuse(problems)
    return found


def _critique_faults(entry: Any, path: Path, line: int) -> Iterator[Problem]:
    if isinstance(entry, dict):
        yield from faults(entry, _CRITIQUE, str(path), line)
    else:
        yield Problem(f"{path.name} is damaged: this line is no object", "", seen(entry), file=str(path), line=line)
