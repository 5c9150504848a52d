"""The scenario: what a run depends on, validated and frozen.

The docstrings below are the reference of the file format; ``marketsim schema`` prints them. A section that is left
out has its defaults.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema

from marketsim.core.clock import Clock
from marketsim.core.currency import MOST_LETTERS, PLAIN, is_label
from marketsim.core.params import Params
from marketsim.scenario import choice
from marketsim.scenario.agents import AgentEntry
from marketsim.scenario.learning import LearningSection
from marketsim.scenario.problems import Detail, InvalidValue
from marketsim.scenario.quantity import Bus

MAX_SLOTS: Final = 10_000_000
MAX_ENTRIES: Final = 50_000
MAX_PARTS: Final = 100


class ClockSection(Params):
    """When the run takes place."""

    start: Annotated[datetime.date, Field(json_schema_extra={"pattern": r"^\d{4}-\d{2}-\d{2}$"})]
    """First day, from midnight local standard time."""
    slots: int = Field(default=96, ge=1, le=MAX_SLOTS)
    """Number of slots."""
    slot_minutes: int = Field(default=15, ge=1, le=1440)
    """Length of a slot [min]; divides a day."""

    def to_clock(self) -> Clock:
        """The clock of the run."""
        return Clock(self.start, self.slots, self.slot_minutes)


class WorsenTolerance(Params):
    """How much worse than before all trades of a slot together may make what the firm state already breaks."""

    voltage_pu: float = Field(default=1e-4, ge=0.0, le=0.1)
    """Of a voltage [p.u.]."""
    loading_percent: float = Field(default=0.1, ge=0.0, le=100.0)
    """Of a loading [% of the rating]."""


class Guard(Params):
    """Distance from every limit that the gate keeps, so that another solver finds no limit broken."""

    voltage_pu: float = Field(default=1e-8, ge=0.0, le=0.1)
    """[p.u.]"""
    loading_percent: float = Field(default=1e-6, ge=0.0, le=100.0)
    """[% of the rating]"""


class HeadLimit(Params):
    """What the head of the feeder carries; the key left out: unlimited."""

    import_kw: float | None = Field(default=None, ge=0.0, alias="import")
    """Into the feeder [kW]."""
    export_kw: float | None = Field(default=None, ge=0.0, alias="export")
    """Out of the feeder [kW]."""


class Regulation(Params):
    """What every tap changer that holds a voltage has: it rests within a slot and moves by at most a step between two."""

    target_pu: float = Field(ge=0.8, le=1.2)
    """Voltage that is held [p.u.]."""
    dead_band_pu: float = Field(default=0.02, gt=0.0, le=0.2)
    """Whole width of the band around the target in which it rests [p.u.]."""
    start: int = 0
    """Position in the first slot."""
    delay_slots: int = Field(default=1, ge=0, le=1000)
    """Slots in a row outside the dead band that it waits through before it moves."""


class TapChanger(Regulation):
    """On-load tap changer at the source: held within a slot, moved by at most a step between two slots."""

    bus: Bus | None = None
    """Bus whose voltage is held; null: the middle between the lowest and the highest voltage of the feeder."""
    step_percent: float = Field(default=1.25, gt=0.0, le=10.0)
    """Change of the source's voltage a position [%]."""
    lowest: int = Field(default=-8, ge=-100, le=0)
    """Lowest position."""
    highest: int = Field(default=8, ge=0, le=100)
    """Highest position."""


class VoltageRegulator(Regulation):
    """On-load tap changer of a transformer, or voltage regulator at the head of a line, inside the feeder.

    Held within a slot, moved by at most a step between two slots. Choose a longer delay the farther it is from the source.
    """

    branch: str = Field(min_length=1)
    """Transformer or line that it belongs to, as ``marketsim contingency`` and the tables name it."""
    bus: Bus | None = None
    """Bus whose voltage is held; null: the end of the branch that is away from the source."""
    step_percent: float = Field(default=1.25, gt=0.0, le=5.0)
    """A position takes this share of the turns towards the source away: the voltage behind it rises [%]."""
    lowest: int = Field(default=-8, ge=-16, le=0)
    """Lowest position."""
    highest: int = Field(default=8, ge=0, le=16)
    """Highest position."""


