"""``marketsim expert write``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from marketsim.cli.options import AskedScenario, drawing_option, plugin_option, set_option, teller, trust_option
from marketsim.cli.saying import say

if TYPE_CHECKING:
    from marketsim.app.expert_writing import WritingDone
    from marketsim.experts.preferences import Preference
    from marketsim.experts.workflow.form import FilledForm
    from marketsim.experts.workflow.params import ReadingParams


def reading_options(function: Callable[..., None]) -> Callable[..., None]:
    """``--model``, ``--host``, ``--client`` and ``--deadline``, which the command gets as ``asked``: those that were given."""

    @click.option("--host", metavar="ADDRESS", help="Ollama server [default: OLLAMA_HOST, or this machine's].")
    @click.option("--client", metavar="NAME", help="What speaks with the model [default: ollama].")
    @click.option("--deadline", type=click.FloatRange(1, 3600), metavar="S", help="Longest wait for an answer.")
    @wraps(function)
    def command(host: str | None, client: str | None, deadline: float | None, **others: Any) -> None:
        given = {"host": host, "client": client, "deadline_s": deadline}
        function(asked={key: value for key, value in given.items() if value is not None}, **others)

    return command


def reading_params(model: str, asked: dict[str, Any]) -> ReadingParams:
    """Parameters of whoever asks; BadParameter for what is none."""
    from marketsim.experts.workflow.params import ReadingParams

    try:
        return ReadingParams(model=model, **asked)
    except ValueError as error:
        raise click.BadParameter(str(error).splitlines()[-2].strip(), param_hint="'--host' or '--model'") from error


@click.command()
@click.argument("description", type=click.Path(), metavar="TEXT")
@click.option("--model", metavar="NAME", help="Language model that reads TEXT [default: rules, no server].")
@click.option(
    "--code", "writes_code", is_flag=True, help="The model writes the expert's code, too; it runs in a sandbox."
)
@reading_options
@click.option(
    "--scenario", type=click.Path(), help="Scenario whose network operator verifies the expert; with --agent."
)
@click.option("--agent", metavar="NAME", help="Agent of the scenario whose connection and series the expert gets.")
@set_option
@trust_option
@plugin_option
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FOLDER", help="New folder for model, code and transcript."
)
@drawing_option("Of the random cases that the expert is tried on.")
@click.option("--yes", is_flag=True, help="The form is right: do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON; needs --yes.")
def write(
    description: str,
    model: str | None,
    writes_code: bool,
    asked: dict[str, Any],
    scenario: str | None,
    agent: str | None,
    overrides: tuple[str, ...],
    trust: bool,
    plugin_files: tuple[Path, ...],
    out: Path | None,
    seed: int,
    yes: bool,
    as_json: bool,
) -> None:
    """Make an expert of the prosumer that the file TEXT describes in words.

    Five phases: a form is filled in from the text, each number beside the words that say it, for you to confirm; functions or
    reviewed blocks are looked up; code is put together, or written by the model; it is tried on random small cases against the
    reviewed expert, and corrected; it is traded with a neighbour, and verified by the network operator. Lines that begin with
    "wish:" are preferences, which cost 1,000 a kWh that they are missed by.
    """
    from marketsim.app.expert_writing import Asked, write_from_words
    from marketsim.app.ready import full_registry

    if writes_code and model is None:
        raise click.UsageError("--code needs --model: the rules write no code of their own")
    if (scenario is None) != (agent is None):
        raise click.UsageError(
            "--scenario and --agent go together: the operator has to know where the expert is connected"
        )
    if not yes and (as_json or not sys.stdin.isatty()):
        raise click.UsageError(
            "nobody can be asked whether the form is right: add --yes, and look at the form that is printed"
        )
    params = None if model is None else reading_params(model, asked)
    operator = None
    if scenario is not None and agent is not None:
        from marketsim.app.expert_operator import FeederOperator

        operator = FeederOperator(AskedScenario(scenario, overrides, None, trust).load(quiet=as_json), agent)
    done = write_from_words(
        description,
        Asked(params, writes_code),
        lambda form, wishes: yes or _confirmed(form, wishes),
        out=out,
        operator=operator,
        registry=full_registry(plugin_files, teller(quiet=as_json)),
        seed=seed,
    )
    if as_json:
        say(json.dumps(_document(done), indent=2))
    else:
        _tell(done, description, shown=not yes)
    _end(done)


def _confirmed(form: FilledForm, wishes: tuple[Preference, ...]) -> bool:
    _show_form(form, wishes)
    return click.confirm("Is this what was meant?", default=False)


def _show_form(form: FilledForm, wishes: tuple[Preference, ...]) -> None:
    from marketsim.cli.tables import table
    from marketsim.experts.workflow.fields import BY_PATH

    rows = [
        (
            each.path,
            f"{each.value:g} {BY_PATH[each.path].unit}".strip(),
            str(each.line or "-"),
            each.quote or "(default)",
        )
        for each in form.entries
    ]
    table(("field", "value", "line", "the words that say so"), rows, right=(1, 2))
    for wish in wishes:
        say(f"wish: {wish}; {wish.weight:g} for each kWh that it is missed by")


def _tell(done: WritingDone, description: str, *, shown: bool) -> None:
    written = done.written
    if written.form.model is not None and not shown:
        _show_form(written.form, written.preferences)
    if written.code:
        say(f"The expert plans as well as the reviewed one on random cases, in {written.attempts} attempt(s).")
    say("Accepted." if written.accepted else "NOT accepted:")
    for reason in written.refusals:
        place = f"{description}: " if written.form.model is None else ""
        say(f"  {place}{reason}")
    if done.folder is not None:
        say(f"Written to {done.folder}: expert.json, transcript.jsonl{', expert.py' if written.code else ''}.")


def _document(done: WritingDone) -> dict[str, Any]:
    written, model = done.written, done.written.form.model
    return {
        "accepted": written.accepted,
        "refusals": list(written.refusals),
        "model": None if model is None else model.model_dump(mode="json"),
        "entries": [each._asdict() for each in written.form.entries],
        "preferences": [each._asdict() for each in written.preferences],
        "attempts": written.attempts,
        "folder": None if done.folder is None else str(done.folder),
    }


def _end(done: WritingDone) -> None:
    """2 where the description is at fault, 1 where the expert failed; an operator who was not asked is no failure."""
    from marketsim.experts.workflow.pipeline import NO_OPERATOR

    if done.written.form.model is None:
        sys.exit(2)
    if set(done.written.refusals) - {NO_OPERATOR}:
        sys.exit(1)
