"""``marketsim expert write`` and ``benchmark``: what they print, what they write, and how they refuse."""

import json
from importlib.util import find_spec

import pytest

from marketsim.experts.sandbox import client
from marketsim.experts.workflow.benchmark import descriptions
from marketsim.testing.ollama_server import OllamaServer, unused_address

HUB = "A mill with 70 kW of load.\nPV of 90 kW.\nA battery of 60 kWh and 30 kW.\nwish: never export more than 10 kW\n"
needs_code = pytest.mark.skipif(
    find_spec("cvxpy") is None or client.refusal() is not None, reason="needs cvxpy and a sandbox (Linux, x86-64)"
)


@pytest.fixture
def text(tmp_path):
    def write(words=HUB):
        path = tmp_path / "mill.txt"
        path.write_text(words, encoding="utf-8")
        return path

    return write


@needs_code
def test_an_expert_is_written_from_words(cli, text, tmp_path):
    """The form beside its words, what was tried, why it is not accepted yet, and the folder."""
    ended = cli("expert", "write", text(), "--yes", "--out", tmp_path / "mill")
    assert (ended.code, ended.err) == (0, "")
    assert "battery.energy_kwh               60 kWh     3  battery of 60 kWh" in ended.out
    assert "battery.efficiency                 0.95     -  (default)" in ended.out
    assert "wish: export at most 10 kW, 0 h to 24 h; 1000 for each kWh that it is missed by" in ended.out
    assert "NOT accepted:\n  no network operator has verified it: name --scenario and --agent" in ended.out
    about = json.loads((tmp_path / "mill" / "expert.json").read_text())
    assert about["model"]["battery"]["power_kw"] == 30
    assert about["accepted"] is False
    code = (tmp_path / "mill" / "expert.py").read_text()
    assert code.startswith("import cvxpy as cp\n")
    phases = [json.loads(line)["phase"] for line in (tmp_path / "mill" / "transcript.jsonl").read_text().splitlines()]
    assert list(dict.fromkeys(phases)) == ["model", "retrieval", "code", "correction", "integration"]


@needs_code
def test_the_outcome_is_json_on_demand(cli, text):
    ended = cli("expert", "write", text(), "--yes", "--json")
    found = json.loads(ended.out)
    assert found["model"]["pv_kw"] == 90
    assert found["preferences"][0]["quantity"] == "export_kw"
    assert found["attempts"] == 1


def test_a_description_is_refused_with_line_and_reason(cli, text, tmp_path):
    """Exit code 2, and the folder has the transcript all the same."""
    path = text("A mill with 70 kW of load.\nA battery of 30 kW.\n")
    ended = cli("expert", "write", path, "--yes", "--out", tmp_path / "mill")
    assert (ended.code, ended.err) == (2, "")
    assert f"{path}: line 2: battery.energy_kwh: the capacity of the battery is not stated" in ended.out
    assert sorted(each.name for each in (tmp_path / "mill").iterdir()) == ["expert.json", "transcript.jsonl"]


REFUSED = {
    "nobody can be asked whether the form is right": [],
    "--code needs --model": ["--yes", "--code"],
    "there is no client of models of this name": ["--yes", "--model", "m", "--client", "telepathy"],
    "is no address of an Ollama server": ["--yes", "--model", "m", "--host", "not an address"],
    "there is something of that name already": ["--yes", "--out", "."],
    "there is no such folder": ["--yes", "--out", "nowhere/mill"],
}


