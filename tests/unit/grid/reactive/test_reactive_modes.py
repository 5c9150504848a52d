from __future__ import annotations

from datetime import date
from math import acos, sqrt, tan
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from marketsim.core.build import AgentSpec, Basics, Choice, LoadSpec
from marketsim.core.clock import Clock
from marketsim.core.inverters import curve_share
from marketsim.core.params import Params
from marketsim.core.records import Community, SlotInputs, Tariffs
from marketsim.core.rng import Streams
from marketsim.grid.reactive.modes import (
    build_fixed_pf,
    build_fixed_q,
    build_unity,
    build_volt_var,
)
from marketsim.grid.reactive.params import FixedPfParams, FixedQParams, UnityParams, VoltVarParams

CLOCK = Clock(date(2016, 7, 12), 96, 15)


def context(n_markets: int = 1, pv_scale: float = 1.0) -> Basics:
    """A market of a consumer at pf 0.9, a PV owner of 100 kW and one with an inverter of 80 kVA behind 100 kW of PV."""

    def agent(name: str, pv_kw: float, inverter_kva: float | None, power_factor: float = 1.0) -> AgentSpec:
        load = LoadSpec(peak_kw=10.0, power_factor=power_factor)
        return AgentSpec(
            name, "prosumer", 0, "1", load, pv_kw, None, {}, Choice("truthful", Params()), inverter_kva=inverter_kva
        )

    agents = (agent("consumer", 0.0, None, 0.9), agent("sized", 100.0, None), agent("small", 100.0, 80.0))
    n_agents = n_markets * len(agents)
    community = Community(
        names=tuple(f"{row}" for row in range(n_agents)),
        market=np.repeat(np.arange(n_markets), len(agents)),
        connection=np.tile(np.arange(len(agents)), n_markets),
        is_prosumer=np.ones(n_agents, dtype=bool),
        n_markets=n_markets,
        import_limit_wh=np.full(n_agents, 2**62),
        export_limit_wh=np.full(n_agents, 2**62),
    )
    return Basics(CLOCK, Streams([1] * n_markets), community, agents, pv_scale=pv_scale)


def inputs(load_kw: list[float], **series: list[float]) -> SlotInputs:
    load = np.array(load_kw)
    return SlotInputs(
        CLOCK.at(40),
        np.rint(load * 250.0).astype(np.int64),
        np.zeros(len(load), dtype=np.int64),
        {"load_kw": load} | {name: np.array(values) for name, values in series.items()},
        Tariffs(np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64), None),
    )


def kvar(mode: Any, made: Basics, load_kw: list[float], net_kw: list[float], **series: list[float]) -> list[float]:
    firm_wh = np.rint(np.array(net_kw) * 250.0).astype(np.int64)
    values: list[float] = mode.kvar(made.community, inputs(load_kw, **series), firm_wh).tolist()
    return values


def test_loads_draw_at_their_power_factor_and_inverters_nothing() -> None:
    made = context()
    mode = build_unity(UnityParams(), made)
    found = kvar(mode, made, [8.0, 8.0, 0.0], [-8.0, 40.0, 40.0])
    assert found == pytest.approx([-8.0 * tan(acos(0.9)), 0.0, 0.0])


def test_a_series_of_reactive_load_goes_before_the_power_factor_and_follows_the_metered_energy() -> None:
    made = context()
    mode = build_unity(UnityParams(), made)
    found = kvar(mode, made, [8.0, 8.0, 0.0], [-8.0, -8.0, 0.0], load_kvar=[2.0, 4.0, 1.0])
    assert found == pytest.approx([-2.0, -4.0, 0.0])


def test_what_devices_draw_brings_its_own_reactive_power() -> None:
    made = context()
    mode = build_unity(UnityParams(deferrable_power_factor=0.95), made)
    found = kvar(mode, made, [0.0, 8.0, 0.0], [0.0, -28.0, 0.0])
    assert found == pytest.approx([0.0, -20.0 * tan(acos(0.95)), 0.0])
    assert mode.law.sink_kvar_per_kw.tolist() == pytest.approx([tan(acos(0.95))] * 3)


@pytest.mark.parametrize(("absorbing", "sign"), [(True, -1.0), (False, 1.0)])
def test_fixed_power_factor_moves_with_what_is_injected(absorbing: bool, sign: float) -> None:
    made = context()
    mode = build_fixed_pf(FixedPfParams(power_factor=0.9, absorbing=absorbing), made)
    slope = sign * tan(acos(0.9))
    assert kvar(mode, made, [0.0, 10.0, 0.0], [5.0, 40.0, 30.0]) == pytest.approx([0.0, 50.0 * slope, 30.0 * slope])
    assert mode.law.source_kvar_per_kw.tolist() == pytest.approx([0.0, slope, slope])


