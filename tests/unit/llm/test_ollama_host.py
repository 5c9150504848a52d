"""Where a server is, and a look at it."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from marketsim.core.errors import InputError
from marketsim.llm.ollama_host import demand_own, full_name, is_local, look, ollama_url
from marketsim.testing.ollama_server import OllamaServer, unused_address


@contextmanager
def answering(answer):
    """A server that answers any call by ``answer(path)``: status, headers, body. Its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, headers, body = answer(self.path)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("given", "url"),
    [
        (None, "http://127.0.0.1:11434"),
        ("", "http://127.0.0.1:11434"),
        ("1.2.3.4", "http://1.2.3.4:11434"),
        (":56789", "http://127.0.0.1:56789"),
        ("example.com:56789", "http://example.com:56789"),
        ("http://1.2.3.4", "http://1.2.3.4:80"),
        ("https://1.2.3.4", "https://1.2.3.4:443"),
        ("https://example.com:56789/path/", "https://example.com:56789/path"),
        ("[::1]:56789", "http://[::1]:56789"),
        ("0.0.0.0", "http://0.0.0.0:11434"),
    ],
)
def test_addresses_mean_what_they_mean_to_ollama(monkeypatch, given, url):
    monkeypatch.delenv("OLLAMA_HOST", raising=False)
    assert ollama_url(given) == url


def test_the_official_client_has_the_same_address(monkeypatch):
    import ollama

    for host in ("10.1.1.1", "http://10.1.1.1", "https://a.b:5/c", ":7000", "a.b"):
        with ollama.Client(host=ollama_url(host)) as ours, ollama.Client(host=host) as theirs:
            wanted, found = (client._client.base_url for client in (theirs, ours))
            assert (wanted.host, wanted.port or wanted.scheme) == (found.host, found.port or found.scheme)


def test_the_environment_counts_where_nothing_is_given(monkeypatch):
    monkeypatch.setenv("OLLAMA_HOST", "10.0.0.5:1234")
    assert ollama_url() == "http://10.0.0.5:1234"
    assert ollama_url("10.0.0.6") == "http://10.0.0.6:11434"


@pytest.mark.parametrize("host", ["ftp://a.b", "a.b:port", "a.b:99999999"])
def test_what_is_no_address_is_refused(host):
    with pytest.raises(ValueError, match="no address"):
        ollama_url(host)


def test_no_proxy_stands_before_this_machine():
    assert is_local("http://127.0.0.1:11434")
    assert not is_local("http://10.0.0.5:11434")


LOOPBACK = ("127.0.0.1", "127.0.0.1:1", "127.9.8.7", "localhost:5", "LOCALHOST", "[::1]", "https://localhost", ":11434")
ELSEWHERE = (
    "10.0.0.5",
    "example.com",
    "localhost.evil.com",
    "localhost.",
    "127.0.0.1.nip.io",
    "evil-127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "127.000.000.001",
    "0.0.0.0",
    "0",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::7f00:1]",
    "[fe80::1]",
    "http://127.0.0.1.evil.com/127.0.0.1",
)
NO_ADDRESS = (
    "http://127.0.0.1@evil.com",
    "127.0.0.1@evil.com",
    "evil.com@127.0.0.1",
    "http://user:word@127.0.0.1",
    "http://evil.com#@127.0.0.1",
    "http://evil.com?@127.0.0.1",
    "http://evil.com\\@127.0.0.1",
    "http://127.0.0.1\\@evil.com",
    "http:// 127.0.0.1",
    "127.0.0.1\nevil.com",
    "127.0.0.1\x00.evil.com",
    "[::1%25eth0]",
    "[::1]evil.com",
    "[::1",
    "::1",
    "loc\u0430lhost",
    "127\u30020.0.1",
    "\uff11\uff12\uff17.0.0.1",
    "127.0.0.1:\uff11\uff11",
    "127.0.0.1:0",
    "127.0.0.1:-1",
    "127.0.0.1:+80",
    "127.0.0.1:80:90",
    "http://127.0.0.1://evil.com",
    "http:///evil.com",
    "file:///etc/passwd",
    "unix:///run/x",
    "a" * 300,
    "127.0.0.1/../../x?y",
)


