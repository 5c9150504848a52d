"""``marketsim share`` as a user types it."""

from __future__ import annotations

import csv
import json

import pytest

import marketsim as ms

STREET = {
    "name": "street",
    "clock": {"start": "2016-06-21", "slots": 24, "slot_minutes": 60},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
    "currency": "EUR",
    "profiles": {"source": "synthetic"},
    "agents": [
        {"name": "roof", "kind": "prosumer", "pv_kw": 5, "strategy": "truthful", "load": {"annual_kwh": 3000}},
        {"name": "flat", "kind": "consumer", "strategy": "truthful", "load": {"annual_kwh": 4000}},
        {"name": "hut", "kind": "consumer", "strategy": "truthful", "load": {"annual_kwh": 300}},
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A day of a solar roof, a household and a hut that hardly needs anything."""
    out = tmp_path_factory.mktemp("share") / "run"
    ms.simulate(ms.load_scenario(STREET), out=out)
    return out


def test_it_says_who_pays_what_and_whether_anybody_would_leave(cli, folder):
    ended = cli("share", str(folder), "--rule", "slot_prices")
    assert ended.code == 0
    assert [line.split()[0] for line in ended.out.splitlines() if line][:5] == [
        "agent",
        "roof",
        "flat",
        "hut",
        "together",
    ]
    assert "Stable: no group would pay less by itself." in ended.out


def test_a_group_that_would_rather_leave_is_named(cli, folder):
    ended = cli("share", str(folder), "--rule", "equal_gain")
    answer = json.loads(cli("share", str(folder), "--rule", "equal_gain", "--json").out)
    assert answer["worst_excess"] > 0
    assert answer["worst_by"] == "all groups"
    assert f"would pay {answer['worst_excess']:.4f}"[:15] in ended.out
    assert answer["worst_coalition"] == ["roof", "flat"]
    assert "Not stable: everybody but hut would pay" in ended.out
    assert "found among all 6" in ended.out


def test_all_rules_stand_side_by_side(cli, folder):
    """With the one asked for beside; who has no incomes has no burdens, and is told how to have them."""
    asked = ("share", str(folder), "--compare", "--rule", "{shapley: {exact_up_to: 0, orders: 9}}")
    ended, answer = cli(*asked), json.loads(cli(*asked, "--json").out)
    assert ended.code == 0
    names = [line.split()[0] for line in ended.out.splitlines() if line.rstrip().endswith((" yes", " no"))]
    assert names == [label.split()[0] for label in answer["rules"]]
    assert list(answer["rules"])[-1] == "shapley exact_up_to=0 orders=9"
    assert answer["rules"]["shapley exact_up_to=0 orders=9"]["sampled"]
    assert answer["rules"]["slot_prices"]["in_core"]
    assert answer["rules"]["nucleolus"]["in_core"]
    assert not answer["rules"]["equal_gain"]["in_core"]
    assert {"rawls_ir", "weighted_shapley"} == set(answer["left_out"])
    assert "Left out: rawls_ir needs the income of every agent" in ended.out
    assert "income: {choice: [1000, 2200, 4500]}" in ended.out


def test_a_price_of_equity_is_the_excess_a_day_and_member(cli, folder):
    answer = json.loads(cli("share", str(folder), "--compare", "--json").out)
    for rule in answer["rules"].values():
        members = len(rule["worst_coalition"])
        assert rule["price_of_equity"] == pytest.approx(max(rule["worst_excess"], 0.0) / answer["days"] / members)
    assert answer["alone"] > answer["paid"]


def test_with_incomes_bills_are_burdens(cli, tmp_path):
    """The least worst burden is below that of every other rule, and nobody's is above that of its bill alone."""
    agents = [{**agent, "income": 1000.0 * (row + 1)} for row, agent in enumerate(STREET["agents"])]
    out = tmp_path / "run"
    ms.simulate(ms.load_scenario({**STREET, "agents": agents}), out=out)
    answer = json.loads(cli("share", str(out), "--compare", "--rule", "{rawls_ir: {least: gini}}", "--json").out)
    assert answer["left_out"] == {}
    burdens = {name: rule["burden_worst"] for name, rule in answer["rules"].items()}
    ginis = {name: rule["burden_gini"] for name, rule in answer["rules"].items()}
    assert burdens["rawls_ir"] == min(burdens.values()) < answer["bills_alone"]["burden_worst"]
    assert ginis["rawls_ir least=gini"] <= ginis["rawls_ir"] + 1e-9
    text = cli("share", str(out), "--compare").out
    assert text.splitlines()[2].split()[:4] == ["rule", "Gini", "of", "burden"]
    assert "of income [%]" in cli("share", str(out), "--rule", "rawls_ir").out


@pytest.mark.parametrize(("asked", "rows"), [((), 3), (("--compare",), 7), (("--game", "dispatch"), 3)])
def test_the_whole_answer_is_kept_in_a_file(cli, folder, tmp_path, asked, rows):
    """The JSON that is printed, or a row for each agent or rule; a file that is there stays."""
    table, document = tmp_path / "shares.csv", tmp_path / "shares.json"
    assert cli("share", str(folder), *asked, "--out", str(table)).out == cli("share", str(folder), *asked).out
    found = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert len(found) == rows
    printed = cli("share", str(folder), *asked, "--json", "--out", str(document)).out
    assert document.read_text(encoding="utf-8") == printed
    told = json.loads(printed)["rules" if "--compare" in asked else "agents"]
    assert [row.get("rule") or row["agent"] for row in found] == list(told)
    ended = cli("share", str(folder), *asked, "--out", str(table))
    assert ended.code == 2
    assert "--force" in ended.err


def test_a_rule_of_a_file_counts(cli, folder, root):
    own = str(root / "tests" / "parts" / "own_sharing.py")
    ended = cli("share", str(folder), "--rule", "equal_parts", "--plugin", own, "--json")
    same = json.loads(cli("share", str(folder), "--rule", "equal_gain", "--json").out)["agents"]
    for name, agent in json.loads(ended.out)["agents"].items():
        assert abs(agent["share_money"] - same[name]["share_money"]) <= 1
    assert f"Executing the plugin {own}" in ended.err


def test_why_a_bill_is_what_it_is(cli, folder):
    """The bill adds up in whole money; what one has not changes nothing."""
    ended = cli("explain", str(folder), "--agent", "roof")
    answer = json.loads(cli("explain", str(folder), "--agent", "roof", "--json").out)
    assert ended.code == 0
    assert sum(line["money"] for line in answer["bill"]) + answer["beyond_money"] == answer["share_money"]
    assert answer["priced_money"] == answer["share_money"]
    assert "Bill at the community's price of each slot" in ended.out
    assert "As a pair it saves most with flat: " in ended.out
    other = cli("explain", str(folder), "--agent", "flat", "--rule", "shapley")
    assert "without pv: it has none" in other.out
    assert "these prices" in other.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("explain", "--agent", "rof"), "did you mean roof"),
        (("explain", "--agent", "roof", "--rule", "none"), "cannot be asked again"),
        (("explain",), "Missing option '--agent'"),
        (("share", "--rule", "shapley", "--rule", "none"), "or --compare"),
        (("share", "--compare", "--rule", "shaply"), "did you mean 'shapley'"),
        (("share", "--seconds", "0"), "--seconds"),
    ],
)
def test_what_is_wrong_with_a_question_is_said(cli, folder, words, said):
    ended = cli(words[0], str(folder), *words[1:])
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err


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


