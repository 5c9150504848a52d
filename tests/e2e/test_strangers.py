"""Run folders, nets and scenarios of a stranger: every command and every public function looks at them as data.

Each trick leads outside the stranger's own folder: to code that leaves a mark, to a file with a secret, to a file that
somebody needs. After each command the mark is not there, the secret is in nothing that was printed or written, and what lies
outside is as it was.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click
import pandas as pd
import pytest

import marketsim as ms
from marketsim.core.errors import MarketsimError

SECRET = "SECRET-OF-THE-HOUSE"
MARKER_CODE = "from pathlib import Path\nPath({mark!r}).write_text('ran')\n"
BASE: dict[str, Any] = {
    "name": "strange",
    "clock": {"start": "2016-07-12", "slots": 2, "slot_minutes": 60},
    "grid": {"feeder": "feeder141"},
    "tariff": {"flat": {"retail": 0.3, "feed_in": 0.08}},
    "profiles": {"source": "simbench_2016"},
    "agents": [
        {"name": "a", "kind": "prosumer", "bus": 48, "pv_kw": 9, "load": {"annual_kwh": 3000}},
        {"name": "b", "kind": "consumer", "bus": 59, "load": {"annual_kwh": 3000}},
    ],
    "learning": {"learner": {"ppo": {"markets": 2, "episodes": 2, "hidden": [4]}}},
}


class House(NamedTuple):
    """Where everything lies."""

    mine: Path
    """What lies outside of the stranger's folder."""
    theirs: Path
    mark: Path
    """Is there when a stranger's code has run."""

    @property
    def code(self) -> str:
        """Text of a module that leaves the mark."""
        return MARKER_CODE.format(mark=str(self.mark))


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    made = House(tmp_path / "mine", tmp_path / "theirs", tmp_path / "mark")
    for folder in (made.mine, made.theirs, tmp_path / "cwd"):
        folder.mkdir()
    (made.mine / "precious.txt").write_text("precious")
    (made.mine / "secret.csv").write_text(f"{SECRET},{SECRET}_load_kw\n{SECRET},1\n")
    (made.mine / "secret.json").write_text(json.dumps({SECRET: SECRET}))
    (made.mine / "secret.yaml").write_text(f"{SECRET}: {SECRET}\n")
    (made.mine / "plugin.py").write_text(made.code)
    monkeypatch.chdir(tmp_path / "cwd")
    (tmp_path / "cwd" / "trap.py").write_text(made.code)
    monkeypatch.syspath_prepend(str(tmp_path / "cwd"))  # as in a notebook
    return made


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, a study and a training as the program writes them."""
    pytest.importorskip("torch")
    from marketsim.app.training import train_scenario

    folder = tmp_path_factory.mktemp("made")
    ms.simulate(BASE, folder / "run")
    ms.whatif(BASE, {"profiles.pv_scale": [1, 2]}, workers=1, out=folder / "study", tables=True)
    train_scenario(ms.load_scenario(BASE), folder / "training")
    return folder


# Tricks: each changes copies of the folders in the stranger's house, or writes a scenario there.


def scenario(where: Path) -> None:
    where.mkdir(parents=True, exist_ok=True)
    (where / "scenario.yaml").write_text(json.dumps(BASE))


def changed_scenarios(house: House, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
    """The same change to every resolved scenario of every folder."""
    import yaml

    for path in house.theirs.rglob("scenario.yaml"):
        found = yaml.safe_load(path.read_text())
        path.write_text(json.dumps({**found, **change(found)}, default=str))


def plugin_beside(house: House) -> None:
    """A plugin in each folder, named by its scenario."""
    for path in house.theirs.rglob("scenario.yaml"):
        (path.parent / "plugin.py").write_text(house.code)
    changed_scenarios(house, lambda _: {"folder": ".", "plugins": ["plugin.py"]})


def plugin_outside(house: House) -> None:
    """A plugin of this machine, reached through the scenario's folder."""
    changed_scenarios(house, lambda _: {"folder": str(house.mine), "plugins": ["plugin.py"]})


