"""Metrics of plugins: what they return is a finite number, text or None, or it is told as their fault by name."""

from __future__ import annotations

import json

import numpy as np
import pytest

from marketsim.core.errors import PluginError, RunError
from marketsim.core.metric import Kpi
from marketsim.metrics.guard import GuardedMetric
from marketsim.testing.random_records import random_records
from marketsim.testing.worlds import clock, community

RECORD = next(iter(random_records(community(2), clock(1))))


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
    guarded = GuardedMetric(Given(value, kind), "mine")
    assert guarded.summary() == guarded.observe(RECORD, None) == {"mine": plain}
    assert type(guarded.summary()["mine"]) is type(plain)


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
    guarded = GuardedMetric(Given(value, kind), "mine")
    for call in (guarded.summary, lambda: guarded.observe(RECORD, None)):
        with pytest.raises(RunError, match="metric mine: .*mine must be"):
            call()


@pytest.mark.parametrize("names", [(), ("other",), ("mine", "other")])
def test_kpis_are_those_that_it_declares(names):
    with pytest.raises(RunError, match="metric mine: summary returns other KPIs than it declares"):
        GuardedMetric(Given(1.0, names=names), "mine").summary()


def test_a_metric_that_fails_is_named():
    metric = Given(1.0)
    metric.summary = lambda: 1 / 0
    with pytest.raises(RunError, match="metric mine: summary failed: ZeroDivisionError"):
        GuardedMetric(metric, "mine").summary()


@pytest.mark.parametrize(
    "declared", [None, ("mine",), (Kpi("", "-", "x"),), (Kpi("a\x1b[31m", "-", "x"),), (Kpi("a", "-", "x", list),)]
)
def test_declarations_are_kpis(declared):
    metric = Given(1.0)
    metric.definitions = declared
    with pytest.raises((PluginError, RunError), match="metric mine: definitions"):
        GuardedMetric(metric, "mine")


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


@pytest.mark.parametrize("value", ["float('nan')", "[1, 2]", "{'a': 1}"])
def test_a_run_ends_with_the_plugins_name_and_keeps_its_slots(cli, scenario_file, tmp_path, value):
    scenario_file(PLUGIN.format(value=value), "odd.py")
    agents = [{"kind": "prosumer", "count": 2, "pv_kw": 5, "load": {"annual_kwh": 3000}}]
    clocked = {"start": "2016-07-12", "slots": 6, "slot_minutes": 60}
    tariff = {"flat": {"retail": 0.3, "feed_in": 0.08}}
    values = {"clock": clocked, "tariff": tariff, "agents": agents, "metrics": ["odd"], "plugins": ["odd.py"]}
    ended = cli("run", scenario_file(json.dumps(values), "s.json"), "--out", tmp_path / "run", "--quiet")
    assert ended.code == 1
    assert "metric odd: summary: odd must be a finite number or None" in ended.err
    assert "fault of marketsim" not in ended.err
