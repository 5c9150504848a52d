"""Arms of a comparison: runs that differ in their seed alone, or values of a study; and what differs between them."""

from __future__ import annotations

import pandas as pd
import pytest

import marketsim as ms
from marketsim.analysis.compare.arms import ComparedArm, arms_of_runs, arms_of_study
from marketsim.analysis.compare.differences import Change, notes_on, scenario_changes
from marketsim.analysis.studies.folder import open_study
from marketsim.core.errors import InputError, RunFolderError

SCENARIO = {
    "name": "pair",
    "clock": {"start": "2016-06-06", "slots": 4, "slot_minutes": 360},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08}},
    "profiles": {"source": "simbench_2016"},
    "agents": [
        {"kind": "prosumer", "count": 2, "pv_kw": {"uniform": [4, 9]}, "load": {"annual_kwh": 3000}},
        {"kind": "consumer", "load": {"annual_kwh": 3500}},
    ],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """``runs(name, **overrides)``: folder of a run, made once."""
    root = tmp_path_factory.mktemp("runs")

    def folder(name, overrides):
        if not (root / name).exists():
            ms.simulate(ms.load_scenario(SCENARIO, overrides), root / name)
        return root / name

    return folder


@pytest.fixture(scope="module")
def four(runs):
    return [
        runs("a1", {"seed": 1}),
        runs("b1", {"seed": 1, "profiles.pv_scale": 2}),
        runs("a2", {"seed": 2}),
        runs("b2", {"seed": 2, "profiles.pv_scale": 2}),
    ]


def test_runs_that_differ_in_their_seed_alone_are_one_arm(four):
    """Although their agents were drawn differently; in the order in which the arms are first named."""
    arms = arms_of_runs(four)
    assert [arm.name for arm in arms] == ["pair (2 seeds: a1, ...)", "pair (2 seeds: b1, ...)"]
    assert [sorted(arm.samples) for arm in arms] == [[1, 2], [1, 2]]
    assert arms[1].samples[2] == ms.open_run(four[3]).summary


def test_what_cannot_be_told_apart_stands_alone(runs, four):
    """Two ranges of sizes look alike once they are drawn: with a seed twice nobody knows what belongs together."""
    wide = runs("w1", {"seed": 1, "agents[0].pv_kw": {"uniform": [40, 90]}})
    arms = arms_of_runs([four[0], wide, four[2]])
    assert [arm.name for arm in arms] == ["a1", "w1", "a2"]


def test_a_run_without_an_end_is_not_compared(runs, tmp_path):
    whole = runs("a1", {"seed": 1})
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "manifest.json").write_text(
        (whole / "manifest.json").read_text().replace('"status": "complete"', '"status": "failed"')
    )
    with pytest.raises(
        RunFolderError, match=r"half: the run is not complete \(failed\)\n    only a run that has ended"
    ):
        arms_of_runs([whole, tmp_path / "half"])


# --- studies ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    out = tmp_path_factory.mktemp("study") / "s"
    vary = {"profiles.pv_scale": [1, 2], "market.engine": ["double_auction", "mid_market_rate"]}
    ms.whatif(SCENARIO, vary, seeds=2, workers=1, out=out)
    return open_study(out)


def test_arms_of_a_study_are_the_values_of_its_first_choice(study):
    """Averaged over everything else, seed by seed."""
    arms, path, notes = arms_of_study(study)
    assert path == "market.engine"
    assert [arm.name for arm in arms] == ["market.engine=double_auction", "market.engine=mid_market_rate"]
    assert notes == ["Each value is the mean over 2 points of profiles.pv_scale."]
    rows = study.table.query("`market.engine` == 'mid_market_rate' and seed == 2")
    assert arms[1].samples[2]["p2p_kwh"] == pytest.approx(rows["p2p_kwh"].mean())
    assert arms[1].samples[2]["voltage_max_pu"] is None


def test_another_path_can_be_asked_for(study):
    arms, path, _ = arms_of_study(study, "profiles.pv_scale")
    assert (path, [arm.name for arm in arms]) == ("profiles.pv_scale", ["profiles.pv_scale=1", "profiles.pv_scale=2"])
    with pytest.raises(InputError, match=r"--by: the study does not vary this \(got profiles.pv\)\n    did you mean"):
        arms_of_study(study, "profiles.pv")


