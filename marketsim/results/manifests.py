"""What manifests, summaries and logs of critiques hold, and that what they say fits together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from marketsim.core.errors import Problem, RunFolderError
from marketsim.core.files import json_value, read_bytes
from marketsim.results.schema import (
    MOST_LOG_BYTES,
    Key,
    Keys,
    all_of,
    count,
    each,
    faults,
    flag,
    long_text,
    mapping,
    maybe,
    named,
    number,
    one_of,
    process,
    record,
    refuse,
    scalar,
    score,
    seen,
    slot,
    text,
)

STATUSES: Final = ("running", "complete", "failed", "interrupted")
_PLUGIN: Final[Keys] = {name: Key(text, required=True) for name in ("name", "file", "sha256")}

MANIFEST: Final[Keys] = {
    "format": Key(text, required=True),
    "status": Key(one_of(*STATUSES), required=True),
    "pid": Key(maybe(process)),
    "process_started": Key(maybe(count)),
    "host": Key(text),
    "started": Key(text),
    "finished": Key(text),
    "wall_s": Key(number),
    "error": Key(long_text),
    "scenario": Key(text),
    "seed": Key(count),
    "scenario_hash": Key(text),
    "versions": Key(each(maybe(text))),
    "platform": Key(text),
    "plugins": Key(all_of(record(_PLUGIN))),
    "notes": Key(all_of(text)),
    "refused_orders": Key(all_of(text)),
    "currency": Key(text),
    "critic": Key(mapping),
}
"""Of everything that has a manifest."""
RUN: Final[Keys] = {
    **MANIFEST,
    "agents": Key(all_of(text), required=True),
    "agent_markets": Key(all_of(count), required=True),
}
STUDY: Final[Keys] = {
    **MANIFEST,
    "started": Key(text, required=True),
    "runs": Key(count, required=True),
    "paths": Key(all_of(text), required=True),
    "tables": Key(flag, required=True),
    "needs_trust": Key(flag),
}
EVALUATION: Final[Keys] = {
    **MANIFEST,
    "arms": Key(all_of(text), required=True),
    "seeds": Key(all_of(count), required=True),
    "weeks": Key(count, required=True),
    "part": Key(text, required=True),
    "overrides": Key(mapping, required=True),
}
TRAINED: Final[Keys] = {"checkpoint": Key(text, required=True)}
"""Summary of a training, as an evaluation reads it."""

_SUMMARY: Final[Keys] = {name: Key(count, required=True) for name in ("slots", "agents", "seed")}
"""What every complete run has beside the KPIs of its metrics."""
_TRIPLE: Final = maybe(all_of(maybe(score), 3))
_CRITIQUE: Final[Keys] = {
    "slot": Key(slot, required=True),
    "market": Key(count),
    "inputs": Key(text),
    "source": Key(text),
    "latency_s": Key(maybe(number)),
    "error": Key(maybe(long_text)),
    "attempts": Key(maybe(count)),
    "audit_error": Key(maybe(long_text)),
    "features": Key(maybe(all_of(number))),
    **{name: Key(maybe(score)) for name in ("ftg", "fbs", "fpp")},
    **{name: Key(_TRIPLE) for name in ("answer", "rule", "gap", "audit_gap")},
    **{name: Key(maybe(long_text)) for name in ("asked", "model", "digest", "server")},
}


def demand_run(manifest: Mapping[str, Any], file: Path) -> None:
    """RunFolderError with everything that is wrong with the manifest of a run."""
    problems = list(faults(manifest, RUN, str(file)))
    refuse(problems or list(_agents(manifest, str(file))))


def _agents(manifest: Mapping[str, Any], file: str) -> Iterator[Problem]:
    """Every agent has a market and, within it, a name of its own; markets are numbered without gaps."""
    names, markets = manifest["agents"], manifest["agent_markets"]
    if len(names) != len(markets):
        yield Problem(
            f"must have an entry for each of the {len(names)} agents", "agent_markets", f"{len(markets)}", file=file
        )
        return
    if sorted(set(markets)) != list(range(len(set(markets)))):
        yield Problem(
            "markets must be numbered from 0 without gaps", "agent_markets", f"up to {max(markets)}", file=file
        )
    twice = [name for (name, _), times in Counter(zip(names, markets, strict=True)).items() if times > 1]
    if twice or "" in names:
        yield Problem(
            "every agent of a market must have a name of its own", "agents", seen((twice or [""])[0]), file=file
        )


def demand_summary(summary: Mapping[str, Any], file: Path) -> None:
    """RunFolderError with every KPI that is no number, text or null."""
    refuse(list(faults(summary, {name: Key(scalar) for name in summary}, str(file))))


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
