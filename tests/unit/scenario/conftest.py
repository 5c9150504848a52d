"""A small catalogue of parts, independent of the real ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field, model_validator

from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.params import Params
from marketsim.games.market.params import MarketGameParams
from marketsim.scenario.facts import FeederFacts
from marketsim.scenario.load import Loaded, load_scenario


class Flat(Params):
    retail: float = Field(gt=0)
    """What the utility charges [currency/kWh]."""
    feed_in: float = Field(default=0.0, ge=0)
    """What it pays [currency/kWh]."""

    def largest_price(self) -> float:
        return self.retail


class Auction(Params):
    price_rule: Literal["resting", "midpoint"] = "resting"
    """Price of a trade."""
    rounds: int = Field(default=1, ge=1)
    """Rounds a slot."""


class Synthetic(Params):
    pv_scale: float = Field(default=1.0, ge=0)
    """Factor on PV [-]."""
    demand_scale: float = Field(default=1.0, ge=0)
    """Factor on load [-]."""


class Battery(Params):
    energy_kwh: float = Field(gt=0)
    """Capacity [kWh]."""
    power_kw: float = Field(gt=0)
    """Power [kW]."""
    soc: tuple[float, float] = (0.1, 0.9)
    """Bounds [-]."""
    mode: Literal["fast", "slow"] | None = None
    """A word."""

    @model_validator(mode="after")
    def _ordered(self) -> Battery:
        if self.soc[0] >= self.soc[1]:
            raise ValueError("soc must ascend")
        return self


class Margin(Params):
    margin: float = Field(default=0.02, ge=0, le=1)
    """Share asked on top [-]."""


class Curve(Params):
    points: tuple[tuple[float, float], ...] = ()
    """Pairs of voltage and reactive power."""


class Ollama(Params):
    model: str = "gemma3:4b"
    """Which model."""
    every: int = Field(default=1, ge=1)
    """Slots between two critiques."""


class FakeCatalog:
    """Parts as the registry would list them."""

    parts: Mapping[str, Mapping[str, type[Params]]] = {
        "tariff": {"flat": Flat},
        "engine": {"double_auction": Auction, "pool": Params},
        "charges": {"none": Params, "distance": Params},
        "allocation": {"arrival": Params, "merit": Params},
        "reactive": {"unity": Params, "volt_var": Curve},
        "gate": dict.fromkeys(("ac", "sensitivity", "observe", "doe_maximal", "none"), Params),
        "settlement": {"pay_as_agreed": Params},
        "sharing": {"none": Params, "proportional": Params},
        "profile": {"simbench_2016": Synthetic, "synthetic": Synthetic},
        "critic": {"rule": Params, "ollama": Ollama},
        "learner": {"ppo": Params},
        "game": {"market": MarketGameParams, "dice": Curve},
        "strategy": {"truthful": Params, "margin": Margin},
        "device": {"battery": Battery},
        "metric": {"jain": Params},
        "agent": {"flexible": Params},
        "grid": {"feeder141": Params, "file": Params},
    }

    def names(self, kind: str) -> tuple[str, ...]:
        return tuple(self.parts.get(kind, {}))

    def params(self, kind: str, name: str) -> type[Params]:
        return self.parts[kind][name]

    def traits(self, kind: str, name: str) -> frozenset[str]:
        marked = {
            ("charges", "distance"): "pairwise",
            ("engine", "double_auction"): "pairs",
            ("game", "market"): "rewarded",
            ("gate", "none"): "blind",
            ("sharing", "none"): "idle",
            ("gate", "observe"): "records",
            ("gate", "doe_maximal"): "plans",
        }
        return frozenset(filter(None, (marked.get((kind, name)),)))


FEEDER = FeederFacts(
    nodes={"0": 0, "48": 1, "78": 2, "north": 2, "99": 3},
    load_buses=("48", "78"),
    nominal_kw=(0.0, 80.0, 60.0, 0.0),
    nominal_kvar=(0.0, 60.0, -10.0, 0.0),
)

Load = Callable[..., Loaded]


@pytest.fixture
def catalog() -> FakeCatalog:
    return FakeCatalog()


@pytest.fixture
def feeder() -> FeederFacts:
    return FEEDER


@pytest.fixture
def load(catalog: FakeCatalog) -> Load:
    """``load_scenario`` with the small catalogue and feeder."""

    def call(scenario: Any, overrides: Mapping[str, object] | None = None, **options: Any) -> Loaded:
        return load_scenario(scenario, overrides, **{"catalog": catalog, "feeder": lambda _: FEEDER, **options})

    return call


@pytest.fixture
def problems(load: Load) -> Callable[..., list[Problem]]:
    """Problems of a scenario that must not load."""

    def call(scenario: Any, overrides: Mapping[str, object] | None = None, **options: Any) -> list[Problem]:
        with pytest.raises(ScenarioError) as caught:
            load(scenario, overrides, **options)
        return list(caught.value.problems)

    return call


MINIMAL = """\
clock: {start: 2016-07-12}
tariff: {flat: {retail: 0.30, feed_in: 0.08}}
agents:
  - {kind: prosumer, pv_kw: 5}
"""


@pytest.fixture
def minimal() -> str:
    """The least that a scenario has to say."""
    return MINIMAL


@pytest.fixture
def minimal_file(tmp_path: Path) -> Path:
    """The same as a file."""
    path = tmp_path / "minimal.yaml"
    path.write_text(MINIMAL, encoding="utf-8")
    return path
