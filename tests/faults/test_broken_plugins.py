"""Plugins that are broken on purpose: each is named with method, line, slot and rule, and harms no record."""

from __future__ import annotations

import logging
import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

import marketsim as ms
from marketsim.core import watch
from marketsim.core.errors import BY_CHECK, BY_LAW, LawBroken
from marketsim.core.read_only import read_only
from marketsim.core.walls import suspected

SCENARIO = """\
name: broken
clock: {{start: 2016-07-12, slots: 14, slot_minutes: 60}}
agents:
  - {{name: roof, kind: prosumer, pv_kw: 8, load: {{annual_kwh: 3000}}{device}{strategy}}}
  - {{name: flat, kind: consumer, load: {{annual_kwh: 4000}}{strategy}}}
tariff: {tariff}
profiles: {profile}
market: {{engine: {engine}, charges: {charges}, settlement: {settlement}, sharing: {sharing}}}
grid: {{allocation: {allocation}, reactive: {reactive}, gate: {gate}}}
critic: {{kind: {critic}}}
metrics: [{metric}]
{plugins}
"""
BUILT_IN = {
    "tariff": "{flat: {retail: 0.30, feed_in: 0.08}}",
    "profile": "{source: simbench_2016}",
    "engine": "double_auction",
    "charges": "none",
    "settlement": "pay_as_agreed",
    "sharing": "proportional",
    "allocation": "arrival",
    "reactive": "fixed_pf",
    "gate": "none",
    "critic": "rule",
    "metric": "",
    "device": ", battery: {energy_kwh: 5, power_kw: 2}",
    "strategy": ", strategy: truthful",
}
"""What is chosen for each kind, as it is written."""
NAMES = {
    **{"tariff": "flat", "profile": "simbench_2016", "engine": "double_auction", "charges": "none"},
    **{
        "sharing": "proportional",
        "settlement": "pay_as_agreed",
        "allocation": "arrival",
        "reactive": "fixed_pf",
        "gate": "none",
    },
    **{"critic": "rule", "metric": "money", "device": "battery", "strategy": "truthful"},
}
OURS = {
    kind: text.replace(NAMES[kind], "mine") if text else "mine" for kind, text in BUILT_IN.items()
}  # the same, of the plugin
PLUGIN = """\
import sys, time
from dataclasses import replace
import numpy as np
import marketsim as ms
from marketsim.builtin import built_in_registry
from marketsim.core.records import empty_rejects

KIND, NAME = {kind!r}, {name!r}
KNOWN = built_in_registry()

{base}

class Mine({of}):
    def __init__(self, params, context):
        self.inner = KNOWN.builder(KIND, NAME)(params, context)
        if KIND == "device":
            self.info = replace(self.inner.info, name="mine")
        if KIND == "metric":
            self.definitions, self.columns = renamed(self.inner.definitions), renamed(self.inner.columns)

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def __call__(self, *arguments):
        return self.inner(*arguments)

{method}

@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind=KIND, name="mine", build=lambda params, context: Mine(params, context),
                   params=KNOWN.params(KIND, NAME), traits=KNOWN.traits(KIND, NAME))
"""


RENAMED = """\
def renamed(kpis):
    return tuple(kpi._replace(name="own_" + kpi.name) for kpi in kpis)

class Base:
    def observe(self, record, reference):
        return {"own_" + name: value for name, value in self.inner.observe(record, reference).items()}

    def summary(self):
        return {"own_" + name: value for name, value in self.inner.summary().items()}
"""
"""A metric's KPIs have names of their own."""


@pytest.fixture
def scenario(scenario_file):
    """``scenario(kind, method)``: with a plugin ``mine.py`` that copies the built-in part of a kind but for a method."""

    def write(kind: str, method: str = ""):
        base = {"base": RENAMED, "of": "Base"} if kind == "metric" else {"base": "", "of": "object"}
        text = PLUGIN.format(
            **base, kind=kind, name=NAMES[kind], method=textwrap.indent(textwrap.dedent(method), "    ")
        )
        scenario_file(text, "mine.py")
        return scenario_file(SCENARIO.format(**{**BUILT_IN, kind: OURS[kind]}, plugins="plugins: [mine.py]"))

    return write


TABLES = ("slots", "agents", "trades", "rejects")


@pytest.mark.parametrize("kind", NAMES)
def test_a_correct_copy_is_accepted_and_gives_the_same_tables(scenario, scenario_file, kind):
    own = ms.simulate(ms.load_scenario(scenario(kind)))
    plain = ms.simulate(ms.load_scenario(scenario_file(SCENARIO.format(**BUILT_IN, plugins=""), "plain.yaml")))
    for name in TABLES:
        ours, theirs = getattr(own, name), getattr(plain, name)
        if kind == "device":
            ours = ours.rename(columns=lambda column: column.replace("mine", "battery")).astype(object)
            ours, theirs = ours.replace("mine", "battery"), theirs.astype(object)
        added = [column for column in ours.columns if column.startswith("own_")]
        assert bool(added) == (kind == "metric" and name == "slots")
        for column in added:
            assert ours[column].equals(theirs[column.removeprefix("own_")].rename(column))
        assert ours[list(theirs.columns)].equals(theirs), name
    assert len(own.trades) > 0


