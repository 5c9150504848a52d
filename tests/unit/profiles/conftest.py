"""Contexts of small communities, and files of series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from marketsim.core.build import AgentSpec, BuildContext, Choice, LoadSpec
from marketsim.core.clock import Clock
from marketsim.core.params import Params
from marketsim.core.rng import Streams
from marketsim.testing.worlds import FixedTariff, community


class Ev(Params):
    """What profiles read of a vehicle."""

    energy_kwh: float = 50.0
    arrival_hour: float = 18.0
    departure_hour: float = 7.0
    arrival_spread_h: float = 1.5
    departure_spread_h: float = 0.75
    daily_kwh: float = 8.0


class HeatPump(Params):
    """What profiles read of a heat pump."""

    annual_heat_kwh: float = 8_000.0


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
    **facts: object,
) -> BuildContext:
    """A market a seed, each with the same agents."""
    return BuildContext(
        clock=Clock(start, slots, slot_minutes),
        streams=Streams(seeds),
        community=community(len(agents), len(seeds)),
        agents=tuple(agents),
        tariff=FixedTariff(len(seeds)),
        facts=facts,
    )


@pytest.fixture(scope="session")
def agent() -> Callable[..., AgentSpec]:
    """Make an agent."""
    return make_agent


@pytest.fixture(scope="session")
def context() -> Callable[..., BuildContext]:
    """Make a context."""
    return make_context


@pytest.fixture(scope="session")
def ev() -> type[Ev]:
    """Parameters of a vehicle."""
    return Ev


@pytest.fixture(scope="session")
def heat_pump() -> type[HeatPump]:
    """Parameters of a heat pump."""
    return HeatPump


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
