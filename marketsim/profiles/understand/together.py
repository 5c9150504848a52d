"""Facts of all series of a table: one unit for those that tell none, and gaps that one of them has for a reason of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Final

from marketsim.core.alike import listed
from marketsim.core.errors import Problem
from marketsim.profiles.understand.guess import unit_of_all
from marketsim.profiles.understand.series_facts import SeriesFacts, Units
from marketsim.profiles.understand.words import SERIES_ROLES

_DAY: Final = timedelta(days=1)


def facts_of_all(
    names: Sequence[str], facts: Callable[[str, Units], SeriesFacts], units: Units
) -> tuple[SeriesFacts, ...]:
    """What there is to say of each series; ``facts`` makes that of one, with what may tell its unit."""
    found = [facts(name, units) for name in names]
    told = unit_of_all([(each.role, each.guess) for each in found])
    for place, each in enumerate(found):
        unit = told.get(tuple(kind for kind, _ in each.guess.daily))
        if unit is not None and unit != each.values:
            found[place] = facts(each.name, units._replace(table=unit))
    return tuple(_by_night(found))


def _by_night(found: Sequence[SeriesFacts]) -> Iterator[SeriesFacts]:
    """The same, with a problem of plants that sleep beside series that are filled in another way."""
    others = [each.name for each in found if each.n_missing and not each.asleep and each.role in SERIES_ROLES]
    for each in found:
        if not each.asleep or not others:
            yield each
            continue
        message = "the plant tells nothing at night, and other columns have gaps of another kind"
        hint = (
            f"write 0 where it yields nothing, so that the gaps of {listed(others[:5], quote=False)} alone are filled"
        )
        yield each._replace(problems=(*each.problems, Problem(message, each.name, hint=hint)))


def remarks_of_steps(facts: Sequence[SeriesFacts]) -> Iterator[str]:
    """What there is to say of nights without values, of steps that change, and of those of a day."""
    used = [each for each in facts if each.role in (*SERIES_ROLES, "export") and each.values is not None]
    asleep = [each.name for each in used if each.asleep and not each.problems]
    if asleep:
        names = listed(asleep, quote=False)
        yield f"{names}: no values at night, when a plant yields nothing: they are taken for 0 (gaps: zero)."
    changed = [each for each in used if each.change and not each.problems]
    for each in changed[:1]:
        likewise = f"; likewise {listed([one.name for one in changed[1:]], quote=False)}" if changed[1:] else ""
        yield f"{each.name}: {each.change}; powers between are filled like gaps{likewise}. Write equal steps to be exact."
    daily = [each.name for each in used if each.steps is not None and each.steps.length == _DAY]
    if daily:
        yield f"Each row is a day: what {listed(daily[:5], quote=False)} holds is spread evenly over its 24 hours."