@pytest.mark.parametrize("gate", ["ac", "sensitivity", "observe", "market_first", "doe_maximal"])
def test_a_gate_on_a_feeder_may_build_on_one_of_the_package(scenario, scenario_file, monkeypatch, gate):
    """Compiled checks take what is read-only; so do tap-free feeders with gate closure, which amends."""
    monkeypatch.setitem(NAMES, "gate", gate)
    monkeypatch.setitem(BUILT_IN, "gate", gate)
    path = scenario("gate")
    overrides = {
        "grid.feeder": "feeder141", "agents[0].bus": "8", "agents[1].bus": "9", "clock.slots": 3,
        "market.gate_closure_slots": 1, "agents[0].load.annual_kwh": 3000,
    }  # fmt: skip
    own = ms.simulate(ms.load_scenario(path, overrides))
    plain_path = scenario_file(SCENARIO.format(**BUILT_IN, plugins=""), "plain.yaml")
    plain = ms.simulate(ms.load_scenario(plain_path, overrides))
    for name in TABLES:
        assert getattr(own, name).equals(getattr(plain, name)), name


def test_arrays_of_the_simulator_stay_as_they_are(scenario, scenario_file):
    """A plugin that tries to write, and goes on, changes no table."""
    path = scenario("strategy", """
        def decide(self, seen):
            for column in (seen.load_wh, seen.pv_wh, seen.retail_ticks, seen.last_price_ticks):
                try:
                    column[:] = 0
                except ValueError:
                    continue
                raise RuntimeError("an array could be written to")
            return self.inner.decide(seen)
    """)  # fmt: skip
    own = ms.simulate(ms.load_scenario(path))
    plain = ms.simulate(ms.load_scenario(scenario_file(SCENARIO.format(**BUILT_IN, plugins=""), "plain.yaml")))
    for name in TABLES:
        assert getattr(own, name).equals(getattr(plain, name)), name


def test_what_a_part_returned_is_its_own_no_more(scenario, scenario_file):
    """A device that uses its arrays again changes no record."""
    path = scenario("device", """
        def range(self, state, inputs):
            self.kept = self.inner.range(state, inputs)
            self.kept = self.kept._replace(level=self.kept.level.copy())
            return self.kept

        def advance(self, state, inputs, energy_wh):
            for column in self.kept:
                column[:] = 0
            return self.inner.advance(state, inputs, energy_wh)
    """)  # fmt: skip
    own = ms.simulate(ms.load_scenario(path))
    plain = ms.simulate(ms.load_scenario(scenario_file(SCENARIO.format(**BUILT_IN, plugins=""), "plain.yaml")))
    levels = [run.agents.filter(like="_level").to_numpy() for run in (own, plain)]
    assert np.nanmax(levels[1]) > 0
    np.testing.assert_array_equal(*levels)
    assert own.agents.import_kwh.equals(plain.agents.import_kwh)


