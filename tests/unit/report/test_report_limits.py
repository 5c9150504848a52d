"""Refused energy by element and reason."""

from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from marketsim.report.limits import GRID_REASONS, RefusedEnergy, refusals
from marketsim.results.table_columns import REASON_NAMES


def test_every_row_of_the_table_is_counted_once(simulated, hours):
    """Sums by element and reason are those of the table, the largest first."""
    run = simulated("scenarios/stress141.yaml", hours)
    found, table = refusals(run), run.rejects
    assert sum(each.energy for each in found) == pytest.approx(table.energy_kwh.sum())
    assert sum(each.times for each in found) == len(table)
    assert [each.energy for each in found] == sorted((each.energy for each in found), reverse=True)
    own = table[(table.reason == found[0].reason) & (table.element_name == found[0].element)]
    assert found[0].energy == pytest.approx(own.energy_kwh.sum())
    assert found[0].export == pytest.approx(own[own.buyer.isna()].energy_kwh.sum())


def test_curtailed_pv_is_explained_to_the_last_wh(simulated, hours):
    """Where only the gate curtails, what it refused explains all of it; an element never explains more than it refused."""
    run = simulated("scenarios/stress141.yaml", hours)
    found = refusals(run)
    assert sum(each.curtailed for each in found) == pytest.approx(run.summary["curtailed_kwh"])
    assert all(each.curtailed <= each.trade + each.export + 1e-9 for each in found)


def table(columns, texts=()):
    """An Arrow table as a run has it: texts are dictionaries."""
    kinds = {name: pa.string() if name in texts else pa.int64() for name in columns}
    arrays = {name: pa.array(values, kinds[name]) for name, values in columns.items()}
    return pa.table({name: each.dictionary_encode() if name in texts else each for name, each in arrays.items()})


class Folder:
    """A run of two markets with two agents and what was refused and curtailed in it."""

    n_slots = 2
    manifest: ClassVar = {"agents": ["a", "b"] * 2}

    def __init__(self, curtailed, refused):
        owner, energy = zip(*curtailed, strict=True)
        slot, market, agent = zip(*owner, strict=True)
        self.tables = {"agents": table({"slot": slot, "market": market, "agent": agent, "curtailed_wh": energy})}
        names = ("slot", "market", "buyer", "seller", "energy_wh", "reason", "element_name")
        columns = dict(zip(names, zip(*refused, strict=True), strict=True))
        self.tables["rejects"] = table(columns, ("reason", "element_name"))

    def table(self, name, columns, slot=None):
        found = self.tables[name].select(columns)
        return found if slot is None else found.filter(pc.is_in(self.tables[name]["slot"], pa.array(list(slot))))


def curtailed_by(curtailed, refused):
    return {each.element: each.curtailed for each in refusals(Folder(curtailed, refused))}


OVER = "overvoltage"


def test_two_elements_share_what_was_curtailed_as_they_refused():
    refused = [(0, 0, 1, 0, 3000, OVER, "x"), (0, 0, None, 0, 1000, OVER, "y")]
    assert curtailed_by([((0, 0, 0), 2000)], refused) == {"x": 1.5, "y": 0.5}


def test_no_element_explains_more_than_it_refused():
    """The rest was curtailed for another reason."""
    assert curtailed_by([((0, 0, 0), 5000)], [(0, 0, None, 0, 1000, OVER, "x")]) == {"x": 1.0}


@pytest.mark.parametrize("owner", [(1, 0, 0), (0, 1, 0), (0, 0, 1)], ids=["slot", "market", "agent"])
def test_only_the_seller_of_that_slot_and_market_counts(owner):
    assert curtailed_by([(owner, 2000)], [(0, 0, None, 0, 1000, OVER, "x")]) == {"x": 0.0}


def test_a_refused_purchase_from_the_utility_curtails_nobody():
    assert curtailed_by([((0, 0, 0), 2000)], [(0, 0, 0, None, 1000, "undervoltage", "x")]) == {"x": 0.0}


def test_wires_and_rules_are_told_apart():
    assert set(REASON_NAMES) > GRID_REASONS
    assert not {"price_below_feed_in", "allocation"} & GRID_REASONS


def test_nothing_refused_is_an_empty_list(simulated):
    assert refusals(simulated("scenarios/pilot.yaml", {"clock.slots": 24})) == []


@pytest.mark.parametrize(
    ("element", "reason", "label"),
    [
        ("130", "overvoltage", "bus 130"),
        ("line 3-4", "line_loading", "line 3-4"),
        ("", "price_below_feed_in", "no single element"),
    ],
)
def test_a_bus_is_called_one(element, reason, label):
    assert RefusedEnergy(element, reason, 1.0, 0.0, 0.0, 1).label == label
