"""Columns that are of nobody by themselves: sums of others, registers by tariff, phases, copies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from marketsim.core.alike import listed
from marketsim.profiles.understand.behaviour import adds_up, mean_of
from marketsim.profiles.understand.names import is_sum, phase_of, register_of
from marketsim.profiles.understand.series_facts import SeriesFacts
from marketsim.profiles.understand.vocabulary import without
from marketsim.profiles.understand.words import basis_of, imports

_LEAST_LESS: Final = 0.98
"""Of a sum, below which what is beside it is less than all of it."""


_MOST_COMPARED: Final = 100
"""Columns that are compared with each other whether they are the same."""


class LeftOut(NamedTuple):
    """Columns that are left out, and what there is to say of them."""

    columns: tuple[SeriesFacts, ...]
    notes: tuple[str, ...]


def left_out_of(used: Sequence[SeriesFacts]) -> LeftOut:
    """Columns that stand for nobody, beside those that do."""
    registers = _registers(used)
    rest = [each for each in used if each not in registers]
    phases, total_of_phases = _phases(rest)
    rest = [each for each in rest if each not in phases]
    sums = [] if total_of_phases else _sums(rest)
    covered = _covered(rest, sums)
    left = [each for each in sums if not covered]
    notes = [*_of_registers(registers), *_of_phases(phases, total_of_phases), *_of_sums(left, covered)]
    notes += _of_copies([each for each in rest if each not in left and each not in covered])
    return LeftOut((*registers, *phases, *left, *covered), tuple(notes))


def _registers(used: Sequence[SeriesFacts]) -> list[SeriesFacts]:
    """Columns that are the registers of one meter, by tariff: their sum is a load, none of them is."""
    meters: dict[str, dict[str, SeriesFacts]] = {}
    for each in used:
        tariff, meter = register_of(each.name)
        if tariff:
            meters.setdefault(meter, {})[tariff] = each
    return [each for own in meters.values() if len(own) > 1 for each in own.values()]


def _of_registers(registers: Sequence[SeriesFacts]) -> Iterator[str]:
    if registers:
        names = listed([each.name for each in registers], quote=False)
        yield f"Registers of one meter, by tariff, are left out: {names}. Write their sum as one column."


def _phases(used: Sequence[SeriesFacts]) -> tuple[list[SeriesFacts], str]:
    """Columns of two or three phases of one meter, and the column of their sum; '' without one."""
    meters: dict[str, dict[str, SeriesFacts]] = {}
    for each in used:
        phase, meter = phase_of(each.name)
        if phase:
            meters.setdefault(f"{each.role} {meter}", {})[phase] = each
    phases = [own for own in meters.values() if len(own) == 3 or (len(own) == 2 and all(key[0] == "l" for key in own))]
    found = [each for own in phases for each in own.values()]
    traces = [each.trace for each in found if each.trace is not None]
    others = [each for each in used if each not in found and each.role == "load" and each.trace is not None]
    total = next((each.name for each in others if found and each.trace and adds_up(each.trace, traces)), "")
    return found, total


def _of_phases(phases: Sequence[SeriesFacts], total: str) -> Iterator[str]:
    if phases:
        names = listed([each.name for each in phases], quote=False)
        told = f"{total} is their sum, and is read" if total else "Write their sum as one column"
        yield f"Phases of one meter are left out: {names}. {told}; if they are households, say so by profiles.columns."


def _sums(used: Sequence[SeriesFacts]) -> list[SeriesFacts]:
    """Loads that are sums of others beside them, by their names or by their values; not of what meters drew."""
    loads = [each for each in used if each.role == "load" and not imports(each.name)]
    sums = [each for each in loads if is_sum(each.name) or _adds_up(each, loads)]
    return sums if len(sums) < len(loads) else []


def _adds_up(total: SeriesFacts, loads: Sequence[SeriesFacts]) -> bool:
    """Whether a load is what all the others are together."""
    others = [each for each in loads if each is not total and not is_sum(each.name)]
    traces = [each.trace for each in others if each.trace is not None]
    return total.trace is not None and len(others) == len(traces) > 1 and adds_up(total.trace, traces)


def _covered(used: Sequence[SeriesFacts], sums: Sequence[SeriesFacts]) -> list[SeriesFacts]:
    """Loads of unknown kind that are less than the one sum beside them: parts of a household that the sum is all of."""
    if len(sums) != 1 or sums[0].trace is None:
        return []
    others = [each for each in used if each.role == "load" and each not in sums and not imports(each.name)]
    known = [each.trace for each in others if each.trace is not None]
    unknown = all(basis_of(without(each.name, "load", "drawn")) == "nothing" for each in others)
    if not unknown or len(known) != len(others) or not is_sum(sums[0].name):
        return []
    together = sum(map(mean_of, known))
    return others if together < _LEAST_LESS * mean_of(sums[0].trace) else []


def _of_sums(sums: Sequence[SeriesFacts], covered: Sequence[SeriesFacts]) -> Iterator[str]:
    if sums:
        yield f"Sums are no households, and are left out: {listed([each.name for each in sums], quote=False)}."
    if covered:
        names = listed([each.name for each in covered], quote=False)
        yield f"Less than the sum beside them, and left out as parts of it: {names}."


def _of_copies(used: Sequence[SeriesFacts]) -> Iterator[str]:
    """Loads, or plants, that are the same in all steps."""
    firsts: list[SeriesFacts] = []
    copies: dict[str, list[str]] = {}
    for each in used[:_MOST_COMPARED]:
        same = next((first for first in firsts if first.role == each.role and _are_same(first, each)), None)
        if same is None:
            firsts.append(each)
        else:
            copies.setdefault(same.name, []).append(each.name)
    for first, names in copies.items():
        yield f"{listed(names, quote=False)}: the same in each step as {first}; leave out what stands twice."


def _are_same(one: SeriesFacts, other: SeriesFacts) -> bool:
    if one.trace is None or other.trace is None or one.trace.power.shape != other.trace.power.shape:
        return False
    return bool((one.trace.power == other.trace.power).all())
