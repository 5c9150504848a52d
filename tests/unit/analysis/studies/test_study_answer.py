"""The answer: where a study breaks, in data and in words."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketsim.analysis.studies.answer import (
    OUT_OF_LIMITS,
    REFUSED,
    WORSE_OFF,
    AxisFinding,
    KpiCriterion,
    demand_kpis,
    findings,
    own_criterion,
)
from marketsim.analysis.studies.axes import axes_of
from marketsim.analysis.studies.sentences import answer
from marketsim.core.errors import InputError

AXES = axes_of({"x": [0, 1, 2, 3]})
GRID_KPIS = {"voltage_min_pu": 1.0, "voltage_max_pu": 1.06, "loading_max_percent": 90.0, "rejected_kwh": 0.0}


def found_at(broken, values=(0.0, 1.0, 2.0, 3.0)):
    return AxisFinding("x", {}, OUT_OF_LIMITS, values, tuple(broken), tuple(float(v in broken) for v in values))


@given(st.sets(st.sampled_from([0.0, 1.0, 2.0, 3.0])))
def test_the_bracket_holds_the_first_broken_value(broken):
    """Everything up to the lower end is whole, the upper end is broken."""
    finding = found_at(sorted(broken))
    if not broken:
        assert (finding.first, finding.last_before, finding.monotone) == (None, None, True)
        return
    assert finding.first == min(broken)
    assert finding.last_before == (min(broken) - 1 if min(broken) > 0 else None)
    assert finding.monotone == (len(broken) == 4 - min(broken))


def test_under_observe_the_limits_decide_and_under_ac_what_is_refused(rows):
    """With the gate of the scenario, or of the row where it is varied."""
    table = rows([0, 1, 2, 3], slots_with_violation=[0, 0, 1, 5], worst_off_saving=0.1, **GRID_KPIS)
    assert [each.criterion for each in findings(table, AXES, "observe")] == [OUT_OF_LIMITS, WORSE_OFF]
    assert [each.criterion for each in findings(table, AXES, "ac")] == [OUT_OF_LIMITS, REFUSED, WORSE_OFF]
    varied = pd.concat([table.assign(**{"grid.gate": gate}) for gate in ("ac", "observe")])
    found = findings(varied, axes_of({"x": [0, 1, 2, 3], "grid.gate": ["ac", "observe"]}), "none")
    assert [(each.held["grid.gate"], each.criterion) for each in found] == [
        *(("ac", each) for each in (OUT_OF_LIMITS, REFUSED, WORSE_OFF)),
        *(("observe", each) for each in (OUT_OF_LIMITS, WORSE_OFF)),
    ]


def test_without_a_feeder_only_the_market_can_break(rows):
    table = rows([0, 1, 2, 3], voltage_max_pu=None, worst_off_saving=[-0.1, 0.1, 0.1, -0.1])
    (finding,) = findings(table, AXES, "none")
    assert (finding.criterion, finding.broken, finding.monotone) == (WORSE_OFF, (0.0, 3.0), False)


def test_a_value_is_broken_where_any_seed_is(rows):
    table = rows([0, 1, 2], seeds=(1, 2), slots_with_violation=[0, 0, 0, 1, 2, 3], **GRID_KPIS)
    (finding,) = findings(table, axes_of({"x": [0, 1, 2]}), "observe")
    assert finding.broken == (1.0, 2.0)
    assert finding.shares == (0.0, 0.5, 1.0)
    assert answer(table, axes_of({"x": [0, 1, 2]}), [finding]) == [
        "The feeder is out of its limits from x 1 on (not yet at 0) in 1 of 2 seeds: 1 of 96 slots there, "
        "1.0000 to 1.0600 p.u., loading to 90.0 %."
    ]


def test_failed_runs_and_undefined_kpis_break_nothing(rows):
    table = rows([0, 1, 2, 3], slots_with_violation=[0, 9, None, 1], **GRID_KPIS)
    table.loc[1, "status"] = "failed"
    (finding,) = findings(table, AXES, "observe")
    assert (finding.values, finding.broken) == ((0.0, 2.0, 3.0), (3.0,))


def test_a_study_without_numbers_has_no_bracket(rows):
    table = rows([0, 1]).assign(x=["a", "b"])
    assert findings(table, axes_of({"x": ["a", "b"]}), "none") == ()


@pytest.mark.parametrize(
    ("violations", "words"),
    [
        ([0, 0, 0, 0], "The feeder keeps its limits from x 0 to 3."),
        ([1, 1, 1, 1], "The feeder is out of its limits at every x from 0 on: 1 of 96 slots there"),
        ([0, 0, 4, 5], "The feeder is out of its limits from x 2 on (not yet at 1): 4 of 96 slots there"),
        ([2, 0, 0, 0], "The feeder is out of its limits up to x 0 (no longer at 1): 2 of 96 slots there"),
        ([0, 3, 0, 1], "The feeder is out of its limits at x 1, 3: 3 of 96 slots there"),
    ],
)
def test_every_pattern_has_its_words(rows, violations, words):
    table = rows([0, 1, 2, 3], slots_with_violation=violations, **GRID_KPIS)
    (line,) = answer(table, AXES, findings(table, AXES, "observe"))
    assert line.startswith(words)


def test_what_the_gate_prevents_and_costs_is_said_at_the_highest_value(rows):
    """Differences of the same point with and without the gate."""
    common = {"voltage_min_pu": 1.0, "pv_kwh": 1000.0, "consumer_cost": 50.0}
    free = rows([1, 2], slots_with_violation=[0, 17], rejected_kwh=0.0, curtailed_kwh=0.0, prosumer_cost=-900.0,
                voltage_max_pu=[1.02, 1.0667], loading_max_percent=[40.0, 123.67], **common)  # fmt: skip
    held = rows([1, 2], slots_with_violation=0, rejected_kwh=[0, 123.4], curtailed_kwh=[0, 123.4], prosumer_cost=[-900.0, -880.0],
                voltage_max_pu=[1.02, 1.05], loading_max_percent=[40.0, 99.96], **common)  # fmt: skip
    table = pd.concat([held.assign(**{"grid.gate": "ac"}), free.assign(**{"grid.gate": "observe"})])
    axes = axes_of({"x": [1, 2], "grid.gate": ["ac", "observe"]})
    assert answer(table, axes, findings(table, axes, "none")) == [
        "With grid.gate=ac the feeder keeps its limits from x 1 to 2.",
        "With grid.gate=observe the feeder is out of its limits from x 2 on (not yet at 1): 17 of 96 slots there, "
        "1.0000 to 1.0667 p.u., loading to 123.7 %.",
        "The gate refuses energy from x 2 on (not yet at 1): 123.4 kWh there.",
        "At x=2 the gate ac prevents 17 slots out of limits (highest voltage 1.0500 instead of 1.0667 p.u., "
        "loading 100.0 instead of 123.7 %); it costs 123.4 kWh curtailed (12.3 % of the PV); prosumers pay 20.00 currency "
        "more, consumers pay the same.",
    ]


def test_a_gate_that_has_nothing_to_do_changes_nothing(rows):
    same = rows([1, 2], slots_with_violation=0, curtailed_kwh=0.0, pv_kwh=9.0, **GRID_KPIS)
    table = pd.concat([same.assign(**{"grid.gate": gate}) for gate in ("ac", "observe")])
    axes = axes_of({"x": [1, 2], "grid.gate": ["ac", "observe"]})
    assert answer(table, axes, ()) == ["At x=2 the gate ac changes nothing."]


@pytest.mark.parametrize("text", ["fbs<0.15", " fbs  < 1.5e-1 "])
def test_a_criterion_of_the_users_own(rows, text):
    table = rows([0, 1, 2, 3], fbs=[0.3, 0.2, 0.14, 0.1], voltage_max_pu=None)
    (finding,) = findings(table, AXES, "none", [own_criterion(text)])
    assert finding.criterion == KpiCriterion("fbs", "<", 0.15)
    assert finding.last_before == 1.0
    assert answer(table, AXES, [finding])[0] == "It is the case that fbs < 0.15 from x 2 on (not yet at 1)."


@pytest.mark.parametrize("text", ["", "fbs", "fbs = 1", "fbs < much", "< 1", "a b < 1"])
def test_what_is_no_criterion_says_what_one_looks_like(text):
    with pytest.raises(
        InputError, match=r"--breaks: must read KPI < VALUE or KPI > VALUE .*\n    for example --breaks"
    ):
        own_criterion(text)


def test_a_kpi_that_no_run_has_is_told_before_anything_runs(street):
    demand_kpis([own_criterion("fbs < 1"), own_criterion("critic_calls > 3")], street)
    with pytest.raises(InputError, match=r"--breaks: no run has such a KPI \(got curtailed_kw\)\n    did you mean"):
        demand_kpis([own_criterion("curtailed_kw > 1")], street)
