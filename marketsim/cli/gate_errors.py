"""``marketsim gate-errors``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import click

from marketsim.cli.answers import AskedAnswer, answer_options
from marketsim.cli.options import plugin_option, teller
from marketsim.cli.saying import say
from marketsim.cli.tables import table

if TYPE_CHECKING:
    from marketsim.analysis.comparators.decisions import FeederWalk, LimitErrors
    from marketsim.analysis.comparators.exactness import Exactness
    from marketsim.analysis.comparators.walk import WalkOptions
    from marketsim.extension.registry import Registry


class _OnFeeder(Protocol):
    @property
    def feeder(self) -> str: ...


Walked = TypeVar("Walked", bound=_OnFeeder)


@click.command("gate-errors")
@click.argument("feeders", nargs=-1, metavar="[FEEDER]...")
@click.option(
    "--gate", default="lindistflow", show_default=True, metavar="NAME", help="lindistflow, sensitivity or ac."
)
@plugin_option
@click.option("--trades", default=1000, show_default=True, metavar="N", help="Trades on each feeder, most at a limit.")
@click.option(
    "--band",
    nargs=2,
    type=float,
    default=(0.95, 1.05),
    show_default=True,
    metavar="LOW HIGH",
    help="Voltages that every bus but the source has to keep [p.u.].",
)
@click.option(
    "--spread",
    default=20.0,
    show_default=True,
    metavar="PERCENT",
    help="Quantities lie within so much of what is left.",
)
@click.option("--seed", default=1, show_default=True, metavar="N", help="Seed of what is drawn.")
@answer_options("feeder and limit (exact gates: feeder)")
def gate_errors(
    feeders: tuple[str, ...],
    gate: str,
    plugin_files: tuple[Path, ...],
    trades: int,
    band: tuple[float, float],
    spread: float,
    seed: int,
    answer: AskedAnswer,
) -> None:
    """Count what a gate decides wrongly near limits: one that approximates against AC, an exact one against other power flows.

    On each FEEDER (feeder141, pandapower:<network>, simbench:<code> or file:<net.json>; four of them if none is named) trades
    are drawn whose quantities lie around what is left. What a gate that approximates decides is asked of AC, in the same state,
    and counted by the direction of the limit. What an exact gate (ac) admits is solved again by power-grid-model, on meshed nets
    by a fixed point; of what it refuses in part, the first Wh that breaks a limit is searched.
    """
    from marketsim.analysis.comparators.walk import FEEDERS, WalkOptions, check_options, gates_with
    from marketsim.app.ready import full_registry

    registry = full_registry(plugin_files, teller())
    names, left_out = (feeders, None) if feeders else _installed(FEEDERS)
    options = WalkOptions(gate, trades, band, spread / 100.0, seed)
    check_options(options, gates_with(registry, "screens", "exact"))
    done = _audited if gate in gates_with(registry, "exact") else _compared
    if done(names, options, registry, answer) and left_out is not None:
        say(left_out)


def _compared(names: tuple[str, ...], options: WalkOptions, registry: Registry, answer: AskedAnswer) -> bool:
    """A gate that approximates; whether it was printed as a table."""
    from marketsim.analysis.comparators.decisions import counted, walks

    walked = _told(walks(names, options, registry), answer)
    rows = counted(walked)
    plain = [row._asdict() for row in rows]
    if answer.give(_document(options, walked, plain), plain):
        return False
    _show(options, rows)
    _remarks(walked)
    return True


def _audited(names: tuple[str, ...], options: WalkOptions, registry: Registry, answer: AskedAnswer) -> bool:
    """A gate that claims to be exact; whether it was printed as a table."""
    from marketsim.analysis.comparators.exactness import audits, counted

    rows = counted(_told(audits(names, options, registry), answer))
    plain = [row._asdict() for row in rows]
    if answer.give({**options._asdict(), "rows": plain}, plain):
        return False
    _show_exactness(options, rows)
    return True


def _told(walked: Iterator[Walked], answer: AskedAnswer) -> list[Walked]:
    kept = []
    for each in walked:
        kept.append(each)
        if answer.tell is not None:
            answer.tell(f"walked {each.feeder}")
    return kept


def _installed(names: tuple[str, ...]) -> tuple[tuple[str, ...], str | None]:
    """The feeders whose packages are installed, and a sentence about those that are left out."""
    from importlib.util import find_spec

    there = tuple(name for name in names if not name.startswith("simbench:") or find_spec("simbench") is not None)
    missing = [name for name in names if name not in there]
    return there, f"left out: {', '.join(missing)}, which needs the extra simbench." if missing else None


def _document(options: WalkOptions, walked: list[FeederWalk], rows: list[dict[str, object]]) -> dict[str, object]:
    return {**options._asdict(), "off_pu": {each.feeder: each.off_pu for each in walked}, "rows": rows}


def _part(part: int, whole: int) -> str:
    return f"{part} ({100 * part / whole:.0f} %)" if whole else "-"


def _farthest(row: LimitErrors) -> str:
    if row.beyond == 0.0:
        return "-"
    return f"{100 * row.beyond:.1f} % of rating" if row.limit == "loading" else f"{row.beyond:.4f} p.u."


def _show(options: WalkOptions, rows: list[LimitErrors]) -> None:
    head = ("feeder", "limit", "trades", "accepted", "infeasible", "refused", "feasible", "admits", "farthest outside")
    cells = [
        (
            row.feeder,
            row.limit,
            str(row.trades),
            str(row.accepted),
            _part(row.accepted_infeasible, row.accepted),
            str(row.refused),
            _part(row.refused_feasible, row.refused),
            "-" if row.median_ratio is None else f"{100 * (row.median_ratio - 1):+.1f} %",
            _farthest(row),
        )
        for row in rows
    ]
    table(head, cells, title=_title(options, "ac", "ac"), right=range(2, len(head)))


def _title(options: WalkOptions, judge: str, leaves: str) -> str:
    low, high = options.band_pu
    return (
        f"{options.gate} against {judge}, band {low:g} to {high:g} p.u., quantities within {100 * options.spread:g} % of what "
        f"{leaves} leaves, seed {options.seed}"
    )


def _show_exactness(options: WalkOptions, rows: list[Exactness]) -> None:
    from marketsim.analysis.comparators.exactness import NEAR_WH

    head = (
        *("feeder", "trades", "broken", "farthest outside", "in part", "guard: next Wh", "most Wh"),
        *(f"limit: within {NEAR_WH} Wh", "most Wh", "most room"),
    )
    cells = [
        (
            *(row.feeder, str(row.trades), str(row.broken), "-" if row.broken == 0 else f"{row.farthest:.1e}"),
            *(str(row.in_part), str(row.guard_next), _or_none(row.guard_most_wh)),
            *(str(row.limit_near), _or_none(row.limit_most_wh), "-" if row.room is None else f"{row.room:.1e}"),
        )
        for row in rows
    ]
    table(head, cells, title=_title(options, "an independent power flow", "it"), right=range(1, len(head)))
    say()
    say(
        "broken: of what the gate admits, what breaks a limit of the slot, and how far at most (p.u. of voltage, share of a "
        "rating). in part: refused from some Wh on. guard: in how many of these the next Wh breaks a limit less the guard, and "
        "how many Wh that is at most. limit: the same of the limit itself. most room: what is left to the limit at most."
    )


def _or_none(wh: int | None) -> str:
    return "-" if wh is None else str(wh)


def _remarks(walked: list[FeederWalk]) -> None:
    say()
    off = [f"{each.feeder} {each.off_pu:.1e}" for each in walked if each.off_pu is not None]
    if off:
        say(f"voltages differ from AC by up to [p.u.]: {', '.join(off)}.")
    say(
        "infeasible: of what the gate accepts, in whole, what breaks a limit by AC. feasible: of what it refuses, what AC "
        "takes in whole. admits: the most that it would admit beyond what AC leaves, in the median."
    )
