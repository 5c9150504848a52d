"""What is compared: arms, each with the KPIs of one run a seed, from run folders or from a study."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from marketsim.analysis.studies.answer import held_text, plain_value
from marketsim.analysis.studies.folder import Study
from marketsim.analysis.studies.table import OK, kpi_names
from marketsim.app.running import open_run
from marketsim.core.errors import InputError, Problem, RunFolderError
from marketsim.results.folder import COMPLETE
from marketsim.results.reader import Run
from marketsim.scenario.older import renewed
from marketsim.scenario.problems import did_you_mean
from marketsim.scenario.tree import plain
from marketsim.scenario.yamltext import parse

if TYPE_CHECKING:
    import pandas as pd

Kpis = Mapping[str, Any]


class ComparedArm(NamedTuple):
    """One side of a comparison."""

    name: str
    samples: Mapping[int, Kpis]
    """KPIs by seed."""
    scenarios: Mapping[int, Mapping[str, Any]]
    """Resolved scenarios by seed; empty for an arm of a study, whose arms differ in one path."""


def arms_of_runs(folders: Sequence[Path]) -> tuple[ComparedArm, ...]:
    """Runs as arms: those that differ in their seed alone are one arm; RunFolderError for runs without an end."""
    runs = [_complete(folder) for folder in folders]
    scenarios = [
        plain(renewed(parse(run.scenario_text, f"{folder}/scenario.yaml")))
        for run, folder in zip(runs, folders, strict=True)
    ]
    groups: dict[str, list[int]] = {}
    for place, scenario in enumerate(scenarios):
        groups.setdefault(_settings(scenario), []).append(place)
    arms = []
    for places in groups.values():
        seeds = Counter(int(scenarios[place]["seed"]) for place in places)
        # The same seed twice: what looks alike differs in what was drawn, so nobody can say what belongs together.
        parts = [places] if max(seeds.values()) == 1 else [[place] for place in places]
        for part in parts:
            names = [folders[place].name for place in part]
            arms.append(
                ComparedArm(
                    names[0]
                    if len(part) == 1
                    else f"{scenarios[part[0]]['name']} ({len(part)} seeds: {names[0]}, ...)",
                    {int(scenarios[place]["seed"]): runs[place].summary for place in part},
                    {int(scenarios[place]["seed"]): scenarios[place] for place in part},
                )
            )
    return tuple(arms)


def _complete(folder: Path) -> Run:
    run = open_run(folder)
    if run.status != COMPLETE:
        hint = "only a run that has ended has KPIs to compare"
        raise RunFolderError([Problem(f"the run is not complete ({run.status})", file=str(folder), hint=hint)])
    return run


def _settings(scenario: Mapping[str, Any]) -> str:
    """What a scenario says apart from its seed and from what was drawn with it."""
    own = {key: value for key, value in scenario.items() if key not in ("seed", "folder", "agents")}
    kinds = Counter(
        json.dumps([agent.get("kind"), agent.get("group"), agent.get("strategy"), sorted(agent)], sort_keys=True)
        for agent in scenario["agents"]
    )
    return json.dumps([own, sorted(kinds.items())], sort_keys=True)


def arms_of_study(study: Study, by: str | None = None) -> tuple[tuple[ComparedArm, ...], str, list[str]]:
    """The values of one path as arms, averaged over everything else that a study varies; that path; and notes.

    ``by`` None: the first choice without order (such as a gate), else the first path with several values. Points at
    which any arm has a failed run are left out of all arms. InputError for a path that is not varied.
    """
    table = study.table
    path = _path(study, table, by)
    others = [other for other in study.paths if other != path]
    good, notes = _matched(table, path, others)
    kpis = kpi_names(table, study.paths)
    numeric = [name for name in kpis if good[name].dtype != object]
    arms = []
    for value, rows in good.groupby(path, sort=False):
        samples = {int(own["seed"].iloc[0]): _means(own[numeric]) for _, own in rows.groupby("seed")}
        arms.append(ComparedArm(held_text({path: plain_value(value)}), samples, {}))
    if others and len(good):
        points = len(good[others].drop_duplicates())
        notes.append(f"Each value is the mean over {points} points of {', '.join(others)}.")
    return tuple(arms), path, notes


def _means(rows: pd.DataFrame) -> dict[str, float | None]:
    """Mean of each column; None where a value is undefined."""
    return {str(name): None if rows[name].isna().any() else float(rows[name].mean()) for name in rows.columns}


def _path(study: Study, table: pd.DataFrame, by: str | None) -> str:
    if by is not None:
        if by not in study.paths:
            hint = did_you_mean(by, study.paths, "varied are")
            raise InputError([Problem("the study does not vary this", value=by, hint=hint, file="--by")])
        return by
    several = [path for path in study.paths if table[path].nunique() > 1]
    if not several:
        raise InputError([Problem("the study has one point; there is nothing to compare", file=str(study.path))])
    return next((path for path in several if table[path].dtype == object), several[0])


def _matched(table: pd.DataFrame, path: str, others: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """Rows whose other values and seed succeeded in every arm."""
    arms = table[path].nunique()
    good = table[table["status"] == OK]
    complete = good.groupby([*others, "seed"], dropna=False)[path].transform("nunique") == arms
    left_out = len(table) - int(complete.sum())
    notes = [f"{left_out} runs are left out: they, or their counterparts, failed."] if left_out else []
    return good[complete], notes
