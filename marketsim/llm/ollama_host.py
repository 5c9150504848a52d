"""Where an Ollama server is, and a quick look at it that needs no client library and never hangs."""

from __future__ import annotations

import http.client
import ipaddress
import os
import re
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from marketsim.core.errors import InputError, Problem
from marketsim.core.files import strict_json
from marketsim.core.plain_text import plain

DEFAULT_PORT: Final = 11434
DEFAULT_MODEL: Final = "gemma3:4b"
_MOST_BYTES: Final = 4_000_000
_MOST_MODELS: Final = 200


def ollama_url(host: str | None = None) -> str:
    """Address of the server: ``host``, else the variable ``OLLAMA_HOST``, else the usual one; ports as Ollama has them.

    ValueError for what is no address: also for one with a user's name, or with letters that others read otherwise.
    """
    given = (host or os.environ.get("OLLAMA_HOST") or "").strip()
    scheme, colon, rest = given.partition("://")
    if not colon:
        scheme, rest = "http", given
    found = _ADDRESS.fullmatch(rest)
    if scheme not in ("http", "https") or found is None or (found["path"] and not found["name"]):
        raise ValueError(f"{plain(given)!r} is no address of an Ollama server: write host:port")
    usual = DEFAULT_PORT if not colon else {"https": 443}.get(scheme, 80)
    port = int(found["port"] or usual)
    if not 0 < port < 65536:
        raise ValueError(f"{plain(given)!r} is no address of an Ollama server: its port is not from 1 to 65535")
    name = found["name"] or "127.0.0.1"
    if not host:
        name = _EVERYWHERE.get(name, name)
    return f"{scheme}://{name.lower()}:{port}{(found['path'] or '').rstrip('/')}"


_ADDRESS: Final = re.compile(
    r"(?P<name>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])?(:(?P<port>[0-9]{1,5}))?(?P<path>/[A-Za-z0-9._~/-]{0,200})?"
)
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}
"""What ``OLLAMA_HOST`` tells a server to listen on: a client finds it on this machine."""


def is_local(url: str) -> bool:
    """Whether an address is this machine's loopback, by a name or number that nobody reads otherwise.

    Then no proxy stands between, and no trust is needed. Names that merely resolve to it, short, decimal or mapped
    numbers, and 0.0.0.0 are not it.
    """
    name = urlsplit(url).hostname or ""
    if name in ("localhost", "::1"):
        return True
    try:
        return ipaddress.IPv4Address(name).is_loopback
    except ValueError:
        return False


def demand_own(host: str | None, path: str, *, trusted: bool) -> None:
    """InputError where a scenario's ``host``, which stands at ``path``, is another machine and the scenario no trusted one.

    The address in ``OLLAMA_HOST`` is the user's own word. Nothing is sent, nor any name looked up.
    """
    if host is None or trusted:
        return
    try:
        url = ollama_url(host)
    except ValueError as error:
        raise InputError([Problem(str(error), path=path, hint="such as 127.0.0.1:11434")]) from error
    if not is_local(url):
        message = "the scenario wants to ask a model on another machine, and send it what its agents trade"
        hint = (
            "with --trust (in Python: trust=True) it may; without, 127.0.0.1, localhost and [::1] may be asked, "
            "and what the variable OLLAMA_HOST says where the scenario has no host"
        )
        raise InputError([Problem(message, path, url, hint)])


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
    state = ServerState(url, error=_late(deadline_s))
    found: list[ServerState] = []
    thread = threading.Thread(target=lambda: found.append(_look(url, deadline_s)), daemon=True)
    thread.start()
    thread.join(deadline_s)
    return found[0] if found else state


def _late(deadline_s: float) -> str:
    return f"no answer within {deadline_s:g} s"


def _look(url: str, deadline_s: float) -> ServerState:
    state = ServerState(url)
    try:
        version = _get(f"{url}/api/version", deadline_s)["version"]
        listed = _get(f"{url}/api/tags", deadline_s)["models"]
        state.models = sorted(plain(str(model["name"])) for model in listed[:_MOST_MODELS])
        state.version = plain(str(version))
    except TimeoutError:
        state.error = _late(deadline_s)
    except urllib.error.URLError as error:
        late = isinstance(error.reason, TimeoutError)
        state.error = _late(deadline_s) if late else plain(str(error.reason))
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError, RecursionError) as error:
        state.error = plain(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
    return state


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Follows nobody to another address."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """None: what redirects is an error."""


def _get(address: str, deadline_s: float) -> Any:
    proxies = urllib.request.ProxyHandler({}) if is_local(address) else urllib.request.ProxyHandler()
    with urllib.request.build_opener(proxies, _StayHere()).open(address, timeout=deadline_s) as reply:
        return strict_json(reply.read(_MOST_BYTES).decode("utf-8", "replace"))