def test_a_failed_run_takes_its_counterparts_out(study, monkeypatch):
    """Otherwise one arm would be averaged over other points than the other."""
    table = study.table.copy()
    table.loc[0, "status"] = "failed"
    monkeypatch.setitem(study.__dict__, "table", table)
    arms, _, notes = arms_of_study(study)
    assert notes[0] == "2 runs are left out: they, or their counterparts, failed."
    kept = table.query("`market.engine` == 'mid_market_rate' and seed == 1 and `profiles.pv_scale` == 2")
    assert arms[1].samples[1]["p2p_kwh"] == kept["p2p_kwh"].item()


def test_a_study_of_one_point_has_nothing_to_compare(study, monkeypatch):
    monkeypatch.setitem(study.__dict__, "table", study.table.head(1))
    with pytest.raises(InputError, match="the study has one point"):
        arms_of_study(study)


# --- differences -----------------------------------------------------------------------------------------------------


def test_scenarios_differ_key_by_key():
    """Nested keys by path, lists as a whole, what is missing as absent, the folder never."""
    before = {"folder": "a", "grid": {"gate": "ac", "band": [0.95, 1.05]}, "x": 1, "gone": None}
    after = {"folder": "b", "grid": {"gate": "observe", "band": [0.9, 1.05]}, "x": 1, "new": {}}
    assert [str(change) for change in scenario_changes(before, after)] == [
        "grid.gate: 'ac' -> 'observe'",
        "grid.band: [0.95, 1.05] -> [0.9, 1.05]",
        "gone: nothing -> (absent)",
        "new: (absent) -> {}",
    ]
    assert scenario_changes(before, before) == ()


def test_another_part_is_one_change():
    """A part that is chosen by name and its parameters belong together; of one part only what differs is said."""
    auction = {"market": {"engine": {"double_auction": {"price_rule": "resting", "rounds": 1}}}}
    pool = {"market": {"engine": {"mid_market_rate": {}}}}
    midpoint = {"market": {"engine": {"double_auction": {"price_rule": "midpoint", "rounds": 1}}}}
    assert [str(change) for change in scenario_changes(auction, pool)] == [
        "market.engine: double_auction (price_rule='resting', rounds=1) -> mid_market_rate"
    ]
    assert [str(change) for change in scenario_changes(auction, midpoint)] == [
        "market.engine.double_auction.price_rule: 'resting' -> 'midpoint'"
    ]


def test_another_strategy_of_many_agents_is_one_change():
    before = {"agents": [{"strategy": {"truthful": {}}} for _ in range(3)]}
    after = {"agents": [{"strategy": {"fixed_margin": {"share": 0.1}}} for _ in range(3)]}
    assert [str(change) for change in scenario_changes(before, after)] == [
        "agents[0].strategy: truthful -> fixed_margin (share=0.1) (and 2 more agents)"
    ]


def test_agents_that_differ_in_the_same_key_are_one_line():
    before = {"agents": [{"name": f"a{n}", "pv_kw": 5} for n in range(3)]}
    after = {"agents": [{"name": f"a{n}", "pv_kw": 5 + n} for n in range(3)]}
    assert scenario_changes(before, after) == (Change("agents[1].pv_kw", "5", "6", 2),)
    assert str(scenario_changes(before, after)[0]) == "agents[1].pv_kw: 5 -> 6 (and 1 more agent)"


def test_notes_say_what_differs_and_how_long_runs_are(runs, four):
    first, longer = arms_of_runs([four[0], runs("long", {"clock.slots": 8})])
    assert notes_on(first, longer) == [
        "The scenarios differ in:",
        "  clock.slots: 4 -> 8",
        "The runs are 24 and 48 hours long: sums over a run (kWh, currency, slots) are not comparable, shares, means and "
        "scores are.",
    ]


def arm(seeds):
    return ComparedArm("x", {seed: {} for seed in seeds}, {})


@pytest.mark.parametrize(
    ("left", "right", "notes"),
    [
        ([1, 2], [1, 2], []),
        ([1, 2], [2, 3], ["Only the one seed that both have is compared, pair by pair."]),
        ([1], [2], ["No seed is in both: the arms are compared as independent samples, and seeds alone may differ."]),
    ],
)
def test_notes_say_which_seeds_are_compared(left, right, notes):
    assert notes_on(arm(left), arm(right)) == notes


def test_equal_scenarios_are_called_equal():
    same = ComparedArm("x", {1: {}}, {1: {"seed": 1, "clock": {"slots": 1, "slot_minutes": 15}}})
    assert notes_on(same, same) == ["The scenarios are the same but for the seed."]


def test_tables_read_back_keep_their_kinds(study):
    """What is compared is what was written."""
    assert study.table["market.engine"].dtype == object
    assert pd.api.types.is_integer_dtype(study.table["profiles.pv_scale"])
