"""``marketsim critic train-surrogate | audit``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from marketsim.cli.answers import write_out
from marketsim.cli.options import drawing_option, overrides_of, set_option, teller, trust_option
from marketsim.cli.saying import say

if TYPE_CHECKING:
    from marketsim.analysis.critics.agreement import ScoreAgreement
    from marketsim.analysis.critics.audit_report import AuditReport, ScoreDistance
    from marketsim.analysis.critics.training import Drift
    from marketsim.fairness.surrogate_file import Surrogate

_SMALL_ERROR = 0.02
"""Where a model gives one score nearly always, its mean cannot be beaten and need not be."""


@click.group()
def critic() -> None:
    """Train surrogates of a language-model critic, and put such a critic to the test."""


@critic.command("train-surrogate")
@click.argument("logs", nargs=-1, required=True, type=click.Path())
@click.option("--out", required=True, type=click.Path(), metavar="FILE", help="Where the surrogate goes (.npz).")
@click.option("--model", metavar="NAME", help="Learn from this model, where several have answered.")
@click.option("--digest", metavar="START", help="Learn from these weights of it, where there are several.")
@click.option("--wording", metavar="NAME", help="Learn from the answers to this wording, where there are several.")
@drawing_option("Of the split and the first weights.")
@click.option("--if-drifted", is_flag=True, help="Only if the surrogate in --out disagrees with the answers.")
@click.option("--force", is_flag=True, help="Replace the file in --out.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def train_surrogate(
    logs: tuple[str, ...],
    out: str,
    model: str | None,
    digest: str | None,
    wording: str | None,
    seed: int,
    if_drifted: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Train a surrogate on the model's answers in LOGS: critic.jsonl files, run folders, or cache folders.

    A fifth of the answers is held out to say how well it predicts. With --if-drifted the surrogate in --out is trained
    again only where its mean difference from at least 20 answers exceeds 1.5 times its held-out error plus 0.02. Answers
    of several models, weights or wordings are not mixed: choose.
    """
    from marketsim.analysis.critics import training
    from marketsim.core.errors import InputError
    from marketsim.core.files import demand_new

    paths, file = [Path(log) for log in logs], Path(out)
    choice = training.JudgeChoice(model, digest, wording)
    if if_drifted:
        drift, renewed = training.retrain_if_drifted(file, paths, choice=choice, seed=seed)
        _tell_drift(drift, renewed, file, as_json=as_json)
        return
    demand_new(file, InputError, force=force)
    made = training.train_surrogate(paths, file, choice=choice, seed=seed)
    if as_json:
        say(json.dumps({**made.about, "file": out}, indent=2))
    else:
        _tell(made, file)


def _tell(made: Surrogate, file: Path) -> None:
    from marketsim.cli.tables import number, table

    about = made.about
    rows = [
        (label, *(number(error) for error in about[key]))
        for label, key in (("surrogate", "held_out_error"), ("their mean", "mean_error"))
    ]
    title = f"{about['held_out']} of {about['samples']} answers of {about['model']}, held out: mean absolute error"
    table(("predicted by", "FTG", "FBS", "FPP"), rows, title=title, right=(1, 2, 3))
    pairs = zip(("FTG", "FBS", "FPP"), about["held_out_error"], about["mean_error"], strict=True)
    worse = [name for name, own, mean in pairs if own > max(mean, _SMALL_ERROR)]
    if worse:
        say(f"No better than the mean for {', '.join(worse)}: log more slots, or more varied ones.")
    say(f"Written to {file}; use it with critic: {{kind: surrogate, file: ...}}.")


def _tell_drift(drift: Drift, renewed: Surrogate | None, file: Path, *, as_json: bool) -> None:
    if as_json:
        say(json.dumps({**drift._asdict(), "trained": renewed is not None, "file": str(file)}, indent=2))
        return
    gap = "-" if drift.gap is None else f"{drift.gap:.4f}"
    say(f"Mean difference from {drift.audits} answers: {gap}; it has drifted above {drift.limit:.4f}.")
    if renewed is None:
        say(f"{file} is left as it is.")
    else:
        _tell(renewed, file)


