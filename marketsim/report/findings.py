"""What is good about a run and what is not, in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from marketsim.core.currency import PLAIN, named
from marketsim.metrics.wording import number
from marketsim.report.limits import RefusedEnergy

GOOD, BAD, NOTE = "good", "bad", "note"
STRONG: Final = 0.8
WEAK: Final = 0.5
"""Scores from ``STRONG`` on are called strong, below ``WEAK`` weak."""

Summary = Mapping[str, Any]


class Finding(NamedTuple):
    """A sentence about a run."""

    tone: str
    """``good``, ``bad`` or ``note``."""
    title: str
    text: str


def findings(summary: Summary, status: str, refused: Sequence[RefusedEnergy], currency: str = PLAIN) -> list[Finding]:
    """All that can be said, what is bad first."""
    rules = (
        _limits,
        _storage,
        _curtailment,
        _supply,
        _savings,
        _worst_off,
        _utility,
        _fairness,
        _efficiency,
        _laws,
        _critic,
    )
    found = [*_state(status), *_refusals(summary, refused)]
    for rule in rules:
        found += rule(summary)
    order = {BAD: 0, GOOD: 1, NOTE: 2}
    said = [finding._replace(text=named(finding.text, currency)) for finding in found]
    return sorted(said, key=lambda finding: order[finding.tone])


def percent(share: float, digits: int = 1) -> str:
    """A share as people read it."""
    shown = f"{100.0 * share:.{digits}f}"
    return f"{shown} %" if float(shown) or not share else f"under {10.0**-digits:g} %"


def kwh(energy: float) -> str:
    """An energy with a unit that keeps it short."""
    for size, unit in ((1e6, "GWh"), (1e3, "MWh")):
        if abs(energy) >= size:
            return f"{energy / size:,.{1 if abs(energy) >= 100 * size else 2}f} {unit}"
    return f"{energy:,.1f} kWh" if abs(energy) < 100 else f"{energy:,.0f} kWh"


def _count(size: int, noun: str) -> str:
    return f"{size:,} {noun}" + ("" if size == 1 else "s")


def _state(status: str) -> Iterator[Finding]:
    if status == "running":
        yield Finding(
            BAD, "Still running", "Everything here is about the slots that were written when the page was made."
        )
    elif status != "complete":
        text = (
            "The run did not come to its end: everything here is about the slots that it reached, and it has no KPIs."
        )
        yield Finding(BAD, f"Partial run ({status})", text)


def _limits(of: Summary) -> Iterator[Finding]:
    if of.get("voltage_min_pu") is None:
        yield Finding(NOTE, "No grid limits", "The scenario has no feeder whose limits apply, so nothing was checked.")
        return
    slots, broken = of.get("slots", 0), of.get("slots_with_violation") or 0
    only = of.get("slots_with_violation_grid_only")
    beside = "" if only is None else f" With the utility alone it would be {only:,}."
    if not broken:
        text = f"All {slots:,} slots end inside the voltage band and under every rating.{beside if only else ''}"
        yield Finding(GOOD, "Limits held", text)
    else:
        depth = of.get("voltage_violation_rate") or 0.0
        text = (
            f"{broken:,} of {slots:,} slots end outside a limit; {percent(depth)} of all bus-slots are out of band "
            f"(voltages {of['voltage_min_pu']:.4f} to {of['voltage_max_pu']:.4f} p.u., highest loading "
            f"{of.get('loading_max_percent') or 0:.0f} %).{beside}"
        )
        yield Finding(BAD, "Limits broken", text)
    if firm := of.get("firm_violation_slots"):
        text = (
            f"{_count(firm, 'slot')} broke a limit before anything was traded: firm demand and generation alone do it."
        )
        yield Finding(NOTE, "Not by trade alone", text)


def _refusals(of: Summary, refused: Sequence[RefusedEnergy]) -> Iterator[Finding]:
    wires = [each for each in refused if each.by_grid]
    energy = sum(each.energy for each in wires)
    if not energy:
        if of.get("voltage_min_pu") is not None and not of.get("slots_with_violation"):
            yield Finding(GOOD, "Nothing refused", "The grid took every trade and every export that was offered to it.")
        return
    traded = of.get("p2p_kwh") or 0.0
    most = wires[0]
    beside = f", against {kwh(traded)} traded" if traded else ""
    where = f" {percent(most.energy / energy, 0)} of it by {most.label} ({words(most.reason)})."
    yield Finding(NOTE, "Refused by the grid", f"{kwh(energy)}{beside};{where}")


def words(name: str) -> str:
    """A code as words."""
    return name.replace("_", " ")


def _curtailment(of: Summary) -> Iterator[Finding]:
    curtailed, used = of.get("curtailed_kwh"), of.get("pv_kwh")
    if curtailed is None or not (curtailed + (used or 0.0)):
        return
    share, only = curtailed / (curtailed + (used or 0.0)), of.get("curtailed_kwh_grid_only")
    beside = "" if only is None else f" ({kwh(only)} with the utility alone)"
    if not curtailed:
        yield Finding(GOOD, "No curtailment", f"All PV was used, stored, sold or exported{beside if only else ''}.")
        return
    worse = only is not None and curtailed > only * 1.001
    tone = BAD if worse or share > 0.05 else NOTE
    yield Finding(tone, "PV curtailed", f"{kwh(curtailed)}, {percent(share)} of what the sun offered{beside}.")


def _storage(of: Summary) -> Iterator[Finding]:
    """A share of peers near nothing, beside energy traded, is no contradiction: say where the energy went."""
    share = of.get("p2p_stored_share")
    if share and share > 5e-4 and of.get("p2p_kwh"):
        text = (
            f"{percent(share)} of the {kwh(of['p2p_kwh'])} traded between peers went into storage or was sold on; it is in no "
            "share of demand met by peers until it is used, and then counts as the owner's own."
        )
        yield Finding(NOTE, "Trade into storage", text)


def _supply(of: Summary) -> Iterator[Finding]:
    if missed := of.get("unserved_kwh"):
        yield Finding(
            BAD, "Devices missed energy", f"{kwh(missed)} at deadlines, of it {kwh(of['ev_unserved_kwh'])} by EVs."
        )


def _savings(of: Summary) -> Iterator[Finding]:
    saving = of.get("consumer_saving")
    if saving is not None:
        word, tone = ("less", GOOD) if saving > 0 else ("more", BAD)
        if abs(saving) < 5e-4:
            word, tone = "more or less", NOTE
        yield Finding(tone, "Consumers", f"pay {percent(abs(saving))} {word} than with the utility alone.")
    now, only = of.get("prosumer_cost"), of.get("prosumer_cost_grid_only")
    if now is not None and only is not None and now != only:
        verb = "better" if now < only else "worse"
        text = f"are {number(abs(now - only))} currency {verb} off than with the utility alone."
        yield Finding(GOOD if now < only else BAD, "Prosumers", text)


def _worst_off(of: Summary) -> Iterator[Finding]:
    worst = of.get("worst_off_saving")
    if worst is not None and worst < -5e-4:
        text = (
            f"pays {percent(-worst)} more than with the utility alone: not everybody gains (bills only, wear left out)."
        )
        yield Finding(BAD, "The worst-off agent", text)


def _utility(of: Summary) -> Iterator[Finding]:
    for key, name in (("utility_margin", "margin"), ("utility_revenue", "revenue")):
        now, only = of.get(key), of.get(f"{key}_grid_only")
        if now is None or not only:
            continue
        word = "falls" if now < only else "rises"
        yield Finding(
            NOTE, "The utility's " + name, f"{word} by {percent(abs(1 - now / only))} to {number(now)} currency."
        )
        return


_FAIRNESS: Final = (
    (
        "ftg",
        {GOOD: "Peers trade with peers", NOTE: "Trade among peers", BAD: "Little trade among peers"},
        "{share} of what peers could have traded was traded (FTG {score:.2f}).",
    ),
    (
        "fbs_day",
        {GOOD: "Sellers served alike", NOTE: "Sellers served in part alike", BAD: "Sellers not served alike"},
        "FBS over a day is {score:.2f}; at 1 every seller gets its proportional share where there is not room for all.",
    ),
    (
        "fpp",
        {GOOD: "Prices alike", NOTE: "Prices differ", BAD: "Prices far apart"},
        "FPP is {score:.2f}; at 1 all trades of a slot have one price.",
    ),
)
"""KPI, title by tone, and what is said of its score."""


def _fairness(of: Summary) -> Iterator[Finding]:
    for key, titles, text in _FAIRNESS:
        score = of.get(key)
        if score is not None:
            tone = GOOD if score >= STRONG else BAD if score < WEAK else NOTE
            yield Finding(tone, titles[tone], text.format(score=score, share=percent(score, 0)))


def _efficiency(of: Summary) -> Iterator[Finding]:
    share = of.get("trade_efficiency")
    if share is not None:
        tone = GOOD if share >= 0.9 else BAD if share < 0.7 else NOTE
        title = "Gains from trade missed" if tone == BAD else "Gains from trade"
        yield Finding(tone, title, f"{percent(share)} of the most that peers could have gained at these positions.")
    joint = of.get("allocative_efficiency")
    if joint is not None and joint < 0.995:
        text = f"Agents and utility together got {percent(joint)} of what the feeder would have let them gain."
        yield Finding(BAD if joint < 0.7 else NOTE, "Feeder not used to the full", text)


def _laws(of: Summary) -> Iterator[Finding]:
    if of.get("money_imbalance") is None:
        return
    if of["money_imbalance"] or of.get("energy_imbalance_wh"):
        text = f"{of['money_imbalance']} (1e-9 currency) and {of['energy_imbalance_wh']} Wh do not balance."
        yield Finding(BAD, "Books", text)
    else:
        yield Finding(GOOD, "Books", "Energy and money balance to the last unit.")
    checked = of.get("validated_slots")
    if not checked:
        return
    worst, wrong = of["validation_worst_pu"], of.get("validation_mismatches") or 0
    if wrong:
        yield Finding(BAD, "Power flows disagree", f"{_count(wrong, 'value')}, by up to {worst:.1e} p.u.")
    else:
        text = f"confirms {_count(checked, 'slot')}; largest difference {worst:.1e} p.u."
        yield Finding(GOOD, "An independent power flow", text)


def _critic(of: Summary) -> Iterator[Finding]:
    if failed := of.get("critic_fallbacks"):
        asked = of.get("critic_asked") or of["critic_calls"]  # of plugins' critics, which ask nobody
        text = f"{failed:,} of {asked:,} critiques that were asked for fell back to other scores."
        yield Finding(BAD, "The critic's answers failed", text)