READ_ONLY = "ValueError: assignment destination is read-only"
BROKEN = [
    ("metric", "observe", READ_ONLY, """
     def observe(self, record, reference):
         record.inputs.load_wh[:] = 0  # HERE
         return self.inner.observe(record, reference)"""),
    ("metric", "observe", READ_ONLY, """
     def observe(self, record, reference):
         record.inputs.series["load_kw"][:] = 0  # HERE"""),
    ("metric", "observe", "TypeError: 'mappingproxy' object does not support item assignment", """
     def observe(self, record, reference):
         record.inputs.series["load_kw"] = 0  # HERE"""),
    ("metric", "summary", "SystemExit: 0", """
     def summary(self):
         sys.exit(0)  # HERE"""),
    ("device", "range", READ_ONLY, """
     def range(self, state, inputs):
         inputs.load_wh[:] = 0  # HERE"""),
    ("device", "range", "firm_wh has to be at least lo_wh", """
     def range(self, state, inputs):  # HERE
         found = self.inner.range(state, inputs)
         return found._replace(lo_wh=found.hi_wh + 1)"""),
    ("device", "range", "lo_wh has to hold whole numbers, not float64", """
     def range(self, state, inputs):  # HERE
         found = self.inner.range(state, inputs)
         return found._replace(lo_wh=found.lo_wh * np.nan)"""),
    ("device", "range", "lo_wh has to have the shape (2,), not (1,)", """
     def range(self, state, inputs):  # HERE
         found = self.inner.range(state, inputs)
         return found._replace(lo_wh=found.lo_wh[:1])"""),
    ("device", "advance", READ_ONLY, """
     def advance(self, state, inputs, energy_wh):
         state[:] = 0  # HERE"""),
    ("device", "advance", "the missed energy has to be within 0..", """
     def advance(self, state, inputs, energy_wh):  # HERE
         after, missed = self.inner.advance(state, inputs, energy_wh)
         return after, missed - 1"""),
    ("device", "running_cost", "the running cost has to be an array, not int", """
     def running_cost(self, energy_wh, unserved_wh):  # HERE
         return 7"""),
    ("engine", "match", READ_ONLY, """
     def match(self, orders, gate, tariffs, pair_ticks=None):
         orders.price_ticks[:] = 0  # HERE"""),
    ("engine", "match", "SystemExit: 0", """
     def match(self, orders, gate, tariffs, pair_ticks=None):
         sys.exit(0)  # HERE"""),
    ("engine", "match", "it has to return trades and rejects, not NoneType", """
     def match(self, orders, gate, tariffs, pair_ticks=None):  # HERE
         return None"""),
    ("engine", "match", "at most what it asks for", """
     def match(self, orders, gate, tariffs, pair_ticks=None):  # HERE
         trades, rejects = self.inner.match(orders, gate, tariffs)
         return trades._replace(energy_wh=trades.energy_wh + 10**9), rejects"""),
    ("engine", "match", "trades.buy_order has to be within 0..", """
     def match(self, orders, gate, tariffs, pair_ticks=None):  # HERE
         trades, rejects = self.inner.match(orders, gate, tariffs)
         return trades._replace(buy_order=trades.buy_order + orders.size), rejects"""),
    ("engine", "match", "trades.price_ticks has to hold whole numbers, not float64", """
     def match(self, orders, gate, tariffs, pair_ticks=None):  # HERE
         trades, rejects = self.inner.match(orders, gate, tariffs)
         return trades._replace(price_ticks=trades.price_ticks * np.inf), rejects"""),
    ("engine", "match", "trades.buyer_ticks has to be within the bid", """
     def match(self, orders, gate, tariffs, pair_ticks=None):  # HERE
         trades, rejects = self.inner.match(orders, gate, tariffs)
         return trades._replace(buyer_ticks=trades.buyer_ticks + 10**7), rejects"""),
    ("tariff", "at", "feed_in_ticks has to be at most retail_ticks", """
     def at(self, time):  # HERE
         found = self.inner.at(time)
         return found._replace(feed_in_ticks=found.retail_ticks + 1)"""),
    ("tariff", "at", "ZeroDivisionError: division by zero", """
     def at(self, time):
         return 1 / (time.slot - 3) and self.inner.at(time)  # HERE"""),
    ("profile", "at", "load_kw has to be finite, not nan", """
     def at(self, time):  # HERE
         found = dict(self.inner.at(time))
         return found | {"load_kw": found["load_kw"] * np.nan}"""),
    ("profile", "at", "pv_kw has to be at least 0", """
     def at(self, time):  # HERE
         found = dict(self.inner.at(time))
         return found | {"pv_kw": found["pv_kw"] - 1}"""),
    ("profile", "at", "the series load_kw is missing", """
     def at(self, time):  # HERE
         return {}"""),
    ("charges", "at", "buy_ticks has to have the shape (2,), not (3,)", """
     def at(self, inputs, gate):  # HERE
         return self.inner.at(inputs, gate)._replace(buy_ticks=np.zeros(3, dtype=int))"""),
    ("allocation", "grant", "orders.energy_wh has to be at most what the order had", """
     def grant(self, orders, gate, tariffs):  # HERE
         return orders._replace(energy_wh=orders.energy_wh + 1), empty_rejects()"""),
    ("allocation", "grant", "orders.price_ticks has to be what it was", """
     def grant(self, orders, gate, tariffs):  # HERE
         return orders._replace(price_ticks=orders.price_ticks + 1), empty_rejects()"""),
    ("reactive", "limit_pv", "its answer has to be at most the PV there is", """
     def limit_pv(self, pv_wh, hours):  # HERE
         return pv_wh + 1"""),
    ("reactive", "kvar", "its answer has to be finite, not inf", """
     def kvar(self, community, inputs, firm_wh, decided=None):  # HERE
         return np.full(2, np.inf)"""),
    ("gate", "open", READ_ONLY, """
     def open(self, firm_wh, kvar):
         firm_wh[:] = 0  # HERE"""),
    ("gate", "admit", "the admitted energy has to lie within 0..", """
     kernel = None
     def admit(self, market, source, sink, wh):  # HERE
         return wh + 1, 0, -1"""),
    ("gate", "close", "it has to return GridState, not dict", """
     def close(self):  # HERE
         return {}"""),
    ("settlement", "__call__", "must sum to zero", """
     def __call__(self, *arguments):  # HERE
         found = self.inner(*arguments)
         return found._replace(operator=found.operator + 1)"""),
    ("settlement", "__call__", "the line SHARING of money has to be 0", """
     def __call__(self, *arguments):  # HERE
         found = self.inner(*arguments)
         money = found.money.copy()
         money[5] += [1, -1]
         return found._replace(money=money)"""),
    ("sharing", "share", "they must sum to what was paid there, to the last unit", """
     def share(self, period):  # HERE
         return self.inner.share(period) + [1, 0]"""),
    ("sharing", "share", "1 too little", """
     def share(self, period):  # HERE
         return self.inner.share(period) - [0, 1]"""),
    ("sharing", "share", "its answer has to hold whole numbers, not float64", """
     def share(self, period):  # HERE
         return self.inner.share(period) * 1.0"""),
    ("sharing", "share", "its answer has to hold whole numbers, not float64", """
     def share(self, period):  # HERE
         return np.full(2, np.nan)"""),
    ("sharing", "share", "its answer has to be an array, not NoneType", """
     def share(self, period):  # HERE
         return None"""),
    ("sharing", "share", "its answer has to have the shape (2,), not (3,)", """
     def share(self, period):  # HERE
         return np.zeros(3, dtype=int)"""),
    ("sharing", "estimate", "1 too much", """
     def estimate(self, period):  # HERE
         from marketsim.core.ports import EstimatedShares
         return EstimatedShares(self.inner.share(period) + [1, 0], None)"""),
    ("sharing", "estimate", "standard_errors has to be at least 0, not -1.0 at 1", """
     def estimate(self, period):  # HERE
         from marketsim.core.ports import EstimatedShares
         return EstimatedShares(self.inner.share(period), np.array([0.0, -1.0]))"""),
    ("sharing", "estimate", "it has to return EstimatedShares, not int", """
     def estimate(self, period):  # HERE
         return 0"""),
    ("sharing", "share", READ_ONLY, """
     def share(self, period):
         period.net_wh[:] = 0  # HERE"""),
    ("sharing", "share", READ_ONLY, """
     def share(self, period):
         period.community.market[:] = 0  # HERE"""),
    ("sharing", "share", "ZeroDivisionError: division by zero", """
     def share(self, period):
         return 1 / 0  # HERE"""),
    ("critic", "review", "ftg has to be within 0..1, or NaN", """
     def review(self, record):  # HERE
         found = self.inner.review(record)
         return found._replace(ftg=np.array([2.0]))"""),
    ("critic", "review", READ_ONLY, """
     def review(self, record):
         record.ledger.money[:] = 0  # HERE"""),
    ("critic", "drain", "SystemExit: ", """
     def drain(self):
         sys.exit()  # HERE"""),
    ("strategy", "decide", READ_ONLY, """
     def decide(self, seen):
         seen.load_wh[:] = 0  # HERE"""),
    ("strategy", "decide", READ_ONLY, """
     def decide(self, seen):
         seen.forecast.series("load_kw", 3)[:] = 0  # HERE"""),
    ("strategy", "decide", "SystemExit: 0", """
     def decide(self, seen):
         sys.exit(0)  # HERE"""),
    ("strategy", "decide", "orders.price_ticks has to be an array without a mask", """
     def decide(self, seen):  # HERE
         found = self.inner.decide(seen)
         price = np.ma.MaskedArray(found.orders.price_ticks + 10**17, mask=True)
         return found._replace(orders=found.orders._replace(price_ticks=price))"""),
    ("device", "range", "hi_wh has to be an array without a mask", """
     def range(self, state, inputs):  # HERE
         found = self.inner.range(state, inputs)
         return found._replace(hi_wh=np.ma.MaskedArray(found.hi_wh + 10**17, mask=True))"""),
    ("device", "range", "level has to be at least -1e+09", """
     def range(self, state, inputs):  # HERE
         found = self.inner.range(state, inputs)
         return found._replace(level=found.level - 7e300)"""),
    ("tariff", "at", "retail_ticks has to be within", """
     def at(self, time):  # HERE
         class Yes(np.ndarray):
             def __ge__(self, other):
                 return np.ones(self.shape, bool)
         found = self.inner.at(time)
         return found._replace(retail_ticks=(found.retail_ticks - 5 * 10**17).view(Yes))"""),
    ("profile", "at", "load_kw has to be at most 1e+09", """
     def at(self, time):  # HERE
         found = dict(self.inner.at(time))
         return found | {"load_kw": found["load_kw"] + 1e300}"""),
    ("profile", "forecast", "it has to return a Forecast, and NoneType has no series, tariffs", """
     def forecast(self, time, agents):  # HERE
         return None"""),
    ("reactive", "kvar", "its answer has to be at most 1e+09", """
     def kvar(self, community, inputs, firm_wh, decided=None):  # HERE
         return np.full(2, 1e300)"""),
    ("settlement", "__call__", "money has to be within", """
     def __call__(self, *arguments):  # HERE
         found = self.inner(*arguments)
         money = found.money.copy()
         money[3] += 2**62
         money[4] -= 2**62
         return found._replace(money=money)"""),
    ("critic", "drain", "it has to return a list of Critique", """
     def drain(self):  # HERE
         class Half:
             entry = dict
         return [Half()]"""),
    ("critic", "drain", "ftg of a critique has to be within 0..1, or None, not inf", """
     def drain(self):  # HERE
         return [each._replace(ftg=np.inf) for each in self.inner.drain()]"""),
    ("critic", "drain", "source of a critique has to be text, not 7", """
     def drain(self):  # HERE
         return [each._replace(source=7) for each in self.inner.drain()]"""),
    ("engine", "match", "rejects.element has to be within -1..2147483647", """
     def match(self, orders, gate, tariffs, pair_ticks=None):  # HERE
         trades, rejects = self.inner.match(orders, gate, tariffs)
         return trades, empty_rejects()._replace(**{
             name: np.array([value]) for name, value in
             {"buy_order": 0, "sell_order": -1, "energy_wh": 9, "reason": 3, "element": 10**12, "side": 1}.items()})"""),
    ("metric", "observe", "own_mean_price_ticks has to be a finite number or None, not 1e+305", """
     def observe(self, record, reference):  # HERE
         return super().observe(record, reference) | {"own_mean_price_ticks": 1e305}"""),
    ("critic", "drain", "market of a critique has to be a whole number within 0..0, not 7", """
     def drain(self):  # HERE
         return [each._replace(market=7) for each in self.inner.drain()]"""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "method", "rule", "code"),
    BROKEN,
    ids=[f"{each[0]}-{each[1]}-{place}" for place, each in enumerate(BROKEN)],
)
def test_a_broken_part_is_named_with_line_slot_and_rule(scenario, cli, tmp_path, kind, method, rule, code):
    """Exit code 1, never a fault of marketsim; what was simulated before can be opened."""
    path = scenario(kind, code)
    ended = cli("run", path, "--out", tmp_path / "run", "--quiet")
    plugin = path.parent / "mine.py"
    line = next(at for at, text in enumerate(plugin.read_text().splitlines(), 1) if "# HERE" in text)
    assert (ended.code, ended.out) == (1, "")
    assert f"plugin mine: {kind} 'mine' failed in {method}" in ended.err
    assert rule in ended.err
    assert f"{plugin}:{line})" in ended.err
    assert "fault of marketsim" not in ended.err
    assert "fault of the program" not in ended.err
    assert method in ("summary", "drain") or " of slot " in ended.err
    run = ms.open_run(tmp_path / "run")
    assert run.status == "failed"
    assert f"plugin mine: {kind} 'mine'" in run.manifest["error"]


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("fault", ["sys.exit(0)", "1 / 0"])
def test_a_part_that_cannot_be_built_is_the_user_s_input(scenario, cli, tmp_path, kind, fault):
    """Exit code 2, no run folder."""
    path = scenario(kind, f"def __init__(self, params, context):\n    {fault}  # HERE")
    ended = cli("run", path, "--out", tmp_path / "run", "--quiet")
    assert (ended.code, ended.out) == (2, "")
    assert f"plugin mine: {kind} 'mine' cannot be built" in ended.err
    assert not (tmp_path / "run").exists()


