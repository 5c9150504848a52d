"""The simple form of a strategy, one agent at a time, adapted to the fast form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, runtime_checkable

import numpy as np

from marketsim.agents.stage import Stage
from marketsim.agents.strategies.plan import DispatchPlan, Fixed
from marketsim.agents.strategies.trader import own_quotes
from marketsim.agents.view import AgentView, Order
from marketsim.core import records, watch
from marketsim.core.arrays import BoolArray, IntArray, joined
from marketsim.core.blame import told
from marketsim.core.errors import PluginError, RunError
from marketsim.core.interrupts import is_interrupt
from marketsim.core.ports import RevisingStrategy, Strategy

_MOST: Final = 10**12
"""Largest energy [Wh] and price [ticks] of an order, as ``view.buy`` makes them."""


class Decider(Protocol):
    """An agent that decides for itself."""

    @property
    def name(self) -> str:
        """Its name in the scenario."""
        ...

    @property
    def kind(self) -> str:
        """Its kind in the scenario."""
        ...

    def decide(self, view: AgentView) -> Sequence[Order] | None:
        """Its orders of the slot; None: the default behaviour."""
        ...


@runtime_checkable
class PlanningStrategy(Strategy, Protocol):
    """A strategy that can serve as default behaviour: its plan can be changed before it quotes."""

    def plan(self, seen: records.Observations, fixed: Fixed | None = None) -> DispatchPlan:
        """Dispatch of devices, around those that are fixed."""
        ...

    def standing(self, seen: records.Observations, plan: DispatchPlan) -> records.Standing:
        """What stands to trade after a plan."""
        ...

    def quote(self, seen: records.Observations, plan: DispatchPlan, who: BoolArray | None = None) -> records.OrderBatch:
        """Orders of the agents ``who`` for what is left, agent by agent."""
        ...


class SimpleStrategy:
    """Asks every agent in turn; where one returns None, and for devices that it leaves alone, ``default`` decides.

    PV that an agent with orders of its own does not order goes to the utility.
    """

    sees: tuple[str, ...] = records.Observations._fields

    def __init__(self, default: PlanningStrategy) -> None:
        self._default = default
        self._deciders: tuple[Decider, ...] = ()
        self._own = np.zeros(0, dtype=bool)

    def bind(self, deciders: Sequence[Decider]) -> None:
        """Name the agents, in the order of the strategy's rows."""
        self._deciders = tuple(deciders)

    def decide(self, seen: records.Observations) -> records.Decisions:
        """Dispatch and orders of all agents. Raises RunError that names the agent whose ``decide`` fails."""
        if len(self._deciders) != len(seen.load_wh):
            raise RunError(f"{len(seen.load_wh)} agents decide for themselves, but {len(self._deciders)} are bound")
        stage = self._stage(seen)
        answers = [_ask(decider, AgentView(stage, row), seen) for row, decider in enumerate(self._deciders)]
        plan, standing = stage.now()
        self._own = np.array([answer is not None for answer in answers], dtype=bool)
        by_default = self._default.quote(seen, plan, ~self._own)
        own = _batch(answers)
        left = _for_utility(np.where(self._own, standing.surplus_wh, 0), own)
        orders = joined((by_default, own, left))
        return records.Decisions(plan.dispatch_wh, plan.value_ticks, plan.absorb, orders, stage.kvar)

    def _stage(self, seen: records.Observations) -> Stage:
        def follow(wanted_wh: IntArray, fixed: BoolArray) -> tuple[DispatchPlan, records.Standing]:
            plan = self._default.plan(seen, Fixed(fixed, wanted_wh))
            return plan, self._default.standing(seen, plan)

        plan = self._default.plan(seen)
        return Stage(seen, plan, follow, self._default.standing(seen, plan))


class RevisingSimpleStrategy(SimpleStrategy):
    """As SimpleStrategy, over a default that quotes anew in each round; orders of an agent's own keep their price."""

    def __init__(self, default: PlanningStrategy, revising: RevisingStrategy) -> None:
        super().__init__(default)
        self._revising = revising

    def revise(self, seen: records.Observations, quotes: records.Quotes) -> IntArray:
        """New limit prices of the orders of the default behaviour."""
        mine = np.flatnonzero(~self._own[quotes.agent])
        price = quotes.price_ticks.copy()
        price[mine] = self._revising.revise(seen, own_quotes(quotes, mine))
        return price


