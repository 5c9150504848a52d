"""The figure of the page on the gate, made by the program: ``python tests/docs/figures.py`` writes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

import marketsim as ms
from marketsim.analysis.studies.figures import STYLE
from marketsim.core.arrays import FloatArray
from marketsim.results.plots.paper import BLUE, ORANGE, RED

ROOT: Final = Path(__file__).resolve().parents[2]
FIGURE: Final = ROOT / "docs" / "gate.svg"
SCENARIO: Final = ROOT / "scenarios" / "stress141.yaml"
SLOT: Final = 48
SELLER: Final = "prosumer-20"
"""Whose export at noon is admitted in part."""


class Refusal(NamedTuple):
    """What a seller's injection does to the bus that binds, by pandapower."""

    bus: str
    limit_pu: float
    offered_kwh: float
    admitted_kwh: float
    kwh: FloatArray
    """Injections tried [n]."""
    v_pu: FloatArray
    """Voltage of the bus at each of them [n]."""


def refusal(run: ms.Run, slot: int = SLOT, seller: str = SELLER, points: int = 13) -> Refusal:
    """The slot as it ended, solved again with other injections of one seller."""
    own = run.agents[(run.agents.slot == slot) & (run.agents.name == seller)].iloc[0]
    row = run.rejects[(run.rejects.slot == slot) & (run.rejects.seller_name == seller)].iloc[0]
    admitted = float(own.sold_kwh + own.export_kwh)
    offered = admitted + float(row.energy_kwh)
    net = run.net(slot)
    tried = np.unique(np.append(np.linspace(0.0, offered, points), admitted))
    volts = [voltage(net, seller, row.element_name, kwh * 60.0 / 15.0) for kwh in tried]
    return Refusal(str(row.element_name), 1.05, offered, admitted, tried, np.array(volts))


def voltage(net: Any, seller: str, bus: str, injected_kw: float) -> float:
    """Voltage of a bus by ``pandapower.runpp`` with a seller's injection [p.u.]."""
    import pandapower as pp

    net.sgen.loc[net.sgen.name == seller, "p_mw"] = injected_kw / 1000.0
    pp.runpp(net, algorithm="nr", init="flat", tolerance_mva=1e-8)
    (place,) = net.bus.index[net.bus.name.astype(str) == bus]
    return float(net.res_bus.vm_pu[place])


def draw(of: Refusal, gated: ms.Run, free: ms.Run) -> Any:
    """One refusal on the left, the same day with and without the gate on the right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 3.1), layout="constrained")
    one, day = figure.subplots(1, 2)
    one.axvspan(of.admitted_kwh, of.offered_kwh, color=RED, alpha=0.15, linewidth=0)
    one.axhline(of.limit_pu, color=RED, linestyle="--", linewidth=1.2)
    one.plot(of.kwh, of.v_pu, color=BLUE, linewidth=1.6)
    one.plot([of.admitted_kwh], [of.limit_pu], "o", color=BLUE)
    one.text(of.admitted_kwh / 2, of.v_pu.min(), "admitted", ha="center", va="bottom")
    one.text((of.admitted_kwh + of.offered_kwh) / 2, of.v_pu.min(), "refused", ha="center", va="bottom")
    one.set_title(f"One export: voltage of bus {of.bus} [p.u.]")
    one.set_xlabel(f"{SELLER} injects [kWh in 15 minutes]")
    hours = (free.slots.slot + 0.5) / 4.0
    day.axhline(of.limit_pu, color=RED, linestyle="--", linewidth=1.2, label="limit")
    day.plot(hours, free.slots.voltage_max_pu, color=ORANGE, linewidth=1.6, label="gate observe")
    day.plot(hours, gated.slots.voltage_max_pu, color=BLUE, linewidth=1.6, label="gate ac")
    day.set_xticks([0, 6, 12, 18, 24])
    day.set_title("The day: highest voltage of the feeder [p.u.]")
    day.set_xlabel("hour")
    day.legend(frameon=False, loc="upper left")
    return figure


def main() -> None:
    """Write the figure."""
    import matplotlib as mpl

    gated, free = (ms.simulate(ms.load_scenario(SCENARIO, {"grid.gate": gate})) for gate in ("ac", "observe"))
    with mpl.rc_context(STYLE):
        draw(refusal(gated), gated, free).savefig(FIGURE, metadata={"Date": None, "Title": "The gate"})


if __name__ == "__main__":
    main()
