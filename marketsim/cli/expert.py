"""``marketsim expert``: a group; each command is a file of its own."""

from __future__ import annotations

import click

from marketsim.cli.expert_benchmark import benchmark
from marketsim.cli.expert_solve import solve
from marketsim.cli.expert_verify import verify
from marketsim.cli.expert_write import write


@click.group()
def expert() -> None:
    """Plan days by the expert of a scenario, verify plans by AC power flow, and write experts from words."""


for command in (solve, verify, write, benchmark):
    expert.add_command(command)
