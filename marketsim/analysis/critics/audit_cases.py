"""What a critic is asked about in an audit: slots of a scenario, and made-up ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from marketsim.analysis.critics.made_slots import LevelledPair, levelled_pair, made_slot, rule_of
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.wiring import build
from marketsim.core.errors import InputError
from marketsim.core.simulation import Simulation
from marketsim.fairness.critic import Scores, Triple, triple
from marketsim.fairness.params import OllamaCriticParams
from marketsim.fairness.rule_critic import rule_names
from marketsim.fairness.slot import measure
from marketsim.fairness.slot_question import fitting_text
from marketsim.fairness.slot_view import SlotView, slot_views
from marketsim.fairness.surrogate_features import features
from marketsim.llm.room import Room


class AuditCase(NamedTuple):
    """A slot that the model is asked about."""

    slot: int
    """Of the scenario; counted from 0 where it was made up."""
    rule: Triple
    view: SlotView
    features: tuple[float, ...] = ()

    def text(self, params: OllamaCriticParams, *, shuffled: bool) -> str:
        """What the model reads; ``shuffled``: with the participants in another order."""
        if shuffled:
            return self.view.text(np.random.default_rng((self.slot, len(self.view.sellers.available_wh))))
        return fitting_text(self.view, params.wording, Room(params.num_ctx, params.num_predict))


def cases(ready: ReadyScenario, params: OllamaCriticParams, most: int) -> list[AuditCase]:
    """Slots of the simulated scenario in which something could be traded; at most so many, spread evenly over it."""
    built = build(ready)
    community, names = built.world.community, rule_names(params.rule)
    found = []
    for record in Simulation(built.world).run():
        slot = measure(record, community)
        if slot.tradable_wh[0] == 0:
            continue
        (view,) = slot_views(record, community, slot, [0])
        rule = triple(Scores(*(slot.score(name) for name in names)), 0)
        found.append(AuditCase(record.inputs.time.slot, rule, view, tuple(features(slot)[0].tolist())))
    if not found:
        raise InputError("nothing can be traded in any slot of this scenario: there is nothing to judge")
    keep = np.unique(np.linspace(0, len(found) - 1, min(most, len(found))).round().astype(int))
    return [found[place] for place in keep]


def made_cases(seed: int, number: int) -> list[AuditCase]:
    """So many made-up slots that differ in every score."""
    rng = np.random.default_rng((seed, 1))
    views = [made_slot(rng) for _ in range(number)]
    return [AuditCase(place, rule_of(view), view) for place, view in enumerate(views)]


def pairs_of(seed: int, number: int) -> list[LevelledPair]:
    """So many pairs of slots, in one of which everybody got less."""
    rng = np.random.default_rng((seed, 2))
    return [levelled_pair(rng) for _ in range(number)]
