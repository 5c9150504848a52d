"""``marketsim expert benchmark``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from marketsim.cli.answers import AskedAnswer, answer_options
from marketsim.cli.expert_write import reading_options, reading_params
from marketsim.cli.options import plugin_option, teller
from marketsim.cli.saying import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from marketsim.experts.workflow.benchmark import ReadDescription


@click.command()
@click.option("--model", "models", metavar="NAME", multiple=True, help="A language model to try (repeatable).")
@reading_options
@plugin_option
@click.option("--first", type=click.IntRange(1, 30), default=30, show_default=True, help="So many of the descriptions.")
@click.option("--code", is_flag=True, help="Have experts' code written for the known models, in place of reading.")
@answer_options("reader and description")
def benchmark(
    models: tuple[str, ...],
    asked: dict[str, Any],
    plugin_files: tuple[Path, ...],
    first: int,
    code: bool,
    answer: AskedAnswer,
) -> None:
    """Let the rules and language models read thirty descriptions whose right answers are known.

    Valid is a form that stands every check, or a refusal where there has to be one; right is one with every number as it is
    known, or a refusal at the right line. With --code valid is code that runs on random cases, and right is code that plans and
    trades as well as the reference. Answers are cached: run it again to go on where it was broken off.
    """
    from marketsim.app.expert_benchmark import benchmarked
    from marketsim.app.ready import full_registry
    from marketsim.cli.tables import progress_bar

    registry = full_registry(plugin_files, teller(quiet=answer.as_json))
    readers = {model: reading_params(model, asked) for model in models}
    with progress_bar("reading", "descriptions", quiet=answer.as_json) as progress:
        found = benchmarked(readers, first, registry, progress, code=code)
    rows = [{"reader": name, **each._asdict()} for name, read in found.items() for each in read]
    if not answer.give({"descriptions": first, "readers": rows}, rows):
        _show(found)


def _show(found: dict[str, list[ReadDescription]]) -> None:
    from marketsim.cli.tables import table

    rows = [(name, *_counts(read)) for name, read in found.items()]
    table(("reader", "descriptions", "valid", "right", "ill-posed", "refused", "at the line"), rows, right=range(1, 7))
    for name, read in found.items():
        for each in read:
            if not (each.valid and each.right):
                say(
                    f"{name}, {each.name}: {'right' if each.right else 'wrong' if each.valid else 'invalid'}: {each.told}"
                )


def _counts(read: Sequence[ReadDescription]) -> tuple[str, ...]:
    well, ill = [each for each in read if not each.ill_posed], [each for each in read if each.ill_posed]
    numbers = (
        *(len(well), sum(each.valid for each in well), sum(each.right for each in well)),
        *(len(ill), sum(each.valid for each in ill), sum(each.right for each in ill)),
    )
    return tuple(map(str, numbers))
