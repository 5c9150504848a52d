"""The twenty prosumers of the stressed feeder, described in words: read, put together, and stacked into one problem."""

from importlib.util import find_spec

import numpy as np
import pytest

import marketsim as ms
from marketsim.app.planned_days import planned_days
from marketsim.experts.case import DayCase
from marketsim.experts.columns import prosumers
from marketsim.experts.judging import JudgedDay, broken_limits, cost_of
from marketsim.experts.library.compose import code_of
from marketsim.experts.model import ProsumerModel, TerminalModel
from marketsim.experts.program import DayProgram
from marketsim.experts.sandbox.client import CodeMember
from marketsim.experts.workflow.benchmark import differences
from marketsim.experts.workflow.form import filled
from marketsim.experts.workflow.programme import programmed
from marketsim.experts.workflow.words import WordReader

if find_spec("clarabel") is None:
    pytest.skip("clarabel is not installed: pip install 'marketsim[experts]'", allow_module_level=True)


def described(name, model):
    """A model in words."""
    said = [f"{name} draws at most {model.load_peak_kw!r} kW. Its PV is rated {model.pv_kw!r} kW."]
    if model.battery is not None:
        own = model.battery
        said.append(
            f"The battery of {own.energy_kwh / 1000!r} MWh takes {own.power_kw!r} kW; its efficiency is {100 * own.efficiency!r} % "
            f"one way; it stays between {100 * own.min_soc!r} % and {100 * own.max_soc!r} %; its wear costs {own.wear_per_kwh!r} EUR/kWh."
        )
    if model.generator is not None:
        own = model.generator
        said.append(
            f"The generator has {own.max_kw!r} kW, a ramp of {own.ramp_kw_per_h!r} kW/h and costs {own.cost_per_kwh!r} EUR/kWh and "
            f"{own.quadratic_cost!r} EUR/(kW² h)."
        )
    if model.curtailable is not None:
        own = model.curtailable
        said.append(f"{100 * own.share!r} % of the load may be curtailed for {100 * own.cost_per_kwh!r} ct/kWh.")
    return "\n".join(said)


@pytest.fixture(scope="module")
def community(p2p141):
    """Names, models and the day of each of the twenty."""
    days = planned_days(ms.load_scenario(p2p141()), lambda agent: agent.kind == "prosumer")
    context, view = days.expert_context(0.95, TerminalModel()), days.day(0)
    cases = [
        DayCase(
            slot_hours=view.slot_hours,
            hour=view.slot_hours * np.arange(view.horizon),
            buy_price=view.buy,
            sell_price=view.sell,
            load_kw=view.load_kw[:, place],
            pv_available_kw=view.pv_available_kw[:, place],
            stored_kwh=float(view.stored_kwh[place]),
            generator_kw=0.0 if model.generator is None else model.generator.min_kw,
        )
        for place, model in enumerate(context.models)
    ]
    return context.names, context.models, cases, view


def read(name, model):
    form = filled(described(name, model), WordReader())
    assert form.model is not None, form.refusals
    return form.model


def test_all_twenty_are_read_from_words_as_they_are(community):
    names, models, *_ = community
    assert len(models) == 20
    for name, model in zip(names, models, strict=True):
        assert differences(model.model_copy(update={"inverter_kva": None}), read(name, model)) == []


def test_each_alone_costs_what_its_day_programme_costs(sandbox, community):
    """Within a thousandth of the load's bill, one of each kind; every limit kept."""
    names, models, cases, _ = community
    for place in range(0, 20, 4):
        model = read(names[place], models[place])
        ended = sandbox.solve([CodeMember(code_of(model), cases[place].state())])
        assert ended.value is not None, ended.told
        plan = JudgedDay.of(ended.value["members"][0])
        known = cost_of(model, cases[place], programmed(models[place], cases[place]))
        bill = 0.25 * float((cases[place].buy_price * cases[place].load_kw).sum())
        assert broken_limits(model, cases[place], plan) == []
        assert cost_of(model, cases[place], plan) == pytest.approx(known, abs=1e-3 * bill)


def test_all_stacked_cost_what_the_joint_programme_costs(sandbox, community):
    """One problem of twenty codes in which trade sums to zero, within 1 % of the joint day programme without voltages."""
    names, models, cases, view = community
    read_models = [read(name, model) for name, model in zip(names, models, strict=True)]
    members = [CodeMember(code_of(model), case.state()) for model, case in zip(read_models, cases, strict=True)]
    ended = sandbox.solve(members)
    assert ended.value is not None, ended.told
    plans = [JudgedDay.of(each) for each in ended.value["members"]]
    assert np.abs(sum(plan.p2p_kw for plan in plans)).max() < 1e-3
    known = view._replace(generator_kw=np.array([case.generator_kw for case in cases]))
    solved = DayProgram(prosumers(models), view.horizon, view.slot_hours, np.zeros(20, dtype=np.int64)).solve(known)
    joint = [
        JudgedDay(*(np.asarray(each)[:, place] for each in solved.setpoints[:4]), p2p_kw=np.zeros(view.horizon))
        for place in range(20)
    ]
    ours, bound = (pooled_cost(read_models, cases, each) for each in (plans, joint))
    assert ours == pytest.approx(bound, rel=0.01)


def pooled_cost(models, cases, plans):
    """What all cost together: devices each for itself, energy of the utility after pooling."""
    alone = [ProsumerModel.model_copy(model) for model in models]
    first, drawn = (
        cases[0],
        sum(plan._replace(p2p_kw=0 * plan.p2p_kw).grid_kw(case) for plan, case in zip(plans, cases, strict=True)),
    )
    energy = first.buy_price * np.maximum(drawn, 0.0) - first.sell_price * np.maximum(-drawn, 0.0)
    devices = 0.0
    for model, case, plan in zip(alone, cases, plans, strict=True):
        free = case._replace(buy_price=0 * case.buy_price, sell_price=0 * case.sell_price)
        devices += cost_of(model, free, plan)
    return first.slot_hours * float(energy.sum()) + devices
