"""Bills of one hour, worked out by hand for every engine: who trades how much at which price, and what the rest costs.

Retail 0.30 and feed-in 0.08. A trader with margin m bids 0.30 - 0.22 m or asks 0.08 + 0.22 m. The arithmetic stands beside
each case; amounts are currency, and agree to the tick of 1e-6 times the energy.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import pandapower
import pytest

import marketsim as ms
from marketsim.results.reader import Run

RETAIL, FEED_IN, SPREAD = 0.30, 0.08, 0.22


class House(NamedTuple):
    """Someone with so many kWh of load and PV in the hour, who trades with a margin."""

    load: float
    pv: float
    margin: float


class Paid(NamedTuple):
    """What the hour comes to: kWh from and to peers, and what is paid in all."""

    bought: float
    sold: float
    paid: float


@pytest.fixture
def hour(tmp_path):
    """``hour(houses, market, **more)``: a run of one hour with these houses."""

    def run(houses, market, **more):
        named = {f"{name}_load_kw": house.load for name, house in houses.items()}
        named |= {f"{name}_pv_kw": house.pv for name, house in houses.items() if house.pv}
        (tmp_path / "hour.csv").write_text(
            f"time,{','.join(named)}\n"
            + "".join(f"2016-07-12T{at:02}:00,{','.join(map(str, named.values()))}\n" for at in range(24))
        )
        agents = [
            {
                "name": name,
                "kind": "prosumer" if house.pv else "consumer",
                "pv_kw": house.pv,
                "strategy": {"fixed_margin": {"margin": house.margin}},
                **({"bus": "far"} if "grid" in more else {}),
            }
            for name, house in houses.items()
        ]
        return ms.simulate(
            ms.load_scenario(
                {
                    "name": "hour",
                    "folder": str(tmp_path),
                    "clock": {"start": "2016-07-12", "slots": 1, "slot_minutes": 60},
                    "tariff": {"flat": {"retail": RETAIL, "feed_in": FEED_IN, "wholesale": 0.05}},
                    "market": market,
                    "profiles": {"source": "file", "path": "hour.csv"},
                    "agents": agents,
                    **more,
                }
            )
        )

    return run


def paid_by(run) -> dict[str, Paid]:
    rows = run.frame("agents", raw=True).set_index("name")
    return {
        name: Paid(row.bought_wh / 1e3, row.sold_wh / 1e3, row.paid_money / 1e9)
        for name, row in zip(rows.index, rows.itertuples(), strict=True)
    }


CALL = {
    "roof": House(0, 2, 0.0),  # asks 0.08 for 2
    "barn": House(0, 2, 0.6),  # asks 0.212 for 2
    "home": House(3, 0, 0.1),  # bids 0.278 for 3
    "flat": House(2, 0, 0.5),  # bids 0.19 for 2
}
"""At 3 kWh home's 0.278 still meets barn's 0.212; the fourth kWh would join flat's 0.19 and barn's 0.212."""
HUANG = {
    "a": House(2, 0, 0.1),  # bids 0.278 for 2
    "b": House(1, 0, 0.2),  # bids 0.256 for 1
    "c": House(1, 0, 0.5),  # bids 0.19 for 1
    "x": House(0, 2, 0.0),  # asks 0.08 for 2
    "y": House(0, 2, 0.2),  # asks 0.124 for 2
    "z": House(0, 2, 0.6),  # asks 0.212 for 2
}
"""4 kWh cross: the last at c's 0.19 and y's 0.124. These two set the prices and do not trade; a and b want 3 and x has 2,
so both give up half a kWh."""
SHORT = {"roof": House(1, 3, 0.0), "flat": House(1, 0, 0.0), "house": House(3, 0, 0.0)}
"""2 kWh of surplus for 4 kWh of demand."""
LONG = {"roof": House(0, 6, 0.0), "shed": House(0, 2, 0.0), "home": House(4, 0, 0.0)}
"""8 kWh of surplus for 4 kWh of demand."""
SDR = 0.08 * 0.30 / (0.22 * 0.5 + 0.08)

CASES = {
    "call auction, uniform": (
        CALL,
        {"engine": "call_auction"},  # the middle of 0.278 and 0.212 is 0.245
        {
            "roof": Paid(0, 2, -2 * 0.245),
            "barn": Paid(0, 1, -0.245 - 0.08),
            "home": Paid(3, 0, 3 * 0.245),
            "flat": Paid(0, 0, 2 * 0.30),
        },
        0.0,
    ),
    "call auction, pay as bid": (
        CALL,
        {"engine": {"call_auction": {"pricing": "pay_as_bid"}}},  # home is the only buyer, at its 0.278
        {
            "roof": Paid(0, 2, -2 * 0.278),
            "barn": Paid(0, 1, -0.278 - 0.08),
            "home": Paid(3, 0, 3 * 0.278),
            "flat": Paid(0, 0, 2 * 0.30),
        },
        0.0,
    ),
    "truthful double auction": (
        HUANG,
        {"engine": "huang"},
        {
            "a": Paid(1.5, 0, 1.5 * 0.19 + 0.5 * 0.30),
            "b": Paid(0.5, 0, 0.5 * 0.19 + 0.5 * 0.30),
            "c": Paid(0, 0, 0.30),
            "x": Paid(0, 2, -2 * 0.124),
            "y": Paid(0, 0, -2 * 0.08),
            "z": Paid(0, 0, -2 * 0.08),
        },
        2 * (0.19 - 0.124),
    ),
    "mid-market rate, short": (
        SHORT,
        {"engine": "mid_market_rate"},  # 2 kWh at 0.19, by 1 : 3
        {
            "roof": Paid(0, 2, -2 * 0.19),
            "flat": Paid(0.5, 0, 0.5 * 0.19 + 0.5 * 0.30),
            "house": Paid(1.5, 0, 1.5 * 0.19 + 1.5 * 0.30),
        },
        0.0,
    ),
    "mid-market rate, long": (
        LONG,
        {"engine": "mid_market_rate"},  # 4 kWh at 0.19, by 6 : 2
        {"roof": Paid(0, 3, -3 * 0.19 - 3 * 0.08), "shed": Paid(0, 1, -0.19 - 0.08), "home": Paid(4, 0, 4 * 0.19)},
        0.0,
    ),
    "supply-demand ratio, short": (
        SHORT,
        {"engine": "supply_demand_ratio"},  # R = 1/2
        {
            "roof": Paid(0, 2, -2 * SDR),
            "flat": Paid(0.5, 0, 0.5 * SDR + 0.5 * 0.30),
            "house": Paid(1.5, 0, 1.5 * SDR + 1.5 * 0.30),
        },
        0.0,
    ),
    "supply-demand ratio, long": (
        LONG,
        {"engine": "supply_demand_ratio"},  # R = 2: everything at the feed-in tariff
        {"roof": Paid(0, 3, -6 * 0.08), "shed": Paid(0, 1, -2 * 0.08), "home": Paid(4, 0, 4 * 0.08)},
        0.0,
    ),
    "pool at a quarter": (
        LONG,
        {"engine": {"pro_rata": {"position": 0.25}}},  # 0.08 + 0.25 x 0.22 = 0.135
        {"roof": Paid(0, 3, -3 * 0.135 - 3 * 0.08), "shed": Paid(0, 1, -0.135 - 0.08), "home": Paid(4, 0, 4 * 0.135)},
        0.0,
    ),
    "double auction, midpoint, flat charge": (
        {"roof": House(1, 6, 0.25), "home": House(3, 0, 0.5)},
        # asks 0.135, bids 0.19; at the hub 0.135 + 0.015 = 0.15 and 0.19 - 0.005 = 0.185, middle 0.1675
        {
            "engine": {"double_auction": {"price_rule": "midpoint"}},
            "charges": {"flat": {"per_kwh": 0.02, "buyer_share": 0.25}},
        },
        {"roof": Paid(0, 3, -3 * (0.1675 - 0.015) - 2 * 0.08), "home": Paid(3, 0, 3 * (0.1675 + 0.005))},
        3 * 0.02,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_everybody_pays_what_the_hand_says(hour, case):
    """Energies to the Wh, amounts to a tick a kWh; what buyers pay beyond what sellers get is the operator's."""
    houses, market, expected, operator = CASES[case]
    run = hour(houses, market)
    found = paid_by(run)
    assert {name: own[:2] for name, own in found.items()} == {name: own[:2] for name, own in expected.items()}
    for name, own in expected.items():
        assert found[name].paid == pytest.approx(own.paid, abs=5e-6), name
        assert run.bill(name).loc["total", "amount"] == pytest.approx(own.paid, abs=5e-6)
    charges = run.frame("agents", raw=True).network_charges_money.sum() / 1e9
    assert charges == pytest.approx(operator, abs=5e-6)
    assert run.summary["utility_revenue"] == pytest.approx(sum(own.paid for own in expected.values()), abs=1e-5)


