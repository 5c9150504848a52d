"""A short street at the end of a long cable, where limits bind at powers that a person can follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandapower
import pytest

import marketsim as ms

CABLE = {"r_ohm_per_km": 0.2, "x_ohm_per_km": 0.08, "c_nf_per_km": 0.0, "max_i_ka": 0.25}


@pytest.fixture(scope="session")
def street_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``street.json``: source - b1 - b2 - b3 and source - c1 - c2, 0.4 kV, 300 m a cable.

    One kW at b3 moves its voltage by about 0.11 %; a cable carries 250 A or 173 kVA.
    """
    folder = tmp_path_factory.mktemp("street")
    net = pandapower.create_empty_network(sn_mva=1.0)
    buses = {name: pandapower.create_bus(net, 0.4, name=name) for name in ("source", "b1", "b2", "b3", "c1", "c2")}
    pandapower.create_ext_grid(net, buses["source"], vm_pu=1.0)
    for begin, end in (("source", "b1"), ("b1", "b2"), ("b2", "b3"), ("source", "c1"), ("c1", "c2")):
        pandapower.create_line_from_parameters(
            net, buses[begin], buses[end], length_km=0.3, name=f"{begin}-{end}", **CABLE
        )
    pandapower.to_json(net, folder / "street.json")
    return folder


@pytest.fixture(scope="session")
def street(street_folder: Path) -> Callable[..., ms.Run]:
    """``street(agents, series, **grid)``: a day in hours on the street, band 0.95 to 1.05 p.u.

    ``series`` has columns such as ``home_load_kw``: 24 numbers, or one for all hours.
    """
    count = iter(range(10_000))

    def run(
        agents: Sequence[Mapping[str, Any]],
        series: Mapping[str, float | Sequence[float]],
        more: Mapping[str, Any] | None = None,
        **grid: Any,
    ) -> ms.Run:
        file = f"series{next(count)}.csv"
        columns = {
            name: [values] * 24 if isinstance(values, int | float) else values for name, values in series.items()
        }
        lines = [",".join(["time", *columns])]
        lines += [
            ",".join([f"2016-07-12T{hour:02}:00", *(str(values[hour]) for values in columns.values())])
            for hour in range(24)
        ]
        (street_folder / file).write_text("\n".join(lines) + "\n")
        scenario = {
            "name": "street",
            "folder": str(street_folder),
            "clock": {"start": "2016-07-12", "slots": 24, "slot_minutes": 60},
            "grid": {"feeder": "file:street.json", "voltage_band_pu": [0.95, 1.05], **grid},
            "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
            "profiles": {"source": "file", "path": file},
            "agents": [{"kind": "prosumer", **agent} for agent in agents],
            "output": {"voltages": True},
            **(more or {}),
        }
        made = ms.simulate(ms.load_scenario(scenario))
        assert made.summary["money_imbalance"] == made.summary["energy_imbalance_wh"] == 0
        return made

    return run


@pytest.fixture(scope="session")
def of() -> Callable[..., list[float]]:
    """``of(run, agent, column)``: a column of the agents' table for one agent, slot after slot."""

    def column(run: ms.Run, agent: str, name: str) -> list[float]:
        rows = run.frame("agents", raw=True)
        return rows.loc[rows.name == agent, name].tolist()

    return column


@pytest.fixture(scope="session")
def voltage() -> Callable[..., list[float]]:
    """``voltage(run, bus, column)``: voltage of a bus [p.u.], slot after slot."""

    def column(run: ms.Run, bus: str, name: str = "v_pu") -> list[float]:
        return run.voltages.loc[run.voltages.bus == bus, name].tolist()

    return column


class HostingCheck(NamedTuple):
    """The day on which a capacity was found, for pandapower to look at."""

    run: ms.Run
    """The base run of that day, under ``observe``."""
    sun: tuple[float, ...]
    """What a kilowatt of PV feeds in, in a world of its own, slot by slot [kW/kW]."""

    def excess(self, slot: int, pv_kw: Mapping[str, float], share: float = 1.0) -> float:
        """How far the worst bus (p.u.) or branch (share of its rating) is beyond its limit, by ``runpp``, with PV at buses."""
        net = self.run.net(slot)
        for bus, kw in pv_kw.items():
            named = net.bus.index[net.bus.name == bus]
            at = int(named[0]) if len(named) == 1 else int(bus)
            pandapower.create_sgen(net, at, p_mw=kw * self.sun[slot] * share / 1e3)
        pandapower.runpp(net, init="dc", tolerance_mva=1e-8, numba=False)
        return limits_broken(net)

    def worst(self, pv_kw: Mapping[str, float]) -> float:
        """The same in the worst slot of the day."""
        return max(self.excess(slot, pv_kw) for slot in range(len(self.sun)))


def limits_broken(net: Any) -> float:
    """Farthest beyond a limit of the net itself, by its results: voltage [p.u.] or loading [share of the rating]."""
    inner = net.bus.index.difference(net.ext_grid.bus)
    v, band = net.res_bus.vm_pu.loc[inner], net.bus.loc[inner]
    over = [net[f"res_{table}"].loading_percent.max() / 100.0 - 1.0 for table in ("line", "trafo") if len(net[table])]
    return float(max((v - band.max_vm_pu).max(), (band.min_vm_pu - v).max(), *over))


@pytest.fixture(scope="session")
def excess() -> Callable[[Any], float]:
    """``excess(net)``: see ``limits_broken``."""
    return limits_broken


@pytest.fixture(scope="session")
def hosting_day() -> Callable[..., HostingCheck]:
    """``hosting_day(scenario, date, overrides)``: a day of a scenario, ready for added PV."""

    def made(scenario: Path, date: str, overrides: Mapping[str, Any] | None = None) -> HostingCheck:
        day = {**(overrides or {}), "clock.start": date}
        alone = {"kind": "prosumer", "pv_kw": 1_000, "strategy": "utility_only"}
        nowhere = {"agents": [alone], "grid": {"feeder": None, "gate": "none"}}
        sunny = ms.simulate(ms.load_scenario(scenario, {**day, **nowhere}))
        base = ms.load_scenario(scenario, {**day, "grid.gate": "observe"})
        installed_kwh = 1_000 * base.model.clock.slot_minutes / 60.0
        fed_in = sunny.agents.pv_available_kwh / installed_kwh
        return HostingCheck(ms.simulate(base), tuple(fed_in))

    return made
