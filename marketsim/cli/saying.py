"""What a command says: names, paths and notes in it may be a stranger's."""

from __future__ import annotations

import click

from marketsim.core.plain_text import harmless


def say(text: object = "", *, err: bool = False) -> None:
    """Print a line, on standard error with ``err``; nothing in it acts on the terminal but line ends."""
    click.echo(harmless(str(text)), err=err)
