"""Compares the tables of another commit with those of the working tree: ``python tests/compare_with.py COMMIT [WORD ...]``.

The other commit is checked out beside this one for the time being. Both run the same short scenarios, each in a process of
its own, with every gate, engine, kind of charges, allocation and reactive mode; every table has to have the same
bytes (those of a training and of an evaluation but for times). Of the other files it is said where their content differs
beyond times, versions, places and hashes of plugins. ``WORD``: only cases with it in their name. Exits 1 where a table
differs, and names it.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
DAY: Final = {"clock.slots": 24, "clock.slot_minutes": 60}
STRESS: Final = "scenarios/stress141.yaml"
MIXED: Final = "scenarios/mixed_assets.yaml"
GATES: Final = ("ac", "sensitivity", "lindistflow", "observe", "none", "doe_equal", "doe_maximal", "market_first")
ENGINES: Final = (
    "double_auction",
    "call_auction",
    "huang",
    "mid_market_rate",
    "supply_demand_ratio",
    "pro_rata",
    "central_optimum",
)
REACTIVE: Final = ("unity", {"fixed_pf": {"power_factor": 0.95}}, {"fixed_q": {"q_share": -0.3}}, "volt_var")
CHARGES: Final = ("none", "flat", {"nodal": {"largest_per_kwh": 0.03}}, "distance")
FLEETING: Final = ("began", "ended", "started", "finished", "versions", "kernels", "platform", "plugins")
"""Keys of what differs from run to run."""
RINGS: Final[dict[str, Any]] = {
    "name": "rings",
    "clock": {"start": "2016-07-12", "slots": 6, "slot_minutes": 240},
    "grid": {"feeder": "file:cigre_rings.json", "voltage_band_pu": [0.95, 1.05], "source_pu": 1.0, "load_scale": 0.5},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
    "profiles": {"source": "simbench_2016", "demand_scale": 0.5, "pv_scale": 3.0},
    "agents": [
        {
            "kind": "prosumer",
            "count": 3,
            "buses": {"sample": "loads"},
            "load": {"peak_kw": "feeder", "power_factor": 0.95},
            "pv_kw": 2000,
            "battery": {"energy_kwh": 1000, "power_kw": 1000},
        },
        {
            "kind": "consumer",
            "count": 8,
            "buses": {"sample": "loads"},
            "load": {"peak_kw": "feeder", "power_factor": "feeder"},
        },
    ],
    "output": {"voltages": True},
}
"""CIGRE's medium-voltage benchmark with its rings closed."""


