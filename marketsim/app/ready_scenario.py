"""A scenario that is ready to run: as written, with its parts known, its agents resolved and its feeder loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from marketsim.core.build import AgentSpec
from marketsim.core.fence import Fence
from marketsim.extension.files import PluginFile
from marketsim.extension.registry import Registry
from marketsim.grid.net.feeder import Feeder
from marketsim.scenario.model import Scenario
from marketsim.scenario.source import ScenarioSource


@dataclass(frozen=True, slots=True)
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
