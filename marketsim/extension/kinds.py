"""The kinds of part: the word by which an entry says its kind, where a scenario chooses it, and what builds it."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

_BUILT: Final = ("params", "context")


class Kind(NamedTuple):
    """One kind of part."""

    chosen: str
    """How a scenario chooses a part of it; empty: nothing chooses one yet."""
    returns: str
    """What ``build`` returns."""
    text: str
    """One or two sentences for authors."""
    call: tuple[str, ...] = _BUILT
    """Positional arguments of ``build``."""
    traits: tuple[str, ...] = ()
    """Facts about a part that an entry can state."""

    @property
    def shape(self) -> str:
        """How ``build`` is called."""
        return f"build({', '.join(self.call)})"


KINDS: Final = MappingProxyType(
    {
        "agent": Kind(
            "kind: <name> of an agent",
            "a subclass of marketsim.Prosumer or marketsim.Consumer",
            "Kinds of market participants: a view that reads the rows of one agent. They have no parameters of their own.",
        ),
        "strategy": Kind(
            "strategy: <name> of an agent",
            "a marketsim.core.ports.Strategy",
            "Decides for all agents of context.rows at once. For one agent at a time write an agent kind with a decide. "
            "Trait: alone (its agents trade with the utility alone, and are no part of a pool).",
            traits=("alone",),
        ),
        "engine": Kind(
            "market: {engine: <name>}",
            "a marketsim.core.ports.Engine",
            "Matches orders. Traits: pairs (handles charges by pair of agents), prices (needs the utility's prices), "
            "keeps (takes more from buyers than it gives to sellers), daily (is another one each day, for what members paid).",
            traits=("pairs", "prices", "keeps", "daily"),
        ),
        "critic": Kind(
            "critic: {kind: <name>}",
            "a marketsim.fairness.critic.Critic",
            "Scores the fairness of a slot. One that takes its time is a PatientCritic, which a run also lets watch. "
            "Trait: formula (scores are formulas of a slot, so that what did not happen can be scored, too).",
            traits=("formula",),
        ),
        "device": Kind(
            "a key <name> of an agent",
            "a marketsim.core.ports.Device",
            "The fleet of all agents: params holds the validated model of each agent of the flat axis, None for who has "
            "none. owner_share beside the parameters in a scenario is no parameter and never reaches the model.",
        ),
        "profile": Kind(
            "profiles: {source: <name>}",
            "a marketsim.core.ports.Profiles",
            "Load, PV and other series. Traits: metered (loads come in kW, so that agents need no scale), library "
            "(shapes are those of the package's library). Parameters that derive "
            "from marketsim.profiles.params.SourceParams have a pv_scale, which ratings of plants then follow (plant_scale).",
            traits=("metered", "library"),
        ),
        "tariff": Kind("tariff: <name>", "a marketsim.core.ports.Tariff", "Prices of the utility."),
        "metric": Kind(
            "metrics: [<name>]",
            "a marketsim.core.metric.Metric",
            "Measures a run slot by slot, in the same memory for a day and for a year.",
            traits=("asked",),
        ),
        "grid": Kind(
            'grid: {feeder: "<name>:<argument>"}',
            "a pandapower net, or a marketsim.grid.net.feeder.Feeder",
            "A source of feeders: argument is the text after the colon, context.fence says where its files may lie.",
            ("argument", "context"),
        ),
        "learner": Kind(
            "learning: {learner: <name>}",
            "a marketsim.core.learner.Learner",
            "Trains the policies of a game; needs says what that has to know: markets side by side, whether one policy acts "
            "for all, rounds of the training.",
        ),
        "charges": Kind(
            "market: {charges: <name>}",
            "a marketsim.core.ports.Charges",
            "Network charges. Traits: pairwise (differ by pair of agents), signed (can be negative), free (there are none).",
            traits=("pairwise", "signed", "free"),
        ),
        "allocation": Kind(
            "grid: {allocation: <name>}",
            "a marketsim.core.ports.Allocation",
            "Shares out scarce grid capacity before matching.",
        ),
        "reactive": Kind(
            "grid: {reactive: <name>}", "a marketsim.core.ports.Reactive", "Reactive power of loads and inverters."
        ),
        "gate": Kind(
            "grid: {gate: <name>}",
            "a marketsim.core.ports.Gate",
            "Holds trades to the limits of the grid; context is a marketsim.grid.gates.context.GateContext. Traits: blind "
            "(knows no grid; context is a Basics), records (refuses nothing), exact (admits what its AC power flow takes), "
            "plans (with one feeder, so without tap changers), screens (decides each trade by an approximation).",
            traits=("blind", "records", "exact", "plans", "screens"),
        ),
        "settlement": Kind(
            "market: {settlement: <name>}",
            "a marketsim.core.ports.Settlement",
            "Books what was traded and exchanged in a slot.",
        ),
        "sharing": Kind(
            "market: {sharing: <name>}",
            "a marketsim.core.ports.Sharing",
            "Shares out what a finished day or run cost; the shares sum to what was paid in each market, to the last unit. "
            "Trait: idle (everybody pays what the settlement says, and the rule is never asked).",
            traits=("idle", "dividends"),
        ),
        "game": Kind(
            "learning: {game: <name>}",
            "a marketsim.core.game.Game",
            "What a training is about. context is a marketsim.games.context.GameContext: what its learner needs, and a world of "
            "its own with profiles, gate and everything else of a slot. Traits: rewarded (takes the section learning.reward), "
            "calendar (is played on the scenario's own days, not on those of a part of the source year).",
            traits=("rewarded", "calendar"),
        ),
        "expert": Kind(
            "expert: <name>",
            "a marketsim.core.expert.Expert",
            "Plans the rest of a day for prosumers: the strategy expert plays its plans, learners imitate them. context is a "
            "marketsim.experts.context.ExpertContext: models of the agents that are planned, and the feeder as a "
            "marketsim.core.expert.PlannedGrid. What all experts share is in marketsim.experts.params.ExpertParams.",
        ),
        "model": Kind(
            "critic: {kind: ollama, client: <name>}",
            "a marketsim.core.language_model.LanguageModel",
            "Speaks with a language model: settings say which one and how it chooses its words, context.fence where files "
            "may lie.",
            ("settings", "context"),
        ),
        "importer": Kind(
            "marketsim import <name>",
            "a marketsim.core.ports.Importer",
            "Makes a scenario of data of others. context is a marketsim.core.build.ImportContext: files lie anywhere, and "
            "feeders can be loaded by name. What it returns is checked, written and read back by the program.",
        ),
    }
)
"""By word, in the order of ``marketsim plugins list``."""

WITHOUT_PARAMETERS: Final = frozenset(("agent", "grid", "model"))
"""Kinds that a scenario only names."""

OLDER_HOOKS: Final = MappingProxyType(
    {
        "marketsim_agents": "agent",
        "marketsim_strategies": "strategy",
        "marketsim_engines": "engine",
        "marketsim_critics": "critic",
        "marketsim_devices": "device",
        "marketsim_profiles": "profile",
        "marketsim_tariffs": "tariff",
        "marketsim_metrics": "metric",
        "marketsim_grids": "grid",
        "marketsim_learners": "learner",
        "marketsim_charges": "charges",
        "marketsim_allocations": "allocation",
        "marketsim_reactives": "reactive",
    }
)
"""Hooks of versions before 0.2, one a kind, and the kind that takes their place."""