def cases() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(name, scenario, overrides); a scenario called ``rings`` is the meshed one."""
    shipped = sorted((ROOT / "scenarios").glob("*.yaml"))
    for path in (*shipped, ROOT / "plugins/heat_pump_shift/scenario.yaml"):
        yield f"scenario {path.stem}", str(path.relative_to(ROOT)), DAY
    for gate in GATES:
        for scenario in (STRESS, MIXED):
            yield f"gate {gate} of {Path(scenario).stem}", scenario, {**DAY, "grid.gate": gate}
        yield f"gate {gate} of rings", "rings", {"grid.gate": gate}
    for engine in ENGINES:
        yield f"engine {engine}", STRESS, {**DAY, "market.engine": engine}
    yield "engine with rounds", STRESS, {**DAY, "market.engine": {"double_auction": {"rounds": 3}}}
    for charges in CHARGES:
        yield f"charges {_name(charges)}", STRESS, {**DAY, "market.charges": charges}
    for allocation in ("arrival", "proportional", "merit"):
        yield f"allocation {allocation}", STRESS, {**DAY, "grid.allocation": allocation, "grid.untraded": "exported"}
    for mode in REACTIVE:
        agents = {"agents.0.inverter_kva": 700}
        yield f"reactive {_name(mode)}", STRESS, {**DAY, **agents, "grid.reactive": mode}
    for name, changes in {
        "closure": {"market.gate_closure_slots": 2},
        "retries": {"grid.retry_passes": 0},
        "background": {"grid.background": True, "grid.load_scale": 0.2, "grid.gate": "doe_equal"},
        "taps": {"grid.tap_changer": {"target_pu": 1.0, "dead_band_pu": 0.02}},
        "two seeds": {"seed": 7},
        "zip": {"agents.0.strategy": "zip", "agents.1.strategy": "zip"},
        "tariff": {
            "tariff": {
                "time_of_use": {
                    "windows": [
                        {"from_hour": 0, "to_hour": 17, "retail": 0.2},
                        {"from_hour": 17, "to_hour": 24, "retail": 0.4},
                    ]
                }
            }
        },
    }.items():
        yield f"setting {name}", STRESS, {**DAY, **changes}
    for policy in ({"lp": {}}, {"trade": {}}, {"idle": {}}, {"self_consumption": {}}):
        strategy = {"truthful": {"storage": policy}}
        yield f"storage {_name(policy)}", MIXED, {**DAY, **{f"agents.{at}.strategy": strategy for at in range(4)}}
    yield "strategy on arrival", MIXED, {**DAY, "agents.0.strategy": {"truthful": {"deferrable": "on_arrival"}}}
    yield (
        "training",
        "scenarios/pilot.yaml",
        {
            **DAY,
            "learning.learner": {"ppo": {"markets": 2, "episodes": 4}},
        },
    )
    yield (
        "training with stores",
        MIXED,
        {
            **DAY,
            "learning.learner": {"ppo": {"markets": 2, "episodes": 4}},
        },
    )


def commands() -> Iterator[tuple[str, list[str]]]:
    """(name, command) of what is more than a run; ``--out`` is a folder, or a table where it gives an answer."""
    hours = ["--set", "clock.slots=24", "--set", "clock.slot_minutes=60"]
    yield (
        "study",
        [
            *("whatif", STRESS, *hours, "--vary", "profiles.pv_scale=0.5:1.5:3", "--vary", "grid.gate=ac,observe"),
            *("--seeds", "2", "--tables", "--workers", "1"),
        ],
    )
    yield "answer: comparison of gates", ["compare-gates", STRESS, *hours]
    yield "answer: errors of a gate", ["gate-errors", "feeder141", "--trades", "200"]
    learner = ["--set", "learning.learner={ppo: {markets: 2, episodes: 4}}"]
    few = ["--seeds", "2", "--weeks", "1", "--workers", "1", "--arm", "rule,none,truthful"]
    yield "evaluation", ["evaluate", "scenarios/pilot.yaml", *hours, *learner, *few]
    yield (
        "answer: hosting capacity",
        ["hosting-capacity", STRESS, *hours, "--placements", "3", "--days", "1", "--no-buses"],
    )


def _name(choice: Any) -> str:
    return choice if isinstance(choice, str) else next(iter(choice))


def outputs(words: list[str], place: Path) -> dict[str, dict[str, str]]:
    """Digests of what this source tree makes of every case; in the tree's own process."""
    import pandapower

    import marketsim as ms

    net = ms.feeder("pandapower:create_cigre_network_mv")
    net.switch["closed"] = True
    pandapower.to_json(net, place / "cigre_rings.json")
    (place / "rings.yaml").write_text(json.dumps(RINGS))
    found = {}
    for name, scenario, changes in cases():
        if not words or any(word in name for word in words):
            found[name] = _digests(name, scenario, changes, place)
            sys.stderr.write(f"{name}: {len(found[name])} files\n")
    for name, command in commands():
        if not words or any(word in name for word in words):
            found[name] = _digests_of_command(name, command, place)
            sys.stderr.write(f"{name}: {len(found[name])} files\n")
    return found


def _digests_of_command(name: str, command: list[str], place: Path) -> dict[str, str]:
    folder = place / name.replace(" ", "_").replace(":", "")
    if name.startswith("answer"):
        folder.mkdir()
        told = ["--out", str(folder / "answer.csv")]
    else:
        told = ["--quiet", "--out", str(folder)]
    whole = [sys.executable, "-m", "marketsim", *command, *told]
    ended = subprocess.run(whole, capture_output=True, text=True)
    if ended.returncode:
        return {"refused": ended.stderr}
    return _digests_in(folder, place)


def _digests(name: str, scenario: str, changes: dict[str, Any], place: Path) -> dict[str, str]:
    import marketsim as ms
    from marketsim.core.errors import MarketsimError

    folder = place / name.replace(" ", "_")
    try:
        ready = ms.load_scenario(place / "rings.yaml" if scenario == "rings" else scenario, changes)
        if name.startswith("training"):
            from marketsim.app.training import train_scenario

            train_scenario(ready, folder)
        else:
            ms.simulate(ready, folder)
    except MarketsimError as error:
        return {"refused": str(error)}
    return _digests_in(folder, place)


