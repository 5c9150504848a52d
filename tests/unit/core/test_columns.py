"""Rows of tables are called what the fields of the records are called that are made of them."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import marketsim
from marketsim.agents.strategies.orders import Legs
from marketsim.core import columns_kernel
from marketsim.core.records import DeviceRange, Observations, Orders, Rejects, Trades
from marketsim.fairness import measures_kernel, surrogate_kernel
from marketsim.fairness.surrogate_features import NAMES

ROWS = {name: row for name, row in vars(columns_kernel).items() if name.isupper()}
RECORDS = {"ORDER": Orders, "TRADE": Trades, "REJECT": Rejects, "LEG": Legs}


def rows_of(kind):
    """Rows of one kind of table, in order."""
    return {name.removeprefix(kind + "_").lower(): row for name, row in ROWS.items() if name.startswith(kind + "_")}


@pytest.mark.parametrize("kind", RECORDS)
def test_rows_are_the_fields_of_a_record_in_order(kind):
    """``Orders(*table)`` puts every row where its name says; there are as many as the table has."""
    assert rows_of(kind) == {name: row for row, name in enumerate(RECORDS[kind]._fields)}
    assert ROWS["N_" + kind] == len(RECORDS[kind]._fields)


def test_a_range_without_its_level():
    assert list(rows_of("RANGE")) == [name for name in DeviceRange._fields if name != "level"]


@pytest.mark.parametrize("kind", ["SEEN", "KNOWN"])
def test_rows_of_observations_are_named_after_fields(kind):
    """All but the place of the agent in its market, which is no field."""
    rows = rows_of(kind)
    assert list(rows.values()) == list(range(ROWS["N_" + kind]))
    assert set(rows) - set(Observations._fields) <= {"connection"}


def test_no_name_is_of_no_table():
    kinds = [*RECORDS, "RANGE", "SEEN", "KNOWN", "N"]
    assert [name for name in ROWS if name.partition("_")[0] not in kinds] == []


def test_scores_and_features_stand_where_their_names_do():
    """Constants of the kernels against the names that tables and models have of them."""
    for row, name in enumerate(measures_kernel.SCORE_NAMES):
        assert getattr(measures_kernel, name.upper()) == row
    for place, name in enumerate(NAMES):
        assert getattr(surrogate_kernel, name.upper(), getattr(measures_kernel, name.upper(), None)) == place


def test_records_of_kernels_are_written_down_where_a_change_is_seen():
    """Kernels name no class of records but those of ``core/records.py`` and of modules of kernels, which the cache watches.

    ``GateKernel`` is what gates hand to Python's calls of kernels.
    """
    home = Path(marketsim.__file__).parent
    for path in sorted(home.rglob("*_kernel.py")):
        module = importlib.import_module(".".join(("marketsim", *path.relative_to(home).with_suffix("").parts)))
        named = {value for value in vars(module).values() if isinstance(value, type) and hasattr(value, "_fields")}
        elsewhere = {each.__name__ for each in named if not re.search(r"core\.records$|_kernel$", each.__module__)}
        assert elsewhere <= {"GateKernel"}, module.__name__
