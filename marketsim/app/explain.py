"""``marketsim.explain``: why an agent of a run pays what it pays by a rule of sharing.

Everything is worked out anew on the metered run; no model of the rule stands in for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.app.otherwise import LOAD, PV, ChangedBill, Otherwise
from marketsim.app.shared_run import SharedRun, agent_slots
from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.errors import InputError, Problem
from marketsim.core.ports import Sharing
from marketsim.core.units import MONEY_PER_CURRENCY
from marketsim.extension.registry import Registry
from marketsim.results.reader import Run
from marketsim.scenario.problems import did_you_mean
from marketsim.sharing.joining import Joining, joining, partners
from marketsim.sharing.metered import MeteredGame
from marketsim.sharing.portions import portions

SITUATIONS: Final = {
    "short": "all together draw: retail",
    "long": "all together feed in: feed-in tariff",
    "balanced": "neither: the middle",
    "curtailing": "feeding in costs: PV is worth nothing",
}
"""What all together do in a slot, and its price within the community."""
_DRAWS: Final = 500


class PricedEnergy(NamedTuple):
    """A line of the bill by prices of the slot."""

    cause: str
    """``load``, ``pv``, or a device."""
    situation: str
    """One of ``SITUATIONS``."""
    energy_wh: int
    """At the meter; generation positive."""
    money: int
    """What is paid for it [1e-9 currency]; receipts negative."""


class Partner(NamedTuple):
    """A member that one is worth much with."""

    name: str
    saving: float
    """[currency]."""


class Explanation(NamedTuple):
    """Why an agent pays what it pays."""

    agent: str
    rule: str
    days: float
    share_money: int
    """What it is to pay by the rule [1e-9 currency]."""
    standard_error: float | None
    """Of it [currency], where the rule draws."""
    alone_money: int
    paid_money: int
    """What it paid before sharing."""
    bill: tuple[PricedEnergy, ...]
    """By prices of the slot; with ``beyond_money`` it is its share by ``slot_prices``, to the last unit."""
    beyond_money: int
    """Its equal part of what all paid beyond one meter's bill."""
    counterfactuals: tuple[ChangedBill, ...]
    joining: Joining
    """What it adds to one meter's bill when it joins first, in the middle, last [currency].

    Its Shapley share is the mean over all places, and its part of what was paid beyond one meter's bill.
    """
    partner_alone: Partner | None
    """With whom it saves most as a pair; None: with nobody."""
    partner_among_all: Partner | None
    """Whose presence takes most off what it adds when all others are there; None: nobody's."""

    @property
    def priced_money(self) -> int:
        """The bill by prices of the slot."""
        return sum(line.money for line in self.bill) + self.beyond_money


def explain(
    run: Run,
    agent: str | int,
    rule: str | Sharing = "slot_prices",
    *,
    seed: int = 1,
    trust: bool = False,
    registry: Registry | None = None,
    **parameters: Any,
) -> Explanation:
    """Why an agent, by name or index, pays what it pays of a run's cost by a rule.

    The bill at the community's price of each slot, which adds up; what it would pay by the same rule without each of its assets
    and with the load of the mean member's hours, all else as metered (differences do not add up); what it adds when it joins
    first, in the middle or last; and with whom it is worth most.

    ``rule``, ``seed`` and ``parameters`` are as in ``share``; a rule that leaves bills as they were settled cannot be asked
    again. ``trust`` and ``registry`` are as in ``SharedRun``. Raises InputError.
    """
    if not isinstance(run, Run):
        hint = "of a folder of a run give ms.open_run(folder)"
        raise InputError([Problem("must be a run", "run", repr(run)[:80], hint)])
    shared = SharedRun(run, seed, trust=trust, registry=registry)
    _demand_sharing(rule, shared.registry)
    row = _row_of(agent, shared.names)
    name = rule if isinstance(rule, str) else type(rule).__name__
    energies = energies_by_cause(run, shared)
    otherwise = Otherwise(shared, shared.built(rule, parameters), name, energies)
    now, game, n = otherwise.now, shared.game, shared.game.n
    beyond = portions(game.beyond_money, np.ones(n, dtype=np.int64), shared.names)
    one_meter = game.at_one_meter()
    met = partners(one_meter, row) if n > 1 else None
    place = joining(one_meter, row, _DRAWS, np.random.default_rng(seed))
    return Explanation(
        agent=shared.names[row],
        rule=name,
        days=shared.hours / 24.0,
        share_money=int(now.money[row]),
        standard_error=None if now.standard_errors is None else float(now.standard_errors[row]) / MONEY_PER_CURRENCY,
        alone_money=int(shared.alone_money[row]),
        paid_money=int(shared.period.paid_money[row]),
        bill=tuple(priced_bill(game, {cause: wh[:, row] for cause, wh in energies.items()}, row)),
        beyond_money=int(beyond[row]),
        counterfactuals=tuple(otherwise.changes(row)),
        joining=_in_currency(place),
        partner_alone=None if met is None else _best(met.alone, shared.names),
        partner_among_all=None if met is None else _best(met.among_all, shared.names),
    )


