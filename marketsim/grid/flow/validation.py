"""The independent check of a run: every slot's power flow solved again, slots of a day in one batch.

Voltages that differ by more than ``tolerance_pu`` are a fault of the program, not of the market. So is a slot whose
energy does not add up: what the source delivers by the independent solution, less what shunts draw by it, must be
imports less exports plus the losses that the run booked, to 1 Wh.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.errors import BY_CHECK, ValidationMismatch
from marketsim.core.records import Community, Exchange, GridState
from marketsim.core.units import WH_PER_KWH
from marketsim.grid.flow.power_flow_check import PowerFlow
from marketsim.grid.net.network import Network

TOLERANCE_PU: Final = 1e-8
TOLERANCE_LOADING: Final = 1e-6
"""As a share of the rating."""
TOLERANCE_WH: Final = 1.0
DAY_OF_QUARTERS: Final = 96

OnMismatch: TypeAlias = Literal["stop", "record"]


class Solver(Protocol):
    """Another power flow than the gate's."""

    @property
    def network(self) -> Network:
        """What it solves."""
        ...

    def solve(self, net_kw: FloatArray, kvar: FloatArray) -> PowerFlow:
        """Injections [n_cases, n_nodes]."""
        ...


class Mismatch(NamedTuple):
    """One value that the independent power flow does not confirm."""

    slot: int
    market: int
    quantity: str
    """``voltage`` [p.u.], ``loading`` [share of rating], ``energy`` [Wh] or ``convergence`` [0 or 1]."""
    element: str
    """Bus or branch; empty for the whole feeder."""
    run: float
    check: float
    tolerance: float

    @property
    def difference(self) -> float:
        """What the run has more than the check."""
        return self.run - self.check

    def __str__(self) -> str:
        at = f" at {self.element}" if self.element else ""
        return (
            f"slot {self.slot}, market {self.market}: {self.quantity}{at} is {self.run:.12g} by the run and "
            f"{self.check:.12g} by the independent power flow (difference {self.difference:.3g}, "
            f"allowed {self.tolerance:g})"
        )


class ValidationSummary(NamedTuple):
    """What a run's validation found."""

    cases: int
    """Slots times markets that were solved again."""
    unsolved: int
    """Cases that neither side could solve."""
    worst_pu: float
    """Largest difference of a voltage [p.u.]; 0 without cases."""
    worst_wh: float
    """Largest difference of the energy balance of a slot [Wh]."""
    mismatches: tuple[Mismatch, ...]


class _Case(NamedTuple):
    """One slot of one market."""

    slot: int
    market: int
    net_wh: IntArray
    kvar: FloatArray
    v_pu: FloatArray
    loading: FloatArray
    bought_wh: float
    """Imports less exports plus background and losses as booked by the run; without shunts."""
    converged: bool


def compare(run: FloatArray, check: FloatArray, tolerance: float) -> tuple[IntArray, IntArray, float]:
    """Where two tables [n_cases, n_elements] differ by more than ``tolerance``.

    Returns the case and the element of each case's largest excess, and the largest difference of all. NaN on both sides
    agrees; NaN on one side only is an infinite difference.
    """
    with np.errstate(invalid="ignore"):
        apart = np.abs(run - check)
    one_sided = np.isnan(run) != np.isnan(check)
    apart = np.where(one_sided, np.inf, np.nan_to_num(apart, nan=0.0, posinf=np.inf))
    if not apart.size:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), 0.0
    worst = apart.argmax(axis=1)
    cases = np.flatnonzero(apart[np.arange(len(apart)), worst] > tolerance)
    return cases, worst[cases], float(apart.max())


