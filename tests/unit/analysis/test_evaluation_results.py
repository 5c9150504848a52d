"""Comparisons and aims of an evaluation on made-up totals."""

import json
import math

import numpy as np
import pytest

from marketsim.analysis.evaluation.frontier import best_fbs
from marketsim.analysis.evaluation.plan import evaluation_of
from marketsim.analysis.evaluation.plane import plane
from marketsim.analysis.evaluation.present import HEAD, aim_rows, arm_rows, as_json, figure, markdown, pair_rows
from marketsim.analysis.evaluation.results import Exploit, evaluate_totals, exploit_aims
from marketsim.analysis.evaluation.totals import HORIZONS, SCORES, WeeklyTotals

GOOD = {"ftg": 0.985, "fbs": 0.92, "fpp": 0.9, "fbs_week": 0.95, "ftb": 0.7}
NO_CRITIC = {"ftg": 0.98, "fbs": 0.5, "fpp": 0.8, "fbs_week": 0.85, "ftb": 0.68}
SEEDS = (1, 2, 3)
DRAWS = 200
N_AGENTS = 3


def arm_totals(scores, *, gains=1.0, bill=8.0, margin=1.0, weeks=2):
    """Totals [W] of one seed: every score from ``scores`` (0.5 if not named), bills of 10 less savings."""
    values = np.array([scores.get(name, 0.5) for name in (*SCORES, *HORIZONS)])
    every = np.ones((weeks, len(values)))
    agents = np.ones((weeks, N_AGENTS))
    return WeeklyTotals(
        weighted=every * values,
        weight=every,
        gains=np.full(weeks, gains),
        best_gains=np.ones(weeks),
        margin=np.full(weeks, margin),
        bill=agents * bill,
        turnover=agents * 10.0,
        wear=agents * 0.0,
    )


def alone_totals(weeks=2):
    """Everybody with the utility alone: nothing traded, bills of 10."""
    nothing = arm_totals({}, gains=0.0, bill=10.0, weeks=weeks)
    return nothing._replace(weighted=nothing.weighted * 0.0, weight=nothing.weight * 0.0)


def evaluated(**arms):
    """An evaluation of made-up arms, three seeds that differ a little, beside the utility alone."""
    totals = {"utility_only": [alone_totals() for _ in SEEDS]}
    for name, own in arms.items():
        scores, more = own if isinstance(own, tuple) else (own, {})
        totals[name] = [
            arm_totals({key: value + 0.001 * seed for key, value in scores.items()}, **more) for seed in SEEDS
        ]
    return evaluate_totals(totals, SEEDS, draws=DRAWS)


FOUND = {
    "truthful": {"ftg": 1.0, "fbs": 0.5, "fpp": 0.5},
    "share_1.0": {"ftg": 1.0, "fbs": 0.5},
    "share_0.8": {"ftg": 0.9, "fbs": 0.7},
    "none": (NO_CRITIC, {"margin": 0.9}),
    "rule": (GOOD, {"margin": 0.95}),
    "placebo": {"ftg": 0.9, "fbs": 0.62, "fpp": 0.8},
}
"""An evaluation in which the rule reaches all aims."""


@pytest.fixture(scope="module")
def found():
    return evaluated(**FOUND)


def test_all_aims_are_reached_where_they_should_be(found):
    """A rule arm that is better in everything reaches every aim."""
    assert {row[2] for row in aim_rows(found)} == {"yes"}
    assert {aim.arm for aim in found.aims} == {"rule"}
    assert len(found.aims) == 9


@pytest.mark.full
@pytest.mark.parametrize(
    ("rule", "more", "missed"),
    [
        ({**GOOD, "ftg": 0.97}, {}, "FTG a slot at least 0.98"),
        ({**GOOD, "fbs": 0.89}, {}, "FBS a slot at least 0.90"),
        ({**GOOD, "fbs_week": 0.80}, {}, "FBS over the week above none"),
        ({**GOOD, "ftb": 0.60}, {}, "FTB no more than 1 point below none"),
        (GOOD, {"bill": 8.2}, "worst-off saving no more than 1 point below none"),
        (GOOD, {"gains": 0.97}, "trade efficiency no more than 2 points below none"),
        (GOOD, {"margin": 0.85}, "margin with charges"),
        (GOOD, {"bill": 10.1}, "no agent's mean bill"),
        ({**GOOD, "ftg": 0.99, "fbs": 0.51}, {}, "beyond the frontier of constants"),
    ],
)
def test_a_missed_aim_is_said_with_its_size(rule, more, missed):
    """What is missed is told by name, and what was found stands beside it."""
    found = evaluated(**{**FOUND, "rule": (rule, {"margin": 0.95, **more})})
    missing = [aim for aim in found.aims if not aim.reached]
    assert missed in " ".join(aim.text for aim in missing)
    assert all(any(letter.isdigit() for letter in aim.found) for aim in missing)


