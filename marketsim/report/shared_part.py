"""The part of a report about a bill that is common: who should pay what by which rule, why, and whether anybody would leave."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.app.explain import SITUATIONS, energies_by_cause, priced_bill
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.shared_run import SharedRun
from marketsim.builtin import built_in_registry
from marketsim.core.arrays import FloatArray
from marketsim.core.units import MONEY_PER_CURRENCY, WH_PER_KWH
from marketsim.report.series import plain
from marketsim.results.frames import agent_names
from marketsim.results.reader import Run
from marketsim.sharing.portions import portions

MOST_CELLS: Final = 1_000_000
"""Agents times slots of a run whose bills a report shares."""
_MOST_LISTED: Final = 12
"""Agents whose groups are all looked at for the one that would rather leave."""
_MOST_DRAWN: Final = 30_000_000
"""Agents times slots times orders of a sampled rule."""
_ORDERS: Final = 100
PAID, ALONE = "paid", "alone"
_DIGITS: Final = 4


class RuleSaid(NamedTuple):
    """What a rule of sharing comes to, in words."""

    name: str
    excess: float
    """What the group that gains most by leaving would save [currency]; at most 0: none would."""
    group: tuple[str, ...]


class SharedPart:
    """Bills by rules that a report can afford, from one period of all slots; what the run itself shared is left out."""

    def __init__(self, run: Run, ready: ReadyScenario) -> None:
        """``ready``: the run's scenario. InputError for a run that is nothing to share."""
        shared = SharedRun(run, 1, trust=False, registry=built_in_registry(), ready=ready)
        self.names = shared.names
        self._shared = shared
        self.columns: dict[str, FloatArray] = {
            ALONE: shared.alone_money.astype(np.float64),
            PAID: shared.period.paid_money.astype(np.float64),
        }
        self.errors: FloatArray | None = None
        for name, parameters in _affordable(shared):
            found = shared.divided(name, parameters)
            self.columns[name] = found.money.astype(np.float64)
            if found.standard_errors is not None:
                self.errors = found.standard_errors
        self._lines = list(self._bills(run))

    @property
    def rules(self) -> list[RuleSaid]:
        """Which group would rather leave at the bills paid and by each rule; empty where there are too many groups."""
        if not 2 <= len(self.names) <= _MOST_LISTED:
            return []
        said = []
        for name, money in self.columns.items():
            worst = None if name == ALONE else self._shared.worst(money, 0.0)
            if worst is not None:
                group = tuple(np.array(self.names)[worst.members].tolist())
                said.append(RuleSaid(name, worst.excess / MONEY_PER_CURRENCY, group))
        return said

    def _bills(self, run: Run) -> Iterator[list[list[Any]]]:
        """Lines of each agent's bill by prices of the slot: cause, situation, kWh, money; the last is beyond one meter's bill."""
        energies, game = energies_by_cause(run, self._shared), self._shared.game
        beyond = portions(game.beyond_money, np.ones(game.n, dtype=np.int64), self.names)
        for row in range(game.n):
            own = priced_bill(game, {cause: wh[:, row] for cause, wh in energies.items()}, row)
            lines: list[list[Any]] = [
                [each.cause, SITUATIONS[each.situation], each.energy_wh / WH_PER_KWH, each.money / MONEY_PER_CURRENCY]
                for each in own
            ]
            yield [
                *lines,
                ["", "part of what all paid beyond one meter's bill", None, int(beyond[row]) / MONEY_PER_CURRENCY],
            ]

    def data(self) -> dict[str, Any]:
        """What its charts are drawn from."""
        return {
            "names": list(self.names),
            "columns": {name: plain(money / MONEY_PER_CURRENCY, _DIGITS) for name, money in self.columns.items()},
            "errors": None if self.errors is None else plain(self.errors / MONEY_PER_CURRENCY, _DIGITS),
            "bills": self._lines,
        }


def _affordable(shared: SharedRun) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rules whose shares take no more than moments, with their parameters."""
    yield "slot_prices", {}
    yield "equal_gain", {}
    exact = len(shared.names) <= _MOST_LISTED
    if exact or shared.period.net_wh.size * 2 * _ORDERS <= _MOST_DRAWN:
        yield "shapley", {"exact_up_to": _MOST_LISTED, "orders": _ORDERS}


def can_be_shared(run: Run) -> bool:
    """Whether a report shares the bills of this run: one market that is not too long."""
    markets = agent_names(run.manifest)
    return len(markets) == 1 and len(markets[0]) > 1 and 0 < run.n_slots * len(markets[0]) <= MOST_CELLS