@pytest.mark.parametrize("told", REFUSED)
def test_what_cannot_be_is_refused_before_anything_is_read(cli, text, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = cli("expert", "write", text(), *REFUSED[told])
    assert ended.code == 2
    assert told in ended.err
    assert ended.out == ""


@pytest.mark.parametrize(("data", "told"), [
    (None, "there is no such file"),
    (b"\xff\xfe", "the file is not UTF-8"),
    (b"x" * 2_000_000, "at most 1 MiB are read"),
])  # fmt: skip
def test_a_file_that_is_none_is_refused(cli, tmp_path, data, told):
    path = tmp_path / "t.txt"
    if data is not None:
        path.write_bytes(data)
    ended = cli("expert", "write", path, "--yes")
    assert ended.code == 2
    assert told in ended.err


def test_text_of_a_stranger_does_not_act_on_the_terminal(cli, text):
    ended = cli("expert", "write", text("Load 5 kW.\n\x1b[31mred"), "--yes")
    assert ended.code == 2
    assert "\x1b" not in ended.out + ended.err


def test_a_server_that_is_not_there_is_told(cli, text):
    ended = cli(
        "expert", "write", text("Load 5 kW."), "--yes", "--model", "m", "--host", unused_address(), "--deadline", "5"
    )
    assert ended.code == 2
    assert "the model gave no answer: refused" in ended.out


def test_the_rules_stand_in_the_benchmark(cli):
    ended = cli("expert", "benchmark")
    assert (ended.code, ended.err) == (0, "")
    assert "the rules            20     19     19         10       10           10" in ended.out
    assert "the rules, cents: invalid: line 1: battery.energy_kwh" in ended.out


def perfect(view):
    """Answers what the first description says, as it is known."""
    answers = {
        "Is there photovoltaic": ("Solar panels", 1),
        "Is there a battery": ("A battery", 1),
        "Is there a part": ("can be curtailed", 1),
        "largest load": ("peak demand of 600 kW", 600),
        "rated power of the PV": ("rated at 2,100 kW", 2100),
        "capacity of the battery": ("battery of 300 kWh", 300),
        "charging and discharging": ("discharges at 150 kW", 150),
        "share of the load": ("15 % of the load", 15),
        "cost of curtailed": ("0.40 EUR/kWh", 0.4),
    }
    if "choices" in view:
        return {"choice": view["choices"][-1]}
    quote, number = next((own for words, own in answers.items() if words in view["field"]), ("", 0))
    return {"stated": bool(quote), "quote": quote, "number": number}


def test_a_model_stands_beside_the_rules(cli, tmp_path, monkeypatch):
    """Valid and right are counted apart; the second time nobody is asked."""
    monkeypatch.setenv("MARKETSIM_CACHE_DIR", str(tmp_path))
    with OllamaServer(judge=perfect, models={"m:1": "aa"}) as server:
        words = ("expert", "benchmark", "--first", "2", "--model", "m:1", "--host", server.url, "--json")
        rows = json.loads(cli(*words).out)["readers"]
        asked = len(server.questions)
        again = json.loads(cli(*words).out)["readers"]
        assert len(server.questions) == asked
    assert again == rows
    first, second = [row for row in rows if row["reader"] == "m:1"]
    assert (first["name"], first["valid"], first["right"]) == ("commercial", True, True)
    assert (second["name"], second["valid"], second["right"]) == ("hub", False, False)
    assert second["told"].startswith("line ")
    assert [row["name"] for row in rows if row["reader"] == "the rules"] == [each.name for each in descriptions()[:2]]


def writes_zero(view):
    """Code that runs and plans nothing."""
    return {"code": "def prosumer(state):\n    return {'objective': 0 * cp.sum(state['load_kw']), 'constraints': []}\n"}


@needs_code
def test_code_of_a_model_is_counted_apart_from_its_reading(cli, tmp_path, monkeypatch):
    """The library is right; code that runs and plans nothing is valid and not right."""
    monkeypatch.setenv("MARKETSIM_CACHE_DIR", str(tmp_path))
    with OllamaServer(judge=writes_zero, models={"m:1": "aa"}) as server:
        ended = cli("expert", "benchmark", "--code", "--first", "1", "--model", "m:1", "--host", server.url, "--json")
    assert ended.code == 0
    library, model = json.loads(ended.out)["readers"]
    assert (library["reader"], library["valid"], library["right"]) == ("the library", True, True)
    assert (model["reader"], model["valid"], model["right"]) == ("m:1", True, False)
    assert "after 4 attempts, case 1, " in model["told"]


@pytest.fixture
def feeder(tmp_path):
    """A small scenario with a feeder, and one without."""
    plain = {
        "name": "operated",
        "clock": {"start": "2016-07-12", "slots": 24, "slot_minutes": 60},
        "tariff": {"flat": {"retail": 0.2, "feed_in": 0.06}},
        "agents": [{"name": "mill", "kind": "prosumer", "pv_kw": 9, "load": {"shape": "G0-M", "peak_kw": 50}}],
    }
    agents = [{**plain["agents"][0], "bus": 87}]
    (tmp_path / "plain.yaml").write_text(json.dumps(plain))
    (tmp_path / "feeder.yaml").write_text(json.dumps({**plain, "grid": {"feeder": "feeder141"}, "agents": agents}))
    return tmp_path


@needs_code
def test_the_operator_of_a_scenario_accepts_or_refuses(cli, text, feeder):
    """A mill of 90 kW, and one of 90 MW at the end of the feeder: exit code 1, with bus and slot."""
    where = ("--yes", "--scenario", feeder / "feeder.yaml", "--agent", "mill")
    ended = cli("expert", "write", text(HUB.replace("wish: never export more than 10 kW\n", "")), *where)
    assert ended.code == 0, ended.out
    assert ended.out.endswith("Accepted.\n")
    ended = cli("expert", "write", text("A mill with 70 kW of load.\nPV of 90 MW.\n"), *where)
    assert ended.code == 1
    assert "day 1 of the operator: bus " in ended.out


@pytest.mark.parametrize(("words", "told"), [
    (["--scenario", "feeder.yaml"], "--scenario and --agent go together"),
    (["--scenario", "feeder.yaml", "--agent", "mil"], "did you mean mill?"),
    (["--scenario", "plain.yaml", "--agent", "mill"], "there is no network operator without a feeder"),
    (["--scenario", "none.yaml", "--agent", "mill"], "none.yaml"),
])  # fmt: skip
def test_an_operator_that_there_is_not_is_told(cli, text, feeder, words, told, monkeypatch):
    monkeypatch.chdir(feeder)
    ended = cli("expert", "write", text(), "--yes", *words)
    assert ended.code == 2
    assert told in ended.err