ON_FEEDER = {"grid.feeder": "feeder141", "agents[0].bus": "8", "agents[1].bus": "9", "clock.slots": 1}
WRITES = [
    *((kind, "context.community.import_limit_wh[:] = 0", {}) for kind in NAMES),
    ("gate", "context.network.z_pu[:] = 0", ON_FEEDER),
    ("gate", "context.nodes[:] = 0", ON_FEEDER),
    ("gate", "context.settings.import_limit_wh[:] = 0", ON_FEEDER),
    ("gate", "context.market[:] = 0", ON_FEEDER),
    ("gate", "context.settings.guard_loading = 1.0", ON_FEEDER),
    ("strategy", "context.rows[:] = 0", {}),
    ("strategy", "context.grid.band.v_min_pu[:] = 0", ON_FEEDER),
    ("charges", "context.grid.distances()[:] = 0", ON_FEEDER),
    ("engine", "context.fleets[0].rated_in_kw[:] = 0", {}),
    ("metric", "context.tariff.at(context.clock.at(0)).retail_ticks[:] = 0", {}),
    ("critic", "context.agents[0].devices['battery'] = None", {}),
    ("profile", "context.fleets[0].store.capacity_kwh[:] = 0", {}),
]


@pytest.mark.parametrize(("kind", "written", "changes"), WRITES)
def test_a_factory_that_writes_into_what_it_is_told_is_named(scenario, cli, monkeypatch, kind, written, changes):
    """Before the run, exit code 2: with plugin, line, and that it cannot be written to."""
    if changes:
        monkeypatch.setitem(NAMES, "gate", "ac")
        monkeypatch.setitem(BUILT_IN, "gate", "ac")
    path = scenario(kind, f"def __init__(self, params, context):\n    {written}  # HERE")
    sets = [part for key, value in changes.items() for part in ("--set", f"{key}={value}")]
    ended = cli("run", path, *sets, "--out", path.parent / "run", "--quiet")
    plugin = path.parent / "mine.py"
    line = next(at for at, text in enumerate(plugin.read_text().splitlines(), 1) if "# HERE" in text)
    assert (ended.code, ended.out) == (2, "")
    assert f"{plugin}:{line}: " in ended.err
    assert f"plugin mine: {kind} 'mine' cannot be built: " in ended.err
    assert re.search("read-only|FrozenInstanceError|does not support item assignment", ended.err)
    assert not (path.parent / "run").exists()


