"""Every setting of the grid does what it says, on a street with more PV at its end than the cable takes."""

from __future__ import annotations

import numpy as np
import pytest

NOON = range(9, 15)
STORE = {"energy_kwh": 200, "power_kw": 20, "soc_initial": 0.1}
AGENTS = (
    {"name": "end", "bus": "b3", "pv_kw": 60},
    {"name": "mid", "bus": "b2", "pv_kw": 40},
    {"name": "shop", "kind": "consumer", "bus": "c2"},
    {"name": "store", "bus": "b3", "battery": STORE},
)
SERIES = {
    **{f"{name}_load_kw": 0 for name in ("end", "mid", "store")},
    "shop_load_kw": 50,
    "end_pv_kw": [60 if hour in NOON else 0 for hour in range(24)],
    "mid_pv_kw": [40 if hour in NOON else 0 for hour in range(24)],
}
WIDE = {"voltage_band_pu": [0.8, 1.2]}


@pytest.fixture(scope="module")
def base(street):
    return street(AGENTS, SERIES)


def sold_at_noon(run, name: str) -> int:
    rows = run.agents[(run.agents.name == name) & run.agents.slot.isin(NOON)]
    return int((rows.sold_wh + rows.export_wh).sum())


def cable_b(run) -> np.ndarray:
    """Net energy of everybody on cable b, slot after slot [Wh]."""
    return run.agents[run.agents.name != "shop"].groupby("slot").net_wh.sum().to_numpy()


def test_the_gate_uses_the_band_to_the_full(base):
    """At noon the end of the cable stands at the limit, and what is beyond it is curtailed."""
    top = base.slots.voltage_max_pu[NOON.start : NOON.stop]
    assert (top <= 1.05).all()
    assert (top > 1.05 - 1e-5).all()
    assert base.summary["curtailed_kwh"] > 10
    assert base.summary["slots_with_violation"] == 0


def test_a_narrower_band_takes_less(street, base):
    run = street(AGENTS, SERIES, voltage_band_pu=[0.95, 1.03])
    assert run.slots.voltage_max_pu.max() <= 1.03
    assert run.summary["curtailed_kwh"] > base.summary["curtailed_kwh"]


def test_observe_trades_freely_and_records_what_breaks(street, base):
    """The same buses break in the table of slots as by the voltages' table."""
    run = street(AGENTS, SERIES, gate="observe")
    assert run.summary["curtailed_kwh"] == 0
    assert run.summary["rejected_kwh"] == 0
    assert run.summary["slots_with_violation"] == len(NOON)
    outside = run.voltages.query("v_pu > 1.05").groupby("slot").size()
    assert outside.to_dict() == run.slots.set_index("slot").voltage_violations[list(NOON)].to_dict()
    assert run.summary["p2p_kwh"] >= base.summary["p2p_kwh"]


def test_no_gate_refuses_nothing(street):
    run = street(AGENTS, SERIES, gate="none")
    assert run.summary["curtailed_kwh"] == 0
    assert run.rejects.empty


def test_sensitivity_stays_within_the_band(street, base):
    """Its screen with AC at the end of the slot takes nearly what the exact gate takes."""
    run = street(AGENTS, SERIES, gate="sensitivity")
    assert run.slots.voltage_max_pu.max() <= 1.05
    assert sold_at_noon(run, "end") + sold_at_noon(run, "mid") <= sold_at_noon(base, "end") + sold_at_noon(base, "mid") + 10
    assert run.summary["curtailed_kwh"] == pytest.approx(base.summary["curtailed_kwh"], rel=0.1)


def test_the_guard_is_kept_to_every_limit(street, base):
    """A guard of 0.002 p.u. leaves exactly that to the limit."""
    run = street(AGENTS, SERIES, guard={"voltage_pu": 2e-3})
    top = run.slots.voltage_max_pu[NOON.start : NOON.stop]
    assert (top <= 1.048 + 1e-9).all()
    assert (top > 1.048 - 1e-5).all()


@pytest.mark.parametrize("setting", [{"line_loading_percent": 20}, {"line_rating_a": 50}])
def test_lines_keep_their_rating(street, setting):
    """In a wide voltage band the cable binds: 50 A of 250 A, stated either way."""
    run = street(AGENTS, SERIES, **WIDE, **setting)
    assert run.slots.loading_max_percent.max() <= 100.0
    binding = run.rejects.query("reason == 'line_loading'")
    assert set(binding.element_name) <= {"source-b1", "b1-b2", "b2-b3"}
    assert len(binding) > 0
    net = run.net(12)
    assert net.res_line.i_ka.max() <= 0.05
    assert net.res_line.i_ka.max() > 0.0499


