import cvxpy as cp
import numpy as np


def prosumer(state):
    """A prosumer with pv, generator, curtailable."""
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

    generator_kw = cp.Variable(slots)
    constraints += [generator_kw >= 0.0, generator_kw <= 400.0]
    cost = cost + hours * (0.0 * cp.sum_squares(generator_kw) + 0.17 * cp.sum(generator_kw))
    injected = injected + generator_kw

    curtailed_kw = cp.Variable(slots, nonneg=True)
    constraints += [curtailed_kw <= 0.2 * state["load_kw"]]
    cost = cost + hours * 0.4 * cp.sum(curtailed_kw)
    injected = injected + curtailed_kw

    constraints += [buy - sell + p2p_kw + injected == 0]
    return {"objective": cost, "constraints": constraints, "p2p_kw": p2p_kw, "pv_kw": pv_kw, "generator_kw": generator_kw, "curtailed_kw": curtailed_kw}
