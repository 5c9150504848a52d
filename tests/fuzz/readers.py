"""Each kind of file: which files are mutated and how, and what reads them and uses what it read."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import mutate

from marketsim.core.errors import InputError


class Reader(NamedTuple):
    """A kind of file and what reads it."""

    folder: str
    """Folder of the artefacts that is copied for each mutation."""
    targets: tuple[tuple[str, mutate.Mutation], ...]
    """Files of which one is mutated, and how; several patterns may match."""
    use: Callable[[Path], Any]
    """Reads and uses; raises what is to be a refusal."""


def scenario(folder: Path) -> None:
    """What loads can be written down, and loads again to the same."""
    import marketsim as ms
    from marketsim.scenario.dump import dump

    ready = ms.load_scenario(folder / "s.yaml")
    text = dump(ready.model, ready.agents, folder)
    (folder / "again.yaml").write_text(text, encoding="utf-8")
    again = ms.load_scenario(folder / "again.yaml")
    expect(dump(again.model, again.agents, folder) == text, "written differently the second time")


def checked(folder: Path) -> None:
    """What ``validate`` does, series and prices included; then the series of a day."""
    import numpy as np

    import marketsim as ms
    from marketsim.app.parts import profiles_of
    from marketsim.app.ready import check_scenario

    check_scenario(folder / "s.yaml")
    ready = ms.load_scenario(folder / "s.yaml")
    profiles, clock = profiles_of(ready), ready.model.clock.to_clock()
    for slot in range(clock.slots):
        series = profiles.at(clock.at(slot))
        expect(all(bool(np.isfinite(each).all() and (each >= 0).all()) for each in series.values()), "no power")


def guessed(folder: Path) -> None:
    """What is said of a table of which nothing is known; the scenario that is written of it is valid, or refused."""
    from marketsim.app.data_check import check_data
    from marketsim.app.ready import check_scenario
    from marketsim.scenario.dump import text_of

    for path in sorted(folder.glob("series.*")):
        told = check_data(str(path))
        expect(all(math.isfinite(each.kwh_a_day) for each in told.found.used), "energy that is not finite")
        told._repr_html_()
        len(told.series)
        if told.problems:
            raise InputError(told.problems)
        if told.sections:
            sections = {**told.sections, "profiles": {**told.sections["profiles"], "path": path.name}}
            (folder / "guessed.yaml").write_text(text_of(sections), encoding="utf-8")
            check_scenario(folder / "guessed.yaml")


def net(folder: Path) -> None:
    """The feeder of a scenario, its tables and the same net for the user."""
    import numpy as np

    import marketsim as ms

    ready = ms.load_scenario(folder / "s.yaml")
    assert ready.feeder is not None
    network = ready.feeder.network
    expect(bool(np.isfinite(network.nominal_kw).all()), "loads that are not finite")
    ms.feeder("file:net.json", folder)


def run(folder: Path) -> None:
    """Every table, bill and net of a run, and its report."""
    import marketsim as ms
    from marketsim.report.write import run_report

    found = ms.open_run(folder)
    repr(found)
    found._repr_html_()
    for name in ("slots", "agents", "trades", "rejects", "book", "voltages"):
        if found.has_table(name):
            len(getattr(found, name))
    found.bill(0)
    found.net(1)
    found.grid_history(range(2))
    found.worst_buses()
    found.worst_branches()
    expect(len(run_report(found)) > 1_000, "an empty report")


def study(folder: Path) -> None:
    """Table, sensitivities, report and comparison of a study."""
    from marketsim.analysis.compare.arms import arms_of_study
    from marketsim.analysis.studies.folder import open_study
    from marketsim.report.write import study_report

    found = open_study(folder)
    repr(found)
    found._repr_html_()
    len(found.table)
    len(found.points)
    len(found.influences)
    arms_of_study(found)
    expect(len(study_report(found)) > 1_000, "an empty report")


def resumed_study(folder: Path) -> None:
    """A study that goes on with what it has: kept results are read."""
    from marketsim.analysis.execution.in_process import InProcess
    from marketsim.analysis.studies.folder import open_study, plan_of
    from marketsim.analysis.studies.study import run_study

    found = open_study(folder)
    run_study(plan_of(found), InProcess(), folder, resume=True)


def training(folder: Path) -> None:
    """Manifest and curves of a training."""
    from marketsim.learning.curves import read_curves
    from marketsim.results.training_folder import read_training

    read_training(folder)
    curves = read_curves(folder)
    expect({len(each) for each in curves.values()} == {len(curves["update"])}, "curves of different lengths")


def resumed_training(folder: Path) -> None:
    """A training that goes on with what it has."""
    import marketsim as ms
    from marketsim.app.training import train_scenario

    train_scenario(ms.load_scenario(folder / "scenario.yaml"), folder, resume=True)


def checkpoint(folder: Path) -> None:
    """Policies that act."""
    import numpy as np

    from marketsim.learning.learned import load_policy

    learned = load_policy(folder / "checkpoint.pt")
    policy = learned.policy
    acted = policy.act(np.zeros((policy.n_agents, policy.n_features), np.float32), np.arange(policy.n_agents))
    expect(acted.shape == (policy.n_agents, len(policy.heads)), f"actions {acted.shape}")
    expect(bool((acted >= 0).all() and (acted < np.array(policy.heads)).all()), "actions that there are not")


def surrogate(folder: Path) -> None:
    """Scores of any features."""
    import numpy as np

    from marketsim.fairness.surrogate_features import NAMES
    from marketsim.fairness.surrogate_file import read_surrogate

    found = read_surrogate(folder / "surrogate.npz")
    scores = found.network.scores(np.full((3, len(NAMES)), 0.5))
    expect(bool(((scores >= 0) & (scores <= 1)).all()), f"scores {scores}")
    expect(math.isfinite(found.drift_limit), "no drift limit")


def plans(folder: Path) -> None:
    """Set-points of every agent and slot, all finite."""
    import numpy as np

    from marketsim.app.plan_file import read_plans

    for points in read_plans(folder / "plans.csv", ("a", "b"), 4).values():
        expect(all(each.shape == (4, 2) and bool(np.isfinite(each).all()) for each in points), "no set-points")


def replay(folder: Path) -> None:
    """A critic that repeats the log."""
    import marketsim as ms
    from marketsim.app.parts import chosen, context_of
    from marketsim.fairness.critic_log import read_log

    for row in read_log(folder / "critic.jsonl"):
        expect(all(score is None or 0 <= score <= 1 for score in (row.ftg, row.fbs, row.fpp)), "a score beyond [0, 1]")
    ready = ms.load_scenario(folder / "s.yaml")
    chosen(ready, "critic", ready.model.critic, context_of(ready, (ready.seed,)))


def samples(folder: Path) -> None:
    """What a surrogate would be trained from."""
    from marketsim.analysis.critics.training import samples as samples_of

    for each in samples_of([folder / "critic.jsonl"]):
        expect(all(math.isfinite(value) for value in each.features), "features that are not finite")


def answers(folder: Path) -> None:
    """Kept answers of models; what cannot be trusted counts as absent."""
    from marketsim.fairness.slot_question import KEPT, kept_answer
    from marketsim.llm.answer_cache import all_kept

    kept = list(all_kept(folder, KEPT, kept_answer))
    for each in kept:
        expect(all(0 <= score <= 1 for score in each.scores if score is not None), "a score beyond [0, 1]")
    if not kept:
        raise InputError("the answer counts as absent")


def described(folder: Path) -> None:
    """A description of a prosumer: a model whose every number stands in the text or is a default, or a refusal with its line."""
    from marketsim.core.files import MIB, read_text
    from marketsim.experts.workflow.form import filled
    from marketsim.experts.workflow.quantities import quantities
    from marketsim.experts.workflow.wishes import WordWishes, read_wishes, split_wishes
    from marketsim.experts.workflow.words import WordReader

    text = read_text(folder / "mill.txt", MIB, InputError)
    body, wishes = split_wishes(text)
    form = filled(body, WordReader())
    lines = text.count("\n") + 1
    expect(all(1 <= each.line <= lines for each in form.refusals), "a line that there is not")
    if form.model is None:
        raise InputError("; ".join(map(str, form.refusals)))
    written = {round(each.value, 12) for each in quantities(body)}
    stated = [each for each in form.entries if each.quote and each.path != "battery.efficiency"]
    expect(all(each.value in written for each in stated), "a number that does not stand in the text")
    if refused := read_wishes(wishes, form.model, WordWishes())[1]:
        raise InputError("; ".join(map(str, refused)))


def expect(holds: bool, what: str) -> None:
    """AssertionError, which is no refusal."""
    assert holds, what


_RUN = (
    ("manifest.json", mutate.of_json),
    ("summary.json", mutate.of_json),
    ("critic.jsonl", mutate.of_json_lines),
    ("scenario.yaml", mutate.of_yaml),
)
READERS: dict[str, Reader] = {
    "scenario": Reader("scenario", (("s.yaml", mutate.of_yaml),), scenario),
    "extends": Reader("extends", (("*.yaml", mutate.of_yaml),), scenario),
    "prices": Reader("series_csv", (("prices.csv", mutate.of_lines), ("prices.csv", mutate.of_bytes)), checked),
    "series": Reader("series_csv", (("series.csv", mutate.of_lines), ("series.csv", mutate.of_bytes)), checked),
    "series_parquet": Reader("series_parquet", (("series.parquet", mutate.of_parquet),), checked),
    "series_guessed": Reader("series_csv", (("series.csv", mutate.of_lines), ("series.csv", mutate.of_bytes)), guessed),
    "series_parquet_guessed": Reader("series_parquet", (("series.parquet", mutate.of_parquet),), guessed),
    "given": Reader(
        "given",
        (("sessions.csv", mutate.of_lines), ("forecasts.csv", mutate.of_lines), ("import.json", mutate.of_json)),
        checked,
    ),
    "plans": Reader("plans", (("plans.csv", mutate.of_lines), ("plans.csv", mutate.of_bytes)), plans),
    "net": Reader("net", (("net.json", mutate.of_json),), net),
    "described": Reader("described", (("mill.txt", mutate.of_lines), ("mill.txt", mutate.of_bytes)), described),
    "run": Reader("run", _RUN, run),
    "tables": Reader("run", (("*.parquet", mutate.of_parquet),), run),
    "interrupted": Reader("interrupted", (*_RUN[::2], ("*.arrows", mutate.of_stream)), run),
    "study": Reader(
        "study",
        (
            ("manifest.json", mutate.of_json),
            ("study.yaml", mutate.of_yaml),
            ("study.parquet", mutate.of_parquet),
            ("answer.json", mutate.of_json),
            ("sensitivity.csv", mutate.of_lines),
        ),
        study,
    ),
    "resumed_study": Reader(
        "study",
        (("manifest.json", mutate.of_json), ("study.yaml", mutate.of_yaml), ("runs/*/result.json", mutate.of_json)),
        resumed_study,
    ),
    "training": Reader("training", (("manifest.json", mutate.of_json), ("training.csv", mutate.of_lines)), training),
    "resumed_training": Reader(
        "training",
        (
            ("manifest.json", mutate.of_json),
            ("training*.csv", mutate.of_lines),
            ("checkpoint.pt", mutate.of_bytes),
            ("checkpoint.pt", mutate.of_checkpoint),
        ),
        resumed_training,
    ),
    "checkpoint": Reader(
        "checkpoint", (("checkpoint.pt", mutate.of_zip), ("checkpoint.pt", mutate.of_checkpoint)), checkpoint
    ),
    "surrogate": Reader("surrogate", (("surrogate.npz", mutate.of_zip),), surrogate),
    "replay": Reader("replay", (("critic.jsonl", mutate.of_json_lines),), replay),
    "samples": Reader("samples", (("critic.jsonl", mutate.of_json_lines),), samples),
    "answers": Reader("answers", (("*/*.json", mutate.of_json),), answers),
}
