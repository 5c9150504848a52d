"""Experts of a scenario: built from its agents and its feeder, and followed from slot to slot in every market."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from marketsim.app.kept_plans import KeptPlans
from marketsim.app.parts import chosen
from marketsim.app.planned_days import PlannedDays
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core import ports
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.build import BuildContext, Choice
from marketsim.core.clock import SlotTime
from marketsim.core.expert import (
    Expert,
    ExpertView,
    Follower,
    HoldingExpert,
    Plan,
    PlannedGrid,
    injections,
    net_kw,
)
from marketsim.core.inverters import curve_share
from marketsim.core.setpoints import Setpoints
from marketsim.experts.columns import Prosumers, prosumers
from marketsim.experts.feedback import Feedback, plan_of
from marketsim.experts.params import ExpertParams, JointParams
from marketsim.games.guide import Visited
from marketsim.games.setpoints.params import SetpointsGameParams
from marketsim.profiles.params import SimbenchParams, SyntheticParams

DEFAULT: Final = Choice("joint", JointParams())
"""Who plans where a scenario names nobody."""
Diversified: TypeAlias = SimbenchParams | SyntheticParams
"""Parameters of profiles whose loads are noisy."""
_KEPT: Final = 400
"""Plans that are remembered: those of all training days of a year."""


class BuiltExpert(NamedTuple):
    """An expert and what it was built from."""

    expert: Expert
    params: ExpertParams
    own: Prosumers
    grid: PlannedGrid | None


def expert_of(ready: ReadyScenario, days: PlannedDays, reactive: ports.Reactive) -> BuiltExpert:
    """The scenario's expert for the agents of ``days``, over inverters of this mode; MissingDependency without its extra."""
    choice = ready.model.expert or DEFAULT
    params = choice.params if isinstance(choice.params, ExpertParams) else ExpertParams()
    unasked = None if params.asks_kvar else reactive
    context = days.expert_context(params.min_power_factor, params.terminal, unasked)
    expert: Expert = chosen(ready, "expert", choice, context)
    return BuiltExpert(expert, params, prosumers(context.models), context.grid)


def follower_of(
    ready: ReadyScenario, context: BuildContext, profiles: ports.Profiles, reactive: ports.Reactive, rows: IntArray
) -> PlanFollower:
    """Follows the scenario's expert for the agents in these rows of the simulation of ``context``."""
    days = PlannedDays(ready, np.unique(context.community.connection[rows]), context, profiles)
    built = expert_of(ready, days, reactive)
    kept = None if ready.plans is None else KeptPlans(ready.plans, ready, built.own)
    return PlanFollower(built, days, reactive, kept)


class _Followed(NamedTuple):
    """The plan of a market that is followed now."""

    feedback: Feedback
    by_itself_kvar: FloatArray
    """What inverters do by themselves under the plan [H, n]."""


class PlanFollower:
    """Port ``core.expert.Follower``: plans once a day, or anew every so many slots, and follows the plan as feedback."""

    def __init__(
        self, built: BuiltExpert, days: PlannedDays, reactive: ports.Reactive, files: KeptPlans | None = None
    ) -> None:
        """``files``: plans that others may have made already."""
        self._files = files
        self._built, self._days, self._reactive = built, days, reactive
        self._every = built.params.slots_between(days.context.clock.slot_hours)
        self._holds = isinstance(built.expert, HoldingExpert) and not built.params.foresees
        self._followed: list[_Followed] = []
        self._since: tuple[int, int] = -1, 0
        self._now: SlotTime | None = None
        self._last_kw: FloatArray = np.tile(days.generator_kw(), days.n_markets)
        self._kept: OrderedDict[bytes, Plan] = OrderedDict()
        self.plans = 0
        """Plans that were made for all markets together."""

    @property
    def own(self) -> Prosumers:
        """The agents that are planned, of one market."""
        return self._built.own

    def setpoints(
        self,
        time: SlotTime,
        level: FloatArray,
        load_kw: FloatArray,
        pv_kw: FloatArray,
        generator_kw: FloatArray | None = None,
    ) -> Setpoints:
        """See ``Follower``."""
        own, markets = self._built.own, self._days.n_markets
        usable = own.stored_high_kwh - own.stored_low_kwh
        shaped = (markets, own.n)
        stored = own.stored_low_kwh + np.nan_to_num(level).reshape(shaped) * usable
        day, begun = self._since
        if day not in (time.day, time.day - 1):
            self._last_kw = np.tile(self._days.generator_kw(), markets)
        if generator_kw is not None:
            self._last_kw = generator_kw
        if day != time.day or not 0 <= time.of_day - begun < self._every:
            self._plan(time, stored)
        rows = [
            self._label(market, time, stored[market], load_kw.reshape(shaped)[market], pv_kw.reshape(shaped)[market])
            for market in range(markets)
        ]
        self._now = time
        points = Setpoints(*(np.concatenate(column) for column in zip(*rows, strict=True)))
        self._last_kw = points.generator_kw
        return points

    @property
    def planned(self) -> Setpoints:
        """See ``Follower``."""
        if self._now is None:
            raise ValueError("no slot was asked for yet")
        rows = []
        for market, followed in enumerate(self._followed):
            points = followed.feedback.planned(self._now.of_day)
            rows.append(points._replace(kvar=points.kvar - self._days.drawn_kvar(self._now, market)))
        return Setpoints(*(np.concatenate(column) for column in zip(*rows, strict=True)))

    def _plan(self, time: SlotTime, stored_kwh: FloatArray) -> None:
        """Plan the rest of the day in every market."""
        last = self._last_kw.reshape(stored_kwh.shape)
        foreseen = not self._built.params.foresees
        self._followed = []
        for market, stored in enumerate(stored_kwh):
            view = self._days.rest(time, market, stored, last[market], foreseen=foreseen)
            plan = self._known(view)
            by_itself = self._by_itself(view, plan.setpoints)
            self._followed.append(_Followed(Feedback(self._built.own, view, plan), by_itself))
        self._since = time.day, time.of_day

    def _known(self, view: ExpertView) -> Plan:
        """The plan of a view: one of equal numbers was made already, or is made now."""
        key = sha256(b"".join(np.asarray(each).tobytes() for each in _flat(view))).digest()
        if key not in self._kept:
            self._kept[key] = (
                self._made(view) if self._files is None else self._files.known(key, lambda: self._made(view))
            )
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _made(self, view: ExpertView) -> Plan:
        self.plans += 1
        return plan_of(self._built.expert, self._built.own, view)

    def _by_itself(self, view: ExpertView, points: Setpoints) -> FloatArray:
        """Reactive power that inverters give under set-points without being asked [kvar] [H, n]."""
        grid, law, rows = self._built.grid, self._reactive.law, self._days.rows
        if grid is None or not self._built.params.asks_kvar:
            return np.zeros_like(view.load_kw)
        if len(law.curve_pu):
            at = injections(view, grid.nodes, points)
            v_pu = np.nan_to_num(grid.voltages(at.kw, at.kvar)[:, grid.nodes], nan=1.0)
            return np.asarray(law.curve_kvar[rows] * curve_share(v_pu, law.curve_pu))
        p_kw = np.zeros((view.horizon, len(law.kva)))
        p_kw[:, rows] = net_kw(view.load_kw, points) + view.load_kw
        return np.array([self._reactive.inverter_kvar(slot) for slot in p_kw])[:, rows]

    def _label(
        self, market: int, time: SlotTime, stored: FloatArray, load_kw: FloatArray, pv_kw: FloatArray
    ) -> Setpoints:
        followed, n = self._followed[market], self._built.own.n
        last = self._last_kw[market * n : (market + 1) * n]
        points = followed.feedback.label(time.of_day, stored, load_kw, pv_kw, last)
        by_itself = followed.by_itself_kvar[time.of_day - followed.feedback.slots.start]
        if self._holds:
            view = self._days.rest(time, market, stored, last, most=1)
            held = self._held(view, Setpoints(*(each[None] for each in points)))
            points, by_itself = Setpoints(*(each[0] for each in held)), self._by_itself(view, held)[0]
        return points._replace(kvar=points.kvar - by_itself if self._built.params.asks_kvar else np.zeros(n))

    def _held(self, view: ExpertView, points: Setpoints) -> Setpoints:
        """What the expert makes of set-points in the slot that is metered."""
        expert = self._built.expert
        return expert.held(view, points) if isinstance(expert, HoldingExpert) else points