@critic.command()
@click.argument("scenario", type=click.Path(), metavar="SCENARIO|RUN")
@set_option
@trust_option
@click.option("--host", metavar="ADDRESS", help="Ollama server [default: the scenario's, OLLAMA_HOST].")
@click.option("--model", "models", multiple=True, metavar="NAME", help="Model; further ones are compared (repeatable).")
@click.option(
    "--slots", type=click.IntRange(1), default=200, show_default=True, help="Slots of the scenario, and made-up ones."
)
@click.option(
    "--repeats", type=click.IntRange(0), default=3, show_default=True, help="Answers to a slot in the retest."
)
@click.option(
    "--temperature", type=click.FloatRange(0, 2, min_open=True), default=0.7, show_default=True, help="Of the retest."
)
@click.option(
    "--pairs", type=click.IntRange(0), default=200, show_default=True, help="Pairs of which one is levelled down."
)
@click.option("--deadline", type=click.FloatRange(0.1, 3600), metavar="S", help="Longest wait for an answer.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--out", type=click.Path(), metavar="FILE", help="Write the findings as JSON to FILE, too.")
@click.option("--force", is_flag=True, help="Replace the file in --out.")
def audit(
    scenario: str,
    overrides: tuple[str, ...],
    trust: bool,
    host: str | None,
    models: tuple[str, ...],
    slots: int,
    repeats: int,
    temperature: float,
    pairs: int,
    deadline: float | None,
    as_json: bool,
    out: str | None,
    force: bool,
) -> None:
    """Say in one line what a language model is worth as a critic of SCENARIO (or of a run's scenario), and why.

    It is compared with the rule and the best constant on the scenario's slots and on made-up ones that differ in every
    score; with itself over several seeds, with participants in another order and in another wording; with every further
    --model; and on pairs of slots in one of which everybody got less. Answers are cached: run it again to go on where
    it was broken off.
    """
    from marketsim.analysis.critics.audit import AuditPlan, audited_scenario, critic_params
    from marketsim.analysis.critics.audit import audit as run_audit
    from marketsim.cli.tables import progress_bar
    from marketsim.core.errors import InputError
    from marketsim.core.files import demand_new

    if out:
        demand_new(Path(out), InputError, force=force)
    ready = audited_scenario(scenario, overrides_of(overrides, None), trust=trust, tell=teller())
    given = {"host": host, "model": models[0] if models else None, "deadline_s": deadline}
    params = critic_params(ready, {key: value for key, value in given.items() if value is not None})
    with progress_bar("asking", "answers", quiet=as_json) as progress:
        plan = AuditPlan(slots, repeats, temperature, pairs, models[1:])
        report = run_audit(ready, params, plan, progress=progress)
    text = json.dumps(report.as_json(), indent=2)
    if out:
        write_out(Path(out), f"{text}\n")
    if as_json:
        say(text)
    else:
        _show(report)


def _show(report: AuditReport) -> None:
    from marketsim.cli.tables import table

    if report.agreements:
        rows = [_agreement_row(each) for each in report.agreements]
        title = f"{report.model} on {report.slots} slots of {report.scenario}, and made-up ones: against the rule"
        heads = ("slots", "score", "judged", "error", "best constant", "rank correlation", "commonest answer")
        table(heads, rows, title=title, right=(2, 3, 4, 5, 6))
        title = "Mean absolute difference (share identical); a constant answer scores perfectly on retest, order and wording"
        table(
            ("compared with", "", "FTG", "FBS", "FPP", "slots"),
            [_row(each) for each in report.comparisons],
            title=title,
            right=(2, 3, 4, 5),
        )
    if report.pairs:
        pairs = [(each.judge, *(str(count) for count in each[1:])) for each in report.pairs]
        title = "Which is fairer between sellers: a slot, or one of equal deviation in which everybody got less"
        table(("judge", "the fuller", "the levelled", "equal", "unanswered"), pairs, title=title, right=(1, 2, 3, 4))
    failed = ", ".join(f"{reason} {count}" for reason, count in sorted(report.failures.items()))
    who = f"digest {report.digest}, Ollama {report.server}"
    share = 100 * report.answered / max(report.asked, 1)
    say(f"{who}. {report.answered} of {report.asked} questions answered ({share:.0f} %); failed: {failed or 'none'}.")
    say(f"{report.model}: {report.verdict}.")


def _agreement_row(each: ScoreAgreement) -> tuple[str, ...]:
    def shown(value: float | None) -> str:
        return "-" if value is None else f"{value:.3f}"

    commonest = "-" if each.commonest_share is None else f"{each.commonest:.2f} ({100 * each.commonest_share:.0f} %)"
    numbers = (each.error, each.constant_error, each.rank)
    return each.what, each.score.upper(), str(each.slots), *(shown(value) for value in numbers), commonest


def _row(each: ScoreDistance) -> tuple[str, ...]:
    cells = [
        "-" if gap is None or same is None else f"{gap:.3f} ({100 * same:.0f} %)"
        for gap, same in zip(each.difference, each.identical, strict=True)
    ]
    return each.name, each.what, *cells, str(each.slots)
