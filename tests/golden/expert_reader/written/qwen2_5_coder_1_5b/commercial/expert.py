import cvxpy as cp
import numpy as np


def prosumer(state):
    """A prosumer with pv, battery, curtailable."""
    slots, hours = len(state["load_kw"]), state["slot_hours"]
    buy = cp.Variable(slots, nonneg=True)
    sell = cp.Variable(slots, nonneg=True)
    p2p_kw = cp.Variable(slots)
    constraints = []
    cost = hours * cp.sum(cp.multiply(state["buy_price"], buy) - cp.multiply(state["sell_price"], sell))
    injected = -state["load_kw"]

    pv_kw = cp.Variable(slots, nonneg=True)
    constraints += [pv_kw <= state["pv_available_kw"]]
    injected = injected + pv_kw

    charge = cp.Variable(slots, nonneg=True)
    discharge = cp.Variable(slots, nonneg=True)
    stored = cp.Variable(slots + 1)
    constraints += [charge <= 150.0, discharge <= 150.0]
    constraints += [stored[0] == state["stored_kwh"], stored[1:] >= 30.0, stored[1:] <= 270.0]
    constraints += [stored[1:] == stored[:-1] + hours * (0.95 * charge - discharge / 0.95)]
    over = stored[slots] - 150.0
    cost = cost + cp.maximum(-0.133 * over, -0.2105263157894737 * over)
    cost = cost + hours * (0.01 * cp.sum(charge + discharge) + 2e-5 * (cp.sum_squares(charge) + cp.sum_squares(discharge)))
    battery_kw = discharge - charge
    injected = injected + battery_kw

    curtailed_kw = cp.Variable(slots, nonneg=True)
    constraints += [curtailed_kw <= 0.15 * state["load_kw"]]
    cost = cost + hours * 0.4 * cp.sum(curtailed_kw)
    injected = injected + curtailed_kw

    constraints += [buy - sell + p2p_kw + injected == 0]
    return {"objective": cost, "constraints": constraints, "p2p_kw": p2p_kw, "pv_kw": pv_kw, "battery_kw": battery_kw, "curtailed_kw": curtailed_kw}
