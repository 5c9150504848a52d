"""The day programme: its optimum is that of the same problem written down in another tool, and unique."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core.expert import ExpertView, net_kw
from marketsim.experts.columns import Prosumers, costs, prosumers, stored_path
from marketsim.experts.model import ProsumerModel
from marketsim.experts.program import (
    BATTERY_REGULARISATION,
    CORNERS,
    KVAR_REGULARISATION,
    OTHER_REGULARISATION,
    DayProgram,
    VoltageRows,
)

pytest.importorskip("clarabel", reason="experts need clarabel: pip install 'marketsim[experts]'")
WEIGHT = 50.0


def some_models(rng: np.random.Generator, n: int) -> list[ProsumerModel]:
    """Prosumers with and without each kind of device."""
    models = []
    for _ in range(n):
        has = rng.random(4) < 0.7
        pv_kw = float(rng.uniform(50, 500)) * has[0]
        models.append(
            ProsumerModel(
                load_peak_kw=100,
                pv_kw=pv_kw,
                battery={"energy_kwh": float(rng.uniform(100, 400)), "power_kw": 80, "efficiency": 0.95}
                if has[1]
                else None,
                generator={"max_kw": 120, "ramp_kw_per_h": 60, "cost_per_kwh": 0.17, "quadratic_cost": 2e-4}
                if has[2]
                else None,
                curtailable={"share": 0.2, "cost_per_kwh": 0.3} if has[3] else None,
                min_power_factor=float(rng.choice([0.9, 0.95])) if rng.random() < 0.7 else None,
                inverter_kva=1.02 * pv_kw or None,
            )
        )
    return models


def some_day(rng: np.random.Generator, models: list[ProsumerModel], horizon: int, hours: float) -> ExpertView:
    n, hour = len(models), np.arange(horizon) * hours + 24 - horizon * hours
    sun = np.maximum(np.sin((hour - 6) / 12 * np.pi), 0.0)[:, None] * rng.uniform(0.5, 1.0, (horizon, n))
    buy = np.where((hour >= 17) & (hour < 21), 0.36, np.where(hour < 7, 0.14, 0.24))
    own = prosumers(models)
    return ExpertView(
        t0=0,
        slot_hours=hours,
        buy=buy,
        sell=np.full(horizon, 0.06),
        load_kw=rng.uniform(10, 100, (horizon, n)),
        pv_available_kw=sun * own.pv_kw,
        stored_kwh=rng.uniform(own.stored_low_kwh, own.stored_high_kwh),
        generator_kw=rng.uniform(0, 1, n) * own.generator_high_kw,
        background=None,
    )


def some_rows(rng: np.random.Generator, n: int, horizon: int) -> VoltageRows:
    m = 12
    return VoltageRows(
        rng.integers(0, horizon, m),
        rng.uniform(0, 2e-3, (m, n)),
        rng.uniform(0, 2e-3, (m, n)),
        rng.uniform(-1e-3, 0, (m, n)),
        rng.uniform(-0.1, 0.3, m),
    )


def written_down(own: Prosumers, view: ExpertView, pool: np.ndarray, rows: VoltageRows) -> float:
    """The least cost by CVXPY, from the equations of the module's docstring."""
    cp = pytest.importorskip("cvxpy", reason="the oracle is cvxpy: pip install 'marketsim[experts-code]'")
    (horizon, n), h = view.load_kw.shape, view.slot_hours
    gen, charge, give, cut, pv, q = (cp.Variable((horizon, n)) for _ in range(6))
    stored, missing, spare = cp.Variable((horizon + 1, n)), cp.Variable(n), cp.Variable(n)
    buy, sell = (cp.Variable((horizon, pool.max() + 1)) for _ in range(2))
    slack = cp.Variable(len(rows.slot))
    bounds = [
        (gen, own.generator_low_kw, own.generator_high_kw), (charge, 0, own.battery_kw), (give, 0, own.battery_kw),
        (cut, 0, own.curtailable_share * view.load_kw), (pv, 0, view.pv_available_kw),
        (stored, own.stored_low_kwh, own.stored_high_kwh),
    ]  # fmt: skip
    where = [each >= np.broadcast_to(low, each.shape) for each, low, _ in bounds]
    where += [each <= np.broadcast_to(high, each.shape) for each, _, high in bounds]
    where += [each >= 0 for each in (buy, sell, missing, spare, slack)]
    net = gen + give - charge + cut + pv - view.load_kw
    of_pool = (pool[:, None] == np.arange(pool.max() + 1)).astype(float)
    where += [net @ of_pool + buy - sell == 0, stored[0] == view.stored_kwh]
    gain = h * (cp.multiply(np.tile(own.efficiency_in, (horizon, 1)), charge) - give @ np.diag(1 / own.efficiency_out))
    where += [stored[1:] == stored[:-1] + gain, stored[-1] + missing - spare == own.stored_end_kwh]
    ramp = np.minimum(own.ramp_kw_per_h, 1e6) * h
    where += [cp.abs(gen[1:] - gen[:-1]) <= np.tile(ramp, (horizon - 1, 1)), cp.abs(gen[0] - view.generator_kw) <= ramp]
    edges = (np.arange(CORNERS) + 0.5) * np.pi / CORNERS - np.pi / 2
    for i in range(n):
        if own.pv_kw[i] == 0.0:
            where.append(q[:, i] == 0)
            continue
        if np.isfinite(own.kvar_per_kw[i]):
            where.append(cp.abs(q[:, i]) <= own.kvar_per_kw[i] * pv[:, i])
        if own.pv_kw[i] * np.sqrt(1 + own.kvar_per_kw[i] ** 2) > own.kva[i]:
            ring = own.kva[i] * np.cos(np.pi / CORNERS / 2)
            where += [np.cos(a) * pv[:, i] + np.sin(a) * q[:, i] <= ring for a in edges]
    for k, slot in enumerate(rows.slot):
        by_pv = rows.per_kvar[k] @ q[slot] + rows.per_pv_kw[k] @ pv[slot]
        where.append(rows.per_kw[k] @ net[slot] + by_pv - slack[k] <= rows.limit[k])
    square, total = cp.sum_squares, cp.sum
    devices = total(gen @ own.generator_cost) + total(cp.square(gen) @ own.generator_quadratic)
    devices += total((charge + give) @ own.wear) + total(cut @ own.curtailed_cost)
    unique = BATTERY_REGULARISATION * (square(charge) + square(give)) + KVAR_REGULARISATION * square(q)
    unique += OTHER_REGULARISATION * (square(gen) + square(cut) + square(view.pv_available_kw - pv))
    energy = total(view.buy @ buy) - total(view.sell @ sell)
    end = (missing @ own.missing_price - spare @ own.spare_price) if (own.battery_kw > 0).any() else 0
    problem = cp.Problem(cp.Minimize(h * (energy + devices + unique) + end + WEIGHT * total(slack)), where)
    return float(problem.solve(solver=cp.CLARABEL))