def plugin_as_part(house: House) -> None:
    """A plugin whose strategy the agents name, so that the scenario is nothing without it."""
    for path in house.theirs.rglob("scenario.yaml"):
        (path.parent / "own.py").write_text(house.code)

    def change(found: dict[str, Any]) -> dict[str, Any]:
        agents = [{**agent, "strategy": {"stranger": {}}} for agent in found["agents"]]
        return {"folder": ".", "plugins": ["own.py"], "agents": agents}

    changed_scenarios(house, change)


def net_text(house: House, **tables: Any) -> str:
    import pandapower
    import pandapower.networks

    net = json.loads(pandapower.to_json(pandapower.networks.panda_four_load_branch()))
    net["_object"].update(tables)
    return json.dumps(net)


def with_net(house: House, text: str) -> None:
    for path in house.theirs.rglob("scenario.yaml"):
        (path.parent / "net.json").write_text(text)

    def change(found: dict[str, Any]) -> dict[str, Any]:
        agents = [{**agent, "bus": bus} for agent, bus in zip(found["agents"], ("bus3", "bus4"), strict=True)]
        return {"folder": ".", "grid": {"feeder": "file:net.json"}, "agents": agents}

    changed_scenarios(house, change)


def net_with_module(house: House) -> None:
    """A net that names a module of the current folder."""
    with_net(house, net_text(house, x={"_module": "trap", "_class": "Trap", "_object": "{}"}))


def net_with_hidden_module(house: House) -> None:
    """The same inside of text that only a lenient parser reads."""
    inner = '{"_module": "trap", "_class": "Trap", "_object": "{}", "x": 0010}'
    with_net(house, net_text(house, x=inner, y=[inner, "\t" + inner]))


def net_with_path(house: House) -> None:
    """A table that is a path."""
    path = str(house.mine / "secret.json")
    table = {"_module": "pandas.core.frame", "_class": "DataFrame", "_object": path, "orient": "split"}
    with_net(house, net_text(house, load=table))


def links_for_writing(house: House) -> None:
    """Names that are written next are links already."""
    for folder in {path.parent for path in house.theirs.rglob("manifest.json")}:
        for name in (
            "report.html",
            "report.html.partial",
            "manifest.json.partial",
            "summary.json.partial",
            "study.csv",
        ):
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(house.mine / "precious.txt")


def links_for_reading(house: House) -> None:
    """What is read is a link to a secret."""
    for folder in {path.parent for path in house.theirs.rglob("manifest.json")}:
        for name in ("critic.jsonl", "summary.json", "answer.json", "training.csv"):
            (folder / name).unlink(missing_ok=True)
            (folder / name).symlink_to(house.mine / "secret.json")


def linked_folders(house: House) -> None:
    """Folders inside of folders lead outside."""
    for folder in (house.theirs / name for name in ("run", "study", "training")):
        for name in ("runs", "figures", "arms", "tensorboard"):
            if (folder / name).exists():
                shutil.rmtree(folder / name)
            (folder / name).symlink_to(house.mine)


def folder_above(house: House) -> None:
    """``folder: ..`` and a series beyond it."""
    relative = {"source": "file", "path": "mine/secret.csv"}
    for path in house.theirs.rglob("scenario.yaml"):
        depth = len(path.parent.relative_to(house.theirs.parent).parts)
        import yaml

        found = yaml.safe_load(path.read_text())
        path.write_text(json.dumps({**found, "folder": "/".join([".."] * depth), "profiles": relative}, default=str))


def folder_of_all(house: House) -> None:
    """``folder: /`` and prices anywhere."""
    tariff = {"series": {"file": str(house.mine / "secret.csv")}}
    changed_scenarios(house, lambda _: {"folder": "/", "tariff": tariff})


def link_to_file(house: House) -> None:
    """A series that is a link."""
    for path in house.theirs.rglob("scenario.yaml"):
        (path.parent / "series.csv").symlink_to(house.mine / "secret.csv")
    changed_scenarios(house, lambda _: {"folder": ".", "profiles": {"source": "file", "path": "series.csv"}})


def base_outside(house: House) -> None:
    """A scenario laid over a file of this machine."""
    changed_scenarios(house, lambda _: {"extends": str(house.mine / "secret.yaml")})


