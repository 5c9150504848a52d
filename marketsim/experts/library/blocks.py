"""The blocks of a reviewed expert, as they stand in its code; a name in braces is a number of the model.

Each adds a device to ``constraints`` and ``cost``, and what it injects to ``injected`` [kW]. All of it is code that the
allow-list of the sandbox has.
"""

from __future__ import annotations

from typing import Final

HEAD: Final = '''import cvxpy as cp
import numpy as np


def prosumer(state):
    """{title}."""
    slots, hours = len(state["load_kw"]), state["slot_hours"]
    buy = cp.Variable(slots, nonneg=True)
    sell = cp.Variable(slots, nonneg=True)
    p2p_kw = cp.Variable(slots)
    constraints = []
    cost = hours * cp.sum(cp.multiply(state["buy_price"], buy) - cp.multiply(state["sell_price"], sell))
    injected = -state["load_kw"]
'''
PV: Final = """
    pv_kw = cp.Variable(slots, nonneg=True)
    constraints += [pv_kw <= state["pv_available_kw"]]
    injected = injected + pv_kw
"""
ALL_PV: Final = """
    pv_kw = cp.Variable(slots, nonneg=True)
    constraints += [pv_kw == state["pv_available_kw"]]
    injected = injected + pv_kw
"""
GENERATOR: Final = """
    generator_kw = cp.Variable(slots)
    before_kw = cp.hstack([state["generator_kw"], generator_kw[:-1]])
    constraints += [generator_kw >= {min_kw}, generator_kw <= {max_kw}]{ramp}
    cost = cost + hours * ({quadratic_cost} * cp.sum_squares(generator_kw) + {cost_per_kwh} * cp.sum(generator_kw))
    injected = injected + generator_kw
"""
RAMP: Final = """
    constraints += [cp.abs(generator_kw - before_kw) <= {ramp_kw_per_h} * hours]"""
BATTERY: Final = """
    charge = cp.Variable(slots, nonneg=True)
    discharge = cp.Variable(slots, nonneg=True)
    stored = cp.Variable(slots + 1)
    constraints += [charge <= {power_kw}, discharge <= {power_kw}]
    constraints += [stored[0] == state["stored_kwh"], stored[1:] >= {low_kwh}, stored[1:] <= {high_kwh}]
    constraints += [stored[1:] == stored[:-1] + hours * ({efficiency_in} * charge - discharge / {efficiency_out})]
    over = stored[slots] - {end_kwh}
    cost = cost + cp.maximum(-{spare_price} * over, -{missing_price} * over)
    cost = cost + hours * ({wear} * cp.sum(charge + discharge) + 2e-5 * (cp.sum_squares(charge) + cp.sum_squares(discharge)))
    battery_kw = discharge - charge
    injected = injected + battery_kw
"""
CURTAILABLE: Final = """
    curtailed_kw = cp.Variable(slots, nonneg=True)
    constraints += [curtailed_kw <= {share} * state["load_kw"]]
    cost = cost + hours * {cost_per_kwh} * cp.sum(curtailed_kw)
    injected = injected + curtailed_kw
"""
WISH: Final = """
    # {words}
    wanted = np.array([{holds} for hour in state["hour"]])
    cost = cost + {weight} * hours * cp.sum(cp.multiply(wanted, cp.pos({missed})))
"""
TAIL: Final = """
    constraints += [buy - sell + p2p_kw + injected == 0]
    return {{"objective": cost, "constraints": constraints, "p2p_kw": p2p_kw, {series}}}
"""
