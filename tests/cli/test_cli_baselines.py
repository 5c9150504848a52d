"""``marketsim baselines``: the table, its JSON and CSV, and what it refuses."""

from __future__ import annotations

import json

import pytest
import yaml

SCENARIO = {
    "name": "small",
    "clock": {"start": "2016-05-19", "slots": 6, "slot_minutes": 240},
    "grid": {"feeder": "feeder141", "gate": "observe", "reactive": {"setpoint": {"base": "volt_var"}}},
    "tariff": {"flat": {"retail": 0.24, "feed_in": 0.06}},
    "market": {"engine": "mid_market_rate"},
    "profiles": {"source": "simbench_2016", "days": {"split": {"first_days": 1, "last_days": 7}}},
    "agents": [
        {"name": "hub", "kind": "prosumer", "bus": 48, "pv_kw": 800, "pv_shape": "PV1", "load": {"peak_kw": 400, "shape": "G0-A"}, "strategy": "setpoints",
         "battery": {"energy_kwh": 400, "power_kw": 100}, "generator": {"max_kw": 100, "cost_per_kwh": 0.2}},
        {"name": "street", "kind": "consumer", "bus": 87, "load": {"peak_kw": 300, "shape": "G0-A"}, "strategy": "utility_only"},
    ],
    "learning": {"game": "setpoints"},
}  # fmt: skip


@pytest.fixture
def small(scenario_file):
    def write(**changes):
        return scenario_file(yaml.safe_dump({**SCENARIO, **changes}))

    return write


def test_it_prints_every_rule_with_and_without_the_curve(cli, small):
    ended = cli("baselines", small())
    assert ended.code == 0
    assert "small: 12 validation days" in ended.out
    lines = [line.split() for line in ended.out.splitlines() if line.startswith(("idle", "battery"))]
    assert len(lines) == 6
    assert [line[-8] for line in lines] == ["no"] * 3 + ["yes"] * 3


def test_the_whole_answer_as_json_and_as_a_table(cli, small, tmp_path):
    path = small()
    ended = cli("baselines", path, "--json")
    found = json.loads(ended.out)
    assert (found["days"], found["part"]) == (12, "validation")
    controls = {(each["control"], each["curve"]): each for each in found["controls"]}
    idle, both = controls["idle", False], controls["battery and generator", False]
    assert idle["saving"] == 0
    assert both["cost"] < idle["cost"]
    assert both["saving"] == pytest.approx(1 - both["cost"] / idle["cost"])
    assert idle["curtailed_kwh"] == idle["refused_kwh"] == 0
    written = cli("baselines", path, "--out", tmp_path / "b.csv")
    assert written.code == 0
    assert len((tmp_path / "b.csv").read_text().splitlines()) == 7


def test_days_side_by_side_are_those_of_one_after_the_other(small, monkeypatch):
    """However many are played at once, the means are the same."""
    import marketsim as ms
    from marketsim.analysis.baselines import rules
    from marketsim.analysis.control import days

    ready = ms.load_scenario(small())
    twelve = rules.baselines(ready)
    monkeypatch.setattr(days, "MOST_AT_ONCE", 1)
    one = rules.baselines(ready)
    for at_once, alone in zip(twelve.controls, one.controls, strict=True):
        assert alone.control == at_once.control
        assert alone.cost == pytest.approx(at_once.cost, rel=0.02)  # the noise of loads is that of the market's seed


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning": {}}, "controls play the game of set-points, and this scenario is about market"),
        ({"agents": [{**SCENARIO["agents"][1]}]}, "nobody has anything to set"),
    ],
)
def test_what_has_no_baselines_is_refused(cli, small, changes, message):
    ended = cli("baselines", small(**changes))
    assert ended.code == 2
    assert message in ended.err
    assert "Traceback" not in ended.err
