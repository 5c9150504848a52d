"""A game of one's own: who has PV chooses how much of it to inject, and everybody pays for voltages beyond the band."""

import numpy as np

import marketsim as ms
from marketsim.core.game import Box, Categorical, Layout, Memoryless, Shape, Step


class InjectionParams(ms.Params):
    choices: int = 5  # shares of the PV, from nothing to all of it; 0: any share
    per_pu: float = 400.0  # cost of a p.u. beyond the band, in full injections of an hour


class Injection(Memoryless):
    def __init__(self, params, context):
        self.p, self.c, self.kw = params, context, np.array([agent.pv_kw + 1e-9 for agent in context.agents])
        has, slots, names = self.kw[:, None] > 1e-6, context.clock.slots_per_day, [each.name for each in context.agents]
        space = Categorical((params.choices,), has) if params.choices else Box(0.0 * has, 1.0 * has)
        self.shape = Shape(context.community.n_markets, len(has), 2, 1, space, slots, ("earned", "violation"))
        self.layout = Layout(tuple(names), ("pv", "load"), np.zeros((len(has), 2)), np.ones((len(has), 2)), bound=9.0)

    def reset(self, episode):
        return self.look(self.c.first_slot(episode))

    def look(self, slot):
        self.slot, series = slot, self.c.world.profiles.at(self.c.clock.at(slot))
        self.pv, self.load = (series[name].reshape(self.shape[:2]) for name in ("pv_kw", "load_kw"))
        return np.stack([self.pv / self.kw, self.load / 100], axis=2), (self.pv / self.kw).mean(axis=1, keepdims=True)

    def step(self, actions):
        share, gate, hours = actions[:, :, 0] / max(self.p.choices - 1, 1), self.c.world.gate, self.c.clock.slot_hours
        gate.open(np.rint((share * self.pv - self.load) * hours * 1000).astype(np.int64).ravel(), np.zeros(share.size))
        over = np.maximum(gate.close().v_pu - self.c.grid.band.v_max_pu, 0).max(axis=1)
        parts = {"earned": share * self.pv / self.kw * hours, "violation": 0 * share - self.p.per_pu * over[:, None]}
        return Step(*self.look(self.slot + 1), sum(parts.values()), parts, self.slot % self.shape.slots == 0)


@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="game", name="injection", build=Injection, params=InjectionParams)
