"""What differs between two scenarios, key by key."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from marketsim.analysis.compare.arms import ComparedArm
from marketsim.scenario.tree import dotted, shorten, shorten_text

_ABSENT: Final = object()
_AGENT: Final = re.compile(r"agents\[\d+\]")
_SHOWN: Final = 20


class Change(NamedTuple):
    """A key whose value differs; for agents one entry for all of them."""

    path: str
    before: str
    after: str
    agents: int = 0
    """Agents that it concerns."""

    def __str__(self) -> str:
        rest = self.agents - 1
        more = f" (and {rest} more agent{'' if rest == 1 else 's'})" if rest > 0 else ""
        return f"{self.path}: {self.before} -> {self.after}{more}"


def scenario_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """Keys of two resolved scenarios that differ, in order; not where they lie."""
    was_all, now_all = ({k: v for k, v in each.items() if k != "folder"} for each in (before, after))
    left, right = dict(_leaves(was_all, now_all)), dict(_leaves(now_all, was_all))
    found: dict[str, Change] = {}
    for path in dict.fromkeys((*left, *right)):
        was, now = left.get(path, _ABSENT), right.get(path, _ABSENT)
        if was == now and type(was) is type(now):
            continue
        general = _AGENT.sub("agents[*]", path)
        known = found.get(general)
        if known is None:
            found[general] = Change(path, _text(was), _text(now), 1 if general != path else 0)
        else:
            found[general] = known._replace(agents=known.agents + 1)
    return tuple(found.values())


class _Choice(NamedTuple):
    """A part that was chosen by name, where the other scenario has chosen another one."""

    name: str
    params: Any

    def __str__(self) -> str:
        params = self.params if isinstance(self.params, Mapping) else {}
        inside = ", ".join(f"{key}={shorten(value)}" for key, value in params.items())
        return shorten_text(f"{self.name} ({inside})" if inside else self.name)


def _leaves(value: Any, beside: Any, loc: tuple[str | int, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Paths and values below ``value``; ``beside`` is what the other scenario has there."""
    if _chosen(value) and _chosen(beside) and list(value) != list(beside):
        yield dotted(loc), _Choice(*next(iter(value.items())))
    elif isinstance(value, Mapping) and value:
        for key, item in value.items():
            own = beside.get(key) if isinstance(beside, Mapping) else None
            yield from _leaves(item, own, (*loc, str(key)))
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        others = beside if isinstance(beside, list) else []
        for place, item in enumerate(value):
            yield from _leaves(item, others[place] if place < len(others) else None, (*loc, place))
    else:
        yield dotted(loc), value


def _chosen(value: Any) -> bool:
    """Whether a value names one part with its parameters, as ``engine: {double_auction: {...}}`` does."""
    return isinstance(value, Mapping) and len(value) == 1 and isinstance(next(iter(value.values())), Mapping)


def _text(value: Any) -> str:
    if value is _ABSENT:
        return "(absent)"
    return str(value) if isinstance(value, _Choice) else shorten(value)


def notes_on(base: ComparedArm, other: ComparedArm) -> list[str]:
    """What a reader of the comparison has to know: settings that differ, lengths, seeds."""
    notes = []
    if base.scenarios and other.scenarios:
        seed = next((seed for seed in base.scenarios if seed in other.scenarios), None)
        before = base.scenarios[next(iter(base.scenarios)) if seed is None else seed]
        after = other.scenarios[next(iter(other.scenarios)) if seed is None else seed]
        notes += _settings_notes(before, after)
    common = len([seed for seed in base.samples if seed in other.samples])
    if not common:
        notes.append("No seed is in both: the arms are compared as independent samples, and seeds alone may differ.")
    elif common < max(len(base.samples), len(other.samples)):
        both = "the one seed" if common == 1 else f"the {common} seeds"
        notes.append(f"Only {both} that both have {'is' if common == 1 else 'are'} compared, pair by pair.")
    return notes


def _settings_notes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    changes = [change for change in scenario_changes(before, after) if change.path != "seed"]
    if not changes:
        return ["The scenarios are the same but for the seed."]
    notes = ["The scenarios differ in:", *(f"  {change}" for change in changes[:_SHOWN])]
    if len(changes) > _SHOWN:
        notes.append(f"  ... and {len(changes) - _SHOWN} more keys")
    lengths = [_hours(each) for each in (before, after)]
    if lengths[0] != lengths[1]:
        notes.append(
            f"The runs are {lengths[0]:g} and {lengths[1]:g} hours long: sums over a run (kWh, currency, slots) are "
            "not comparable, shares, means and scores are."
        )
    return notes


def _hours(scenario: Mapping[str, Any]) -> float:
    clock = scenario["clock"]
    return float(clock["slots"]) * float(clock["slot_minutes"]) / 60.0
