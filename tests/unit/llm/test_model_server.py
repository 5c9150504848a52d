"""Every fault of a server becomes a reason out of the documented list, within the deadline."""

import asyncio
import gzip
import json
import sys
import threading
import time
from contextlib import contextmanager
from socketserver import BaseRequestHandler, ThreadingTCPServer

import pytest

from marketsim.core.errors import MissingDependency
from marketsim.core.language_model import REASONS, Failure
from marketsim.fairness.slot_question import slot_question
from marketsim.llm.interviewer import Interviewer
from marketsim.llm.model_server import ModelServer, as_failure
from marketsim.llm.params import AskingParams
from marketsim.testing.ollama_server import FAULTS, FENCED, OllamaServer, by_volume, unused_address

ALL = ("ftg", "fbs", "fpp")
VIEW = {"sellers": [], "buyers": [], "traded": 50, "price_spread": 0, "score": list(ALL)}
QUESTION = slot_question("formulas", json.dumps(VIEW), ALL, ())
LONG = slot_question("formulas", json.dumps({**VIEW, "filler": "7" * 4_000}), ALL, ())

OUTCOMES = {
    "400": "http_error",
    "404": "missing_model",
    "500": "server_error",
    "500_list": "bad_reply",
    "502_html": "server_error",
    "503": "busy",
    "html": "not_json",
    "not_json": "not_json",
    "json_list": "bad_reply",
    "json_other": "bad_reply",
    "error_body": "bad_reply",
    "two_lines": "not_json",
    "prose": "prose",
    "cut_json": "not_json",
    "empty": "empty",
    "nan": "out_of_range",
    "out_of_range": "out_of_range",
    "floats": "out_of_range",
    "booleans": "out_of_range",
    "huge": "out_of_range",
    "deep": "prose",
    "incomplete": "incomplete",
    "list": "not_json",
    "twice": "not_json",
    "truncated": "truncated",
    "unfinished": "truncated",
    "full_context": "prompt_cut",
    "half_context": "prompt_cut",
    "negative_count": "prompt_cut",
    "text_count": "bad_reply",
    "hang": "timeout",
    "drip": "timeout",
    "reset": "connection_lost",
    "cut_body": "connection_lost",
    "no_reply": "connection_lost",
    "endless": "bad_reply",
}


def params_of(url, **changes):
    return AskingParams(**{"host": url, "cache": False, "num_ctx": 4096, "load_deadline_s": 0, **changes})


def settings_of(url, **changes):
    return params_of(url, **changes).settings()


def ask(url, question=QUESTION, deadline_s=0.4, thinks=False, **changes):
    """Scores, as an interviewer gets them from the server alone."""

    async def once():
        server = ModelServer(settings_of(url, **changes))
        server._thinks = thinks
        interviewer = Interviewer(params_of(url, deadline_s=deadline_s, **changes), server)
        try:
            return await interviewer._answered(question, 1)
        finally:
            await server.close()

    return asyncio.run(once())


def identify(url, deadline_s=0.4, **changes):
    async def once():
        server = ModelServer(settings_of(url, **changes))
        try:
            return await server.identify(deadline_s)
        finally:
            await server.close()

    return asyncio.run(once())


def test_every_fault_has_its_outcome():
    assert set(OUTCOMES) == set(FAULTS)
    assert set(OUTCOMES.values()) <= set(REASONS)


@pytest.mark.parametrize("fault", OUTCOMES)
def test_a_fault_is_told_by_its_reason(fault):
    """And costs the deadline at most, with patience for a busy machine."""
    deadline_s = 0.4 if OUTCOMES[fault] == "timeout" else 20.0
    question = LONG if fault == "half_context" else QUESTION
    with OllamaServer([fault]) as server:
        began = time.monotonic()
        with pytest.raises(Failure) as raised:
            ask(server.url, question, deadline_s)
        assert time.monotonic() - began < deadline_s + 5.0
    assert raised.value.reason == OUTCOMES[fault]
    assert "\n" not in str(raised.value)


