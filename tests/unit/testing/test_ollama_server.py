"""The server that fails on demand speaks the protocol otherwise: the official client understands it."""

import json

import ollama
import pytest

from marketsim.testing.ollama_server import FAULTS, FENCED, OllamaServer, at_random, unused_address

VIEW = {"sellers": [], "buyers": [], "traded": 50, "price_spread": 0, "score": ["ftg", "fbs", "fpp"]}
QUESTION = [{"role": "system", "content": "judge"}, {"role": "user", "content": json.dumps(VIEW)}]


@pytest.fixture(scope="module")
def server():
    with OllamaServer(models={"gemma3:4b": "abc", "llama3.2:3b": "def"}, thinking=True) as running:
        yield running


@pytest.fixture
def client(server):
    with ollama.Client(host=server.url) as own:
        yield own


def test_it_lists_its_models(client):
    assert {model.model: model.digest for model in client.list().models} == {"gemma3:4b": "abc", "llama3.2:3b": "def"}


def test_it_shows_what_a_model_can_do(client):
    assert client.show("gemma3:4b").capabilities == ["completion", "thinking"]


def test_it_answers_a_question(client):
    reply = client.chat("gemma3:4b", QUESTION, options={"num_ctx": 4096})
    assert json.loads(reply.message.content) == {"ftg": 50, "fbs": 100, "fpp": 100}
    assert (reply.done, reply.done_reason) == (True, "stop")
    assert 0 < reply.prompt_eval_count < 4096


def test_it_streams_an_answer(client):
    parts = list(client.chat("gemma3:4b", QUESTION, stream=True))
    assert json.loads("".join(part.message.content for part in parts))["ftg"] == 50
    assert [part.done for part in parts] == [False, True]


def test_it_loads_a_model_without_messages(client):
    assert client.chat("gemma3:4b", []).done_reason == "load"


def test_a_model_that_it_has_not_is_not_found(client):
    with pytest.raises(ollama.ResponseError, match="not found") as raised:
        client.chat("qwen2.5:7b", QUESTION)
    assert raised.value.status_code == 404


def test_faults_come_in_the_order_of_the_script():
    """Only questions count, and afterwards all goes well."""
    with OllamaServer(["500", None, "503"]) as server, ollama.Client(host=server.url) as client:
        client.list()
        outcomes = []
        for _ in range(4):
            try:
                client.chat("gemma3:4b", QUESTION)
                outcomes.append(200)
            except ollama.ResponseError as error:
                outcomes.append(error.status_code)
    assert outcomes == [500, 200, 503, 200]
    assert len(server.questions) == 4
    assert server.questions[0]["messages"] == QUESTION


def test_faults_at_random_are_those_of_the_seed():
    scripts = [[at_random(0.3, seed)(number) for number in range(400)] for seed in (1, 1, 2)]
    assert scripts[0] == scripts[1] != scripts[2]
    share = sum(fault is not None for fault in scripts[0]) / 400
    assert 0.2 < share < 0.4
    assert {fault for fault in scripts[0] + scripts[2] if fault} <= set(FAULTS)


def test_a_fenced_answer_is_no_fault():
    assert FENCED not in FAULTS


def test_nothing_listens_at_an_unused_address():
    with ollama.Client(host=unused_address()) as client, pytest.raises(ConnectionError):
        client.list()
