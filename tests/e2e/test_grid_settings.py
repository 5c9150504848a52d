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
    rows = run.frame("agents", raw=True)[
        (run.frame("agents", raw=True).name == name) & run.frame("agents", raw=True).slot.isin(NOON)
    ]
    return int((rows.sold_wh + rows.export_wh).sum())


def cable_b(run) -> np.ndarray:
    """Net energy of everybody on cable b, slot after slot [Wh]."""
    return (
        run.frame("agents", raw=True)[run.frame("agents", raw=True).name != "shop"]
        .groupby("slot")
        .net_wh.sum()
        .to_numpy()
    )


def test_the_gate_uses_the_band_to_the_full(base):
    """At noon the end of the cable stands at the limit, and what is beyond it is curtailed."""
    top = base.frame("slots", raw=True).voltage_max_pu[NOON.start : NOON.stop]
    assert (top <= 1.05).all()
    assert (top > 1.05 - 1e-5).all()
    assert base.summary["curtailed_kwh"] > 10
    assert base.summary["slots_with_violation"] == 0


def test_a_narrower_band_takes_less(street, base):
    run = street(AGENTS, SERIES, voltage_band_pu=[0.95, 1.03])
    assert run.frame("slots", raw=True).voltage_max_pu.max() <= 1.03
    assert run.summary["curtailed_kwh"] > base.summary["curtailed_kwh"]


def test_observe_trades_freely_and_records_what_breaks(street, base):
    """The same buses break in the table of slots as by the voltages' table."""
    run = street(AGENTS, SERIES, gate="observe")
    assert run.summary["curtailed_kwh"] == 0
    assert run.summary["rejected_kwh"] == 0
    assert run.summary["slots_with_violation"] == len(NOON)
    outside = run.voltages.query("v_pu > 1.05").groupby("slot").size()
    assert outside.to_dict() == run.frame("slots", raw=True).set_index("slot").voltage_violations[list(NOON)].to_dict()
    assert run.summary["p2p_kwh"] >= base.summary["p2p_kwh"]


def test_no_gate_refuses_nothing(street):
    run = street(AGENTS, SERIES, gate="none")
    assert run.summary["curtailed_kwh"] == 0
    assert run.frame("rejects", raw=True).empty


def test_sensitivity_stays_within_the_band(street, base):
    """Its screen with AC at the end of the slot takes nearly what the exact gate takes."""
    run = street(AGENTS, SERIES, gate="sensitivity")
    assert run.frame("slots", raw=True).voltage_max_pu.max() <= 1.05
    assert (
        sold_at_noon(run, "end") + sold_at_noon(run, "mid")
        <= sold_at_noon(base, "end") + sold_at_noon(base, "mid") + 10
    )
    assert run.summary["curtailed_kwh"] == pytest.approx(base.summary["curtailed_kwh"], rel=0.1)


def test_the_guard_is_kept_to_every_limit(street, base):
    """A guard of 0.002 p.u. leaves exactly that to the limit."""
    run = street(AGENTS, SERIES, guard={"voltage_pu": 2e-3})
    top = run.frame("slots", raw=True).voltage_max_pu[NOON.start : NOON.stop]
    assert (top <= 1.048 + 1e-9).all()
    assert (top > 1.048 - 1e-5).all()


@pytest.mark.parametrize("setting", [{"line_loading_percent": 20}, {"line_rating_a": 50}])
def test_lines_keep_their_rating(street, setting):
    """In a wide voltage band the cable binds: 50 A of 250 A, stated either way."""
    run = street(AGENTS, {**SERIES, "shop_load_kw": 30}, **WIDE, **setting)
    assert run.frame("slots", raw=True).loading_max_percent.max() <= 100.0
    binding = run.frame("rejects", raw=True).query("reason == 'line_loading'")
    assert set(binding.element_name) <= {"source-b1", "b1-b2", "b2-b3"}
    assert len(binding) > 0
    net = run.net(12)
    assert net.res_line.i_ka.max() <= 0.05
    assert net.res_line.i_ka.max() > 0.0499


def test_a_feeder_head_carries_no_more_than_its_limit(street):
    """10 kW out of cable b, in each hour of noon, to the Wh; the refusal names the lateral."""
    run = street(AGENTS, SERIES, **WIDE, head_kw={"export": 10})
    assert cable_b(run).max() == 10_000
    assert set(run.frame("rejects", raw=True).query("reason == 'head_export'").element_name) == {"source-b1"}


def test_a_connection_carries_no_more_than_its_limit(street):
    limited = ({**AGENTS[0], "connection_kw": {"export": 5}}, *AGENTS[1:])
    run = street(limited, SERIES)
    end = run.frame("agents", raw=True).query("name == 'end'")
    assert end.net_wh.max() == 5_000
    assert set(run.frame("rejects", raw=True).query("reason == 'connection_export'").element_name) == {"end"}


def test_retry_passes_let_counter_flows_free_capacity(street):
    """A battery that charges at the end makes room for a seller who was refused: 20 kWh more are traded in a day."""
    store = {"energy_kwh": 300, "power_kw": 40, "soc_initial": 0.1}
    agents = (
        *AGENTS[:2],
        {"name": "far", "bus": "c2", "pv_kw": 40},
        *({"name": name, "kind": "consumer", "bus": "c1"} for name in ("mall", "shop")),
        {"name": "store", "bus": "b3", "battery": store},
    )
    series = {**SERIES, "shop_load_kw": 45, "mall_load_kw": 45, "far_load_kw": 0}
    series["far_pv_kw"] = series["mid_pv_kw"]
    with_passes, without = (street(agents, series, retry_passes=passes) for passes in (3, 0))
    assert with_passes.summary["p2p_kwh"] > without.summary["p2p_kwh"] + 20
    assert with_passes.summary["curtailed_kwh"] < without.summary["curtailed_kwh"] - 20
    assert with_passes.slots.voltage_max_pu.max() <= 1.05


