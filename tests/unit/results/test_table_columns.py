import pytest

from marketsim.core.errors import PluginError
from marketsim.core.metric import Kpi
from marketsim.core.records import LedgerLine
from marketsim.results.table_columns import (
    LEDGER_COLUMNS,
    MONEY,
    TABLES,
    TICKS,
    WH,
    TableLayout,
    columns,
    no_rows,
    schema,
)
from marketsim.testing.worlds import community

LAYOUT = TableLayout(community(2), 24, ("battery", "ev"), (Kpi("ftg", "-", "Score."),), voltages=True)


def test_every_column_is_unique_and_explained():
    for name, table in columns(LAYOUT).items():
        names = [column.name for column in table]
        assert len(set(names)) == len(names), name
        assert all(column.text.endswith(".") and column.unit for column in table)


def test_suffixes_tell_the_unit():
    """What ends in _wh, _ticks or _money is counted in exactly that; frames rely on it."""
    units = {"_wh": WH, "_ticks": TICKS, "_money": MONEY}
    for table in columns(LAYOUT).values():
        for column in table:
            for suffix, unit in units.items():
                assert column.name.endswith(suffix) == (column.unit == unit), column.name


def test_the_table_of_voltages_is_optional():
    assert tuple(columns(LAYOUT)) == TABLES
    assert "voltages" not in columns(TableLayout(community(2), 24))


def test_a_line_of_the_bill_is_a_column():
    shared = TableLayout(community(2), 24, sharing=True)
    assert [name.removesuffix("_money") for name in shared.ledger_columns] == [line.name.lower() for line in LedgerLine]


def test_the_line_of_sharing_is_there_only_where_costs_are_shared():
    """It stands behind the others and before the sum; without it the table is what it was."""
    plain, shared = (
        [column.name for column in columns(TableLayout(community(2), 24, sharing=sharing))["agents"]]
        for sharing in (False, True)
    )
    assert TableLayout(community(2), 24).ledger_columns == LEDGER_COLUMNS
    assert shared[shared.index("exports_money") : shared.index("paid_money")] == ["exports_money", "sharing_money"]
    assert [name for name in shared if name != "sharing_money"] == plain


def test_each_fleet_has_its_columns():
    names = [column.name for column in columns(LAYOUT)["agents"]]
    for fleet in ("battery", "ev"):
        assert {f"{fleet}_wh", f"{fleet}_unserved_wh", f"{fleet}_level"} <= set(names)


def test_unit_and_meaning_travel_with_the_field():
    field = schema(columns(LAYOUT)["trades"]).field("energy_wh")
    assert field.metadata == {b"unit": b"Wh", b"text": b"Energy traded."}
    assert not field.nullable


def test_a_metric_cannot_repeat_a_column():
    layout = TableLayout(community(2), 24, slot_columns=(Kpi("trades", "-", "Mine."), Kpi("x", "-", "Mine.")))
    with pytest.raises(PluginError, match="these columns twice: trades"):
        columns(layout)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_without_rows_has_the_columns_of_every_run(name):
    """All but those of devices and metrics, of the same types and with the same meanings."""
    bare = no_rows(name)
    full = schema(columns(LAYOUT)[name])
    assert bare.num_rows == 0
    assert [full.field(field.name).equals(field, check_metadata=True) for field in bare.schema] == [
        True
    ] * bare.num_columns
    more = set(full.names) - set(bare.column_names)
    assert all(column.startswith(("battery_", "ev_", "ftg")) for column in more)
