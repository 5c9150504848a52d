"""The group that would rather leave, as ``marketsim share`` tells it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from marketsim.cli.tables import number

if TYPE_CHECKING:
    from marketsim.app.share import CostShares

_MOST_NAMED: Final = 12


def leaving_told(found: CostShares) -> dict[str, Any]:
    """The group that would rather leave, for JSON."""
    return {
        "worst_excess": found.worst_excess,
        "worst_coalition": list(found.worst_coalition),
        "excess_gap": found.excess_gap,
        "worst_by": found.worst_by,
    }


def leaving_said(found: CostShares, label: str) -> str:
    """Who would rather pay for itself, in a sentence."""
    if found.worst_excess is None:
        alone = "There is no group of agents that could leave."
        return (
            alone
            if len(found.names) < 2
            else "Which group would gain most by leaving was not found in time: --seconds."
        )
    group, looked = group_of(found), looked_at(found)
    gap = f" Another may gain up to {number(found.excess_gap)} more: --seconds." if found.excess_gap > 1e-6 else ""
    if found.worst_excess > 1e-6:
        return (
            f"Not stable: {group} would pay {number(found.worst_excess)} {label} less behind one meter of their own "
            f"({looked}).{gap}"
        )
    nearest = f"Nearest: {group}, {number(abs(found.worst_excess))} {label} more"
    return f"Stable: no group would pay less by itself. {nearest} ({looked}).{gap}"


def looked_at(found: CostShares) -> str:
    """How the group that would rather leave was looked for."""
    groups = 2 ** len(found.names) - 2
    return f"found among all {groups:,}" if found.worst_by == "all groups" else "found by mixed-integer programme"


def group_of(found: CostShares) -> str:
    """The group by names, or by those that are not in it, whichever are fewer."""
    inside = set(found.worst_coalition)
    others = [name for name in found.names if name not in inside]
    if len(others) < len(inside):
        return f"everybody but {_listed(others)}"
    return _listed(found.worst_coalition)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more (--json names them)" if more > 0 else "")
