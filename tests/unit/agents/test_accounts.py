"""Running totals of money stay exact."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from marketsim.agents.accounts import Account
from marketsim.core.units import MONEY_PER_CURRENCY

AMOUNTS = st.lists(st.integers(-(2**61), 2**61), min_size=1, max_size=40)


@given(AMOUNTS)
def test_totals_are_exact_beyond_64_bits(amounts):
    """A balance is the sum of whole numbers, however large it grows and whatever its sign."""
    account = Account(1)
    for amount in amounts:
        account.add(np.array([amount]))
    assert account.money(0) == sum(amounts)
    assert account.currency(0) == sum(amounts) / MONEY_PER_CURRENCY


def test_accounts_do_not_mix():
    account = Account(2)
    account.add(np.array([5, -7]))
    account.add(np.array([1, -1]))
    assert [account.money(row) for row in (0, 1)] == [6, -8]
