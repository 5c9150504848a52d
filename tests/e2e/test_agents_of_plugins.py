"""Agents of the simple form through whole runs: what they leave, what they ask for wrongly, what the market refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import marketsim as ms
from marketsim.core.errors import RunError

PLUGIN = """\
import marketsim as ms


class Own(ms.Prosumer):
    def decide(self, view):
        {body}


@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="agent", name="own", build=lambda params, context: Own, summary="test")
"""


def run_of(folder: Path, body: str, **changes: Any) -> ms.Run:
    (folder / "own.py").write_text(PLUGIN.format(body=body))
    return ms.simulate(
        {
            "name": "own",
            "folder": str(folder),
            "plugins": ["own.py"],
            "clock": {"start": "2016-07-12", "slots": 24, "slot_minutes": 60},
            "tariff": {"flat": {"retail": 0.3, "feed_in": 0.08}},
            "profiles": {"source": "synthetic"},
            "agents": [
                {"name": "o", "kind": "own", "load": {"annual_kwh": 3000.0}, "pv_kw": 6.0},
                {"name": "c", "kind": "consumer", "load": {"annual_kwh": 3000.0}},
            ],
            **changes,
        }
    )


@pytest.mark.parametrize("body", ["return [view.buy(view.demand_kwh, view.retail)]", "return []"])
def test_pv_that_is_not_ordered_is_exported(body: str, tmp_path: Path) -> None:
    """An owner that only buys, or does nothing, loses none of its PV and sells none to peers."""
    own = run_of(tmp_path, body).frame("agents", raw=True).query("name == 'o'")
    assert own.surplus_wh.sum() > 10_000
    assert own.curtailed_wh.sum() == 0
    assert own.export_wh.sum() == own.surplus_wh.sum()
    assert own.sold_wh.sum() == 0


def test_what_is_offered_to_keep_is_not_exported_and_the_rest_is(tmp_path: Path) -> None:
    body = "return [view.sell(view.surplus_kwh / 2, view.retail, fallback='keep')]"
    own = run_of(tmp_path, body, agents=[{"name": "o", "kind": "own", "load": {"annual_kwh": 3000.0}, "pv_kw": 6.0}])
    table = own.frame("agents", raw=True)
    np.testing.assert_allclose(table.export_wh, table.surplus_wh / 2, atol=1)
    np.testing.assert_allclose(table.curtailed_wh, table.surplus_wh / 2, atol=1)


def test_a_series_that_there_is_none_of_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(RunError) as caught:
        run_of(tmp_path, "view.forecast('pv', 4)")
    message = str(caught.value)
    assert "agent 'o' of kind 'own'" in message
    assert "own.py:6)" in message
    assert "there is no series 'pv' to forecast; there are load_kvar, load_kw, pv_kw, sunny" in message


def test_orders_refused_for_their_price_are_told_once_for_each_reason(tmp_path: Path) -> None:
    """Prices in cents: one line says how many orders of which kind were refused, and why."""
    body = "return [view.sell(view.surplus_kwh, 20.0), view.buy(view.demand_kwh, 0.01)]"
    run = run_of(tmp_path, body)
    above = int((run.frame("rejects", raw=True).reason == "price_above_retail").sum())
    below = int((run.frame("rejects", raw=True).reason == "price_below_feed_in").sum())
    assert min(above, below) > 0
    assert run.manifest["refused_orders"] == [
        f"{below} orders of own refused: price below the feed-in tariff",
        f"{above} orders of own refused: price above retail",
    ]


def test_nothing_is_told_where_nothing_was_refused(tmp_path: Path) -> None:
    assert "refused_orders" not in run_of(tmp_path, "return None").manifest
