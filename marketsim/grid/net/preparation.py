"""Make any pandapower net fit what a marketsim feeder is: one stiff source, passive branches, loads of constant power.

What cannot be represented is refused, with the reason; what can is rewritten in the net itself, so that
extraction, ``run.net`` and ``runpp`` all see the same feeder:

- static generators and storages are taken out: generation and storage belong to the agents;
- the constant-impedance share of a load is taken out and listed: it draws with its load, not where agents replace that;
- several external grids at one voltage act as one source;
- source voltage, voltage band and line ratings of the scenario are written into the net.
"""

from __future__ import annotations

from math import inf
from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.core.errors import NetworkError, Problem
from marketsim.grid.net.feeder import DEFAULTS, FeederOptions
from marketsim.grid.net.net_checks import bad_values, called, demand_tables, place, settle_types
from marketsim.grid.net.net_objects import Unbuilt, kind_of

BAND_PU: Final = (0.9, 1.1)
"""Where neither scenario nor net says anything: EN 50160."""

_REFUSED: Final = {
    "gen": "a generator holds its voltage, and a feeder has one source: make it an sgen, or take it out of service",
    "xward": "an extended ward is a voltage source: replace it by a ward, or take it out of service",
    "dcline": "a DC line is dispatched by its own rules: replace it by a load and an sgen, or take it out of service",
    "line_dc": "DC grids are not solved: take it out of service",
    "vsc": "converters of DC grids are not solved: take it out of service",
    "svc": "it controls a voltage: replace it by a shunt at its present susceptance, or take it out of service",
    "ssc": "it controls a voltage: replace it by a shunt, or take it out of service",
    "vsc_stacked": "converters of DC grids are not solved: take it out of service",
    "vsc_bipolar": "converters of DC grids are not solved: take it out of service",
    "b2b_vsc": "converters of DC grids are not solved: take it out of service",
    "tcsc": "it controls a flow: replace it by an impedance, or take it out of service",
}
_MOST_ROWS: Final = 5
"""Elements of a kind that are shown."""
_DROPPED: Final = ("sgen", "asymmetric_sgen", "storage")
_PASSIVE_CONTROLLERS: Final = ("ConstControl",)
"""They replay the time series of the net's own elements, which agents replace."""


class ImpedanceShare(NamedTuple):
    """What loads of a bus draw as constant impedance, at 1 p.u."""

    bus: int
    p_mw: float
    q_mvar: float


class Prepared(NamedTuple):
    """A net that extraction accepts, and what was done to it."""

    net: Any
    notes: tuple[str, ...]
    shares: tuple[ImpedanceShare, ...] = ()
    """Constant-impedance shares of loads, which the net has no longer."""


def prepare(net: Any, options: FeederOptions = DEFAULTS) -> Prepared:
    """Rewrite ``net`` in place; NetworkError lists everything that cannot be represented."""
    demand_tables(net)
    unsound = [*bad_values(net)]
    problems = [*unsound, *_refusals(net)]
    if not unsound:
        settle_types(net)
        problems += [*_asymmetric_impedances(net), *_active_controllers(net), *_unbuilt_impedances(net)]
        problems += [*_source_problems(net, options), *_load_problems(net)]
    if problems:
        raise NetworkError(problems)
    notes, shares = _drop_generation(net), _impedance_shares(net)
    if shares:
        notes.append(
            f"{len(shares)} loads draw a share as constant impedance: it belongs to the load, and goes where the load goes"
        )
    notes += [*_controller_notes(net), *_option_notes(net)]
    _set_source(net, options.source_pu)
    _set_band(net, options.voltage_band_pu)
    _set_ratings(net, options)
    return Prepared(net, tuple(notes), shares)


def _in_service(net: Any, table: str) -> Any:
    rows = net.get(table)
    if rows is None or not len(rows):
        return []
    return rows.index[rows["in_service"].to_numpy(dtype=bool)] if "in_service" in rows else rows.index


def _refusals(net: Any) -> list[Problem]:
    found = []
    for table, why in _REFUSED.items():
        head, _, hint = why.partition(": ")
        rows = list(_in_service(net, table))
        for row in rows[:_MOST_ROWS]:
            more = (
                f" and {len(rows) - _MOST_ROWS} more" if len(rows) > _MOST_ROWS and row == rows[_MOST_ROWS - 1] else ""
            )
            message = f"{called(net, table, row)}cannot be used{more}: {head}"
            found.append(Problem(message, place(net, table, row), hint=hint))
    return found


def _asymmetric_impedances(net: Any) -> list[Problem]:
    if not len(net.impedance):
        return []
    rows = net.impedance.loc[list(_in_service(net, "impedance"))]
    differs = (rows.rft_pu != rows.rtf_pu) | (rows.xft_pu != rows.xtf_pu)
    hint = "give it the same impedance in both directions"
    return [
        Problem(
            f"{called(net, 'impedance', row)}a branch whose impedance depends on the direction is not supported",
            place(net, "impedance", row),
            hint=hint,
        )
        for row in rows.index[differs]
    ]


def _controllers(net: Any) -> dict[object, str]:
    return {row: kind_of(net.controller.object.at[row]) for row in _in_service(net, "controller")}