@pytest.mark.parametrize("seed", range(10))
def test_the_optimum_is_that_of_the_same_problem_written_down_elsewhere(seed: int) -> None:
    """Same objective as CVXPY to 1e-5, pooled or alone, with rows that bind, on ten random days."""
    rng = np.random.default_rng(seed)
    models = some_models(rng, 6)
    own, horizon = prosumers(models), int(rng.choice([7, 24, 48]))
    view, rows = some_day(rng, models, horizon, 0.5), some_rows(rng, 6, horizon)
    pool = np.arange(6) if seed % 3 == 0 else np.zeros(6, dtype=np.int64)
    found = DayProgram(own, horizon, 0.5, pool).solve(view, rows, WEIGHT)
    assert found.objective == pytest.approx(written_down(own, view, pool, rows), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_a_plan_keeps_every_bound_and_its_cost_is_its_objective(seed: int) -> None:
    """Set-points lie within what devices can do; the objective is their cost, and what regularisation adds to it."""
    rng = np.random.default_rng(100 + seed)
    models = some_models(rng, 5)
    own, view = prosumers(models), some_day(rng, models, 24, 1.0)
    found = DayProgram(own, 24, 1.0, np.zeros(5, dtype=np.int64)).solve(view)
    points = found.setpoints
    path = stored_path(own, view.stored_kwh, points.battery_kw, 1.0)
    room = 1e-5 * own.stored_high_kwh + 1e-9
    assert (path >= own.stored_low_kwh - room).all()
    assert (path <= own.stored_high_kwh + room).all()
    steps = np.diff(np.concatenate((view.generator_kw[None], points.generator_kw)), axis=0)
    assert (np.abs(steps) <= own.ramp_kw_per_h + 1e-5).all()
    assert (np.abs(points.kvar) <= own.most_kvar(points.pv_kw) + 1e-12).all()
    assert (points.curtailed_kw <= own.curtailable_share * view.load_kw).all()
    cost = costs(own, view, points, net_kw(view.load_kw, points).sum(axis=1, keepdims=True)).total
    unique = BATTERY_REGULARISATION * (points.battery_kw**2).sum() + KVAR_REGULARISATION * (points.kvar**2).sum()
    others = points.generator_kw**2 + points.curtailed_kw**2 + (view.pv_available_kw - points.pv_kw) ** 2
    assert found.objective == pytest.approx(cost + unique + OTHER_REGULARISATION * others.sum(), rel=1e-4, abs=1e-3)


def test_a_plan_is_unique() -> None:
    """The same day with the prosumers in another order has the same set-points, though prices leave many plans equal."""
    rng = np.random.default_rng(7)
    models = [ProsumerModel(battery={"energy_kwh": 200, "power_kw": 50}) for _ in range(4)]
    view = some_day(rng, models, 24, 1.0)._replace(stored_kwh=np.full(4, 100.0))
    order = np.array([2, 0, 3, 1])
    turned = view._replace(load_kw=view.load_kw[:, order], pv_available_kw=view.pv_available_kw[:, order])
    program = DayProgram(prosumers(models), 24, 1.0, np.zeros(4, dtype=np.int64))
    one, other = program.solve(view).setpoints, program.solve(turned).setpoints
    np.testing.assert_allclose(one.battery_kw[:, order], other.battery_kw, atol=0.05)


def test_a_view_of_another_horizon_is_refused() -> None:
    rng = np.random.default_rng(1)
    models = some_models(rng, 2)
    with pytest.raises(ValueError, match="24 slots, the view 12"):
        DayProgram(prosumers(models), 24, 1.0, np.zeros(2, dtype=np.int64)).solve(some_day(rng, models, 12, 1.0))
