"""Names of columns: what they hold by their words, and whose they are."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from marketsim.profiles.understand.units import foreign_unit, is_of_energy, unit_of
from marketsim.profiles.understand.vocabulary import (
    Meaning,
    is_calendar,
    is_of_people,
    plain,
    says,
    whole_words,
)

ColumnRole: TypeAlias = Literal["load", "pv", "heat", "net", "export", "part", "other", "unclear"]
"""What a column is for: a series of an agent (``net``: load less PV), what is fed in, a part of a load, something
else, or what its values say is no load, while no word says what it is."""
Basis: TypeAlias = Literal["said", "household", "nothing"]
"""What a role rests on."""
SERIES_ROLES: Final = ("load", "pv", "heat", "net")


_POWERS: Final = whole_words(r"power|\w*leistung|puissance|potenza|potencia")
_ENERGIES: Final = whole_words(r"energy|\w*energie|arbeit|energia")
_ELECTRIC: Final = whole_words(r"electric(ity|al)?|strom")


def role_of(name: str) -> ColumnRole:
    """What a column is for, by the words of its name: a load where nothing says otherwise (``basis_of``)."""
    if (says(name, "no_energy") or is_calendar(name)) and not is_of_people(name):
        return "other"
    if says(name, "own_use") or says(name, "part") or (says(name, "heat") and _ELECTRIC.search(plain(name))):
        return "part"
    if says(name, "fed_in"):
        return "export"
    if is_of_energy(foreign_unit(name)):
        return "pv" if says(name, "plant") else "load"
    if foreign_unit(name) or (unit_of(name) is None and says(name, "no_unit")):
        return "other"
    return "pv" if says(name, "plant") else "heat" if says(name, "heat") else "load"


def basis_of(name: str) -> Basis:
    """What the role of a column rests on: a word that says it, one of a household, or none that is known."""
    meanings: tuple[Meaning, ...] = ("load", "drawn", "fed_in", "plant", "heat", "net", "own_use", "part", "no_energy")
    if any(says(name, meaning) for meaning in meanings):
        return "said"
    return "household" if says(name, "household") or is_of_people(name) else "nothing"


def nets(name: str) -> bool:
    """Whether a name says that it is of load less PV."""
    return says(name, "net")


def imports(name: str) -> bool:
    """Whether a name says that it is of what a meter drew, and not of all that a household takes."""
    return says(name, "drawn")


def says_power(name: str) -> bool | None:
    """Whether a name says that it is of power (True) or of energy (False); None where it says neither, or both."""
    lower = plain(name)
    power, energy = _POWERS.search(lower) is not None, _ENERGIES.search(lower) is not None
    return None if power == energy else power
