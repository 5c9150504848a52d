"""``marketsim expert``: a group; each command is a file of its own."""

from __future__ import annotations

import click

from marketsim.cli.expert_benchmark import benchmark
from marketsim.cli.expert_write import write


@click.group()
def expert() -> None:
    """Experts that plan a prosumer's day: write them from words, and see how well a model reads."""


expert.add_command(write)
expert.add_command(benchmark)
