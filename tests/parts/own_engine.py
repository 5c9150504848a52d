"""An engine of one's own: each order in turn takes the oldest order of the other side that its limit admits, once."""

import numpy as np

import marketsim as ms
from marketsim.core.records import MOVES_SINK, MOVES_SOURCE, Rejects, Side, Trades


class FirstMatch:
    name, rounds = "first_match", 1

    def match(self, orders, gate, tariffs, pair_ticks=None):
        left, rows = orders.energy_wh - orders.firm_wh, []
        for new in range(orders.size):
            for old in range(new):
                buy, sell = (new, old) if orders.side[new] == Side.BUY else (old, new)
                apart = orders.side[new] != orders.side[old] and orders.agent[new] != orders.agent[old]
                if orders.market[new] != orders.market[old] or not apart or min(left[new], left[old]) <= 0:
                    continue
                if orders.firm_wh[new] or orders.firm_wh[old] or orders.price_ticks[buy] < orders.price_ticks[sell]:
                    continue
                wh, price = int(min(left[new], left[old])), int(orders.price_ticks[old])
                source, sink = int(orders.connection[sell]), int(orders.connection[buy])
                wh, _, _ = gate.admit(int(orders.market[new]), source, sink, wh)
                if wh:
                    left[[new, old]] -= wh
                    rows.append((buy, sell, wh, price, price, price, MOVES_SOURCE | MOVES_SINK))
        table = np.array(rows, dtype=np.int64).reshape(-1, len(Trades._fields))
        return Trades(*table.T), Rejects(*np.zeros((len(Rejects._fields), 0), dtype=np.int64))


@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="engine", name="first_match", build=lambda params, context: FirstMatch())