class BatchValidator:
    """Collects the solved slots of a run and checks them together, ``batch`` cases at a time."""

    def __init__(
        self,
        validator: Solver,
        community: Community,
        hours: float,
        *,
        on_mismatch: OnMismatch = "stop",
        tolerance_pu: float = TOLERANCE_PU,
        batch: int = DAY_OF_QUARTERS,
        every: int = 1,
        background_wh: int = 0,
    ) -> None:
        """``hours``: length of a slot [h]; ``every``: check each so-manieth slot only.

        ``background_wh``: what belongs to no agent and is drawn from a market's feeder in every slot [Wh].
        """
        self._validator, self._community = validator, community
        self._to_kw = 1.0 / (hours * WH_PER_KWH)
        self._hours, self._background_wh = hours, background_wh
        self._stop = on_mismatch == "stop"
        self._batch, self._every = batch, every
        self._waiting: list[_Case] = []
        self._cases = self._unsolved = 0
        allowed = {"convergence": 0.0, "voltage": tolerance_pu, "loading": TOLERANCE_LOADING, "energy": TOLERANCE_WH}
        self._allowed, self._worst = allowed, dict.fromkeys(allowed, 0.0)
        self._mismatches: list[Mismatch] = []

    def add(self, slot: int, grid: GridState, exchange: Exchange) -> None:
        """Take a slot as it ended; checks when a batch is full. ValidationMismatch if it does not agree."""
        if slot % self._every:
            return
        bought = self._traded_with_utility(exchange) + self._background_wh + grid.losses_wh
        states = zip(grid.net_wh, grid.kvar, grid.v_pu, grid.loading, strict=True)
        ends = zip(bought.tolist(), grid.converged.tolist(), strict=True)
        self._waiting += [
            _Case(slot, market, *state, *end) for market, (state, end) in enumerate(zip(states, ends, strict=True))
        ]
        if len(self._waiting) >= self._batch:
            self.flush()

    def flush(self) -> tuple[Mismatch, ...]:
        """Check what waits; returns the mismatches found, or raises ValidationMismatch with the first."""
        cases, self._waiting = self._waiting, []
        if not cases:
            return ()
        net_kw = np.array([case.net_wh for case in cases], dtype=np.float64) * self._to_kw
        checked = self._validator.solve(net_kw, np.array([case.kvar for case in cases], dtype=np.float64))
        self._cases += len(cases)
        found = tuple(self._found(cases, checked))
        self._mismatches += found
        if found and self._stop:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            raise ValidationMismatch(f"{found[0]}{more}{BY_CHECK}")
        return found

    def finish(self) -> ValidationSummary:
        """Check the rest and sum up."""
        self.flush()
        worst = self._worst
        return ValidationSummary(
            self._cases, self._unsolved, worst["voltage"], worst["energy"], tuple(self._mismatches)
        )

    def _traded_with_utility(self, exchange: Exchange) -> FloatArray:
        """Imports less exports of each market [Wh]."""
        total = np.zeros(self._community.n_markets, dtype=np.int64)
        np.add.at(total, self._community.market, exchange.import_wh - exchange.export_wh)
        return total.astype(np.float64)

    def _found(self, cases: list[_Case], checked: PowerFlow) -> Iterator[Mismatch]:
        """What differs in convergence, and where both have a solution in the states and the law of energy.

        The law: slack energy - shunts = imports - exports + losses; the left by the check, the right by the run.
        """
        solved, network = np.array([case.converged for case in cases]), self._validator.network
        self._unsolved += int((~solved & ~checked.converged).sum())
        yield from self._apart("convergence", cases, solved[:, None], checked.converged[:, None], ("",))
        rows = np.flatnonzero(solved & checked.converged)
        both, v_pu, loading = [cases[row] for row in rows], checked.v_pu[rows], checked.loading[rows]
        buses = [f"bus {name}" for name in network.bus_names]
        yield from self._apart("voltage", both, _table([case.v_pu for case in both], v_pu), v_pu, buses)
        run_loading = _table([case.loading for case in both], loading)
        yield from self._apart("loading", both, run_loading, loading, network.branch_names)
        bought_wh = np.array([case.bought_wh for case in both])
        drawn_wh = (checked.slack_kw[rows] - network.ground_kw(v_pu)) * self._hours * WH_PER_KWH
        yield from self._apart("energy", both, bought_wh[:, None], drawn_wh[:, None], ("",))

    def _apart(
        self, quantity: str, cases: list[_Case], run: NDArray[Any], check: NDArray[Any], elements: Sequence[str]
    ) -> list[Mismatch]:
        """Where a quantity [n_cases, n_elements] is another by the check: the worst element of each case."""
        allowed = self._allowed[quantity]
        at, element, worst = compare(run.astype(np.float64), check.astype(np.float64), allowed)
        self._worst[quantity] = max(self._worst[quantity], worst)
        return [
            Mismatch(
                cases[k].slot, cases[k].market, quantity, elements[n], float(run[k, n]), float(check[k, n]), allowed
            )
            for k, n in zip(at, element, strict=True)
        ]


def _table(rows: list[FloatArray], like: FloatArray) -> FloatArray:
    """Rows as a table with the columns of ``like``, also without any."""
    return np.array(rows, dtype=np.float64).reshape(len(rows), like.shape[1])
