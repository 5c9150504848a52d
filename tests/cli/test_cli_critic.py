"""``marketsim critic``, what ``run`` says about its critic, and ``doctor`` about the server."""

import json
import sys
import time

import pytest

from marketsim.testing.ollama_server import OllamaServer, by_volume, unused_address

PILOT = "scenarios/pilot.yaml"


def harsh(view):
    return {name: score * 8 // 10 for name, score in by_volume(view).items()}


@pytest.fixture(scope="module")
def server():
    with OllamaServer(judge=harsh, models={"gemma3:4b": "aa", "llama3.2:3b": "bb"}) as running:
        yield running


@pytest.fixture(scope="module")
def logged(server, root, tmp_path_factory):
    """A run folder with some answers of a model."""
    import marketsim as ms

    folder = tmp_path_factory.mktemp("critic")
    critic = {"kind": "ollama", "host": server.url, "cache": False, "load_deadline_s": 0}
    ms.simulate(ms.load_scenario(root / PILOT, {"clock.slots": 72, "critic": critic}), folder / "run")
    return folder / "run"


def of(server, **more):
    return [
        word
        for key, value in {"kind": "ollama", "host": server.url, "cache": "false", **more}.items()
        for word in ("--set", f"critic.{key}={value}")
    ]


def test_a_run_says_who_scored_and_how_it_differs(cli, root, server, tmp_path):
    ended = cli("run", root / PILOT, *of(server), "--set", "clock.slots=24", "--out", tmp_path / "run")
    assert (ended.code, ended.err) == (0, "")
    assert "gemma3:4b scored 9 slots, 0 from the cache; it differs from the rule by 0." in ended.out
    assert "fell back" not in ended.out


def test_a_run_says_what_failed(cli, root, tmp_path):
    class Nowhere:
        url = unused_address()

    ended = cli("run", root / PILOT, *of(Nowhere, failures=3), "--set", "clock.slots=24", "--out", tmp_path / "run")
    assert ended.code == 0
    assert (
        "9 of 9 questions fell back to the rule (circuit_open 6, refused 3); critic.jsonl has the details." in ended.out
    )


def test_a_run_with_the_rule_says_nothing_of_it(cli, root, tmp_path):
    out = cli("run", root / PILOT, "--set", "clock.slots=2", "--out", tmp_path / "run").out
    assert "fell back" not in out
    assert "scored" not in out


def test_training_a_surrogate_shows_how_well_it_predicts(cli, logged, tmp_path):
    ended = cli("critic", "train-surrogate", logged, "--out", tmp_path / "s.npz")
    assert (ended.code, ended.err) == (0, "")
    head, *rows = ended.out.splitlines()
    assert "answers of gemma3:4b, held out: mean absolute error" in head
    assert rows[1].startswith("surrogate ")
    assert rows[2].startswith("their mean ")
    assert (tmp_path / "s.npz").is_file()


def test_a_surrogate_is_replaced_only_when_told(cli, logged, tmp_path):
    arguments = ("critic", "train-surrogate", logged, "--out", tmp_path / "s.npz", "--json")
    assert json.loads(cli(*arguments).out)["model"] == "gemma3:4b"
    refused = cli(*arguments)
    assert (refused.code, refused.out) == (2, "")
    assert "--force" in refused.err
    assert cli(*arguments, "--force").code == 0


def test_a_surrogate_that_agrees_is_left_as_it_is(cli, logged, tmp_path):
    cli("critic", "train-surrogate", logged, "--out", tmp_path / "s.npz")
    ended = cli("critic", "train-surrogate", logged, "--out", tmp_path / "s.npz", "--if-drifted")
    assert ended.code == 0
    assert ended.out.startswith("Mean difference from ")
    assert ended.out.endswith("is left as it is.\n")
    found = json.loads(
        cli("critic", "train-surrogate", logged, "--out", tmp_path / "s.npz", "--if-drifted", "--json").out
    )
    assert (found["drifted"], found["trained"]) == (False, False)


def test_a_surrogate_is_used_in_a_run_like_any_critic(cli, root, logged, server, tmp_path):
    """The same bytes again; audits are reported."""
    cli("critic", "train-surrogate", logged, "--out", tmp_path / "s.npz")
    auditor = f"{{host: '{server.url}', cache: false, load_deadline_s: 0}}"
    chosen = f"critic={{kind: surrogate, file: '{tmp_path / 's.npz'}', audit_share: 0.5, auditor: {auditor}}}"
    lines = []
    for name in ("a", "b"):
        ended = cli("run", root / PILOT, "--set", chosen, "--set", "clock.slots=48", "--out", tmp_path / name, "--json")
        summary = json.loads(ended.out)
        assert 0 < summary["critic_audits"] < 48
        assert summary["critic_audit_gap"] < 0.2
        rows = [json.loads(line) for line in (tmp_path / name / "critic.jsonl").read_text().splitlines()]
        lines.append([{key: value for key, value in row.items() if key != "latency_s"} for row in rows])
    assert lines[0] == lines[1]
    assert {row["source"] for row in lines[0]} == {"surrogate"}


def test_an_audit_is_a_table_and_a_line(cli, root, server, tmp_path):
    arguments = ("--host", server.url, "--model", "gemma3:4b", "--model", "llama3.2:3b", "--slots", 5, "--repeats", 2)
    ended = cli(
        "critic",
        "audit",
        root / PILOT,
        *arguments,
        "--pairs",
        3,
        "--set",
        "clock.slots=24",
        "--set",
        "critic={kind: ollama, cache: false}",
        "--out",
        tmp_path / "a.json",
    )
    assert (ended.code, ended.err) == (0, "")
    names = [line.split("  ")[0] for line in ended.out.splitlines()]
    assert {"scenario", "made up", "rule", "retest", "order", "wording plain", "model llama3.2:3b"} <= set(names)
    assert {"rule, by entitlement", "rule, by deviation", "model, wording formulas", "model, wording plain"} <= set(
        names
    )
    assert "digest aa, Ollama 0.12.3. " in ended.out
    assert "(100 %); failed: none." in ended.out
    found = json.loads((tmp_path / "a.json").read_text())
    assert ended.out.splitlines()[-1] == f"gemma3:4b: {found['verdict']}."
    assert found["slots"] == 5


def test_an_audit_is_json_for_programs(cli, logged, server):
    """Of the scenario that a run folder holds."""
    ended = cli("critic", "audit", logged, "--slots", 3, "--repeats", 0, "--pairs", 0, "--json")
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)["scenario"] == "pilot"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["audit", "nix.yaml"], "nix.yaml"),
        (["train-surrogate", "nix", "--out", "s.npz"], "there is no log of critiques"),
        (["train-surrogate", "nix", "--out", "nix.npz", "--if-drifted"], "there is no such surrogate"),
    ],
)
def test_what_is_not_there_is_told(cli, arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ended = cli("critic", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


def test_an_audit_without_a_server_fails(cli, root):
    ended = cli(
        "critic",
        "audit",
        root / PILOT,
        "--host",
        unused_address(),
        "--slots",
        2,
        "--repeats",
        1,
        "--pairs",
        0,
        "--set",
        "clock.slots=24",
        "--set",
        "critic={kind: ollama, cache: false}",
    )
    assert ended.code == 1
    assert "gave no answer: refused (" in ended.err


@pytest.mark.parametrize("kind", ["replay", "surrogate"])
def test_a_critic_that_needs_a_file_says_so(cli, root, kind):
    ended = cli("validate", root / PILOT, "--set", f"critic.kind={kind}")
    assert ended.code == 2
    assert "file" in ended.err


def test_doctor_lists_version_and_models(cli, server, monkeypatch):
    monkeypatch.setenv("OLLAMA_HOST", server.url)
    found = json.loads(cli("doctor", "--json").out)["ollama"]
    assert found == {"host": server.url, "version": "0.12.3", "models": ["gemma3:4b", "llama3.2:3b"], "error": None}
    row = next(line for line in cli("doctor").out.splitlines() if line.startswith("ollama server"))
    assert "0.12.3" in row
    assert "gemma3:4b, llama3.2:3b" in row
    assert "pull" not in row


def test_doctor_says_how_to_get_the_model(cli):
    with OllamaServer(models={"mistral:latest": "cc"}) as server:
        out = cli("doctor", "--host", server.url).out
    assert "ollama pull gemma3:4b" in out


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_doctor_never_hangs(cli, fault):
    with OllamaServer(faulty_paths={"/api/version": fault, "/api/tags": fault}) as server:
        began = time.monotonic()
        ended = cli("doctor", "--host", server.url)
        assert time.monotonic() - began < 10
    assert ended.code == 0
    assert "does not answer (no answer within 2 s)" in ended.out
    assert "ollama serve" in ended.out


def test_doctor_takes_a_bad_address_as_a_finding(cli):
    ended = cli("doctor", "--host", "a.b:port")
    assert ended.code == 0
    assert "no address" in ended.out


def test_doctor_looks_at_the_models_of_a_scenario(cli, root, server):
    """The critic's own, at its own address; a scenario that asks nobody is told to."""
    ended = cli("doctor", root / PILOT, "--set", f"critic={{kind: ollama, host: '{server.url}', model: 'llama3.2:3b'}}")
    assert ended.code == 0
    row = next(line for line in ended.out.splitlines() if line.startswith("critic "))
    assert "llama3.2:3b is there" in row
    assert f"{server.url}; digest bb, server 0.12.3" in row
    assert "asks no language model" in cli("doctor", root / PILOT).out


def test_doctor_fails_where_the_scenario_s_model_is_not_there(cli, root, server):
    ended = cli("doctor", root / PILOT, "--set", f"critic={{kind: ollama, host: '{server.url}', model: 'gemma3:27b'}}")
    assert ended.code == 1
    assert "gemma3:27b does not answer" in ended.out
    assert "ollama pull gemma3:27b" in ended.out
    found = cli("doctor", root / PILOT, "--set", f"critic={{kind: ollama, host: '{unused_address()}'}}", "--json")
    assert found.code == 1
    (asked,) = json.loads(found.out)["asked"]
    assert (asked["path"], asked["digest"]) == ("critic", None)
    assert asked["error"].startswith("refused")


@pytest.mark.parametrize(("share", "paths"), [(0.5, ["critic.auditor"]), (0.0, [])])
def test_doctor_looks_at_an_auditor_that_is_asked(cli, root, server, logged, tmp_path, share, paths):
    cli("critic", "train-surrogate", logged, "--out", tmp_path / "s.npz")
    chosen = f"critic={{kind: surrogate, file: '{tmp_path / 's.npz'}', audit_share: {share}, auditor: {{host: '{server.url}'}}}}"
    found = json.loads(cli("doctor", root / PILOT, "--set", chosen, "--json").out)
    assert [each["path"] for each in found["asked"]] == paths


def test_doctor_sends_nothing_to_another_machine_without_trust(cli, root, tmp_path):
    text = (root / PILOT).read_text().replace("critic: {kind: rule}", "critic: {kind: ollama, host: 'example.org:1'}")
    (tmp_path / "own.yaml").write_text(text)
    ended = cli("doctor", tmp_path / "own.yaml")
    assert (ended.code, ended.out) == (2, "")
    assert "critic.host: the scenario wants to ask a model on another machine" in ended.err


def test_doctor_needs_no_extra(cli, server, monkeypatch):
    """It looks at the server all the same, and says which extra is missing."""
    from importlib.metadata import PackageNotFoundError, version

    def absent(name):
        if name in ("ollama", "torch"):
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setitem(sys.modules, "ollama", None)
    monkeypatch.setattr("marketsim.cli.doctor.version", absent)
    out = cli("doctor", "--host", server.url).out
    row = next(line for line in out.splitlines() if line.startswith("ollama "))
    assert "missing" in row
    assert "pip install 'marketsim[learn]'" in row
    assert "0.12.3" in out


def test_a_run_without_the_client_names_the_extra(cli, root, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ollama", None)
    ended = cli("run", root / PILOT, "--set", "critic.kind=ollama", "--out", tmp_path / "run")
    assert (ended.code, ended.out) == (2, "")
    assert "needs ollama: pip install 'marketsim[learn]'" in ended.err
