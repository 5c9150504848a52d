"""A run whose model dies, lies or hangs finishes in time, says what happened, and can be replayed."""

import json
import time
from collections import Counter

import pytest

import marketsim as ms
from marketsim.core.language_model import REASONS
from marketsim.testing.ollama_server import OllamaServer, at_random, unused_address

PILOT = "scenarios/pilot.yaml"
SLOTS = 24
DEADLINE_S = 0.5


def critic(url, **changes):
    return {"kind": "ollama", "host": url, "deadline_s": DEADLINE_S, "load_deadline_s": 0, "cache": False, **changes}


def day(root, chosen, folder, **changes):
    return ms.simulate(ms.load_scenario(root / PILOT, {"clock.slots": SLOTS, "critic": chosen, **changes}), folder)


def without_latency(run):
    return [{key: value for key, value in row.items() if key != "latency_s"} for row in run.critiques]


@pytest.fixture(scope="module", params=[3, 4, 5])
def stricken(request, root, tmp_path_factory):
    """A day of the pilot with any fault in 30 % of the calls: the run, and how long it took."""
    folder = tmp_path_factory.mktemp("stricken")
    day(root, "rule", folder / "warm")
    with OllamaServer(at_random(0.3, request.param)) as server:
        began = time.monotonic()
        run = day(root, critic(server.url, pause_s=0.1, in_flight=1), folder / "run")
        return run, time.monotonic() - began, server


def test_a_day_of_faults_ends_within_twice_its_deadlines(stricken):
    """Compiling and starting aside: the machine was warm."""
    run, took_s, _ = stricken
    assert run.status == "complete"
    assert took_s <= 2 * SLOTS * DEADLINE_S


def test_every_fallback_is_counted_with_its_reason(stricken):
    run, _, server = stricken
    rows = run.critiques
    assert [row["slot"] for row in rows] == list(range(SLOTS))
    failed = [row for row in rows if row["error"]]
    assert run.summary["critic_fallbacks"] == len(failed)
    assert all(row["source"] == "rule" for row in failed)
    reasons = Counter(row["error"].partition(":")[0] for row in failed)
    assert set(reasons) <= set(REASONS)
    assert run.manifest["critic"]["fallbacks"] == dict(reasons)
    assert run.summary["critic_answers"] == sum(row["source"] == "ollama" for row in rows)
    assert len(server.questions) > run.summary["critic_answers"]


def test_a_replay_of_its_log_gives_the_same_tables(stricken, root, tables, tmp_path):
    """To the byte; and the same log, latency aside."""
    run, _, _ = stricken
    again = day(root, {"kind": "replay", "file": str(run.path)}, tmp_path / "again")
    assert tables(again.path) == tables(run.path)
    assert without_latency(again) == without_latency(run)
    own, other = ({**each.summary, "wall_s": 0} for each in (run, again))
    assert own == other


@pytest.mark.parametrize("fault", ["hang", "drip", "reset", "503", "404"])
def test_a_server_that_never_answers_stops_no_run(root, tmp_path, fault):
    """Soon it is left alone, and every slot that could trade has the rule's scores."""
    with OllamaServer(lambda n: fault) as server:
        run = day(root, critic(server.url, deadline_s=0.2, failures=3), tmp_path / "run")
    asked = [row for row in run.critiques if row["error"]]
    assert run.summary["critic_answers"] == 0
    assert len(asked) == sum(row["ftg"] is not None for row in run.critiques)
    assert asked[-1]["error"].startswith("circuit_open")


def test_a_server_that_is_not_there_stops_no_run(root, tmp_path):
    run = day(root, critic(unused_address()), tmp_path / "run")
    assert run.status == "complete"
    assert run.summary["critic_fallbacks"] > 0


def test_a_server_that_dies_in_the_middle_stops_no_run(root, tmp_path):
    """What it answered until then is used."""
    with OllamaServer(lambda n: None if n < 4 else "no_reply") as server:
        run = day(root, critic(server.url, in_flight=1), tmp_path / "run")
    assert run.summary["critic_answers"] == 4
    assert run.summary["critic_fallbacks"] > 0


