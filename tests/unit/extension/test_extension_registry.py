"""The registry: one door for everything that can be named, and nothing swallowed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pluggy
import pytest

from marketsim.core.errors import MissingDependency, PluginError
from marketsim.core.params import Params
from marketsim.extension import hookspecs
from marketsim.extension.entry import RESERVED_DEVICE_NAMES, Entry
from marketsim.extension.hookspecs import hookimpl
from marketsim.extension.kinds import KINDS, OLDER_HOOKS
from marketsim.extension.registry import Registry, new_registry


class Margin(Params):
    """Parameters for the tests."""

    margin: float = 0.1


def build(params: Margin, context: object) -> tuple[Margin, object]:
    return params, context


def strategy(name: Any, made: Any = build, params: Any = Params, **more: Any) -> Entry:
    return Entry(kind="strategy", name=name, build=made, params=params, **more)


def unfit(params: Params) -> None:
    """Takes no context."""


def plugin_of(**hooks: Any) -> ModuleType:
    """A module whose hooks return the given values, or call them if they are functions."""
    module = ModuleType("made")
    for name, result in hooks.items():
        setattr(module, name, hookimpl(hook_that_returns(result)))
    return module


def hook_that_returns(result: Any) -> Callable[[], Any]:
    def hook() -> Any:
        return result() if callable(result) else result

    return hook


@pytest.fixture
def registry() -> Registry:
    made = new_registry()
    made.add(strategy("margin", build, Margin, summary="asks more"), "tests")
    return made


def refused(registry: Registry, plugin: object, name: str = "mine") -> str:
    before = registry.entries()
    with pytest.raises(PluginError) as caught:
        registry.register(plugin, name, "/p/plugin.py")
    assert registry.entries() == before
    assert name not in registry.plugins()
    return str(caught.value)


def test_parts_are_found_by_kind_and_name(registry: Registry) -> None:
    """What was added answers with its model, what builds it and where it came from."""
    assert registry.names("strategy") == ("margin",)
    assert registry.params("strategy", "margin") is Margin
    assert registry.builder("strategy", "margin") is build
    entry = registry.entry("strategy", "margin")
    assert (entry.kind, entry.source, entry.summary) == ("strategy", "tests", "asks more")


def test_registries_are_independent(registry: Registry) -> None:
    """There is no registry of the module."""
    assert new_registry().entries() == ()


def test_unknown_names_get_the_nearest(registry: Registry) -> None:
    """A typing error is answered with what was meant."""
    with pytest.raises(PluginError, match=r"no strategy named 'margn'\n.*did you mean 'margin'"):
        registry.entry("strategy", "margn")
    with pytest.raises(PluginError, match=r"no strategy named 'zzz'\n.*there are: margin"):
        registry.params("strategy", "zzz")
    with pytest.raises(PluginError, match=r"no kind of part 'stategy'\n.*'strategy'"):
        registry.names("stategy")
    with pytest.raises(PluginError, match="there are: none"):
        registry.entry("engine", "x")


def test_a_name_is_taken_once(registry: Registry) -> None:
    """Nothing is overwritten: the message names both sources."""
    with pytest.raises(PluginError, match=r"'margin' is already registered by tests\n.*of others another name"):
        registry.add(strategy("margin"), "others")
    registry.add(Entry(kind="engine", name="margin", build=build), "others")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("margin", "must be an Entry, not str"),
        (Entry(kind="stategy", name="a", build=build), "no kind 'stategy'; did you mean 'strategy'"),
        (Entry(kind=5, name="a", build=build), "no kind 5; there are: agent, strategy"),  # type: ignore[arg-type]
        (strategy("Margin"), "lower-case"),
        (strategy(""), "lower-case"),
        (strategy("class"), "lower-case"),
        (strategy(5), "lower-case"),
        (strategy("a", build, dict), "subclass of marketsim.core.params.Params"),
        (strategy("a", build, "no_colon"), "must read 'module:Attribute'"),
        (strategy("a", "no_colon"), "must read 'module:attribute'"),
        (strategy("a", 5), r"callable as build\(params, context\), not 5"),
        (strategy("a", lambda params: params), r"callable as build\(params, context\): too many positional"),
        (strategy("a", summary=3), "summary must be one line of text"),
        (strategy("a", traits="pairs"), "traits must be a set of words"),
        (strategy("a", traits=frozenset({3})), "traits must be a set of words"),
        (strategy("a", traits=frozenset({"pairs"})), "no trait 'pairs'; the kind strategy has alone"),
        (
            Entry(kind="engine", name="a", build=build, traits=frozenset({"pair"})),
            "no trait 'pair'; the kind engine has pairs, prices",
        ),
        (Entry(kind=[], name="a", build=build), r"no kind \[\]"),  # type: ignore[arg-type]
        (Entry(kind="grid", name="a", build=lambda argument: 1), r"callable as build\(argument, context\)"),
        (Entry(kind="device", name="load", build=build), "already a key of every agent"),
        (Entry(kind="agent", name="a", build=build, params=Margin), "has no parameters of its own"),
    ],
)
def test_malformed_entries_are_refused(registry: Registry, entry: Any, message: str) -> None:
    """Kind, name, model and signature are checked when a part is registered."""
    with pytest.raises(PluginError, match=message):
        registry.add(entry, "others")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_takes_parts(registry: Registry, kind: str) -> None:
    """Each kind says what it is, is built from two arguments, and a part of it is found again."""
    described = KINDS[kind]
    assert described.text
    assert described.returns
    assert len(described.call) == 2
    registry.add(Entry(kind=kind, name="mine", build=build), "tests")
    assert registry.names(kind)[-1] == "mine"
    assert registry.builder(kind, "mine") is build


def test_device_names_spare_the_keys_of_agents() -> None:
    """The reserved names are exactly the keys that a scenario's agents have."""
    from marketsim.scenario.agents import AgentEntry

    assert set(AgentEntry.model_fields) == RESERVED_DEVICE_NAMES


