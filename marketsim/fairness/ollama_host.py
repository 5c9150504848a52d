"""Where an Ollama server is, and a quick look at it that needs no client library and never hangs."""

from __future__ import annotations

import http.client
import json
import os
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

DEFAULT_PORT: Final = 11434
DEFAULT_MODEL: Final = "gemma3:4b"
_MOST_BYTES: Final = 4_000_000
_LOOPBACK: Final = frozenset(("127.0.0.1", "localhost", "::1", "0.0.0.0", "[::]", "::"))


def ollama_url(host: str | None = None) -> str:
    """Address of the server: ``host``, else the variable ``OLLAMA_HOST``, else the usual one; ports as Ollama has them.

    ValueError for what is no address.
    """
    given = (host or os.environ.get("OLLAMA_HOST") or "").strip()
    scheme, colon, rest = given.partition("://")
    if not colon:
        scheme, rest = "http", given
    parts = urlsplit(f"{scheme}://{rest or '127.0.0.1'}")
    usual = DEFAULT_PORT if not colon else {"https": 443}.get(scheme, 80)
    if scheme not in ("http", "https"):
        raise ValueError(f"{given!r} is no address of an Ollama server: write host:port")
    try:
        port = parts.port or usual
    except ValueError as error:
        raise ValueError(f"{given!r} is no address of an Ollama server: its port is no number") from error
    name = parts.hostname or "127.0.0.1"
    name = f"[{name}]" if ":" in name else name
    return f"{scheme}://{name}:{port}{parts.path.rstrip('/')}"


def is_local(url: str) -> bool:
    """Whether an address is this machine: then no proxy stands between."""
    return (urlsplit(url).hostname or "") in _LOOPBACK


def full_name(model: str) -> str:
    """A model's name with its tag, as servers list it."""
    return model if ":" in model.rpartition("/")[2] else f"{model}:latest"


@dataclass
class ServerState:
    """What a look at a server found."""

    url: str
    version: str | None = None
    """None: it does not answer."""
    models: list[str] = field(default_factory=list)
    error: str = ""


def look(url: str, deadline_s: float = 2.0) -> ServerState:
    """Version and models of a server; returns within ``deadline_s``, also where it hangs or drips."""
    state = ServerState(url, error=f"no answer within {deadline_s:g} s")
    found: list[ServerState] = []
    thread = threading.Thread(target=lambda: found.append(_look(url, deadline_s)), daemon=True)
    thread.start()
    thread.join(deadline_s)
    return found[0] if found else state


def _look(url: str, deadline_s: float) -> ServerState:
    state = ServerState(url)
    try:
        version = _get(f"{url}/api/version", deadline_s)["version"]
        state.models = sorted(str(model["name"]) for model in _get(f"{url}/api/tags", deadline_s)["models"])
        state.version = str(version)
    except urllib.error.URLError as error:
        state.error = str(error.reason)
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError, RecursionError) as error:
        state.error = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return state


def _get(address: str, deadline_s: float) -> Any:
    proxies = urllib.request.ProxyHandler({}) if is_local(address) else urllib.request.ProxyHandler()
    with urllib.request.build_opener(proxies).open(address, timeout=deadline_s) as reply:
        return json.loads(reply.read(_MOST_BYTES))
