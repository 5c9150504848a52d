"""The ``marketsim`` command: sub-commands are imported only when they run, so that ``--help`` stays quick."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from collections.abc import Sequence
from keyword import iskeyword

import click

from marketsim.core.errors import MarketsimError
from marketsim.core.face import command_line
from marketsim.core.interrupts import interruptible
from marketsim.core.plain_text import harmless

_COMMANDS = {
    "run": "Simulate a scenario and write its run folder.",
    "train": "Train the agents of a scenario; resumable.",
    "evaluate": "Compare trained and untrained markets on unseen days.",
    "validate": "Check a scenario; every problem at once.",
    "data": "Say what a table of your own means, and how to read it.",
    "whatif": "Vary values of a scenario; where does it break?",
    "compare": "Show runs side by side: do they differ beyond noise?",
    "expert": "Plan days, verify plans by AC, write experts from words.",
    "report": "Write the report of a run or a study: one HTML file.",
    "share": "Say who should pay what in a run, and who would leave.",
    "explain": "Say why an agent of a run pays what it pays.",
    "import": "Make a scenario of data of others, which runs at once.",
    "feeder": "List the buses of a feeder and how agents refer to them.",
    "schema": "Print the JSON Schema of scenarios, for editors.",
    "compare-gates": "Put gates, envelopes and the central optimum side by side.",
    "coordinate": "Plan a community's day together; compare with its market.",
    "gate-errors": "Count what a gate decides otherwise than AC.",
    "hosting-capacity": "Find how much PV or how many EVs a feeder takes.",
    "baselines": "Play the rules of set-points day by day.",
    "contingency": "Rank what failures of the feeder do.",
    "reinforce": "Weigh reinforcement of the feeder against curtailment.",
    "plugins": "List what a scenario can name, or show one part.",
    "critic": "Train surrogates of a language-model critic, or audit one.",
    "doctor": "Say what is installed and whether Ollama answers.",
    "bench": "Measure the kernels against references, in one run.",
}
"""Name and summary; each is the function of its name in the module of that name."""


class LazyGroup(click.Group):
    """A group that knows its commands by name and one line, and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All names in their order."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command ``cmd_name``."""
        if cmd_name not in _COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        name = f"{name}_" if iskeyword(name) else name
        command: click.Command = getattr(importlib.import_module(f"marketsim.cli.{name}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one may have been meant."""
        from difflib import get_close_matches

        if args and args[0] not in _COMMANDS and not args[0].startswith("-"):
            close = get_close_matches(args[0], _COMMANDS, n=1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            ctx.fail(f"No such command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="marketsim")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Simulate peer-to-peer electricity markets on a physical feeder.

    Try it: marketsim run scenarios/ieee141.yaml
    """
    ctx.obj = {"debug": debug}


def _demand_output(args: Sequence[str]) -> None:
    """End where standard output is closed and something is to be printed; its number is given to no other file."""
    if sys.stdout is not None:
        return
    with contextlib.suppress(OSError):
        os.open(os.devnull, os.O_WRONLY)
    if "--quiet" not in args:
        click.echo("error: cannot write to standard output: it is closed", err=True)
        sys.exit(1)


def _output_is_broken(error: OSError) -> bool:
    """Whether an error is one of standard output: of no file that it names, and a line end is not taken either."""
    if error.filename is not None:
        return False
    try:
        os.write(sys.stdout.fileno(), b"\n")
    except OSError:
        return True
    return False


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line; the one place where an error becomes a message and an exit code."""
    args = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in args
    args = [arg for arg in args if arg != "--debug"]
    _demand_output(args)
    try:
        with interruptible(), command_line():
            cli.main(args=(["--debug"] if debug else []) + args, prog_name="marketsim", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        sys.exit(1)
    except MarketsimError as error:
        if debug:
            raise
        click.echo(harmless(f"error: {error}"), err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:  # the reader of our output has gone, e.g. `marketsim schema | head`
        _drop_output()
        sys.exit(1)
    except Exception as error:  # the outermost call: an unexpected fault is a message, a traceback only on request
        if isinstance(error, OSError) and _output_is_broken(error):
            _drop_output()
            click.echo(f"error: cannot write to standard output: {error.strerror or error}", err=True)
            sys.exit(1)
        if debug:
            raise
        click.echo(harmless(f"error: unexpected {type(error).__name__}: {error}\n") + _whose(error), err=True)
        sys.exit(1)


def _whose(error: Exception) -> str:
    """Whose fault an unexpected error is: that of the plugin whose code it came through, else ours."""
    from marketsim.extension.files import line_of_plugin

    line = line_of_plugin(error)
    if line:
        return harmless(f"It came from a plugin, at {line}; run again with --debug for the traceback.")
    return "This is a fault of marketsim; run again with --debug for the traceback and report it."