def checkpoint_outside(house: House) -> None:
    """Policies, replayed scores and surrogates of this machine."""
    path = str(house.mine / "secret.json")

    def change(found: dict[str, Any]) -> dict[str, Any]:
        agents = [{**agent, "strategy": {"learned": {"checkpoint": path}}} for agent in found["agents"]]
        return {"folder": ".", "agents": agents, "critic": {"kind": "replay", "file": path}}

    changed_scenarios(house, change)


TRICKS = (
    *(plugin_beside, plugin_outside, plugin_as_part),
    *(net_with_module, net_with_hidden_module, net_with_path),
    *(links_for_writing, links_for_reading, linked_folders),
    *(folder_above, folder_of_all, link_to_file, base_outside, checkpoint_outside),
)
ASKED_FOR = (plugin_beside, plugin_as_part)
"""What a scenario of its own may do when it is run: execute the plugins beside it. In a folder of the program it may not."""

# Commands: what they are called with in the stranger's house. A command without a line here fails the test.


def arguments_of(theirs: Path, out: Path) -> dict[str, list[list[str | Path]]]:
    run, study, training = theirs / "run", theirs / "study", theirs / "training"
    scenario, plain = run / "scenario.yaml", theirs / "plain" / "scenario.yaml"
    learned = training / "scenario.yaml"
    return {
        "run": [
            ["run", scenario, "--out", out / "run"],
            ["run", scenario, "--out", run, "--force"],
            *([["run", plain, "--out", out / "plain"]] if plain.exists() else []),
        ],
        "validate": [["validate", scenario], ["validate", learned, "--json"], ["validate", plain]],
        "data check": [
            ["data", "check", theirs / "plain" / "net.json"],
            ["data", "check", run / "agents.parquet"],
            ["data", "check", run / "agents.parquet", "--scenario", scenario, "--json"],
        ],
        "train": [["train", learned, "--out", out / "training"], ["train", learned, "--out", training, "--resume"]],
        "evaluate": [
            ["evaluate", training, "--weeks", "1", "--seeds", "1", "--workers", "1", "--out", out / "evaluation"],
            [
                "evaluate",
                scenario,
                "--arm",
                "truthful",
                "--weeks",
                "1",
                "--seeds",
                "1",
                "--workers",
                "1",
                "--out",
                out / "e",
            ],
        ],
        "whatif": [
            ["whatif", scenario, "--vary", "profiles.pv_scale=1,2", "--workers", "1", "--out", out / "study"],
            ["whatif", "--resume", "--out", study, "--workers", "1"],
        ],
        "compare": [["compare", run, theirs / "run2"], ["compare", study], ["compare", run, run, "--json", "--all"]],
        "report": [["report", run], ["report", study], ["report", run, "--out", out / "r.html"], ["report", training]],
        "share": [
            ["share", run],
            ["share", run, "--rule", "{shapley: {exact_up_to: 0, orders: 2}}", "--json"],
            ["share", run, "--compare"],
            ["share", study],
        ],
        "explain": [["explain", run, "--agent", "a"], ["explain", run, "--agent", "b", "--json"]],
        "import": [
            ["import", "pandapower", run / "net.json", "--out", out / "imported"],
            ["import", "citylearn", run, "--out", out / "city"],
            ["import", "hamlet", run, "--out", out / "town"],
        ],
        "feeder": [["feeder", f"file:{run / 'net.json'}"], ["feeder", "feeder141", "--json"]],
        "schema": [["schema"]],
        "compare-gates": [["compare-gates", scenario, "--gates", "ac", "--out", out / "gates.json"]],
        "coordinate": [
            ["coordinate", plain, "--objective", "cost", "--out", out / "days.csv"],
            ["coordinate", scenario, "--days", "1", "--objective", "cost", "--json"],
        ],
        "gate-errors": [
            ["gate-errors", f"file:{run / 'net.json'}", "--trades", "2", "--out", out / "e.json"],
            ["gate-errors", f"file:{theirs / 'plain' / 'net.json'}", "--trades", "2"],
            ["gate-errors", f"file:{theirs / 'plain' / 'net.json'}", "--trades", "2", "--gate", "ac"],
        ],
        "hosting-capacity": [
            ["hosting-capacity", scenario, "--placements", "1", "--no-buses", "--days", "1", "--out", out / "h.json"]
        ],
        "baselines": [["baselines", scenario, "--out", out / "b.json"]],
        "contingency": [["contingency", scenario, "--out", out / "c.json"]],
        "reinforce": [["reinforce", scenario, "--most", "1", "--workers", "1", "--out", out / "u.json"]],
        "expert solve": [
            ["expert", "solve", scenario, "--plans", out / "p.csv", "--out", out / "x.json"],
            ["expert", "solve", scenario, "--set", "expert=rule", "--json"],
        ],
        "expert verify": [
            ["expert", "verify", scenario, theirs / "plain" / "net.json"],
            ["expert", "verify", scenario, run / "agents.parquet", "--json"],
        ],
        "plugins list": [["plugins", "list"]],
        "plugins show": [["plugins", "show", "truthful"]],
        "expert write": [
            ["expert", "write", theirs / "plain" / "scenario.yaml", "--yes", "--out", out / "expert"],
            ["expert", "write", run / "critic.jsonl", "--yes", "--json"],
        ],
        "expert benchmark": [["expert", "benchmark", "--first", "1", "--out", out / "readers.csv"]],
        "critic audit": [["critic", "audit", scenario]],
        "critic train-surrogate": [["critic", "train-surrogate", run, "--out", out / "s.npz"]],
        "doctor": [["doctor", "--host", "127.0.0.1:9"], ["doctor", scenario, "--host", "127.0.0.1:9"]],
        "bench": [["bench", "--help"]],
    }


