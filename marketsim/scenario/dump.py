"""The resolved scenario as a file that gives the same run again: every default visible, every agent by itself.

The text is YAML 1.2 that YAML 1.1 readers understand alike; numbers are written so that they read back exactly.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Final

from marketsim.core.build import AgentSpec
from marketsim.core.game import MARKET
from marketsim.scenario.choice import written, written_params
from marketsim.scenario.model import Scenario
from marketsim.scenario.owners import written_owners

_BARE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*|[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LATER: Final[Mapping[tuple[str, str], str]] = {
    ("market", "settlement"): "pay_as_agreed",
    ("market", "sharing"): "none",
    ("market", "sharing_period"): "day",
}
"""Keys that versions before had not, and what these always did: left out where they say so, and hashes stay what they were."""
_WORDS: Final = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"))


def document(scenario: Scenario, agents: tuple[AgentSpec, ...]) -> dict[str, Any]:
    """The resolved scenario as plain values."""
    whole = scenario.model_dump(mode="json", by_alias=True, exclude={"extends", "agents"})
    for (section, key), always in _LATER.items():
        if whole[section][key] == always:
            del whole[section][key]
    for key in ("expert", "origin"):
        if whole[key] is None:
            del whole[key]
    order = [name for name in Scenario.model_fields if name in whole or name == "agents"]
    return {name: [agent_document(agent) for agent in agents] if name == "agents" else whole[name] for name in order}


def agent_document(agent: AgentSpec) -> dict[str, Any]:
    """One resolved agent as a scenario declares it; what it does not have is left out."""
    load = agent.load
    own = {
        "name": agent.name,
        "kind": agent.kind,
        "group": agent.group,
        "bus": agent.bus,
        "load": _present(
            shape=load.shape, peak_kw=load.peak_kw, annual_kwh=load.annual_kwh, power_factor=load.power_factor
        ),
        "pv_kw": agent.pv_kw,
        "pv_shape": agent.pv_shape,
        "inverter_kva": agent.inverter_kva,
        "connection_kw": _present(**{"import": agent.import_limit_kw, "export": agent.export_limit_kw}) or None,
        "income_class": agent.income_class,
        "income": agent.income,
        "owners": written_owners(agent.owners),
    }
    parts = {name: written_params(params) for name, params in agent.devices.items()}
    return {**_present(**own), "strategy": written(agent.strategy), **parts}


def _present(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def dump(scenario: Scenario, agents: tuple[AgentSpec, ...], folder: Path | None = None) -> str:
    """The text of the resolved scenario.

    With ``folder``, the one that the text is written to, the folder that relative paths start from is given relative
    to it, so that both can be moved together.
    """
    values = document(scenario, agents)
    if folder is not None:
        values["folder"] = relative_path(scenario.folder, folder)
    return text_of(values)


def text_of(values: dict[str, Any], widest: int | None = None) -> str:
    """Plain values as a document: sections as blocks, what is inside them on one line each.

    With ``widest``, mappings that would take more letters than that have a line an entry.
    """
    return "".join(f"{line}\n" for line in _lines(values, widest))


def relative_path(target: Path, start: Path) -> str:
    """``target`` as seen from the folder ``start``."""
    try:
        return PurePosixPath(*Path(os.path.relpath(target, start)).parts).as_posix()
    except ValueError:
        # Another drive.
        return str(target)


def scenario_hash(scenario: Scenario, agents: tuple[AgentSpec, ...]) -> str:
    """SHA-256 of everything in a resolved scenario that can change results; not of where it lies."""
    values = document(scenario, agents)
    del values["folder"], values["currency"]
    values.pop("origin", None)
    values["plugins"] = [Path(path).name for path in scenario.plugins]
    if scenario.learning.game.name == MARKET:  # as older versions wrote it, so that what they hashed stays the same
        values["learning"]["game"] = values["learning"]["game"][MARKET]
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _lines(values: dict[str, Any], widest: int | None = None) -> Iterator[str]:
    """Sections as blocks, what is inside on one line each, or on as many as it takes."""
    for key, value in values.items():
        if isinstance(value, list) and value:
            yield f"{scalar(key)}:"
            yield from (f"  - {flow(item)}" for item in value)
        elif isinstance(value, dict) and value:
            yield f"{scalar(key)}:"
            for name, item in value.items():
                line = f"  {scalar(name)}: {flow(item)}"
                if widest is not None and len(line) > widest and isinstance(item, dict):
                    yield f"  {scalar(name)}:"
                    yield from (f"    {scalar(key)}: {flow(own)}" for key, own in item.items())
                else:
                    yield line
        else:
            yield f"{scalar(key)}: {flow(value)}"


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return scalar(value)


def scalar(value: str | float | bool | None) -> str:
    """A scalar; text is quoted wherever a reader could take it for something else."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = repr(value)
        return text if "." in text or "e" not in text else text.replace("e", ".0e")
    return str(value) if isinstance(value, int) else _quoted(value)


@lru_cache(maxsize=1 << 16)
def _quoted(value: str) -> str:
    """A text, bare where that is safe. Thousands of agents share their keys and most of their words."""
    if _BARE.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return "".join(_letter(letter) for letter in json.dumps(value, ensure_ascii=False))


def _letter(letter: str) -> str:
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"
