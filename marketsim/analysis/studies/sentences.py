"""A study in a few sentences, each with its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from marketsim.analysis.studies import answer as answers
from marketsim.analysis.studies.answer import AxisFinding, KpiCriterion, held_text
from marketsim.analysis.studies.axes import Axis
from marketsim.core.currency import PLAIN, named
from marketsim.metrics.wording import number

if TYPE_CHECKING:
    import pandas as pd

_NO_MONEY: Final = 0.005
"""Of a currency: what is less is called the same."""


def answer(table: pd.DataFrame, axes: Sequence[Axis], found: Sequence[AxisFinding], currency: str = PLAIN) -> list[str]:
    """Where it breaks, what the gate prevents and costs, who is worse off, and how fairness moves."""
    by_criterion: dict[KpiCriterion, list[AxisFinding]] = {}
    for finding in found:
        by_criterion.setdefault(finding.criterion, []).append(finding)
    lines = []
    for group in by_criterion.values():
        said = [_sentence(finding, _rows(table, axes, finding)) for finding in group]
        lines += _merged(said, [finding.held for finding in group])
    fairness = [(_fairness(finding, _rows(table, axes, finding)), finding.held) for finding in found]
    lines += _merged([text for text, _ in fairness if text], [held for text, held in fairness if text])
    return [*lines, *(named(line, currency) for line in gate_lines(table, axes))]


def _merged(said: Sequence[str], held: Sequence[Mapping[str, Any]]) -> list[str]:
    """What holds for every combination of the other values is said once."""
    if len(set(said)) == 1:
        return [f"{said[0][0].upper()}{said[0][1:]}."]
    return list(dict.fromkeys(f"With {held_text(own)} {text}." for text, own in zip(said, held, strict=True)))


def answer_document(
    table: pd.DataFrame, axes: Sequence[Axis], found: Sequence[AxisFinding], currency: str = PLAIN
) -> dict[str, Any]:
    """The answer as plain data: sentences, and the findings behind them."""
    kept = [
        {
            "axis": each.axis,
            "held": dict(each.held),
            "criterion": str(each.criterion),
            "values": list(each.values),
            "share_of_seeds": list(each.shares),
            "first_broken": each.first,
            "last_before": each.last_before,
        }
        for each in found
    ]
    return {"answer": answer(table, axes, found, currency), "findings": kept}


def _rows(table: pd.DataFrame, axes: Sequence[Axis], finding: AxisFinding) -> pd.DataFrame:
    others = [path for axis in axes for path in axis.paths if path != finding.axis]
    return next(rows for held, rows in answers.series_of(table, others) if held == finding.held)


_MET: Final = {
    answers.OUT_OF_LIMITS: "the feeder is out of its limits",
    answers.REFUSED: "the gate refuses energy",
    answers.WORSE_OFF: "somebody pays more than with the utility alone",
}
_UNMET: Final = {
    answers.OUT_OF_LIMITS: "the feeder keeps its limits",
    answers.REFUSED: "the gate refuses nothing",
    answers.WORSE_OFF: "nobody pays more than with the utility alone",
}


def _sentence(finding: AxisFinding, rows: pd.DataFrame) -> str:
    if not finding.broken:
        subject = _UNMET.get(finding.criterion, f"it is never the case that {finding.criterion}")
        return f"{subject} from {finding.axis} {finding.values[0]:g} to {finding.values[-1]:g}"
    subject = _MET.get(finding.criterion, f"it is the case that {finding.criterion}")
    return f"{subject} {_extent(finding)}{_evidence(finding, rows)}"


def _fairness(finding: AxisFinding, rows: pd.DataFrame) -> str:
    """Best and worst of the fairness between sellers along the axis."""
    if "fbs" not in rows:
        return ""
    known = rows[rows["fbs"].notna()]
    means = known.groupby(finding.axis)["fbs"].mean()
    scores = dict(zip(means.index.to_numpy(dtype=float).tolist(), means.tolist(), strict=True))
    if len(scores) < 2:
        return ""
    best, worst = max(scores, key=lambda value: scores[value]), min(scores, key=lambda value: scores[value])
    return (
        f"fairness between sellers (FBS) is best at {finding.axis} {best:g} ({scores[best]:.3f}) "
        f"and worst at {worst:g} ({scores[worst]:.3f})"
    )


def _extent(finding: AxisFinding) -> str:
    """At which values, in words."""
    name, values, broken = finding.axis, finding.values, finding.broken
    if broken == values:
        return f"at every {name} from {values[0]:g} on"
    if finding.monotone:
        return f"from {name} {broken[0]:g} on (not yet at {finding.last_before:g})"
    if broken == values[: len(broken)]:
        return f"up to {name} {broken[-1]:g} (no longer at {values[len(broken)]:g})"
    return f"at {name} {', '.join(f'{value:g}' for value in broken)}"


def _evidence(finding: AxisFinding, rows: pd.DataFrame) -> str:
    """Numbers at the first broken value, and how many seeds agree."""
    if finding.first is None:
        return ""
    here = rows[rows[finding.axis] == finding.first]
    share = finding.shares[finding.values.index(finding.first)]
    seeds = "" if len(here) == 1 else f" in {round(share * len(here))} of {len(here)} seeds"
    if finding.criterion == answers.OUT_OF_LIMITS:
        slots = f"{here['slots_with_violation'].max():.0f} of {here['slots'].max():.0f} slots"
        volts = f"{here['voltage_min_pu'].min():.4f} to {here['voltage_max_pu'].max():.4f} p.u."
        return f"{seeds}: {slots} there, {volts}, loading to {here['loading_max_percent'].max():.1f} %"
    if finding.criterion == answers.REFUSED:
        return f"{seeds}: {number(here['rejected_kwh'].mean())} kWh there"
    return seeds


def gate_lines(table: pd.DataFrame, axes: Sequence[Axis]) -> list[str]:
    """What the gate prevents and what it costs, where a study has it both limiting and observing."""
    if answers.GATE not in table:
        return []
    seen = [str(gate) for gate in table[answers.GATE].unique()]
    gates = [gate for gate in seen if gate not in answers.OBSERVING]
    observing = [gate for gate in seen if gate in answers.RECORDING]
    if not gates or not observing:
        return []
    axis = answers.main_axis(axes)
    others = [path for each in axes if each is not axis for path in each.paths if path != answers.GATE]
    lines = []
    for held, rows in answers.series_of(table, others):
        if axis is not None:
            last = float(rows[axis.paths[0]].max())
            rows = rows[rows[axis.paths[0]] == last]
            held = {axis.paths[0]: last, **held}
        for gate in gates:
            limited, free = rows[rows[answers.GATE] == gate], rows[rows[answers.GATE].isin(observing)]
            if len(limited) and len(free):
                lines.append(_effect(gate, limited, free, held))
    return lines


def _effect(gate: str, limited: pd.DataFrame, free: pd.DataFrame, held: Mapping[str, Any]) -> str:
    def change(name: str) -> float:
        return float(limited[name].mean() - free[name].mean())

    where = f"At {held_text(held)} the" if held else "The"
    slots, energy = -change("slots_with_violation"), change("curtailed_kwh")
    if slots == 0.0 and energy == 0.0:
        return f"{where} gate {gate} changes nothing."
    pv = free["pv_kwh"].mean() + free["curtailed_kwh"].mean()
    share = f" ({100 * energy / pv:.3g} % of the PV)" if pv else ""
    return (
        f"{where} gate {gate} prevents {slots:,.4g} slots out of limits "
        f"(highest voltage {limited['voltage_max_pu'].max():.4f} instead of {free['voltage_max_pu'].max():.4f} p.u., "
        f"loading {limited['loading_max_percent'].max():.1f} instead of {free['loading_max_percent'].max():.1f} %); it costs "
        f"{number(energy)} kWh curtailed{share}; prosumers {_money(change('prosumer_cost'))}, "
        f"consumers {_money(change('consumer_cost'))}."
    )


def _money(change: float) -> str:
    """What a change of a bill is, in words."""
    if abs(change) < _NO_MONEY:
        return "pay the same"
    return f"pay {number(abs(change))} currency {'more' if change > 0.0 else 'less'}"
