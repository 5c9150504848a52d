"""A settlement of one's own: everybody pays a fee for each kWh imported, which the operator receives."""

import numpy as np

import marketsim as ms
from marketsim.core.records import LedgerLine
from marketsim.market.settlement import settle


class FeeParams(ms.Params):
    fee: float = 0.01
    """[currency/kWh]."""


def build(params, context):
    fee_ticks = round(params.fee * 1e6)

    def with_fee(community, trades, orders, exchange, tariffs):
        ledger = settle(community, trades, orders, exchange, tariffs)
        fees = exchange.import_wh * fee_ticks
        money, operator = ledger.money.copy(), ledger.operator.copy()
        money[LedgerLine.NETWORK_CHARGES] += fees
        np.subtract.at(operator, community.market, fees)
        return ledger._replace(money=money, operator=operator)

    return with_fee


@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="settlement", name="with_fee", build=build, params=FeeParams)
