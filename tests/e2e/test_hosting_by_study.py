"""The capacity that a study finds, against a power flow of other authors on either side of the limit."""

from __future__ import annotations

import pandapower as pp
import pytest

import marketsim as ms


def out_of_limits(run, slot):
    """Whether pandapower's own Newton-Raphson finds a limit broken in a slot."""
    net = run.net(slot)
    pp.runpp(net, tolerance_mva=1e-8, init="flat", numba=False)
    buses = net.bus.index.difference(net.ext_grid["bus"])
    v = net.res_bus.vm_pu.loc[buses]
    return bool((v > 1.05).any() or (v < 0.95).any() or (net.res_line.loading_percent > 100.0).any())


@pytest.mark.parametrize(
    ("scenario", "values"),
    [("ieee141.yaml", "2.90:3.00:6"), ("stress141.yaml", "0.5:2.5:5")],
)
def test_the_capacity_found_agrees_with_pandapower_on_either_side(root, scenario, values):
    """Below it no slot is out of limits, at it the slots that the program names are, by ``pandapower.runpp``."""
    path = root / "scenarios" / scenario
    changes = {"grid.gate": "observe", "clock.slots": 72}  # the sun has set by six
    table = ms.whatif(ms.load_scenario(path, changes), {"profiles.pv_scale": values}, workers=1)
    broken = table["slots_with_violation"] > 0
    assert not broken.iloc[0]
    assert broken.iloc[-1]
    first = int(broken.to_numpy().argmax())
    assert broken.iloc[first:].all(), "the first broken value is not the limit"
    for place in (first - 1, first):
        run = ms.simulate(
            ms.load_scenario(path, {**changes, "profiles.pv_scale": float(table["profiles.pv_scale"][place])})
        )
        slots = run.frame("slots", raw=True)
        worst = slots["voltage_max_pu"].idxmax(), slots["loading_max_percent"].idxmax()
        named = set(slots.index[slots["voltage_violations"] > 0]) | set(
            slots.index[slots["loading_max_percent"] > 100.0]
        )
        suspects = {*worst, *named, *list(slots["voltage_max_pu"].nlargest(6).index)}
        assert {slot for slot in suspects if out_of_limits(run, slot)} == named
        assert bool(named) == (place == first)
        assert len(named) == table["slots_with_violation"][place]
