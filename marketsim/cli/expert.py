"""``marketsim expert``: a group; each command is a file of its own."""

from __future__ import annotations

import click

from marketsim.cli.expert_solve import solve
from marketsim.cli.expert_verify import verify


@click.group()
def expert() -> None:
    """Plan days by the expert of a scenario, and verify plans by AC power flow."""


expert.add_command(solve)
expert.add_command(verify)
