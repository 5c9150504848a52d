"""The experiments of docs/levelling-down.md, fairmarket.md, critics.md, equity.md and experts.md: ``marketsim evaluate``, and its tables.

    python tests/docs/experiments.py levelling-down   # what docs/levelling-down.md shows, validation days: a quarter of an hour
    python tests/docs/experiments.py fairmarket       # test days: about three hours on two cores
    python tests/docs/experiments.py critics          # test days: traders that a model's surrogate has judged
    python tests/docs/experiments.py experts          # test days: controls of the stressed feeder, two and a half hours of CPU time
    python tests/docs/experiments.py equity           # weights of members: five minutes of one core
    python tests/docs/experiments.py --pages          # no run: the pages from what is there

Evaluations lie in ``runs/experiments`` and go on where they were stopped. Between ``<!-- NAME -->`` and ``<!-- /NAME -->`` of a
page stand the command of the evaluation of that name and what it found; the words around them are written by hand.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

ROOT: Final = Path(__file__).resolve().parents[2]
DOCS, RUNS = ROOT / "docs", Path("runs/experiments")
PILOT, COMMUNITY, MIXED = (f"scenarios/{name}.yaml" for name in ("pilot", "community", "mixed_assets"))
CORE: Final = "truthful,none,none_tranches,rule,rule_tranches"
CONSTANTS: Final = ",".join(
    f"share_{share}{kind}" for kind in ("", "_tranches") for share in ("1.0", "0.9", "0.8", "0.7", "0.6", "0.5")
)
EXPLOIT: Final = ("--exploit", "roof-farm")
"""The largest seller of the pilot."""
MORE: Final = "truthful_tranches,pro_rata,rule_shared,placebo,withholding,older,older_slow,older_tranches"
SCORES: Final = "only_ftg,only_fbs,only_fpp,eta_0.25,eta_0.5,eta_2"
CONTROLS: Final = "controls.json"
STRESSED, LARGE = "scenarios/p2p141.yaml", "scenarios/p2p141_100.yaml"
UNTRAINED: Final = "idle_volt_var,rule,rule_volt_var,individual"
LEARNERS: Final = "cloning_volt_var,adjoint_imitation,adjoint_from_clone,adjoint_longer,sac_imitation,sac_imitation_attention,sac_imitation_differential,sac_from_clone,mappo_from_clone,sac,matd3,maddpg,mappo"
LONGER: Final = "rule_volt_var,cloning_volt_var,adjoint_imitation,sac_imitation,sac,matd3,maddpg,mappo"
"""Arms of ten thousand updates."""
HOURLY: Final = (
    *("--set", "clock.slots=24", "--set", "clock.slot_minutes=60"),
    *("--set", "expert={joint: {reactive: left}}"),
)
AT_SCALE: Final = {"20": (STRESSED, "sac_imitation_twofold"), "100": (LARGE, "sac_imitation_eightfold")}
"""Critics with twenty prosumers and with a hundred, and perceptrons with the steps for which differential attention's time is enough."""
CRITICS: Final = "rule_volt_var,cloning_volt_var,sac_imitation,sac_imitation_attention,sac_imitation_differential"
CONTROL_SHOWN: Final = (
    ("saving_share", "of the bound's saving %", 100.0, 1),
    ("violations", "bus-slots outside %", 100.0, 3),
    ("over", "above %", 100.0, 3),
    ("under", "below %", 100.0, 3),
    ("cost", "a day costs", 1.0, 0),
    ("curtailed_kwh", "curtailed kWh a day", 1.0, 0),
    ("missing_kwh", "missing kWh a day", 1.0, 0),
)
"""Measures of the table of controls: key, heading, factor, digits; the first two with their intervals."""
EFFORT: Final = (("train_cpu_s", "CPU s"), ("gradient_steps", "steps"), ("agent_steps", "decisions"))
FEWEST_SEEDS: Final = 10
"""Of a table of what learning anew gains, with intervals."""
SHOWN: Final = ("ftg", "fbs", "fbs_week", "fbs_deviation", "fpp", "ftb", "worst_off")
"""Measures of the table of arms."""


class Experiment(NamedTuple):
    """An evaluation and the page that shows it."""

    page: str
    arguments: tuple[str, ...]
    before: str = ""
    """A command that makes what it reads."""
    tables: str = ""
    """File of its folder whose Markdown stands in the page as it is; empty: the tables of an evaluation of the market."""


