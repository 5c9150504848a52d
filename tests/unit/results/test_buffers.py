import numpy as np
import pytest

from marketsim.core.records import Reason
from marketsim.results.buffers import DealBuffer, SlotBuffer
from marketsim.results.table_columns import ElementNames, TableLayout, columns, schema
from marketsim.testing.random_records import random_record
from marketsim.testing.worlds import clock, community

TWO = ElementNames(("n0", "n1"), ("b0",), ("c0", "c1"), ("h0",))
OTHER = ElementNames(("m0", "m1"), ("d0",), ("e0", "e1"), ("g0",))


def deals(layout, records):
    buffer = DealBuffer(layout)
    for record in records:
        buffer.put(record)
    trades, rejects = buffer.take(len(records))
    return [{name: values.to_pylist() for name, values in table.items()} for table in (trades, rejects)]


def test_trades_name_agents_by_their_index_in_their_market():
    """Against a plain loop over the records of several slots and two markets."""
    who = community(5, n_markets=2)
    records = [random_record(who, clock(6), slot) for slot in range(6)]
    trades, _ = deals(TableLayout(who, 24), records)
    expected = [
        (slot, place, who.market[o.agent[b]], who.connection[o.agent[b]], who.connection[o.agent[s]], wh, ticks)
        for slot, (o, t) in enumerate((record.orders, record.trades) for record in records)
        for place, (b, s, wh, ticks) in enumerate(
            zip(t.buy_order, t.sell_order, t.energy_wh, t.price_ticks, strict=True)
        )
    ]
    names = ("slot", "sequence", "market", "buyer", "seller", "energy_wh", "price_ticks")
    assert list(zip(*(trades[name] for name in names), strict=True)) == expected
    assert expected


def test_rejects_have_null_where_the_utility_stands():
    who = community(8)
    records = [random_record(who, clock(6), slot) for slot in range(6)]
    _, rejects = deals(TableLayout(who, 24), records)
    sides = [side for record in records for side in record.rejects.buy_order]
    assert [buyer is None for buyer in rejects["buyer"]] == [side < 0 for side in sides]
    assert None not in rejects["seller"]


def refused(reason, element, market=0):
    """A record with one refusal."""
    who = community(2, n_markets=2)
    record = random_record(who, clock(1), 0)
    one = np.array([1])
    return record._replace(
        rejects=record.rejects._replace(
            buy_order=-one,
            sell_order=one * (2 * market),
            energy_wh=one,
            reason=one * reason,
            element=one * element,
            side=-one,
        )
    )


@pytest.mark.parametrize(
    ("reason", "element", "name"),
    [
        (Reason.UNDERVOLTAGE, 1, "n1"),
        (Reason.OVERVOLTAGE, 0, "n0"),
        (Reason.LINE_LOADING, 0, "b0"),
        (Reason.TRAFO_LOADING, 7, None),
        (Reason.CONNECTION_EXPORT, 1, "c1"),
        (Reason.HEAD_IMPORT, 0, "h0"),
        (Reason.PRICE_ABOVE_RETAIL, -1, None),
        (Reason.DIVERGED, 0, None),
    ],
)
def test_refused_energy_names_its_limiting_element(reason, element, name):
    layout = TableLayout(community(2, n_markets=2), 24, elements=(TWO,))
    _, rejects = deals(layout, [refused(reason, element)])
    assert rejects["reason"] == [reason.name.lower()]
    assert rejects["refused"] == ["seller"]
    assert rejects["element_name"] == [name]


def test_markets_may_have_elements_of_their_own():
    layout = TableLayout(community(2, n_markets=2), 24, elements=(TWO, OTHER))
    _, rejects = deals(layout, [refused(Reason.OVERVOLTAGE, 1, market=1), refused(Reason.OVERVOLTAGE, 1, market=0)])
    assert rejects["market"] == [1, 0]
    assert rejects["element_name"] == ["m1", "n1"]


def test_elements_may_share_a_name():
    """A lateral is called like the branch that it begins with: the name stands once in the column's dictionary."""
    shared = ElementNames(("n0", "n1"), ("b0",), ("n0", "c1"), ("b0",))
    buffer = DealBuffer(TableLayout(community(2, n_markets=2), 24, elements=(shared,)))
    for reason, element in ((Reason.HEAD_EXPORT, 0), (Reason.LINE_LOADING, 0), (Reason.CONNECTION_IMPORT, 1)):
        buffer.put(refused(reason, element))
    _, rejects = buffer.take(3)
    assert rejects["element_name"].to_pylist() == ["b0", "b0", "c1"]
    assert rejects["element_name"].dictionary.to_pylist() == ["n0", "n1", "b0", "c1"]


def test_element_names_fit_the_markets():
    with pytest.raises(ValueError, match="2 tables of element names for 3 markets"):
        DealBuffer(TableLayout(community(2, n_markets=3), 24, elements=(TWO, OTHER)))


def test_slots_without_trades_make_empty_tables():
    record = random_record(community(1), clock(1), 0)
    trades, rejects = deals(TableLayout(community(1), 24), [record, record])
    assert trades["slot"] == []
    assert rejects["slot"] == []


def test_a_slot_without_grid_or_trade_has_nulls():
    layout = TableLayout(community(1), 24)
    buffer = SlotBuffer(layout)
    buffer.put(random_record(community(1), clock(1), 0), {})
    row = {name: values.to_pylist()[0] for name, values in buffer.take(schema(columns(layout)["slots"]), 1).items()}
    assert row["trades"] == 0
    assert [row[name] for name in ("price_min_ticks", "price_max_ticks", "slack_wh", "wholesale_ticks")] == [None] * 4


def test_undeclared_and_missing_values_of_metrics_are_refused(small):
    buffer = SlotBuffer(small.layout)
    with pytest.raises(ValueError, match="undeclared columns for the table of slots: jain"):
        buffer.put(small.records[0], {"ftg": 1.0, "p2p_wh": 1, "jain": 0.5})
    with pytest.raises(KeyError, match="p2p_wh"):
        buffer.put(small.records[0], {"ftg": 1.0})