def test_ratings_that_money_cannot_be_counted_for_are_refused_before_the_run(scenario, cli, tmp_path):
    """By what the fleet says of itself, however its parameters are called."""
    path = scenario("device", """
        def __init__(self, params, context):
            self.inner = KNOWN.builder(KIND, NAME)(params, context)
            own = self.inner.info
            self.info = replace(own, name="mine", rated_in_kw=own.rated_in_kw * 1e13)
    """)  # fmt: skip
    ended = cli("run", path, "--out", tmp_path / "run", "--quiet")
    assert (ended.code, ended.out) == (2, "")
    assert "agents: a slot could hold more money than 64 bits can count" in ended.err
    assert not (tmp_path / "run").exists()


DECLARED = [
    ("engine", "rounds = 0", "rounds has to be a whole number within 1..10000, not 0"),
    ("engine", "rounds = 10**9", "rounds has to be a whole number within 1..10000, not 1000000000"),
    ("engine", "rounds = 2.5", "rounds has to be a whole number within 1..10000, not 2.5"),
    ("engine", "name = 7", "name has to be text, not int"),
    ("engine", "match = None", "Mine has match as no method, which the port Engine declares"),
    ("metric", """
     def __init__(self, params, context):
         self.inner = KNOWN.builder(KIND, NAME)(params, context)
         self.definitions, self.columns = (self.inner.definitions[0]._replace(name="slots"),), ()""".strip(), "definitions has a KPI 'slots', which is what every summary has of its own"),
    ("profile", "notes = 7", "notes has to hold sentences that can be printed"),
    ("reactive", "law = None", "law has to be a ReactiveLaw, not NoneType"),
    ("reactive", """@property
     def law(self):
         return self.inner.law._replace(kva=np.full(2, np.nan))""", "law.kva has to be finite, not nan"),
    ("reactive", """@property
     def law(self):
         return self.inner.law._replace(kva=np.zeros(1))""", "law.kva has to have the shape (2,), not (1,)"),
    ("reactive", """@property
     def law(self):
         return self.inner.law._replace(curve_pu=np.ones(1))""", "law.curve_pu has to hold four rising voltages, or none"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "declared", "rule"), DECLARED, ids=range(len(DECLARED)))
