"""Rules played day by day in the game of set-points: what every expert and every learner is compared with.

Each day begins and ends on its own, from the level of the start, with the value of what is in store at its end; so what a control
costs is a mean over days, and not one number of a long run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, NamedTuple

from marketsim.agents.params import SetpointsParams
from marketsim.analysis.control.controls import ByRules
from marketsim.analysis.control.days import DayTotals, day_game, months, play
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.build import Choice
from marketsim.grid.reactive.params import SetpointParams
from marketsim.profiles.parts import DaySplit

RULES: Final = {
    "idle": SetpointsParams(battery="rest", generator="rest"),
    "battery": SetpointsParams(generator="rest"),
    "battery and generator": SetpointsParams(),
}
"""Rules by name."""


class Control(NamedTuple):
    """What a control of a feeder cost, and how safe it was; means over days."""

    control: str
    curve: bool
    """Whether inverters followed their volt-var curve."""
    cost: float
    """Energy, fuel, wear and discomfort of all players, less the value of what is in store at the end [currency/d]."""
    saving: float | None
    """Share of the cost of doing nothing that it saves [-]; None where that is zero or less."""
    over: float
    """Share of bus-slots above the band [-]."""
    under: float
    """Share of bus-slots below the band [-]."""
    slots_outside: float
    """Share of slots in which any bus is outside [-]."""
    curtailed_kwh: float
    """PV that the players did not use [kWh/d]."""
    refused_kwh: float
    """What the gate refused of their set-points [kWh/d]."""


class Baselines(NamedTuple):
    """Every rule on the same days."""

    scenario: str
    part: DaySplit
    days: int
    controls: list[Control]


def baselines(
    ready: ReadyScenario, part: DaySplit = "validation", tell: Callable[[str], None] | None = None
) -> Baselines:
    """Play all rules on every day of a part, by date, with and without the curve of the inverters where they have one.

    ScenarioError where the scenario's profiles have no days of a part. ``tell`` is told what is being played.
    """
    days = len(months(ready, part))
    found = []
    for curve, variant in _variants(ready):
        game = day_game(variant, part)
        for name, params in RULES.items():
            if tell is not None:
                tell(f"playing {days} days: {name}")
            found.append(_control(name, play(game, ByRules(params, game), days), curve=curve))
    idle = next(each.cost for each in found if each.control == "idle")
    saving = [1.0 - each.cost / idle if idle > 0 else None for each in found]
    return Baselines(ready.name, part, days, [each._replace(saving=of) for each, of in zip(found, saving, strict=True)])


def _control(name: str, total: DayTotals, *, curve: bool) -> Control:
    """Means over days."""
    mean = {field: float(values.mean()) for field, values in total._asdict().items()}
    shares = mean["over"], mean["under"], mean["outside"]
    return Control(name, curve, mean["cost"], None, *shares, mean["curtailed_kwh"], mean["refused_kwh"])


def _variants(ready: ReadyScenario) -> list[tuple[bool, ReadyScenario]]:
    """The scenario without its inverters' curve and with it; as it is, where they take no set-points."""
    choice = ready.model.grid.reactive
    if not isinstance(choice.params, SetpointParams):
        return [(False, ready)]
    variants = []
    for base in ("none", "volt_var"):
        params = choice.params.model_copy(update={"base": base})
        grid = ready.model.grid.model_copy(update={"reactive": Choice(choice.name, params)})
        model = ready.model.model_copy(update={"grid": grid})
        variants.append((base == "volt_var", replace(ready, model=model)))
    return variants
