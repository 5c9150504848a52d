"""What a report says is good and what is not."""

import pytest

from marketsim.report.findings import BAD, GOOD, NOTE, findings, kwh, percent
from marketsim.report.limits import RefusedEnergy

CALM = {
    "slots": 96,
    "voltage_min_pu": 0.99,
    "voltage_max_pu": 1.02,
    "slots_with_violation": 0,
    "slots_with_violation_grid_only": 0,
    "curtailed_kwh": 0.0,
    "pv_kwh": 10.0,
    "money_imbalance": 0,
    "energy_imbalance_wh": 0,
    "consumer_saving": 0.1,
}


def tones(summary, status="complete", refused=()):
    return {finding.title: finding.tone for finding in findings(summary, status, refused)}


def text_of(title, summary, refused=()):
    return next(finding.text for finding in findings(summary, "complete", refused) if finding.title == title)


def test_a_calm_run_has_nothing_bad():
    assert set(tones(CALM).values()) == {GOOD}


@pytest.mark.parametrize(
    ("change", "title"),
    [
        ({"slots_with_violation": 3}, "Limits broken"),
        ({"curtailed_kwh": 5.0, "curtailed_kwh_grid_only": 1.0}, "PV curtailed"),
        ({"curtailed_kwh": 5.0}, "PV curtailed"),
        ({"unserved_kwh": 2.0, "ev_unserved_kwh": 2.0}, "Devices missed energy"),
        ({"consumer_saving": -0.02}, "Consumers"),
        ({"prosumer_cost": 5.0, "prosumer_cost_grid_only": 4.0}, "Prosumers"),
        ({"worst_off_saving": -0.01}, "The worst-off agent"),
        ({"ftg": 0.2}, "Little trade among peers"),
        ({"fbs_day": 0.2}, "Sellers not served alike"),
        ({"fpp": 0.2}, "Prices far apart"),
        ({"trade_efficiency": 0.5}, "Gains from trade missed"),
        ({"allocative_efficiency": 0.5}, "Feeder not used to the full"),
        ({"money_imbalance": 1}, "Books"),
        ({"validated_slots": 9, "validation_worst_pu": 1e-3, "validation_mismatches": 2}, "Power flows disagree"),
        ({"critic_fallbacks": 2, "critic_calls": 9}, "The critic's answers failed"),
    ],
)
def test_each_thing_that_goes_wrong_is_said(change, title):
    assert tones({**CALM, **change})[title] == BAD


def test_a_partial_run_says_so_first():
    found = findings({}, "interrupted", ())
    assert (found[0].tone, found[0].title) == (BAD, "Partial run (interrupted)")


def test_the_reference_run_stands_beside_a_violation():
    text = text_of("Limits broken", {**CALM, "slots_with_violation": 3, "slots_with_violation_grid_only": 7})
    assert "3 of 96 slots" in text
    assert "With the utility alone it would be 7." in text


def test_without_limits_nothing_is_claimed_about_them():
    found = tones({"slots": 4, "pv_kwh": 1.0, "curtailed_kwh": 0.0})
    assert found["No grid limits"] == NOTE
    assert not {"Limits held", "Nothing refused"} & set(found)


@pytest.mark.parametrize(
    ("score", "title", "tone"),
    [
        (0.8, "Sellers served alike", GOOD),
        (0.79, "Sellers served in part alike", NOTE),
        (0.5, "Sellers served in part alike", NOTE),
    ],
)
def test_a_title_says_what_a_score_means(score, title, tone):
    """A weak score never stands under a title that sounds good."""
    assert tones({"fbs_day": score})[title] == tone


def test_money_is_named_with_its_unit():
    assert text_of("Prosumers", {"prosumer_cost": -2759.7, "prosumer_cost_grid_only": 0.0}) == (
        "are 2,760 currency better off than with the utility alone."
    )
    revenue = {"utility_revenue": 950.0, "utility_revenue_grid_only": 1000.0}
    assert text_of("The utility's revenue", revenue) == "falls by 5.0 % to 950.0 currency."


def test_violations_are_no_proof_of_a_generous_grid():
    """A gate that only observes refuses nothing; that is no merit."""
    assert "Nothing refused" not in tones({**CALM, "slots_with_violation": 3})


def test_the_element_that_binds_most_is_named():
    refused = [
        RefusedEnergy("line 3-4", "line_loading", 9.0, 0.0, 0.0, 4),
        RefusedEnergy("b", "price_below_feed_in", 1.0, 0, 0, 1),
    ]
    assert "line 3-4 (line loading)" in text_of("Refused by the grid", {**CALM, "rejected_kwh": 9.0}, refused)


def test_refusals_by_rules_of_the_market_are_not_the_grid():
    refused = [RefusedEnergy("", "price_below_feed_in", 1.0, 0.0, 0.0, 1)]
    assert tones(CALM, refused=refused)["Nothing refused"] == GOOD


@pytest.mark.parametrize(("share", "text"), [(0.0, "0.0 %"), (0.5, "50.0 %"), (0.00001, "under 0.1 %")])
def test_small_shares_are_not_called_nothing(share, text):
    assert percent(share) == text


@pytest.mark.parametrize(
    ("energy", "text"), [(1.25, "1.2 kWh"), (950, "950 kWh"), (1234, "1.23 MWh"), (3e6, "3.00 GWh")]
)
def test_energies_have_a_unit_that_keeps_them_short(energy, text):
    assert kwh(energy) == text


def test_a_run_that_goes_on_is_no_failure():
    assert findings({}, "running", ())[0].title == "Still running"