def test_a_plugin_registers_all_its_parts(registry: Registry) -> None:
    """Modules and objects with marked functions are plugins alike."""
    entries = [strategy("one", build, Margin), strategy("two")]
    filed = registry.register(plugin_of(marketsim_parts=entries), "mine")
    assert [(entry.name, entry.kind, entry.source) for entry in filed] == [
        ("one", "strategy", "mine"),
        ("two", "strategy", "mine"),
    ]
    assert registry.plugins() == ("mine",)
    assert registry.names("strategy") == ("margin", "one", "two")


def test_hooks_may_be_generators(registry: Registry) -> None:
    """A hook may yield its entries, of several kinds."""

    class Plugin:
        @hookimpl
        def marketsim_parts(self) -> Iterator[Entry]:
            yield strategy("one")
            yield Entry(kind="engine", name="one", build=build)

    assert [entry.name for entry in registry.register(Plugin(), "mine")] == ["one", "one"]


def test_unknown_and_unmarked_hooks_are_named(registry: Registry) -> None:
    """A misspelt hook and a forgotten mark are told apart."""
    text = refused(registry, plugin_of(marketsim_part=[]))
    assert "plugin mine: there is no hook 'marketsim_part'" in text
    assert "did you mean 'marketsim_parts'?" in text
    text = refused(registry, SimpleNamespace(marketsim_parts=list))
    assert "marketsim_parts is not marked as a hook" in text
    assert "put @hookimpl above it" in text
    assert "has no hooks" in refused(registry, ModuleType("empty"))


@pytest.mark.parametrize("hook", OLDER_HOOKS)
def test_older_hooks_get_the_new_form(registry: Registry, hook: str) -> None:
    """A plugin for the hooks of older versions gets one message, which shows how its kind is written now."""
    kind = OLDER_HOOKS[hook]
    text = refused(registry, plugin_of(**{hook: []}))
    assert text.count("plugin mine") == 1
    assert f"{hook}: a hook of an older version" in text
    assert f'def marketsim_parts():\n        yield ms.Entry(kind="{kind}", name=..., build=lambda ' in text


def test_several_older_hooks_get_one_message(registry: Registry) -> None:
    """All of them at once, marked or not, whatever they would return."""
    text = refused(registry, plugin_of(marketsim_engines=lambda: 1 / 0, marketsim_devices=[]))
    assert text.count("plugin mine") == 1
    assert text.index('kind="engine"') < text.index('kind="device"')