def _active_controllers(net: Any) -> list[Problem]:
    hint = "take it out of service: taps and set-points then hold their present values"
    return [
        Problem("controllers are not run", place(net, "controller", row), kind, hint)
        for row, kind in _controllers(net).items()
        if kind not in _PASSIVE_CONTROLLERS
    ]


def _unbuilt_impedances(net: Any) -> list[Problem]:
    """Transformers whose impedance follows a characteristic that a file holds, which is never built."""
    found = []
    for table in ("trafo", "trafo3w"):
        for row in _in_service(net, table) if "tap_dependent_impedance" in net[table] else ():
            if net[table].tap_dependent_impedance.at[row] is True or net[table].tap_dependent_impedance.at[row] == 1:
                message = (
                    f"{called(net, table, row)}an impedance by the characteristic of its tap is not read from files"
                )
                found.append(Problem(message, place(net, table, row), hint="set tap_dependent_impedance to False"))
    return found if _holds_unbuilt(net) else []


def _holds_unbuilt(net: Any) -> bool:
    rows = net.get("characteristic")
    return rows is not None and "object" in rows and any(isinstance(each, Unbuilt) for each in rows["object"])


def _option_notes(net: Any) -> list[str]:
    """Options of power flows that the net brings; every solver here has the same."""
    options = net.get("user_pf_options")
    if not options:
        return []
    net["user_pf_options"] = {}
    return [f"the net's own options of power flows are not used: {', '.join(str(name) for name in options)[:200]}"]


def _controller_notes(net: Any) -> list[str]:
    passive = _controllers(net)
    return [f"{len(passive)} controllers of the net's own time series are not run"] if passive else []


def _source_problems(net: Any, options: FeederOptions) -> list[Problem]:
    rows = net.ext_grid.loc[list(_in_service(net, "ext_grid"))]
    place = f"{net.name or 'net'}.ext_grid"
    if not len(rows):
        return [
            Problem("the net has no external grid in service", place, hint="add one with pandapower.create_ext_grid")
        ]
    problems = []
    if options.source_pu is None and rows.vm_pu.nunique() > 1:
        seen = ", ".join(f"{value:g}" for value in sorted(rows.vm_pu.unique()))
        problems.append(
            Problem("external grids at several voltages", place, seen, "set grid.source_pu, which holds for all")
        )
    if rows.va_degree.nunique() > 1:
        problems.append(Problem("external grids at several angles", place, hint="give all the same va_degree"))
    if net.bus.vn_kv.loc[rows.bus].nunique() > 1:
        problems.append(Problem("external grids at several nominal voltages", place, hint="leave one in service"))
    return problems


def _load_problems(net: Any) -> list[Problem]:
    rows = net.load.loc[list(_in_service(net, "load"))]
    currents = (rows.const_i_p_percent != 0) | (rows.const_i_q_percent != 0)
    hint = "set const_i_p_percent and const_i_q_percent to 0, or split the load into constant power and impedance"
    return [
        Problem(
            f"{called(net, 'load', row)}loads of constant current are not supported", place(net, "load", row), hint=hint
        )
        for row in rows.index[currents][:5]
    ]


def _drop_generation(net: Any) -> list[str]:
    notes = []
    for table in _DROPPED:
        rows = list(_in_service(net, table))
        if rows:
            net[table].loc[rows, "in_service"] = False
            notes.append(f"{len(rows)} {table} of the net left out: generation and storage belong to the agents")
    return notes


def _impedance_shares(net: Any) -> tuple[ImpedanceShare, ...]:
    """Take the constant-impedance shares out of the loads in service."""
    rows = net.load.loc[list(_in_service(net, "load"))]
    share_p, share_q = rows.const_z_p_percent / 100.0, rows.const_z_q_percent / 100.0
    chosen = (share_p != 0) | (share_q != 0)
    if not chosen.any():
        return ()
    rows, share_p, share_q = rows[chosen], share_p[chosen], share_q[chosen]
    taken_mw, taken_mvar = rows.p_mw * share_p, rows.q_mvar * share_q
    net.load.loc[rows.index, "p_mw"] = rows.p_mw - taken_mw
    net.load.loc[rows.index, "q_mvar"] = rows.q_mvar - taken_mvar
    net.load.loc[rows.index, ["const_z_p_percent", "const_z_q_percent"]] = 0.0
    drawn = zip(rows.bus, taken_mw * rows.scaling, taken_mvar * rows.scaling, strict=True)
    return tuple(ImpedanceShare(int(bus), float(p), float(q)) for bus, p, q in drawn)


def _set_source(net: Any, source_pu: float | None) -> None:
    if source_pu is not None:
        net.ext_grid["vm_pu"] = float(source_pu)


def _set_band(net: Any, band_pu: tuple[float, float] | None) -> None:
    for column, default, given in zip(("min_vm_pu", "max_vm_pu"), BAND_PU, band_pu or (None, None), strict=True):
        if given is not None:
            net.bus[column] = float(given)
        else:
            net.bus[column] = net.bus[column].fillna(default).astype(float) if column in net.bus else default


def _set_ratings(net: Any, options: FeederOptions) -> None:
    if options.line_rating_a == "standard" or not len(net.line):
        return
    rating_a = inf if options.line_rating_a is None else float(options.line_rating_a)
    net.line["df"] = 1.0
    net.line["max_i_ka"] = rating_a / 1e3 / np.asarray(net.line.parallel, dtype=float)
