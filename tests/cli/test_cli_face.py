"""The command's face: help, version, unknown words, and what it loads to show them."""

from __future__ import annotations

import json

import pytest

HELP = """\
Usage: marketsim [OPTIONS] COMMAND [ARGS]...

  Simulate peer-to-peer electricity markets on a physical feeder.

  Try it: marketsim run scenarios/ieee141.yaml

Options:
  --debug     Show the traceback of an error.
  --version   Show the version and exit.
  -h, --help  Show this message and exit.

Commands:
  run               Simulate a scenario and write its run folder.
  train             Train the agents of a scenario; resumable.
  evaluate          Compare trained and untrained markets on unseen days.
  validate          Check a scenario; every problem at once.
  data              Say what a table of your own means, and how to read it.
  whatif            Vary values of a scenario; where does it break?
  compare           Show runs side by side: do they differ beyond noise?
  expert            Plan days, verify plans by AC, write experts from words.
  report            Write the report of a run or a study: one HTML file.
  share             Say who should pay what in a run, and who would leave.
  explain           Say why an agent of a run pays what it pays.
  import            Make a scenario of data of others, which runs at once.
  feeder            List the buses of a feeder and how agents refer to them.
  schema            Print the JSON Schema of scenarios, for editors.
  compare-gates     Put gates, envelopes and the central optimum side by side.
  coordinate        Plan a community's day together; compare with its market.
  gate-errors       Count what a gate decides otherwise than AC.
  hosting-capacity  Find how much PV or how many EVs a feeder takes.
  baselines         Play the rules of set-points day by day.
  contingency       Rank what failures of the feeder do.
  reinforce         Weigh reinforcement of the feeder against curtailment.
  plugins           List what a scenario can name, or show one part.
  critic            Train surrogates of a language-model critic, or audit one.
  doctor            Say what is installed and whether Ollama answers.
  bench             Measure the kernels against references, in one run.
"""
HEAVY = {"torch", "pandapower", "mesa", "numba", "scipy", "pandas", "pyarrow", "power_grid_model", "networkx"}


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_lists_every_command_in_a_line(cli, option):
    assert cli(option) == (0, HELP, "")


def test_no_command_shows_the_help(cli):
    """Alone, the command says what it can do; that is a use error, as for other tools."""
    ended = cli()
    assert ended.code == 2
    assert HELP.strip() in ended.out + ended.err


@pytest.mark.parametrize(
    "command",
    [
        "run",
        "train",
        "validate",
        "whatif",
        "compare",
        "report",
        "import",
        "feeder",
        "schema",
        "compare-gates",
        "coordinate",
        "gate-errors",
        "plugins",
        "doctor",
        "bench",
    ],
)
def test_every_command_explains_itself(cli, command):
    """Each has a page of help whose first sentence is more than its name."""
    ended = cli(command, "--help")
    assert ended.code == 0
    assert ended.out.startswith(f"Usage: marketsim {command} ")
    assert len(ended.out.splitlines()[2]) > 20


def test_the_version_is_the_package_s(cli):
    from importlib.metadata import PackageNotFoundError, version

    try:
        assert cli("--version") == (0, f"marketsim, version {version('marketsim')}\n", "")
    except PackageNotFoundError:
        pytest.skip("run from a checkout without installation")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rum"], "Error: No such command 'rum'. Did you mean 'run'?"),
        (["frobnicate"], "Error: No such command 'frobnicate'."),
        (["plugins", "lst"], "Error: No such command 'lst'."),
        (["run"], "Error: Missing argument 'SCENARIO'."),
        (["run", "x.yaml", "--frce"], "Error: No such option '--frce'. Did you mean '--force'?"),
        (["run", "x.yaml", "--seed", "one"], "Error: Invalid value for '--seed': 'one' is not a valid integer."),
        (["run", "x.yaml", "--on-mismatch", "ignore"], "'ignore' is not one of 'stop', 'record'."),
        (["run", "x.yaml", "y.yaml"], "Error: Got unexpected extra argument (y.yaml)"),
    ],
)
def test_a_word_that_it_does_not_know(cli, arguments, message):
    """Exit code 2, nothing on standard output, the last line says what is wrong, and help is named."""
    ended = cli(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err.splitlines()[-1]
    assert "--help' for help." in ended.err


@pytest.fixture(scope="module")
def loaded(python, root):
    """Top-level modules that a command has loaded when it ends, in a fresh process."""

    def names(*arguments):
        code = """
import sys
from marketsim.cli.main import main
try:
    main(sys.argv[1:])
except SystemExit as left:
    assert not left.code
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""
        ended = python("-c", code, *arguments, cwd=root)
        assert ended.code == 0, ended.err
        return set(ended.err.split())

    return names


def test_help_loads_almost_nothing(loaded):
    """Not even numpy or the model of scenarios."""
    assert not loaded("--help") & (HEAVY | {"numpy", "pydantic", "yaml", "rich"})


def test_validation_loads_no_heavy_library(loaded, all_shipped):
    """Whatever the scenario names: a feeder of pandapower is not loaded to check the scenario's text."""
    for path in all_shipped:
        assert not loaded("validate", str(path)) & HEAVY, path


def test_the_package_loads_its_parts_when_they_are_used(python):
    """``import marketsim`` costs nothing, and yet every public name is there."""
    code = """
import json, sys
import marketsim as ms
light = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps([light, [name for name in ms.__all__ if not hasattr(ms, name)], sorted(dir(ms)) == sorted(ms.__all__)]))
"""
    ended = python("-c", code)
    light, missing, same = json.loads(ended.out)
    assert not set(light) & (HEAVY | {"numpy", "pydantic"})
    assert (missing, same) == ([], True)


def test_an_unexpected_fault_is_a_message_and_a_traceback_only_on_request(cli, monkeypatch):
    """The outermost call tells the user what to do; with ``--debug`` the traceback is there."""
    monkeypatch.setattr("marketsim.app.ready.full_registry", lambda *files: 1 / 0)
    ended = cli("schema")
    assert ended == (
        1,
        "",
        "error: unexpected ZeroDivisionError: division by zero\n"
        "This is a fault of marketsim; run again with --debug for the traceback and report it.\n",
    )
    with pytest.raises(ZeroDivisionError):
        cli("schema", "--debug")


def test_a_reader_that_goes_away_is_no_error(python, root, environment):
    """``marketsim schema | head -1`` ends quietly."""
    import subprocess
    import sys

    ended = subprocess.run(
        ["/bin/sh", "-c", '"$0" -m marketsim schema | head -1', sys.executable],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("{\n", "")
