"""``marketsim doctor``."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import click

from marketsim.cli.options import AskedScenario, set_option, trust_option
from marketsim.cli.saying import say
from marketsim.cli.tables import table

if TYPE_CHECKING:
    from marketsim.analysis.critics.asked_models import AskedModel
    from marketsim.llm.ollama_host import ServerState

_NEEDED = ("numpy", "numba", "scipy", "mesa", "pandapower", "power-grid-model", "pyarrow", "pydantic")
_OPTIONAL = {"torch": "learn", "ollama": "learn", "cvxpy": "experts-code", "simbench": "simbench", "ray": "ray"}
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


def model_row(each: AskedModel) -> tuple[str, str, str]:
    """A model of the scenario in the table."""
    if each.digest is None:
        return each.path, f"{each.model} does not answer", f"{each.url}: {each.error}"
    return each.path, f"{each.model} is there", f"{each.url}; digest {each.digest}, server {each.server}"


def scenario_models(scenario: str, overrides: tuple[str, ...], *, trust: bool) -> list[AskedModel]:
    """The language models that a scenario asks."""
    from marketsim.analysis.critics.asked_models import asked_models

    return asked_models(AskedScenario(scenario, overrides, None, trust).load())


@click.command()
@click.argument("scenario", type=click.Path(), required=False)
@set_option
@trust_option
@click.option("--host", metavar="ADDRESS", help="Ollama server to look at [default: OLLAMA_HOST, 127.0.0.1:11434].")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor(scenario: str | None, overrides: tuple[str, ...], trust: bool, host: str | None, as_json: bool) -> None:
    """Say what is installed, where compiled kernels are kept, and whether Ollama answers.

    With SCENARIO also whether each language model that it asks is there; it fails where one is not.
    """
    from marketsim.core.compiled import cache_folder

    models = [] if scenario is None else scenario_models(scenario, overrides, trust=trust)
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
                    **({} if scenario is None else {"asked": [each._asdict() for each in models]}),
                },
                indent=2,
            )
        )
        _demand_models(models)
        return
    rows = [("python", platform.python_version(), platform.platform()), *packages]
    rows.append(("compiled kernels", "kept" if folder else "not kept", str(folder or "no writable folder")))
    rows.append(ollama_row(state))
    rows += [model_row(each) for each in models]
    table(("what", "state", "note"), rows)
    if scenario is not None and not models:
        say(f"{scenario} asks no language model.")
    missing = [name for name, found, hint in packages if found == "missing" and hint.startswith("needed")]
    if missing:
        raise SystemExit(1)
    _demand_models(models)


def _demand_models(models: list[AskedModel]) -> None:
    if any(each.digest is None for each in models):
        raise SystemExit(1)
