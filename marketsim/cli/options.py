"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def scenario_argument(function: F) -> F:
    """The scenario's file."""
    return click.argument("scenario", type=click.Path())(function)


def set_option(function: F) -> F:
    """``--set PATH=VALUE``, any number of times."""
    text = "Override a value, e.g. --set profiles.pv_scale=2 (repeatable)."
    return click.option("--set", "overrides", metavar="PATH=VALUE", multiple=True, help=text)(function)


def seed_option(function: F) -> F:
    """``--seed``, short for an override."""
    text = "Seed of all random streams; short for --set seed=N."
    return click.option("--seed", type=int, metavar="N", help=text)(function)


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
