"""The network operator of a scenario: a plan from words is refused where it breaks a limit, with bus and slot."""

import numpy as np
import pytest

import marketsim as ms
from marketsim.app.expert_operator import FeederOperator
from marketsim.core.errors import InputError, ScenarioError
from marketsim.experts.judging import JudgedDay
from marketsim.experts.model import BatteryModel, GeneratorModel, ProsumerModel

AGENTS = [
    {"name": "mill", "kind": "prosumer", "bus": 87, "pv_kw": 100, "load": {"shape": "G0-M", "peak_kw": 50}},
    {"name": "shop", "kind": "consumer", "bus": 48, "load": {"shape": "G3-M", "peak_kw": 80}},
]


PLAIN = {
    "name": "operated",
    "clock": {"start": "2016-07-12", "slots": 48, "slot_minutes": 60},
    "tariff": {"flat": {"retail": 0.2, "feed_in": 0.06}},
    "profiles": {"source": "simbench_2016"},
}
FEEDER = {"feeder": "feeder141", "source_pu": 1.0, "load_scale": 0.3, "voltage_band_pu": [0.95, 1.05]}


def scenario(grid=None, **sections):
    return ms.load_scenario({**PLAIN, "grid": {**FEEDER, **(grid or {})}, "agents": AGENTS, **sections})


@pytest.fixture(scope="module")
def operator():
    return FeederOperator(scenario(), "mill")


MODEL = ProsumerModel(
    load_peak_kw=100,
    pv_kw=50,
    battery=BatteryModel(energy_kwh=40, power_kw=20),
    generator=GeneratorModel(max_kw=9, min_kw=2, cost_per_kwh=0.1),
)


def plan_of(case, **powers):
    zero = np.zeros_like(case.load_kw)
    return JudgedDay(**{name: zero + powers.get(name, 0.0) for name in JudgedDay._fields})


def test_the_days_are_the_scenario_s_at_the_size_of_the_description(operator):
    """Twice the load, half of the PV; the battery half full, the generator at its least power."""
    days, other = operator.days(MODEL), operator.days(ProsumerModel(load_peak_kw=50, pv_kw=100))
    assert len(days) == 2
    for case, own in zip(days, other, strict=True):
        assert case.load_kw == pytest.approx(2 * own.load_kw)
        assert case.pv_available_kw == pytest.approx(own.pv_available_kw / 2)
        assert case.hour.tolist() == list(range(24))
        assert (case.slot_hours, case.stored_kwh, case.generator_kw) == (1.0, 20.0, 2.0)
        assert own.load_kw.max() <= 50.0
        assert case.buy_price == pytest.approx(np.full(24, 0.2))
        assert case.sell_price == pytest.approx(np.full(24, 0.06))


def test_what_the_feeder_takes_is_not_refused(operator):
    case = operator.days(MODEL)[0]
    assert operator.broken(0, plan_of(case, pv_kw=0.5 * case.pv_available_kw), case.load_kw) == []


def test_what_it_does_not_take_is_told_with_bus_and_slot(operator):
    """Nine megawatts in one slot, at the end of the feeder."""
    case = operator.days(MODEL)[1]
    power = np.zeros(24)
    power[12] = 9000.0
    told = operator.broken(1, plan_of(case, generator_kw=power), case.load_kw)
    assert len(told) == 1
    assert told[0].startswith("bus ")
    assert " p.u. in slot 12, " in told[0]
    assert " p.u. with its load alone, and 0.95 to 1.05 is allowed" in told[0]


def test_the_voltages_are_those_of_a_run(operator):
    """The same injections in the simulation: an agent that sells everything to the utility, PV at its full power."""
    run = ms.simulate(
        scenario(
            grid={"gate": "observe"},
            output={"voltages": True},
        )
    )
    case = operator.days(ProsumerModel(load_peak_kw=50, pv_kw=100))[0]
    own = operator._voltages(operator._grid, 0, case.pv_available_kw - case.load_kw)
    table = run.voltages
    column = next(name for name in table.columns if name.endswith("pu"))
    slot = table[table["slot"] == 12]
    assert own[12].max() == pytest.approx(slot[column].max(), abs=2e-5)
    assert own[12].min() == pytest.approx(slot[column].min(), abs=2e-5)


def test_power_without_a_solution_is_refused(operator):
    case = operator.days(MODEL)[0]
    told = operator.broken(0, plan_of(case, battery_kw=-200_000.0), case.load_kw)
    assert told[0].startswith("the power flow of slot ")


def test_a_limit_that_the_load_breaks_already_is_not_the_plan_s_fault():
    """Undervoltage of a heavy feeder; a plan that draws less is taken, one that draws more is not."""
    heavy = FeederOperator(scenario(grid={"source_pu": 0.951, "load_scale": 1.0}), "mill")
    case = heavy.days(MODEL)[0]
    assert heavy.broken(0, plan_of(case, battery_kw=5.0), case.load_kw) == []
    assert heavy.broken(0, plan_of(case, battery_kw=-5.0), case.load_kw) != []


def test_an_agent_that_there_is_not_is_told():
    with pytest.raises(InputError, match="no agent of this name") as caught:
        FeederOperator(scenario(), "mil")
    assert "mill" in caught.value.problems[0].hint


def test_without_a_feeder_there_is_no_operator():
    agents = [{key: value for key, value in agent.items() if key != "bus"} for agent in AGENTS]
    with pytest.raises(ScenarioError, match="no network operator without a feeder"):
        FeederOperator(ms.load_scenario({**PLAIN, "agents": agents}), "mill")
