"""``ms.fairness_scores``: the measures of one slot from a user's own table."""

import numpy as np
import pandas as pd
import pytest

import marketsim as ms
from marketsim.core.errors import InputError
from marketsim.fairness.measures_kernel import SCORE_NAMES

PRICES = {"retail": 0.30, "feed_in": 0.10}


def table(**changes):
    columns = {
        "agent": ["north", "south", "flat", "shop"],
        "side": ["sell", "sell", "buy", "buy"],
        "available_kwh": [6.0, 2.0, 1.0, 3.0],
        "traded_kwh": [2.0, 1.0, 1.0, 2.0],
        "price": [0.20, 0.15, 0.15, 0.20],
    }
    return pd.DataFrame(columns | changes)


def test_the_scores_of_a_hand_computed_slot():
    """Entitled to 3 and 1 of 4 kWh, sold 2 and 1: short by 1 of 4, at most 1 - 6/8."""
    found = ms.fairness_scores(table(), **PRICES)
    assert found["ftg"] == found["ftg_demand"] == 0.75
    assert found["fbs"] == 0.0
    assert found["ftb"] is None
    mean = (2 * 0.20 + 0.15) / 3
    spread = ((2 * (0.20 - mean) ** 2 + (0.15 - mean) ** 2) / 3) ** 0.5
    assert found["fpp"] == pytest.approx(1 - 2 * spread / 0.20)
    assert found["price_neutrality"] == pytest.approx(1 - (0.20 - mean) / 0.10)


def test_the_names_are_those_of_the_kpis():
    assert set(ms.fairness_scores(table(), **PRICES)) == set(SCORE_NAMES) - {"fbs_market"}


def test_a_mapping_of_lists_is_a_table():
    assert ms.fairness_scores(table().to_dict("list"), **PRICES) == ms.fairness_scores(table(), **PRICES)


def test_undefined_is_none():
    """Enough for all: sellers are not rationed; buyers share 8 of 12 kWh in proportion."""
    found = ms.fairness_scores(
        table(available_kwh=[6, 2, 3, 9], traded_kwh=[6, 2, 2, 6], price=[0.2, 0.2, 0.2, 0.2]), **PRICES
    )
    assert found["fbs"] is None
    assert found["ftb"] == 1.0
    assert set(ms.fairness_scores(table().iloc[:2], **PRICES).values()) == {None}
    assert set(ms.fairness_scores(table().iloc[:0], **PRICES).values()) == {None}


@pytest.mark.parametrize("nothing", [None, float("nan"), "", 1e99, -3])
def test_a_price_is_ignored_where_nothing_is_traded(nothing):
    idle = table(traded_kwh=[2, 0, 0, 2], price=[0.2, nothing, nothing, 0.2])
    assert ms.fairness_scores(idle, **PRICES)["fpp"] == 1.0


def test_an_agent_may_stand_on_both_sides():
    both = {
        "agent": ["a", "a", "b"],
        "side": [-1, 1, 1],
        "available_kwh": [4, 3, 2],
        "traded_kwh": [2, 0, 2],
        "price": [0.2] * 3,
    }
    assert ms.fairness_scores(both, **PRICES)["ftg"] == 1.0  # nobody sells to itself


@pytest.mark.parametrize("unit", [1e-10, 1e-3, 1.0, 1e4, 1e8])
def test_scores_do_not_depend_on_the_size_of_energies(unit):
    sized = table(available_kwh=np.array([6, 2, 1, 3]) * unit, traded_kwh=np.array([2, 1, 1, 2]) * unit)
    found, wanted = ms.fairness_scores(sized, **PRICES), ms.fairness_scores(table(), **PRICES)
    for name, score in wanted.items():
        assert found[name] == pytest.approx(score, abs=1e-6), name


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"side": ["sell", "sell", "purchase", "buy"]}, "side: row 2: is no side"),
        ({"available_kwh": [6, -2, 1, 3]}, "available_kwh: row 1: is negative (got -2"),
        ({"traded_kwh": [2, float("nan"), 1, 2]}, "traded_kwh: row 1: is no finite number"),
        ({"price": [0.2, None, 0.15, 0.2]}, "price: row 1: is no finite number (got nan)"),
        ({"price": [0.2, "dear", 0.15, 0.2]}, "price: row 1: is no finite number (got 'dear')"),
        ({"agent": ["north", "north", "flat", "shop"]}, "agent: row 1: agent and side have a row already"),
        ({"agent": ["north", None, "flat", "shop"]}, "agent: row 1: names nobody"),
        ({"agent": ["north", pd.NA, "flat", "shop"]}, "agent: row 1: names nobody"),
        ({"agent": ["north", {}, "flat", "shop"]}, "agent: row 1: names nobody"),
        ({"side": ["sell", pd.NA, "buy", "buy"]}, "side: row 1: is no side"),
        ({"side": [True, True, False, False]}, "side: row 0: is no side"),
        ({"available_kwh": [True] * 4}, "available_kwh: row 0: is no finite number"),
        ({"available_kwh": [6 + 1j, 2, 1, 3]}, "available_kwh: row 0: is no finite number"),
    ],
)
def test_what_is_wrong_is_told_with_its_row(changes, words):
    with pytest.raises(InputError) as raised:
        ms.fairness_scores(table(**changes), **PRICES)
    assert words in str(raised.value)


def test_every_wrong_row_is_told():
    with pytest.raises(InputError) as raised:
        ms.fairness_scores(table(available_kwh=[-1, -2, 1, 3], side=["sell", "x", "buy", "y"]), **PRICES)
    assert len(raised.value.problems) == 4


@pytest.mark.parametrize("prices", [(0.1, 0.3), (float("nan"), 0.1), ("0.3", 0.1), (1e9, 0.1)])
def test_tariffs_are_checked(prices):
    with pytest.raises(InputError, match="prices must be feed_in <= retail"):
        ms.fairness_scores(table(), retail=prices[0], feed_in=prices[1])


@pytest.mark.parametrize("what", [None, [1, 2], "orders.csv"])
def test_what_is_no_table_is_refused(what):
    with pytest.raises(InputError, match="must be a table with columns"):
        ms.fairness_scores(what, **PRICES)


def test_a_missing_column_is_named():
    with pytest.raises(InputError, match="available_kwh"):
        ms.fairness_scores(table().drop(columns="available_kwh"), **PRICES)


def test_the_largest_amounts_that_are_taken_overflow_nothing():
    """One price, so no spread, however large it is."""
    rows = {
        "agent": [1, 2, 3],
        "side": [-1, -1, 1],
        "available_kwh": [1e9] * 3,
        "traded_kwh": [5e8, 5e8, 1e9],
        "price": [9e5] * 3,
    }
    found = ms.fairness_scores(rows, retail=1e6, feed_in=0.0)
    assert (found["fpp"], found["fpp_range"], found["fbs"]) == (1.0, 1.0, 1.0)
    assert found["price_neutrality"] == pytest.approx(0.2)