def test_signature_of_a_hook_is_checked(registry: Registry) -> None:
    """A hook that wants arguments is refused with its name."""

    class Plugin:
        @hookimpl
        def marketsim_parts(self, registry: object) -> list[Entry]:
            return []

    text = refused(registry, Plugin())
    assert "plugin mine" in text
    assert "marketsim_parts" in text
    assert "registry" in text


@pytest.mark.parametrize("result", [None, 5, "margin", strategy("a")])
def test_hooks_return_lists_of_entries(registry: Registry, result: object) -> None:
    """Anything else is named by its type."""
    text = refused(registry, plugin_of(marketsim_parts=lambda: result))
    assert f"marketsim_parts must yield entries or return a list of them, not {type(result).__name__}" in text


def test_all_faults_of_a_plugin_come_at_once(registry: Registry) -> None:
    """Every entry of every hook is checked, and none is registered."""
    unfit = [Entry(kind="engine", name=name, build=lambda params: params) for name in ("x", "y")]
    twice = [Entry(kind="engine", name="z", build=build)] * 2
    plugin = plugin_of(marketsim_parts=[strategy("margin"), strategy("Bad"), 3, strategy("fine"), *unfit, *twice])
    text = refused(registry, plugin)
    for part in (
        "already registered by tests",
        "'Bad'",
        "not int",
        "engine 'x': '<lambda>'",
        "'z': it is brought twice",
    ):
        assert part in text
    assert text.count("/p/plugin.py: plugin mine: ") == 6


def test_a_fault_of_an_entry_stands_at_its_line(registry: Registry) -> None:
    """What builds the part is found in the plugin's file, line and all."""
    plugin = plugin_of(marketsim_parts=[strategy("a", unfit)])
    with pytest.raises(PluginError) as caught:
        registry.register(plugin, "mine", __file__)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (__file__, unfit.__code__.co_firstlineno)


def test_a_failing_hook_is_located(registry: Registry) -> None:
    """What a hook raises becomes an error with the line of the plugin."""

    def broken() -> list[Entry]:
        raise RuntimeError("no luck")

    with pytest.raises(PluginError, match=r"marketsim_parts failed: RuntimeError: no luck") as caught:
        registry.register(plugin_of(marketsim_parts=broken), "mine", __file__)
    assert (caught.value.problems[0].file, caught.value.problems[0].line > 0) == (__file__, True)


def test_a_plugin_is_registered_once(registry: Registry) -> None:
    """Its name is taken then."""
    registry.register(plugin_of(marketsim_parts=[strategy("one")]), "mine")
    with pytest.raises(PluginError, match="mine"):
        registry.register(plugin_of(marketsim_parts=[strategy("two")]), "mine")
    assert registry.names("strategy") == ("margin", "one")


def test_references_are_imported_when_needed(registry: Registry) -> None:
    """Models and factories may be named; they are imported when they are asked for."""
    here = "marketsim.core.params:Params"
    registry.add(strategy("lazy", "collections:namedtuple", here), "tests")
    assert registry.params("strategy", "lazy") is Params
    registry.add(strategy("wrong", "collections:Nothing", "collections:OrderedDict"), "tests")
    with pytest.raises(PluginError, match=r"strategy 'wrong' of tests: collections has no Nothing"):
        registry.builder("strategy", "wrong")
    with pytest.raises(PluginError, match="strategy 'wrong' of tests: params must be a subclass"):
        registry.params("strategy", "wrong")


def test_missing_libraries_name_the_extra(registry: Registry) -> None:
    """An optional library that is absent is no riddle: the message is the command that installs it."""
    registry.add(Entry(kind="learner", name="ppo", build="not_installed_at_all:build", extra="learn"), "tests")
    with pytest.raises(
        MissingDependency, match=r"learner 'ppo' of tests needs not_installed_at_all: .*marketsim\[learn\]"
    ):
        registry.builder("learner", "ppo")
    registry.add(Entry(kind="learner", name="own", build="not_installed_at_all:build"), "tests")
    with pytest.raises(PluginError, match="pip install not_installed_at_all"):
        registry.builder("learner", "own")


def test_specifications_fit_pluggy() -> None:
    """All hook specifications are accepted by the plugin manager."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    assert hasattr(manager.hook, hookspecs.HOOK)
