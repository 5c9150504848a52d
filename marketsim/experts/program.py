"""The day of several prosumers as one sparse quadratic programme, built once; a day replaces right-hand sides and prices.

For prosumers i and slots t of h hours, with the costs of ``model``::

    min  h sum_t (l_b buy - l_s sell) + device costs + terminal value + regularisation + weight x slack
    s.t. sum_i (generator + discharge - charge + curtailed + pv) + buy - sell = sum_i load      (of each pool and slot)
         stored(t) = stored(t-1) + h (e_c charge - discharge / e_d)                                (a variable, no sum)
         stored(T) + missing - spare = its end;  |generator(t) - generator(t-1)| <= ramp h
         |q| <= tan(acos(pf)) pv;  pv^2 + q^2 <= S^2 by an inscribed polygon;  bounds
         a p + b q + c pv - slack <= limit                                                      (voltage rows)

Regularisation makes plans unique, so that they can be imitated: an optimum of a linear programme jumps between equal ones.
Prosumers of one pool pay for what they draw together; each alone is a pool of one.
"""

from __future__ import annotations

from time import process_time
from typing import Final, NamedTuple

import numpy as np
from scipy.sparse import coo_array, csc_array, eye_array, hstack, kron, vstack

from marketsim.core.arrays import FloatArray, IntArray
from marketsim.core.expert import ExpertView
from marketsim.core.setpoints import Setpoints
from marketsim.experts.columns import Prosumers
from marketsim.optimise.quadratic import Quadratic, optimum

BATTERY_REGULARISATION: Final = 2e-5
"""[currency/(kW^2 h)] of charging and of discharging power."""
KVAR_REGULARISATION: Final = 1e-6
"""[currency/(kvar^2 h)]."""
OTHER_REGULARISATION: Final = 1e-7
"""[currency/(kW^2 h)] of generation, curtailed load and curtailed PV."""
CORNERS: Final = 16
"""Edges of the polygon inside the right half of an inverter's circle: they leave out half a per cent at most."""


class VoltageRows(NamedTuple):
    """Limits on linear combinations of net injections of one slot each; m rows."""

    slot: IntArray
    per_kw: FloatArray
    """[m, n]."""
    per_kvar: FloatArray
    """[m, n]."""
    per_pv_kw: FloatArray
    """What PV that is used adds beyond its injection: by the reactive power that comes with it [m, n]."""
    limit: FloatArray
    """[m]."""

    @classmethod
    def none(cls, n: int) -> VoltageRows:
        """No row."""
        return cls(np.zeros(0, dtype=np.int64), np.zeros((0, n)), np.zeros((0, n)), np.zeros((0, n)), np.zeros(0))

    @property
    def size(self) -> FloatArray:
        """Largest coefficient of each row, 1 where it has none [m]."""
        largest = np.abs(np.concatenate((self.per_kw, self.per_kvar, self.per_pv_kw), axis=1)).max(axis=1)
        return np.where(largest > 0.0, largest, 1.0)

    def scaled(self, by: FloatArray) -> VoltageRows:
        """The same limits in other units; rows in kW are what the solver finds easy."""
        each = by[:, None]
        return VoltageRows(self.slot, self.per_kw * each, self.per_kvar * each, self.per_pv_kw * each, self.limit * by)


class SolvedDay(NamedTuple):
    """The optimum of a day."""

    setpoints: Setpoints
    """[H, n]"""
    objective: float
    """[currency], regularisation and slack included."""
    slack: FloatArray
    """By which each voltage row is broken [m]."""
    status: str
    seconds: float
    """Processor time [s]."""


class _Blocks(NamedTuple):
    """First column of each block of variables, in the order slot, then owner; ``end`` is their number."""

    generator: int
    charge: int
    discharge: int
    stored: int
    curtailed: int
    pv: int
    kvar: int
    buy: int
    sell: int
    missing: int
    spare: int
    end: int


