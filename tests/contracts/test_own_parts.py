"""Parts of one's own, a short file each, run on a feeder without a change anywhere else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import marketsim as ms
from marketsim.app.ready import check_scenario
from marketsim.core.errors import MarketsimError

PARTS = Path(__file__).resolve().parent.parent / "parts"
MOST_LINES = 40
OWN = {
    "gate": ("own_gate.py", "grid.gate", {"quota": {"kw": 30.0}}),
    "engine": ("own_engine.py", "market.engine", "first_match"),
    "reactive": ("own_reactive.py", "grid.reactive", {"compensated": {"slope": 0.2}}),
    "settlement": ("own_settlement.py", "market.settlement", {"with_fee": {"fee": 0.02}}),
    "sharing": ("own_sharing.py", "market.sharing", "equal_parts"),
}
"""File, where a scenario chooses the part, and how."""


def scenario(file: str, **changes: object) -> ms.ReadyScenario:
    """Half a day of the stressed feeder with a part of a file of the tests."""
    return ms.load_scenario(
        "scenarios/stress141.yaml",
        {
            "plugins": [str(PARTS / file)],
            "clock.slots": 16,
            "clock.slot_minutes": 60,
            "profiles.pv_scale": 2.0,
            "output.voltages": False,
            **changes,
        },
        trust=True,
    )


@pytest.fixture(scope="module")
def usual() -> ms.Run:
    """The same half day with the parts that come with the package."""
    return ms.simulate(scenario("own_engine.py"))


@pytest.mark.parametrize("file", sorted(path.name for path in PARTS.glob("own_*.py")))
def test_a_part_is_a_short_file(file: str) -> None:
    """No more lines than fit on a screen."""
    assert len((PARTS / file).read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("kind", OWN)
def test_a_part_of_one_s_own_runs_on_a_feeder(kind: str, usual: ms.Run) -> None:
    """The run is complete and balances, the part is in its scenario, and the run is another one than the usual."""
    file, path, choice = OWN[kind]
    run = ms.simulate(scenario(file, **{path: choice}))
    summary = run.summary
    assert (run.status, summary["money_imbalance"], summary["energy_imbalance_wh"]) == ("complete", 0, 0)
    assert summary["validated_slots"] == summary["slots"]
    assert len(run.frame("trades", raw=True)) > 0
    name = choice if isinstance(choice, str) else next(iter(choice))
    assert name in run.scenario_text
    assert run.manifest["scenario_hash"] != usual.manifest["scenario_hash"]
    differing = [key for key, value in summary.items() if key != "wall_s" and value != usual.summary[key]]
    assert differing


def test_the_gate_of_one_s_own_refuses_what_is_beyond_its_quota() -> None:
    """30 kW and an hour are 30 kWh a connection and slot: no trade is larger, and the rest is refused by it."""
    run = ms.simulate(scenario("own_gate.py", **{"grid.gate": {"quota": {"kw": 30.0}}}))
    moving = (
        run.frame("trades", raw=True)[run.frame("trades", raw=True).moves == 3]
        if "moves" in run.frame("trades", raw=True)
        else run.frame("trades", raw=True)
    )
    assert moving.energy_wh.max() <= 30_000
    assert run.summary["rejected_kwh"] > 0


def test_the_settlement_of_one_s_own_charges_its_fee(usual: ms.Run) -> None:
    """The operator receives two cents for each kWh imported; nothing else moves."""
    run = ms.simulate(scenario("own_settlement.py", **{"market.settlement": {"with_fee": {"fee": 0.02}}}))
    assert run.frame("trades", raw=True).equals(usual.frame("trades", raw=True))
    fees = (
        run.frame("agents", raw=True).network_charges_money.sum()
        - usual.frame("agents", raw=True).network_charges_money.sum()
    )
    assert fees == run.frame("agents", raw=True).import_wh.sum() * 20_000
    assert run.summary["import_kwh"] == usual.summary["import_kwh"]


@pytest.mark.parametrize("period", ["day", "run"])
def test_the_sharing_of_one_s_own_shares_gains_equally(usual: ms.Run, period: str) -> None:
    """Everybody saves the same against its bill alone, to a unit, and what is paid in all stays what it was."""
    changes = {"market.sharing": "equal_parts", "market.sharing_period": period}
    run = ms.simulate(scenario("own_sharing.py", **changes))
    assert run.frame("trades", raw=True).equals(usual.frame("trades", raw=True))
    assert run.frame("agents", raw=True).sharing_money.any()
    assert not run.frame("agents", raw=True).query("slot < 15").sharing_money.any()
    alike = [name for name in usual.frame("agents", raw=True) if name != "paid_money"]
    assert run.frame("agents", raw=True)[alike].equals(usual.frame("agents", raw=True)[alike])
    rows = run.frame("agents", raw=True).merge(
        run.frame("slots", raw=True)[["slot", "retail_ticks", "feed_in_ticks"]], on="slot"
    )
    prices = rows.retail_ticks.where(rows.net_wh < 0, rows.feed_in_ticks)
    gains = (-rows.net_wh * prices - rows.paid_money).groupby(rows.agent).sum()
    assert gains.max() - gains.min() <= 1
    assert gains.sum() == -(rows.net_wh * prices).sum() - usual.frame("agents", raw=True).paid_money.sum()


LEAKY = """\
import marketsim as ms
from marketsim.market.settlement import settle

