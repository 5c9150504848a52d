"""``marketsim doctor``."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import click

from marketsim.cli.saying import say
from marketsim.cli.tables import table

if TYPE_CHECKING:
    from marketsim.llm.ollama_host import ServerState

_NEEDED = ("numpy", "numba", "scipy", "mesa", "pandapower", "power-grid-model", "pyarrow", "pydantic")
_OPTIONAL = {"torch": "learn", "ollama": "learn", "simbench": "simbench", "ray": "ray"}
"""With the extra that brings each."""


def package_rows() -> list[tuple[str, str, str]]:
    """Each library: name, version or 'missing', and the extra that brings it."""
    rows = []
    for name in (*_NEEDED, *_OPTIONAL):
        try:
            rows.append((name, version(name), ""))
        except PackageNotFoundError:
            extra = _OPTIONAL.get(name)
            hint = f"optional: pip install 'marketsim[{extra}]'" if extra else "needed: pip install marketsim"
            rows.append((name, "missing", hint))
    return rows


def ollama_state(host: str | None, deadline_s: float = 2.0) -> ServerState:
    """What a look at the Ollama server finds; returns within the deadline."""
    from marketsim.llm.ollama_host import ServerState, look, ollama_url

    try:
        url = ollama_url(host)
    except ValueError as error:
        return ServerState(host or os.environ.get("OLLAMA_HOST", ""), error=str(error))
    return look(url, deadline_s)


def ollama_row(state: ServerState) -> tuple[str, str, str]:
    """The server in the table: what there is, and what to do about what there is not."""
    from marketsim.llm.ollama_host import DEFAULT_MODEL

    needed = "only critics that ask a language model need it"
    if state.version is None:
        return (
            "ollama server",
            f"does not answer ({state.error})",
            f"{state.url}; start it with: ollama serve; {needed}",
        )
    models = ", ".join(state.models) or "none"
    hint = "" if DEFAULT_MODEL in state.models else f"; the critic's default: ollama pull {DEFAULT_MODEL}"
    return "ollama server", state.version, f"{state.url}; models: {models}{hint}"


@click.command()
@click.option("--host", metavar="ADDRESS", help="Ollama server to look at [default: OLLAMA_HOST, 127.0.0.1:11434].")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(host: str | None, as_json: bool) -> None:
    """Say what is installed, where compiled kernels are kept, and whether Ollama answers."""
    from marketsim.core.compiled import cache_folder

    packages = package_rows()
    state = ollama_state(host)
    folder = cache_folder()
    if as_json:
        say(
            json.dumps(
                {
                    "python": platform.python_version(),
                    "platform": platform.platform(),
                    "packages": {name: found for name, found, _ in packages},
                    "kernel_cache": str(folder) if folder else None,
                    "ollama": {
                        "host": state.url,
                        "version": state.version,
                        "models": state.models,
                        "error": state.error or None,
                    },
                },
                indent=2,
            )
        )
        return
    rows = [("python", platform.python_version(), platform.platform()), *packages]
    rows.append(("compiled kernels", "kept" if folder else "not kept", str(folder or "no writable folder")))
    rows.append(ollama_row(state))
    table(("what", "state", "note"), rows)
    missing = [name for name, found, hint in packages if found == "missing" and hint.startswith("needed")]
    if missing:
        raise SystemExit(1)
