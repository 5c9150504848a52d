"""A scenario that is ready to run: as written, with its parts known, its agents resolved and its feeder loaded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from marketsim.core.build import AgentSpec
from marketsim.core.fence import Fence
from marketsim.extension.files import PluginFile
from marketsim.extension.registry import Registry
from marketsim.grid.net.feeder import Feeder
from marketsim.results.notebook import html
from marketsim.scenario.model import Scenario
from marketsim.scenario.source import ScenarioSource


@dataclass(frozen=True, slots=True, repr=False)
class ReadyScenario:
    """A scenario with everything that it names; made by ``load_scenario``."""

    model: Scenario
    agents: tuple[AgentSpec, ...]
    """Agents of one market, every number drawn."""
    source: ScenarioSource
    registry: Registry
    plugin_files: tuple[PluginFile, ...]
    feeder: Feeder | None
    read: Callable[[ScenarioSource, Mapping[str, object]], ReadyScenario] = field(repr=False, compare=False)
    """What made it of its source, and makes its variants."""
    plans: Path | None = None
    """Folder of the experts' plans, to be shared by several trainings; None: each makes its own."""

    def __repr__(self) -> str:
        facts = self._facts()
        return f"<ReadyScenario {self.name} (seed {self.seed}): {', '.join(facts[key] for key in _IN_A_LINE if key in facts)}>"

    def _repr_html_(self) -> str:
        return html(f"Scenario {self.name} (seed {self.seed})", self._facts().items())

    def _facts(self) -> dict[str, str]:
        """What a reader wants to know first, by name."""
        model, clock = self.model, self.model.clock
        kinds = Counter(agent.kind for agent in self.agents)
        facts = {
            "agents": ", ".join(f"{count:,} {kind}{'' if count == 1 else 's'}" for kind, count in kinds.items()),
            "clock": f"{clock.slots:,} slots of {clock.slot_minutes} minutes from {clock.start}",
            "feeder": "no feeder" if model.grid.feeder is None else f"feeder {model.grid.feeder}",
            "gate": "" if model.grid.feeder is None else f"gate {model.grid.gate.name}",
            "engine": f"engine {model.market.engine.name}",
            "tariff": f"{model.tariff.name} [{model.currency}/kWh]",
            "profiles": model.profiles.name,
            "plugins": ", ".join(each.name for each in self.plugin_files),
        }
        return {key: text for key, text in facts.items() if text}

    @property
    def name(self) -> str:
        """Its name, part of the run folder's."""
        return self.model.name

    @property
    def fence(self) -> Fence:
        """Where the files that it names may lie."""
        return self.source.fence

    @property
    def seed(self) -> int:
        """Seed of all random streams."""
        return self.model.seed

    def variant(self, overrides: Mapping[str, object]) -> ReadyScenario:
        """The same scenario with other values at the given paths; ScenarioError as for ``load_scenario``."""
        return self.read(self.source, overrides)


_IN_A_LINE: Final = ("agents", "clock", "feeder", "gate", "engine")
