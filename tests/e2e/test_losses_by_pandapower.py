"""Losses, shunts and loads that depend on the voltage, against ``pandapower.runpp`` on nets of every kind."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pandapower
import pandapower.networks
import pandas as pd
import pytest

import marketsim

LOSSY = ("line", "trafo", "trafo3w", "impedance")
SLOTS = 3
HOURS = 0.25
RADIAL = (
    "create_cigre_network_lv",
    "create_kerber_landnetz_freileitung_1",
    "create_kerber_landnetz_kabel_1",
    "create_kerber_vorstadtnetz_kabel_1",
    "panda_four_load_branch",
    "case33bw",
)
MESHED = ("create_cigre_network_mv", "example_multivoltage", "simple_mv_open_ring_net", "mv_oberrhein")


def made(name: str, rng: np.random.Generator) -> Any:
    """A net of pandapower's with shunts, wards and impedance shares added; what a feeder cannot hold is taken out.

    Of meshed nets all switches are closed.

    Constant power is in steps of 20 W, so that what a slot meters is whole Wh; and who has a share is alone at its
    bus, for ``runpp`` averages the shares of a bus.
    """
    net = getattr(pandapower.networks, name)()
    for table in ("gen", "xward", "sgen", "storage"):
        if len(net[table]):
            net[table]["in_service"] = False
    if name in MESHED:
        net.switch["closed"] = True
    net.load["p_mw"], net.load["q_mvar"] = net.load.p_mw * net.load.scaling, net.load.q_mvar * net.load.scaling
    net.load["scaling"], net.load["p_mw"] = 1.0, stepped(net.load.p_mw)
    for letter in ("p", "q"):
        net.load[[f"const_i_{letter}_percent", f"const_z_{letter}_percent"]] = 0.0
    pandapower.runpp(net, numba=False)
    node = pd.Series(net._pd2ppc_lookups["bus"][net.bus.index], index=net.bus.index)  # closed switches join buses
    load_node = node.loc[net.load.bus].set_axis(net.load.index)
    single = ~load_node.duplicated(keep=False) & ~load_node.isin(node.loc[net.ext_grid.bus])
    chosen = net.load.index[single & ((rng.random(len(net.load)) < 0.6) | (single.cumsum() == 1))]
    impedance_mw = stepped(net.load.p_mw[chosen] * rng.uniform(0.2, 0.8, len(chosen)))
    net.load.loc[chosen, "const_z_p_percent"] = 100.0 * impedance_mw / net.load.p_mw[chosen]
    net.load.loc[chosen, "const_z_q_percent"] = rng.uniform(10, 90, len(chosen))
    taken = {*load_node[chosen], *node.loc[net.ext_grid.bus]}
    at = rng.choice([bus for bus in net.bus.index[net.bus.in_service] if node[bus] not in taken], 2)
    mw = float(net.load.p_mw.mean())
    pandapower.create_shunt(net, at[0], q_mvar=-0.2 * mw, p_mw=0.3 * mw, step=2)
    pandapower.create_ward(net, at[1], float(stepped(0.1 * mw)), 0.05 * mw, 0.2 * mw, 0.1 * mw)
    return net


def stepped(mw: Any) -> Any:
    """To the next 20 W, at least once that."""
    return np.maximum(np.rint(mw / 2e-5), 1.0) * 2e-5


def losses_mw(net: Any) -> float:
    return float(sum(net[f"res_{table}"].pl_mw.sum() for table in LOSSY if len(net[table])))


def drawn_by_shunts_mw(net: Any) -> float:
    """Shunts, the admittances of wards and the impedance shares of loads in service."""
    v = net.res_bus.vm_pu
    wards = net.ward.pz_mw * v.loc[net.ward.bus].to_numpy() ** 2
    loads = net.load.p_mw * net.load.scaling * net.load.const_z_p_percent / 100.0
    loads *= v.loc[net.load.bus].to_numpy() ** 2
    return float(net.res_shunt.p_mw.sum() + wards[net.ward.in_service].sum() + loads[net.load.in_service].sum())


def scenario(folder: Path, net: Any, bus: int, **grid: Any) -> dict[str, Any]:
    pandapower.to_json(net, str(folder / "net.json"))
    times = [f"2016-07-12T00:{15 * k:02d}" for k in range(4)]
    kw = 1e3 * float(net.load.p_mw.mean())
    rows = [f"{time},{kw * (0.4 + 0.3 * k)},{kw * (1.8 - 0.6 * k)}" for k, time in enumerate(times)]
    (folder / "p.csv").write_text("\n".join(["time,h_load_kw,h_pv_kw", *rows]) + "\n")
    return {
        "name": "losses",
        "folder": str(folder),
        "clock": {"start": "2016-07-12", "slots": SLOTS, "slot_minutes": 15},
        "grid": {
            **{"feeder": "file:net.json", "gate": "observe", "voltage_band_pu": [0.5, 1.5], "load_scale": 0.8},
            **grid,
        },
        "tariff": {"flat": {"retail": 0.3, "feed_in": 0.08}},
        "profiles": {"source": "file", "path": "p.csv"},
        "output": {"voltages": True},
        "agents": [{"name": "h", "kind": "prosumer", "bus": str(bus), "load": {"power_factor": 0.9}, "pv_kw": 2 * kw}],
    }


def by_hand(net: Any, bus: int, net_kw: float, kvar: float, *, background: float) -> Any:
    """The net as its owner would make it: the agent in place of the loads at its bus, the others scaled or out."""
    own = copy.deepcopy(net)
    own.load["scaling"] *= background
    own.load.loc[own.load.bus == bus, "in_service"] = False
    own.ward[["ps_mw", "qs_mvar"]] *= background
    for table in ("motor", "asymmetric_load"):
        own[table]["in_service"] = False
    if background == 0.0:
        own.load["in_service"] = False
    pandapower.create_sgen(own, bus, p_mw=net_kw / 1e3, q_mvar=kvar / 1e3)
    pandapower.runpp(own, tolerance_mva=1e-10, max_iteration=50, numba=False)
    return own


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("name", [*RADIAL, *MESHED])
def test_losses_are_those_of_runpp(name: str, background: bool, tmp_path: Path) -> None:
    """Losses are pl_mw of all branches; shunts, wards and impedance shares are consumption. Voltages agree."""
    net = made(name, np.random.default_rng(1))
    bus = int(net.load.bus[net.load.const_z_p_percent > 0].iloc[0])
    run = marketsim.simulate(scenario(tmp_path, net, bus, background=background))
    agent = run.frame("agents", raw=True)
    for slot in range(SLOTS):
        net_kw, kvar = agent.net_wh[slot] / (1e3 * HOURS), agent.kvar[slot]
        hand = by_hand(net, bus, net_kw, kvar, background=0.8 if background else 0.0)
        slots = run.frame("slots", raw=True).iloc[slot]
        wh = 1e6 * HOURS
        assert slots.losses_wh == pytest.approx(losses_mw(hand) * wh, rel=1e-6)
        assert slots.shunt_wh == pytest.approx(drawn_by_shunts_mw(hand) * wh, rel=1e-6)
        ours = run.net(slot)
        assert losses_mw(ours) == pytest.approx(losses_mw(hand), rel=1e-6)
        buses = hand.res_bus.index[hand.res_bus.vm_pu.notna()]
        np.testing.assert_allclose(ours.res_bus.vm_pu[buses], hand.res_bus.vm_pu[buses], rtol=0, atol=1e-8)
        seen = run.voltages[run.voltages.slot == slot]
        v_pu = seen.v_pu[~seen.bus.astype(str).str.startswith("inner point")].to_numpy()
        nearest = np.abs(v_pu[:, None] - hand.res_bus.vm_pu[buses].to_numpy()[None, :]).min(axis=1)
        assert nearest.max() < 1e-8
    assert run.summary["grid_imbalance_wh"] < 1e-3
    assert run.summary["validation_mismatches"] == 0