EXPERIMENTS: Final = {
    "pilot-validation": Experiment(
        "levelling-down",
        (
            *(
                PILOT,
                "--set",
                "profiles.weather_error=0",
                "--seeds",
                "3",
                "--part",
                "validation",
                *EXPLOIT,
            ),
            *("--arm", f"{CORE},{CONSTANTS},{MORE}"),
        ),
    ),
    "pilot": Experiment("fairmarket", (PILOT, "--seeds", "20", *EXPLOIT)),
    "pilot-others": Experiment(
        "fairmarket",
        (
            PILOT,
            "--seeds",
            "20",
            "--arm",
            f"none,rule_shared,placebo,withholding,{SCORES},older,older_slow,older_tranches",
            *EXPLOIT,
        ),
    ),
    "pilot-5-times": Experiment(
        "fairmarket", (PILOT, "--seeds", "2", "--arm", f"{CORE},{CONSTANTS},older", "--longer", "5", *EXPLOIT)
    ),
    "pilot-12-times": Experiment(
        "fairmarket", (PILOT, "--seeds", "2", "--arm", f"{CORE},{CONSTANTS},older", "--longer", "12", *EXPLOIT)
    ),
    "community": Experiment("fairmarket", (COMMUNITY, "--seeds", "10", "--arm", f"{CORE},{CONSTANTS}")),
    "mixed-assets": Experiment("fairmarket", (MIXED, "--seeds", "3", "--arm", CORE)),
    **{
        f"{name}-exploited": Experiment(
            "fairmarket", (scenario, "--seeds", "3", "--arm", "none,rule", "--exploit", "prosumer-1")
        )
        for name, scenario in (("community", COMMUNITY), ("mixed-assets", MIXED))
    },
    **{
        f"pilot-{name}-{value}": Experiment(
            "fairmarket", (PILOT, "--seeds", "5", "--arm", CORE, "--set", f"profiles.{key}={value}")
        )
        for name, key, values in (("pv", "pv_scale", (0.5, 2)), ("demand", "demand_scale", (0.5, 1.5)))
        for value in values
    },
    "controls": Experiment("experts", (STRESSED, "--seeds", "5", "--arm", f"{UNTRAINED},{LEARNERS}"), tables=CONTROLS),
    **{
        f"controls-{name}": Experiment(
            "experts",
            (
                *(scenario, *HOURLY, "--seeds", "2", "--part", "validation", "--episodes", "512"),
                *("--arm", f"{CRITICS},{longer}"),
            ),
            tables=CONTROLS,
        )
        for name, (scenario, longer) in AT_SCALE.items()
    },
    "controls-longer": Experiment(
        "experts", (STRESSED, "--seeds", "2", "--arm", LONGER, "--episodes", "1664"), tables=CONTROLS
    ),
    "pilot-model": Experiment(
        "critics",
        (
            *(PILOT, "--seeds", "5", "--arm", f"none,rule,critic,critic_placebo,{CONSTANTS}"),
            *(*EXPLOIT, "--set", f"critic={{kind: surrogate, file: ../{RUNS}/judge.npz}}"),
        ),
        f"marketsim critic train-surrogate tests/golden/critic/judged.jsonl --out {RUNS}/judge.npz --force",
    ),
    "shared-roof": Experiment("equity", ("scenarios/shared_roof.yaml",), tables="weights.md"),
}
FIGURES: Final = {
    "levelling-down.svg": RUNS / "pilot-validation/plane.svg",
    "experts-controls.svg": RUNS / "controls/controls.svg",
    "experts-curves.svg": RUNS / "controls/curves.svg",
}
"""Figures of the docs, and whence."""


def command(name: str) -> str:
    """The command line of an evaluation, as a user types it."""
    return shlex.join(("marketsim", "evaluate", *EXPERIMENTS[name].arguments, "--out", str(RUNS / name)))


