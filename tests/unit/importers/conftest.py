"""Folders in the layouts of others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

PARTS = Path(__file__).resolve().parents[2] / "parts"


@pytest.fixture(scope="session")
def foreign() -> Iterator[Any]:
    """The module that makes them."""
    sys.path.insert(0, str(PARTS))
    try:
        import foreign_data  # type: ignore[import-not-found]

        yield foreign_data
    finally:
        sys.path.remove(str(PARTS))


@pytest.fixture
def citylearn_folder(foreign: Any, tmp_path: Path) -> Path:
    """Two buildings of three days."""
    found: Path = foreign.citylearn(tmp_path / "city")
    return found


@pytest.fixture
def importing(tmp_path: Path) -> Callable[..., Any]:
    """``importing(name, source, **options)``: what an import has made in a new folder."""
    from marketsim.app.importing import import_scenario

    def made(name: str, source: Path | str, **options: object) -> Any:
        return import_scenario(name, str(source), tmp_path / "out", options)

    return made
