"""Rows of the tables that kernels make and their callers take apart, by name; the names are those of the records' fields.

A table of records is int64 [fields, n]. Numba takes a module's numbers as constants, those of a record's class it looks up
anew at each access, so they stand here; a test compares them with the records.
"""

from __future__ import annotations

# Orders
ORDER_MARKET, ORDER_AGENT, ORDER_CONNECTION, ORDER_SIDE, ORDER_PRICE_TICKS = range(5)
ORDER_ENERGY_WH, ORDER_FIRM_WH, ORDER_COMPONENT, ORDER_FALLBACK, ORDER_LIMIT_TICKS = range(5, 10)
N_ORDER = 10

# Trades
TRADE_BUY_ORDER, TRADE_SELL_ORDER, TRADE_ENERGY_WH, TRADE_PRICE_TICKS = range(4)
TRADE_BUYER_TICKS, TRADE_SELLER_TICKS, TRADE_MOVES = range(4, 7)
N_TRADE = 7

# Rejects
REJECT_BUY_ORDER, REJECT_SELL_ORDER, REJECT_ENERGY_WH, REJECT_REASON, REJECT_ELEMENT, REJECT_SIDE = range(6)
N_REJECT = 6

# Legs of a strategy
LEG_AGENT, LEG_SIDE, LEG_COMPONENT, LEG_ENERGY_WH, LEG_VALUE_TICKS, LEG_BOUND_TICKS, LEG_FALLBACK = range(7)
N_LEG = 7

# DeviceRange, but for the level
RANGE_LO_WH, RANGE_FIRM_WH, RANGE_HI_WH = range(3)

# Observations: integers, and floats
SEEN_MARKET, SEEN_CONNECTION, SEEN_RETAIL_TICKS, SEEN_FEED_IN_TICKS = range(4)
SEEN_LOAD_WH, SEEN_PV_WH, SEEN_LAST_PRICE_TICKS = range(4, 7)
N_SEEN = 7
KNOWN_LAST_FILL, KNOWN_LAST_REFUSED, KNOWN_VOLTAGE_PU = range(3)
N_KNOWN = 3