def simple_strategy(default: Strategy, name: str) -> SimpleStrategy:
    """The adapter over the strategy ``name`` as default behaviour.

    Raises PluginError if that strategy has no plan to build on.
    """
    if not isinstance(default, PlanningStrategy):
        raise PluginError(
            f"agents that decide for themselves build on the plan of a strategy, but {name!r} has none: "
            "choose one of the built-in strategies for them"
        )
    watch.start()
    if isinstance(default, RevisingStrategy):
        return RevisingSimpleStrategy(default, default)
    return SimpleStrategy(default)


def _file_of(decider: Decider) -> str:
    code = getattr(decider.decide, "__code__", None)
    return "" if code is None else str(code.co_filename)


def _ask(decider: Decider, view: AgentView, seen: records.Observations) -> list[Order] | None:
    try:
        with watch.watched(f"agent {decider.name!r} of kind {decider.kind!r}, decide,", _file_of(decider)):
            answer = decider.decide(view)
            orders = None if answer is None else list(answer)
        if orders is None:
            return None
        if isinstance(answer, Order):  # a tuple, too
            raise TypeError("decide returns a list of orders, not an order: write [view.buy(...)]")
        strange = next((order for order in orders if not isinstance(order, Order)), None)
        if strange is not None:
            raise TypeError(f"decide returns orders made by view.buy and view.sell, or None, not {strange!r}")
        for order in orders:
            _demand_sound(order, len(seen.ranges))
    except BaseException as error:
        if is_interrupt(error):
            raise
        where = f"{type(decider).__module__}.{type(decider).__qualname__}"
        raise RunError(
            f"agent {decider.name!r} of kind {decider.kind!r} ({where}) failed in slot {seen.time.slot} "
            f"({seen.time.begins:%Y-%m-%d %H:%M}): {told(error)}"
        ) from error
    return orders


def _demand_sound(order: Order, n_devices: int) -> None:
    """ValueError for an order that neither ``view.buy`` nor ``view.sell`` would make."""
    if not all(isinstance(each, int | np.integer) and not isinstance(each, bool) for each in order):
        raise ValueError(f"an order has to hold whole numbers, and this one does not: {order}")
    words = (order.side in list(records.Side), order.fallback in list(records.Fallback))
    bounds = (*words, records.PV <= order.component < n_devices)
    sizes = (0 <= order.energy_wh <= _MOST, records.UTILITY_ONLY_TICKS <= order.price_ticks <= _MOST)
    if not all((*bounds, *sizes)):
        raise ValueError(f"an order has to be one that view.buy or view.sell makes, and this one is none: {order}")


def _batch(answers: Sequence[list[Order] | None]) -> records.OrderBatch:
    rows = [(row, *order) for row, orders in enumerate(answers) for order in orders or () if order.energy_wh > 0]
    table = np.array(rows, dtype=np.int64).reshape(-1, len(records.OrderBatch._fields))
    return records.OrderBatch(*(np.ascontiguousarray(column) for column in table.T))


def _for_utility(surplus_wh: IntArray, own: records.OrderBatch) -> records.OrderBatch:
    """PV surplus that agents with orders of their own left unordered: exported as the grid takes it, to no peer."""
    offered = (own.component == records.PV) & (own.side == records.Side.SELL)
    left_wh = surplus_wh.copy()
    np.subtract.at(left_wh, own.agent[offered], own.energy_wh[offered])
    agent = np.flatnonzero(left_wh > 0)
    same = np.ones_like(agent)
    return records.OrderBatch(
        agent=agent,
        side=same * int(records.Side.SELL),
        price_ticks=same * records.UTILITY_ONLY_TICKS,
        energy_wh=left_wh[agent],
        component=same * records.PV,
        fallback=same * int(records.Fallback.UTILITY),
    )
