"""Playing whole days of the game of set-points under a control, and what each day came to.

Each day begins and ends on its own, from the level of the start, with the value of what is in store at its end; so what a control
costs is a mean over days, and not one number of a long run.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

import numpy as np

from marketsim.app.game import build_game
from marketsim.app.parts import placed
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.game import Features, Step
from marketsim.core.learner import GameNeeds
from marketsim.games.setpoints.game import SetpointsGame
from marketsim.profiles.calendar import MONTH_OF, same_date
from marketsim.profiles.params import DaySelection, DrawsDays
from marketsim.profiles.parts import DaySplit

MOST_AT_ONCE: Final = 32
"""Days that are played side by side."""


class DayTotals(NamedTuple):
    """Sums over days; the last axis is days, or whatever was summed of them [..., D]."""

    days: FloatArray
    cost: FloatArray
    """Energy, fuel, wear and discomfort of all players, less the value of what is in store at the end [currency]."""
    over: FloatArray
    """Share of the day's bus-slots above the band, summed over days [-]."""
    under: FloatArray
    """Below it [-]."""
    outside: FloatArray
    """Share of slots in which any bus is outside [-]."""
    curtailed_kwh: FloatArray
    """PV that the players did not use."""
    refused_kwh: FloatArray
    """What the gate refused of their set-points."""
    missing_kwh: FloatArray
    """In store at the end of the day less than at its start; below 0: more."""


class DayControl(Protocol):
    """Says what all players do in the slot that opens."""

    def actions(self, game: SetpointsGame, seen: Features) -> FloatArray:
        """Actions [M, A, 5] on what is seen [M, A, F]; the game may be asked for its labels, and for what rules see."""
        ...


def play(game: SetpointsGame, control: DayControl, days: int) -> DayTotals:
    """The first ``days`` days of a game that plays them by date, in order [D]."""
    markets = game.shape.n_markets
    episodes = [_episode(game, control, episode) for episode in range(days // markets)]
    return DayTotals(*(np.concatenate(columns) for columns in zip(*episodes, strict=True)))


def _episode(game: SetpointsGame, control: DayControl, episode: int) -> DayTotals:
    seen, _ = game.reset(episode)
    began, slots = game.stored_kwh, game.shape.slots
    total = np.zeros((len(DayTotals._fields), game.shape.n_markets))
    for _ in range(slots):
        step = game.step(control.actions(game, seen))
        seen = step.seen
        total += _of_slot(game, step, slots)
    return DayTotals(*total)._replace(
        days=np.ones(game.shape.n_markets), missing_kwh=(began - game.stored_kwh).sum(axis=1)
    )


def _of_slot(game: SetpointsGame, step: Step, slots: int) -> FloatArray:
    """Parts of ``DayTotals`` that a slot adds [fields, M]."""
    over = under = np.zeros((game.shape.n_markets, 1), dtype=np.bool_)
    band = None if game.context.grid is None else game.context.grid.band
    if band is not None:
        v = game.record.grid.v_pu[:, 1:]  # the source is no bus of the feeder
        over, under = v > band.v_max_pu[1:], v < band.v_min_pu[1:]
    none = np.zeros(game.shape.n_markets)
    return np.array(
        DayTotals(
            days=none,
            cost=step.parts["system_cost"],
            over=over.mean(axis=1) / slots,
            under=under.mean(axis=1) / slots,
            outside=np.asarray((over | under).any(axis=1) / slots),
            curtailed_kwh=step.parts["curtailed_kwh"],
            refused_kwh=step.parts["refused_kwh"],
            missing_kwh=none,
        )
    )


def day_game(ready: ReadyScenario, part: DaySplit) -> SetpointsGame:
    """The game of a scenario on all days of a part by date, side by side; ScenarioError where it is another game."""
    markets = max(n for n in range(1, MOST_AT_ONCE + 1) if len(months(ready, part)) % n == 0)
    game = build_game(ready, needs=GameNeeds(markets, False, lambda *_: 1), part=part, by_date=True)
    if not isinstance(game, SetpointsGame):
        message = f"controls play the game of set-points, and this scenario is about {ready.model.learning.game.name}"
        hint = "choose it by --set learning.game=setpoints"
        raise placed(ScenarioError([Problem(message, "learning.game", ready.model.learning.game.name, hint)]), ready)
    return game


def months(ready: ReadyScenario, part: DaySplit) -> IntArray:
    """Month of each day of a part, in the order in which ``day_game`` plays them, 1..12 [D]; ScenarioError without parts."""
    params = ready.model.profiles.params
    if not isinstance(params, DrawsDays):
        hint = "choose a source that ships with the package, such as simbench_2016"
        message = "these profiles have no days for training, validation and tests"
        raise placed(ScenarioError([Problem(message, "profiles.source", ready.model.profiles.name, hint)]), ready)
    days = np.flatnonzero((params.days or DaySelection()).days_of(part))
    first = np.searchsorted(days, same_date(ready.model.clock.to_clock().start))
    return np.asarray(MONTH_OF[np.roll(days, -int(first))])
