"""Conversions are exact where they can be, and rounded as documented where not."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.core import units


@pytest.mark.parametrize(
    ("kwh", "wh"), [(0.0, 0), (1.0, 1_000), (0.0005, 0), (0.0015, 2), (-2.5, -2_500), (1e6, 10**9)]
)
def test_energy_rounds_half_to_even(kwh: float, wh: int) -> None:
    """Half a Wh goes to the even neighbour, so that rounding has no drift."""
    assert units.to_wh(kwh) == wh


def test_money_is_the_product_of_two_integers() -> None:
    """Wh x ticks are money units: 2 kWh at 0.30 are 0.60 currency exactly."""
    money = units.to_wh(2.0) * units.to_ticks(0.30)
    assert money == 600_000_000
    assert units.to_currency(money) == 0.6


def test_prices_survive_the_round_trip() -> None:
    """Every price with six decimals is a whole number of ticks."""
    prices = np.arange(0, 1_000_000, 7_919) / 1e6
    np.testing.assert_array_equal(units.to_price(units.to_ticks(prices)), prices)