SHARED = {
    # alone: -6 x 0.08, -2 x 0.08, 4 x 0.30, in all 0.56; paid: -8 x 0.08 + 4 x 0.08 = -0.32; so 0.88 is gained
    # and shared by 0.48 : 0.16 : 1.20 of 1.84
    "supply-demand ratio, long": {
        "roof": -0.48 - 0.88 * 0.48 / 1.84, "shed": -0.16 - 0.88 * 0.16 / 1.84, "home": 1.20 - 0.88 * 1.20 / 1.84,
    },
    # alone: -2 x 0.08, 0.30, 3 x 0.30, in all 1.04; paid: 2 x 0.30 = 0.60; 0.44 is shared by 0.16 : 0.30 : 0.90 of 1.36
    "mid-market rate, short": {
        "roof": -0.16 - 0.44 * 0.16 / 1.36, "flat": 0.30 - 0.44 * 0.30 / 1.36, "house": 0.90 - 0.44 * 0.90 / 1.36,
    },
}  # fmt: skip


def test_what_the_market_keeps_is_called_so(hour):
    """Under ``huang`` buyers pay more than sellers get: that is no network charge, in memory and from a folder."""
    case = next(case for case, (_, market, *_) in CASES.items() if market == {"engine": "huang"})
    run = hour(CASES[case][0], {"engine": "huang"})
    for name in CASES[case][0]:
        bill = run.bill(name)
        assert "network charges" not in bill.index
        assert "buyers pay more than sellers get" in bill.attrs["meaning"]["market surplus"]
    kept = sum(run.bill(name).amount["market surplus"] for name in CASES[case][0])
    assert kept > 0
    charged = hour(CASES[case][0], {"engine": "huang", "charges": {"flat": {"per_kwh": 0.02}}})
    assert "charges and surplus" in charged.bill(0).index
    assert "network charges" in hour(CASES[case][0], {"engine": "mid_market_rate"}).bill(0).index


