"""Where a server is, and a look at it."""

import time

import pytest

from marketsim.fairness.ollama_host import full_name, is_local, look, ollama_url
from marketsim.testing.ollama_server import OllamaServer, unused_address


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