def refused_share(run) -> dict[str, float]:
    """Curtailed share of each owner's PV at noon."""
    noon = run.frame("agents", raw=True)[
        run.frame("agents", raw=True).slot.isin(NOON) & (run.frame("agents", raw=True).pv_available_wh > 0)
    ]
    sums = noon.groupby("name", observed=True)[["curtailed_wh", "pv_available_wh"]].sum()
    return (sums.curtailed_wh / sums.pv_available_wh).to_dict()


@pytest.mark.parametrize("setting", [{"allocation": "proportional"}, {"untraded": "exported"}], ids=str)
def test_a_common_factor_curtails_everybody_alike(street, setting):
    """Whether shares are granted or flow by right, all sellers keep the same part, which by arrival they do not."""
    share, by_arrival = refused_share(street(AGENTS[:3], SERIES, **setting)), refused_share(street(AGENTS[:3], SERIES))
    assert share["end"] == pytest.approx(share["mid"], abs=1e-3)
    assert share["end"] > 0.05
    assert abs(by_arrival["end"] - by_arrival["mid"]) > 0.05


def test_trade_comes_before_export_unless_both_have_the_same_right(street):
    """``peers``: the one who trades sells all, and an exporter gets the rest; ``equal``: who arrives first."""
    agents = ({**AGENTS[0], "strategy": "utility_only"}, *AGENTS[1:3])
    peers, equal = (street(agents, SERIES, priority=priority) for priority in ("peers", "equal"))
    assert refused_share(peers)["mid"] == 0
    assert refused_share(equal)["mid"] > 0.1
    assert refused_share(equal)["end"] < refused_share(peers)["end"]
    assert equal.slots.voltage_max_pu.max() <= 1.05


def test_merit_allocation_serves_who_needs_less_of_the_limit(street):
    """At equal gains the seller in the middle of the cable moves the limiting voltage less and sells everything."""
    run = street(AGENTS[:3], SERIES, allocation="merit")
    noon = run.frame("agents", raw=True)[run.frame("agents", raw=True).slot.isin(NOON)]
    assert noon.query("name == 'mid'").curtailed_wh.sum() == 0
    assert noon.query("name == 'end'").curtailed_wh.sum() > 0


def test_a_counter_flow_earns_within_the_tariffs(street):
    """Nodal charges of up to 0.2 in a spread of 0.22: who relieves the cable earns, and no price leaves the tariffs."""
    buyer = {"name": "near", "kind": "consumer", "bus": "b3"}
    series = {**SERIES, "shop_load_kw": 20, "near_load_kw": 20}
    market = {"charges": {"nodal": {"largest_per_kwh": 0.2}}}
    run = street((*AGENTS[:3], buyer), series, more={"market": market})
    trades = run.frame("trades", raw=True)
    for paid in (trades.buyer_price_ticks, trades.seller_price_ticks):
        assert paid.between(80_000, 300_000).all()
    charge = trades.buyer_price_ticks - trades.seller_price_ticks
    assert (charge < 0).any()
    assert (charge > 0).any()
    assert (trades.buyer_price_ticks[charge < 0] == 80_000).any()
    assert run.frame("agents", raw=True).network_charges_money.sum() == (trades.energy_wh * charge).sum()


def test_absorbing_inverters_make_room(street, base):
    """A power factor of 0.9 lowers the voltage: less PV is curtailed, and the written kvar is that of the factor."""
    run = street(AGENTS, SERIES, reactive={"fixed_pf": {"power_factor": 0.9, "oversize": 1.2}})
    assert run.summary["curtailed_kwh"] < base.summary["curtailed_kwh"]
    mid = run.frame("agents", raw=True).query("name == 'mid' and slot == 12")
    assert (mid.kvar / (mid.net_wh / 1000)).iloc[0] == pytest.approx(-np.tan(np.arccos(0.9)), rel=1e-3)


def test_volt_var_makes_room_where_voltage_is_high(street, base):
    """By the curve of IEEE 1547: absorption at noon, nothing at night."""
    run = street(AGENTS, SERIES, reactive="volt_var")
    assert run.summary["curtailed_kwh"] < base.summary["curtailed_kwh"]
    end = run.frame("agents", raw=True).query("name == 'end'").kvar.to_numpy()
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
    assert run.frame("agents", raw=True).equals(base.frame("agents", raw=True))


def test_a_load_beyond_what_the_cable_can_carry_is_told_as_unsolved(street):
    """2 MW at 0.4 kV have no power flow solution: demand is booked, slots count as violations, nothing is hidden."""
    run = street(AGENTS, {**SERIES, "shop_load_kw": 2_000})
    found = run.summary
    assert found["unsolved_slots"] == found["slots_with_violation"] == found["firm_violation_slots"] == 24
    assert found["voltage_min_pu"] is None
    assert found["energy_imbalance_wh"] == 0
    assert found["demand_kwh"] >= 24 * 2_000
    assert set(run.frame("rejects", raw=True).reason) <= {"diverged"}
