"""Feeders of plugins: made under watch, looked at, and named with their line where they cannot be used."""

from __future__ import annotations

from copy import deepcopy

from marketsim.app.foreign import fault, made_by, named
from marketsim.core.build import FileContext
from marketsim.core.errors import NetworkError
from marketsim.core.read_only import read_only
from marketsim.core.walls import Owner
from marketsim.extension.entry import Build
from marketsim.grid.net.feeder import Feeder, FeederOptions


def feeder_of_plugin(who: Owner, build: Build, argument: str, context: FileContext, options: FeederOptions) -> Feeder:
    """What a plugin's source makes of ``argument``, as a feeder; PluginError for what can be none.

    A pandapower net stays the plugin's own: what is read is a copy.
    """
    from marketsim.grid.net import feeder_checks

    made = made_by(who, build, (argument, context))
    if isinstance(made, Feeder):
        with named(who, "cannot be used"):
            wrong = feeder_checks.faults(made)
        if wrong:
            raise fault(who, "; ".join(wrong[:5]), "see marketsim.grid.net.network.Network")
        checked: Feeder = read_only(made)
        return checked
    return _extracted(who, made, options)


def _extracted(who: Owner, made: object, options: FeederOptions) -> Feeder:
    from marketsim.grid.net import extraction
    from marketsim.grid.net.pandapower_nets import is_net

    if not is_net(made):
        what = f"a source of feeders has to return a pandapower net or a Feeder, not {type(made).__name__}"
        raise fault(who, what)
    try:
        with named(who, "cannot be used"):
            return extraction.extract(deepcopy(made), options)
    except NetworkError as error:
        problems = [
            problem._replace(message=f"{who}: {problem.message}", file=who.file, line=who.line)
            for problem in error.problems
        ]
        raise NetworkError(problems) from error
