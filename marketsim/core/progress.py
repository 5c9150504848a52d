"""How far work of many like pieces is told to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

ProgressCallback: TypeAlias = Callable[[int, int], None]
"""(done, in all): slots of a run, after each; jobs of a study, at the start and after each; answers of a model."""
