"""The critic that needs no server: the fairness measures themselves."""

from __future__ import annotations

import hashlib
import time

import numpy as np

from marketsim.core.build import BuildContext
from marketsim.core.records import Community, SlotRecord
from marketsim.fairness.critic import Critique, Scores, critiques
from marketsim.fairness.measures_kernel import SCORE_NAMES, Inputs
from marketsim.fairness.params import MeasureChoice, RuleCriticParams
from marketsim.fairness.slot import SlotFairness, measure, scored

_FTG = {"tradable": "ftg", "demand": "ftg_demand"}
_FBS = {"rationing": "fbs", "deviation": "fbs_deviation", "range": "fbs_range", "share_range": "fbs_share_range"}
_FPP = {"deviation": "fpp", "range": "fpp_range"}


def rule_names(choice: MeasureChoice) -> tuple[str, str, str]:
    """Names of the measures that stand for FTG, FBS and FPP."""
    return _FTG[choice.ftg], _FBS[choice.fbs], _FPP[choice.fpp]


class RuleCritic:
    """FTG, FBS and FPP by their formulas."""

    source = "rule"

    def __init__(self, community: Community, params: RuleCriticParams | None = None) -> None:
        params = RuleCriticParams() if params is None else params
        self._community = community
        self._names = rule_names(params)
        self._keeps_log = params.log
        self._log: list[Critique] = []

    def review(self, record: SlotRecord) -> Scores:
        """Scores of the slot, NaN where nothing could be traded [n_markets]."""
        began = time.perf_counter()
        found = measure(record, self._community)
        scores = Scores(*(found.score(name) for name in self._names))
        if self._keeps_log:
            latency = time.perf_counter() - began
            self._log += critiques(record.inputs.time.slot, inputs_hash(found), scores, self.source, latency)
        return scores

    def judge(self, inputs: Inputs) -> Scores:
        """Scores of any markets from what the measures depend on."""
        scores, _ = scored(inputs)
        return Scores(*(scores[SCORE_NAMES.index(name)] for name in self._names))

    def drain(self) -> list[Critique]:
        """What was written down since the last call."""
        log, self._log = self._log, []
        return log


def inputs_hash(found: SlotFairness) -> list[str]:
    """Hash of everything that the scores of each market depend on, 16 hex digits [n_markets].

    The same slot of the same market hashes alike alone and in a batch.
    """
    given = found.inputs
    every = np.arange(len(given.retail_ticks) + 1)
    first = np.searchsorted(given.market, every).tolist()
    first_trade = np.searchsorted(given.trade_market, every).tolist()
    digests = []
    for m in range(len(given.retail_ticks)):
        agents, trades = slice(first[m], first[m + 1]), slice(first_trade[m], first_trade[m + 1])
        sizes = (agents.stop - agents.start, trades.stop - trades.start)
        digest = hashlib.blake2b(
            repr((*sizes, int(given.retail_ticks[m]), int(given.feed_in_ticks[m]))).encode(), digest_size=8
        )
        for by_agent in (given.supply_wh, given.refused_wh, given.demand_wh, given.sold_wh, given.bought_wh):
            digest.update(by_agent[agents].data)
        for by_trade in (given.price_ticks, given.energy_wh):
            digest.update(by_trade[trades].data)
        digests.append(digest.hexdigest())
    return digests


def build(params: RuleCriticParams, context: BuildContext) -> RuleCritic:
    """The critic of a simulation."""
    return RuleCritic(context.community, params)
