"""Contexts of small communities, and files of series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from marketsim.core.build import OPEN, AgentSpec, BuildContext, Choice, LoadSpec
from marketsim.core.clock import Clock
from marketsim.core.fence import Fence
from marketsim.core.params import Params
from marketsim.core.rng import Streams
from marketsim.devices.params import EvParams, HeatPumpParams
from marketsim.testing.fleets import declared
from marketsim.testing.worlds import FixedTariff, community


def make_agent(name: str = "a0", *, load: LoadSpec | None = None, pv_kw: float = 0.0, **fields: object) -> AgentSpec:
    """An agent of 3000 kWh a year unless told otherwise; ``fields`` are others of AgentSpec."""
    given = {"kind": "prosumer", "group": 0, "bus": None, "pv_shape": None, "devices": {}}
    spec = {**given, "strategy": Choice("utility_only", Params()), **fields}
    return AgentSpec(name=name, load=load or LoadSpec(annual_kwh=3000.0), pv_kw=pv_kw, **spec)


def make_context(
    agents: Sequence[AgentSpec],
    *,
    seeds: Sequence[int] = (1,),
    start: date = date(2016, 7, 12),
    slots: int = 96,
    slot_minutes: int = 15,
    folder: Path | str | None = None,
    closure_slots: int = 0,
) -> BuildContext:
    """A market a seed, each with the same agents and what their devices declare."""
    bare = BuildContext(
        clock=Clock(start, slots, slot_minutes),
        streams=Streams(seeds),
        community=community(len(agents), len(seeds)),
        agents=tuple(agents),
        tariff=FixedTariff(len(seeds)),
        fence=OPEN if folder is None else Fence(Path(folder), Path(folder)),
        closure_slots=closure_slots,
    )
    return declared(bare)


@pytest.fixture(scope="session")
def agent() -> Callable[..., AgentSpec]:
    """Make an agent."""
    return make_agent


@pytest.fixture(scope="session")
def context() -> Callable[..., BuildContext]:
    """Make a context."""
    return make_context


@pytest.fixture(scope="session")
def ev() -> type[EvParams]:
    """Parameters of a vehicle."""
    return EvParams


@pytest.fixture(scope="session")
def heat_pump() -> Callable[..., HeatPumpParams]:
    """Parameters of a heat pump."""
    return partial(HeatPumpParams, power_kw=3.0)


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., BuildContext]:
    """Write columns of numbers below a header of times from 12 July 2016; returns the file's name."""

    def write(
        columns: dict[str, Sequence[object]],
        *,
        minutes: int = 60,
        start: datetime = datetime(2016, 7, 12),
        times: Sequence[str] | None = None,
        name: str = "series.csv",
    ) -> str:
        n_rows = len(next(iter(columns.values())))
        stamps = times or [(start + timedelta(minutes=minutes * row)).isoformat() for row in range(n_rows)]
        lines = [",".join(("time", *columns))]
        for stamp, *cells in zip(stamps, *columns.values(), strict=True):
            lines.append(",".join((stamp, *(str(cell) for cell in cells))))
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return name

    return write