class TieSwitch(Params):
    """A line behind a switch that is open unless supply has to be restored (``marketsim contingency``)."""

    name: str = Field(min_length=1, max_length=100)
    """Name, for reports."""
    buses: tuple[Bus, Bus]
    """The two buses that it can join, of one nominal voltage."""
    r_ohm: float = Field(ge=0.0)
    """Resistance [ohm]."""
    x_ohm: float = Field(gt=0.0)
    """Reactance [ohm]."""
    rating_a: float | None = Field(default=None, gt=0.0)
    """Rating [A]; null: unlimited."""


class ReinforcementPrices(Params):
    """What reinforcing the feeder costs (``marketsim reinforce``). Every default is an assumption of this program."""

    line_per_km: float = Field(default=80_000.0, ge=0.0)
    """A second line beside an existing one, laid [currency/km]."""
    ohm_per_km: float = Field(default=0.4, gt=0.0)
    """Impedance by which the length of a line is told where the feeder holds none [ohm/km]."""
    trafo_per_kva: float = Field(default=60.0, ge=0.0)
    """A second transformer beside an existing one [currency/kVA]."""
    years: float = Field(default=40.0, gt=0.0, le=200.0)
    """Lifetime over which costs are spread [a]."""
    interest_percent: float = Field(default=4.0, ge=0.0, le=100.0)
    """Interest of the annuity [%/a]."""
    energy_value: float = Field(default=0.08, ge=0.0)
    """Worth of a curtailed kWh [currency/kWh]."""


BandEnd = Annotated[float, WithJsonSchema({"type": "number", "minimum": 0.5, "maximum": 1.5})]
"""Checked with the other end, in ``rules``."""


class GridSection(Params):
    """The feeder and how trades are held to its limits. Left out, or with ``feeder: null``: no grid."""

    feeder: str | None = Field(default=None, min_length=1)
    """``feeder141``, ``pandapower:<network>``, ``simbench:<code>``, ``file:<net.json>``, or a plugin's."""
    source_pu: float | None = Field(default=None, ge=0.8, le=1.2)
    """Voltage of the source [p.u.]; null: the feeder's own."""
    voltage_band_pu: tuple[BandEnd, BandEnd] | None = None
    """Lowest and highest voltage of every bus [p.u.]; null: the feeder's own."""
    line_rating_a: Annotated[float, Field(gt=0.0)] | Literal["standard"] | None = "standard"
    """Rating of every line [A]; ``standard``: what the feeder brings or documents; null: unlimited."""
    line_loading_percent: float = Field(default=100.0, gt=0.0, le=1000.0)
    """Largest loading of lines [% of the rating]."""
    trafo_loading_percent: float = Field(default=100.0, gt=0.0, le=1000.0)
    """Largest loading of transformers [% of the rating]."""
    head_kw: HeadLimit = HeadLimit()
    """Limits at the head of the feeder [kW]."""
    tap_changer: TapChanger | None = None
    """On-load tap changer that holds a voltage by stepping the source's; null: none."""
    regulators: tuple[VoltageRegulator, ...] = ()
    """Tap changers and voltage regulators inside the feeder, at a branch each."""
    ties: tuple[TieSwitch, ...] = ()
    """Open tie switches over which supply can be restored; no run closes them."""
    reinforcement: ReinforcementPrices = ReinforcementPrices()
    """Prices for ``marketsim reinforce``."""
    load_scale: float = Field(default=1.0, ge=0.0, le=1000.0)
    """Factor on the feeder's nominal loads and all their shares, for ``background`` and ``peak_kw: feeder``."""
    background: bool = False
    """Whether buses without agents draw their nominal load in every slot, its constant-impedance share with the voltage;
    shunts and the admittances of wards are equipment and always draw."""
    gate: choice.GateChoice
    """How trades are held to the limits; null: ``ac`` with a feeder, ``none`` without."""
    untraded: Literal["withheld", "exported"] = "withheld"
    """What PV surplus does without a trade: it is held back, or it flows by right as far as the grid takes it."""
    worsen_tolerance: WorsenTolerance = WorsenTolerance()
    """Tolerance towards limits that are broken before matching."""
    guard: Guard = Guard()
    """Distance kept from limits."""
    retry_passes: int = Field(default=3, ge=0, le=100)
    """Passes in which refused orders are tried again."""
    allocation: choice.AllocationChoice = choice.default("arrival")
    """How scarce capacity is shared among sellers."""
    priority: Literal["peers", "equal"] = "peers"
    """Whether trade among peers goes before export."""
    reactive: choice.ReactiveChoice = choice.default("unity")
    """Reactive power of inverters."""
    independent_check: bool = Field(default=True, alias="validate")
    """Whether every slot is solved again by another power flow."""
    on_mismatch: Literal["stop", "record"] = "stop"
    """What a disagreement of the two power flows does."""


