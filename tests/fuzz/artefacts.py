"""The files that are mutated, as the program writes them: ``python artefacts.py FOLDER``."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

AGENTS: list[dict[str, Any]] = [
    {"name": "sun", "kind": "prosumer", "bus": 48, "pv_kw": 40, "load": {"annual_kwh": 4000}},
    {"name": "roof", "kind": "prosumer", "bus": 78, "pv_kw": 8, "load": {"annual_kwh": 3000}},
    {"name": "shop", "kind": "consumer", "bus": 59, "load": {"annual_kwh": 60000}},
]
SCENARIO: dict[str, Any] = {
    "name": "base",
    "seed": 3,
    "clock": {"start": "2016-06-12", "slots": 8, "slot_minutes": 180},
    "grid": {"feeder": "feeder141"},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08, "wholesale": 0.06}},
    "profiles": {"source": "simbench_2016"},
    "agents": [
        {**AGENTS[0], "battery": {"energy_kwh": 10, "power_kw": 4}, "strategy": {"zero_intelligence": {}}},
        {**AGENTS[1], "strategy": {"truthful": {}}},
        {**AGENTS[2], "ev": {"power_kw": 7}, "strategy": {"truthful": {}}},
    ],
    "critic": {"kind": "rule"},
    "output": {"voltages": True, "book": True},
}
MILL = (
    "A mill with a load of 70 kW at most, and PV of 90 kW.\nThe battery has 60 kWh and 30 kW, its efficiency is 95 %, between 20 % and "
    "90 %.\nA diesel generator of 40 kW ramps by 20 kW/h and costs 0.2 EUR/kWh.\n10 % of the load may be shed at 40 ct/kWh.\n"
    "wish: never export more than 10 kW after 18:00\n"
)
PILOT = {
    **{key: value for key, value in SCENARIO.items() if key not in ("grid", "output")},
    "name": "small",
    "clock": {"start": "2016-06-06", "slots": 24, "slot_minutes": 60},
    "agents": [{key: value for key, value in agent.items() if key != "bus"} for agent in AGENTS],
    "learning": {"learner": {"ppo": {"markets": 2, "episodes": 8, "hidden": [4], "checkpoint_every": 1}}},
}


def make(folder: Path) -> None:
    """Write one of each kind of file below ``folder``."""
    import marketsim as ms

    written(folder / "scenario" / "s.yaml", SCENARIO)
    (folder / "described").mkdir(exist_ok=True)
    (folder / "described" / "mill.txt").write_text(MILL, encoding="utf-8")
    written(folder / "extends" / "s.yaml", {"extends": "base.yaml", "seed": 4})
    written(folder / "extends" / "base.yaml", SCENARIO)
    own_data(folder)
    sessions_and_forecasts(folder / "given")
    ms.simulate(SCENARIO, folder / "run")
    (folder / "replay").mkdir(exist_ok=True)
    (folder / "replay" / "critic.jsonl").write_bytes((folder / "run" / "critic.jsonl").read_bytes())
    written(folder / "replay" / "s.yaml", {**SCENARIO, "critic": {"kind": "replay", "file": "critic.jsonl"}})
    model_log(folder / "samples" / "critic.jsonl")
    interrupted_run(folder / "interrupted")
    ms.whatif(
        {**PILOT, "clock": SCENARIO["clock"]}, {"profiles.pv_scale": [1, 2]}, seeds=2, workers=1, out=folder / "study"
    )
    net(folder / "net")
    learned(folder)
    plans(folder / "plans" / "plans.csv")


def written(path: Path, content: Any) -> None:
    """A scenario as a file; JSON is YAML."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def own_data(folder: Path) -> None:
    """A scenario with series and prices of its own, as CSV and as Parquet."""
    import pandas as pd

    columns = ["time", *(f"{agent['name']}_load_kw" for agent in AGENTS), "sun_pv_kw", "roof_pv_kw"]
    rows = [
        [
            f"2016-06-{12 + hour // 24}T{hour % 24:02d}:00:00",
            *(round(0.3 + 0.01 * (hour * hour * k % 13), 3) for k in range(1, 6)),
        ]
        for hour in range(48)
    ]
    for kind in ("csv", "parquet"):
        place = folder / f"series_{kind}"
        own = {key: value for key, value in SCENARIO.items() if key not in ("grid",)}
        agents = [{key: value for key, value in agent.items() if key not in ("load", "bus")} for agent in AGENTS]
        own |= {"profiles": {"source": "file", "path": f"series.{kind}"}, "agents": agents, "output": {}}
        own["tariff"] = {"series": {"file": "prices.csv", "value_minutes": 60}} if kind == "csv" else own["tariff"]
        written(place / "s.yaml", own)
        if kind == "parquet":
            pd.DataFrame(rows, columns=columns).to_parquet(place / "series.parquet", index=False)
            continue
        table_file(place / "series.csv", [columns, *rows])
        prices = [[row[0], 0.3, 0.08, 0.05] for row in rows]
        table_file(place / "prices.csv", [["time", "retail", "feed_in", "wholesale"], *prices])


