"""``--rule`` and ``--weights``: what a scenario names, on a command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from marketsim.cli.options import drawing_option, teller

if TYPE_CHECKING:
    from marketsim.extension.registry import Registry


joining_option = drawing_option("Of rules that draw orders of joining.")


def named_rule(rule: str, option: str = "--rule") -> tuple[str, dict[str, Any]]:
    """Name and parameters of a rule as a scenario writes it, from this option."""
    from marketsim.scenario.overrides import parse_value

    value = parse_value(rule, option)
    if isinstance(value, str):
        return value, {}
    if isinstance(value, dict) and len(value) == 1:
        ((name, parameters),) = value.items()
        if isinstance(parameters, dict) or parameters is None:
            return str(name), dict(parameters or {})
    raise click.BadParameter(f"give a name, or one name with its parameters, not {rule!r}", param_hint=option)


def rules_of(plugin_files: tuple[Path, ...]) -> Registry | None:
    """The rules that there are with those of some files, which are executed; None without files."""
    from marketsim.app.ready import full_registry

    return full_registry(plugin_files, teller()) if plugin_files else None
