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
from marketsim.extension.entry import FACTORY_ARGUMENTS, KINDS, RESERVED_DEVICE_NAMES, Entry
from marketsim.extension.hookspecs import KIND_OF_HOOK, hookimpl
from marketsim.extension.registry import Registry, new_registry


class Margin(Params):
    """Parameters for the tests."""

    margin: float = 0.1


def build(params: Margin, context: object) -> tuple[Margin, object]:
    return params, context


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
    made.add("strategy", Entry("margin", build, Margin, "asks more"), "tests")
    return made


def refused(registry: Registry, plugin: object, name: str = "mine") -> str:
    before = registry.entries()
    with pytest.raises(PluginError) as caught:
        registry.register(plugin, name, "/p/plugin.py")
    assert registry.entries() == before
    assert name not in registry.plugins()
    return str(caught.value)


def test_parts_are_found_by_kind_and_name(registry: Registry) -> None:
    """What was added answers with its model, its factory and where it came from."""
    assert registry.names("strategy") == ("margin",)
    assert registry.params("strategy", "margin") is Margin
    assert registry.factory("strategy", "margin") is build
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
        registry.add("strategy", Entry("margin", build), "others")
    registry.add("engine", Entry("margin", lambda params: params), "others")


@pytest.mark.parametrize(
    ("kind", "entry", "message"),
    [
        ("strategy", "margin", "must be an Entry, not str"),
        ("strategy", Entry("Margin", build), "lower-case"),
        ("strategy", Entry("", build), "lower-case"),
        ("strategy", Entry("class", build), "lower-case"),
        ("strategy", Entry("a", build, dict), "subclass of marketsim.core.params.Params"),  # type: ignore[arg-type]
        ("strategy", Entry("a", build, "no_colon"), "must read 'module:Attribute'"),
        ("strategy", Entry("a", "no_colon"), "must read 'module:attribute'"),
        ("strategy", Entry("a", 5), r"callable as build\(params, context\), not 5"),  # type: ignore[arg-type]
        ("strategy", Entry("a", lambda params: params), r"callable as build\(params, context\): too many positional"),
        ("engine", Entry("a", build), r"callable as build\(params\): missing a required argument: 'context'"),
        ("device", Entry("load", lambda rows, context: rows), "already a key of every agent"),
        ("agent", Entry("a", build, Margin), "has no parameters of its own"),
    ],
)
def test_malformed_entries_are_refused(registry: Registry, kind: str, entry: Any, message: str) -> None:
    """Name, model and signature are checked when a part is registered."""
    with pytest.raises(PluginError, match=message):
        registry.add(kind, entry, "others")


def test_every_kind_has_a_hook_and_a_call() -> None:
    """Hooks, kinds and factory arguments belong together one to one, and every hook is documented."""
    assert sorted(KIND_OF_HOOK.values()) == sorted(KINDS) == sorted(FACTORY_ARGUMENTS)
    for hook, kind in KIND_OF_HOOK.items():
        text = getattr(hookspecs, hook).__doc__
        assert f"build({', '.join(FACTORY_ARGUMENTS[kind])})" in text


def test_device_names_spare_the_keys_of_agents() -> None:
    """The reserved names are exactly the keys that a scenario's agents have."""
    from marketsim.scenario.agents import AgentEntry

    assert set(AgentEntry.model_fields) == RESERVED_DEVICE_NAMES


def test_a_plugin_registers_all_its_parts(registry: Registry) -> None:
    """Modules and objects with marked functions are plugins alike."""
    entries = [Entry("one", build, Margin), Entry("two", build)]
    filed = registry.register(plugin_of(marketsim_strategies=entries), "mine")
    assert [(entry.name, entry.kind, entry.source) for entry in filed] == [
        ("one", "strategy", "mine"),
        ("two", "strategy", "mine"),
    ]
    assert registry.plugins() == ("mine",)
    assert registry.names("strategy") == ("margin", "one", "two")


def test_hooks_may_be_generators(registry: Registry) -> None:
    """A hook may yield its entries."""

    class Plugin:
        @hookimpl
        def marketsim_strategies(self) -> Iterator[Entry]:
            yield Entry("one", build)

    assert [entry.name for entry in registry.register(Plugin(), "mine")] == ["one"]


