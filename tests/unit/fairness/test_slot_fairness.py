"""Scores of a record: what enters them, and what a batch of markets must not change."""

import numpy as np
import pytest

from marketsim.core.records import Reason
from marketsim.fairness.measures_kernel import SCORE_NAMES
from marketsim.fairness.slot import measure, refused_sales_wh
from marketsim.testing.records import Deal, Fleet, Refusal, slot_record
from marketsim.testing.worlds import community

FIRST = {"load_wh": [0, 0, 80], "pv_wh": [60, 40, 0], "deals": [Deal(2, 0, 30, 100_000), Deal(2, 1, 40, 200_000)]}
SECOND = {"load_wh": [0, 90, 10], "pv_wh": [50, 0, 0], "deals": [Deal(2, 0, 10, 150_000), Deal(1, 0, 20, 90_000)]}


def scores(**options):
    people = community(len(options["load_wh"]))
    return measure(slot_record(people, **options), people)


def test_scores_are_those_of_the_measures():
    found = scores(**FIRST)
    assert found.tradable_wh.tolist() == [80]
    assert found.score("ftg")[0] == pytest.approx(70 / 80)
    assert found.score("fbs_deviation")[0] == pytest.approx(1 - (12 + 12) / (2 * 0.7 * 0.3 * 100))
    assert found.score("jain_fill")[0] == pytest.approx(1.5**2 / (2 * 1.25))
    assert np.isnan(found.score("ftb")[0])


def test_a_slot_without_potential_has_no_scores():
    found = scores(load_wh=[10, 20], pv_wh=[0, 0])
    assert found.tradable_wh.tolist() == [0]
    assert np.isnan(found.scores).all()


def test_nobody_trading_scores_zero():
    found = scores(load_wh=[0, 0, 80], pv_wh=[60, 40, 0])
    assert found.score("ftg")[0] == found.score("fbs")[0] == 0.0
    assert np.isnan([found.score(name)[0] for name in ("fbs_deviation", "ftb", "fpp", "price_neutrality")]).all()


def test_a_market_scores_alike_alone_and_in_a_batch():
    alone = [scores(**FIRST).scores[:, 0], scores(**SECOND).scores[:, 0]]
    people = community(3, 2)
    moved = [deal._replace(buyer=deal.buyer + 3, seller=deal.seller + 3) for deal in SECOND["deals"]]
    mixed = [moved[0], *FIRST["deals"], moved[1]]
    record = slot_record(people, FIRST["load_wh"] + SECOND["load_wh"], FIRST["pv_wh"] + SECOND["pv_wh"], deals=mixed)
    assert np.array_equal(measure(record, people).scores, np.stack(alone, axis=1), equal_nan=True)


def test_every_score_has_a_row():
    assert scores(**FIRST).scores.shape == (len(SCORE_NAMES), 1)


def test_what_the_grid_refused_leaves_the_market_measure():
    refusals = [Refusal(2, 0, 30, Reason.OVERVOLTAGE)]
    found = scores(**FIRST, refusals=refusals)
    assert found.score("fbs")[0] == scores(**FIRST).score("fbs")[0]
    assert np.isnan(found.score("fbs_market")[0])  # what can reach the market is wanted: nobody is rationed
    fewer = scores(**FIRST, refusals=[Refusal(2, 0, 10, Reason.OVERVOLTAGE)])
    assert fewer.score("fbs_market")[0] == pytest.approx(1 - (50 * 80 / 90 - 30) / 80 / (1 - 50 / 90))


@pytest.mark.parametrize(
    ("refusal", "counted"),
    [
        (Refusal(2, 0, 7, Reason.OVERVOLTAGE), 7),
        (Refusal(2, 0, 7, Reason.ROLLED_BACK), 7),
        (Refusal(None, 0, 7, Reason.ALLOCATION), 7),
        (Refusal(None, 0, 7, Reason.OVERVOLTAGE), 0),
        (Refusal(2, 0, 7, Reason.PRICE_ABOVE_RETAIL), 0),
        (Refusal(None, 0, 7, Reason.EXCEEDS_POSITION), 0),
        (Refusal(2, None, 7, Reason.UNDERVOLTAGE), 0),
    ],
)
def test_only_refused_sales_to_peers_count(refusal, counted):
    record = slot_record(community(3), **FIRST, refusals=[refusal])
    assert refused_sales_wh(record, 3).tolist() == [counted, 0, 0]


def test_a_store_is_not_scored_on_both_sides():
    battery = Fleet([-50, 0, 0], [50, 0, 0], marginal_ticks=120_000)
    found = scores(load_wh=[0, 0, 80], pv_wh=[0, 40, 0], fleets=[battery])
    assert found.available.supply_wh.tolist() == [50, 40, 0]
    assert found.available.demand_wh.tolist() == [0, 0, 80]