def test_plans_of_a_scenario_are_shared(cli, tmp_path, folder):
    """A plan knows nothing of what was done: of a scenario and of its run it is the same."""
    path = tmp_path / "street.yaml"
    path.write_text(json.dumps(STREET))
    asked = ("--game", "dispatch", "--rule", "slot_prices")
    ended = cli("share", str(path), *asked)
    assert ended.code == 0
    assert "alone [EUR]" in ended.out
    assert "paid" not in ended.out.splitlines()[0]
    assert "Stable: no group would pay less by itself." in ended.out
    assert ended.out == cli("share", str(folder), *asked).out
    dearer = json.loads(cli("share", str(path), *asked, "--peak-price", "1", "--json").out)
    plain = json.loads(cli("share", str(path), *asked, "--json").out)
    assert sum(each["share"] for each in dearer["agents"].values()) > sum(
        each["share"] for each in plain["agents"].values()
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--peak-price", "1"), "belongs to --game dispatch"),
        (("--game", "dispatch", "--compare"), "one rule at a time"),
        (("--game", "dispatch", "--peak-price", "-1"), "must be a price"),
        (("--game", "else"), "is not one of"),
    ],
)
def test_what_is_wrong_with_a_game_is_said(cli, folder, options, said):
    ended = cli("share", str(folder), *options)
    assert ended.code == 2
    assert said in ended.err


def test_of_one_agent_no_group_could_leave_under_any_rule(cli, tmp_path):
    alone = {**STREET, "agents": STREET["agents"][:1]}
    ms.simulate(ms.load_scenario(alone), out=tmp_path / "run")
    ended = cli("share", str(tmp_path / "run"), "--compare")
    assert ended.code == 0, ended.err
    assert "There is no group of agents that could leave." in ended.out
    assert "found among" not in ended.out
