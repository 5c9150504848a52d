"""What a plugin brings: parts of any kind, from one hook.

A plugin is a Python file or a package. It marks one function with ``hookimpl`` that takes no argument and yields the
parts that it brings, each with its kind::

    import marketsim as ms

    class NightParams(ms.Params):
        price: float = 0.20
        '''What the owner pays at most at night [currency/kWh].'''

    @ms.hookimpl
    def marketsim_parts():
        yield ms.Entry(
            kind="strategy", name="night", build=lambda params, context: Night(params.price), params=NightParams,
            summary="buys at night only",
        )

A scenario then chooses the part by its name, parameters below it: ``strategy: {night: {price: 0.18}}``. The parameter
model decides what is valid, its attribute docstrings are what ``marketsim plugins show night`` prints, and errors in a
scenario carry file, line and column like all others.

``build`` is called once when a simulation is built, as ``build(params, context)``: ``params`` is the validated model,
``context`` says what is known by then, a ``marketsim.core.build.BuildContext`` or the part of it that a kind can know.
The kinds, what each returns and what its traits mean stand in ``marketsim.extension.kinds``. Nothing here is called inside
a slot. Heavy libraries are best named by reference,
``Entry(kind="grid", name="net", build="my_package.net:build")``: then they are imported when the part is built, and not
before.

A plugin is found through ``plugins: [path/to/plugin.py]`` in a scenario, or through an entry point of the group
``marketsim.plugins`` whose value is the module.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pluggy

from marketsim.extension.entry import Entry

PROJECT: Final = "marketsim"
HOOK: Final = "marketsim_parts"
"""Name of the hook."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def marketsim_parts() -> Iterable[Entry]:
    """The parts that a plugin brings, of any kinds. A specification: pluggy reads its name and never calls it."""
    raise NotImplementedError
