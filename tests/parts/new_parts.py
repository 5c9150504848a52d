"""A part of each kind as it would come with the package: what stands in its folder, and its line in ``builtin.py``.

``docs/new-parts.md`` shows these lines, and ``tests/contracts/test_new_parts.py`` runs them.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from marketsim.agents.members import Consumer
from marketsim.agents.params import TraderParams
from marketsim.agents.strategies.assemble import assemble
from marketsim.core.fleets import FleetInfo, PriceInfo
from marketsim.core.game import Categorical, Layout, Memoryless, Shape, Step
from marketsim.core.imported import ImportedQuantity, ImportedScenario
from marketsim.core.inverters import granted_kvar
from marketsim.core.language_model import Identity
from marketsim.core.learner import GameNeeds
from marketsim.core.metric import Kpi
from marketsim.core.params import Params
from marketsim.core.ports import ChargeTable, ReactiveLaw
from marketsim.core.records import DeviceRange, Tariffs, empty_rejects
from marketsim.core.setpoints import Setpoints
from marketsim.core.units import to_ticks
from marketsim.extension.entry import Entry
from marketsim.fairness.critic import Scores
from marketsim.grid.gates.meshed.gate import MeshedObserveGate
from marketsim.grid.net import feeder141
from marketsim.market.administrative import pool_at
from marketsim.market.pool import PoolEngine
from marketsim.market.settlement import settle
from marketsim.profiles.params import SourceParams
from marketsim.sharing.portions import portions


# agents/thrifty.py
class Thrifty(Consumer):
    """Bids half of what the utility takes."""

    def decide(self, view):
        return [view.buy(view.demand_kwh, (view.retail + view.feed_in) / 2)]


def build_agent(params, context):
    return Thrifty


# agents/strategies/halfway.py
class HalfwayParams(TraderParams):
    """Those of every trading strategy: how stores are run, and what waits."""


class Halfway:
    """Every order halfway between what it is worth and the tariff's other price."""

    sees = ()

    def choose(self, seen, legs):
        return legs, (legs.value_ticks + legs.bound_ticks) // 2


def build_strategy(params, context):
    return assemble(Halfway(), params.storage, params.deferrable, context)