def _demand_sharing(rule: str | Sharing, registry: Registry) -> None:
    if isinstance(rule, str) and rule in registry.names("sharing") and "idle" in registry.traits("sharing", rule):
        hint = "choose a rule that shares, such as slot_prices or shapley"
        raise InputError(
            [Problem("leaves bills as they were settled: it cannot be asked again", "rule", repr(rule), hint)]
        )


def _row_of(agent: str | int, names: tuple[str, ...]) -> int:
    if isinstance(agent, str) and agent in names:
        return names.index(agent)
    if isinstance(agent, int) and not isinstance(agent, bool) and 0 <= agent < len(names):
        return agent
    hint = did_you_mean(agent, names) if isinstance(agent, str) else f"agents are numbered from 0 to {len(names) - 1}"
    raise InputError([Problem("this run has no such agent", "agent", repr(agent), hint)])


def energies_by_cause(run: Run, shared: SharedRun) -> dict[str, IntArray]:
    """Net energy at the meter by its cause, generation positive [n_slots, n_agents]; they sum to that of the meter."""
    period = shared.period
    n_slots, n = period.net_wh.shape
    devices = sorted({name for agent in shared.context.agents for name in agent.devices})
    found = {LOAD: -period.load_wh, PV: period.pv_wh}
    found |= {name: agent_slots(run, f"{name}_wh", n_slots, n) for name in devices}
    if not np.array_equal(np.sum(list(found.values()), axis=0), period.net_wh):
        raise InputError("the energies of this run do not add up to what its meters show: it is damaged")
    return found


def priced_bill(game: MeteredGame, energies: dict[str, IntArray], row: int) -> Iterator[PricedEnergy]:
    """The bill of the agent ``row`` at prices of the slot: its energy of each cause in each situation."""
    prices = game.slot_prices()
    net, costly = game.net_wh.sum(axis=1), game.feed_in_ticks < 0
    where = np.select([net < 0, costly, net > 0], [0, 3, 1], 2)
    excused = game.net_wh[:, row] - prices.energy_wh[:, row]
    for cause, energy_wh in energies.items():
        counted = energy_wh - excused if cause == PV else energy_wh
        for kind, situation in enumerate(SITUATIONS):
            slots = where == kind
            if energy_wh[slots].any():
                yield PricedEnergy(
                    cause, situation, int(energy_wh[slots].sum()), -int((prices.ticks * counted)[slots].sum())
                )


def _in_currency(place: Joining) -> Joining:
    first, middle, last = (each / MONEY_PER_CURRENCY for each in place[:3])
    error = None if place.middle_error is None else place.middle_error / MONEY_PER_CURRENCY
    return Joining(first, middle, last, error)


def _best(savings: FloatArray, names: tuple[str, ...]) -> Partner | None:
    best = int(np.nanargmax(savings))
    return Partner(names[best], float(savings[best]) / MONEY_PER_CURRENCY) if savings[best] > 0 else None
