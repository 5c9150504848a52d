"""The experiments of docs/levelling-down.md and docs/fairmarket.md: runs ``marketsim evaluate``, puts its tables into the pages.

    python tests/docs/experiments.py                  # everything that is not there yet: about an hour and a half on two cores
    python tests/docs/experiments.py levelling-down   # what docs/levelling-down.md shows: about an hour
    python tests/docs/experiments.py --pages          # no run: the pages from what is there

Evaluations lie in ``runs/experiments`` and go on where they were stopped. Between ``<!-- NAME -->`` and ``<!-- /NAME -->`` of a
page stand the command of the evaluation of that name and its tables; the words around them are written by hand.
"""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
DOCS, RUNS = ROOT / "docs", Path("runs/experiments")
PILOT, COMMUNITY, MIXED = (f"scenarios/{name}.yaml" for name in ("pilot", "community", "mixed_assets"))
CORE: Final = "truthful,none,none_tranches,rule,rule_tranches"
CONSTANTS: Final = ",".join(
    f"share_{share}{kind}" for kind in ("", "_tranches") for share in ("1.0", "0.9", "0.8", "0.7", "0.6", "0.5")
)


class Experiment(NamedTuple):
    """An evaluation and the page that shows it."""

    page: str
    arguments: tuple[str, ...]


EXPERIMENTS: Final = {
    "pilot": Experiment("levelling-down", (PILOT, "--seeds", "20", "--exploit", "roof-farm")),
    "pilot-5-times": Experiment(
        "levelling-down", (PILOT, "--seeds", "2", "--arm", f"{CORE},{CONSTANTS},older", "--longer", "5")
    ),
    "pilot-12-times": Experiment(
        "levelling-down", (PILOT, "--seeds", "2", "--arm", f"{CORE},{CONSTANTS},older", "--longer", "12")
    ),
    "community": Experiment("fairmarket", (COMMUNITY, "--seeds", "10", "--arm", f"{CORE},{CONSTANTS}")),
    "mixed-assets": Experiment("fairmarket", (MIXED, "--seeds", "3", "--arm", CORE)),
    **{
        f"pilot-{name}-{value}": Experiment(
            "fairmarket", (PILOT, "--seeds", "5", "--arm", CORE, "--set", f"profiles.{key}={value}")
        )
        for name, key, values in (("pv", "pv_scale", (0.5, 2)), ("demand", "demand_scale", (0.5, 1.5)))
        for value in values
    },
}
FIGURES: Final = {"plane.svg": "levelling-down.svg", "evaluation.svg": "fairmarket.svg"}
"""Figures of the evaluation ``pilot``, by their names in the docs."""


def command(name: str) -> str:
    """The command line of an evaluation, as a user types it."""
    return shlex.join(("marketsim", "evaluate", *EXPERIMENTS[name].arguments, "--out", str(RUNS / name)))


def run(name: str) -> None:
    """Run an evaluation, or go on with it."""
    there = ("--resume",) if (ROOT / RUNS / name).exists() else ()
    sys.stderr.write(f"{command(name)}\n")
    subprocess.run((sys.executable, "-m", *shlex.split(command(name)), *there), cwd=ROOT, check=True)


def fill(page: Path) -> bool:
    """Put the tables of the evaluations that are there into a page; whether one of them was."""
    text = page.read_text(encoding="utf-8")
    filled = False
    for name in EXPERIMENTS:
        tables = ROOT / RUNS / name / "evaluation.md"
        block = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- /{re.escape(name)} -->)", re.DOTALL)
        if tables.exists() and block.search(text):
            made = f"```sh\n{command(name)}\n```\n\n{tables.read_text(encoding='utf-8')}"
            text, filled = block.sub(lambda found, made=made: f"{found[1]}{made}{found[2]}", text), True
    page.write_text(text, encoding="utf-8")
    return filled


def main() -> None:
    """Run what is asked for, then fill the pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", nargs="?", choices=sorted({each.page for each in EXPERIMENTS.values()}))
    parser.add_argument("--pages", action="store_true", help="run nothing")
    asked = parser.parse_args()
    for name, each in EXPERIMENTS.items():
        if not asked.pages and asked.page in (None, each.page):
            run(name)
    for page in ("levelling-down", "fairmarket"):
        fill(DOCS / f"{page}.md")
    for made, shown in FIGURES.items():
        if (figure := ROOT / RUNS / "pilot" / made).exists():
            shutil.copyfile(figure, DOCS / shown)


if __name__ == "__main__":
    main()