class MarketSection(Params):
    """How orders become trades."""

    engine: choice.EngineChoice = choice.default("double_auction")
    """Order-matching engine; its parameters hold price rule and rounds."""
    gate_closure_slots: int = Field(default=0, ge=0, le=10_000)
    """Slots between trade and delivery; from 1 on forecasts are traded and deviations settled with the utility."""
    charges: choice.ChargesChoice = choice.default("none")
    """Network charges on trade between peers."""
    settlement: choice.SettlementChoice = choice.default("pay_as_agreed")
    """Who pays what; left out where it is the default."""
    sharing: choice.SharingChoice = choice.default("none")
    """Rule by which what a finished period cost is shared among the agents; left out where it is the default."""
    sharing_period: Literal["day", "run"] = "day"
    """A period of sharing: each day, or the whole run; the end of the run ends a day, too. Left out where it is the default."""


class OutputSection(Params):
    """What is written beside the tables of every run."""

    voltages: bool = False
    """A row a bus and slot; large."""
    book: bool = True
    """Depth of the order book at 21 price levels, slot by slot; the report draws it."""


def _read_folder(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str) or not value:
        raise InvalidValue([Detail((), "must be the path of a folder", value)])
    folder = choice.context_of(info).folder / value
    if not os.path.isdir(folder):
        raise InvalidValue([Detail((), "there is no such folder", value)])
    return folder


Folder = Annotated[Path, PlainValidator(_read_folder), PlainSerializer(str), WithJsonSchema({"type": "string"})]


def _read_currency(value: object) -> str:
    if isinstance(value, str) and is_label(value):
        return value
    hint = f"up to {MOST_LETTERS} letters or signs without space, digits, brackets or quotes, such as EUR"
    raise InvalidValue([Detail((), "must be a short name of a currency", value, hint)])


Currency = Annotated[
    str, PlainValidator(_read_currency), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MOST_LETTERS})
]


OriginFile = Annotated[
    Annotated[str, Field(min_length=1, max_length=1_000)] | None,
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 1_000}),
]


class Scenario(Params):
    """Everything that a run depends on beside the versions of the software."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)
    """Letters, digits and ``._-``; part of the run folder's name. Left out: the name of the file."""
    seed: int = Field(default=1, ge=0, le=2**63 - 1)
    """Of all random streams."""
    extends: None = None
    """Scenario that this one is laid over; null once it is read."""
    folder: Folder = choice.default(".")
    """Folder that relative paths in the scenario start from, relative to the scenario's own; written by the program."""
    clock: ClockSection
    """When the run takes place."""
    grid: GridSection
    """The feeder and its limits."""
    tariff: choice.TariffChoice
    """Prices of the utility [currency/kWh]."""
    currency: Currency = PLAIN
    """What money is called wherever it is shown, such as ``EUR``: short and printable; no result depends on it."""
    market: MarketSection
    """How orders become trades."""
    profiles: choice.ProfileChoice
    """Source of load, PV and other series; its parameters stand beside ``source``."""
    agents: tuple[AgentEntry, ...] = Field(min_length=1, max_length=MAX_ENTRIES)
    """Who takes part."""
    critic: choice.CriticChoice
    """Who scores the fairness of each slot; its parameters stand beside ``kind``."""
    expert: choice.ExpertChoice | None = None
    """Who plans the day for agents of the strategy ``expert``, for learners that imitate, and for ``marketsim expert``; none:
    ``joint`` with its defaults. Left out where it is null."""
    learning: LearningSection
    """What a training learns, and by which reward."""
    metrics: tuple[choice.MetricChoice, ...] = Field(default=(), max_length=MAX_PARTS)
    """Further measures."""
    output: OutputSection
    """What is written."""
    plugins: tuple[str, ...] = Field(default=(), max_length=MAX_PARTS)
    """Plugin files, relative to ``folder``."""
    origin: OriginFile = None
    """Report of the import that made the scenario (``marketsim import``), relative to ``folder``: a run writes it into its
    manifest. Left out where it is null."""