def run(name: str) -> None:
    """Run an evaluation, or go on with it."""
    if (before := EXPERIMENTS[name].before) and not (ROOT / RUNS / name).exists():
        (ROOT / RUNS).mkdir(parents=True, exist_ok=True)
        sys.stderr.write(f"{before}\n")
        subprocess.run((sys.executable, "-m", *shlex.split(before)), cwd=ROOT, check=True)
    there = ("--resume",) if (ROOT / RUNS / name).exists() else ()
    sys.stderr.write(f"{command(name)}\n")
    subprocess.run((sys.executable, "-m", *shlex.split(command(name)), *there), cwd=ROOT, check=True)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Markdown, with an empty line after it."""
    head = tuple(head)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)) + "\n\n"


def shown(value: Mapping[str, float | None], *, signed: bool = False) -> str:
    """A mean with its interval; a dash where it is undefined."""
    mean, low, high = (value[key] for key in ("mean", "low", "high"))
    if mean is None or low is None or high is None:
        return "-"
    sign = "+" if signed else ""
    return f"{mean:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


def findings(name: str, told: Mapping[str, Any]) -> str:
    """The command of an evaluation, its arms, its aims and what single agents gain."""
    arms = [
        (
            f"`{arm}`",
            *(shown(own[measure]) for measure in SHOWN),
            shown(own["beyond_constants"], signed=True) if "beyond_constants" in own else "-",
        )
        for arm, own in told["arms"].items()
        if arm != "utility_only"
    ]
    reached = {True: "yes", False: "no", None: "cannot be said"}
    aims = [(f"`{aim['arm']}`", aim["text"], reached[aim["reached"]], aim["found"]) for aim in told["aims"]]
    days = f"{len(told['seeds'])} seeds, {told['weeks']} weeks each; means over seeds with 95 % intervals."
    typed = "\n".join(filter(None, (EXPERIMENTS[name].before, command(name))))
    return "".join(
        (
            f"```sh\n{typed}\n```\n\n{days}\n\n",
            table(("arm", *SHOWN, "FBS beyond constants"), arms),
            table(("arm", "aim", "reached", "found"), aims) if aims else "",
            exploited(told.get("exploits", [])),
        )
    )


def exploited(found: Sequence[Mapping[str, Any]]) -> str:
    """What learning anew gains against each arm, and by how much more than against ``none``: bootstrap over seeds, paired."""
    gains = {each["arm"]: 100 * np.array(each["by_seed"]) for each in found}
    if "none" not in gains or len(gains["none"]) < FEWEST_SEEDS:
        return ""
    drawn = np.random.default_rng(0).integers(0, len(gains["none"]), (10_000, len(gains["none"])))
    rows = []
    for arm, gain in gains.items():
        more = gain - gains["none"]
        low, high = np.percentile(more[drawn].mean(axis=1), (2.5, 97.5))
        more_shown = "-" if arm == "none" else f"{more.mean():+.1f} [{low:+.1f}, {high:+.1f}]"
        rows.append((f"`{arm}`", f"{gain.mean():+.2f} %", more_shown))
    return table(
        (f"arm whose traders `{found[0]['agent']}` learns to answer", "gains", "points more than against `none`"), rows
    )


def plain(value: float | None, factor: float, digits: int, *, signed: bool = False) -> str:
    """A number; a dash where it is undefined."""
    return "-" if value is None else f"{factor * value:{'+' if signed else ''},.{digits}f}"


def spanned(value: Mapping[str, float | None], factor: float, digits: int, *, signed: bool = False) -> str:
    """A mean with its interval."""
    mean, low, high = (plain(value[key], factor, digits, signed=signed) for key in ("mean", "low", "high"))
    return mean if mean == "-" else f"{mean} [{low}, {high}]"


def control_findings(name: str, told: Mapping[str, Any]) -> str:
    """The command of an evaluation of controls, its arms, and arms held against each other."""
    arms = [
        (
            f"`{arm}`",
            *(spanned(own[key], factor, digits) for key, _, factor, digits in CONTROL_SHOWN[:2]),
            *(plain(own[key]["mean"], factor, digits) for key, _, factor, digits in CONTROL_SHOWN[2:]),
            *(plain(own[key], 1.0, 0) for key, _ in EFFORT),
        )
        for arm, own in told["arms"].items()
    ]
    scales = {key: (factor, digits) for key, _, factor, digits in CONTROL_SHOWN}
    pairs = [
        (
            f"`{pair['arm']}`",
            f"`{pair['other']}`",
            pair["measure"],
            spanned(pair["difference"], *scales[pair["measure"]], signed=True),
            "-" if pair["p_holm"] is None else f"{pair['p_holm']:.3f}",
        )
        for pair in told["pairs"]
    ]
    heads = [heading for _, heading, *_ in CONTROL_SHOWN]
    count = len(told["seeds"])
    days = (
        f"{told['days']} {told['part']} days, {count} seed{'s' if count > 1 else ''}; means a day with 95 % intervals."
    )
    return "".join(
        (
            f"```sh\n{command(name)}\n```\n\n{days}\n\n",
            table(("arm", *heads, *(heading for _, heading in EFFORT)), arms),
            table(("arm", "less", "measure", "difference", "p (Holm)"), pairs) if pairs else "",
        )
    )


def shown_of(name: str, result: Path) -> str:
    """What a page shows of a result."""
    text = result.read_text(encoding="utf-8")
    if result.name == CONTROLS:
        return control_findings(name, json.loads(text))
    if EXPERIMENTS[name].tables:
        return f"```sh\n{command(name)}\n```\n\n{text}\n"
    return findings(name, json.loads(text))


def fill(page: Path) -> None:
    """Put what the evaluations that are there found into a page."""
    text = page.read_text(encoding="utf-8")
    for name, each in EXPERIMENTS.items():
        result = ROOT / RUNS / name / (each.tables or "evaluation.json")
        block = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- /{re.escape(name)} -->)", re.DOTALL)
        if result.exists() and block.search(text):
            made = shown_of(name, result)
            text = block.sub(lambda found, made=made: f"{found[1]}{made}{found[2]}", text)
    page.write_text(text, encoding="utf-8")


def main() -> None:
    """Run what is asked for, then fill the pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", nargs="?", choices=sorted({each.page for each in EXPERIMENTS.values()}))
    parser.add_argument("--pages", action="store_true", help="run nothing")
    asked = parser.parse_args()
    for name, each in EXPERIMENTS.items():
        if not asked.pages and asked.page in (None, each.page):
            run(name)
    for page in sorted({each.page for each in EXPERIMENTS.values()}):
        fill(DOCS / f"{page}.md")
    for name, figure in FIGURES.items():
        if (ROOT / figure).exists():
            shutil.copyfile(ROOT / figure, DOCS / name)


if __name__ == "__main__":
    main()