# market/low_price.py
def low_price(orders, buys, sells, retail_ticks, feed_in_ticks):
    return pool_at(orders, buys, sells, feed_in_ticks + (retail_ticks - feed_in_ticks) // 4)


def build_engine(params, context):
    return PoolEngine("low_price", low_price)


# fairness/lenient.py
class Lenient:
    """Everything is fair."""

    def review(self, record):
        ones = np.ones(len(record.inputs.tariffs.retail_ticks))
        return Scores(ones, ones, ones)

    def drain(self):
        return []


def build_critic(params, context):
    return Lenient()


# devices/heater.py
class HeaterParams(Params):
    power_kw: float = 2.0
    """Power that it can draw, or not [kW]."""

    def largest_power_kw(self):
        return self.power_kw


class Heater:
    """Draws at will what it is rated for; state: nothing."""

    def __init__(self, power_kw):
        self._power_kw, none = power_kw, np.zeros(len(power_kw))
        self.info = FleetInfo("heater", power_kw > 0, power_kw, none, price=PriceInfo(none + 0.2, none))

    def initial(self):
        return np.zeros((0, len(self._power_kw)))

    def range(self, state, inputs):
        most = np.rint(self._power_kw * inputs.time.hours * 1000).astype(np.int64)
        return DeviceRange(-most, 0 * most, 0 * most, np.full(len(most), np.nan))

    def advance(self, state, inputs, energy_wh):
        return state, np.zeros_like(energy_wh)

    def running_cost(self, energy_wh, unserved_wh):
        return np.zeros_like(energy_wh)


def build_device(params, context):
    return Heater(np.array([0.0 if own is None else own.power_kw for own in params]))


# profiles/constant.py
class ConstantParams(SourceParams):
    load_kw: float = 1.0
    """Load of everybody [kW]."""


class Constant:
    """The same in every slot; plants at half of their rating."""

    def __init__(self, load_kw, pv_kw):
        self._series = {"load_kw": load_kw, "pv_kw": pv_kw}

    def at(self, time):
        return dict(self._series)

    def forecast(self, time, agents):
        return Same({name: kw[agents] for name, kw in self._series.items()})


class Same:
    """What is expected is what there is."""

    def __init__(self, series):
        self._series = series

    def series(self, name, horizon):
        return np.tile(self._series[name], (horizon, 1))

    def tariffs(self, horizon):
        raise LookupError("no strategy of the scenario asks for prices")


def build_profile(params, context):
    pv_kw = np.array([agent.pv_kw for agent in context.agents]) / 2 * params.pv_scale
    return Constant(np.full(context.community.n_agents, params.load_kw), np.tile(pv_kw, context.community.n_markets))


# market/night.py
class NightParams(Params):
    retail: float = 0.3
    """By day, and half of it before six [currency/kWh]."""

    def largest_price(self):
        return self.retail


class Night:
    def __init__(self, retail_ticks):
        self._retail = retail_ticks

    def at(self, time):
        retail = np.array([self._retail // (2 if time.begins.hour < 6 else 1)])
        return Tariffs(retail, retail // 4, None)


def build_tariff(params, context):
    return Night(int(to_ticks(params.retail)))


# metrics/busy.py
class Busy:
    """Slots with a trade."""

    definitions = (Kpi("busy_slots", "-", "Slots with a trade.", int),)
    columns = ()

    def __init__(self):
        self._slots = 0

    def observe(self, record, reference):
        self._slots += record.trades.size > 0
        return {}

    def summary(self):
        return {"busy_slots": self._slots}


def build_metric(params, context):
    return Busy()


# grid/half.py
def build_grid(argument, context):
    """The feeder of the package with half of its impedances."""
    feeder = feeder141.feeder()
    return feeder._replace(network=feeder.network._replace(z_pu=feeder.network.z_pu / 2))


# learning/idle/learner.py
class Idle:
    """Plays one episode and learns nothing."""

    needs = GameNeeds(markets=1, shared=False, rounds=lambda agents, slots: 1)

    def train(self, game, folder, *, seed, scenario_hash, resume=False, progress=None):
        game.reset(0)
        shape = game.shape
        game.step(np.zeros((shape.n_markets, shape.n_agents, len(shape.actions.heads)), dtype=np.int64))
        return folder


def build_learner(params, context):
    return Idle()


# games/guessing.py
class Guessing(Memoryless):
    """Each agent guesses whether its load will rise."""

    def __init__(self, context):
        self._context, n = context, len(context.agents)
        guess, slots = Categorical((2,), np.ones((n, 1), dtype=np.bool_)), context.clock.slots_per_day
        self.shape = Shape(context.community.n_markets, n, 1, 0, guess, slots, rewards=("right",))
        self.layout = Layout(
            tuple(each.name for each in context.agents), ("load",), np.zeros((n, 1)), np.ones((n, 1)), 1.0
        )

    def reset(self, episode):
        self._slot = self._context.first_slot(episode)
        return self._look()

    def _look(self):
        time = self._context.clock.at(self._slot)
        self._load_kw = self._context.world.profiles.at(time)["load_kw"].reshape(self.shape[:2])
        return np.tanh(self._load_kw / 100)[:, :, None], np.zeros((self.shape.n_markets, 0))

    def step(self, actions):
        before_kw = self._load_kw
        self._slot += 1
        seen = self._look()
        right = ((self._load_kw > before_kw) == (actions[:, :, 0] == 1)).astype(np.float64)
        return Step(*seen, right, {"right": right}, self._slot % self.shape.slots == 0)


def build_game(params, context):
    return Guessing(context)


# market/buyers_pay.py
class BuyersPay:
    """A cent a kWh, paid by buyers."""

    def __init__(self, n_agents):
        self._table = ChargeTable(np.full(n_agents, to_ticks(0.01)), np.zeros(n_agents, dtype=np.int64), None)

    def at(self, inputs, gate):
        return self._table


def build_charges(params, context):
    return BuyersPay(context.community.n_agents)


# market/half_for_all.py
class HalfForAll:
    """Every sale of more than its firm part is halved."""

    def grant(self, orders, gate, tariffs):
        halved = np.where(orders.side < 0, np.maximum(orders.energy_wh // 2, orders.firm_wh), orders.energy_wh)
        return orders._replace(energy_wh=halved), empty_rejects()


def build_allocation(params, context):
    return HalfForAll()


# grid/reactive/absorbing.py
class Absorbing:
    """Everybody absorbs a tenth of what is injected."""

    def __init__(self, n_agents):
        self.law = ReactiveLaw.none(n_agents)._replace(source_kvar_per_kw=np.full(n_agents, -0.1))

    def kvar(self, community, inputs, firm_wh, decided=None):
        p_kw = firm_wh / (inputs.time.hours * 1000)
        own = self.inverter_kvar(p_kw)
        return own if decided is None else own + granted_kvar(self.law, decided, p_kw, own, inputs.time.hours)

    def inverter_kvar(self, p_kw):
        return -0.1 * np.maximum(p_kw, 0)

    def limit_pv(self, pv_wh, hours):
        return pv_wh

    def behind_kw(self):
        return np.zeros(len(self.law.kva))


def build_reactive(params, context):
    return Absorbing(context.community.n_agents)


# grid/gates/even.py
class EvenGate(MeshedObserveGate):
    """Admits whole kilowatt-hours alone."""

    def admit(self, market, source, sink, wh):
        return super().admit(market, source, sink, wh - wh % 1000)


def build_gate(params, context):
    return EvenGate(context.network, context.nodes, context.n_markets, context.hours, context.settings)


# market/for_free.py
def for_free(community, trades, orders, exchange, tariffs):
    """What peers trade costs nothing."""
    return settle(community, trades._replace(energy_wh=trades.energy_wh * 0), orders, exchange, tariffs)


def build_settlement(params, context):
    return for_free


# sharing/by_load.py
class ByLoad:
    """Everybody pays for the load it has, whatever it traded."""

    def share(self, period):
        shares = np.zeros(period.community.n_agents, dtype=np.int64)
        for market, paid in enumerate(period.of_markets(period.paid_money)):
            rows = np.flatnonzero(period.community.market == market)
            load_wh = period.load_wh[:, rows].sum(axis=0)
            names = [period.community.names[row] for row in rows]
            shares[rows] = portions(paid, load_wh if load_wh.any() else load_wh + 1, names)
        return shares


def build_sharing(params, context):
    return ByLoad()


# fairness/even_handed.py
class EvenHanded:
    """Finds everything half fair, and asks nobody."""

    url = "this process"

    def options(self, seed):
        return {"seed": seed}

    async def identify(self, deadline_s):
        return Identity("even-handed", "even-handed-1", "none", thinks=False)

    async def load(self, messages, seed, deadline_s):
        return None

    async def ask(self, messages, form, seed, deadline_s):
        return json.dumps({"ftg": 50, "fbs": 50, "fpp": 50})

    async def close(self):
        return None


def build_model(settings, context):
    return EvenHanded()


# importers/village.py
class Village:
    """A text with a yearly demand [kWh] a line: households of that size."""

    def read(self, source):
        data = Path(source).read_bytes()
        demands_kwh = [float(line) for line in data.decode().split()]
        agents = [
            {"name": f"house {row}", "kind": "consumer", "load": {"annual_kwh": kwh}}
            for row, kwh in enumerate(demands_kwh)
        ]
        clock = {"start": "2016-07-12", "slots": 24, "slot_minutes": 60}
        total = ImportedQuantity("demand", Path(source).name, sum(demands_kwh), "kWh", "agents", "", "load.annual_kwh")
        return ImportedScenario(
            scenario={"name": "village", "clock": clock, "tariff": {"flat": {}}, "agents": agents},
            tables={},
            sources={Path(source).name: hashlib.sha256(data).hexdigest()},
            taken=(f"{len(agents)} households",),
            assumed=("Households have shapes of 2016 (SimBench)",),
            left_out=(),
            quantities=(total,),
        )


def build_importer(params, context):
    return Village()


# experts/half_sun.py
class HalfSun:
    """Uses half of the PV, and lets everything else rest."""

    def plan(self, view):
        none = np.zeros_like(view.load_kw)
        return Setpoints(none, none, none, view.pv_available_kw / 2, none)


def build_expert(params, context):
    return HalfSun()


def entry(kind, name, params="Params"):
    """A line of ``builtin.PARTS``: what ``_part`` makes of it."""
    return Entry(kind=kind, name=name, build=f"new_parts:build_{kind}", params=f"new_parts:{params}", summary=name)


# builtin.py
PARTS = (
    entry("strategy", "halfway", "HalfwayParams"),
    entry("engine", "low_price"),
    entry("critic", "lenient"),
    entry("device", "heater", "HeaterParams"),
    entry("profile", "constant", "ConstantParams"),
    entry("tariff", "night", "NightParams"),
    entry("metric", "busy"),
    entry("learner", "idle"),
    entry("game", "guessing"),
    entry("charges", "buyers_pay"),
    entry("allocation", "half_for_all"),
    entry("reactive", "absorbing"),
    entry("gate", "even"),
    entry("settlement", "for_free"),
    entry("sharing", "by_load"),
    entry("expert", "half_sun"),
    entry("importer", "village"),
    Entry(kind="agent", name="thrifty", build="new_parts:build_agent", summary="bids half"),
    Entry(kind="model", name="even_handed", build="new_parts:build_model", summary="half fair"),
    Entry(kind="grid", name="half", build="new_parts:build_grid", summary="half of the impedances"),
)