def test_what_a_part_declares_is_looked_at_before_the_run(scenario, cli, tmp_path, kind, declared, rule):
    """Exit code 2, with the line that builds the part; no run folder."""
    path = scenario(kind, declared.replace("\n     ", "\n"))
    ended = cli("run", path, "--out", tmp_path / "run", "--quiet")
    assert (ended.code, ended.out) == (2, "")
    assert f"{path.parent / 'mine.py'}:" in ended.err
    assert f"plugin mine: {kind} 'mine': {rule}" in ended.err
    assert not (tmp_path / "run").exists()


def test_a_declaration_stays_what_it_was(scenario):
    """What is asked again later could be another answer, or none."""
    path = scenario("engine", """
        asked = 0
        @property
        def rounds(self):
            self.asked += 1
            return 1 if self.asked < 5 else 1 / 0
    """)  # fmt: skip
    assert ms.simulate(ms.load_scenario(path)).summary["slots"] == 14


@pytest.mark.parametrize("forecast", ["np.nan", "-1.0", "1e30"])
def test_forecasts_that_a_market_cannot_trade_on_are_named(scenario, cli, tmp_path, forecast):
    """At a gate closure load and PV are forecasts: what is no power must not become energy."""
    path = scenario("profile", f"""
        def forecast(self, time, agents):
            made = self.inner.forecast(time, agents)
            class Odd:
                def tariffs(self, horizon):
                    return made.tariffs(horizon)
                def series(self, name, horizon):  # HERE
                    return made.series(name, horizon) * 0 + {forecast}
            return Odd()
    """)  # fmt: skip
    ended = cli("run", path, "--set", "market.gate_closure_slots=1", "--out", tmp_path / "run", "--quiet")
    assert ended.code == 1
    assert "plugin mine: forecast 'mine' failed in series of slot 0" in ended.err
    assert "the forecast of load_kw has to be " in ended.err


@pytest.mark.parametrize(
    "change",
    ["side=7", "energy_wh=0.5", "energy_wh=10**14", "price_ticks=12.9", "component=99", "fallback=5", "side=True"],
)
def test_orders_of_an_agent_are_those_that_its_view_makes(scenario_file, cli, tmp_path, change):
    plugin = f"""\
import marketsim as ms

class Tinker(ms.Consumer):
    def decide(self, view):
        return [view.buy(1.0, 0.1)._replace({change})]

@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="agent", name="tinker", build=lambda params, context: Tinker)
"""
    scenario_file(plugin, "mine.py")
    text = SCENARIO.format(**BUILT_IN, plugins="plugins: [mine.py]").replace("kind: consumer", "kind: tinker")
    ended = cli("run", scenario_file(text), "--out", tmp_path / "run", "--quiet")
    assert ended.code == 1
    assert "agent 'flat' of kind 'tinker'" in ended.err
    assert "ValueError: an order has to " in ended.err
    assert "fault of marketsim" not in ended.err
    assert ms.open_run(tmp_path / "run").status == "failed"


def with_odd_params(path: Path, body: str) -> tuple[Path, int]:
    """The plugin beside a scenario with a model of parameters that has this body; its file, and the line marked HERE."""
    plugin = path.parent / "mine.py"
    text = plugin.read_text().replace("params=KNOWN.params(KIND, NAME)", "params=Odd")
    text = text.replace("@ms.hookimpl", f"class Odd(ms.Params):\n{body}\n\n@ms.hookimpl")
    plugin.write_text(text)
    return plugin, next(at for at, each in enumerate(text.splitlines(), 1) if "# HERE" in each)


