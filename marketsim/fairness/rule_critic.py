"""The critic that needs no server: the fairness measures themselves."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.build import BuildContext
from marketsim.core.records import Community, SlotRecord
from marketsim.fairness import slot
from marketsim.fairness.critic import Critique, Scores, critiques
from marketsim.fairness.params import RuleCriticParams
from marketsim.fairness.slot import Facts, facts_of, null_without_potential

Measure = Callable[[Facts], FloatArray]

_FTG: dict[str, Measure] = {"tradable": slot.ftg, "demand": slot.ftg_of_demand}
_FBS: dict[str, Measure] = {"deviation": slot.fbs, "range": slot.fbs_range, "share_range": slot.fbs_share_range}
_FPP: dict[str, Measure] = {"deviation": slot.fpp, "range": slot.fpp_range}


class RuleCritic:
    """FTG, FBS and FPP by their formulas."""

    source = "rule"

    def __init__(self, community: Community, params: RuleCriticParams | None = None) -> None:
        params = RuleCriticParams() if params is None else params
        self._community = community
        self._measures = (_FTG[params.ftg], _FBS[params.fbs], _FPP[params.fpp])
        self._keeps_log = params.log
        self._log: list[Critique] = []

    def review(self, record: SlotRecord) -> Scores:
        """Scores of the slot, NaN where nothing could be traded [n_markets]."""
        began = time.perf_counter()
        facts = facts_of(record, self._community)
        scores = Scores(*(null_without_potential(facts, measure(facts)) for measure in self._measures))
        if self._keeps_log:
            latency = time.perf_counter() - began
            self._log += critiques(record.inputs.time.slot, inputs_hash(facts), scores, self.source, latency)
        return scores

    def drain(self) -> list[Critique]:
        """What was written down since the last call."""
        log, self._log = self._log, []
        return log


def inputs_hash(facts: Facts) -> list[str]:
    """Hash of everything that the scores of each market depend on, 16 hex digits [n_markets].

    The same slot of the same market hashes alike alone and in a batch.
    """
    agents = np.stack((*facts.available, facts.sold_wh, facts.bought_wh))
    trades = np.stack((facts.trade_wh, facts.price_ticks))
    tariffs = np.stack((facts.retail_ticks, facts.feed_in_ticks))
    digests = []
    for market in range(facts.n_markets):
        digest = hashlib.sha256(tariffs[:, market].tobytes())
        digest.update(agents[:, facts.market == market].tobytes())
        digest.update(trades[:, facts.trade_market == market].tobytes())
        digests.append(digest.hexdigest()[:16])
    return digests


def build(params: RuleCriticParams, context: BuildContext) -> RuleCritic:
    """The critic of a simulation."""
    return RuleCritic(context.community, params)
