"""The days on which a feeder is worst off: chosen from a whole year, not one summer day."""

from __future__ import annotations

import calendar
import datetime
from typing import Final, NamedTuple

import numpy as np

from marketsim.analysis.hosting.assets import Asset
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.wiring import build
from marketsim.core.arrays import FloatArray
from marketsim.core.errors import InputError

STEP_HOURS: Final = 1.0
"""The year is looked at in such steps."""
WEEK: Final = 7


class DayBlock(NamedTuple):
    """Days in a row that are simulated together."""

    start: datetime.date
    days: int

    def overrides(self, ready: ReadyScenario) -> dict[str, object]:
        """The scenario's clock set to the period."""
        per_day = 24 * 60 // ready.model.clock.slot_minutes
        return {"clock.start": self.start, "clock.slots": self.days * per_day, "grid.gate": "observe"}


class Chosen(NamedTuple):
    """Periods to try a feeder on, and why these."""

    periods: tuple[DayBlock, ...]
    note: str


def worst_days(ready: ReadyScenario, asset: Asset, count: int, *, week: bool) -> Chosen:
    """The ``count`` worst days of the year of the scenario's start, or the ``week`` around the worst of them.

    For what injects: most sun over least load; for what draws: most load (for heat pumps with their heat); for
    batteries some of both. Series of the user's own that hold no year: the scenario's own days.
    """
    year = ready.model.clock.start.year
    try:
        sun, load, heat = _year(ready, year)
    except InputError:
        own = max(-(-ready.model.clock.slots * ready.model.clock.slot_minutes // (24 * 60)), 1)
        period = DayBlock(ready.model.clock.start, own)
        return Chosen((period,), f"the scenario's own {own} day(s): its series hold no whole year")
    rankings = {
        "pv": [(sun - load, "most sun over least load")],
        "ev": [(load, "most load")],
        "heat_pump": [(load + heat, "most load and heat")],
        "battery": [(sun - load, "most sun over least load"), (load, "most load")],
    }[asset.name]
    days: list[int] = []
    for score, _ in rankings:
        ranked = np.argsort(-score.max(axis=1), kind="stable").tolist()
        days += [day for day in ranked if day not in days][: -(-count // len(rankings))]
    first = datetime.date(year, 1, 1)
    why = " and ".join(text for _, text in rankings)
    if week:
        begin = min(max(days[0] - WEEK // 2, 0), len(sun) - WEEK)
        start = first + datetime.timedelta(days=begin)
        return Chosen((DayBlock(start, WEEK),), f"the week from {start}, around the day of {why} of {year}")
    dates = [first + datetime.timedelta(days=day) for day in sorted(days)]
    listed = ", ".join(str(date) for date in dates)
    return Chosen(tuple(DayBlock(date, 1) for date in dates), f"{listed}: the days of {why} of {year}")


def _year(ready: ReadyScenario, year: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sun, load and heat of every hour, each as a share of its highest value [n_days, steps a day]."""
    days = 365 + calendar.isleap(year)
    minutes = ready.model.clock.slot_minutes
    per_day = 24 * 60 // minutes
    probe: dict[str, object] = {
        "kind": "prosumer",
        "name": "worst-day-probe",
        "pv_kw": 1.0,
        "heat_pump": {"power_kw": 1.0},
        "strategy": "utility_only",
        "bus": ready.agents[0].bus,
    }
    whole = {"clock.start": datetime.date(year, 1, 1), "clock.slots": days * per_day}
    ours, theirs = (build(ready.variant({**whole, **more})).world for more in ({}, {"agents": [probe]}))
    every = max(round(STEP_HOURS * 60 / minutes), 1)
    sun, load, heat = [], [], []
    for slot in range(0, days * per_day, every):
        series = theirs.profiles.at(theirs.clock.at(slot))
        sun.append(float(series["pv_kw"].sum()))
        heat.append(float(series["heat_kw"].sum()) if "heat_kw" in series else 0.0)
        load.append(float(ours.profiles.at(ours.clock.at(slot))["load_kw"].sum()))
    shaped = (np.array(values).reshape(days, -1) for values in (sun, load, heat))
    sun_share, load_share, heat_share = (each / max(float(each.max()), 1e-12) for each in shaped)
    return sun_share, load_share, heat_share