def test_parameters_that_no_folder_can_hold_are_the_user_s_input(scenario, cli, tmp_path):
    """A run writes its scenario down, with the parameters of parts: that shows before it begins."""
    path = scenario("strategy")
    with_odd_params(path, "    x: object = np.zeros(3)  # HERE")
    ended = cli("run", path, "--out", tmp_path / "run", "--quiet")
    assert ended.code == 2
    assert f"{path}:4:" in ended.err
    assert "the model Odd of these parameters failed: PydanticSerializationError" in ended.err
    assert not (tmp_path / "run").exists()


def test_a_column_that_the_table_of_slots_has_is_the_user_s_input(scenario, cli, tmp_path):
    path = scenario("metric", """
        def __init__(self, params, context):
            self.inner = KNOWN.builder(KIND, NAME)(params, context)
            self.definitions, self.columns = (), (self.inner.columns[0]._replace(name="slot"),)
    """)  # fmt: skip
    ended = cli("run", path, "--out", tmp_path / "run", "--quiet")
    assert ended.code == 2
    assert "the table of slots would have these columns twice: slot" in ended.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("word", [r'"\udcff"', '"x" * 20_000'])
def test_text_that_no_file_can_hold_is_no_kpi(scenario, cli, tmp_path, word):
    path = scenario("metric", f"""
        def __init__(self, params, context):
            self.inner = KNOWN.builder(KIND, NAME)(params, context)
            self.definitions, self.columns = (self.inner.definitions[0]._replace(name="word", kind=str),), ()

        def observe(self, record, reference):
            return {{}}

        def summary(self):
            return {{"word": {word}}}
    """)  # fmt: skip
    ended = cli("run", path, "--out", tmp_path / "run", "--quiet")
    assert ended.code == 1
    assert (
        "plugin mine: metric 'mine' failed in summary: word has to be text of at most 10000 letters or None"
        in ended.err
    )
    assert ms.open_run(tmp_path / "run").n_slots == 14


def test_an_agent_that_exits_is_named(scenario_file, cli, tmp_path):
    plugin = """\
import sys
import marketsim as ms

class Leaver(ms.Consumer):
    def decide(self, view):
        sys.exit(0)

@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="agent", name="leaver", build=lambda params, context: Leaver)
"""
    scenario_file(plugin, "mine.py")
    text = SCENARIO.format(**BUILT_IN, plugins="plugins: [mine.py]").replace("kind: consumer", "kind: leaver")
    ended = cli("run", scenario_file(text), "--out", tmp_path / "run", "--quiet")
    assert ended.code == 1
    assert "agent 'flat' of kind 'leaver'" in ended.err
    assert "mine.py:6" in ended.err
    assert ms.open_run(tmp_path / "run").status == "failed"


@pytest.mark.parametrize("fault", ["sys.exit(0)", "1 / 0"])
def test_an_agent_that_cannot_be_made_is_the_user_s_input(scenario_file, cli, tmp_path, fault):
    plugin = f"""\
import sys
import marketsim as ms

class Shy(ms.Consumer):
    def __init__(self, *given):
        {fault}

    def decide(self, view):
        return None

@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="agent", name="shy", build=lambda params, context: Shy)
"""
    scenario_file(plugin, "mine.py")
    text = SCENARIO.format(**BUILT_IN, plugins="plugins: [mine.py]").replace("kind: consumer", "kind: shy")
    ended = cli("run", scenario_file(text), "--out", tmp_path / "run", "--quiet")
    assert (ended.code, ended.out) == (2, "")
    assert "mine.py:6: agent 'flat' of kind 'shy' cannot be made: " in ended.err
    assert not (tmp_path / "run").exists()


def test_a_call_that_takes_long_is_told_with_its_line(scenario, caplog, monkeypatch):
    """Once a call, by the logger ``marketsim.plugins``, which writes on standard error where nobody has set it up."""
    monkeypatch.setenv(watch.VARIABLE, "0.2")
    path = scenario("tariff", "def at(self, time):\n    time.slot == 2 and globals()['time'].sleep(1.6)  # HERE\n"
                    "    return self.inner.at(time)")  # fmt: skip
    with caplog.at_level(logging.WARNING, "marketsim.plugins"):
        ms.simulate(ms.load_scenario(path))
    told = [each.getMessage() for each in caplog.records if each.name == "marketsim.plugins"]
    assert len(told) == 1
    assert "plugin mine: tariff 'mine', at, has taken more than 0.2 s in one call, and stands at " in told[0]
    assert "mine.py:" in told[0]


def test_a_law_broken_beyond_the_rules_names_the_parts_of_plugins(scenario, cli, tmp_path):
    """What ``info`` says may change in mid-run, which no rule sees; the plugin is the suspect, not the program."""
    path = scenario("device", """
        def range(self, state, inputs):
            found = self.inner.range(state, inputs)
            if inputs.time.slot == 3:
                self.info = None
            return found
    """)  # fmt: skip
    ended = cli("run", path, "--out", tmp_path / "run", "--quiet")
    assert ended.code == 1
    assert "of slot 3 (2016-07-12 03:00): AttributeError" in ended.err
    assert "the suspects are: plugin mine: device 'mine'" in ended.err
    assert "fault of marketsim" not in ended.err


