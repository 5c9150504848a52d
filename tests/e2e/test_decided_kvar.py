"""Reactive power that a strategy of a plugin file asks for: through gate, delivery, check and tables to the net of a slot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandapower
import pytest

import marketsim as ms
from marketsim.app.wiring import build
from marketsim.core.errors import MarketsimError, RunError
from marketsim.core.simulation import Simulation
from marketsim.grid.flow.net_of_slot import TOLERANCES_MVA

PLUGIN = """\
import numpy as np
import marketsim as ms
from marketsim.agents.params import TruthfulParams
from marketsim.builtin import built_in_registry

class AskingParams(TruthfulParams):
    kvar: float = 0.0

class Asking:
    def __init__(self, inner, params):
        self.inner, self.kvar, self.sees = inner, params.kvar, inner.sees

    def decide(self, seen):
        asked = self.kvar * np.cos(seen.agents % 7 + seen.time.slot)
        return self.inner.decide(seen)._replace(kvar=asked)

@ms.hookimpl
def marketsim_parts():
    build = built_in_registry().builder("strategy", "truthful")
    yield ms.Entry(kind="strategy", name="asking", params=AskingParams,
                   build=lambda params, context: Asking(build(params, context), params))
"""
SLOTS = 6
AGREES_PU = 1e-8
KVA = 900.0
RADIAL = {"feeder": "feeder141", "source_pu": 1.03, "line_rating_a": "standard"}
AT = {"feeder141": [48, 78, 102, 127, 59, 109], "meshed": [4, 5, 6, 7, 8, 9]}
MODES = {
    "unity": "unity",
    "fixed_pf": {"fixed_pf": {"power_factor": 0.95}},
    "fixed_q": {"fixed_q": {"q_share": -0.2}},
    "volt_var": "volt_var",
    "setpoint": {"setpoint": {"base": "volt_var"}},
    "circle": {"setpoint": {"min_power_factor": None}},
}
TABLES = ("slots", "agents", "trades", "rejects", "voltages")


@pytest.fixture
def scenario(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """``scenario(kvar, mode, gate, feeder, **market)``: six prosumers with batteries, three of whom ask; two share a bus."""
    (tmp_path / "asking.py").write_text(PLUGIN)
    net = ms.feeder("pandapower:create_cigre_network_mv")
    net.switch["closed"] = True
    pandapower.to_json(net, tmp_path / "rings.json")

    def write(
        kvar: float | None, mode: str = "unity", gate: str = "ac", feeder: str = "feeder141", **market: Any
    ) -> dict[str, Any]:
        grid = dict(RADIAL) if feeder == "feeder141" else {"feeder": "file:rings.json", "source_pu": 1.0}
        asking = "truthful" if kvar is None else {"asking": {"kvar": kvar}}
        agents = [
            {
                "name": f"p{row}",
                "kind": "prosumer",
                "bus": str(bus),
                "pv_kw": 800,
                "inverter_kva": KVA,
                "load": {"peak_kw": 200, "power_factor": 0.95},
                "battery": {"energy_kwh": 200, "power_kw": 60},
                "strategy": asking if row < 3 else "truthful",
            }
            for row, bus in enumerate(AT[feeder])
        ]
        agents.append({"name": "house", "kind": "consumer", "bus": str(AT[feeder][0]), "load": {"peak_kw": 300}})
        return {
            "name": "asking",
            "folder": str(tmp_path),
            "plugins": ["asking.py"],
            "clock": {"start": "2016-07-12", "slots": SLOTS, "slot_minutes": 240},
            "grid": {**grid, "voltage_band_pu": [0.95, 1.05], "gate": gate, "reactive": MODES[mode]},
            "tariff": {"flat": {"retail": 0.3, "feed_in": 0.08}},
            "profiles": {"source": "simbench_2016"},
            "market": market,
            "agents": agents,
            "output": {"voltages": True},
        }

    return write


def inverters_kvar(run: ms.Run) -> np.ndarray:
    """Reactive injection of p0, p1 and p2 [n_slots, 3]; p0 shares its bus with a consumer, which draws none."""
    rows = run.frame("agents", raw=True).set_index(["slot", "name"]).kvar.unstack()
    return np.asarray(rows[["p0", "p1", "p2"]])


@pytest.mark.parametrize("gate", ["ac", "observe"])
@pytest.mark.parametrize(
    ("feeder", "mode"), [*(("feeder141", mode) for mode in MODES), ("meshed", "unity"), ("meshed", "fixed_pf")]
)
def test_what_is_asked_reaches_the_net_of_each_slot(scenario: Callable, feeder: str, mode: str, gate: str) -> None:
    """It moves reactive power; pandapower finds the voltages of the tables to 1e-8 p.u., and its injections add up to theirs."""
    run = ms.simulate(scenario(200.0, mode, gate, feeder))
    plain = ms.simulate(scenario(None, mode, gate, feeder))
    assert run.summary["validated_slots"] == SLOTS
    assert np.abs(inverters_kvar(run) - inverters_kvar(plain)).max() > 50.0
    read = ms.load_scenario(scenario(200.0, mode, gate, feeder)).feeder
    assert read is not None
    for slot in range(SLOTS):
        net = run.net(slot)
        pandapower.runpp(net, init="results", tolerance_mva=TOLERANCES_MVA[-1], numba=False)
        table = run.voltages[run.voltages.slot == slot].set_index("bus").v_pu
        theirs = net.res_bus.vm_pu.dropna()
        ours = [table[read.network.bus_names[read.nodes[str(bus)]]] for bus in theirs.index]
        np.testing.assert_allclose(ours, theirs, rtol=0.0, atol=AGREES_PU)
        drawn = net.load[net.load.in_service]
        kvar = run.frame("agents", raw=True)[run.frame("agents", raw=True).slot == slot].kvar.sum()
        assert 1e3 * (net.sgen.q_mvar.sum() - drawn.q_mvar.sum()) == pytest.approx(kvar, abs=1e-6)


@pytest.mark.parametrize("mode", MODES)
def test_the_apparent_power_of_every_inverter_is_kept(scenario: Callable, mode: str) -> None:
    """Far more is asked than inverters have: they give much of what they have, and none takes more than its rating."""
    run, plain = ms.simulate(scenario(1e6, mode)), ms.simulate(scenario(0.0, mode))
    rows = run.frame("agents", raw=True)[run.frame("agents", raw=True).name.isin(["p1", "p2"])]  # alone at their buses
    p_kw = (rows.net_wh + rows.load_wh).to_numpy() / 4e3
    load_kvar = rows.load_wh.to_numpy() / 4e3 * np.tan(np.arccos(0.95))
    apparent = np.hypot(p_kw, rows.kvar.to_numpy() + load_kvar)
    assert apparent.max() <= KVA + 1e-3
    least = {"setpoint": 50.0}.get(mode, 300.0)  # a least power factor leaves little by a faint sun
    assert np.abs(inverters_kvar(run) - inverters_kvar(plain)).max() > least


@pytest.mark.parametrize("mode", ["unity", "fixed_pf", "volt_var"])
def test_to_ask_for_nothing_is_not_to_ask(scenario: Callable, mode: str) -> None:
    """A strategy that asks for zero gives the tables of one that does not ask, in every column."""
    asked, silent = ms.simulate(scenario(0.0, mode)), ms.simulate(scenario(None, mode))
    for name in TABLES:
        assert getattr(asked, name).equals(getattr(silent, name)), name


@pytest.mark.parametrize("feeder", ["feeder141", "meshed"])
def test_a_delivery_that_deviates_keeps_what_was_asked(scenario: Callable, feeder: str) -> None:
    """At gate closure 1 the state that is delivered has it, too, and is checked and rebuilt like any other."""
    changes = {"feeder": feeder, "gate_closure_slots": 1}
    run, plain = ms.simulate(scenario(200.0, **changes)), ms.simulate(scenario(0.0, **changes))
    assert run.summary["validated_slots"] == SLOTS
    assert (run.frame("agents", raw=True).import_wh - run.frame("agents", raw=True).export_wh).abs().sum() > 0
    wanted = 200.0 * np.cos(np.arange(3)[None, :] + np.arange(SLOTS)[:, None])
    given = inverters_kvar(run) - inverters_kvar(plain)
    night = (
        run.frame("agents", raw=True)
        .set_index(["slot", "name"])
        .pv_available_wh.unstack()[["p0", "p1", "p2"]]
        .to_numpy()
        == 0
    )
    assert night.any()
    np.testing.assert_allclose(given[:, 1:][night[:, 1:]], wanted[:, 1:][night[:, 1:]], atol=1e-6)
    net = run.net(2)
    np.testing.assert_allclose(net.res_bus.vm_pu.min(), run.voltages[run.voltages.slot == 2].v_pu.min(), atol=AGREES_PU)


def test_markets_side_by_side_ask_as_each_would_alone(scenario: Callable) -> None:
    """Copies for training open, trade and end with the reactive power of the market alone."""
    ready = ms.load_scenario(scenario(200.0, "fixed_pf"))
    alone, copies = (Simulation(build(ready, seeds).world) for seeds in ([1], [1, 1]))
    for one, two in zip(alone.run(), copies.run(), strict=True):
        assert np.tile(one.opened_kvar, 2).tobytes() == two.opened_kvar.tobytes()
        assert np.tile(one.kvar, 2).tobytes() == two.kvar.tobytes()
        assert np.abs(one.kvar).max() > 100.0


def test_agents_of_the_simple_form_ask_too(tmp_path: Path, scenario: Callable) -> None:
    """``view.ask_kvar`` moves an agent's own reactive power, with orders or without, and nobody else's."""
    (tmp_path / "own.py").write_text(
        "import marketsim as ms\n"
        "class Own(ms.Prosumer):\n"
        "    def decide(self, view):\n"
        "        view.ask_kvar(-120.0)\n"
        "@ms.hookimpl\n"
        "def marketsim_parts():\n"
        "    yield ms.Entry(kind='agent', name='own', build=lambda params, context: Own)\n"
    )
    silent, asking = scenario(None, "unity"), scenario(None, "unity")
    asking["plugins"] = ["asking.py", "own.py"]
    asking["agents"][1]["kind"] = "own"
    moved = inverters_kvar(ms.simulate(asking)) - inverters_kvar(ms.simulate(silent))
    assert moved[:, 1].min() == pytest.approx(-120.0)
    assert not moved[:, [0, 2]].any()


@pytest.mark.parametrize(
    ("kvar", "message"),
    [
        ("np.zeros(2)", "kvar has to have the shape (3,), not (2,)"),
        ("np.full(3, np.nan)", "kvar has to lie in -1000000000.0..1000000000.0, not nan"),
        ("np.array([0.0, np.inf, 0.0])", "kvar has to lie in -1000000000.0..1000000000.0, not inf"),
        ("np.zeros(3, dtype=bool)", "kvar has to hold real numbers, not bool"),
        ("5.0", "kvar has to be an array, not float"),
    ],
)
def test_what_is_no_reactive_power_is_the_strategy_s_fault(
    scenario: Callable, tmp_path: Path, kvar: str, message: str
) -> None:
    """Shape, type and finiteness are looked at in every slot, and the strategy is named."""
    path = scenario(1.0)
    (tmp_path / "asking.py").write_text(PLUGIN.replace("kvar=asked", f"kvar={kvar}"))
    with pytest.raises(RunError) as caught:
        ms.simulate(path)
    assert message in str(caught.value)
    assert "asking" in str(caught.value)


def test_an_agent_that_asks_for_no_number_is_named(tmp_path: Path, scenario: Callable) -> None:
    """``view.ask_kvar`` refuses what is not finite."""
    (tmp_path / "own.py").write_text(
        "import marketsim as ms\n"
        "class Own(ms.Prosumer):\n"
        "    def decide(self, view):\n"
        "        view.ask_kvar(float('nan'))\n"
        "@ms.hookimpl\n"
        "def marketsim_parts():\n"
        "    yield ms.Entry(kind='agent', name='own', build=lambda params, context: Own)\n"
    )
    path = scenario(None)
    path["plugins"] = ["own.py"]
    path["agents"][1]["kind"] = "own"
    with pytest.raises(RunError, match=r"agent 'p1' of kind 'own'.*kvar has to be a number from -1e\+09 to 1e\+09"):
        ms.simulate(path)


def test_a_mode_of_older_ports_is_told_at_once_what_it_does_not_take(tmp_path: Path, scenario: Callable) -> None:
    """A plugin's mode that cannot be told what is asked is refused before the run, with file, line and call."""
    parts = Path(__file__).resolve().parent.parent / "parts" / "own_reactive.py"
    text = parts.read_text()
    assert ", decided=None" in text
    (tmp_path / "older.py").write_text(text.replace(", decided=None", ""))
    path = scenario(None)
    path["plugins"] = ["older.py"]
    path["grid"]["reactive"] = "compensated"
    with pytest.raises(MarketsimError) as caught:
        ms.simulate(path)
    assert "plugin older: reactive 'compensated'" in str(caught.value)
    assert "kvar(community, inputs, firm_wh, decided)" in str(caught.value)
    assert "older.py:" in str(caught.value)