def test_a_bill_from_a_folder_has_the_same_lines(tmp_path):
    """Engine and charges are read from the scenario beside the tables; where that says nothing, they are network charges."""
    scenario = {
        "clock": {"start": "2016-07-12", "slots": 2, "slot_minutes": 60},
        "tariff": {"flat": {"retail": RETAIL, "feed_in": FEED_IN}},
        "market": {"engine": "huang"},
        "agents": [{"name": "roof", "kind": "prosumer", "pv_kw": 5}, {"name": "home", "kind": "consumer"}],
    }
    made = ms.simulate(scenario, tmp_path / "run")
    opened = ms.open_run(tmp_path / "run")
    assert opened.bill("home").equals(made.bill("home"))
    assert "market surplus" in opened.bill("home").index
    assert (
        "network charges"
        in Run(manifest=opened.manifest, summary={}, scenario_text="", path=opened.path).bill("home").index
    )


@pytest.mark.parametrize("case", SHARED)
def test_costs_are_shared_as_the_hand_says(hour, case):
    """In proportion to the bills alone: the line is the share less what the market made each pay, and sums to zero exactly."""
    houses, market, paid, _ = CASES[case]
    run = hour(houses, {**market, "sharing": "proportional"})
    for name, share in SHARED[case].items():
        bill = run.bill(name).amount
        assert bill["total"] == pytest.approx(share, abs=5e-6), name
        assert bill["cost sharing"] == pytest.approx(share - paid[name].paid, abs=5e-6), name
    assert run.frame("agents", raw=True).sharing_money.sum() == 0
    assert (
        run.frame("agents", raw=True).paid_money.sum()
        == hour(houses, market).frame("agents", raw=True).paid_money.sum()
    )


