"""The days on which a feeder is worst off: chosen from a whole year, not one summer day."""

from __future__ import annotations

import calendar
import datetime
from typing import Final, NamedTuple

import numpy as np

from marketsim.analysis.hosting.added_series import for_anybody, has_own_plants, own_pv_per_kw
from marketsim.analysis.hosting.assets import Asset
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.wiring import build
from marketsim.core.arrays import FloatArray
from marketsim.core.errors import InputError
from marketsim.profiles.params import DrawsDays

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
        clock = {"clock.start": self.start, "clock.slots": self.days * per_day}
        return {**clock, **by_date(ready), "grid.gate": "observe"}


class Chosen(NamedTuple):
    """Periods to try a feeder on, and why these."""

    periods: tuple[DayBlock, ...]
    note: str
    name: str
    """What they are called in the name of a rule."""


class YearSeries(NamedTuple):
    """Sun, load and heat of every hour of a year, each as a share of its highest value [n_days, steps a day]."""

    first: datetime.date
    sun: FloatArray
    load: FloatArray
    heat: FloatArray

    def rankings(self, asset: Asset) -> list[tuple[FloatArray, str]]:
        """What makes an hour bad for a feeder with more of the asset [n_days, steps a day], and what that is called."""
        surplus = (self.sun - self.load, "most sun over least load")
        return {
            "pv": [surplus],
            "ev": [(self.load, "most load")],
            "heat_pump": [(self.load + self.heat, "most load and heat")],
            "battery": [surplus, (self.load, "most load")],
        }[asset.name]


def worst_days(
    ready: ReadyScenario, asset: Asset, count: int, *, week: bool, looked_at: YearSeries | None = None
) -> Chosen:
    """The ``count`` worst days of the year of the scenario's start, or the ``week`` around the worst of them.

    For what injects: most sun over least load; for what draws: most load (for heat pumps with their heat); for
    batteries some of both. Series of the user's own that hold no year: the scenario's own days. ``looked_at``: the year, where
    it is known.
    """
    try:
        year = year_of(ready) if looked_at is None else looked_at
    except InputError:
        own = max(-(-ready.model.clock.slots * ready.model.clock.slot_minutes // (24 * 60)), 1)
        period = DayBlock(ready.model.clock.start, own)
        name = "the scenario's own day" if own == 1 else f"the scenario's own {own} days"
        return Chosen((period,), f"the scenario's own {own} day(s): its series hold no whole year", name)
    rankings = year.rankings(asset)
    days: list[int] = []
    for score, _ in rankings:
        ranked = np.argsort(-score.max(axis=1), kind="stable").tolist()
        days += [day for day in ranked if day not in days][: -(-count // len(rankings))]
    first = year.first
    why = " and ".join(text for _, text in rankings)
    if week:
        begin = min(max(days[0] - WEEK // 2, 0), len(year.sun) - WEEK)
        start = first + datetime.timedelta(days=begin)
        note = f"the week from {start}, around the day of {why} of {first.year}"
        return Chosen((DayBlock(start, WEEK),), note, "the worst week")
    dates = [first + datetime.timedelta(days=day) for day in sorted(days)]
    listed = ", ".join(str(date) for date in dates)
    name = "the worst day" if len(dates) == 1 else f"the {len(dates)} worst days"
    return Chosen(tuple(DayBlock(date, 1) for date in dates), f"{listed}: the days of {why} of {first.year}", name)


def year_of(ready: ReadyScenario) -> YearSeries:
    """Every hour of the year of the scenario's start; InputError where its series hold no whole year."""
    year = ready.model.clock.start.year
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
    first = datetime.date(year, 1, 1)
    whole = {"clock.start": first, "clock.slots": days * per_day, **by_date(ready)}
    own = ready.variant(whole)
    added = {**for_anybody(ready), "agents": [probe], "market.sharing": "none", "market.sharing_period": "day"}
    ours, theirs = (build(each).world for each in (own, ready.variant({**whole, **added})))
    every = max(round(STEP_HOURS * 60 / minutes), 1)
    sun, load, heat = [], [], []
    for slot in range(0, days * per_day, every):
        series = theirs.profiles.at(theirs.clock.at(slot))
        sun.append(float(series["pv_kw"].sum()))
        heat.append(float(series["heat_kw"].sum()) if "heat_kw" in series else 0.0)
        load.append(float(ours.profiles.at(ours.clock.at(slot))["load_kw"].sum()))
    if has_own_plants(ready):
        sun = own_pv_per_kw(own, every).tolist()
    shaped = (np.array(values).reshape(days, -1) for values in (sun, load, heat))
    return YearSeries(first, *(each / max(float(each.max()), 1e-12) for each in shaped))


def by_date(ready: ReadyScenario) -> dict[str, object]:
    """Overrides by which a date has its own weather, where the scenario draws source days by its seed."""
    profiles = ready.model.profiles.params
    return {"profiles.days": None} if isinstance(profiles, DrawsDays) and profiles.days is not None else {}
