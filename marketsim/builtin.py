"""Everything that comes with the package, brought through the same door as plugins.

Parts are named by reference: nothing here imports a heavy library.
"""

from __future__ import annotations

import sys
from typing import Final

from marketsim.core.params import Params
from marketsim.extension.entry import Entry
from marketsim.extension.hookspecs import hookimpl
from marketsim.extension.registry import Registry, new_registry

SOURCE = "marketsim"


def _part(
    kind: str,
    name: str,
    build: str,
    params: str,
    summary: str,
    traits: tuple[str, ...] = (),
    extra: str = "",
    kernels: tuple[str, ...] = (),
) -> Entry:
    return Entry(
        kind=kind,
        name=name,
        build=f"marketsim.{build}",
        params=f"marketsim.{params}" if params else Params,
        summary=summary,
        traits=frozenset(traits),
        extra=extra,
        kernels=tuple(f"marketsim.{module}" for module in kernels),
    )


_GATE_KERNELS: Final = ("grid.gates.gate_slot_kernel", "grid.gates.report_kernel")
"""Of every compiled gate."""


PARTS: Final = (
    _part("profile", "simbench_2016", "profiles.simbench:build", "profiles.params:SimbenchParams",
          "real quarter-hour load, PV, EV and heat-pump shapes of 2016 (SimBench)", traits=("library",)),
    _part("profile", "synthetic", "profiles.synthetic:build", "profiles.params:SyntheticParams",
          "clear-sky geometry, a cloud process and a household day; numpy only"),
    _part("profile", "file", "profiles.file:build", "profiles.file_params:FileParams",
          "series of your own from CSV or Parquet", traits=("metered",)),
    _part("tariff", "flat", "market.tariffs:build_flat", "market.tariff_params:FlatParams",
          "one retail and one feed-in price"),
    _part("tariff", "time_of_use", "market.tariffs:build_time_of_use", "market.tariff_params:TimeOfUseParams",
          "prices by windows of the day"),
    _part("tariff", "series", "market.tariffs:build_series", "market.tariff_params:SeriesParams",
          "real-time prices from a list or a file"),
    _part("device", "battery", "devices.battery:build", "devices.params:BatteryParams", "battery with losses and wear"),
    _part("device", "ev", "devices.ev:build", "devices.params:EvParams",
          "electric vehicle that must be charged by departure"),
    _part("device", "heat_pump", "devices.heat_pump:build", "devices.params:HeatPumpParams",
          "heat pump with a thermal buffer"),
    _part("device", "curtailable_load", "devices.curtailable_load:build", "devices.params:CurtailableLoadParams",
          "share of the load that can be left unserved at a cost"),
    _part("device", "generator", "devices.generator:build", "devices.params:GeneratorParams",
          "dispatchable generator with ramps"),
    _part("strategy", "utility_only", "agents.strategies.utility_only:build", "agents.params:UtilityOnlyParams",
          "trades with the utility alone; the reference of every comparison"),
    _part("strategy", "truthful", "agents.strategies.truthful:build", "agents.params:TruthfulParams",
          "quotes its own outside option"),
    _part("strategy", "zero_intelligence", "agents.strategies.zero_intelligence:build", "agents.params:ZeroIntelligenceParams",
          "random prices that never lose (Gode and Sunder 1993)"),
    _part("strategy", "fixed_margin", "agents.strategies.fixed_margin:build", "agents.params:FixedMarginParams",
          "its outside option with a constant margin"),
    _part("strategy", "zip", "agents.strategies.zip:build", "agents.params:ZipParams",
          "zero-intelligence plus (Cliff 1997)"),
    _part("strategy", "learned", "agents.strategies.learned:build", "agents.params:LearnedParams",
          "acts by policies that were trained", extra="learn"),
    _part("engine", "double_auction", "market.double_auction:build", "market.params:DoubleAuctionParams",
          "continuous double auction, price-time priority", traits=("pairs",), kernels=("market.double_auction_kernel",)),
    _part("engine", "call_auction", "market.call_auction:build", "market.params:CallAuctionParams",
          "periodic call auction, uniform price or pay-as-bid"),
    _part("engine", "huang", "market.huang:build", "market.params:HuangParams",
          "truthful double auction for kWh (Huang, Scheller-Wolf and Sycara 2002)"),
    _part("engine", "mid_market_rate", "market.mid_market_rate:build", "market.params:MidMarketRateParams",
          "everything at the middle of the tariffs", traits=("prices",)),
    _part("engine", "supply_demand_ratio", "market.supply_demand_ratio:build", "market.params:SupplyDemandRatioParams",
          "price by the ratio of supply to demand (Liu et al. 2017)", traits=("prices",)),
    _part("engine", "pro_rata", "market.pro_rata:build", "market.params:ProRataParams",
          "one pool at the midpoint, shared in proportion", traits=("prices",)),
    _part("engine", "central_optimum", "market.central:build", "market.params:CentralOptimumParams",
          "most gains under the AC limits, by a planner who knows all limit prices; a yardstick"),
    _part("charges", "none", "market.charges:build_none", "market.params:NoChargesParams", "no network charge"),
    _part("charges", "flat", "market.charges:build_flat", "market.params:FlatChargesParams", "the same for every kWh"),
    _part("charges", "nodal", "market.charges:build_nodal", "market.params:NodalChargesParams",
          "by voltage sensitivity, signed: a counter-flow earns", traits=("signed",)),
    _part("charges", "distance", "market.charges:build_distance", "market.params:DistanceChargesParams",
          "by electrical distance between the two", traits=("pairwise",)),
    _part("settlement", "pay_as_agreed", "market.settlement:build", "market.params:PayAsAgreedParams",
          "every trade at its price, the rest with the utility at its tariffs"),
    _part("sharing", "none", "sharing.rules:build_none", "sharing.params:NoSharingParams",
          "everybody pays what the settlement says", traits=("idle",)),
    _part("sharing", "proportional", "sharing.rules:build_proportional", "sharing.params:ProportionalSharingParams",
          "what all save or lose together, in proportion to the bills that they would have alone"),
    _part("allocation", "arrival", "market.allocation:build_arrival", "market.params:ArrivalParams",
          "first come, first served"),
    _part("allocation", "proportional", "market.allocation:build_proportional", "market.params:ProportionalParams",
          "one factor for all sellers"),
    _part("allocation", "merit", "market.allocation:build_merit", "market.params:MeritParams",
          "gain per unit of the binding limit"),
    _part("allocation", "planned", "market.planned:build", "market.params:PlannedParams",
          "least energy from upstream under the AC limits, losses counted; a yardstick"),
    _part("gate", "ac", "grid.gates.exact.ac:build", "grid.gates.params:GateParams",
          "exact: every trade checked by an AC power flow while it is matched",
          traits=("exact",), kernels=(*_GATE_KERNELS, "grid.gates.exact.exact_kernel")),
    _part("gate", "sensitivity", "grid.gates.screened.sensitivity:build", "grid.gates.params:GateParams",
          "screened by linear sensitivities, AC at the end of the slot", traits=("screens",),
          kernels=(*_GATE_KERNELS, "grid.gates.broken_kernel", "grid.gates.screened.screen_kernel")),
    _part("gate", "lindistflow", "grid.gates.lindistflow.gate:build", "grid.gates.params:GateParams",
          "screened by the linearised feeder without losses (LinDistFlow), AC at the end of the slot", traits=("screens",),
          kernels=(*_GATE_KERNELS, "grid.gates.broken_kernel", "grid.gates.lindistflow.linear_kernel")),
    _part("gate", "observe", "grid.gates.observed.observe:build", "grid.gates.params:GateParams",
          "trade freely and record which limits break",
          traits=("records",), kernels=(*_GATE_KERNELS, "grid.gates.observed.observe_kernel")),
    _part("gate", "market_first", "grid.gates.screened.market_first:build", "grid.gates.params:GateParams",
          "trade freely, then curtail what came last until every limit is kept"),
    _part("gate", "doe_equal", "grid.gates.envelope.modes:build_equal", "grid.gates.params:GateParams",
          "equal operating envelopes when the slot opens, free trade within"),
    _part("gate", "doe_maximal", "grid.gates.envelope.modes:build_maximal", "grid.gates.params:GateParams",
          "operating envelopes of the largest sum, free trade within", traits=("plans",)),
    _part("gate", "none", "grid.gates.none:build", "grid.gates.params:GateParams",
          "no grid behind the market", traits=("blind",)),
    _part("reactive", "unity", "grid.reactive.modes:build_unity", "grid.reactive.params:UnityParams",
          "inverters at power factor 1"),
    _part("reactive", "fixed_pf", "grid.reactive.modes:build_fixed_pf", "grid.reactive.params:FixedPfParams",
          "constant power factor"),
    _part("reactive", "fixed_q", "grid.reactive.modes:build_fixed_q", "grid.reactive.params:FixedQParams",
          "constant reactive power"),
    _part("reactive", "volt_var", "grid.reactive.modes:build_volt_var", "grid.reactive.params:VoltVarParams",
          "reactive power from the bus voltage"),
    _part("critic", "rule", "fairness.rule_critic:build", "fairness.params:RuleCriticParams",
          "fairness measures as formulas", traits=("formula",)),
    _part("critic", "ollama", "fairness.ollama_critic:build", "fairness.params:OllamaCriticParams",
          "a language model on an Ollama server, the rule where it fails", extra="learn"),
    _part("critic", "replay", "fairness.replay_critic:build", "fairness.params:ReplayCriticParams",
          "the scores used in an earlier run, from its critic.jsonl"),
    _part("critic", "surrogate", "fairness.surrogate_critic:build", "fairness.params:SurrogateCriticParams",
          "a small network that has learned a language model's scores", traits=("formula",)),
    _part("model", "ollama", "llm.model_server:build", "", "models that an Ollama server has", extra="learn"),
    _part("importer", "citylearn", "importers.citylearn:build", "importers.params:CityLearnParams",
          "a CityLearn data set: buildings, prices and charging sessions"),
    _part("importer", "simbench", "importers.simbench_net:build", "importers.params:SimBenchParams",
          "a SimBench net with its own profiles, by its code", extra="simbench"),
    _part("importer", "pandapower", "importers.pandapower_net:build", "importers.params:PandapowerParams",
          "a pandapower net: its loads, static generators and storages"),
    _part("importer", "hamlet", "importers.hamlet:build", "importers.params:HamletParams",
          "a scenario folder of HAMLET: loads, plants, batteries and vehicles"),
    _part("learner", "ppo", "learning.ppo.learner:build", "learning.params:LearnerParams",
          "proximal policy optimisation of many agents, a trust region for each", extra="learn"),
    _part("learner", "sac", "learning.number_learner:build_sac", "learning.offpolicy.params:SacParams",
          "soft actor-critic of many agents, for actions that are numbers", extra="learn"),
    _part("learner", "matd3", "learning.number_learner:build_matd3", "learning.offpolicy.params:Matd3Params",
          "twin delayed deterministic policy gradient of many agents, for numbers", extra="learn"),
    _part("learner", "maddpg", "learning.number_learner:build_maddpg", "learning.offpolicy.params:MaddpgParams",
          "deterministic policy gradient of many agents, for numbers", extra="learn"),
    _part("learner", "mappo", "learning.number_learner:build_mappo", "learning.mappo.params:MappoParams",
          "proximal policy optimisation with centralised critics, for numbers", extra="learn"),
    _part("learner", "cloning", "learning.number_learner:build_cloning", "learning.numbers.params:CloningParams",
          "fits policies to what the expert of a game would do", extra="learn"),
    _part("game", "market", "games.market.game:build", "games.market.params:MarketGameParams",
          "price, quantity and charge level in the market, slot by slot", traits=("rewarded",)),
    _part("metric", "energy", "metrics.energy:build", "metrics.params:EnergyParams", "energy volumes and shares"),
    _part("metric", "money", "metrics.money:build", "metrics.params:MoneyParams", "costs, savings and revenues"),
    _part("metric", "fairness", "fairness.metric:build", "fairness.params:FairnessParams", "fairness measures"),
    _part("metric", "welfare", "metrics.welfare:build", "metrics.params:WelfareParams", "what all get together"),
    _part("metric", "efficiency", "metrics.efficiency:build", "metrics.params:EfficiencyParams", "gains of peers"),
    _part("metric", "grid", "metrics.grid:build", "metrics.params:GridParams", "voltages, loadings and violations"),
    _part("metric", "laws", "metrics.laws:build", "metrics.params:LawsParams", "balances, which are zero"),
)  # fmt: skip
"""Kind, name, what builds it, its parameters, and what it is."""


@hookimpl
def marketsim_parts() -> tuple[Entry, ...]:
    """All of them."""
    return PARTS


def built_in_registry() -> Registry:
    """A registry with everything that comes with the package."""
    registry = new_registry()
    registry.register(sys.modules[__name__], SOURCE)
    return registry
