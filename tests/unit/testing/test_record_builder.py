"""The builder of records: what it makes is what a slot would have made."""

import numpy as np
import pytest

from marketsim.core.errors import LawBroken
from marketsim.core.laws import energy_imbalance_wh, money_imbalance
from marketsim.core.records import FIRM, PV, Reason
from marketsim.testing.records import Deal, Fleet, Refusal, slot_record
from marketsim.testing.worlds import community

PEOPLE = community(2)


def test_what_is_not_traded_goes_to_the_utility():
    record = slot_record(PEOPLE, [0, 500], [800, 0], deals=[Deal(1, 0, 300, 150_000)])
    assert record.exchange.import_wh.tolist() == [0, 200]
    assert record.exchange.export_wh.tolist() == [500, 0]
    assert not energy_imbalance_wh(record).any()
    assert money_imbalance(record) == 0


def test_without_exports_surplus_is_curtailed():
    record = slot_record(PEOPLE, [0, 500], [800, 0], exports=False)
    assert record.exchange.curtailed_wh.tolist() == [800, 0]


def test_orders_stand_for_all_firm_and_pv_energy():
    orders = slot_record(PEOPLE, [0, 500], [800, 0]).orders
    assert orders.component.tolist() == [PV, FIRM]
    assert orders.energy_wh.tolist() == [800, 500]


def test_fleets_run_their_dispatch_and_their_deals():
    battery = Fleet([-100, 0], [0, 0], dispatch_wh=[-30, 0])
    deals = [Deal(0, 1, 20, 150_000, buys=0)]
    record = slot_record(PEOPLE, [0, 0], [40, 60], fleets=[battery], deals=deals)
    assert record.energy.device_wh.tolist() == [[-50, 0]]
    assert record.positions.surplus_wh.tolist() == [10, 60]


def test_refusals_name_their_orders():
    record = slot_record(PEOPLE, [0, 500], [800, 0], refusals=[Refusal(1, 0, 7, Reason.OVERVOLTAGE)])
    assert record.orders.agent[record.rejects.buy_order].tolist() == [1]
    assert record.orders.agent[record.rejects.sell_order].tolist() == [0]


def test_a_deal_with_oneself_breaks_a_law():
    car = Fleet([-100, 0], [0, 0], stores=False)
    with pytest.raises(LawBroken, match="nobody trades with itself"):
        slot_record(PEOPLE, [0, 0], [40, 0], fleets=[car], deals=[Deal(0, 0, 20, 150_000, buys=0)])


def test_selling_more_than_there_is_breaks_a_law():
    with pytest.raises(LawBroken):
        slot_record(PEOPLE, [0, 500], [80, 0], deals=[Deal(1, 0, 300, 150_000)])


def test_without_a_grid_the_source_supplies_the_rest():
    grid = slot_record(PEOPLE, [0, 500], [800, 0]).grid
    assert np.array_equal(grid.slack_wh, [-300.0])
    assert grid.v_pu.shape == (1, 0)
