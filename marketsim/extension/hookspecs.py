"""What a plugin can bring: one hook a kind. The docstrings are the documentation of plugin authors.

A plugin is a Python file or a package. It marks functions of the names below with ``hookimpl``; each takes no argument
and returns the parts that it brings::

    from marketsim.core.params import Params
    from marketsim.extension.entry import Entry
    from marketsim.extension.hookspecs import hookimpl

    class NightParams(Params):
        price: float = 0.20
        '''What the owner pays at most at night [currency/kWh].'''

    @hookimpl
    def marketsim_strategies():
        return [Entry("night", NightStrategy, NightParams, "buys at night only")]

A scenario then chooses the part by its name, parameters below it: ``strategy: {night: {price: 0.18}}``. The parameter
model decides what is valid, its attribute docstrings are what ``marketsim plugins show night`` prints, and errors in a
scenario carry file, line and column like all others.

``factory`` is called once when a simulation is built, with the positional arguments that each hook names. ``params``
is the validated model, ``context`` a ``marketsim.core.build.BuildContext``. Nothing here is called inside a slot.
Heavy libraries are best named by reference, ``Entry("net", "my_package.net:build", "my_package.params:NetParams")``:
then they are imported when the part is built, and not before.

A plugin is found through ``plugins: [path/to/plugin.py]`` in a scenario, or through an entry point of the group
``marketsim.plugins`` whose value is the module.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from marketsim.extension.entry import Entry

PROJECT = "marketsim"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

# The functions below are specifications: pluggy reads their names and never calls them, which is what their bodies say.


@hookspec
def marketsim_agents() -> Iterable[Entry]:
    """Kinds of market participants, ``kind: <name>`` of an agent. A kind has no parameters of its own.

    ``build(params, context)`` returns a subclass of the package's Mesa agents: a view that reads the rows of one agent.
    """
    raise NotImplementedError


@hookspec
def marketsim_strategies() -> Iterable[Entry]:
    """Strategies, ``strategy: <name>`` of an agent.

    ``build(params, context)`` returns a ``marketsim.core.ports.Strategy``, which decides for all agents of
    ``context.rows`` at once. For one agent at a time write an agent kind with a ``decide`` of its own instead.
    """
    raise NotImplementedError


@hookspec
def marketsim_engines() -> Iterable[Entry]:
    """Order-matching engines, ``market: {engine: <name>}``.

    ``build(params)`` returns a ``marketsim.core.ports.Engine``. One that handles pairwise charges carries the trait
    ``pairs``.
    """
    raise NotImplementedError


@hookspec
def marketsim_critics() -> Iterable[Entry]:
    """Critics that score the fairness of a slot, ``critic: {kind: <name>}``.

    ``build(params, context)`` returns a ``marketsim.fairness.critic.Critic``; it reads the record of a slot and changes
    nothing. Its ``review`` answers at once; one that takes its time is a ``PatientCritic``, which a run also lets
    ``watch``. ``marketsim.testing.critic_kit`` tests the contract.
    """
    raise NotImplementedError


@hookspec
def marketsim_devices() -> Iterable[Entry]:
    """Devices behind an agent's meter, a key of the agent: ``<name>: {...}``.

    ``build(rows, context)`` returns a ``marketsim.core.ports.Device``, the fleet of all agents: ``rows`` holds the
    validated model of each agent of the flat axis, None for who has none. In a scenario ``owner_share`` beside the
    parameters says which part of a group has the device; it is no parameter and never reaches the model.
    """
    raise NotImplementedError


@hookspec
def marketsim_profiles() -> Iterable[Entry]:
    """Sources of load, PV and other series, ``profiles: {source: <name>}``.

    ``build(params, context)`` returns a ``marketsim.core.ports.Profiles``. A source whose loads are metered in kW
    carries the trait ``metered``: agents then need neither ``peak_kw`` nor ``annual_kwh``.
    """
    raise NotImplementedError


@hookspec
def marketsim_tariffs() -> Iterable[Entry]:
    """Prices of the utility, ``tariff: <name>``.

    ``build(params, context)`` returns a ``marketsim.core.ports.Tariff``.
    """
    raise NotImplementedError


@hookspec
def marketsim_metrics() -> Iterable[Entry]:
    """Further measures of a run, ``metrics: [<name>]``.

    ``build(params, context)`` returns a ``marketsim.core.metric.Metric``, which reads the record of each slot and needs
    the same memory for a day and for a year.
    """
    raise NotImplementedError


@hookspec
def marketsim_grids() -> Iterable[Entry]:
    """Sources of feeders, ``grid: {feeder: <name>}`` or ``grid: {feeder: "<name>:<argument>"}``.

    ``build(argument, folder)`` returns the feeder; ``argument`` is the text after the colon, ``folder`` the one that
    relative paths of the scenario start from.
    """
    raise NotImplementedError


@hookspec
def marketsim_learners() -> Iterable[Entry]:
    """Learning algorithms, ``learning: {learner: <name>}``.

    ``build(params)`` returns a ``marketsim.learning.learner.Learner``, which trains the policies of a game. If its
    parameters have ``markets``, so many are played side by side; a method ``rounds(n_agents, slots)`` says how many
    episodes a training has.
    """
    raise NotImplementedError


@hookspec
def marketsim_charges() -> Iterable[Entry]:
    """Network charges, ``market: {charges: <name>}``.

    ``build(params, context)`` returns a ``marketsim.core.ports.Charges``. Charges that differ by pair of agents carry
    the trait ``pairwise``.
    """
    raise NotImplementedError


@hookspec
def marketsim_allocations() -> Iterable[Entry]:
    """Ways to share scarce grid capacity, ``grid: {allocation: <name>}``.

    ``build(params, context)`` returns a ``marketsim.core.ports.Allocation``.
    """
    raise NotImplementedError


@hookspec
def marketsim_reactives() -> Iterable[Entry]:
    """Modes of reactive power, ``grid: {reactive: <name>}``.

    ``build(params, context)`` returns a ``marketsim.core.ports.Reactive``.
    """
    raise NotImplementedError


KIND_OF_HOOK = {
    "marketsim_agents": "agent",
    "marketsim_strategies": "strategy",
    "marketsim_engines": "engine",
    "marketsim_critics": "critic",
    "marketsim_devices": "device",
    "marketsim_profiles": "profile",
    "marketsim_tariffs": "tariff",
    "marketsim_metrics": "metric",
    "marketsim_grids": "grid",
    "marketsim_learners": "learner",
    "marketsim_charges": "charges",
    "marketsim_allocations": "allocation",
    "marketsim_reactives": "reactive",
}
"""Which kind the parts returned by a hook have."""