class DayProgram:
    """The programme of some prosumers over a horizon; ``solve`` it for any day."""

    def __init__(self, own: Prosumers, horizon: int, hours: float, pool: IntArray) -> None:
        """``pool`` of each prosumer, counted from 0 [n]."""
        self._own, self._horizon, self._hours, self._pool = own, horizon, hours, pool
        self._pools = int(pool.max(initial=-1)) + 1
        self._g, self._b = np.flatnonzero(own.generator_high_kw > 0.0), np.flatnonzero(own.battery_kw > 0.0)
        self._l, self._r = np.flatnonzero(own.curtailable_share > 0.0), np.flatnonzero(own.pv_kw > 0.0)
        self._at = self._blocks()
        self._low, self._high = self._bounds()
        self._quadratic = self._curvature()
        self._moves = self._injections()
        self._equal = csc_array(vstack((self._balance(), self._storing(), self._ending())))
        self._most = csc_array(vstack((self._ramping(), self._inverting())))

    def solve(self, view: ExpertView, rows: VoltageRows | None = None, weight: float = 0.0) -> SolvedDay:
        """The optimum of a day; ``weight`` of a broken voltage row [currency per unit and slot].

        ValueError for a view of another horizon.
        """
        began = process_time()
        if view.horizon != self._horizon:
            raise ValueError(f"the programme has {self._horizon} slots, the view {view.horizon}")
        rows = VoltageRows.none(self._own.n) if rows is None else rows
        size = rows.size
        found = optimum(self._problem(view, rows.scaled(1.0 / size), weight * size))
        points = self._setpoints(found.x, view)
        slack = found.x[self._at.end :] * size
        constant = OTHER_REGULARISATION * self._hours * float((view.pv_available_kw[:, self._r] ** 2).sum())
        return SolvedDay(points, found.objective + constant, slack, found.status, process_time() - began)

    def _blocks(self) -> _Blocks:
        horizon, b, r = self._horizon, len(self._b), len(self._r)
        owners = (len(self._g), b, b, b, len(self._l), r, r, self._pools, self._pools)
        sizes = [*(horizon * count for count in owners), b, b]
        return _Blocks(*np.concatenate(([0], np.cumsum(sizes))).tolist())

    def _columns(self, first: int, count: int) -> slice:
        return slice(first, first + self._horizon * count)

    def _over(self, values: FloatArray) -> FloatArray:
        """A value of each owner for every slot."""
        return np.tile(values, self._horizon)

    def _bounds(self) -> tuple[FloatArray, FloatArray]:
        """Lowest and highest of each variable, what a day brings left open."""
        own, at = self._own, self._at
        low, high = np.zeros(at.end), np.full(at.end, np.inf)
        low[at.generator : at.charge] = self._over(own.generator_low_kw[self._g])
        high[at.generator : at.charge] = self._over(own.generator_high_kw[self._g])
        high[at.charge : at.stored] = np.tile(self._over(own.battery_kw[self._b]), 2)
        low[at.stored : at.curtailed] = self._over(own.stored_low_kwh[self._b])
        high[at.stored : at.curtailed] = self._over(own.stored_high_kwh[self._b])
        low[at.kvar : at.buy] = -np.inf
        return low, high

    def _curvature(self) -> FloatArray:
        """Quadratic cost of each variable [currency per square and slot]."""
        cost, at = np.zeros(self._at.end), self._at
        cost[at.generator : at.charge] = self._over(self._own.generator_quadratic[self._g]) + OTHER_REGULARISATION
        cost[at.charge : at.stored] = BATTERY_REGULARISATION
        cost[at.curtailed : at.kvar] = OTHER_REGULARISATION
        cost[at.kvar : at.buy] = KVAR_REGULARISATION
        return cost * self._hours

    def _injections(self) -> csc_array:
        """Net injection of each slot and agent, without its load, by the variables [H n, variables]."""
        at, every = self._at, np.arange(self._horizon)[:, None]
        rows, columns, values = [], [], []
        for first, owners, sign in (
            (at.generator, self._g, 1.0), (at.charge, self._b, -1.0), (at.discharge, self._b, 1.0),
            (at.curtailed, self._l, 1.0), (at.pv, self._r, 1.0),
        ):  # fmt: skip
            rows.append((every * self._own.n + owners).ravel())
            columns.append(np.arange(first, first + rows[-1].size))
            values.append(np.full(rows[-1].size, sign))
        where = np.concatenate(rows), np.concatenate(columns)
        return csc_array(coo_array((np.concatenate(values), where), (self._horizon * self._own.n, at.end)))

    def _balance(self) -> csc_array:
        """Each pool and slot: what its prosumers inject, bought and sold [H pools, variables]."""
        of_pool = coo_array((np.ones(self._own.n), (self._pool, np.arange(self._own.n))), (self._pools, self._own.n))
        together = kron(eye_array(self._horizon), of_pool) @ self._moves
        utility = self._diagonal(self._at.buy, self._pools, 1.0) + self._diagonal(self._at.sell, self._pools, -1.0)
        return csc_array(together + utility)

    def _diagonal(self, first: int, count: int, values: FloatArray | float) -> csc_array:
        """A row for each variable of a block [H count, variables]."""
        size = self._horizon * count
        numbers = np.broadcast_to(values, (self._horizon, count)).ravel()
        return csc_array((numbers, (np.arange(size), first + np.arange(size))), (size, self._at.end))

    def _storing(self) -> csc_array:
        """Stored energy of each slot less that of the slot before and what came in between [H batteries, variables]."""
        own, count = self._own, len(self._b)
        stored, size = self._diagonal(self._at.stored, count, 1.0), self._horizon * count
        later = np.arange(count, size)
        before = coo_array((np.ones(len(later)), (later, self._at.stored + later - count)), stored.shape)
        taken = self._diagonal(self._at.charge, count, self._hours * own.efficiency_in[self._b])
        given = self._diagonal(self._at.discharge, count, self._hours / own.efficiency_out[self._b])
        return csc_array(stored - before - taken + given)

    def _ending(self) -> csc_array:
        """Stored energy at the end, what is missing and what is over [batteries, variables]."""
        count, at = len(self._b), self._at
        each, last = np.arange(count), at.curtailed - len(self._b)
        columns = np.concatenate((last + each, at.missing + each, at.spare + each))
        values = np.repeat([1.0, 1.0, -1.0], count)
        return csc_array((values, (np.tile(each, 3), columns)), (count, at.end))

    def _ramping(self) -> csc_array:
        """Generation of each slot less that of the slot before, and the other way round [2 H generators, variables]."""
        count, size = len(self._g), self._horizon * len(self._g)
        now, later = self._diagonal(self._at.generator, count, 1.0), np.arange(count, size)
        before = coo_array((np.ones(len(later)), (later, self._at.generator + later - count)), now.shape)
        return csc_array(vstack((now - before, before - now)))

    def _inverting(self) -> csc_array:
        """Reactive power against the power factor, then the polygon: slots within edges within inverters."""
        at, slope = self._at, self._own.kvar_per_kw[self._r]
        kept = np.flatnonzero(np.isfinite(slope))
        parts = [self._inverter_rows(kept, -slope[kept], sign * np.ones(len(kept))) for sign in (1.0, -1.0)]
        angles = self._edges()
        ringed = self._ringed()
        parts += [
            self._inverter_rows(ringed, np.full(len(ringed), np.cos(angle)), np.full(len(ringed), np.sin(angle)))
            for angle in angles
        ]
        return csc_array(vstack(parts)) if parts else csc_array((0, at.end))

    def _inverter_rows(self, which: IntArray, per_pv: FloatArray, per_kvar: FloatArray) -> csc_array:
        """A row for each slot and each of some inverters: per_pv x pv + per_kvar x kvar [H len(which), variables]."""
        size, slots = self._horizon * len(which), np.arange(self._horizon)[:, None] * len(self._r)
        place = (slots + which).ravel()
        columns = np.concatenate((self._at.pv + place, self._at.kvar + place))
        values = np.concatenate((self._over(per_pv), self._over(per_kvar)))
        return csc_array((values, (np.tile(np.arange(size), 2), columns)), (size, self._at.end))

    @staticmethod
    def _edges() -> FloatArray:
        """Directions of the polygon's edges [CORNERS]."""
        return np.asarray((np.arange(CORNERS) + 0.5) * (np.pi / CORNERS) - np.pi / 2)

    def _ringed(self) -> IntArray:
        """Inverters that the power factor alone does not hold within their apparent power, by position among those of PV."""
        own, slope = self._own, self._own.kvar_per_kw[self._r]
        most = own.pv_kw[self._r] * np.sqrt(1.0 + np.where(np.isfinite(slope), slope, np.inf) ** 2)
        return np.flatnonzero(most > own.kva[self._r])

    def _problem(self, view: ExpertView, rows: VoltageRows, weights: FloatArray) -> Quadratic:
        m, at = len(rows.slot), self._at
        limited, least = self._voltages(rows, view)
        slack = -eye_array(m)
        inequalities = vstack(
            (hstack((self._most, csc_array((self._most.shape[0], m)))), hstack((limited, slack))), format="csc"
        )
        low, high = self._low.copy(), self._high.copy()
        high[at.curtailed : at.pv] = (self._own.curtailable_share * view.load_kw)[:, self._l].ravel()
        high[at.pv : at.kvar] = view.pv_available_kw[:, self._r].ravel()
        return Quadratic(
            quadratic=np.concatenate((self._quadratic, np.zeros(m))),
            linear=np.concatenate((self._prices(view), weights)),
            equal=csc_array(hstack((self._equal, csc_array((self._equal.shape[0], m))))),
            equal_to=self._equal_to(view),
            most=inequalities,
            at_most=np.concatenate((self._at_most(view), least)),
            low=np.concatenate((low, np.zeros(m))),
            high=np.concatenate((high, np.full(m, np.inf))),
        )

    def _prices(self, view: ExpertView) -> FloatArray:
        """Linear cost of each variable [currency per unit and slot]."""
        own, at, cost = self._own, self._at, np.zeros(self._at.end)
        cost[at.generator : at.charge] = self._over(own.generator_cost[self._g])
        cost[at.charge : at.stored] = np.tile(self._over(own.wear[self._b]), 2)
        cost[at.curtailed : at.pv] = self._over(own.curtailed_cost[self._l])
        cost[at.pv : at.kvar] = -2.0 * OTHER_REGULARISATION * view.pv_available_kw[:, self._r].ravel()
        cost[at.buy : at.sell] = np.repeat(view.buy, self._pools)
        cost[at.sell : at.missing] = -np.repeat(view.sell, self._pools)
        cost *= self._hours
        cost[at.missing : at.spare] = own.missing_price[self._b]
        cost[at.spare :] = -own.spare_price[self._b]
        return cost

    def _equal_to(self, view: ExpertView) -> FloatArray:
        load = np.zeros((self._horizon, self._pools))
        np.add.at(load.T, self._pool, view.load_kw.T)
        first = np.zeros((self._horizon, len(self._b)))
        own, stored = self._own, view.stored_kwh
        first[0] = np.clip(stored, own.stored_low_kwh, own.stored_high_kwh)[self._b]
        return np.concatenate((load.ravel(), first.ravel(), own.stored_end_kwh[self._b]))

    def _at_most(self, view: ExpertView) -> FloatArray:
        own, g = self._own, self._g
        step = np.minimum(own.ramp_kw_per_h[g] * self._hours, own.generator_high_kw[g])
        ramps = np.tile(step, (2, self._horizon, 1))
        last = np.clip(view.generator_kw, own.generator_low_kw, own.generator_high_kw)[g]
        ramps[0, 0], ramps[1, 0] = step + last, step - last
        free = np.isnan(last)
        ramps[:, 0, free] = own.generator_high_kw[g][free]
        ringed = self._ringed()
        factors = np.zeros(2 * self._horizon * int(np.isfinite(own.kvar_per_kw[self._r]).sum()))
        ring = self._over(own.kva[self._r][ringed] * np.cos(0.5 * np.pi / CORNERS))
        return np.concatenate((ramps.ravel(), factors, np.tile(ring, CORNERS)))

    def _voltages(self, rows: VoltageRows, view: ExpertView) -> tuple[csc_array, FloatArray]:
        """Voltage rows by the variables [m, variables], and their limits with the loads taken out [m]."""
        m, n = rows.per_kw.shape
        where = np.repeat(np.arange(m), n), (rows.slot[:, None] * n + np.arange(n)).ravel()
        by_net = csc_array((rows.per_kw.ravel(), where), (m, self._horizon * n)) @ self._moves
        place = (rows.slot[:, None] * len(self._r) + np.arange(len(self._r))).ravel()
        each = np.repeat(np.arange(m), len(self._r))
        by_kvar, by_pv = (
            csc_array((table[:, self._r].ravel(), (each, first + place)), by_net.shape)
            for table, first in ((rows.per_kvar, self._at.kvar), (rows.per_pv_kw, self._at.pv))
        )
        return csc_array(by_net + by_kvar + by_pv), rows.limit + (rows.per_kw * view.load_kw[rows.slot]).sum(axis=1)

    def _setpoints(self, x: FloatArray, view: ExpertView) -> Setpoints:
        """Set-points within every bound; a battery that would charge and discharge at once does what stores as much."""
        own, at = self._own, self._at

        def block(first: int, owners: IntArray) -> FloatArray:
            values = np.zeros((self._horizon, own.n))
            values[:, owners] = x[self._columns(first, len(owners))].reshape(self._horizon, len(owners))
            return values

        charge, discharge = block(at.charge, self._b), block(at.discharge, self._b)
        gain = self._hours * (own.efficiency_in * charge - discharge / own.efficiency_out)
        pv = np.clip(block(at.pv, self._r), 0.0, view.pv_available_kw)
        most = own.most_kvar(pv)
        return Setpoints(
            generator_kw=np.clip(block(at.generator, self._g), own.generator_low_kw, own.generator_high_kw),
            battery_kw=own.battery_for(gain, self._hours),
            curtailed_kw=np.clip(block(at.curtailed, self._l), 0.0, own.curtailable_share * view.load_kw),
            pv_kw=pv,
            kvar=np.clip(block(at.kvar, self._r), -most, most),
        )
