"""What series are, by their names and by their values: names come first, and what values do not bear out is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from marketsim.core.alike import listed
from marketsim.profiles.understand.names import register_of
from marketsim.profiles.understand.series_facts import SeriesFacts
from marketsim.profiles.understand.units import unit_of
from marketsim.profiles.understand.vocabulary import says
from marketsim.profiles.understand.words import Basis, ColumnRole, basis_of

_SUN: Final = "nearly nothing in nearly all nights, and most around noon"
_SETTLE: Final = "say what it is by profiles.columns in a scenario, and check it with --scenario"


def role_above(above: str, names: Sequence[str]) -> ColumnRole | None:
    """What the lines above the header say of the one series of a table whose own name says nothing."""
    if len(names) != 1 or basis_of(names[0]) != "nothing" or says(above, "load"):
        return None
    return "pv" if says(above, "plant") else "other" if says(above, "no_energy") else None


def settled(facts: SeriesFacts, beside: Sequence[str] = ()) -> SeriesFacts:
    """A series whose values were held against its role. ``beside``: names of columns that speak of all series."""
    trace = facts.trace
    if facts.role != "load" or trace is None:
        return facts
    basis = _basis(facts.name, beside)
    told_unit = facts.values is not None and not facts.guessed
    known_unit = told_unit or unit_of(" ".join((facts.name, *beside))) is not None
    if trace.counts_rows and basis != "said" and not known_unit:
        return facts._replace(role="unclear", values=None, doubt="it counts the rows")
    if trace.is_flag and basis != "said" and not known_unit:
        return facts._replace(
            role="unclear", values=None, doubt="it holds 0, 1 or 2 and two of them at most, as flags do"
        )
    if not trace.follows_sun or register_of(facts.name)[0]:
        return facts
    return facts._replace(role=facts.role if basis == "said" else "unclear", doubt=_SUN)


def unsaid(loads: Sequence[SeriesFacts], beside: Sequence[str]) -> Iterator[str]:
    """Loads that are taken for that although no word of their names says so."""
    names = [each.name for each in loads if each.role in ("load", "net") and _basis(each.name, beside) == "nothing"]
    if names:
        many = len(names) > 1
        yield (
            f"{listed(names, quote=False)}: nothing in {'these names' if many else 'its name'} says what "
            f"{'they are; taken for loads' if many else 'it is; taken for a load'}. Where that is wrong, say what is what by "
            "profiles.columns."
        )


def role_remarks(facts: Sequence[SeriesFacts], above: ColumnRole | None) -> Iterator[str]:
    """What the lines above the header say in place of a name, and what values say against names."""
    if above in ("pv", "other"):
        what = "PV" if above == "pv" else "no energy of a household"
        yield f"{facts[0].name}: nothing in its name says what it is; taken for {what}, since the lines above the header say so."
        return
    for doubt in dict.fromkeys(each.doubt for each in facts if each.doubt):
        yield from _doubted(doubt, [each for each in facts if each.doubt == doubt])


def _doubted(doubt: str, facts: Sequence[SeriesFacts]) -> Iterator[str]:
    unclear = [each.name for each in facts if each.role == "unclear"]
    looks = " looks like PV or what was fed in" if doubt == _SUN else ""
    if unclear:
        yield f"{listed(unclear, quote=False)}{looks or ' is no load'} ({doubt}), and is left out: {_SETTLE}."
    loads = [each.name for each in facts if each.role != "unclear"]
    if loads:
        yield f"{listed(loads, quote=False)}{looks} ({doubt}), although the name says load: look at what it measures."


def _basis(name: str, beside: Sequence[str]) -> Basis:
    """What the role of a series rests on: its own name, or the names of columns that speak of all of them."""
    found = {basis_of(each) for each in (name, *beside)}
    return "said" if "said" in found else "household" if "household" in found else "nothing"
