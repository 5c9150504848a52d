"""Every built-in part in a small scenario: it runs, it balances, and it does something."""

from __future__ import annotations

import pytest

import marketsim as ms
from marketsim.builtin import built_in_registry
from marketsim.core.errors import ScenarioError

REGISTRY = built_in_registry()
ENGINES, STRATEGIES, DEVICES = (REGISTRY.names(kind) for kind in ("engine", "strategy", "device"))
STRATEGIES = tuple(name for name in STRATEGIES if name != "learned")  # needs a training: test_learned.py
CHARGES, ALLOCATIONS, REACTIVES = (REGISTRY.names(kind) for kind in ("charges", "allocation", "reactive"))
SHARINGS = REGISTRY.names("sharing")
STORAGE = ("idle", "self_consumption", "trade", "lp")
FORECASTS = ("climatology", "persistence", "noisy_perfect", "perfect")


def balances(run: ms.Run) -> ms.Run:
    """The run, after what must hold for any part."""
    summary = run.summary
    assert (run.status, summary["money_imbalance"], summary["energy_imbalance_wh"]) == ("complete", 0, 0)
    assert (run.frame("trades", raw=True).energy_wh > 0).all()
    assert (run.frame("trades", raw=True).buyer != run.frame("trades", raw=True).seller).all()
    if "validated_slots" in summary:
        assert summary["validated_slots"] == summary["slots"]
        assert abs(summary["grid_imbalance_wh"]) <= 1.0
    return run


def without_grid(scenario: dict) -> dict:
    """The same agents, connected to no feeder."""
    agents = [{key: value for key, value in agent.items() if key != "bus"} for agent in scenario["agents"]]
    return {**scenario, "grid": {}, "agents": agents}


@pytest.mark.parametrize("allocation", ALLOCATIONS)
@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_with_every_allocation(simulated, village, engine, allocation):
    """On a feeder, each engine books trades under each way of sharing capacity."""
    grid = {"feeder": "feeder141", "allocation": allocation}
    assert len(balances(simulated(village(market={"engine": engine}, grid=grid))).trades) > 0


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_without_a_grid(simulated, village, engine):
    """Where nothing can be refused, nothing is."""
    run = balances(simulated(without_grid(village(market={"engine": engine}))))
    assert len(run.frame("trades", raw=True)) > 0
    assert run.summary["rejected_kwh"] == 0


@pytest.mark.parametrize("charges", CHARGES)
@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_with_every_network_charge(village, simulated, engine, charges):
    """An engine that cannot sort by pair says so; all others collect the charge, for the operator.

    The truthful auction collects its surplus for the operator in any case.
    """
    scenario = village(market={"engine": engine, "charges": charges})
    pairs = "pairs" in REGISTRY.traits("engine", engine)
    if "pairwise" in REGISTRY.traits("charges", charges) and not pairs:
        with pytest.raises(ScenarioError, match=f"the engine {engine} does not support charges by pair"):
            ms.load_scenario(scenario)
        return
    run = balances(simulated(scenario))
    collected = run.frame("agents", raw=True).network_charges_money.abs().sum()
    assert (collected > 0) == (charges != "none" or engine == "huang")


@pytest.mark.parametrize("period", ["day", "run"])
@pytest.mark.parametrize("sharing", SHARINGS)
def test_every_sharing(simulated, village, sharing, period):
    """Bills have a line that sums to zero in every slot and is written where a rule shares; a day and a half are two periods."""
    clock = {"start": "2016-07-12", "slots": 36, "slot_minutes": 60}
    idle = "idle" in REGISTRY.traits("sharing", sharing)
    market = {"sharing": sharing} | ({} if idle else {"sharing_period": period})
    agents = [{**agent, "income": 1000 * row} for row, agent in enumerate(village()["agents"], 1)]
    if "dividends" in REGISTRY.traits("sharing", sharing):
        shared = next(row for row, agent in enumerate(agents) if agent.get("pv_kw"))
        agents[shared] = {**agents[shared], "owners": "equal"}
    run = balances(simulated(village(clock=clock, market=market, agents=agents)))
    plain = simulated(village(clock=clock))
    assert ("sharing_money" in run.frame("agents", raw=True)) != idle
    assert run.frame("trades", raw=True).equals(plain.frame("trades", raw=True))
    assert run.frame("agents", raw=True).paid_money.sum() == plain.frame("agents", raw=True).paid_money.sum()
    if not idle:
        line = run.frame("agents", raw=True).groupby("slot").sharing_money
        assert (line.sum() == 0).all()
        assert line.any()[lambda found: found].index.tolist() == ([23, 35] if period == "day" else [35])


@pytest.mark.parametrize("mode", REACTIVES)
def test_every_reactive_mode(simulated, village, mode):
    """Only unity leaves the sun's inverter without reactive power."""
    params = {
        "unity": {},
        "fixed_pf": {"power_factor": 0.9},
        "fixed_q": {"q_share": -0.2},
        "volt_var": {},
        "setpoint": {"base": "volt_var"},
    }[mode]
    curved = mode in ("volt_var", "setpoint")
    source = {"source_pu": 1.045} if curved else {}  # above the dead band of the curve
    grid = {"feeder": "feeder141", "reactive": {mode: params}, **source}
    run = balances(simulated(village(grid=grid)))
    noon = run.frame("agents", raw=True).query("slot == 12 and name in ('sun', 'roof')")
    assert (noon.kvar.abs() > 1e-3).any() == (mode != "unity")


