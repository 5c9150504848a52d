"""``marketsim doctor``."""

from __future__ import annotations

import json
import os
import platform
import urllib.error
import urllib.request
from importlib.metadata import PackageNotFoundError, version

import click

from marketsim.cli.tables import table

_PACKAGES = (
    ("numpy", ""),
    ("numba", ""),
    ("scipy", ""),
    ("mesa", ""),
    ("pandapower", ""),
    ("power-grid-model", ""),
    ("pyarrow", ""),
    ("pydantic", ""),
    ("torch", "learn"),
    ("ollama", "learn"),
    ("simbench", "simbench"),
    ("ray", "ray"),
)
_DEFAULT_HOST = "http://127.0.0.1:11434"


def package_rows() -> list[tuple[str, str, str]]:
    """Each library: name, version or 'missing', and the extra that brings it."""
    rows = []
    for name, extra in _PACKAGES:
        try:
            rows.append((name, version(name), ""))
        except PackageNotFoundError:
            hint = f"optional: pip install 'marketsim[{extra}]'" if extra else "needed: pip install marketsim"
            rows.append((name, "missing", hint))
    return rows


def ollama_host() -> str:
    """Where Ollama is expected: ``OLLAMA_HOST`` or its default."""
    host = os.environ.get("OLLAMA_HOST") or _DEFAULT_HOST
    return host if "://" in host else f"http://{host}"


def ollama_state(host: str, deadline_s: float = 2.0) -> tuple[str, list[str]]:
    """Version of the server, or why it does not answer; and its models."""
    try:
        answers = []
        for path in ("/api/version", "/api/tags"):
            with urllib.request.urlopen(host.rstrip("/") + path, timeout=deadline_s) as reply:
                answers.append(json.loads(reply.read(1_000_000)))
        return str(answers[0]["version"]), [str(model["name"]) for model in answers[1]["models"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"does not answer ({error})", []


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(as_json: bool) -> None:
    """Say what is installed, where compiled kernels are kept, and whether Ollama answers."""
    from marketsim.core.compiled import cache_folder

    packages = package_rows()
    host = ollama_host()
    state, models = ollama_state(host)
    folder = cache_folder()
    if as_json:
        click.echo(
            json.dumps(
                {
                    "python": platform.python_version(),
                    "platform": platform.platform(),
                    "packages": {name: found for name, found, _ in packages},
                    "kernel_cache": str(folder) if folder else None,
                    "ollama": {"host": host, "state": state, "models": models},
                },
                indent=2,
            )
        )
        return
    rows = [("python", platform.python_version(), platform.platform()), *packages]
    rows.append(("compiled kernels", "kept" if folder else "not kept", str(folder or "no writable folder")))
    rows.append(("ollama", state, f"{host}; models: {', '.join(models) or 'none'}; needed only by LLM critics"))
    table(("what", "state", "note"), rows)
    missing = [name for name, found, hint in packages if found == "missing" and hint.startswith("needed")]
    if missing:
        raise SystemExit(1)