def test_a_resting_order_sets_the_price_whoever_it_is(hour):
    """Two houses, one trade: at the ask of 0.124 where the seller came first, else at the bid of 0.278; both happen."""
    houses = {"roof": House(0, 3, 0.2), "home": House(2, 0, 0.1)}
    seen = set()
    for seed in range(12):
        run = hour(houses, {"engine": "double_auction"}, seed=seed)
        (price,) = run.frame("trades", raw=True).price_ticks.tolist()
        seen.add(price)
        found = paid_by(run)
        assert found["home"].paid == pytest.approx(2 * price / 1e6, abs=1e-12)
        assert found["roof"].paid == pytest.approx(-2 * price / 1e6 - 0.08, abs=1e-12)
    assert seen == {124_000, 278_000}


def test_losses_are_the_utility_s_and_nobody_s_bill(hour, tmp_path):
    """One cable of 0.05 ohm: 2 kWh of 5 are exported over it, and what it loses costs the utility the wholesale price.

    With p = 2 kW and r = 0.05 ohm on 400 V, (v - 1) v = r p / V0^2 at the end, and the cable loses r p^2 / (v V0)^2.
    """
    net = pandapower.create_empty_network(sn_mva=1.0)
    source, far = (pandapower.create_bus(net, 0.4, name=name) for name in ("source", "far"))
    pandapower.create_ext_grid(net, source)
    pandapower.create_line_from_parameters(net, source, far, 1.0, 0.05, 0.0, 0.0, 1.0, name="cable")
    pandapower.to_json(net, tmp_path / "cable.json")
    v = (1 + math.sqrt(1 + 4 * 0.05 * 2_000 / 400**2)) / 2
    lost_kwh = 0.05 * 2_000**2 / (v * 400) ** 2 / 1e3
    run = hour(
        {"roof": House(1, 6, 0.0), "home": House(3, 0, 0.0)},
        {"engine": {"double_auction": {"price_rule": "midpoint"}}, "charges": {"flat": {"per_kwh": 0.02}}},
        grid={"feeder": "file:cable.json"},
    )
    found = paid_by(run)
    assert found["home"] == pytest.approx(Paid(3, 0, 3 * (0.19 + 0.01)), abs=1e-9)
    assert found["roof"] == pytest.approx(Paid(0, 3, -3 * (0.19 - 0.01) - 2 * 0.08), abs=1e-9)
    assert run.summary["losses_kwh"] == pytest.approx(lost_kwh, abs=1e-9)
    assert run.summary["utility_revenue"] == pytest.approx(3 * 0.02 - 2 * 0.08, abs=1e-9)
    assert run.summary["utility_margin"] == pytest.approx(3 * 0.02 - 2 * 0.08 - 0.05 * (lost_kwh - 2), abs=1e-9)
    assert abs(run.summary["grid_imbalance_wh"]) < 1e-3