def _digests_in(folder: Path, place: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    return {str(path.relative_to(folder)): _digest(path, place) for path in files}


def _digest(path: Path, place: Path) -> str:
    """Of a file's bytes; without times, versions and the temporary folder."""
    content = path.read_bytes()
    if path.suffix in (".pt", ".png", ".svg"):
        return "not compared"
    if path.suffix == ".csv":
        rows = list(csv.DictReader(path.read_text().splitlines()))
        content = json.dumps(
            [{k: v for k, v in row.items() if not k.endswith(("_s", "seconds"))} for row in rows]
        ).encode()
    if path.suffix == ".jsonl":
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        content = json.dumps([{k: v for k, v in line.items() if not k.endswith("_s")} for line in lines]).encode()
    if path.name == "scenario.yaml":
        content = b"\n".join(line for line in content.splitlines() if not line.startswith((b"folder:", b"- ../")))
    if path.suffix == ".json":
        kept = _timeless(json.loads(content))
        content = json.dumps(kept).encode()
    return hashlib.sha256(content.replace(str(place).encode(), b"")).hexdigest()


def _timeless(value: Any) -> Any:
    """Without times, versions, platform and hashes of plugins, at any depth."""
    if isinstance(value, list):
        return [_timeless(each) for each in value]
    if not isinstance(value, dict):
        return value
    kept = {key: each for key, each in value.items() if key not in FLEETING and not key.endswith(("_at", "_s"))}
    return {key: _timeless(each) for key, each in kept.items()}


def _in_tree(tree: Path, words: list[str]) -> dict[str, dict[str, str]]:
    """``outputs`` by the sources of a tree, with this script."""
    with tempfile.TemporaryDirectory() as place:
        result = Path(place) / "digests.json"
        command = [sys.executable, str(Path(__file__).resolve()), "--outputs", str(result), "-", *words]
        environment = {**os.environ, "PYTHONPATH": str(tree)}
        subprocess.run(command, check=True, cwd=tree, env=environment)
        found: dict[str, dict[str, str]] = json.loads(result.read_text())
        return found


def _of_commit(commit: str, words: list[str]) -> dict[str, dict[str, str]]:
    with tempfile.TemporaryDirectory() as place:
        tree = Path(place) / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--detach", str(tree), commit], check=True, capture_output=True)
        try:
            return _in_tree(tree, words)
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True, capture_output=True)


def main() -> int:
    """Print what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit", help="the commit to compare with, or a file of digests kept by --keep")
    parser.add_argument("words", nargs="*", help="only cases with one of them in their name")
    parser.add_argument("--keep", metavar="FILE", help="only write the digests of the commit")
    parser.add_argument("--outputs", metavar="FILE", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.outputs:
        place = Path(given.outputs).parent
        Path(given.outputs).write_text(json.dumps(outputs(given.words, place)))
        return 0
    kept = Path(given.commit)
    before = json.loads(kept.read_text()) if kept.is_file() else _of_commit(given.commit, given.words)
    if given.keep:
        Path(given.keep).write_text(json.dumps(before, indent=1))
        return 0
    after = _in_tree(ROOT, given.words)
    before = {name: files for name, files in before.items() if name in after or not given.words}
    return _told(before, after)


def _told(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> int:
    """Print what differs; 1 where a table does."""
    tables, cases_off, beside = 0, 0, 0
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, {}), after.get(name, {})
        tables += sum(_is_table(file) for file in new)
        files = sorted(file for file in old.keys() | new.keys() if old.get(file) != new.get(file))
        off = [file for file in files if _is_table(file)]
        cases_off += bool(off)
        beside += len(files) - len(off)
        for kind, some in (("tables", off), ("other files", [file for file in files if file not in off])):
            seen = [f"{file} ({old.get(file, 'none')[:60]} -> {new.get(file, 'none')[:60]})" for file in some]
            if seen:
                sys.stdout.write(f"{name}: {kind}: {', '.join(seen)}\n")
    sys.stdout.write(
        f"{len(after)} cases with {tables} tables, tables of {cases_off} cases differ; other files: {beside}\n"
    )
    return 1 if cases_off else 0


def _is_table(file: str) -> bool:
    return file == "refused" or file.endswith((".parquet", ".csv"))


if __name__ == "__main__":
    sys.exit(main())