def test_a_feeder_head_carries_no_more_than_its_limit(street):
    """10 kW out of cable b, in each hour of noon, to the Wh; the refusal names the lateral."""
    run = street(AGENTS, SERIES, **WIDE, head_kw={"export": 10})
    assert cable_b(run).max() == 10_000
    assert set(run.rejects.query("reason == 'head_export'").element_name) == {"source-b1"}


def test_a_connection_carries_no_more_than_its_limit(street):
    limited = ({**AGENTS[0], "connection_kw": {"export": 5}}, *AGENTS[1:])
    run = street(limited, SERIES)
    end = run.agents.query("name == 'end'")
    assert end.net_wh.max() == 5_000
    assert set(run.rejects.query("reason == 'connection_export'").element_name) == {"end"}


def test_retry_passes_let_counter_flows_free_capacity(street):
    """A charging battery at the end makes room for a seller who was refused before; without passes he stays out."""
    with_passes, without = (
        sum(sold_at_noon(street(AGENTS, SERIES, retry_passes=passes), name) for name in ("end", "mid")) for passes in (3, 0)
    )
    assert with_passes > without


def test_surplus_that_flows_by_right_is_refused_no_trade(street):
    """``untraded: exported``: what cannot flow is cut before the market; trade with firm buyers is then financial."""
    run = street(AGENTS[:3], SERIES, untraded="exported")
    assert run.slots.voltage_max_pu.max() <= 1.05
    assert set(run.rejects.reason) <= {"allocation", "overvoltage"}
    assert run.rejects.buyer.isna().all()
    assert run.summary["p2p_kwh"] == 6 * 50


def test_exports_with_an_equal_right_leave_less_to_trade(street):
    """``priority: equal``: who would export comes before who would trade, where he arrived first."""
    dear = [{**agent, "strategy": {"fixed_margin": {"margin": 1.0}}} if agent["name"] == "end" else agent for agent in AGENTS[:3]]
    peers = street(dear, SERIES)
    equal = street(dear, SERIES, priority="equal")
    assert equal.slots.voltage_max_pu.max() <= 1.05
    assert equal.summary["p2p_kwh"] <= peers.summary["p2p_kwh"]
    assert not equal.trades.equals(peers.trades) or not equal.agents.equals(peers.agents)


def test_proportional_allocation_curtails_everybody_alike(street):
    """One factor for all sellers: their refused shares are equal, which they are not by order of arrival."""
    run = street(AGENTS[:3], SERIES, allocation="proportional")
    noon = run.agents[run.agents.slot.isin(NOON)]
    share = noon.groupby("name").curtailed_wh.sum() / noon.groupby("name").pv_available_wh.sum().replace(0, np.nan)
    assert share["end"] == pytest.approx(share["mid"], abs=1e-3)
    assert share["end"] > 0.05


def test_merit_allocation_serves_who_needs_less_of_the_limit(street):
    """At equal gains the seller in the middle of the cable moves the limiting voltage less and sells everything."""
    run = street(AGENTS[:3], SERIES, allocation="merit")
    noon = run.agents[run.agents.slot.isin(NOON)]
    assert noon.query("name == 'mid'").curtailed_wh.sum() == 0
    assert noon.query("name == 'end'").curtailed_wh.sum() > 0


def test_absorbing_inverters_make_room(street, base):
    """A power factor of 0.9 lowers the voltage: less PV is curtailed, and the written kvar is that of the factor."""
    run = street(AGENTS, SERIES, reactive={"fixed_pf": {"power_factor": 0.9, "oversize": 1.2}})
    assert run.summary["curtailed_kwh"] < base.summary["curtailed_kwh"]
    mid = run.agents.query("name == 'mid' and slot == 12")
    assert (mid.kvar / (mid.net_wh / 1000)).iloc[0] == pytest.approx(-np.tan(np.arccos(0.9)), rel=1e-3)


def test_volt_var_makes_room_where_voltage_is_high(street, base):
    """By the curve of IEEE 1547: absorption at noon, nothing at night."""
    run = street(AGENTS, SERIES, reactive="volt_var")
    assert run.summary["curtailed_kwh"] < base.summary["curtailed_kwh"]
    end = run.agents.query("name == 'end'").kvar.to_numpy()
    assert (end[9:15] < -1).all()
    assert np.abs(end[:6]).max() < 1


def test_a_higher_source_leaves_less_room(street, base):
    run = street(AGENTS, SERIES, source_pu=1.03)
    assert run.summary["curtailed_kwh"] > base.summary["curtailed_kwh"]
    assert run.net(0).res_bus.vm_pu.iloc[0] == pytest.approx(1.03)


def test_the_independent_check_can_be_left_out(street, base):
    """Results are the same; the summary then says nothing of confirmation."""
    run = street(AGENTS, SERIES, validate=False)
    assert "validated_slots" in base.summary
    assert "validated_slots" not in run.summary
    assert run.agents.equals(base.agents)
