"""Gate closure: trade on a forecast, deliver what was traded, settle the rest with the utility."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.core.delivery import Ahead, ClosedProfiles, Immediate
from marketsim.core.free_gate_kernel import FreeGate
from marketsim.core.records import AskedKvar, Exchange, SlotInputs
from marketsim.testing.worlds import FixedTariff, UnityReactive, clock, community


class Numbered:
    """Profiles whose forecast of row h made at slot s is 0.1 s + 0.001 h [kW], and ten times that of PV."""

    def __init__(self, offset=0.0):
        self.offset = offset

    def forecast(self, time, agents):
        self.made, self.agents = time.slot, agents
        return self

    def at(self, time):
        return {"load_kw": np.full(2, float(time.slot))}

    def tariffs(self, horizon):
        rows = np.arange(self.made, self.made + horizon)[:, None] + np.zeros(len(self.agents), dtype=np.int64)
        return rows, -rows

    def series(self, name, horizon):
        rows = self.offset + 0.1 * self.made + 0.001 * np.arange(horizon)[:, None] + np.zeros(len(self.agents))
        return rows * {"load_kw": 1.0, "pv_kw": 10.0}[name]


class RecordingGate(FreeGate):
    """Remembers what it was told of deviations."""

    def amend(self, delta_wh, kvar):
        self.delta_wh, self.kvar = delta_wh, kvar


NOTHING = np.zeros(1_000, dtype=np.int64)


def inputs(load_wh, pv_wh, slot=0, minutes=60):
    time = clock(96, minutes).at(slot)
    return SlotInputs(time, np.array(load_wh), np.array(pv_wh), {}, FixedTariff().at(time))


def ahead(slots=1, n_agents=1, profiles=None, minutes=60, firm_share=1.0):
    closed = ClosedProfiles(profiles or Numbered(), slots, clock(96, minutes))
    return Ahead(community(n_agents), closed, UnityReactive(), np.full(n_agents, firm_share))


def exchange_of(import_wh, export_wh, curtailed_wh):
    columns = [np.array(column, dtype=np.int64) for column in (import_wh, export_wh, curtailed_wh)]
    return Exchange(*columns, np.zeros((0, len(columns[0])), dtype=np.int64))


def deliver(real, planned, exchange):
    """The exchange after deviations, and what the gate heard; ``real`` and ``planned`` are (load, pv)."""
    gate = RecordingGate(1)
    after = ahead(1, len(real[0])).deliver(gate, inputs(*real), inputs(*planned), NOTHING[: len(real[0])], exchange)
    return after, gate


def test_at_closure_zero_nothing_deviates():
    """Without closure the plan is what is metered, and delivery is what was exchanged."""
    given_inputs, exchange, gate = inputs([5], [7]), exchange_of([1], [2], [3]), RecordingGate(1)
    assert Immediate().plan(given_inputs) is given_inputs
    assert Immediate().deliver(gate, given_inputs, given_inputs, NOTHING, exchange) is exchange
    assert not hasattr(gate, "delta_wh")


@pytest.mark.parametrize(
    ("slots", "slot", "made", "ahead_by"), [(1, 5, 4, 1), (3, 5, 2, 3), (3, 2, 0, 2), (4, 0, 0, 0)]
)
def test_the_plan_is_the_forecast_made_when_the_gate_closed(slots, slot, made, ahead_by):
    """Closure k plans on the row k of the forecast made k slots before, or at the start of the run if that is later."""
    planned = ahead(slots, n_agents=2).plan(inputs([9, 9], [9, 9], slot))
    expected = 100 * made + ahead_by
    assert planned.load_wh.tolist() == [expected] * 2
    assert planned.pv_wh.tolist() == [10 * expected] * 2


@pytest.mark.parametrize(("slots", "slot", "made"), [(1, 5, 4), (3, 5, 2), (3, 2, 0), (2, 0, 0)])
def test_who_trades_at_closure_sees_the_forecasts_of_then(slots, slot, made):
    """Rows are those of the slot delivered and later ones, as expected at closure; its first row is the plan."""
    times = clock(96, 60)
    seen = ClosedProfiles(Numbered(), slots, times).forecast(times.at(slot), np.arange(2))
    expected = 0.1 * made + 0.001 * (slot - made + np.arange(3))
    assert seen.series("load_kw", 3) == pytest.approx(np.stack((expected, expected), axis=1))
    assert seen.series("load_kw", 0).shape == (0, 2)
    assert ahead(slots, 2).plan(inputs([0, 0], [0, 0], slot)).load_wh[0] == round(1_000 * expected[0])


def test_prices_and_meters_are_those_of_delivery():
    """Published prices are of the slots delivered, whenever they were read; what is metered is no forecast."""
    times = clock(96, 60)
    closed = ClosedProfiles(Numbered(), 4, times)
    retail, feed_in = closed.forecast(times.at(9), np.arange(1)).tariffs(3)
    assert (retail[:, 0].tolist(), feed_in[:, 0].tolist()) == ([9, 10, 11], [-9, -10, -11])
    assert closed.at(times.at(9))["load_kw"].tolist() == [9.0, 9.0]


def test_the_plan_is_energy_of_the_firm_load():
    """Powers become Wh of the slot, and the curtailable share of the load belongs to its fleet."""
    planned = ahead(2, minutes=15, firm_share=0.5, profiles=Numbered(offset=4.0)).plan(inputs([0], [0], 0, minutes=15))
    assert (planned.load_wh.tolist(), planned.pv_wh.tolist()) == ([500], [10_000])


def test_a_plan_is_never_negative():
    """A forecast below zero plans zero."""
    planned = ahead(1, profiles=Numbered(offset=-3.0)).plan(inputs([5], [5]))
    assert (planned.load_wh.tolist(), planned.pv_wh.tolist()) == ([0], [0])


def test_the_plan_changes_load_and_pv_only():
    """Time, tariffs and the series of devices stay what they are."""
    real = inputs([5], [5])._replace(series={"heat_kw": np.ones(1)})
    planned = ahead().plan(real)
    assert planned.time is real.time
    assert planned.tariffs is real.tariffs
    assert planned.series is real.series


@pytest.mark.parametrize(
    ("real", "planned", "before", "after"),
    [
        pytest.param((0, 100), (0, 100), (0, 100, 0), (0, 100, 0), id="as planned"),
        pytest.param((0, 150), (0, 100), (0, 100, 0), (0, 100, 50), id="more sun is curtailed"),
        pytest.param((0, 70), (0, 100), (0, 60, 40), (0, 60, 10), id="less sun is taken from what was withheld"),
        pytest.param((0, 70), (0, 100), (0, 100, 0), (0, 70, 0), id="short: less export"),
        pytest.param((0, 0), (0, 100), (0, 40, 0), (60, 0, 0), id="short: less export, then import"),
        pytest.param((80, 0), (50, 0), (50, 0, 0), (80, 0, 0), id="more load is imported"),
        pytest.param((20, 0), (50, 0), (50, 0, 0), (20, 0, 0), id="less load is imported less"),
        pytest.param((20, 0), (50, 0), (10, 0, 0), (0, 20, 0), id="beyond: less import, then export"),
        pytest.param((90, 100), (50, 100), (0, 30, 20), (0, 10, 0), id="more load uses withheld PV, then export"),
    ],
)
def test_planned_net_energy_is_kept_as_far_as_the_sun_allows(real, planned, before, after):
    """PV fills in first; what is short is exported less, then imported; what is beyond imported less, then exported."""
    one = [[(value,) for value in pair] for pair in (real, planned, before)]
    done, _ = deliver(one[0], one[1], exchange_of(*one[2]))
    assert (int(done.import_wh[0]), int(done.export_wh[0]), int(done.curtailed_wh[0])) == after


def test_the_gate_hears_what_was_not_delivered():
    """The gate gets the difference at the meter, agent by agent."""
    _, gate = deliver(([80, 20, 50], [0, 0, 10]), ([50, 50, 50], [0, 0, 0]), exchange_of([50] * 3, [0] * 3, [0] * 3))
    assert gate.delta_wh.tolist() == [-30, 30, 0]


SMALL = st.integers(0, 1_000)


@st.composite
def deviations(draw):
    """Real and planned (load, PV) and an exchange of 1 to 5 agents, curtailed at most what was planned."""
    n_agents = draw(st.integers(1, 5))
    columns = [draw(st.lists(SMALL, min_size=n_agents, max_size=n_agents)) for _ in range(6)]
    load, pv, planned_load, planned_pv, imported, exported = (np.array(column) for column in columns)
    curtailed = np.array([draw(st.integers(0, int(most))) for most in planned_pv])
    return (load, pv), (planned_load, planned_pv), exchange_of(imported, exported, curtailed)


@given(deviations())
def test_the_energy_law_survives_any_deviation(case):
    """What the exchange brings on top of load and PV is the same before and after; nothing is negative."""
    (load, pv), (planned_load, planned_pv), before = case
    after, gate = deliver(*case)
    brought = after.import_wh - after.export_wh + pv - after.curtailed_wh - load
    planned = before.import_wh - before.export_wh + planned_pv - before.curtailed_wh - planned_load
    assert (brought == planned).all()
    assert min(after.import_wh.min(), after.export_wh.min(), after.curtailed_wh.min()) >= 0
    assert (after.curtailed_wh <= pv).all()
    metered = (after.export_wh - after.import_wh) - (before.export_wh - before.import_wh)
    assert (gate.delta_wh == metered).all()


@given(deviations())
def test_the_utility_steps_in_last(case):
    """More import only when nothing is exported or curtailed any more; more export only without import and PV."""
    (_, pv), _, before = case
    after, _ = deliver(*case)
    more_import, more_export = after.import_wh > before.import_wh, after.export_wh > before.export_wh
    assert not (after.export_wh + after.curtailed_wh)[more_import].any()
    assert not after.import_wh[more_export].any()
    assert (after.curtailed_wh == pv)[more_export].all()


def test_what_was_asked_of_inverters_stands_at_delivery():
    """The reactive mode hears it once more, at the untraded energy that deviations leave, and the gate what it answers."""

    class Hearing(UnityReactive):
        def kvar(self, community, inputs, firm_wh, decided=None):
            self.firm_wh, self.decided = firm_wh, decided
            return decided.kvar

    mode, gate = Hearing(1), RecordingGate(1)
    asked = AskedKvar(np.array([7.0]), NOTHING[:1], NOTHING[:1])
    delivery = Ahead(community(1), ClosedProfiles(Numbered(), 1, clock(96, 60)), mode, np.ones(1))
    delivery.deliver(gate, inputs([80], [0]), inputs([50], [0]), np.array([-50]), exchange_of([50], [0], [0]), asked)
    assert mode.decided is asked
    assert mode.firm_wh.tolist() == [-80]
    assert gate.kvar.tolist() == [7.0]
