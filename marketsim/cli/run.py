"""``marketsim run``."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from marketsim.cli.options import AskedScenario, scenario_options
from marketsim.cli.saying import say

if TYPE_CHECKING:
    from marketsim.app.ready_scenario import ReadyScenario
    from marketsim.results.reader import Run


@click.command()
@scenario_options
@click.option("--out", type=click.Path(), metavar="DIR", help="Run folder [default: runs/<scenario>-<seed>-<time>].")
@click.option("--force", is_flag=True, help="Replace the run in --out.")
@click.option("--on-mismatch", type=click.Choice(["stop", "record"]), help="What to do if the power flows disagree.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
def run(
    asked: AskedScenario,
    out: str | None,
    force: bool,
    on_mismatch: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Simulate SCENARIO, write its run folder and sum it up.

    Every trade is checked by AC power flow where the scenario has a feeder. The folder holds Parquet tables, the
    resolved scenario and a summary; marketsim.open_run(DIR) opens it in Python.
    """
    from marketsim.cli.tables import progress_bar

    ready = asked.compiled({"grid.on_mismatch": on_mismatch} if on_mismatch else None, quiet=quiet)

    from marketsim.app.running import default_folder, simulate

    folder = Path(out) if out else default_folder(ready, datetime.now())
    try:
        with progress_bar(ready.name, "slots", quiet=quiet or as_json) as progress:
            made = simulate(ready, folder, force=force, progress=progress)
    except KeyboardInterrupt:
        say(
            f"\nInterrupted. What was simulated until then is kept in {folder}: open it with marketsim.open_run(...), "
            "or run again with --force to replace it.",
            err=True,
        )
        sys.exit(1)
    if as_json:
        say(json.dumps({**made.summary, **_worst(made, ready)}, indent=2))
    elif not quiet:
        _sum_up(made, ready)
        _tell_notes(made, ready)
        say(f"Written to {folder} in {made.summary['wall_s']:.1f} s{_report(made, ready)}.")


def _worst(made: Run, ready: ReadyScenario) -> dict[str, Any]:
    """The worst buses and branches of a run on a feeder, row by row."""
    if ready.feeder is None:
        return {}
    tables = {"worst_buses": made.worst_buses(), "worst_branches": made.worst_branches()}
    return {
        name: json.loads(table.reset_index().to_json(orient="records", date_format="iso", double_precision=12))
        for name, table in tables.items()
    }


def _report(made: Run, ready: ReadyScenario) -> str:
    """Where the page of the run is; a run that is complete stays so where its page cannot be made."""
    from marketsim.core.errors import MarketsimError
    from marketsim.report.write import write_report

    try:
        return f"; to look at it, open {write_report(made, ready=ready)}"
    except MarketsimError as error:
        say(f"The run is complete, but its report could not be written: {error}", err=True)
        return ""


def _sum_up(made: Run, ready: ReadyScenario) -> None:
    from marketsim.cli.tables import table
    from marketsim.core.currency import label_of
    from marketsim.metrics.presentation import headline, headline_texts, rationing_text

    summary = made.summary
    groups = [line.group for line in headline(summary)]
    rows: list[tuple[str, ...]] = []
    for place, row in enumerate(headline_texts(summary, label_of(made.manifest))):
        if place and groups[place] != groups[place - 1]:
            rows.append(("",) * 5)
        rows.append(row)
    title = f"{made.manifest['scenario']}: {summary['agents']} agents, {summary['slots']} slots, seed {summary['seed']}"
    table(("", "market", "unit", "utility only", "change"), rows, title=title, right=(1, 3, 4))
    say(f"{rationing_text(summary)}.")
    _tell_idle_gate(summary, ready)
    say(_verdict(summary))
    _tell_worst(made, ready)
    for fact in ("refused_orders", "signed_prices"):
        for line in made.manifest.get(fact, ()):
            say(f"{line}.")
    _tell_critic(summary, made.manifest.get("critic", {}))


def _tell_idle_gate(summary: dict[str, Any], ready: ReadyScenario) -> None:
    """That nothing came to a limit, where a gate had nothing to do: its effect cannot be seen in such a run."""
    if ready.feeder is None or ready.model.grid.gate.name in ("none", "observe"):
        return
    if not any(summary[name] for name in ("rejected_kwh", "curtailed_kwh", "rolled_back_kwh", "slots_with_violation")):
        say("No trade came to a limit, so the gate refused nothing; scenarios/stress141.yaml shows it at work.")


def _tell_worst(made: Run, ready: ReadyScenario) -> None:
    """Where limits are broken longest, where any is."""
    if ready.feeder is None or not made.summary["slots_with_violation"]:
        return
    for bus, row in made.worst_buses(1).iterrows():
        hours = row["hours_below"] + row["hours_above"]
        if hours:
            say(
                f"Longest out of band: bus {bus}, {hours:g} h, by up to {row['depth_pu']:.4f} p.u. ({row['depth_v']:.3g} V)."
            )
    for branch, row in made.worst_branches(1).iterrows():
        if row["hours_over"]:
            load = f"{row['loading_percent']:.1f} % ({row['current_a']:.4g} A, {row['power_kva']:.4g} kVA)"
            say(f"Longest overloaded: {branch}, {row['hours_over']:g} h, up to {load}.")


def _tell_notes(made: Run, ready: ReadyScenario) -> None:
    """What is to be known of the series, and what of the net is left out; the rest stands in manifest and report."""
    for note in made.manifest["notes"]:
        if ready.feeder is None or note not in ready.feeder.notes or "of the net left out" in note:
            say(note)


def _tell_critic(summary: dict[str, Any], about: dict[str, Any]) -> None:
    """What a critic that asks others went through; nothing where the scores are the rule's own."""
    if summary["critic_answers"]:
        gap = summary["critic_rule_gap"]
        say(
            f"{about.get('model', 'The language model')} scored {summary['critic_answers']} slots, "
            f"{summary['critic_cached']} from the cache; it differs from the rule by {gap:.3f} on average."
        )
    if summary["critic_fallbacks"]:
        reasons = ", ".join(f"{reason} {count}" for reason, count in about.get("fallbacks", {}).items())
        say(
            f"{summary['critic_fallbacks']} of {summary['critic_asked']} questions fell back to the rule ({reasons}); "
            "critic.jsonl has the details."
        )
    if about.get("drifted"):
        say(
            f"The surrogate has drifted: {about['audit_gap']:.3f} from {about['audits']} audits, limit "
            f"{about['drift_limit']:.3f}. Train it again: marketsim critic train-surrogate ... --if-drifted."
        )


def _verdict(summary: dict[str, object]) -> str:
    """What was checked, in a sentence or two."""
    laws = "Energy and money balance to the last unit"
    if "validated_slots" not in summary:
        return f"{laws}. No feeder: no grid limits apply."
    worst, mismatches = summary["validation_worst_pu"], summary["validation_mismatches"]
    disagreeing = f", {mismatches} disagree" if mismatches else ""
    unsolved = f", {summary['unsolved_slots']} without a power flow solution" if summary["unsolved_slots"] else ""
    return (
        f"{laws}; {summary['validated_slots']} slots confirmed by an independent power flow "
        f"(largest difference {worst:.1e} p.u.){disagreeing}, {summary['slots_with_violation']} outside limits{unsolved}."
    )