def test_at_a_fixed_power_factor_a_small_inverter_limits_pv_to_its_share() -> None:
    mode = build_fixed_pf(FixedPfParams(power_factor=0.9), context())
    pv_wh = np.array([0, 25_000, 25_000])
    assert mode.limit_pv(pv_wh, 0.25).tolist() == [0, 25_000, 18_000]


def test_fixed_reactive_power_stays_within_the_apparent_power() -> None:
    made = context()
    mode = build_fixed_q(FixedQParams(q_share=-0.6), made)
    assert kvar(mode, made, [0.0, 0.0, 0.0], [0.0, 0.0, 70.0]) == pytest.approx([0.0, -66.0, -sqrt(80.0**2 - 70.0**2)])
    assert kvar(mode, made, [0.0, 0.0, 0.0], [0.0, 0.0, 90.0])[2] == 0.0
    assert mode.limit_pv(np.array([0, 25_000, 25_000]), 0.25).tolist() == [0, 25_000, 16_000]


def test_volt_var_leaves_the_curve_to_the_gate() -> None:
    made = context()
    mode = build_volt_var(VoltVarParams(), made)
    assert kvar(mode, made, [0.0, 0.0, 0.0], [0.0, 50.0, 50.0]) == [0.0, 0.0, 0.0]
    assert mode.law.curve_pu.tolist() == [0.92, 0.98, 1.02, 1.08]
    assert mode.law.curve_kvar.tolist() == pytest.approx([0.0, 0.44 * 110.0, 0.44 * 80.0])


def test_volt_var_tells_the_gate_what_inverters_serve_behind_the_meter() -> None:
    made = context()
    mode = build_volt_var(VoltVarParams(), made)
    kvar(mode, made, [4.0, 8.0, 12.0], [-4.0, 30.0, 0.0])
    assert mode.behind_kw().tolist() == [4.0, 8.0, 12.0]


def test_only_volt_var_has_a_curve() -> None:
    made = context()
    for mode in (
        build_unity(UnityParams(), made),
        build_fixed_pf(FixedPfParams(), made),
        build_fixed_q(FixedQParams(), made),
    ):
        assert mode.law.curve_pu.size == 0


def test_the_curve_is_linear_between_its_voltages_and_flat_beyond() -> None:
    curve = np.array([0.92, 0.98, 1.02, 1.08])
    share = curve_share(np.array([0.5, 0.92, 0.95, 0.98, 1.0, 1.02, 1.05, 1.08, 1.5]), curve)
    assert share.tolist() == pytest.approx([1.0, 1.0, 0.5, 0.0, 0.0, 0.0, -0.5, -1.0, -1.0])


def test_an_inverter_sized_to_its_plant_grows_with_the_scale_of_pv_and_never_limits_it() -> None:
    mode = build_unity(UnityParams(), context(pv_scale=3.0))
    assert mode.law.kva.tolist() == pytest.approx([0.0, 330.0, 80.0])
    assert mode.limit_pv(np.array([0, 75_000, 75_000]), 0.25).tolist() == [0, 75_000, 20_000]


def test_markets_are_replicas() -> None:
    made = context(n_markets=3)
    mode = build_fixed_pf(FixedPfParams(), made)
    assert mode.law.kva.reshape(3, 3).tolist() == [[0.0, pytest.approx(110.0), 80.0]] * 3
    found = np.array(kvar(mode, made, [8.0, 8.0, 0.0] * 3, [-8.0, 40.0, 30.0] * 3)).reshape(3, 3)
    np.testing.assert_array_equal(found, found[[0, 0, 0]])


def test_the_net_energy_must_fit_the_community() -> None:
    made = context()
    with pytest.raises(ValueError, match="2 agents, the community 3"):
        build_unity(UnityParams(), made).kvar(made.community, inputs([1.0, 1.0, 1.0]), np.zeros(2, dtype=np.int64))


@pytest.mark.parametrize("voltages", [(0.98, 0.92, 1.02, 1.08), (0.92, 1.03, 1.02, 1.08), (0.92, 0.98, 1.08, 1.08)])
def test_a_curve_that_does_not_fall_is_refused(voltages: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError, match="voltages_pu must rise"):
        VoltVarParams.model_validate({"voltages_pu": voltages})
