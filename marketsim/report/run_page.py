"""The report of a run: everything its page shows, gathered from the run folder."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from marketsim.app.looking import seen_of
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.core.currency import label_of, named
from marketsim.core.errors import MarketsimError
from marketsim.metrics.wording import number
from marketsim.report import series as columns
from marketsim.report.book import depth
from marketsim.report.cards import GROUPS, cards, partial_summary
from marketsim.report.critics import SCORES, CriticView, critic_view
from marketsim.report.equity_part import EquityDays, equity_days
from marketsim.report.findings import findings, kwh, percent, words
from marketsim.report.focus import Focus, focuses
from marketsim.report.grid_part import GridPart
from marketsim.report.kpis import demand_numbers
from marketsim.report.limits import MOST_ELEMENTS, RefusedEnergy, refusals
from marketsim.report.peak_part import duration_curve
from marketsim.report.people import Person, names_of, totals
from marketsim.report.people_tables import agent_table, class_table
from marketsim.report.plans import plans_part
from marketsim.report.series import PlotSeries, plain, rounded
from marketsim.report.shared_part import SharedPart, can_be_shared
from marketsim.results.folder import COMPLETE, SUMMARY
from marketsim.results.reader import Run

MINUTES_A_DAY: Final = 1440


class RunContent:
    """What the page of a run is made of; read once, then only looked at."""

    def __init__(self, run: Run, ready: ReadyScenario | None = None, *, trust: bool = False) -> None:
        """``ready``: the scenario of the run where it is at hand; else it is read from the run folder, see ``looking``."""
        self.run = run
        self.left_out: list[str] = []
        """What the page does not show, and why; also among its notes."""
        self.notes: list[str] = [str(note) for note in run.manifest.get("notes", ())]
        for fact in ("refused_orders", "signed_prices"):
            self.notes += [f"{line}." for line in run.manifest.get(fact, ())]
        self.currency = label_of(run.manifest)
        self.ready = ready or self._scenario(trust=trust)
        self.series = columns.slot_series(run) if run.n_slots else {}
        self.slots = columns.slots_of(run)
        self.begin, self.minutes = self._clock()
        self.slots_per_day = max(1, MINUTES_A_DAY // self.minutes)
        self.stretches = focuses(self.series, self.slots_per_day)
        self.daily = len(self.slots) > columns.MOST_SLOTS
        self.names = names_of(run)
        self.people = self._people()
        self.totals = totals(run)
        self.refused = refusals(run) if run.n_slots else []
        self.critic = critic_view(run, self.series, self.slots)
        self.grid = self._grid()
        self.plans = plans_part(run, self.stretches, self.names, self.minutes / 60.0)
        self.shared = self._shared()
        self.equity = self._equity()
        demand_numbers(run.summary, None if run.path is None else run.path / SUMMARY)
        self.summary = run.summary or partial_summary(self.series)

    def _scenario(self, *, trust: bool) -> ReadyScenario | None:
        try:
            seen = seen_of(self.run, trust=trust)
        except MarketsimError as error:
            left_out = "the feeder and the kinds of agents are left out"
            self._leave_out(f"The run's scenario cannot be read here, so {left_out}: {error}")
            return None
        for problem in seen.left_out:
            self._leave_out(f"The feeder is left out: {problem}")
        return seen.ready

    def _leave_out(self, text: str) -> None:
        self.notes.append(text)
        self.left_out.append(text)

    def _clock(self) -> tuple[datetime, int]:
        """Begin of the first slot, and the length of a slot in minutes."""
        if self.ready is not None:
            clock = self.ready.model.clock
            return datetime.combine(clock.start, datetime.min.time()), clock.slot_minutes
        begins = self.run.table("slots", columns=["begins"])
        times = begins.column("begins").to_pylist() if begins.num_rows else []
        step = (times[1] - times[0]) // timedelta(minutes=1) if len(times) > 1 else 60
        return (times[0] if times else datetime(2000, 1, 1)), step

    def _people(self) -> list[Person]:
        if self.ready is None:
            return [Person(name, "", "") for name in self.names]
        agents = self.ready.agents
        heads = [f"{kind}s of entry {group + 1}" for kind, group in ((agent.kind, agent.group) for agent in agents)]
        groups = [agent.income_class or head for agent, head in zip(agents, heads, strict=True)]
        return [
            Person(name, agents[row % len(agents)].kind, groups[row % len(agents)])
            for row, name in enumerate(self.names)
        ]

    def _grid(self) -> GridPart | None:
        if self.ready is None or self.ready.feeder is None or not self.stretches:
            return None
        try:
            return GridPart(self.run, self.ready, self.stretches, self.names)
        except MarketsimError as error:
            self._leave_out(f"The feeder cannot be drawn: {error}")
            return None

    def _shared(self) -> SharedPart | None:
        if self.ready is None or not can_be_shared(self.run):
            return None
        try:
            return SharedPart(self.run, self.ready)
        except MarketsimError as error:
            self._leave_out(f"What bills would be by other rules is left out: {error}")
            return None

    def _equity(self) -> EquityDays | None:
        agents = () if self.ready is None else self.ready.agents
        return equity_days(self.run, agents, self.slots_per_day, self.minutes / 60.0)

    def moment(self, slot: int) -> str:
        """Begin of a slot as people read it."""
        return f"{self.begin + timedelta(minutes=slot * self.minutes):%a %d %b %Y, %H:%M}"


def page_data(of: RunContent) -> dict[str, Any]:
    """What the charts of the page are drawn from."""
    shown = columns.by_day(of.series, of.slots_per_day) if of.daily else of.series
    return {
        "kind": "run",
        "begin": of.begin.isoformat(timespec="minutes"),
        "minutes": of.minutes,
        "step": MINUTES_A_DAY if of.daily else of.minutes,
        "daily": of.daily,
        "series": rounded(shown),
        "stretches": [_stretch(of, position) for position in range(len(of.stretches))],
        "map": of.grid.map if of.grid else None,
        "plans": of.plans.document() if of.plans else None,
        "currency": of.currency,
        "agents": _in_currency(agent_table(of.names, of.people, of.totals), of.currency),
        "classes": _in_currency(class_table(of.people, of.totals), of.currency),
        "refused": [_refused(each) for each in of.refused[:MOST_ELEMENTS]],
        "critic": None if of.critic is None else _critic(of.critic),
        "shared": None if of.shared is None else of.shared.data(),
        "equity": None if of.equity is None else of.equity.data(),
        "peak": _peak(of),
    }


def _peak(of: RunContent) -> dict[str, Any] | None:
    curve = duration_curve(of.series, of.minutes)
    return None if curve is None else {**curve, "alone": of.summary.get("peak_import_kw_grid_only")}


def _in_currency(table: dict[str, Any], currency: str) -> dict[str, Any]:
    """A table whose units name the currency."""
    head = [[label, named(unit, currency), digits] for label, unit, digits in table["head"]]
    return {**table, "head": head}


def _stretch(of: RunContent, position: int) -> dict[str, Any]:
    own: Focus = of.stretches[position]
    begin = int(of.slots[own.begin])
    day = f"{of.begin + timedelta(minutes=begin * of.minutes):%a %d %b %Y}: " if of.daily else ""
    return {
        "label": f"{day}{own.label}",
        "begin": begin,
        "series": rounded({name: values[own.begin : own.end] for name, values in of.series.items()}),
        "grid": of.grid.states[position] if of.grid else None,
        "plans": of.plans.states[position] if of.plans else None,
        "book": depth(of.run, own.positions),
    }


def _refused(each: RefusedEnergy) -> dict[str, Any]:
    return {
        "element": each.label,
        "reason": words(each.reason),
        "grid": each.by_grid,
        "trade": round(each.trade, 3),
        "export": round(each.export, 3),
        "supply": round(each.supply, 3),
        "times": each.times,
        "curtailed": round(each.curtailed, 3),
    }


def _critic(of: CriticView) -> dict[str, Any]:
    return {
        "slots": of.slots.tolist(),
        "critic": {name: plain(of.scores[name], 4) for name in SCORES},
        "rule": {name: plain(of.rule[name], 4) for name in SCORES},
        "differs": not of.is_rule,
    }


def page_context(of: RunContent) -> dict[str, Any]:
    """What the template says in words."""
    run, manifest = of.run, of.run.manifest
    end = of.begin + timedelta(minutes=len(of.slots) * of.minutes)
    return {
        "title": str(manifest.get("scenario", "run")),
        "status": run.status,
        "complete": run.status == COMPLETE,
        "error": manifest.get("error"),
        "agents": len(of.names),
        "slots": len(of.slots),
        "wanted": of.ready.model.clock.slots if of.ready else None,
        "minutes": of.minutes,
        "begin": f"{of.begin:%d %b %Y}",
        "end": f"{end - timedelta(minutes=1):%d %b %Y}",
        "daily": of.daily,
        "most_slots": columns.MOST_SLOTS,
        "findings": findings(of.summary, run.status, of.refused, of.currency),
        "cards": cards(of.summary, of.currency),
        "groups": GROUPS,
        "grid": _grid_facts(of),
        "plans": of.plans,
        "gate": of.ready.model.grid.gate.name if of.ready else None,
        "texts": texts(of),
        "refused": of.refused,
        "unrefused": unrefused(of),
        "critic": of.critic,
        "shared": of.shared,
        "rules": [] if of.shared is None else of.shared.rules,
        "equity": of.equity,
        "peak_text": _peak_text(of),
        "moment": of.moment,
        "number": number,
        "currency": of.currency,
        "manifest": manifest,
        "command": command(of.run),
        "scenario_text": run.scenario_text,
        "notes": of.notes,
        "summary": run.summary,
    }


def _peak_text(of: RunContent) -> str:
    """Peak and load factor beside those with the utility alone."""
    peak, factor = (of.summary.get(name) for name in ("peak_import_kw", "load_factor"))
    if peak is None:
        return ""
    there = of.summary.get("peak_import_kw_grid_only")
    beside = "" if there is None else f" ({number(there)} kW with the utility alone)"
    load = "" if factor is None else f"; the mean of what they draw is {percent(factor)} of it"
    return f"All agents together draw {number(peak)} kW at most{beside}{load}. Losses are left out."


def unrefused(of: RunContent) -> str:
    """PV that was curtailed although nothing refused it, in words; empty where all or none was."""
    curtailed = float(np.nansum(of.series.get("curtailed", 0.0)))
    rest = curtailed - sum(each.curtailed for each in of.refused)
    return kwh(rest) if rest > 1e-6 * curtailed else ""


def _grid_facts(of: RunContent) -> dict[str, Any] | None:
    if of.grid is None:
        return None
    feeder = of.grid.feeder
    return {
        "name": feeder.name,
        "buses": len(feeder.buses),
        "branches": len(feeder.branches),
        "trafos": int(feeder.is_trafo.sum()),
        "unrated": int((~feeder.rated).sum()),
        "geographic": feeder.geographic,
        "meshed": not bool(feeder.in_tree.all()),
        "stride": of.grid.stride,
        "lowest": of.grid.lowest,
        "highest": of.grid.highest,
        "worst": [
            ("worst-buses", "Worst buses", of.grid.worst_buses),
            ("worst-branches", "Most loaded branches", of.grid.worst_branches),
        ],
    }


def command(run: Run) -> str:
    """What repeats the run: its own resolved scenario gives the same bytes."""
    folder = "RUN" if run.path is None else str(run.path)
    return f"marketsim run {shlex.quote(folder + '/scenario.yaml')}"


def texts(of: RunContent) -> dict[str, str]:
    """What each figure shows, in words."""
    told = {
        "volumes": ("Energy", ("p2p", "import", "export", "curtailed"), kwh),
        "prices": ("Mean price of trade", ("price",), lambda value: f"{value:.4f} {of.currency}/kWh"),
        "voltages": ("Lowest and highest voltage", ("v_min", "v_max"), "{:.4f} p.u.".format),
        "curtailment": ("Refused and curtailed", ("refused", "curtailed"), kwh),
        "loadings": ("Highest loading", ("loading",), "{:.1f} %".format),
        "fairness": ("Fairness scores", SCORES, "{:.2f}".format),
    }
    unit = "day" if of.daily else "slot"
    return {
        figure: _extremes_text(of, f"{head} a {unit}", names, shown) for figure, (head, names, shown) in told.items()
    }


_SAID: Final[Mapping[str, str]] = {
    "p2p": "traded between peers",
    "import": "imported",
    "export": "exported",
    "curtailed": "curtailed",
    "refused": "refused",
    "price": "price",
    "v_min": "lowest voltage",
    "v_max": "highest voltage",
    "loading": "loading",
    "ftg": "FTG",
    "fbs": "FBS",
    "fpp": "FPP",
}


def _extremes_text(of: RunContent, head: str, names: Sequence[str], shown: Any) -> str:
    values: PlotSeries = columns.by_day(of.series, of.slots_per_day) if of.daily and of.series else of.series
    step = of.slots_per_day if of.daily else 1
    parts = []
    for name in names:
        column = values.get(name)
        if column is None or not np.isfinite(column).any():
            continue
        low, high = int(np.nanargmin(column)), int(np.nanargmax(column))
        lowest, highest = (f"{shown(column[row])} ({of.moment(row * step)})" for row in (low, high))
        parts.append(f"{_SAID[name]} from {lowest} to {highest}")
    return f"{head}: " + "; ".join(parts) + "." if parts else f"{head}: nothing to show."