def test_no_better_than_no_critic_over_the_week_is_no_success():
    """Equal over the week: the interval holds 0, and the aim is missed."""
    found = evaluated(**{**FOUND, "none": NO_CRITIC | {"fbs_week": GOOD["fbs_week"]}})
    assert [aim.reached for aim in found.aims if "over the week" in aim.text] == [False]


def test_an_arm_that_is_missing_cannot_be_compared():
    """Without the arms that it is compared with nothing is claimed."""
    found = evaluated(rule=GOOD)
    aims = {aim.text: (aim.reached, aim.found) for aim in found.aims}
    assert aims["FBS over the week above none"] == (None, "no arm none")
    assert aims["beyond the frontier of constants"] == (None, "no constants")
    assert (
        "rule",
        "FTB no more than 1 point below none, interval included",
        "cannot be said",
        "no arm none",
    ) in aim_rows(found)


def test_tranches_alone_are_held_against_the_same_aims():
    found = evaluated(**FOUND, none_tranches=GOOD)
    assert {aim.arm for aim in found.aims} == {"rule", "none_tranches"}
    assert ("none_tranches", "none", "fbs") in {(pair.arm, pair.other, pair.measure) for pair in found.pairs}


def test_without_a_learned_arm_there_are_no_aims():
    """Baselines alone are estimated; nothing is compared with a learner that is not there."""
    found = evaluated(truthful={"fbs": 0.5})
    assert found.aims == ()
    assert found.pairs == ()
    assert found.estimates["truthful"]["fbs"].mean == pytest.approx(0.502)


def test_exploitability_is_held_against_that_of_no_critic():
    """A gain that is no larger than against policies without a critic is no fault of the critic."""
    gains = [
        Exploit(arm, "farm", mean, (mean,)) for arm, mean in (("none", 0.02), ("rule", 0.18), ("none_tranches", 0.0))
    ]
    assert [(aim.arm, aim.reached) for aim in exploit_aims(gains)] == [("rule", False), ("none_tranches", True)]
    alone = exploit_aims(gains[1:])
    assert [aim.reached for aim in alone] == [None, None]
    assert alone[0].found == "+18.00 %, no arm none"


def test_learned_arms_that_are_named_are_exploited_beside_those_that_are_judged(root, tmp_path):
    """All arms: those that are judged and without a critic; named arms: what learns of them, too."""
    pilot = root / "scenarios" / "pilot.yaml"

    def exploited(*arms):
        plan = evaluation_of(pilot, arms=arms, exploit=["roof-farm"], out=tmp_path / "out")
        return [arm.name for arm in plan.exploited]

    assert exploited() == ["none", "none_tranches", "rule", "rule_tranches"]
    assert exploited("truthful", "rule", "placebo", "older") == ["rule", "placebo", "older"]


def test_primary_comparisons_are_paired_and_the_others_corrected(found):
    """FBS against every arm; measures outside the reward against none and placebo, with Holm's correction."""
    primary = [pair for pair in found.pairs if pair.measure == "fbs"]
    assert {pair.other for pair in primary} == set(FOUND) - {"rule"}
    assert all(math.isnan(pair.p_holm) for pair in primary)
    secondary = [pair for pair in found.pairs if pair.measure != "fbs"]
    assert {pair.other for pair in secondary} == {"none", "placebo"}
    assert "ftg" not in {pair.measure for pair in secondary}
    defined = [pair for pair in secondary if math.isfinite(pair.found.p)]
    assert all(pair.p_holm >= pair.found.p for pair in defined)


