"""Everything that comes with the package, brought through the same door as plugins.

Parts are named by reference: nothing here imports a heavy library.
"""

from __future__ import annotations

from marketsim.extension.entry import Entry
from marketsim.extension.hookspecs import hookimpl
from marketsim.extension.registry import Registry, new_registry

SOURCE = "marketsim"


def _entry(name: str, factory: str, params: str, summary: str, **more: str | frozenset[str]) -> Entry:
    return Entry(name, f"marketsim.{factory}", f"marketsim.{params}", summary, **more)  # type: ignore[arg-type]


@hookimpl
def marketsim_profiles() -> list[Entry]:
    """Sources of load, PV and other series."""
    params = "profiles.params"
    return [
        _entry(
            "simbench_2016",
            "profiles.simbench:build",
            f"{params}:SimbenchParams",
            "real quarter-hour load, PV, EV and heat-pump shapes of 2016 (SimBench)",
        ),
        _entry(
            "synthetic",
            "profiles.synthetic:build",
            f"{params}:SyntheticParams",
            "clear-sky geometry, a cloud process and a household day; numpy only",
        ),
        _entry(
            "file",
            "profiles.file:build",
            f"{params}:FileParams",
            "series of your own from CSV or Parquet",
            traits=frozenset({"metered"}),
        ),
    ]


@hookimpl
def marketsim_tariffs() -> list[Entry]:
    """Prices of the utility."""
    tariffs, params = "market.tariffs", "market.tariff_params"
    return [
        _entry("flat", f"{tariffs}:build_flat", f"{params}:FlatParams", "one retail and one feed-in price"),
        _entry(
            "time_of_use", f"{tariffs}:build_time_of_use", f"{params}:TimeOfUseParams", "prices by windows of the day"
        ),
        _entry("series", f"{tariffs}:build_series", f"{params}:SeriesParams", "real-time prices from a list or a file"),
    ]


@hookimpl
def marketsim_devices() -> list[Entry]:
    """Devices behind the meter."""
    params = "devices.params"
    return [
        _entry("battery", "devices.battery:build", f"{params}:BatteryParams", "battery with losses and wear"),
        _entry("ev", "devices.ev:build", f"{params}:EvParams", "electric vehicle that must be charged by departure"),
        _entry("heat_pump", "devices.heat_pump:build", f"{params}:HeatPumpParams", "heat pump with a thermal buffer"),
        _entry(
            "curtailable_load",
            "devices.curtailable_load:build",
            f"{params}:CurtailableLoadParams",
            "share of the load that can be left unserved at a cost",
        ),
        _entry(
            "generator", "devices.generator:build", f"{params}:GeneratorParams", "dispatchable generator with ramps"
        ),
    ]


@hookimpl
def marketsim_strategies() -> list[Entry]:
    """How agents decide."""
    params = "agents.params"
    return [
        _entry(
            "utility_only",
            "agents.strategies.utility_only:build",
            f"{params}:UtilityOnlyParams",
            "trades with the utility alone; the reference of every comparison",
        ),
        _entry(
            "truthful", "agents.strategies.truthful:build", f"{params}:TruthfulParams", "quotes its own outside option"
        ),
        _entry(
            "zero_intelligence",
            "agents.strategies.zero_intelligence:build",
            f"{params}:ZeroIntelligenceParams",
            "random prices that never lose (Gode and Sunder 1993)",
        ),
        _entry(
            "fixed_margin",
            "agents.strategies.fixed_margin:build",
            f"{params}:FixedMarginParams",
            "its outside option with a constant margin",
        ),
        _entry("zip", "agents.strategies.zip:build", f"{params}:ZipParams", "zero-intelligence plus (Cliff 1997)"),
        _entry(
            "learned",
            "agents.strategies.learned:build",
            f"{params}:LearnedParams",
            "acts by policies that were trained",
            extra="learn",
        ),
    ]


@hookimpl
def marketsim_engines() -> list[Entry]:
    """Order-matching engines."""
    market, params = "market", "market.params"
    pairs = frozenset({"pairs"})
    return [
        _entry(
            "double_auction",
            f"{market}.double_auction:build",
            f"{params}:DoubleAuctionParams",
            "continuous double auction, price-time priority",
            traits=pairs,
        ),
        _entry(
            "call_auction",
            f"{market}.call_auction:build",
            f"{params}:CallAuctionParams",
            "periodic call auction, uniform price or pay-as-bid",
        ),
        _entry(
            "huang",
            f"{market}.huang:build",
            f"{params}:HuangParams",
            "truthful double auction for kWh (Huang, Scheller-Wolf and Sycara 2002)",
        ),
        _entry(
            "mid_market_rate",
            f"{market}.mid_market_rate:build",
            f"{params}:MidMarketRateParams",
            "everything at the middle of the tariffs",
        ),
        _entry(
            "supply_demand_ratio",
            f"{market}.supply_demand_ratio:build",
            f"{params}:SupplyDemandRatioParams",
            "price by the ratio of supply to demand (Liu et al. 2017)",
        ),
        _entry(
            "pro_rata",
            f"{market}.pro_rata:build",
            f"{params}:ProRataParams",
            "one pool at the midpoint, shared in proportion",
        ),
        _entry(
            "central_optimum",
            f"{market}.central:build",
            f"{params}:CentralOptimumParams",
            "most gains under the AC limits, by a planner who knows all limit prices; a yardstick",
        ),
    ]


