"""Hosting capacity agrees with ``pandapower.runpp`` on either side of the limit."""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np
import pytest

from marketsim.analysis.hosting import assets, days
from marketsim.analysis.hosting.capacity import HostingReport, Options, hosting_capacity
from marketsim.analysis.hosting.placements import placements
from marketsim.analysis.hosting.sample import sample_of_year
from marketsim.analysis.trajectory import follow
from marketsim.app.nets import slot_nets
from marketsim.app.ready import load_scenario
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.running import simulate
from marketsim.core.errors import InputError
from marketsim.grid.flow.net_of_slot import Injection

STREET = {
    "name": "street",
    "clock": {"start": datetime.date(2016, 7, 12), "slots": 24, "slot_minutes": 60},
    "grid": {
        "feeder": "pandapower:create_kerber_landnetz_freileitung_1",
        "voltage_band_pu": [0.95, 1.05],
        "gate": "ac",
    },
    "tariff": {"flat": {"retail": 0.3, "feed_in": 0.08}},
    "profiles": {"source": "synthetic", "cloudiness": 0.0},
    "agents": [
        {
            "kind": "consumer",
            "count": 13,
            "buses": "loads",
            "load": {"annual_kwh": 4_000, "power_factor": 0.97},
            "strategy": "truthful",
        }
    ],
}
ASKED = Options(placements=3, days=1, unit_kw=2.0)


@pytest.fixture(scope="module")
def street() -> ReadyScenario:
    return load_scenario(STREET)


@pytest.fixture(scope="module")
def report(street: ReadyScenario) -> HostingReport:
    return hosting_capacity(street, ASKED)


def by_runpp(ready: ReadyScenario, installed_kw: np.ndarray, when: str) -> float:
    """How far the worst bus or branch is beyond its limit at a time, by pandapower."""
    chosen = days.worst_days(ready, assets.ASSETS["pv"], 1, week=False).periods[0]
    variant = ready.variant(chosen.overrides(ready))
    path, nets = follow(variant), slot_nets(ready)
    slot = path.starts.index(when)
    per_kw = assets.per_kw(assets.ASSETS["pv"], variant)[0, slot]
    names = path.network.bus_names
    own = np.flatnonzero(np.arange(len(names)) > 0)
    inner = {name for name in names if name.startswith("inner point")}
    rows = [node for node in own if names[node] not in inner]
    net = nets.net(
        Injection(
            [names[node] for node in rows],
            [names[node] for node in rows],
            path.net_kw[slot, rows] + installed_kw[rows] * per_kw,
            path.kvar[slot, rows],
        )
    )
    return worst(net)


def worst(net: Any) -> float:
    v = net.res_bus.vm_pu.drop(net.ext_grid.bus)
    loading = max(net.res_line.loading_percent.max(), net.res_trafo.loading_percent.max())
    return float(max(v.max() - 1.05, 0.95 - v.min(), loading / 100.0 - 1.0))


def test_one_unit_more_breaks_a_limit_by_runpp(street: ReadyScenario, report: HostingReport) -> None:
    """At the capacity of a placement pandapower finds every limit kept, with one unit more one broken."""
    free = report.capacities[0]
    nodes = np.array(sorted({street.feeder.node(str(agent.bus)) for agent in street.agents}))  # type: ignore[union-attr]
    network = street.feeder.network  # type: ignore[union-attr]
    where = placements(nodes, network.n_nodes, 2.0, 3, 200 * len(nodes), 1)
    for row, case in enumerate(free.cases[:2]):
        units = np.full(3, round(case.kw / 2.0))
        inside, outside = where.installed_kw(units)[row], where.installed_kw(units + 1)[row]
        assert by_runpp(street, inside, case.when) <= 1e-7
        assert by_runpp(street, outside, case.when) > 1e-7
        assert case.binding.startswith(("overvoltage at bus", "overload of"))


def test_curtailment_lets_more_in(report: HostingReport) -> None:
    free, held = report.capacities
    assert all(one.kw <= other.kw for one, other in zip(free.cases, held.cases, strict=True))
    assert free.kw[1] < held.kw[1]