def sessions_and_forecasts(folder: Path) -> None:
    """A scenario with charging sessions, forecasts and the report of an import."""
    own = {key: value for key, value in SCENARIO.items() if key not in ("grid", "output")}
    agents = [{key: value for key, value in agent.items() if key != "bus"} for agent in SCENARIO["agents"]]
    agents[2]["ev"] = {"power_kw": 7, "file": "sessions.csv"}
    profiles = {"source": "synthetic", "forecast": {"file": {"path": "forecasts.csv"}}}
    written(folder / "s.yaml", {**own, "agents": agents, "profiles": profiles, "origin": "import.json"})
    stays = [["shop", f"2016-06-12T{hour:02d}:00", f"2016-06-12T{hour + 4:02d}:30", 5.5] for hour in (1, 9, 18)]
    table_file(folder / "sessions.csv", [["vehicle", "arrival", "departure", "energy_kwh"], *stays])
    rows = [
        [f"2016-06-12T{issued:02d}:00", f"2016-06-12T{hour:02d}:00", 0.5, 1.25]
        for issued in (0, 6)
        for hour in range(issued, 24, 3)
    ]
    table_file(folder / "forecasts.csv", [["issued", "time", "shop_load_kw", "sun_pv_kw"], *rows])
    total = {
        "what": "load",
        "source": "a.csv",
        "source_sum": 1.5,
        "written": "b.csv",
        "written_sum": 1.5,
        "unit": "kWh",
    }
    report = {"importer": "own", "version": "1", "source": "a", "files": {"a.csv": "0"}, "options": {"days": 7}}
    sentences = {"taken": ["one"], "assumed": [], "left_out": ["two"]}
    written(folder / "import.json", {**report, **sentences, "sums": [total]})


def table_file(path: Path, rows: list[list[Any]]) -> None:
    """A CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def interrupted_run(folder: Path) -> None:
    """A run that ended in its midst: its tables are streams."""
    import marketsim as ms

    def stop(done: int, _: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    try:
        ms.simulate(SCENARIO, folder, progress=stop)
    except KeyboardInterrupt:
        return
    raise AssertionError("the run did not stop")


def model_log(path: Path) -> None:
    """A log of answers of a model."""
    from marketsim.fairness.critic import Critique
    from marketsim.fairness.surrogate_features import NAMES

    path.parent.mkdir(parents=True, exist_ok=True)
    scores = (0.5, 0.6, 0.7)
    rows = [
        Critique(
            slot, 0, "f" * 16, *scores, "ollama", 0.5, None, "a" * 16, "formulas", "m", "d" * 64, "0.9", 1, scores, scores,
            (0.0, 0.0, 0.0), features=tuple(0.01 * slot + 0.001 * k for k in range(len(NAMES))),
        )
        for slot in range(8)
    ]  # fmt: skip
    path.write_text("".join(row.to_json() + "\n" for row in rows), encoding="utf-8")


def net(folder: Path) -> None:
    """A small net as pandapower writes it, and a scenario on it."""
    import pandapower
    import pandapower.networks

    folder.mkdir(parents=True, exist_ok=True)
    pandapower.to_json(pandapower.networks.panda_four_load_branch(), str(folder / "net.json"))
    agents = [{key: value for key, value in agent.items() if key != "bus"} for agent in AGENTS]
    placed = [{**agent, "bus": bus} for agent, bus in zip(agents, ("bus3", "bus4", "bus5"), strict=True)]
    written(folder / "s.yaml", {**SCENARIO, "grid": {"feeder": "file:net.json"}, "agents": placed, "output": {}})


def plans(path: Path) -> None:
    """Set-points of two agents on two days of four slots."""
    import numpy as np

    from marketsim.app.plan_file import plan_text
    from marketsim.core.setpoints import Setpoints

    path.parent.mkdir(parents=True, exist_ok=True)
    kw = np.arange(8.0).reshape(4, 2)
    path.write_text(plan_text(("a", "b"), dict.fromkeys((0, 3), Setpoints(kw, -kw, kw, kw, -kw))), encoding="utf-8")


def learned(folder: Path) -> None:
    """A training, its checkpoint beside a scenario that acts by it, a surrogate, and an answer of a model."""
    import numpy as np

    import marketsim as ms
    from marketsim.app.training import train_scenario
    from marketsim.core.language_model import Identity
    from marketsim.fairness.slot_question import slot_question
    from marketsim.fairness.surrogate_features import NAMES
    from marketsim.fairness.surrogate_file import Surrogate, SurrogateNetwork, write_surrogate
    from marketsim.llm.answer_cache import AnswerCache

    training = train_scenario(ms.load_scenario(PILOT), folder / "training")
    acting = [{**agent, "strategy": {"learned": {"checkpoint": "checkpoint.pt"}}} for agent in PILOT["agents"]]
    written(folder / "checkpoint" / "s.yaml", {**PILOT, "agents": acting})
    (folder / "checkpoint" / "checkpoint.pt").write_bytes(training.checkpoint.read_bytes())
    rng = np.random.default_rng(1)
    shapes = ((len(NAMES), 4), (4,), (4, 3), (3,), (3, 3), (3,))
    about = {
        "model": "m",
        "samples": 10,
        "held_out": 2,
        "held_out_error": [0.1] * 3,
        "mean_error": [0.2] * 3,
        "seed": 1,
    }
    network = SurrogateNetwork(*(rng.normal(size=shape) for shape in shapes))
    write_surrogate(folder / "surrogate" / "surrogate.npz", Surrogate(network, about))
    question = slot_question("formulas", "a slot", ("ftg", "fbs", "fpp"), (0.5,) * len(NAMES))
    AnswerCache(folder / "answers").put(
        "ab" * 20, question, (0.5, 0.6, 0.7), Identity("m", "d" * 64, "1", thinks=False)
    )


if __name__ == "__main__":
    make(Path(sys.argv[1]))
