"""Metrics of plugins: what they return is a finite number, text or None, or it is told as their fault by name."""

from __future__ import annotations

import json

import numpy as np
import pytest

from marketsim.core.errors import RunError
from marketsim.core.metric import Kpi, Metric
from marketsim.core.ports import declared
from marketsim.core.rule_terms import Sizes, Wrong
from marketsim.core.walls import Owner, walled
from marketsim.testing.random_records import random_records
from marketsim.testing.worlds import clock, community

RECORD = next(iter(random_records(community(2), clock(1))))


def guarded(metric):
    """A metric of a plugin as runs get it."""
    return walled(metric, Owner("p", "metric", "mine"), Sizes(), declared(Metric))


class Given:
    """Returns what it was given."""

    def __init__(self, value, kind=float, names=("mine",)):
        self.definitions = self.columns = (Kpi("mine", "-", "Of a test.", kind),)
        self._found = dict.fromkeys(names, value)

    def observe(self, record, reference):
        return self._found

    def summary(self):
        return self._found


@pytest.mark.parametrize(
    ("value", "kind", "plain"),
    [
        (1.5, float, 1.5),
        (3, float, 3.0),
        (np.float32(0.5), float, 0.5),
        (np.int64(7), int, 7),
        ("a", str, "a"),
        (None, int, None),
    ],
)
def test_what_is_plain_is_passed_on_as_plain_values(value, kind, plain):
    metric = guarded(Given(value, kind))
    assert metric.summary() == metric.observe(RECORD, None) == {"mine": plain}
    assert type(metric.summary()["mine"]) is type(plain)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        *(
            (value, float)
            for value in (float("nan"), float("inf"), np.nan, "1", [1.0], {}, np.zeros(2), True, 1j, object())
        ),
        *((value, int) for value in (1.0, 2**63, float("nan"), "1", True)),
        *((value, str) for value in (1, b"a", ["a"])),
    ],
)
def test_anything_else_is_the_metrics_fault(value, kind):
    metric = guarded(Given(value, kind))
    for call in (metric.summary, lambda: metric.observe(RECORD, None)):
        with pytest.raises(RunError, match="plugin p: metric 'mine' failed in .*: mine has to be"):
            call()


@pytest.mark.parametrize("names", [(), ("other",), ("mine", "other")])
def test_kpis_are_those_that_it_declares(names):
    with pytest.raises(RunError, match="metric 'mine' failed in summary: it has to return the KPIs that it declares"):
        guarded(Given(1.0, names=names)).summary()


def test_a_metric_that_fails_is_named():
    metric = Given(1.0)
    metric.summary = lambda: 1 / 0
    with pytest.raises(RunError, match="metric 'mine' failed in summary: ZeroDivisionError"):
        guarded(metric).summary()


def test_a_metric_that_declares_anew_is_held_to_what_it_declared_first():
    """Tables have their columns when a run begins."""
    metric = Given(1.0)
    held = guarded(metric)
    metric.definitions = metric.columns = ()
    assert held.columns == (Kpi("mine", "-", "Of a test."),)
    assert held.observe(RECORD, None) == {"mine": 1.0}


class Hostile(dict):
    """A mapping that does not even tell its names."""

    def __iter__(self):
        raise LookupError("no names")


def test_what_cannot_even_be_looked_at_is_its_fault_too():
    metric = Given(1.0)
    metric.summary = Hostile
    with pytest.raises(RunError, match=r"metric 'mine' failed in summary: LookupError: no names \(.*test_metric_rules"):
        guarded(metric).summary()


@pytest.mark.parametrize(
    "declared", [None, ("mine",), (Kpi("", "-", "x"),), (Kpi("a\x1b[31m", "-", "x"),), (Kpi("a", "-", "x", list),)]
)
def test_declarations_are_kpis(declared):
    metric = Given(1.0)
    metric.definitions = declared
    with pytest.raises(Wrong, match=r"definitions has to be a list of Kpi\(name, unit, text\)"):
        guarded(metric)


PLUGIN = """
import marketsim as ms
from marketsim.core.metric import Kpi


class Odd:
    definitions = (Kpi("odd", "-", "Not a number."),)
    columns = ()

    def observe(self, record, reference):
        return {{}}

    def summary(self):
        return {{"odd": {value}}}


@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="metric", name="odd", build=lambda params, context: Odd(), summary="a test")
"""


def ended_run(cli, scenario_file, tmp_path, plugin):
    """How a run with the plugin file ``odd.py`` ends."""
    scenario_file(plugin, "odd.py")
    agents = [{"kind": "prosumer", "count": 2, "pv_kw": 5, "load": {"annual_kwh": 3000}}]
    clocked = {"start": "2016-07-12", "slots": 6, "slot_minutes": 60}
    tariff = {"flat": {"retail": 0.3, "feed_in": 0.08}}
    values = {"clock": clocked, "tariff": tariff, "agents": agents, "metrics": ["odd"], "plugins": ["odd.py"]}
    return cli("run", scenario_file(json.dumps(values), "s.json"), "--out", tmp_path / "run", "--quiet")


@pytest.mark.parametrize("declared", ["('odd',)", "7", "1 / 0"])
def test_what_it_declares_is_looked_at_before_the_run(cli, scenario_file, tmp_path, declared):
    """Exit code 2, plugin and line named, no folder."""
    own = f"property(lambda self: {declared})" if "/" in declared else declared
    plugin = PLUGIN.format(value=1).replace('(Kpi("odd", "-", "Not a number."),)', own)
    ended = ended_run(cli, scenario_file, tmp_path, plugin)
    assert ended.code == 2
    assert "plugin odd: metric 'odd'" in ended.err
    assert "odd.py:" in ended.err
    assert "fault of marketsim" not in ended.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("value", ["float('nan')", "[1, 2]", "{'a': 1}"])
def test_a_run_ends_with_the_plugins_name_and_keeps_its_slots(cli, scenario_file, tmp_path, value):
    ended = ended_run(cli, scenario_file, tmp_path, PLUGIN.format(value=value))
    assert ended.code == 1
    assert "plugin odd: metric 'odd' failed in summary: odd has to be a finite number or None" in ended.err
    assert "odd.py:13)" in ended.err
    assert "fault of marketsim" not in ended.err