def test_quantiles_are_those_of_the_placements(report: HostingReport) -> None:
    kw = sorted(case.kw for case in report.capacities[0].cases)
    assert report.capacities[0].kw[1] == kw[1]
    assert kw[0] <= report.capacities[0].kw[0] <= report.capacities[0].kw[2] <= kw[2]
    assert sum(count for _, count in report.capacities[0].bindings) == 3


def test_a_bus_far_from_the_transformer_takes_less(street: ReadyScenario, report: HostingReport) -> None:
    """Alone, the weakest bus is the one with the longest way to the source among those of one cable."""
    kw = {bus.name: bus.kw for bus in report.capacities[0].buses}
    assert len(kw) == 13
    assert min(kw.values()) < 0.8 * max(kw.values())


def test_the_report_says_what_it_rests_on(report: HostingReport) -> None:
    assert "balanced" in report.notes[-1]
    assert "most sun over least load of 2016" in report.days
    assert report.unit_kw == 2.0
    assert report.peak_load_kw > 0


@pytest.mark.parametrize("asset", ["ev", "heat_pump", "battery"])
def test_what_draws_binds_at_low_voltage_or_in_the_wires(street: ReadyScenario, asset: str) -> None:
    report = hosting_capacity(street, Options(asset=asset, placements=2, days=1, per_bus=False))
    free = report.capacities[0]
    assert 0 < free.kw[1] < 5_000
    assert free.bindings[0][0].split()[0] in ("undervoltage", "overload", "overvoltage")


def test_weaker_criteria_take_no_less(street: ReadyScenario) -> None:
    """What is strict is within EN 50160 on its own week, and deeper excursions let in more."""
    strict = hosting_capacity(street, Options(placements=2, days=1, per_bus=False)).capacities[0].kw[1]
    week = hosting_capacity(street, Options(placements=2, criterion="en50160", per_bus=False)).capacities[0].kw[1]
    deep = Options(placements=2, days=1, criterion="depth_hours", depth_pu_h=0.05, per_bus=False)
    assert week >= 0.8 * strict
    assert hosting_capacity(street, deep).capacities[0].kw[1] >= strict


def share_lost(ready: ReadyScenario, installed_kw: float, bus: str, starts: list[datetime.date]) -> float:
    """Of PV at a bus on some days under the gate itself: one run a day, without anything of the search."""
    lost = made = 0.0
    for start in starts:
        owner = {"kind": "prosumer", "name": "owner", "bus": bus, "pv_kw": installed_kw, "strategy": "utility_only"}
        run = simulate(ready.variant({"clock.start": start, "agents": [owner, *STREET["agents"]]}))  # type: ignore[misc]
        own = run.agents[run.agents.name == "owner"]
        lost, made = lost + own.curtailed_kwh.sum(), made + own.pv_available_kwh.sum()
    return float(lost / made)


def test_the_gate_curtails_of_the_year_what_the_rule_of_the_year_says(street: ReadyScenario) -> None:
    """At one bus, on a year by 8 days: below its capacity the gate takes at most 5 % of them by their weights, above more."""
    options = Options(placements=1, unit_kw=10.0, curtailed_of="year", year_days=8)
    asked = hosting_capacity(street, options)
    worst = hosting_capacity(street, options._replace(curtailed_of="worst-days"))
    of_year, of_days = (min(each.capacities[1].buses, key=lambda bus: bus.kw) for each in (asked, worst))
    assert of_days.kw < of_year.kw
    year = days.year_of(street)
    sample = sample_of_year(assets.ASSETS["pv"], year, 8, street.seed)

    def of_the_year(kw: float) -> float:
        added = np.array(
            [
                assets.per_kw(assets.ASSETS["pv"], street.variant(each.overrides(street))).sum()
                for each in sample.periods
            ]
        )
        lost = np.array([share_lost(street, kw, of_year.name, [each.start]) for each in sample.periods])
        return float(sample.weight @ (lost * added) / (sample.weight @ added))

    assert of_the_year(of_year.kw - 2.0) <= 0.05 < of_the_year(of_year.kw + 2.0)