@hookimpl
def marketsim_charges() -> list[Entry]:
    """Network charges on trade between peers."""
    charges, params = "market.charges", "market.params"
    return [
        _entry("none", f"{charges}:build_none", f"{params}:NoChargesParams", "no network charge"),
        _entry("flat", f"{charges}:build_flat", f"{params}:FlatChargesParams", "the same for every kWh"),
        _entry(
            "nodal",
            f"{charges}:build_nodal",
            f"{params}:NodalChargesParams",
            "by voltage sensitivity, signed: a counter-flow earns",
            traits=frozenset({"signed"}),
        ),
        _entry(
            "distance",
            f"{charges}:build_distance",
            f"{params}:DistanceChargesParams",
            "by electrical distance between the two",
            traits=frozenset({"pairwise"}),
        ),
    ]


@hookimpl
def marketsim_allocations() -> list[Entry]:
    """How scarce grid capacity is shared among sellers."""
    allocation, params = "market.allocation", "market.params"
    return [
        _entry("arrival", f"{allocation}:build_arrival", f"{params}:ArrivalParams", "first come, first served"),
        _entry(
            "proportional",
            f"{allocation}:build_proportional",
            f"{params}:ProportionalParams",
            "one factor for all sellers",
        ),
        _entry("merit", f"{allocation}:build_merit", f"{params}:MeritParams", "gain per unit of the binding limit"),
    ]


@hookimpl
def marketsim_reactives() -> list[Entry]:
    """Reactive power of inverters."""
    modes, params = "grid.reactive.modes", "grid.reactive.params"
    return [
        _entry("unity", f"{modes}:build_unity", f"{params}:UnityParams", "inverters at power factor 1"),
        _entry("fixed_pf", f"{modes}:build_fixed_pf", f"{params}:FixedPfParams", "constant power factor"),
        _entry("fixed_q", f"{modes}:build_fixed_q", f"{params}:FixedQParams", "constant reactive power"),
        _entry("volt_var", f"{modes}:build_volt_var", f"{params}:VoltVarParams", "reactive power from the bus voltage"),
    ]


@hookimpl
def marketsim_critics() -> list[Entry]:
    """Fairness critics."""
    fairness, params = "fairness", "fairness.params"
    return [
        _entry(
            "rule",
            f"{fairness}.rule_critic:build",
            f"{params}:RuleCriticParams",
            "fairness measures as formulas",
            traits=frozenset({"formula"}),
        ),
        _entry(
            "ollama",
            f"{fairness}.ollama_critic:build",
            f"{params}:OllamaCriticParams",
            "a language model on an Ollama server, the rule where it fails",
            extra="learn",
        ),
        _entry(
            "replay",
            f"{fairness}.replay_critic:build",
            f"{params}:ReplayCriticParams",
            "the scores used in an earlier run, from its critic.jsonl",
        ),
        _entry(
            "surrogate",
            f"{fairness}.surrogate_critic:build",
            f"{params}:SurrogateCriticParams",
            "a small network that has learned a language model's scores",
        ),
    ]


@hookimpl
def marketsim_learners() -> list[Entry]:
    """Learning algorithms."""
    summary = "proximal policy optimisation of many agents, a trust region for each"
    return [_entry("ppo", "learning.ppo.learner:build", "learning.params:LearnerParams", summary, extra="learn")]


@hookimpl
def marketsim_metrics() -> list[Entry]:
    """Measures of every run."""
    params = "metrics.params"
    return [
        _entry("energy", "metrics.energy:build", f"{params}:EnergyParams", "energy volumes and shares"),
        _entry("money", "metrics.money:build", f"{params}:MoneyParams", "costs, savings and revenues"),
        _entry("fairness", "fairness.metric:build", "fairness.params:FairnessParams", "fairness measures"),
        _entry("efficiency", "metrics.efficiency:build", f"{params}:EfficiencyParams", "gains from trade"),
        _entry("grid", "metrics.grid:build", f"{params}:GridParams", "voltages, loadings and violations"),
        _entry("laws", "metrics.laws:build", f"{params}:LawsParams", "balances, which are zero"),
    ]


BUILT_IN_METRICS = tuple(entry.name for entry in marketsim_metrics())


def built_in_registry() -> Registry:
    """A registry with everything that comes with the package."""
    import sys

    registry = new_registry()
    registry.register(sys.modules[__name__], SOURCE)
    return registry
