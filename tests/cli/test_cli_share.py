"""``marketsim share`` as a user types it."""

from __future__ import annotations

import json

import pytest

import marketsim as ms


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A day of a solar roof and two households, whose surplus finds no neighbour at noon."""
    out = tmp_path_factory.mktemp("share") / "run"
    scenario = {
        "name": "street",
        "clock": {"start": "2016-06-21", "slots": 24, "slot_minutes": 60},
        "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
        "currency": "EUR",
        "profiles": {"source": "synthetic"},
        "agents": [
            {"name": "roof", "kind": "prosumer", "pv_kw": 5, "strategy": "truthful"},
            {"name": "flat", "count": 2, "kind": "consumer", "strategy": "truthful"},
        ],
    }
    ms.simulate(ms.load_scenario(scenario), out=out)
    return out


def test_it_says_who_pays_what_and_whether_anybody_would_leave(cli, folder):
    ended = cli("share", str(folder), "--rule", "slot_prices")
    assert ended.code == 0
    assert [line.split()[0] for line in ended.out.splitlines() if line][:5] == [
        "agent",
        "roof",
        "flat-1",
        "flat-2",
        "together",
    ]
    assert "Stable: no group would pay less by itself." in ended.out


def test_a_group_that_would_rather_leave_is_named(cli, folder):
    ended = cli("share", str(folder), "--rule", "none")
    answer = json.loads(cli("share", str(folder), "--rule", "none", "--json").out)
    assert answer["worst_excess"] > 0
    assert f"would pay {answer['worst_excess']:.4f}"[:15] in ended.out
    assert "Not stable: " in ended.out


def test_json_has_whole_money_that_sums_to_what_was_paid(cli, folder):
    answer = json.loads(cli("share", str(folder), "--json", "--rule", "{shapley: {exact_up_to: 0, orders: 9}}").out)
    paid = int(ms.open_run(folder).table("agents")["paid_money"].to_numpy().sum())
    assert sum(each["share_money"] for each in answer["agents"].values()) == paid
    assert all(each["standard_error"] >= 0 for each in answer["agents"].values())


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("shaply", "did you mean 'shapley'"),
        ("{weighted_shapley: {weights: {roff: 2}}}", "no such agent or income class"),
        ("{shapley: {orders: 1}}", "orders"),
        ("[shapley]", "give a name"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said(cli, folder, rule, said):
    ended = cli("share", str(folder), "--rule", rule)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
