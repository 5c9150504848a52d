"""Parameters of experts, as scenarios write them. Every default is an assumption of this program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from marketsim.core.fence import Fence
from marketsim.core.named_file import NamedFile
from marketsim.core.params import Params
from marketsim.experts.model import TerminalModel

_VoltagePu: TypeAlias = Annotated[float, Field(ge=0.5, le=1.5)]


class ExpertParams(Params):
    """What all experts share: what they know, and when they plan."""

    information: Literal["perfect", "forecast"] = "perfect"
    """What is known of the slots to come: the series as they will be, or what agents
    forecast (``profiles.forecast``), scaled by what the slot has more or less than was expected, which fades within 3 h."""
    every: Annotated[int, Field(ge=1, le=1440)] | None = None
    """Slots between two plans of the rest of the day; none: an hour's with forecasts, and one plan a day with perfect
    information. In between the last plan is followed as feedback."""
    reactive: Literal["planned", "left"] | None = None
    """Ask inverters for the reactive power of the plan, or leave it to ``grid.reactive``, which sees the voltage; none: planned
    with perfect information, left with forecasts, under which a planned one is worse than a curve."""
    min_power_factor: Annotated[float, Field(gt=0, le=1)] | None = 0.95
    """Least power factor of the inverters that is planned with [-]; none: their apparent power alone limits them."""
    terminal: TerminalModel = TerminalModel()
    """What stored energy is worth at the end of the day."""

    @property
    def foresees(self) -> bool:
        """Whether the series of the day are known."""
        return self.information == "perfect"

    @property
    def asks_kvar(self) -> bool:
        """Whether inverters are asked for the reactive power of the plan."""
        return self.foresees if self.reactive is None else self.reactive == "planned"

    def slots_between(self, slot_hours: float) -> int:
        """Slots from one plan to the next."""
        if self.every is not None:
            return self.every
        return 10**9 if self.foresees else max(1, round(1.0 / slot_hours))


class VoltageParams(ExpertParams):
    """What experts share that plan for all prosumers together, and keep voltages by AC power flow."""

    voltage_weight: Annotated[float, Field(gt=0, le=1e9)] = 3_000.0
    """Cost of a squared voltage outside its band, a bus and slot [currency/p.u.^2]. It decides how much is given for voltages:
    at 30 curtailing PV costs more than leaving the band, at 3,000 nothing is left outside that can be helped."""
    guard_pu: Annotated[float, Field(ge=0, le=0.05)] = 0.001
    """Distance that planned voltages keep from the band [p.u.]."""


class JointParams(VoltageParams):
    """All prosumers together: one pool, and voltages kept by AC power flow."""

    recourse: bool = True
    """With forecasts: where a slot as it is metered would leave the band, solve that slot anew; false: follow the last plan."""


class IndividualParams(ExpertParams):
    """Each prosumer alone with the utility; nobody knows of the grid."""

    reactive: Literal["planned", "left"] | None = None
    """Ask inverters for what the plan has, which is no reactive power, or leave it to ``grid.reactive``; none: left."""

    @property
    def asks_kvar(self) -> bool:
        """Whether inverters are kept from what ``grid.reactive`` has them do."""
        return self.reactive == "planned"


class RuleParams(ExpertParams):
    """Rules without a programme: the prices of the day, the own balance, and the own voltage."""

    charge_cheap: bool = True
    """Charge from the utility at the lowest price of the day, up to ``terminal.soc``; false: from the own surplus alone."""
    volt_var: bool = True
    """Ask inverters for reactive power by the voltage at the own bus (``curve_pu``)."""
    curve_pu: tuple[_VoltagePu, _VoltagePu, _VoltagePu, _VoltagePu] = (0.95, 0.985, 1.015, 1.05)
    """The inverter injects its apparent power up to the first voltage, nothing between the second and third, and absorbs it from
    the fourth on, each held to what it may beside its PV: as ``base: volt_var`` of ``grid.reactive.setpoint`` has it [p.u.]."""

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        v1, v2, v3, v4 = self.curve_pu
        if not (v1 < v2 <= v3 < v4):
            raise ValueError("curve_pu must rise: v1 < v2 <= v3 < v4")
        return self


class WrittenParams(VoltageParams):
    """Experts that were written from words (``marketsim expert write --out``), stacked into one problem with one pool.

    Their code runs in the sandbox. Voltages are kept as the expert ``joint`` keeps them: by rows on what all inject.
    """

    experts: Mapping[
        Annotated[str, Field(min_length=1, max_length=200)], Annotated[str, Field(min_length=1, max_length=1000)]
    ] = {}
    """Folder of the expert of each agent, relative to the scenario's; by its name, or for all of a group by what stands before
    the number in their names."""
    others: Literal["library", "rest"] = "library"
    """What plans for agents without a folder: the reviewed blocks of the devices that they have, or nobody: they use all PV and
    leave the rest alone."""
    reactive: Literal["left"] | None = None
    """Left to ``grid.reactive`` in any case: experts from words plan no reactive power."""
    deadline_s: Annotated[float, Field(gt=0, le=3600)] = 120.0
    """Longest time for one problem [s]."""

    @property
    def asks_kvar(self) -> bool:
        """Never."""
        return False

    def files_named(self, fence: Fence, at: str) -> Iterator[NamedFile]:
        """What was written of each expert."""
        from marketsim.experts.written.files import read_written

        for name, folder in self.experts.items():
            path = f"{at}.experts.{name}"
            yield NamedFile(Path(folder), partial(read_written, fence, folder, path), whole=True)
