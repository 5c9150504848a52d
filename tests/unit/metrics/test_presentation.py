"""KPIs for people."""

import pytest

from marketsim.core.metric import Kpi, Totals, defined, fleet_flags, ratio
from marketsim.fairness.critic import CRITIC_KPIS
from marketsim.fairness.metric import FairnessMetric
from marketsim.metrics.efficiency import EFFICIENCY
from marketsim.metrics.energy import EnergyMetric
from marketsim.metrics.grid import GridMetric
from marketsim.metrics.laws import LAWS
from marketsim.metrics.money import MONEY
from marketsim.metrics.presentation import HEADLINE, RUN, headline, kpi_table, rationing_text
from marketsim.metrics.shunts import SHUNTS
from marketsim.metrics.welfare import WELFARE
from marketsim.testing.records import Fleet, slot_record
from marketsim.testing.worlds import community

EVERY = (
    *RUN,
    *EnergyMetric().definitions,
    *MONEY,
    *FairnessMetric(community(2)).definitions,
    *WELFARE,
    *EFFICIENCY,
    *GridMetric(None).definitions,
    *LAWS,
    *SHUNTS,
    *CRITIC_KPIS,
)

PROMISED = [
    "slots",
    "agents",
    "seed",
    "wall_s",
    "demand_kwh",
    "pv_kwh",
    "p2p_kwh",
    "import_kwh",
    "export_kwh",
    "curtailed_kwh",
    "losses_kwh",
    "rejected_kwh",
    "rolled_back_kwh",
    "ev_unserved_kwh",
    "mean_price",
    "critic_calls",
    "critic_fallbacks",
    "money_imbalance",
    "energy_imbalance_wh",
    "grid_imbalance_wh",
    "p2p_share",
    "consumer_cost",
    "consumer_cost_grid_only",
    "consumer_saving",
    "prosumer_cost",
    "worst_off_saving",
    "utility_revenue",
    "utility_revenue_grid_only",
    "utility_margin",
    "utility_margin_grid_only",
    "ftg",
    "fbs",
    "fpp",
    "ftb",
    "fbs_market",
    "price_neutrality",
    "jain_fill",
    "jain_curtailment",
    "gini_unit_cost",
    "gini_saving",
    "gains_from_trade",
    "allocative_efficiency",
    "g_star_method",
    "voltage_min_pu",
    "voltage_max_pu",
    "voltage_violation_rate",
    "market_violation_rate",
    "voltage_violation_depth",
    "slots_with_violation",
    "firm_violation_slots",
    "loading_max_percent",
]


def test_every_promised_kpi_is_defined_once():
    names = [kpi.name for kpi in EVERY]
    assert set(PROMISED) <= set(names)
    assert len(set(names)) == len(names)


def test_every_definition_is_a_sentence_with_a_unit():
    for kpi in EVERY:
        assert kpi.text.endswith("."), kpi.name
        assert kpi.unit, kpi.name


def test_the_table_has_a_row_a_kpi():
    table = kpi_table([Kpi("a_kwh", "kWh", "All |a|."), Kpi("b", "-", "B.")])
    assert table == ("| KPI | unit | definition |\n|---|---|---|\n| `a_kwh` | kWh | All \\|a\\|. |\n| `b` | - | B. |\n")


def test_the_headline_knows_only_kpis_that_exist():
    assert {line.name for line in HEADLINE} <= {kpi.name for kpi in EVERY}


def test_the_headline_stands_beside_the_reference_run():
    (row,) = headline({"consumer_cost": 90.0, "consumer_cost_grid_only": 120.0})
    assert (row.value, row.grid_only, row.change) == (90.0, 120.0, -0.25)
    assert (row.label, row.unit, row.group) == ("Cost of consumers", "currency", "money")


def test_shares_are_shown_in_percent():
    rows = {row.name: row.value for row in headline({"p2p_share": 0.25, "loading_max_percent": 80.0})}
    assert rows == {"p2p_share": 25.0, "loading_max_percent": 80.0}


def test_undefined_kpis_and_incidents_that_did_not_happen_are_left_out():
    assert headline({"fbs": None, "rejected_kwh": 0.0, "curtailed_kwh": 0.0, "g_star_method": "slp"}) == []
    rows = headline({"curtailed_kwh": 0.0, "curtailed_kwh_grid_only": 3.0})
    assert [row.change for row in rows] == [-1.0]


def test_the_change_of_an_earner_s_bill_is_not_stated():
    (row,) = headline({"prosumer_cost": -9.0, "prosumer_cost_grid_only": -6.0})
    assert row.change is None


def test_defined_turns_what_is_not_finite_to_none():
    assert [defined(x) for x in (1.5, float("nan"), float("inf"))] == [1.5, None, None]


def test_a_ratio_to_nothing_is_undefined():
    assert (ratio(1, 4), ratio(0, 0), ratio(3, 0)) == (0.25, None, None)


def test_totals_are_python_integers():
    totals = Totals()
    for _ in range(4):
        totals.add({"a": 2**62})
    assert (totals["a"], totals["b"]) == (2**64, 0)


def test_a_metric_that_knows_other_fleets_is_refused():
    record = slot_record(community(2), [5, 0], [0, 0], fleets=[Fleet([0, 0], [0, 0])])
    assert fleet_flags([True], record).tolist() == [True]
    with pytest.raises(ValueError, match=r"0 flags for 1 fleets: build it with BuildContext\.fleets"):
        fleet_flags([], record)


@pytest.mark.parametrize(
    ("sellers", "buyers", "words"),
    [
        (None, None, "Nothing could have been traded between peers in any slot"),
        (0.0, 0.0, "Neither sellers nor buyers competed in any slot"),
        (0.0, 0.7, "No seller competed"),
        (0.4, 0.0, "No buyer competed"),
        (0.25, 0.75, "Sellers were rationed in 25 % of the slots that could trade, buyers in 75 %"),
    ],
)
def test_rationing_is_told_in_words(sellers, buyers, words):
    summary = {"sellers_rationed_share": sellers, "buyers_rationed_share": buyers}
    assert rationing_text(summary).startswith(words)