def test_a_mode_that_gives_more_than_an_inverter_has_breaks_a_law(tmp_path: Path, scenario: Callable) -> None:
    """A plugin's mode that does not clip is found out by the law of apparent power, and suspected by name."""
    (tmp_path / "loose.py").write_text(
        "import marketsim as ms\n"
        "from marketsim.builtin import built_in_registry\n"
        "build = built_in_registry().builder('reactive', 'unity')\n"
        "params = built_in_registry().params('reactive', 'unity')\n"
        "class Loose:\n"
        "    def __init__(self, inner):\n"
        "        self.inner = inner\n"
        "    def __getattr__(self, name):\n"
        "        return getattr(self.inner, name)\n"
        "    def kvar(self, community, inputs, firm_wh, decided=None):\n"
        "        plain = self.inner.kvar(community, inputs, firm_wh)\n"
        "        return plain if decided is None else plain + decided.kvar\n"
        "@ms.hookimpl\n"
        "def marketsim_parts():\n"
        "    yield ms.Entry(kind='reactive', name='loose', build=lambda p, context: Loose(build(p, context)), params=params)\n"
    )
    path = scenario(2_000.0, "unity", "observe")
    path["plugins"] = ["asking.py", "loose.py"]
    path["grid"]["reactive"] = "loose"
    with pytest.raises(MarketsimError, match=r"apparent power of an inverter does not hold \(agent p0\).*'loose'"):
        ms.simulate(path)