def test_the_tables_do_not_depend_on_what_the_critic_says(root, tables, tmp_path):
    """A run writes the scores down; nobody acts on them."""
    rule = day(root, "rule", tmp_path / "rule")
    with OllamaServer() as server:
        judged = day(root, critic(server.url), tmp_path / "judged")
    assert tables(rule.path) == tables(judged.path)


def test_a_run_in_memory_says_the_same(root, tmp_path):
    with OllamaServer() as server:
        runs = [day(root, critic(server.url), out) for out in (None, tmp_path / "run")]
    ours, theirs = (json.dumps(without_latency(run)) for run in runs)
    assert ours == theirs


def test_an_error_in_the_run_does_not_wait_for_the_model(root, tmp_path):
    """Its own error is told at once, whatever is under way: here the question about the first slot with something to trade."""
    rule = day(root, {"kind": "rule"}, None)
    first = next(row["slot"] for row in without_latency(rule) if row["ftg"] is not None)

    def stop(done, total):
        if done == first + 1:
            raise KeyboardInterrupt

    with OllamaServer(lambda n: "hang") as server:
        chosen = critic(server.url, deadline_s=600)
        scenario = ms.load_scenario(root / PILOT, {"clock.slots": SLOTS, "critic": chosen})
        began = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            ms.simulate(scenario, tmp_path / "run", progress=stop)
        assert time.monotonic() - began < 60
    assert ms.open_run(tmp_path / "run").status == "interrupted"


def test_a_replay_of_another_day_is_refused(root, tmp_path, stricken):
    from marketsim.core.errors import RunError

    run, _, _ = stricken
    with pytest.raises(RunError, match="its inputs differ"):
        day(root, {"kind": "replay", "file": str(run.path)}, tmp_path / "again", seed=2, **{"profiles.pv_scale": 2})


@pytest.mark.parametrize(
    ("chosen", "path"),
    [
        ({"kind": "ollama", "host": "http://127.0.0.1.nip.io:9"}, "critic.host"),
        ({"kind": "ollama", "host": "0.0.0.0:9"}, "critic.host"),
    ],
)
def test_another_machine_is_not_asked_without_trust(root, python, tmp_path, chosen, path):
    """Refused at its line before anything is sent or looked up, with what to do."""
    lines = ["extends: pilot.yaml", "critic:", *(f"  {key}: '{value}'" for key, value in chosen.items())]
    (tmp_path / "pilot.yaml").write_bytes((root / PILOT).read_bytes())
    (tmp_path / "own.yaml").write_text("\n".join(lines) + "\n")
    ended = python("-c", WATCHED, str(tmp_path / "own.yaml"), str(tmp_path / "run"))
    assert ended.code == 2, ended.err
    assert f"own.yaml:4:9: {path}: the scenario wants to ask a model on another machine" in ended.err
    assert "--trust" in ended.err
    assert "contacted" not in ended.err


WATCHED = """
import socket, sys

def contacted(*arguments, **options):
    sys.stderr.write("contacted")
    sys.exit(3)

socket.getaddrinfo = socket.socket.connect = contacted
from marketsim.cli.main import main
main(["run", sys.argv[1], "--out", sys.argv[2], "--set", "clock.slots=2", "--quiet"])
"""


def test_who_is_asked_is_said_once(root, python, tmp_path):
    """On standard error, with model and address; the log and the manifest are not filled by a server's texts."""
    with OllamaServer(version="x" * 3_000_000) as server:
        critic = ("kind=ollama", f"host={server.url}", "cache=false")
        sets = [word for each in (*critic, "deadline_s=20") for word in ("--set", f"critic.{each}")]
        ended = python(
            *("-m", "marketsim", "run", str(root / PILOT), "--out", str(tmp_path / "run")),
            *("--set", "clock.slots=24", *sets),
        )
    assert ended.code == 0, ended.err
    assert ended.err.count(f"asks the model gemma3:4b at {server.url}") == 1
    run = ms.open_run(tmp_path / "run")
    assert run.summary["critic_answers"] > 0
    assert max(len(line) for line in (tmp_path / "run" / "critic.jsonl").read_text().splitlines()) < 2_000
    assert len(run.manifest["critic"]["server"]) == 200