@pytest.mark.parametrize("gridded", [True, False], ids=["feeder", "no grid"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy(simulated, village, strategy, gridded):
    """Everybody trades by it, twenty rounds a slot; only who deals with the utility alone does not trade."""
    scenario = village(market={"engine": {"double_auction": {"rounds": 20}}})
    agents = [{**agent, "strategy": strategy} for agent in scenario["agents"]]
    scenario = {**scenario, "agents": agents}
    run = balances(simulated(scenario if gridded else without_grid(scenario)))
    assert (len(run.frame("trades", raw=True)) > 0) == (strategy != "utility_only")


@pytest.mark.parametrize("storage", STORAGE)
def test_every_way_to_run_a_store(simulated, village, storage):
    """A battery of a truthful trader moves unless it is told to rest."""
    scenario = village()
    agents = [{**agent, "strategy": {"truthful": {"storage": storage}}} for agent in scenario["agents"]]
    run = balances(simulated({**scenario, "agents": agents}))
    assert bool(run.frame("agents", raw=True).battery_wh.any()) == (storage != "idle")


@pytest.mark.parametrize("device", DEVICES)
def test_every_device_alone(simulated, village, device):
    """One owner among neighbours; the device moves energy, and its column holds what it did."""
    scenario = village()
    agents = [
        {key: value for key, value in agent.items() if key not in DEVICES or key == device}
        for agent in scenario["agents"]
    ]
    run = balances(simulated({**scenario, "agents": agents}))
    assert (
        run.frame("agents", raw=True)[f"{device}_wh"].any()
        or run.frame("agents", raw=True)[f"{device}_unserved_wh"].any()
    )
    owners = {agent["name"] for agent in agents if device in agent}
    assert set(run.frame("agents", raw=True).loc[run.frame("agents", raw=True)[f"{device}_wh"] != 0, "name"]) <= owners
    assert {name for name in run.frame("agents", raw=True).columns if name.endswith("_level")} == {f"{device}_level"}


@pytest.mark.parametrize("forecast", FORECASTS)
def test_every_forecast(simulated, village, forecast):
    """Trade two slots ahead on what is expected; the deviations settle with the utility and nothing is lost."""
    profiles = {"source": "simbench_2016", "forecast": forecast}
    scenario = village(profiles=profiles, market={"gate_closure_slots": 2})
    assert len(balances(simulated(scenario)).trades) > 0


@pytest.mark.parametrize(
    "tariff",
    [
        {"flat": {"retail": 0.25, "feed_in": 0.05}},
        {"flat": {"retail": 0.25, "feed_in": 0.25}},
        {"time_of_use": {"windows": [{"from_hour": 7, "to_hour": 21, "retail": 0.35}, {"from_hour": 21, "to_hour": 7, "retail": 0.2}]}},
        {"series": {"retail": [0.3 + 0.01 * hour for hour in range(24)], "feed_in": 0.04}},
    ],
    ids=["flat", "no spread", "time of use", "series"],
)  # fmt: skip
def test_every_tariff(simulated, village, tariff):
    """Bills follow the posted prices of each slot; without a spread there is nothing to gain, and nothing breaks."""
    run = balances(simulated(village(tariff=tariff)))
    rows = run.frame("agents", raw=True).merge(
        run.frame("slots", raw=True)[["slot", "retail_ticks", "feed_in_ticks"]], on="slot"
    )
    assert (rows.imports_money == rows.import_wh * rows.retail_ticks).all()
    assert (rows.exports_money == -rows.export_wh * rows.feed_in_ticks).all()


@pytest.mark.parametrize("source", REGISTRY.names("profile"))
def test_every_profile_source(village, source, tmp_path):
    """Loads and PV of each source reach the tables."""
    (tmp_path / "day.csv").write_text(
        "time,all_load_kw,all_pv_kw\n"
        + "".join(f"2016-04-12T{hour:02}:00,{hour % 5},{hour % 7}\n" for hour in range(24))
    )
    scenario = village(
        agents=[
            {"name": "a", "kind": "prosumer", "pv_kw": 8, "load": {"annual_kwh": 4000}},
            {"name": "b", "kind": "consumer", "load": {"annual_kwh": 9000}},
        ],
        grid={},
        profiles={"source": source},
    )
    if source == "file":
        columns = {"all": {"load": "all_load_kw", "pv": "all_pv_kw"}}
        scenario["profiles"] = {"source": "file", "path": "day.csv", "columns": columns}
        scenario["folder"] = str(tmp_path)
        for agent in scenario["agents"]:
            agent["load"] = {}
    run = balances(ms.simulate(ms.load_scenario(scenario)))
    assert run.frame("agents", raw=True).load_wh.sum() > 0
    assert run.frame("agents", raw=True).query("name == 'a'").pv_available_wh.sum() > 0
    if source == "file":
        assert run.frame("agents", raw=True).query("name == 'b'").load_wh.tolist() == [
            hour % 5 * 1000 for hour in range(24)
        ]


def test_two_hundred_slots_of_everything(simulated, village):
    """Over several days of 5-minute slots at midnight and noon, across the day's border, all laws hold."""
    clock = {"start": "2016-12-31", "slots": 400, "slot_minutes": 5}
    run = balances(simulated(village(clock=clock)))
    assert run.frame("slots", raw=True).begins.iloc[-1].isoformat() == "2017-01-01T09:15:00"