def test_the_error_of_the_days_drawn_stands_beside_the_year(street: ReadyScenario) -> None:
    """The middle placement lies between its bounds, near the share allowed; a year of all days is not asked for an error."""
    report = hosting_capacity(
        street, Options(placements=3, unit_kw=2.0, per_bus=False, curtailed_of="year", year_days=6)
    )
    free, held = report.capacities
    assert free.sampling is None
    assert held.sampling is not None
    assert held.sampling.standard_error > 0.0
    assert 0.03 < held.sampling.share <= 0.05 + 1e-4
    assert held.sampling.low_kw <= held.kw[1] <= held.sampling.high_kw
    assert held.sampling.low_kw < held.sampling.high_kw
    assert held.rule == "with at most 5 % curtailed of the year, by 6 days (gate ac)"
    assert report.year.startswith("6 days of 2016, drawn by the seed from 3 strata")


def test_rules_are_named_after_their_days(street: ReadyScenario, report: HostingReport) -> None:
    assert [each.rule for each in report.capacities] == [
        "without violations on the worst day (strict; gate observe)",
        "with at most 5 % curtailed of the worst day (gate ac)",
    ]
    pair = hosting_capacity(street, Options(placements=1, days=2, per_bus=False)).capacities[1]
    assert pair.rule == "with at most 5 % curtailed of the 2 worst days (gate ac)"


def test_dates_have_their_own_weather_where_the_scenario_draws_days(street: ReadyScenario) -> None:
    """Else every day that is tried would be the first that the seed draws, whatever its date."""
    drawn = street.variant({"profiles.days": {"season": "winter"}})
    for ready in (street, drawn):
        chosen = days.worst_days(ready, assets.ASSETS["pv"], 2, week=False)
        assert chosen.note.startswith("2016-0")
        sun = [
            assets.per_kw(assets.ASSETS["pv"], ready.variant(each.overrides(ready))).sum() for each in chosen.periods
        ]
        assert sun[0] != sun[1]
    assert chosen.note == days.worst_days(street, assets.ASSETS["pv"], 2, week=False).note


def test_units_are_larger_on_medium_voltage(street: ReadyScenario) -> None:
    pv = assets.ASSETS["pv"]
    assert assets.unit_kw(pv, street, None) == 5.0
    assert assets.unit_kw(pv, load_scenario("scenarios/ieee141.yaml"), None) == 100.0
    assert assets.unit_kw(pv, street, 7.5) == 7.5


def test_a_kilowatt_of_pv_never_draws_and_a_vehicle_never_feeds_in(street: ReadyScenario) -> None:
    sun = assets.per_kw(assets.ASSETS["pv"], street)
    assert sun.min() == 0.0
    assert 0.3 < sun.max() <= 1.01
    drawn = assets.per_kw(assets.ASSETS["ev"], street)
    assert drawn.max() <= 0.0
    assert -1.0 <= drawn.min() < -0.05


def test_nonsense_is_refused_all_at_once() -> None:
    nonsense = {"curtailed_of": "month", "year_days": 1}
    options = Options(asset="pvv", criterion="lax", placements=0, curtailment=1.5, unit_kw=-1.0, days=0, **nonsense)
    with pytest.raises(InputError) as caught:
        hosting_capacity(load_scenario(STREET), options)
    assert len(caught.value.problems) == 8


def test_a_world_without_a_feeder_hosts_anything() -> None:
    with pytest.raises(InputError, match="pilot has none"):
        hosting_capacity(load_scenario("scenarios/pilot.yaml"))


def test_the_seed_is_the_scenarios_unless_another_is_asked_for(street: ReadyScenario) -> None:
    """From Python as from the command line; the report says which."""
    options = Options(placements=2, days=1, unit_kw=10.0, per_bus=False)
    own, same, other = (
        hosting_capacity(street.variant({"seed": 3}), asked)
        for asked in (options, options._replace(seed=3), options._replace(seed=4))
    )
    assert own == same
    assert (own.options.seed, other.options.seed) == (3, 4)