def test_power_flows_that_disagree_name_the_parts_of_plugins(scenario, cli, tmp_path, monkeypatch):
    """A gate whose voltages are others than those of the independent check; the slots are kept, exit code 1."""
    monkeypatch.setitem(NAMES, "gate", "ac")
    monkeypatch.setitem(BUILT_IN, "gate", "ac")
    path = scenario("gate", """
        def close(self):
            found = self.inner.close()
            return found._replace(v_pu=found.v_pu * 1.001)
    """)  # fmt: skip
    sets = [part for key, value in ON_FEEDER.items() for part in ("--set", f"{key}={value}")]
    ended = cli("run", path, *sets, "--out", tmp_path / "run", "--quiet")
    assert ended.code == 1
    plugin = path.parent / "mine.py"
    assert f"the suspects are parts of plugins: plugin mine: gate 'mine', {plugin}:" in ended.err
    assert "fault of the program" not in ended.err
    run = ms.open_run(tmp_path / "run")
    assert (run.status, run.n_slots) == ("failed", 1)
    assert "the suspects are" in run.manifest["error"]


@pytest.mark.usefixtures("inventing_energy")
def test_a_law_that_breaks_names_the_parts_of_plugins(scenario, cli, tmp_path):
    """What breaks it here is the program itself, which cannot be told from the plugin beside it."""
    path = scenario("device")
    ended = cli("run", path, "--out", tmp_path / "run", "--quiet")
    assert ended.code == 1
    plugin = path.parent / "mine.py"
    assert f"; the suspects are parts of plugins: plugin mine: device 'mine', {plugin}:" in ended.err
    assert "fault of the program" not in ended.err
    assert ms.open_run(tmp_path / "run").status == "failed"


def test_an_error_beside_the_slots_names_the_parts_of_plugins(scenario, cli, tmp_path, monkeypatch):
    """What goes wrong where slots are written or summed up is no plain fault of marketsim either."""
    from marketsim.metrics.bundle import Metrics

    monkeypatch.setattr(Metrics, "summary", lambda self: 1 / 0)
    path = scenario("tariff")
    ended = cli("run", path, "--out", tmp_path / "run", "--quiet")
    assert ended.code == 1
    assert "ZeroDivisionError: division by zero; the suspects are: plugin mine: tariff 'mine', " in ended.err
    assert "fault of marketsim" not in ended.err
    assert ms.open_run(tmp_path / "run").n_slots == 14


def test_without_plugins_a_fault_stays_one_of_marketsim(scenario_file, cli, tmp_path, monkeypatch):
    from marketsim.metrics.bundle import Metrics

    monkeypatch.setattr(Metrics, "summary", lambda self: 1 / 0)
    path = scenario_file(SCENARIO.format(**BUILT_IN, plugins=""))
    ended = cli("run", path, "--out", tmp_path / "run", "--quiet")
    assert ended.code == 1
    assert "This is a fault of marketsim" in ended.err


def test_what_comes_through_a_plugin_by_an_unforeseen_way_is_not_called_ours(scenario, cli, tmp_path):
    """A property that is read outside of every wall: while agents are grouped."""
    path = scenario("strategy")
    plugin, line = with_odd_params(path, "    def __hash__(self):\n        return 1 // 0  # HERE")
    ended = cli("run", path, "--out", tmp_path / "run", "--quiet")
    assert ended.code == 1
    assert f"It came from a plugin, at {plugin}:{line}; run again with --debug" in ended.err
    assert "fault of marketsim" not in ended.err


def test_a_model_of_parameters_that_fails_is_the_user_s_input(scenario, cli, tmp_path):
    """With the line of the scenario and that of the plugin."""
    path = scenario("strategy")
    plugin, line = with_odd_params(path, "    def model_post_init(self, context):\n        1 // 0  # HERE")
    ended = cli("run", path, "--out", tmp_path / "run", "--quiet")
    assert ended.code == 2
    assert f"{path}:4:" in ended.err
    assert "the model Odd of these parameters failed: ZeroDivisionError: " in ended.err
    assert f"({plugin}:{line})" in ended.err


@pytest.mark.parametrize("end", [BY_LAW, BY_CHECK])
def test_a_broken_law_is_not_called_a_fault_of_the_program(end):
    said = suspected(LawBroken(f"slot 0: x does not hold{end}"), ("plugin p",), "")
    assert str(said) == "slot 0: x does not hold; the suspects are parts of plugins: plugin p"


def test_read_only_looks_into_everything_and_leaves_the_original():
    array = np.zeros(2)
    seen = read_only(({"a": [array]}, array))
    for view in (seen[0]["a"][0], seen[1]):
        with pytest.raises(ValueError, match="read-only"):
            view[:] = 1
    array[:] = 2
    assert seen[1].tolist() == [2, 2]
