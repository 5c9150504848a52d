"""Rules played day by day in the game of set-points: what every expert and every learner is compared with.

Each day begins and ends on its own, from the level of the start, with the value of what is in store at its end; so what a control
costs is a mean over days, and not one number of a long run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from marketsim.agents.params import SetpointsParams
from marketsim.agents.setpoints.rules import OwnUseRules
from marketsim.app.game import build_game
from marketsim.app.parts import placed
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.build import Choice
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.learner import GameNeeds
from marketsim.core.setpoints import ACTIONS, to_actions
from marketsim.games.setpoints.game import SetpointsGame
from marketsim.grid.reactive.params import SetpointParams
from marketsim.profiles.params import DaySelection, DrawsDays
from marketsim.profiles.parts import DaySplit

MOST_AT_ONCE: Final = 32
"""Days that are played side by side."""
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
    days = _days(ready, part)
    variants = _variants(ready)
    markets = max(n for n in range(1, MOST_AT_ONCE + 1) if days % n == 0)
    slots = ready.model.clock.to_clock().slots_per_day
    found = []
    for curve, variant in variants:
        game = _game(variant, markets, part)
        for name, params in RULES.items():
            if tell is not None:
                tell(f"playing {days} days: {name}")
            total = _Total()
            for episode in range(days // markets):
                for step in _played(game, params, episode):
                    total.add(step)
            found.append(total.control(name, days, slots, curve=curve))
    idle = next(each.cost for each in found if each.control == "idle")
    saving = [1.0 - each.cost / idle if idle > 0 else None for each in found]
    return Baselines(ready.name, part, days, [each._replace(saving=of) for each, of in zip(found, saving, strict=True)])


class PlayedSlot(NamedTuple):
    """A slot of all markets: parts of the game's step, and what voltages were, summed over markets."""

    cost: float
    over: float
    under: float
    outside: int
    curtailed_kwh: float
    refused_kwh: float


class _Total:
    """Sums over days."""

    def __init__(self) -> None:
        self._sums = np.zeros(len(PlayedSlot._fields))

    def add(self, outcome: PlayedSlot) -> None:
        """Another slot."""
        self._sums += outcome

    def control(self, name: str, days: int, slots: int, *, curve: bool) -> Control:
        """Means over days."""
        cost, over, under, outside, curtailed, refused = (self._sums / days).tolist()
        shares = (over / slots, under / slots, outside / slots)
        return Control(name, curve, cost, None, *shares, curtailed, refused)


def _played(game: SetpointsGame, params: SetpointsParams, episode: int) -> Iterator[PlayedSlot]:
    """The slots of the days of an episode under a rule."""
    rules, shape = OwnUseRules(params, game.context), game.shape
    band = None if game.context.grid is None else game.context.grid.band
    game.reset(episode)
    for _ in range(shape.slots):
        seen, devices = game.looked
        points = rules.points(seen, devices)
        actions = to_actions(points, devices.ratings, devices.available(seen))
        actions = actions.reshape(shape.n_markets, shape.n_agents, len(ACTIONS))
        parts = game.step(actions).parts
        over = under = np.zeros((shape.n_markets, 1), dtype=np.bool_)
        if band is not None:
            v = game.record.grid.v_pu[:, 1:]
            over, under = v > band.v_max_pu[1:], v < band.v_min_pu[1:]
        yield PlayedSlot(
            cost=float(parts["system_cost"].sum()),
            over=float(over.mean(axis=1).sum()),
            under=float(under.mean(axis=1).sum()),
            outside=int((over | under).any(axis=1).sum()),
            curtailed_kwh=float(parts["curtailed_kwh"].sum()),
            refused_kwh=float(parts["refused_kwh"].sum()),
        )


def _game(ready: ReadyScenario, markets: int, part: DaySplit) -> SetpointsGame:
    game = build_game(ready, needs=GameNeeds(markets, False, lambda *_: 1), part=part, by_date=True)
    if not isinstance(game, SetpointsGame):
        message = f"rules play the game of set-points, and this scenario is about {ready.model.learning.game.name}"
        hint = "choose it by --set learning.game=setpoints"
        raise placed(ScenarioError([Problem(message, "learning.game", ready.model.learning.game.name, hint)]), ready)
    return game


def _days(ready: ReadyScenario, part: DaySplit) -> int:
    """Days of a part in the source year."""
    params = ready.model.profiles.params
    if not isinstance(params, DrawsDays):
        hint = "choose a source that ships with the package, such as simbench_2016"
        message = "these profiles have no days for training, validation and tests"
        raise placed(ScenarioError([Problem(message, "profiles.source", ready.model.profiles.name, hint)]), ready)
    return int((params.days or DaySelection()).days_of(part).sum())


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
