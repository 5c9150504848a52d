"""What a worker does for a study: one variant of the scenario, from beginning to end."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from marketsim.app.ready import load_scenario
from marketsim.app.running import simulate
from marketsim.core.files import make_folder
from marketsim.results.folder import json_text
from marketsim.scenario.dump import dump
from marketsim.scenario.source import ScenarioSource

SCENARIO_TEXT, SUMMARY = "scenario", "summary"
"""Entries of a result."""


class Variant(NamedTuple):
    """The payload of a job."""

    overrides: dict[str, Any]
    folder: Path | None
    """Folder of the run; None where nothing is written."""


@dataclass(frozen=True)
class SimulateVariant:
    """Simulates variants of one scenario; picklable."""

    source: ScenarioSource
    tables: bool = False
    """Whether each run's folder gets its tables; workers then have to reach it."""

    def __call__(self, variant: Variant) -> dict[str, Any]:
        """The resolved scenario as text, and the KPIs."""
        ready = load_scenario(self.source, variant.overrides)
        folder = variant.folder if self.tables else None
        if folder is not None:
            make_folder(folder.parent)
            if folder.exists():
                shutil.rmtree(folder)  # what an earlier attempt left
        summary = simulate(ready, folder).summary
        return {SCENARIO_TEXT: dump(ready.model, ready.agents, variant.folder), SUMMARY: json.loads(json_text(summary))}
