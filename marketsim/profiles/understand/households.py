"""Which columns are of one household: by the rest of their names, by being all that a table has, or since they add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Final, NamedTuple

from marketsim.core.alike import listed
from marketsim.profiles.understand.behaviour import Trace, adds_up
from marketsim.profiles.understand.names import is_by_convention, key_of, stem_of
from marketsim.profiles.understand.series_facts import SeriesFacts
from marketsim.profiles.understand.words import imports

HOME: Final = "home"
"""Whose columns are that have no name of an agent."""
_MOST_TRIED: Final = 2_000
"""Columns that are tried together whether they add up."""


class Households(NamedTuple):
    """Columns by whose they are, and what there is to say of that."""

    columns: dict[str, list[SeriesFacts]]
    notes: tuple[str, ...]
    left: tuple[SeriesFacts, ...]
    """Columns that are of nobody as they stand."""


def households(used: Sequence[SeriesFacts]) -> Households:
    """Columns by the stem of their names, and those of one household together whose stems differ."""
    groups: dict[str, list[SeriesFacts]] = {}
    for each in used:
        groups.setdefault(_whose(each.name), []).append(each)
    notes: list[str] = []
    for one in _balanced(used):
        _join(groups, [name for name, own in groups.items() if any(each in one for each in own)], notes, "they add up")
    _by_key(groups, notes)
    left = _strings(groups, notes)
    _alone(groups, notes)
    notes += _unpaired(groups)
    return Households(groups, tuple(notes), tuple(left))


def _whose(name: str) -> str:
    stem = stem_of(name)
    return HOME if stem.lower() in ("", HOME) else stem


def _roles(own: Sequence[SeriesFacts]) -> set[str]:
    """What a group has; what its meter drew is less than a load."""
    return {"drawn" if each.role == "load" and imports(each.name) else each.role for each in own}


def _is_base(own: Sequence[SeriesFacts]) -> bool:
    """Whether a group has what a household takes, or what passed its meter."""
    return bool(_roles(own) & {"load", "drawn", "net"})


def _join(groups: dict[str, list[SeriesFacts]], names: Sequence[str], notes: list[str], why: str) -> None:
    """Make one household of several groups, called by the one that has a load."""
    if len(names) < 2:
        return
    ordered = sorted(names, key=lambda name: ("load" not in _roles(groups[name]), not _is_base(groups[name])))
    called = next((name for name in ordered if _is_base(groups[name]) and name != HOME), ordered[0])
    columns = [each for name in ordered for each in groups[name]]
    for name in names:
        del groups[name]
    groups[called] = columns
    notes.append(f"{listed([each.name for each in columns], quote=False)}: taken for one household, since {why}.")


def _balanced(used: Sequence[SeriesFacts]) -> Iterator[tuple[SeriesFacts, ...]]:
    """Columns of which what is taken and fed in is what is drawn and generated, or load less PV is what passed the meter."""
    kinds: Mapping[str, list[tuple[SeriesFacts, Trace]]] = {
        kind: [(each, each.trace) for each in used if each.trace is not None and kind in _roles([each])]
        for kind in ("load", "pv", "drawn", "export", "net")
    }
    four = (kinds["load"], kinds["pv"], kinds["drawn"], kinds["export"])
    if len(four[0]) * len(four[1]) * len(four[2]) * len(four[3]) <= _MOST_TRIED:
        for (load, taken), (pv, made), (drawn, come), (fed, gone) in product(*four):
            if made.power.any() and adds_up(taken, (made, come), (gone,)):
                yield load, pv, drawn, fed
    three = (kinds["load"], kinds["pv"], kinds["net"])
    if len(three[0]) * len(three[1]) * len(three[2]) <= _MOST_TRIED:
        for (load, taken), (pv, made), (net, passed) in product(*three):
            if made.power.any() and adds_up(taken, (passed, made)):
                yield load, pv, net


def _by_key(groups: dict[str, list[SeriesFacts]], notes: list[str]) -> None:
    """Join groups whose names are the same but for words that are known, where each has what the other lacks."""
    keys: dict[str, list[str]] = {}
    for name, own in groups.items():
        keys.setdefault(key_of(own[0].name), []).append(name)
    for names in keys.values():
        held: set[str] = set()
        joined = []
        for name in sorted(names, key=lambda each: not _is_base(groups[each])):
            roles = _roles(groups[name])
            if not roles & held and not ("net" in roles and held & {"load", "drawn"}):
                joined.append(name)
                held |= roles
        if any(_is_base(groups[name]) for name in joined):
            _join(groups, joined, notes, "their names differ only in what they hold")


def _strings(groups: dict[str, list[SeriesFacts]], notes: list[str]) -> list[SeriesFacts]:
    """Take plants out that are parts of the one plant of the one household of a table."""
    bare = [name for name, own in groups.items() if _roles(own) == {"pv"} and not _by_convention(own)]
    bases = [name for name, own in groups.items() if _is_base(own)]
    has = len(bases) == 1 and "pv" in _roles(groups[bases[0]])
    if len(bases) != 1 or len(bare) + has < 2:
        return []
    strings = [each for name in bare for each in groups.pop(name)]
    names = listed([each.name for each in strings], quote=False)
    if has:
        notes.append(f"{bases[0]} has a plant already, and these are left out: {names}.")
    else:
        notes.append(f"Plants of one household are left out: {names}. Write their sum as one column.")
    return strings


def _alone(groups: dict[str, list[SeriesFacts]], notes: list[str]) -> None:
    """Join the one plant, or what was fed in or heats, with the one household that a table has."""
    bases = [name for name, own in groups.items() if _is_base(own)]
    if len(bases) != 1:
        return
    for name in [name for name, own in groups.items() if not _is_base(own)]:
        (base,) = (each for each, own in groups.items() if _is_base(own))
        both = _by_convention(groups[base]) and _by_convention(groups[name])
        if not both and not _roles(groups[name]) & _roles(groups[base]):
            _join(groups, [base, name], notes, "the table has one of each")


def _by_convention(own: Sequence[SeriesFacts]) -> bool:
    return all(is_by_convention(each.name) for each in own)


def _unpaired(groups: Mapping[str, Sequence[SeriesFacts]]) -> Iterator[str]:
    """Plants whose household is not known although the table has several."""
    loads = [name for name, own in groups.items() if _is_base(own)]
    alone = [own[0].name for own in groups.values() if _roles(own) == {"pv"} and not _by_convention(own)]
    if loads and alone:
        yield (
            f"{listed(alone, quote=False)}: no name tells whose plant it is, so that it is an agent without a load; say whose by "
            "profiles.columns."
        )