def test_savings_and_bills_are_shares_of_what_was_paid_alone(found):
    """Bills of 8 instead of 10: 20 % saved by everybody, so the savings are equal."""
    assert found.bills["rule"] == pytest.approx((-0.2, -0.2, -0.2))
    assert found.estimates["rule"]["worst_off"].mean == pytest.approx(0.2)
    assert found.estimates["rule"]["gini_saving"].mean == pytest.approx(0.0)
    assert found.estimates["rule"]["margin_kept"].mean == pytest.approx(0.95)


def test_equal_input_gives_equal_results(found):
    """The bootstrap is seeded: the same totals give the same numbers."""
    again = evaluated(**FOUND)
    assert json.dumps(as_json(again)) == json.dumps(as_json(found))


def test_the_tables_hold_every_arm_and_measure(found):
    """Rows have the head's length; Markdown holds three tables; what is undefined is a dash."""
    rows = arm_rows(found)
    assert [row[0] for row in rows] == ["utility_only", *FOUND]
    assert all(len(row) == len(HEAD) for row in rows)
    assert rows[0][HEAD.index("fbs")] == "-"
    assert "[" in rows[5][HEAD.index("fbs")]
    text = markdown(found)
    assert sum(line.startswith("| --- ") for line in text.splitlines()) == 3
    assert len(pair_rows(found)) == len(found.pairs)


def test_json_is_complete_and_free_of_nan(found):
    """Every seed's value is there; undefined is null, so any JSON reader takes it."""
    told = json.loads(json.dumps(as_json(found), allow_nan=False))
    assert told["arms"]["utility_only"]["fbs"] == {"mean": None, "low": None, "high": None, "by_seed": [None] * 3}
    assert told["arms"]["rule"]["fbs"]["by_seed"] == pytest.approx([0.921, 0.922, 0.923])
    assert told["seeds"] == [1, 2, 3]


def test_the_figure_is_drawn_with_the_same_bytes(found, tmp_path):
    """SVG and PNG; the SVG carries no date and no random names."""
    first, second, picture = (tmp_path / name for name in ("a.svg", "b.svg", "c.png"))
    figure(found, [first, picture])
    figure(found, [second])
    assert first.read_bytes() == second.read_bytes()
    assert picture.stat().st_size > 10_000
    assert "placebo" in first.read_text()


def test_the_plane_is_drawn_with_the_same_bytes(found, tmp_path):
    """Constants as a line, learned arms by name, both forms of FBS."""
    first, second = tmp_path / "a.svg", tmp_path / "b.svg"
    plane(found, [first])
    plane(found, [second])
    text = first.read_text()
    assert first.read_bytes() == second.read_bytes()
    assert all(word in text for word in ("constant share offered", "rule", "none", "levelled down"))


CONSTANT_POINTS = np.array([[1.0, 0.5], [0.9, 0.7], [0.8, 0.9], [0.7, 0.1], [0.6, math.nan]])
"""(1, .5), (.9, .7), (.8, .9); a dominated one and one without an FBS change nothing."""


@pytest.mark.parametrize(
    ("ftg", "best"),
    [(1.0, 0.5), (0.95, 0.6), (0.9, 0.7), (0.85, 0.8), (0.5, 0.9), (1.01, 0.5)],
)
def test_the_frontier_is_the_best_mixture_of_constants(ftg, best):
    """Points and what lies between two of them."""
    assert best_fbs(np.array(ftg), *CONSTANT_POINTS.T) == pytest.approx(best)


def test_frontiers_of_many_draws_are_those_of_each():
    """Every draw has its own constants; where none has an FBS there is no frontier."""
    rng = np.random.default_rng(1)
    ftg, points = rng.random((4, 3)), rng.random((5, 2, 4, 3))
    points[:, 1, 0, 0] = math.nan
    together = best_fbs(ftg, points[:, 0], points[:, 1])
    alone = [best_fbs(ftg[r, c], points[:, 0, r, c], points[:, 1, r, c]) for r, c in np.ndindex(4, 3)]
    assert together.ravel() == pytest.approx(np.array(alone), nan_ok=True)
    assert math.isnan(together[0, 0])
    assert np.isfinite(together.ravel()[1:]).all()
