"""Sources of feeders that plugins bring, broken on purpose: named with their line before a run, exit code 2."""

from __future__ import annotations

import textwrap

import pytest

import marketsim as ms

SCENARIO = """\
name: fed
clock: {start: 2016-07-12, slots: 2, slot_minutes: 60}
tariff: {flat: {retail: 0.30, feed_in: 0.08}}
grid: {feeder: "mine:%s"}
agents:
  - {name: roof, bus: "%s", kind: prosumer, pv_kw: 8, load: {annual_kwh: 3000}}
plugins: [mine.py]
"""
PLUGIN = """\
import sys
import numpy as np
import pandapower
import marketsim as ms
from marketsim.grid.net import feeder141

NETWORK = feeder141.feeder().network
NET = ms.feeder("pandapower:create_kerber_landnetz_freileitung_1")

def changed(**columns):
    feeder = feeder141.feeder()
    return feeder._replace(network=feeder.network._replace(**columns))

def first(name, value):
    column = getattr(NETWORK, name).copy()
    column[0] = value
    return changed(**{name: column})

%s

@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="grid", name="mine", build=make)
"""
RAISES, BUILDS = "HERE", "def make("


@pytest.fixture
def scenario(scenario_file):
    """``scenario(make)``: with a plugin whose source of feeders is that function."""

    def write(make: str, argument: str = "x", bus: str = "48"):
        scenario_file(PLUGIN % textwrap.dedent(make), "mine.py")
        return scenario_file(SCENARIO % (argument, bus))

    return write


@pytest.mark.parametrize(
    ("make", "place", "rule"),
    [
        ("def make(argument, context):\n    return 1 / 0  # HERE", RAISES, "ZeroDivisionError: division by zero"),
        ("def make(argument, context):\n    sys.exit(0)  # HERE", RAISES, "SystemExit: 0"),
        ("def make(argument, context):\n    context.fence.own = ()  # HERE", RAISES, "FrozenInstanceError"),
        ("def make(argument, context):\n    return None", BUILDS, "pandapower net or a Feeder, not NoneType"),
        ("def make(argument, context):\n    return 'feeder141'", BUILDS, "a pandapower net or a Feeder, not str"),
        ("def make(argument, context):\n    return pandapower.create_empty_network()", BUILDS, ""),
        (
            "def make(argument, context):\n    net = ms.feeder('feeder141')\n    net.line.length_km = -1.0\n    return net",
            BUILDS,
            "length_km",
        ),
        ("def make(argument, context):\n    return feeder141.feeder()._replace(network=None)", BUILDS, "a Network, not"),
        ("def make(argument, context):\n    return first('z_pu', np.nan)", BUILDS, "z_pu has to be finite"),
        ("def make(argument, context):\n    return first('z_pu', 0)", BUILDS, "'line 1-2' has an impedance of zero"),
        ("def make(argument, context):\n    return first('rating_to_pu', -1)", BUILDS, "rating of zero or less"),
        ("def make(argument, context):\n    return first('from_node', 999)", BUILDS, "within 0..140"),
        ("def make(argument, context):\n    return first('from_node', 1)", BUILDS, "cannot be reached from the source"),
        ("def make(argument, context):\n    return first('kind', 7)", BUILDS, "kind has to be a BranchKind"),
        ("def make(argument, context):\n    return changed(base_kv=np.ones(3))", BUILDS, "base_kv has to be float64 (141,)"),
        ("def make(argument, context):\n    return changed(base_kva='x')", BUILDS, "base_kva has to be a finite number"),
        ("def make(argument, context):\n    return changed(bus_names=('1',) * 141)", BUILDS, "bus_names has '1' twice"),
        (
            "def make(argument, context):\n    return feeder141.feeder()._replace(nodes={'48': 999})",
            BUILDS,
            "its nodes have to be within 0..140",
        ),
    ],
)  # fmt: skip
def test_a_broken_source_of_feeders_is_named(scenario, cli, tmp_path, make, place, rule):
    """Plugin, kind, name, line and rule; no folder, and never a fault of marketsim."""
    path = scenario(make)
    ended = cli("run", path, "--out", tmp_path / "run", "--quiet")
    plugin = path.parent / "mine.py"
    line = next(at for at, text in enumerate(plugin.read_text().splitlines(), 1) if place in text)
    assert (ended.code, ended.out) == (2, "")
    assert "plugin mine: grid 'mine'" in ended.err
    assert rule in ended.err
    assert f"{plugin}:{line}:" in ended.err
    assert "fault of marketsim" not in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "run").exists()


def test_a_correct_source_gives_the_tables_of_its_feeder(scenario):
    """Also with what a gate and a metric see of it read-only."""
    own = ms.simulate(ms.load_scenario(scenario("def make(argument, context):\n    return feeder141.feeder()")))
    plain = ms.simulate(
        ms.load_scenario(scenario("make = lambda a, b: 0"), {"grid.feeder": "feeder141", "plugins": []})
    )
    for name in ("slots", "agents", "trades", "rejects"):
        assert getattr(own, name).equals(getattr(plain, name)), name


def test_a_net_that_a_plugin_keeps_stays_its_own(scenario):
    """Extraction rewrites the net that it reads; a source may return the same one again."""
    path = scenario("def make(argument, context):\n    return NET", bus="2")
    first = ms.simulate(ms.load_scenario(path))
    second = ms.simulate(ms.load_scenario(path))
    assert first.slots.equals(second.slots)


def test_arrays_that_a_source_keeps_cannot_be_written_to(scenario):
    """Whoever asks for the network of a plugin's feeder gets views that are read-only."""
    ready = ms.load_scenario(scenario("KEPT = feeder141.feeder()\ndef make(argument, context):\n    return KEPT"))
    assert ready.feeder is not None
    assert not ready.feeder.network.z_pu.flags.writeable