def test_unknown_and_unmarked_hooks_are_named(registry: Registry) -> None:
    """A misspelt hook and a forgotten mark are told apart."""
    text = refused(registry, plugin_of(marketsim_stategies=[]))
    assert "plugin mine: there is no hook 'marketsim_stategies'" in text
    assert "did you mean 'marketsim_strategies'?" in text
    text = refused(registry, SimpleNamespace(marketsim_engines=list))
    assert "marketsim_engines is not marked as a hook" in text
    assert "put @hookimpl above it" in text
    assert "has no hooks" in refused(registry, ModuleType("empty"))


def test_signature_of_a_hook_is_checked(registry: Registry) -> None:
    """A hook that wants arguments is refused with its name."""

    class Plugin:
        @hookimpl
        def marketsim_engines(self, registry: object) -> list[Entry]:
            return []

    text = refused(registry, Plugin())
    assert "plugin mine" in text
    assert "marketsim_engines" in text
    assert "registry" in text


@pytest.mark.parametrize("result", [None, 5, "margin", Entry("a", build)])
def test_hooks_return_lists_of_entries(registry: Registry, result: object) -> None:
    """Anything else is named by its type."""
    text = refused(registry, plugin_of(marketsim_strategies=lambda: result))
    assert f"marketsim_strategies: must return a list of Entry, not {type(result).__name__}" in text


def test_all_faults_of_a_plugin_come_at_once(registry: Registry) -> None:
    """Every entry of every hook is checked, and none is registered."""
    plugin = plugin_of(
        marketsim_strategies=[Entry("margin", build), Entry("Bad", build), 3, Entry("fine", build)],
        marketsim_engines=[Entry("pool", build), Entry("x", lambda params: 1), Entry("x", lambda params: 2)],
    )
    text = refused(registry, plugin)
    for part in ("already registered by tests", "'Bad'", "not int", "'pool': factory", "'x' is brought twice"):
        assert part in text
    assert text.count("/p/plugin.py: plugin mine: marketsim_") == 5


def test_a_failing_hook_is_located(registry: Registry) -> None:
    """What a hook raises becomes an error with the line of the plugin."""

    def broken() -> list[Entry]:
        raise RuntimeError("no luck")

    with pytest.raises(PluginError, match=r"marketsim_strategies failed: RuntimeError: no luck") as caught:
        registry.register(plugin_of(marketsim_strategies=broken), "mine", __file__)
    assert (caught.value.problems[0].file, caught.value.problems[0].line > 0) == (__file__, True)


def test_a_plugin_is_registered_once(registry: Registry) -> None:
    """Its name is taken then."""
    registry.register(plugin_of(marketsim_strategies=[Entry("one", build)]), "mine")
    with pytest.raises(PluginError, match="mine"):
        registry.register(plugin_of(marketsim_strategies=[Entry("two", build)]), "mine")
    assert registry.names("strategy") == ("margin", "one")


def test_references_are_imported_when_needed(registry: Registry) -> None:
    """Models and factories may be named; they are imported when they are asked for."""
    here = "marketsim.core.params:Params"
    registry.add("strategy", Entry("lazy", "collections:namedtuple", here), "tests")
    assert registry.params("strategy", "lazy") is Params
    registry.add("strategy", Entry("wrong", "collections:Nothing", "collections:OrderedDict"), "tests")
    with pytest.raises(PluginError, match=r"strategy 'wrong' of tests: collections has no Nothing"):
        registry.factory("strategy", "wrong")
    with pytest.raises(PluginError, match="strategy 'wrong' of tests: params must be a subclass"):
        registry.params("strategy", "wrong")


def test_missing_libraries_name_the_extra(registry: Registry) -> None:
    """An optional library that is absent is no riddle: the message is the command that installs it."""
    registry.add("learner", Entry("ppo", "not_installed_at_all:build", extra="learn"), "tests")
    with pytest.raises(
        MissingDependency, match=r"learner 'ppo' of tests needs not_installed_at_all: .*marketsim\[learn\]"
    ):
        registry.factory("learner", "ppo")
    registry.add("learner", Entry("own", "not_installed_at_all:build"), "tests")
    with pytest.raises(PluginError, match="pip install not_installed_at_all"):
        registry.factory("learner", "own")


def test_specifications_fit_pluggy() -> None:
    """All hook specifications are accepted by the plugin manager."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    assert all(hasattr(manager.hook, hook) for hook in KIND_OF_HOOK)
