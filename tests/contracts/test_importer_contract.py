"""Every built-in importer keeps the contract that plugins are held to, and so does one of one's own."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from marketsim.app.importing import import_context
from marketsim.core.rule_terms import Wrong
from marketsim.importers import citylearn, hamlet, pandapower_net, simbench_net
from marketsim.importers.params import CityLearnParams, HamletParams, PandapowerParams, SimBenchParams
from marketsim.testing.importer_kit import ImporterContract

PARTS = Path(__file__).resolve().parent.parent / "parts"


def module(name):
    """A file of parts, as a plugin brings it."""
    spec = importlib.util.spec_from_file_location(name, PARTS / f"{name}.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.fixture(scope="module", autouse=True)
def sources(tmp_path_factory):
    """What the importers read."""
    folder, data = tmp_path_factory.mktemp("sources"), module("foreign_data")
    TestCityLearn.source = str(data.citylearn(folder / "city"))
    TestHamlet.source = str(data.hamlet(folder / "town"))
    (folder / "village.csv").write_text("anna,3000\n")
    TestOneOfOnesOwn.source = str(folder / "village.csv")
    pandapower = pytest.importorskip("pandapower")
    net = pandapower.networks.create_kerber_landnetz_kabel_1()
    TestPandapower.source = str(folder / "net.json")
    pandapower.to_json(net, TestPandapower.source)


class TestCityLearn(ImporterContract):
    build = staticmethod(citylearn.build)
    params = CityLearnParams(feeder="feeder141")
    context = import_context()


class TestHamlet(ImporterContract):
    build = staticmethod(hamlet.build)
    params = HamletParams()


class TestPandapower(ImporterContract):
    build = staticmethod(pandapower_net.build)
    params = PandapowerParams()
    context = import_context()


@pytest.mark.skipif(importlib.util.find_spec("simbench") is None, reason="SimBench is not installed")
class TestSimBench(ImporterContract):
    build = staticmethod(simbench_net.build)
    params = SimBenchParams(days=1, history_days=0)
    context = import_context()
    source = "1-LV-rural1--0-sw"


class TestOneOfOnesOwn(ImporterContract):
    @staticmethod
    def build(params, context):
        (entry,) = module("own_importer").marketsim_parts()
        return entry.build(entry.params(), context)

    def test_a_source_that_is_not_there_is_refused(self):
        """The one of the example leaves that to Python, and the wall makes a PluginError of it."""
        with pytest.raises(FileNotFoundError):
            super().test_a_source_that_is_not_there_is_refused()


class Forgetful:
    """Other bytes each time."""

    times = 0

    def read(self, source):
        Forgetful.times += 1
        made = module("own_importer").Households(1).read(source)
        return made._replace(tables={"n.csv": str(Forgetful.times).encode()})


class Silent:
    """Says nothing of what it did."""

    def read(self, source):
        return module("own_importer").Households(1).read(source)._replace(taken=(), quantities=())


class Writing:
    """Leaves a file beside the source."""

    def read(self, source):
        Path(source).with_name("left.txt").write_text("left")
        return module("own_importer").Households(1).read(source)


class Wild:
    """Puts a table where it likes."""

    def read(self, source):
        return module("own_importer").Households(1).read(source)._replace(tables={"/etc/x.csv": b""})


@pytest.mark.parametrize(
    ("importer", "law"),
    [
        (Forgetful, "test_the_same_source_gives_the_same_bytes"),
        (Silent, "test_it_says_what_became_of_the_data"),
        (Writing, "test_it_writes_nothing"),
        (Wild, "test_what_it_returns_keeps_the_rules"),
        (object, "test_it_has_what_its_port_declares"),
    ],
)
def test_the_kit_finds_what_breaks_its_laws(importer, law, tmp_path):
    """A kit that nothing fails tests nothing."""
    (tmp_path / "village.csv").write_text("anna,3000\n")
    kit = ImporterContract()
    kit.build = lambda params, context: importer()
    kit.source = str(tmp_path / "village.csv")
    with pytest.raises((AssertionError, Wrong)):
        getattr(kit, law)()