def test_a_refused_connection_is_told():
    with pytest.raises(Failure) as raised:
        ask(unused_address(), deadline_s=20.0)
    assert raised.value.reason == "refused"


@pytest.mark.parametrize("fault", [None, FENCED])
def test_a_good_answer_has_scores(fault):
    with OllamaServer([fault]) as server:
        assert ask(server.url, deadline_s=5.0) == (0.5, 1.0, 1.0)


def test_a_call_is_made_as_the_traps_demand():
    """Constrained by the schema, options nested, one num_ctx, not streamed, and no word on thinking by default."""
    with OllamaServer() as server:
        ask(server.url, deadline_s=5.0, num_ctx=8192)
        ask(server.url, deadline_s=5.0, thinks=True)
    first, second = server.questions
    assert first["format"] == QUESTION.form
    assert first["options"] == {"temperature": 0.0, "seed": 1, "num_ctx": 8192, "num_predict": 256}
    assert first["stream"] is False
    assert "think" not in first
    assert second["think"] is False
    assert first["messages"] == QUESTION.messages


@pytest.mark.parametrize(("read", "cut"), [(None, False), (3_840, False), (3_841, True), (4_096, True), (-1, True)])
def test_a_question_that_did_not_fit_is_found_out(read, cut):
    """The answer needs its room, too; a server that does not count is believed."""

    async def demand(server, reply):
        server._demand_whole(reply, 10)

    class Reply:
        prompt_eval_count, done, done_reason = read, True, "stop"

    server = ModelServer(settings_of("127.0.0.1:9"))
    if cut:
        with pytest.raises(Failure, match="prompt_cut"):
            asyncio.run(demand(server, Reply))
    else:
        asyncio.run(demand(server, Reply))


def test_half_of_the_context_is_suspicious_only_if_the_text_may_be_longer():
    """Newer servers cut to half of num_ctx; a text of fewer characters than tokens fitted."""

    class Reply:
        prompt_eval_count, done, done_reason = 2_050, True, "stop"

    server = ModelServer(settings_of("127.0.0.1:9"))
    server._demand_whole(Reply, 4_000)
    with pytest.raises(Failure, match="half of num_ctx"):
        server._demand_whole(Reply, 5_000)


def test_model_and_server_say_who_they_are():
    with OllamaServer(models={"gemma3:4b": "abc"}, version="0.9.1", thinking=True) as server:
        who = identify(server.url, 5.0)
    assert who == ("gemma3:4b", "abc", "0.9.1", True)


def test_an_untagged_model_is_the_latest():
    with OllamaServer(models={"mistral:latest": "abc"}) as server:
        assert identify(server.url, 5.0, model="mistral").digest == "abc"


def test_a_model_that_is_not_there_says_how_to_get_it():
    with OllamaServer(models={}) as server, pytest.raises(Failure, match="ollama pull gemma3:4b") as raised:
        identify(server.url, 5.0)
    assert raised.value.reason == "missing_model"


@pytest.mark.parametrize("path", ["/api/version", "/api/tags", "/api/show"])
@pytest.mark.parametrize(
    ("fault", "reason"), [("hang", "timeout"), ("drip", "timeout"), ("500", "server_error"), ("html", "not_json")]
)
def test_a_server_that_does_not_say_who_it_is(path, fault, reason):
    with OllamaServer(faulty_paths={path: fault}) as server, pytest.raises(Failure) as raised:
        identify(server.url, 0.4 if reason == "timeout" else 20.0)
    assert raised.value.reason == reason


@pytest.mark.parametrize(
    "error", [RuntimeError("odd"), KeyError("x"), ValueError(), TypeError("no"), AttributeError("y")]
)
def test_what_nobody_thought_of_is_a_bad_reply(error):
    """The client lets anything through; nothing gets past."""
    assert as_failure(error).reason == "bad_reply"