def command_names(group: click.Group, context: click.Context, before: str = "") -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from command_names(command, context, f"{before}{name} ")
        else:
            yield before + name


def every_command() -> tuple[str, ...]:
    from marketsim.cli.main import cli

    return tuple(command_names(cli, click.Context(cli)))


def test_every_command_is_walked(tmp_path: Path) -> None:
    """The table of arguments holds every command of the tree, and nothing else."""
    assert sorted(arguments_of(tmp_path, tmp_path)) == sorted(every_command())


def stranger_folders(made: Path, house: House, trick: Callable[[House], None]) -> None:
    """A stranger's run, study and training, and a scenario that lies in none of them, after the trick."""
    for name in ("run", "study", "training"):
        shutil.copytree(made / name, house.theirs / name)
    shutil.copytree(made / "run", house.theirs / "run2")
    if trick not in ASKED_FOR:
        scenario(house.theirs / "plain")
    trick(house)


def state(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def demand_untouched(house: House, before: dict[str, bytes], said: str, *written: Path) -> None:
    assert not house.mark.exists(), f"a stranger's code ran: {said}"
    assert state(house.mine) == before, f"files outside were changed: {said}"
    assert SECRET not in said
    for place in written:
        for path in place.rglob("*"):
            if path.is_file() and not path.is_symlink():
                assert SECRET.encode() not in path.read_bytes(), f"{path} holds what was read outside"


@pytest.mark.parametrize("trick", TRICKS)
def test_commands_run_nothing_and_reach_nothing_outside(
    trick: Callable[[House], None], made: Path, house: House, cli: Callable, tmp_path: Path
) -> None:
    """Every command of the tree ends, and says what it left out or refused."""
    stranger_folders(made, house, trick)
    before = state(house.mine)
    out = tmp_path / "out"
    for commands in arguments_of(house.theirs, out).values():
        for words in commands:
            ended = cli(*words)
            said = f"{words}: {ended.out}{ended.err}"
            assert ended.code in (0, 1, 2), said
            assert "fault of marketsim" not in said
            assert "Traceback" not in said
            demand_untouched(house, before, said, out)


def public_calls(theirs: Path) -> dict[str, Callable[[], object]]:
    """What each public name that takes a file does with the stranger's."""
    scenario = theirs / "run" / "scenario.yaml"
    return {
        "load_scenario": lambda: ms.load_scenario(scenario),
        "simulate": lambda: ms.simulate(scenario),
        "open_run": lambda: use_run(theirs / "run"),
        "open_study": lambda: use_study(theirs / "study"),
        "check_data": lambda: ms.check_data(theirs / "run" / "agents.parquet", scenario)._repr_html_(),
        "import_scenario": lambda: ms.import_scenario("pandapower", theirs / "run" / "net.json", "imported"),
        "feeder": lambda: ms.feeder("file:net.json", theirs / "run"),
        "parallel_env": lambda: ms.parallel_env(theirs / "training" / "scenario.yaml").reset(),
        "whatif": lambda: ms.whatif(scenario, {"profiles.pv_scale": [1]}, workers=1),
        "coordinate": lambda: ms.coordinate(scenario, objectives=["cost"]),
        "weigh": lambda: ms.weigh(scenario, weights=["equal"], days=1, objective="cost"),
        "post_prices": lambda: ms.post_prices(scenario),
        "match": lambda: ms.match(
            pd.DataFrame({"agent": ["a", "b"], "side": ["buy", "sell"], "price": [0.3, 0.1], "energy_kwh": [1.0, 1.0]})
        ),
        "share": lambda: ms.share(ms.open_run(theirs / "run")),
        "explain": lambda: ms.explain(ms.open_run(theirs / "run"), "a"),
        "fairness_scores": lambda: ms.fairness_scores(
            {"agent": ["a"], "side": ["buy"], "available_kwh": [1.0], "traded_kwh": [0.0], "price": [None]},
            retail=0.3,
            feed_in=0.1,
        ),
    }


TYPES = {"AgentView", "Consumer", "Entry", "Order", "Params", "Prosumer", "ReadyScenario", "Run", "hookimpl"}
"""Public names that take no file."""
USED = {
    *("manifest", "summary", "scenario_text", "path", "status", "critiques", "n_slots", "slots", "agents", "trades"),
    *("rejects", "book", "voltages", "plot", "table", "has_table", "bill", "net", "grid_history", "frame", "to_csv"),
    *("worst_buses", "worst_branches"),
}
"""What a run has."""


def use_run(folder: Path) -> None:
    """Everything that a run has; each part by itself, for one may be refused and another not."""
    run = ms.open_run(folder)
    parts: list[Callable[[], object]] = [
        *(
            lambda name=name: getattr(run, name)
            for name in ("slots", "agents", "trades", "rejects", "book", "voltages")
        ),
        lambda: run.bill("a"),
        lambda: run.net(1),
        lambda: run.grid_history(range(2)),
        lambda: run.table("slots"),
        lambda: run.frame("agents", raw=True),
        lambda: run.to_csv("csv", force=True),
        run.worst_buses,
        run.worst_branches,
        run._repr_html_,
        lambda: run.plot.prices(),
        lambda: repr(run),
    ]
    said = []
    for part in parts:
        try:
            part()
        except MarketsimError as error:
            said.append(str(error))
    if said:
        raise MarketsimError("\n".join(said))


def use_study(folder: Path) -> str:
    """Everything that a study shows."""
    study = ms.open_study(folder)
    return f"{study!r}{study._repr_html_()}{study.table}{study.points}{study.influences}"


def test_every_public_name_is_walked(tmp_path: Path) -> None:
    """Public names either take no file or are called with a stranger's; so is everything that a run has."""
    assert set(ms.__all__) == TYPES | public_calls(tmp_path).keys()
    run = ms.simulate(
        {**BASE, "grid": {}, "agents": [{k: v for k, v in a.items() if k != "bus"} for a in BASE["agents"]]}
    )
    assert {name for name in dir(run) if not name.startswith("_")} == USED


@pytest.mark.parametrize("trick", TRICKS)
def test_public_functions_run_nothing_and_reach_nothing_outside(
    trick: Callable[[House], None], made: Path, house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every public function ends, with a result or an error of ours."""
    stranger_folders(made, house, trick)
    before = state(house.mine)
    for name, call in public_calls(house.theirs).items():
        try:
            said = str(call())
        except MarketsimError as error:
            said = str(error)
        captured = capsys.readouterr()
        demand_untouched(house, before, f"{name}: {said}{captured.out}{captured.err}")
