"""Tables of who pays and earns what, on numbers that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from marketsim.report.people import Person, RunTotals
from marketsim.report.people_tables import AGENT_COLUMNS, CLASS_COLUMNS, agent_table, class_table

PEOPLE = (Person("sun", "prosumer", ""), Person("ann", "consumer", ""), Person("bob", "consumer", ""))
NOTHING = np.zeros(3)


def totals(**columns):
    """Totals of the three; what is not named is zero, the reference known."""
    made = dict.fromkeys(RunTotals._fields, NOTHING) | {
        name: np.array(values, float) for name, values in columns.items()
    }
    return RunTotals(**made)


TRADE = totals(
    pv_available=[10, 0, 0], pv_used=[8, 0, 0], curtailed=[2, 0, 0], load=[0, 4, 4], sold=[4, 0, 0], exported=[4, 0, 0],
    bought=[0, 3, 1], imported=[0, 1, 3], peer_sales=[-0.8, 0, 0], peer_purchases=[0, 0.6, 0.2],
    paid=[-1.12, 0.9, 1.1], reference_paid=[-0.64, 1.2, 1.2],
)  # fmt: skip


def agent(name):
    """A row of the table of agents by its heads."""
    table = agent_table([person.name for person in PEOPLE], PEOPLE, TRADE)
    row = table["names"].index(name)
    heads = [head for head, _, _ in table["head"]]
    return dict(zip(heads[2:], (column[row] for column in table["values"]), strict=True))


def group(name):
    """A row of the table of classes by its heads."""
    table = class_table(PEOPLE, TRADE)
    row = next(row for row in table["rows"] if row[0] == name)
    return dict(zip((head for head, _, _ in table["head"]), row, strict=True))


def test_an_agent_has_what_it_sold_paid_and_saves():
    sun = agent("sun")
    assert (sun["Sold to peers"], sun["Exported"], sun["Curtailed"]) == (4, 4, 2)
    assert (sun["Pays in all"], sun["With utility only"], sun["Saves"]) == (-1.12, -0.64, 0.48)


def test_mean_prices_are_money_by_energy():
    """Undefined where nothing was traded, never zero."""
    assert (agent("sun")["Mean price sold"], agent("sun")["Mean price bought"]) == (0.2, None)
    assert (agent("ann")["Mean price bought"], agent("bob")["Mean price bought"]) == (0.2, 0.2)


def test_a_class_is_its_members_together():
    """Shares of sums, not means of shares."""
    consumers = group("consumer")
    assert consumers["Agents"] == 2
    assert consumers["Need met by peers"] == 50
    assert consumers["Save"] == pytest.approx(0.4)
    assert consumers["Of the bill"] == pytest.approx(100 * 0.4 / 2.4, abs=0.05)


def test_shares_have_their_own_whole():
    """Surplus is what was sold, exported or curtailed; curtailment a share of the PV that was there."""
    prosumers = group("prosumer")
    assert prosumers["Surplus sold to peers"] == 40
    assert prosumers["PV curtailed"] == 20


def test_a_share_of_nothing_is_undefined():
    """A consumer has no PV, and who earns from the utility has no bill to save from."""
    assert group("consumer")["PV curtailed"] is None
    assert group("consumer")["Surplus sold to peers"] is None
    assert group("prosumer")["Of the bill"] is None


def test_all_agents_come_first_and_balance():
    """What is paid to peers is what they get."""
    assert class_table(PEOPLE, TRADE)["rows"][0][0] == "all agents"
    everybody = group("all agents")
    assert everybody["Mean price bought"] == everybody["Mean price sold"]


@pytest.mark.parametrize("columns", [AGENT_COLUMNS, CLASS_COLUMNS])
def test_money_and_energy_have_units(columns):
    """Only names, kinds and counts have none."""
    assert {label for label, unit, _ in columns if not unit} <= {"Agent", "Kind", "Class", "Agents"}


def test_the_line_of_sharing_is_a_column_where_costs_are_shared():
    """Behind all others, whose places stay what they were."""
    plain, shared = (
        agent_table(["sun", "ann", "bob"], PEOPLE, TRADE._replace(sharing=np.array(line)))
        for line in ([np.nan] * 3, [0.3, -0.1, -0.2])
    )
    assert len(plain["head"]) == len(plain["values"]) + 2 == len(AGENT_COLUMNS)
    assert shared["head"] == [*plain["head"], ["Cost sharing", "currency", 2]]
    assert shared["values"] == [*plain["values"], [0.3, -0.1, -0.2]]
