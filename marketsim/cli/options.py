"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from marketsim.cli.saying import say

if TYPE_CHECKING:
    from marketsim.app.ready_scenario import ReadyScenario

F = TypeVar("F", bound=Callable[..., Any])


def given(context: click.Context, names: Iterable[str]) -> str | None:
    """The first of these options that was given on the command line; None where none was."""
    default = click.core.ParameterSource.DEFAULT
    return next((name for name in names if context.get_parameter_source(name) is not default), None)


def scenario_argument(function: F) -> F:
    """The scenario's file."""
    return click.argument("scenario", type=click.Path())(function)


def set_option(function: F) -> F:
    """``--set PATH=VALUE``, any number of times."""
    text = "Override a value, e.g. profiles.pv_scale=2, or of a span of a list: 'agents[0:20].strategy=truthful' (repeatable)."
    return click.option("--set", "overrides", metavar="PATH=VALUE", multiple=True, help=text)(function)


def seed_option(function: F) -> F:
    """``--seed``, short for an override."""
    text = "Seed of all random streams; short for --set seed=N."
    return click.option("--seed", type=int, metavar="N", help=text)(function)


def drawing_option(text: str) -> Callable[[F], F]:
    """``--seed`` of what a command itself draws, 1 unless told."""
    return click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, metavar="N", help=text)


def trust_option(function: F) -> F:
    """``--trust``."""
    text = "The scenario is my own: its files may lie anywhere, and its plugins run also from a folder of results."
    return click.option("--trust", is_flag=True, help=text)(function)


def part_option(function: F) -> F:
    """``--part``: days of a part of the source year."""
    text = "Days of this part of the source year [default: the days of the scenario]."
    return click.option("--part", type=click.Choice(("training", "validation", "test")), help=text)(function)


class AskedScenario(NamedTuple):
    """A scenario as the command line names it."""

    path: str
    overrides: tuple[str, ...]
    """As ``--set`` has them."""
    seed: int | None
    trust: bool

    def load(self, more: Mapping[str, object] | None = None, *, quiet: bool = False) -> ReadyScenario:
        """It, ready to run, with ``more`` overrides by path; says which plugin files are executed for it."""
        from marketsim.app.ready import load_scenario

        overrides = {**overrides_of(self.overrides, self.seed), **(more or {})}
        return load_scenario(self.path, overrides, trust=self.trust, tell=teller(quiet=quiet))

    def compiled(self, more: Mapping[str, object] | None = None, *, quiet: bool = False) -> ReadyScenario:
        """The same with its kernels in the cache; says on standard error that they are compiled, where they are."""
        return compiled(self.load(more, quiet=quiet), quiet=quiet)


def compiled(ready: ReadyScenario, *, quiet: bool = False) -> ReadyScenario:
    """A scenario whose kernels are in the cache; see ``AskedScenario.compiled``."""
    from marketsim.app.kernels import compile_once

    compile_once(ready, None if quiet else partial(say, err=True))
    return ready


def scenario_options(function: Callable[..., None]) -> Callable[..., None]:
    """The scenario's file, ``--set``, ``--seed`` and ``--trust``, which the command gets as one: ``asked``."""

    @wraps(function)
    def command(scenario: str, overrides: tuple[str, ...], seed: int | None, trust: bool, **others: Any) -> None:
        function(asked=AskedScenario(scenario, overrides, seed, trust), **others)

    return scenario_argument(set_option(seed_option(trust_option(command))))


def teller(*, quiet: bool = False) -> Callable[[Path], None] | None:
    """Says on standard error that a plugin file is executed, unless nobody wants to hear it."""
    return None if quiet else lambda path: say(f"Executing the plugin {path}", err=True)


def plugin_option(function: F) -> F:
    """``--plugin FILE``, any number of times."""
    text = "A plugin file whose parts count, too; it is executed (repeatable)."
    path = click.Path(path_type=Path)
    return click.option("--plugin", "plugin_files", type=path, metavar="FILE", multiple=True, help=text)(function)


def overrides_of(texts: tuple[str, ...], seed: int | None) -> dict[str, object]:
    """Overrides by path; ScenarioError if one cannot be read."""
    from marketsim.scenario.overrides import parse_override

    overrides = dict(parse_override(text) for text in texts)
    return overrides if seed is None else {**overrides, "seed": seed}