def leaky(community, trades, orders, exchange, tariffs):
    ledger = settle(community, trades, orders, exchange, tariffs)
    return ledger._replace(operator=ledger.operator + 1)

@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="settlement", name="leaky", build=lambda params, context: leaky)
    yield ms.Entry(kind="settlement", name="none", build=lambda params, context: lambda *whatever: None)
    yield ms.Entry(kind="reactive", name="bare", build=lambda params, context: object())
"""


@pytest.mark.parametrize(
    ("path", "name", "message"),
    [
        ("market.settlement", "leaky", "the payments of a slot sum to 1 x 1e-9 currency, and must sum to zero"),
        ("market.settlement", "none", "plugin leaky: settlement 'none' failed in __call__ of slot 0 ("),
        (
            "grid.reactive",
            "bare",
            "leaky.py:12: plugin leaky: reactive 'bare': object has no behind_kw, inverter_kvar, kvar, law, limit_pv",
        ),
    ],
)
def test_what_a_part_owes_to_its_port_is_said(tmp_path: Path, path: str, name: str, message: str) -> None:
    """The error names plugin, kind and name, and is no traceback."""
    (tmp_path / "leaky.py").write_text(LEAKY)
    with pytest.raises(MarketsimError) as caught:
        ms.simulate(scenario(str(tmp_path / "leaky.py"), **{path: name}))
    assert message in str(caught.value)


def test_parts_of_a_file_are_listed_shown_and_in_the_schema(cli):
    """``--plugin FILE``: the commands that know the parts know those of a file, too."""
    file = PARTS / "own_gate.py"
    listed = json.loads(cli("plugins", "list", "--kind", "gate", "--plugin", file, "--json").out)
    assert (listed[-1]["name"], listed[-1]["source"]) == ("quota", "own_gate")
    shown = cli("plugins", "show", "quota", "--plugin", file)
    assert (shown.code, "kw" in shown.out, "(from own_gate)" in shown.out) == (0, True, True)
    assert cli("plugins", "show", "quota").code == 2
    schema = json.loads(cli("schema", "--plugin", file).out)
    assert "quota" in json.dumps(schema["$defs"]["choice:gate"])


ASKING = {"critic": {"kind": "ollama", "client": "bookkeeper", "cache": False}}


def critiques(run: ms.Run) -> list[dict]:
    assert run.path is not None
    return [json.loads(line) for line in (run.path / "critic.jsonl").read_text().splitlines()]


def test_a_model_of_one_s_own_is_asked(tmp_path: Path) -> None:
    """Without a server: its answers are the scores of every slot in which something could be traded."""
    run = ms.simulate(scenario("own_model.py", **ASKING), tmp_path / "run")
    asked = [each for each in critiques(run) if each["source"] == "ollama"]
    assert len(asked) > 3
    assert {each["digest"] for each in asked} == {"bookkeeper-1"}
    assert all(each["answer"][0] == pytest.approx(each["rule"][0], abs=0.005) for each in asked)
    assert run.summary["critic_fallbacks"] == 0
    assert run.manifest["critic"]["host"] == "this process"


def test_the_model_that_answered_is_told(tmp_path: Path) -> None:
    """What the client says that it is, in the manifest as in each answer, and not what the scenario asked for."""
    text = (PARTS / "own_model.py").read_text().replace("self.settings.model, ", '"ledger", ')
    (tmp_path / "own_model.py").write_text(text)
    run = ms.simulate(scenario(str(tmp_path / "own_model.py"), **ASKING), tmp_path / "run")
    assert {each["model"] for each in critiques(run) if each["source"] == "ollama"} == {"ledger"}
    assert run.manifest["critic"]["model"] == "ledger"


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("slot = json", "slot = jsan", "NameError: name 'jsan' is not defined ("),
        ("return json.dumps({", "return dict({", "it returned dict"),
        ("return Identity", "Identity", "it returned NoneType"),
    ],
)
def test_a_broken_model_is_replaced_by_the_rule_and_named(tmp_path: Path, was: str, becomes: str, said: str) -> None:
    """The run goes on; each fallback says what the client did, and where."""
    text = (PARTS / "own_model.py").read_text()
    assert was in text
    (tmp_path / "broken.py").write_text(text.replace(was, becomes))
    run = ms.simulate(scenario(str(tmp_path / "broken.py"), **ASKING), tmp_path / "run")
    asked = [each for each in critiques(run) if each["error"]]
    assert len(asked) == run.summary["critic_fallbacks"] > 3
    assert {each["error"].partition(":")[0] for each in asked} <= {"client_failed", "circuit_open"}
    assert said in asked[0]["error"]


def test_a_model_that_there_is_not_is_named_with_its_place() -> None:
    with pytest.raises(MarketsimError, match="nothing of this name speaks with language models") as caught:
        ms.simulate(scenario("own_model.py", critic={"kind": "ollama", "client": "bookeeper"}))
    assert "critic.client" in str(caught.value)
    assert "did you mean bookkeeper?" in str(caught.value)


def test_a_model_that_no_plugin_can_bring_is_found_without_a_run() -> None:
    """By ``check_scenario``, which executes nothing."""
    with pytest.raises(MarketsimError, match="nothing of this name speaks with language models"):
        check_scenario("scenarios/pilot.yaml", {"critic": {"kind": "ollama", "client": "olama"}})
    check_scenario("scenarios/pilot.yaml", {"critic": {"kind": "ollama", "client": "ollama"}})