def test_without_the_client_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ollama", None)
    with pytest.raises(MissingDependency, match=r"pip install 'marketsim\[learn\]'"):
        ModelServer(settings_of("127.0.0.1:9"))


def test_the_usual_judge_keeps_the_range():
    row = {"sold": 100, "price": 100}
    view = {**VIEW, "sellers": [row, {**row, "sold": 0, "price": None}, {**row, "price": 0}]}
    assert by_volume(view) == {"ftg": 50, "fbs": 0, "fpp": 0}


def test_what_a_server_says_of_itself_is_a_short_line():
    """A version and a digest of megabytes, with commands to a terminal and halves of letters in them."""
    long = "1\x1b[2J\r\n\ud800" + "x" * 3_000_000
    with OllamaServer(version=long, models={"gemma3:4b": long[:900_000]}) as server:
        who = identify(server.url, 20.0)
    assert who.server.startswith("1 [2J x")
    assert len(who.server) == len(who.digest) == 200
    assert who.server.isprintable()
    json.dumps(who, ensure_ascii=False).encode()


def test_a_version_that_is_no_text_is_a_bad_reply():
    with OllamaServer(version=["1"] * 9) as server, pytest.raises(Failure, match="no text but list") as raised:
        identify(server.url, 20.0)
    assert raised.value.reason == "bad_reply"


def test_a_reason_is_a_short_line_too():
    assert str(Failure("busy", "a\x1b[31m\x00b\u2028c" + "x" * 10**6)).startswith("busy: a [31m b cxx")
    assert len(str(Failure("busy", "x" * 10**6))) < 220


@contextmanager
def raw(answer):
    """A server that sends these bytes to whoever connects. Its address and what was asked of it."""
    heads = []

    class Handler(BaseRequestHandler):
        def handle(self):
            head = b""
            while b"\r\n\r\n" not in head:
                head += self.request.recv(65_536) or b"\r\n\r\n"
            heads.append(head.decode("latin-1"))
            self.request.sendall(answer)

    with ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", heads
        server.shutdown()


def reply(body, *headers, status="200 OK"):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_nobody_is_followed_to_another_address(status):
    """Not with the question, not with the first look."""
    with raw(b"") as (elsewhere, seen), raw(reply(b"", f"Location: {elsewhere}/", status=status)) as (url, _):
        for call in (ask, identify):
            with pytest.raises(Failure) as raised:
                call(url, deadline_s=5.0)
            assert raised.value.reason == "http_error"
    assert seen == []


@pytest.mark.full
@pytest.mark.parametrize("packing", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
def test_a_packed_body_is_not_unpacked(packing):
    """A kilobyte may become a gigabyte; nothing packed was asked for."""
    bomb = gzip.compress(b" " * 50_000_000)
    with raw(reply(bomb, f"Content-Encoding: {packing}")) as (url, heads):
        for call in (ask, identify):
            with pytest.raises(Failure, match="the body is packed") as raised:
                call(url, deadline_s=20.0)
            assert raised.value.reason == "bad_reply"
    assert all("accept-encoding: identity" in head.lower() for head in heads)


def test_no_proxy_is_asked_about_this_machine(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with OllamaServer() as server:
        assert identify(server.url, 5.0).model == "gemma3:4b"


def test_the_key_of_the_user_goes_to_the_server_of_the_user_alone(monkeypatch):
    """``OLLAMA_API_KEY`` is for the server in ``OLLAMA_HOST``, not for one that a scenario names."""
    monkeypatch.setenv("OLLAMA_API_KEY", "secret-of-mine")
    with raw(reply(b"{}")) as (url, heads):
        with pytest.raises(Failure):
            ask(url, deadline_s=5.0)
        assert heads
        assert not any("secret" in head for head in heads)
        monkeypatch.setenv("OLLAMA_HOST", url)
        heads.clear()
        with pytest.raises(Failure):
            ask(None, deadline_s=5.0)
        assert any("secret-of-mine" in head for head in heads)