@pytest.mark.parametrize("host", LOOPBACK)
def test_a_scenario_may_ask_this_machine(host):
    assert is_local(ollama_url(host))
    demand_own(host, "critic.host", trusted=False)


@pytest.mark.parametrize("host", ELSEWHERE)
def test_another_machine_needs_trust(host):
    """Also where a name or number merely looks like this one, or leads to it by a way that others read otherwise."""
    assert not is_local(ollama_url(host))
    demand_own(host, "critic.host", trusted=True)
    with pytest.raises(InputError) as caught:
        demand_own(host, "critic.host", trusted=False)
    (problem,) = caught.value.problems
    assert (problem.path, problem.value) == ("critic.host", ollama_url(host))
    assert "--trust" in problem.hint


@pytest.mark.parametrize("host", NO_ADDRESS)
def test_what_could_be_read_in_two_ways_is_no_address(host):
    with pytest.raises(ValueError, match="no address"):
        ollama_url(host)
    with pytest.raises(InputError, match="no address"):
        demand_own(host, "critic.host", trusted=False)


def test_the_variable_is_the_users_own_word(monkeypatch):
    """Where a scenario has no host; what a server listens on everywhere is looked for here."""
    monkeypatch.setenv("OLLAMA_HOST", "10.0.0.5")
    demand_own(None, "critic.host", trusted=False)
    assert ollama_url() == "http://10.0.0.5:11434"
    for everywhere, here in (("0.0.0.0", "http://127.0.0.1:11434"), ("[::]:5", "http://[::1]:5")):
        monkeypatch.setenv("OLLAMA_HOST", everywhere)
        assert ollama_url() == here


def test_a_look_follows_nobody_and_says_little(monkeypatch):
    """A redirection is an error; a version of a megabyte is one line of 200 letters, without commands to a terminal."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with answering(lambda path: (302, {"Location": "http://127.0.0.1:9/"}, b"")) as url:
        state = look(url, 5.0)
        assert (state.version, state.models) == (None, [])
        assert state.error
    long = json.dumps({"version": "1\x1b[2J\n" + "x" * 10**6, "models": [{"name": "m\x07" + "y" * 10**3}] * 999})
    with answering(lambda path: (200, {}, long.encode())) as url:
        state = look(url, 5.0)
    assert state.version.startswith("1 [2J xxx")
    assert len(state.version) == 200
    assert len(state.models) == 200
    assert {len(name) for name in state.models} == {200}
    assert state.version.isprintable()


def test_a_model_without_a_tag_is_the_latest():
    assert [full_name(name) for name in ("a", "a:b", "h:5/a", "h/a:b")] == ["a:latest", "a:b", "h:5/a:latest", "h/a:b"]


def test_a_look_finds_version_and_models():
    with OllamaServer(models={"b:1": "x", "a:1": "y"}, version="0.12.9") as server:
        state = look(server.url, 5.0)
    assert (state.version, state.models, state.error) == ("0.12.9", ["a:1", "b:1"], "")


@pytest.mark.parametrize("path", ["/api/version", "/api/tags"])
@pytest.mark.parametrize(
    "fault", ["hang", "drip", "reset", "cut_body", "no_reply", "html", "json_list", "500", "endless"]
)
def test_a_look_never_hangs_and_never_raises(path, fault):
    with OllamaServer(faulty_paths={path: fault}) as server:
        began = time.monotonic()
        state = look(server.url, 0.3)
        assert time.monotonic() - began < 3.0
    assert state.version is None
    assert state.error


def test_a_look_where_nothing_listens():
    state = look(unused_address(), 5.0)
    assert state.version is None
    assert "refused" in state.error