def _flat(view: ExpertView) -> tuple[Any, ...]:
    """All numbers of a view."""
    plain = [each for each in view if not isinstance(each, tuple) and each is not None]
    return (*plain, *(view.background or ()))


class FollowedInGame:
    """Port ``games.guide.Guide``: labels of the expert of a scenario in the states that a game visits."""

    def __init__(self, follower: Follower, own: Prosumers) -> None:
        self._follower, self._own = follower, own
        self._times: Sequence[SlotTime] = ()

    def begin(self, times: Sequence[SlotTime]) -> None:
        """See ``Guide``."""
        self._times = times

    def setpoints(self, slot: int, visited: Visited) -> Setpoints:
        """See ``Guide``."""
        own, shape = self._own, visited.load_kw.shape
        usable = own.stored_high_kwh - own.stored_low_kwh
        over = visited.stored_kwh - own.stored_low_kwh
        level = np.divide(over, usable, out=np.full(shape, np.nan), where=usable > 0.0)
        state = (level, visited.load_kw, visited.pv_kw, visited.generator_kw)
        found = self._follower.setpoints(self._times[slot], *(part.ravel() for part in state))
        return Setpoints(*(part.reshape(shape) for part in found))


def guide_of_game(
    ready: ReadyScenario, context: BuildContext, reactive: ports.Reactive
) -> Callable[[IntArray], FollowedInGame] | None:
    """Makes who labels the states of a game, for agents at some positions of a market; None: the scenario has no expert."""
    if ready.model.expert is None or context.follower is None:
        return None
    as_played, calm, community = context.follower, _calm(ready, context), context.community

    def guide(positions: IntArray) -> FollowedInGame:
        first = np.arange(community.n_markets)[:, None] * (community.n_agents // community.n_markets)
        rows = (first + positions).ravel()
        follower = as_played(rows) if calm is None else follower_of(ready, context, calm, reactive, rows)
        if not isinstance(follower, PlanFollower):
            raise TypeError(f"followers of plans are made here, and this is a {type(follower).__name__}")
        return FollowedInGame(follower, follower.own)

    return guide


def _calm(ready: ReadyScenario, context: BuildContext) -> ports.Profiles | None:
    """The same days without the noise of loads: equal source days are then equal views, planned once; None: as played."""
    game, expert, choice = ready.model.learning.game.params, ready.model.expert, ready.model.profiles
    if (
        not isinstance(game, SetpointsGameParams)
        or game.planned == "played_days"
        or not isinstance(choice.params, Diversified)
    ):
        return None
    if expert is not None and isinstance(expert.params, ExpertParams) and expert.params.information != "perfect":
        return None
    quiet = choice.params.diversification.model_copy(update={"noise": 0.0})
    params = choice.params.model_copy(update={"diversification": quiet})
    made: ports.Profiles = chosen(ready, "profile", Choice(choice.name, params), context)
    return made
