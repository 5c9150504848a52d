"""``marketsim gate-errors``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from marketsim.cli.answers import AskedAnswer, answer_options
from marketsim.cli.saying import say
from marketsim.cli.tables import table

if TYPE_CHECKING:
    from marketsim.analysis.comparators.decisions import FeederWalk, LimitErrors, WalkOptions


@click.command("gate-errors")
@click.argument("feeders", nargs=-1, metavar="[FEEDER]...")
@click.option("--gate", default="lindistflow", show_default=True, metavar="NAME", help="lindistflow or sensitivity.")
@click.option("--trades", default=1000, show_default=True, metavar="N", help="Trades at a limit on each feeder.")
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
    help="Quantities lie within so much of what AC leaves.",
)
@click.option("--seed", default=1, show_default=True, metavar="N", help="Seed of what is drawn.")
@answer_options("feeder and limit")
def gate_errors(
    feeders: tuple[str, ...],
    gate: str,
    trades: int,
    band: tuple[float, float],
    spread: float,
    seed: int,
    answer: AskedAnswer,
) -> None:
    """Count what a gate that approximates accepts and refuses wrongly near limits, by the direction of the limit.

    On each FEEDER (feeder141, pandapower:<network>, simbench:<code> or file:<net.json>; four of them if none is named) trades
    are drawn whose quantities lie around what AC leaves. Each is asked of the gate and of AC, in the same state.
    """
    from marketsim.analysis.comparators.decisions import FEEDERS, WalkOptions, counted, walks

    names, left_out = (feeders, None) if feeders else _installed(FEEDERS)
    options = WalkOptions(gate, trades, band, spread / 100.0, seed)
    tell = answer.tell
    walked = []
    for each in walks(names, options):
        walked.append(each)
        if tell is not None:
            tell(f"walked {each.feeder}")
    rows = counted(walked)
    plain = [row._asdict() for row in rows]
    if answer.give(_document(options, walked, plain), plain):
        return
    _show(options, rows)
    _remarks(walked)
    if left_out is not None:
        say(left_out)


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
    low, high = options.band_pu
    title = (
        f"{options.gate} against ac, band {low:g} to {high:g} p.u., quantities within {100 * options.spread:g} % of what "
        f"ac leaves, seed {options.seed}"
    )
    table(head, cells, title=title, right=range(2, len(head)))


def _remarks(walked: list[FeederWalk]) -> None:
    say()
    off = [f"{each.feeder} {each.off_pu:.1e}" for each in walked if each.off_pu is not None]
    if off:
        say(f"voltages differ from AC by up to [p.u.]: {', '.join(off)}.")
    say(
        "infeasible: of what the gate accepts, in whole, what breaks a limit by AC. feasible: of what it refuses, what AC "
        "takes in whole. admits: the most that it would admit beyond what AC leaves, in the median."
    )
