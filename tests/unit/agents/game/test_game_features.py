"""What learning agents see is scaled, finite and their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import marketsim as ms
from marketsim.agents.game.features import BOUND, Ratings, feature_names, scaling
from marketsim.app.game import build_game

SCENARIOS = Path(__file__).resolve().parents[4] / "scenarios"
RATINGS = Ratings(np.array([True, False]), np.array([2.0, 0.0]), np.array([4.0, 0.0]), 0.30)


def test_only_what_means_something_is_seen():
    plain = feature_names(stores=False, grid=False, ratings=False)
    assert not {"charge_level", "voltage_pu", "last_refused", "pv_rating"} & set(plain)
    assert {
        "load_kw",
        "pv_kw",
        "surplus_kw",
        "retail",
        "hour_sin",
        "weekday",
        "sunny",
        "last_fill",
        "last_price",
    } <= set(plain)
    every = feature_names(stores=True, grid=True, ratings=True)
    assert set(plain) < set(every)
    assert {"charge_level", "voltage_pu", "last_refused", "is_prosumer", "load_rating", "pv_rating"} <= set(every)


def test_scales_are_finite_where_an_agent_has_nothing():
    found = scaling(feature_names(stores=True, grid=True, ratings=True), RATINGS)
    assert np.isfinite(found.offset).all()
    assert np.isfinite(found.factor).all()


@pytest.mark.parametrize(
    ("name", "value", "scaled"),
    [
        ("load_kw", 2.0, 1.0),
        ("pv_kw", 2.0, 0.5),
        ("surplus_kw", -4.0, -1.0),
        ("load_ahead_1_kw", 1.0, 0.5),
        ("retail", 0.30, 1.0),
        ("weekday", 6.0, 1.0),
        ("sunny", 0.0, -1.0),
        ("last_fill", 0.5, 0.0),
        ("voltage_pu", 0.95, -1.0),
        ("is_prosumer", 0.0, 1.0),
        ("pv_rating", 0.0, 1.0),
        ("hour_sin", -1.0, -1.0),
    ],
)
def test_scaling_by_hand(name, value, scaled):
    """Of the first agent: 2 kW of load, 4 kW of PV, the largest of its community."""
    found = scaling((name,), RATINGS)
    assert (value - found.offset[0, 0]) * found.factor[0, 0] == pytest.approx(scaled)


def test_a_day_is_seen_as_it_was():
    """Against the record of each slot: own load and PV, the forecast of the next hour, the last price; all bounded."""
    ready = ms.load_scenario(SCENARIOS / "pilot.yaml", {"profiles.forecast": "perfect"})
    game = build_game(ready, markets=2, rounds=1)
    seen, _ = game.reset(3)
    names, layout = game.layout.features, game.layout
    rng = np.random.default_rng(0)

    def natural(features: np.ndarray, name: str) -> np.ndarray:
        column = names.index(name)
        return features[:, :, column] / layout.factor[:, column] + layout.offset[:, column]

    for _ in range(game.shape.slots):
        assert seen.dtype == np.float32
        assert np.isfinite(seen).all()
        assert (np.abs(seen) <= BOUND).all()
        before, price = seen, None
        seen = game.step(rng.integers(0, 5, (2, 8, 2))).seen
        record = game.record
        load = record.inputs.load_wh.reshape(2, 8) / 1000.0
        clipped = np.abs(before[:, :, names.index("load_kw")]) >= BOUND
        np.testing.assert_allclose(natural(before, "load_kw")[~clipped], load[~clipped], atol=2e-6)
        ahead = natural(before, "load_ahead_0_kw")
        inside = (np.abs(seen[:, :, names.index("load_kw")]) < BOUND) & (np.abs(ahead - 0) < 1e9) & ~clipped
        whole = natural(seen, "load_kw")
        np.testing.assert_allclose(ahead[inside], whole[inside], atol=1.1e-3)  # metered in whole Wh
        for market in range(2):
            own = record.trades.energy_wh[record.orders.market[record.trades.buy_order] == market]
            if own.size:
                traded = record.trades.price_ticks[record.orders.market[record.trades.buy_order] == market]
                price = int((traded * own).sum() // own.sum())
                share = natural(seen, "last_price")[market, 0]
                assert share == pytest.approx((price - 80_000) / 220_000, abs=1e-6)
