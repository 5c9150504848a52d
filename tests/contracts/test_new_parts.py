"""A new part of any kind takes its folder and its line in ``builtin.py``; nothing else knows built-in parts by name."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import marketsim as ms
from marketsim import builtin
from marketsim.app.game import build_game, learner_of
from marketsim.app.importing import import_scenario
from marketsim.app.ready import check_scenario
from marketsim.app.training import train_scenario
from marketsim.extension.kinds import KINDS

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "marketsim"
CHOSEN = {
    "agent": {"agents[1].kind": "thrifty"},
    "strategy": {"agents[0].strategy": "halfway", "agents[1].strategy": "halfway"},
    "engine": {"market.engine": "low_price"},
    "critic": {"critic": {"kind": "lenient"}},
    "device": {"agents[0].heater": {"power_kw": 3}},
    "profile": {"profiles": {"source": "constant"}},
    "tariff": {"tariff": "night"},
    "metric": {"metrics": ["busy"]},
    "grid": {"grid.feeder": "half"},
    "learner": {"learning.learner": "idle"},
    "game": {"learning.game": "guessing"},
    "charges": {"market.charges": "buyers_pay"},
    "allocation": {"grid.allocation": "half_for_all"},
    "reactive": {"grid.reactive": "absorbing"},
    "gate": {"grid.gate": "even"},
    "model": {"critic": {"kind": "ollama", "client": "even_handed", "cache": False}},
    "settlement": {"market.settlement": "for_free"},
    "sharing": {"market.sharing": "by_load"},
    "expert": {"expert": "half_sun", "agents[0].strategy": "expert"},
    "importer": {},
}
"""How a scenario chooses the new part of each kind."""
DIFFERS = dict.fromkeys(CHOSEN, "trades") | {
    "critic": "", "metric": "", "model": "", "grid": "slots", "reactive": "slots", "settlement": "agents", "sharing": "agents",
    "device": "agents", "expert": "agents",
    "learner": "", "game": "",
}  # fmt: skip
"""The table that shows that the part was used; critic, model and metric show in the summary, learner and game change no run."""
SCENARIO = {
    "name": "new",
    "clock": {"start": "2016-07-12", "slots": 24, "slot_minutes": 60},
    "grid": {"feeder": "feeder141", "gate": "ac"},
    "tariff": {"flat": {"retail": 0.3, "feed_in": 0.08}},
    "agents": [
        {
            "name": "roof",
            "bus": 48,
            "kind": "prosumer",
            "pv_kw": 300,
            "load": {"annual_kwh": 100_000},
            "strategy": "truthful",
        },
        {"name": "flat", "bus": 78, "kind": "consumer", "load": {"annual_kwh": 300_000}, "strategy": "truthful"},
    ],
}


@pytest.fixture
def scenario(monkeypatch, scenario_file):
    """``scenario(kind)``: one that uses the new part of a kind, with the lines of all of them in ``builtin``."""
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "parts"))
    import new_parts  # type: ignore[import-not-found]

    monkeypatch.setattr(builtin, "PARTS", (*builtin.PARTS, *new_parts.PARTS))
    path = scenario_file(json.dumps(SCENARIO), "new.json")

    def load(kind: str = "") -> ms.ReadyScenario:
        return ms.load_scenario(path, CHOSEN.get(kind, {}))

    load.path = path
    return load


def test_every_kind_that_a_scenario_can_choose_has_an_example():
    """A new kind brings one: here, in ``tests/parts/new_parts.py`` and on the page."""
    assert set(CHOSEN) == {name for name, kind in KINDS.items() if kind.chosen}
    page = (ROOT / "docs" / "new-parts.md").read_text("utf-8")
    assert [kind for kind in CHOSEN if f"## {kind}" not in page.lower()] == []


def test_the_page_shows_what_runs():
    """Every example on the page stands so in the module that the other tests run."""
    page = (ROOT / "docs" / "new-parts.md").read_text("utf-8")
    module = (ROOT / "tests" / "parts" / "new_parts.py").read_text("utf-8")
    shown = re.findall(r"^```py\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(shown) >= len(CHOSEN)
    assert [text for text in shown if text.strip() not in module] == []


@pytest.mark.parametrize("kind", [kind for kind in CHOSEN if kind not in ("learner", "game", "importer")])
def test_a_new_part_needs_its_module_and_its_line(scenario, kind):
    """It validates, runs, balances, and the run is another one than without it."""
    check_scenario(scenario.path, CHOSEN[kind])
    own, usual = ms.simulate(scenario(kind)), ms.simulate(scenario())
    assert (own.status, own.summary["money_imbalance"], own.summary["energy_imbalance_wh"]) == ("complete", 0, 0)
    assert own.summary["validated_slots"] == own.summary["slots"]
    if kind == "metric":
        assert own.summary["busy_slots"] > 0
    elif kind == "model":
        assert own.summary["critic_answers"] > usual.summary["critic_answers"] == own.summary["critic_fallbacks"] == 0
    elif kind == "expert":
        roof = own.frame("agents", raw=True).query("name == 'roof' and pv_available_wh > 0")
        assert ((2 * roof.pv_used_wh - roof.pv_available_wh).abs() <= 2).all()
    elif kind == "critic":
        assert (own.summary["critic_calls"], usual.summary["critic_calls"]) == (0, 24)
    else:
        assert not getattr(own, DIFFERS[kind]).equals(getattr(usual, DIFFERS[kind]))


def test_a_new_importer_needs_its_module_and_its_line(scenario, tmp_path):
    """``marketsim import`` finds it, and what it makes runs at once."""
    (tmp_path / "village.txt").write_text("3000\n4500\n")
    done = import_scenario("village", str(tmp_path / "village.txt"), tmp_path / "out")
    assert (done.agents, done.report.sums[0].written_sum) == (2, 7500.0)
    assert ms.simulate(done.scenario).manifest["origin"]["importer"] == "village"


def test_a_new_learner_needs_its_module_and_its_line(scenario, tmp_path):
    ready = scenario("learner")
    learner = learner_of(ready)
    assert learner.train(build_game(ready), tmp_path, seed=1, scenario_hash="") == tmp_path


def test_a_new_game_needs_its_module_and_its_line(scenario, tmp_path):
    """It is trained, and its reward stands in the curves."""
    ready = scenario("game").variant({"learning.learner.ppo": {"markets": 2, "episodes": 4, "hidden": [8]}})
    made = train_scenario(ready, tmp_path / "training")
    assert (made.game, made.summary["updates"]) == ("guessing", 2)
    assert 0.0 < made.summary["right_last"] <= 24.0


@pytest.mark.parametrize("kind", CHOSEN)
def test_a_new_part_is_listed_and_shown(scenario, cli, kind):
    """By the command line, without a word about it anywhere else."""
    listed = cli("plugins", "list", "--kind", kind, "--json")
    (entry,) = [each for each in builtin.PARTS if each.kind == kind and str(each.build).startswith("new_parts")]
    assert entry.name in [each["name"] for each in json.loads(listed.out)]
    assert entry.name in cli("plugins", "show", entry.name).out


WORDS = {
    ("analysis/baselines/rules.py", "battery"): "a row of its table",
    ("analysis/baselines/rules.py", "volt_var"): "a choice of what inverters do beside their set-points",
    ("experts/params.py", "planned"): "a choice of reactive power",
    **{(module, "expert"): "the kind of part" for module in ("app/parts.py", "core/walls.py", "extension/kinds.py")},
    **{(module, "expert"): "the section of a scenario" for module in ("app/looking.py", "analysis/control/arms.py")},
    **{
        (f"experts/{module}.py", name): "a field of the model of a prosumer"
        for module in ("library/compose", "workflow/vocabulary", "workflow/words")
        for name in ("battery", "generator")
    },
    ("analysis/control/plan.py", "written"): "a fact of a manifest",
    ("analysis/control/written.py", "written"): "the expert that its arms are about",
    ("experts/workflow/writers.py", "prosumer"): "the function that an expert's code has",
    ("learning/numbers/checkpoint.py", "replay"): "a part of a checkpoint",
    ("learning/offpolicy/algorithm.py", "distance"): "a column of the curves",
    ("learning/adjoint/algorithm.py", "distance"): "the same",
    ("analysis/control/arms.py", "replay"): "a parameter of learners",
    ("agents/members.py", "battery"): "what the view of an agent calls a battery is the device of that name",
    ("agents/model.py", "consumer"): "the two kinds that the scenario itself knows; they are no entries",
    ("agents/model.py", "prosumer"): "the same",
    ("app/looking.py", "file"): "a source of nets, no series",
    ("app/parts.py", "consumer"): "the scenario's own kind",
    ("app/ready.py", "file"): "a source of nets, no series",
    ("app/import_sums.py", "series"): "where a quantity stands that was imported",
    ("grid/net/names.py", "pandapower"): "a source of nets, no importer",
    ("grid/net/pandapower_nets.py", "pandapower"): "the same",
    ("grid/net/pandapower_nets.py", "simbench"): "the same",
    ("devices/params.py", "file"): "a key of a vehicle",
    ("app/running.py", "file"): "a key of the manifest",
    ("analysis/studies/folder.py", "file"): "the same",
    ("app/training.py", "rule"): "who answered a critique",
    **{("analysis/evaluation/plane.py", name): "an arm" for name in ("none", "truthful", "rule", "pro_rata")},
    ("app/checked_data.py", "file"): "a key of the answer",
    ("app/checked_data.py", "series"): "the same",
    ("core/metric_rules.py", "observe"): "a method",
    ("core/wall_rules.py", "series"): "a method",
    ("core/wall_rules.py", "sensitivity"): "a method",
    ("core/walls.py", "series"): "a method",
    ("games/market/parts.py", "consumer"): "the scenario's own kind",
    ("games/market/reward.py", "none"): "a choice of the reward",
    ("grid/net/feeders.py", "file"): "a source of nets, no series",
    ("grid/net/pandapower_nets.py", "file"): "a source of nets, no series",
    ("report/critics.py", "rule"): "who answered a critique",
    ("profiles/extract_simbench.py", "ev"): "a shape of the data",
    ("profiles/synthetic.py", "flat"): "how a roof lies",
    ("scenario/rules.py", "consumer"): "the scenario's own kind",
    ("analysis/hosting/days.py", "ev"): "assets of a question, each at its worst day",
    ("analysis/hosting/days.py", "heat_pump"): "the same",
    ("analysis/hosting/days.py", "battery"): "the same",
}
"""Where a comparison or the key of a table is a word that a part has for a name, too, and why it may be."""
LEFT_OUT = (
    "builtin.py",
    "testing/",
    "analysis/bench/",
    "cli/",
    "importers/",
    "report/run_page.py",
    "report/cards.py",
    "report/plans.py",
    "report/series.py",
)
"""The table itself, tools of tests and of measuring, modules that write scenarios, which name parts as their users do, and
modules whose keys are those of printed and drawn answers."""
ORDINARY = {entry.name for entry in builtin.PARTS if entry.kind in ("metric", "game")}
"""Words too ordinary to look for: groups of KPIs, and the market, which is a column of tables and a section of scenarios."""


def names_of_parts() -> set[str]:
    return {entry.name for entry in builtin.PARTS} - ORDINARY | {"consumer", "prosumer"}


def homes() -> set[tuple[str, str]]:
    """The folder of each part, which may know it."""
    return {(str(entry.build).split(".")[1], entry.name) for entry in builtin.PARTS}


def is_fragment(table: ast.Dict) -> bool:
    """Whether a mapping is a piece of a scenario as it is written, not a table that code looks things up in."""
    return all(isinstance(value, ast.Dict | ast.Constant) for value in table.values)


def named(path: Path) -> Iterator[str]:
    """Names of parts that a module compares with, matches, or keys a table by."""
    known = names_of_parts()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        found: list[ast.AST] = []
        if isinstance(node, ast.Compare):
            found = [inner for each in (node.left, *node.comparators) for inner in ast.walk(each)]
        elif isinstance(node, ast.MatchValue):
            found = [node.value]
        elif isinstance(node, ast.Dict) and not is_fragment(node):
            found = [key for key in node.keys if key is not None]
        yield from (each.value for each in found if isinstance(each, ast.Constant) and each.value in known)


def test_no_module_knows_a_part_by_its_name():
    """What has to be known of a part stands at its entry (traits, kernels), in its parameters or in what it is."""
    found = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).as_posix()
        if not module.startswith(LEFT_OUT):
            found |= {(module, name) for name in named(path) if (module.split("/")[0], name) not in homes()}
    assert found - set(WORDS) == set()
    assert set(WORDS) - found == set(), "an exception that nothing needs any more goes"


def test_the_finder_of_names_finds(tmp_path):
    module = tmp_path / "m.py"
    module.write_text("if gate.name == 'ac': pass\nTABLE = {'zip': make()}\nmatch x:\n    case 'huang': pass\n")
    assert set(named(module)) == {"ac", "zip", "huang"}
    module.write_text("changes = {'market.engine': {'huang': {}}, 'zip': {}}\n")
    assert set(named(module)) == set()
