"""What a scenario leaves unsaid, and devices gathered under one key, before the model reads it.

The models have no ``before`` validators: behind one, pydantic no longer knows that its input is JSON, and strictness
then refuses lists for tuples and text for dates.
"""

from __future__ import annotations

from typing import Any, Final

from marketsim.scenario.agents import AgentEntry
from marketsim.scenario.choice import Context
from marketsim.scenario.problems import UNSEEN, Detail

DEFAULTS: Final[dict[str, Any]] = {
    "grid": {},
    "market": {},
    "profiles": "simbench_2016",
    "critic": "rule",
    "learning": {},
    "output": {},
}
"""Sections that a scenario may leave out although the model demands them."""

TAGS: Final = {"profiles": "source", "critic": "kind"}
"""Sections that name their part beside its parameters, and the key under which; left out, it is the default part."""
_FIELDS: Final = frozenset(AgentEntry.model_fields)
MAYBE_NULL: Final = frozenset(("load", "connection_kw", "strategy"))
"""Keys of an agent for which ``null`` means the default."""


def prepared(values: dict[str, Any], context: Context) -> tuple[dict[str, Any], list[Detail]]:
    """Values as the model expects them, and what is wrong with keys that it would not see."""
    given = {key: item for key, item in values.items() if item is not None}
    filled = {**DEFAULTS, **given}
    filled["grid"] = _with_gate(filled["grid"])
    for key, tag in TAGS.items():
        if isinstance(filled[key], dict) and filled[key].get(tag) is None:
            filled[key] = {**filled[key], tag: DEFAULTS[key]}
    wrong: list[Detail] = []
    if isinstance(filled.get("agents"), list):
        filled["agents"] = [_gathered(item, place, context, wrong) for place, item in enumerate(filled["agents"])]
    return filled, wrong


def _with_gate(grid: Any) -> Any:
    """The gate is exact wherever there is a feeder, unless the scenario says otherwise."""
    if isinstance(grid, dict) and grid.get("gate") is None:
        return {**grid, "gate": "none" if grid.get("feeder") is None else "ac"}
    return grid


def _gathered(agent: Any, place: int, context: Context, wrong: list[Detail]) -> Any:
    if not isinstance(agent, dict):
        return agent
    if "devices" in agent:
        hint = "every device is a key of the agent, such as battery: {...}"
        wrong.append(Detail(("agents", place, "devices"), "unknown key", UNSEEN, hint, at_key=True))
    names = _device_keys(agent, context)
    empty = {key for key in MAYBE_NULL if agent.get(key) is None}
    rest = {key: item for key, item in agent.items() if key not in {*names, *empty}}
    return {**rest, "devices": {name: agent[name] for name in names}}


def _device_keys(agent: dict[str, Any], context: Context) -> list[str]:
    """Keys of an agent that name devices; with plugins that are not loaded, every mapping may be one."""
    known = context.catalog.names("device")
    maybe = {key for key, item in agent.items() if context.tolerant and isinstance(item, dict)}
    return [key for key in agent if key not in _FIELDS and (key in known or key in maybe)]
