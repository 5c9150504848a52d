"""What is checked before a run: light parts are built, and files that the scenario names are looked for. Nothing heavy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from marketsim.app.named_files import is_built_in, named_files
from marketsim.app.parts import SECTIONS, basics_of, chosen, demand_model, devices_of, notes_of, placed
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.build import Basics, BuildContext
from marketsim.core.errors import InputError
from marketsim.extension.entry_points import installed_plugins
from marketsim.profiles.library import simbench_library
from marketsim.profiles.plan import check_shapes
from marketsim.scenario.origin import read_origin


class Checked(NamedTuple):
    """What was found without a run."""

    faults: list[InputError]
    """What is wrong, with places in the scenario; an error a part, of its own class."""
    notes: tuple[str, ...]
    """What whoever runs it should know."""
    files: tuple[str, ...]
    """Files that were read."""
    unread: tuple[str, ...]
    """Files whose contents only a run reads, and clients of models that a plugin has to bring."""


def checked(ready: ReadyScenario) -> Checked:
    """Build the light built-in parts of a scenario that is valid by itself, and look for all files that it names.

    Agents need no buses for that.
    """
    faults: list[InputError] = []
    notes: tuple[str, ...] = ()
    for kind, check in _light_parts(ready):
        try:
            made_part = check()
        except InputError as error:
            faults.append(placed(error, ready))
        else:
            notes += notes_of(made_part) if kind == "profile" else ()
    strange, unknown_models = _strange_models(ready)
    faults += strange
    report: tuple[str, ...] = ()
    if ready.model.origin is not None:
        try:
            notes += read_origin(ready.model.origin, ready.fence).notes
        except InputError as error:
            faults.append(placed(error, ready, ("origin",)))
        report = (ready.model.origin,)
    named = list(named_files(ready))
    for kind, each in named:
        section = SECTIONS[kind]
        try:
            each.check()
        except InputError as error:
            faults.append(placed(error, ready, section))
    read = (*ready.model.profiles.params.files_read(), *ready.model.tariff.params.files_read())
    read += (*_device_files(ready), *report)
    read += tuple(each.path.name for _, each in named if each.whole)
    unread = tuple(f"contents of {each.path.name}" for _, each in named if not each.whole)
    return Checked(faults, notes, read, unread + unknown_models)


def _strange_models(ready: ReadyScenario) -> tuple[list[InputError], tuple[str, ...]]:
    """Clients of models that do not come with the package: wrong, or nobody knows where a plugin may bring them."""
    named = ready.model.critic.params.clients_named("critic")
    strange = [(path, name) for path, name in named if name not in ready.registry.names("model")]
    if strange and (ready.model.plugins or installed_plugins()):
        return [], tuple(f"model {name}" for _, name in strange)
    faults = []
    for path, name in strange:
        try:
            demand_model(ready, name, path)
        except InputError as error:
            faults.append(placed(error, ready))
    return faults, ()


def _light_parts(ready: ReadyScenario) -> Iterator[tuple[str, Callable[[], object]]]:
    """What is built to check a scenario, by the kind of part: what comes with the package and takes no time."""
    model, basics = ready.model, basics_of(ready, (ready.model.seed,))

    def without_tariff() -> BuildContext:
        return BuildContext.of(basics, tariff=None, devices=devices_of(ready, basics))

    if is_built_in(ready.registry, "tariff", model.tariff.name):
        yield "tariff", lambda: chosen(ready, "tariff", model.tariff, basics)
        engine = model.market.engine
        if is_built_in(ready.registry, "engine", engine.name) and "prices" in ready.registry.traits(
            "engine", engine.name
        ):
            yield "engine", lambda: _priced_engine(ready, basics)
    source = model.profiles
    if not is_built_in(ready.registry, "profile", source.name):
        return
    if source.params.files_read():
        yield "profile", lambda: chosen(ready, "profile", source, without_tariff())
    elif _device_files(ready):
        yield "device", lambda: devices_of(ready, basics)
    shaped = any(agent.load.shape or agent.pv_shape for agent in ready.agents)
    if shaped and "library" in ready.registry.traits("profile", source.name):
        yield "shapes", lambda: check_shapes(ready.agents, simbench_library())


def _priced_engine(ready: ReadyScenario, basics: Basics) -> object:
    """An engine whose price follows from the tariffs; None where there are none, which is told already."""
    try:
        tariff = chosen(ready, "tariff", ready.model.tariff, basics)
    except InputError:
        return None
    return chosen(ready, "engine", ready.model.market.engine, BuildContext.of(basics, tariff=tariff, devices=()))


def _device_files(ready: ReadyScenario) -> tuple[str, ...]:
    """Files that devices read whole."""
    files = (file for agent in ready.agents for params in agent.devices.values() for file in params.files_read())
    return tuple(dict.fromkeys(files))


def demand_files(ready: ReadyScenario) -> None:
    """InputError with everything that ``checked`` finds wrong; of the class of the part, where it is one."""
    faults = checked(ready).faults
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise InputError([problem for error in faults for problem in error.problems])
