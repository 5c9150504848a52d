"""The surrogate: its features, its network against a plain one, its file, its audits."""

import json
import math

import numpy as np
import pytest

from marketsim.core.errors import InputError
from marketsim.fairness.critic import CriticTally
from marketsim.fairness.params import OllamaCriticParams, SurrogateCriticParams
from marketsim.fairness.slot import measure
from marketsim.fairness.surrogate_critic import SurrogateCritic, build
from marketsim.fairness.surrogate_features import NAMES, features
from marketsim.fairness.surrogate_file import LEAST_AUDITS, Surrogate, SurrogateNetwork, read_surrogate, write_surrogate
from marketsim.llm.model_server import ModelServer
from marketsim.testing.critic_kit import NOTHING, content, critic_context, in_order, record_of
from marketsim.testing.ollama_server import OllamaServer
from marketsim.testing.records import Deal, slot_record
from marketsim.testing.worlds import community

ABOUT = {
    "model": "gemma3:4b",
    "samples": 500,
    "held_out": 100,
    "held_out_error": [0.02, 0.04, 0.06],
    "mean_error": [0.2] * 3,
    "seed": 1,
}


def network(seed=0, hidden=(8, 6)):
    rng = np.random.default_rng(seed)
    a, b = hidden
    return SurrogateNetwork(*(rng.normal(0, 0.5, size) for size in ((len(NAMES), a), (a,), (a, b), (b,), (b, 3), (3,))))


def features_of(*markets):
    people, record = record_of(markets)
    return features(measure(record, people))


def critic_of(people, surrogate=None, **changes):
    params = SurrogateCriticParams(**{"file": "frozen.npz", **changes})
    auditor = ModelServer(params.auditor.settings()) if params.audit_share else None
    return SurrogateCritic(people, params, surrogate or Surrogate(network(), ABOUT), auditor)


def test_features_are_what_their_names_say():
    """By hand: two sellers, one buyer, two prices."""
    people = community(3)
    deals = [Deal(2, 0, 30, 100_000), Deal(2, 1, 40, 200_000)]
    found = dict(
        zip(NAMES, features(measure(slot_record(people, [0, 0, 80], [60, 40, 0], deals=deals), people))[0], strict=True)
    )
    assert found["ftg"] == pytest.approx(70 / 80)
    assert (found["ftb"], found["ftb_defined"]) == (0.0, 0.0)
    assert (found["fbs_defined"], found["fpp_defined"]) == (1.0, 1.0)
    assert found["log_tradable"] == pytest.approx(math.log10(81) / 6)
    assert found["supply_share"] == pytest.approx(100 / 180)
    assert (found["one_over_sellers"], found["one_over_buyers"]) == (0.5, 1.0)
    assert found["largest_supply_share"] == pytest.approx(0.6)
    assert found["largest_sales_share"] == pytest.approx(4 / 7)
    mean = (30 * 0.1 + 40 * 0.2) / 70
    assert found["price_position"] == pytest.approx((mean - 0.08) / 0.22)
    assert found["feed_in_over_retail"] == pytest.approx(8 / 30)
    assert found["sold_over_supply"] == pytest.approx(0.7)


def test_what_did_not_happen_is_judged_as_what_did():
    """``judge`` from what the measures depend on is ``review`` of a slot: a learner's difference credit asks it of copies."""
    people, record = record_of([NOTHING, NOTHING])
    deals = [Deal(2, 0, 30, 100_000), Deal(2, 1, 40, 200_000)]
    for crowd, slot in (
        (people, record),
        (community(3), slot_record(community(3), [0, 0, 80], [60, 40, 0], deals=deals)),
    ):
        critic = critic_of(crowd)
        np.testing.assert_array_equal(critic.judge(measure(slot, crowd).inputs), critic.review(slot))


def test_features_are_finite_where_nothing_happens():
    assert np.isfinite(features_of(NOTHING)).all()


@pytest.mark.parametrize("seed", range(5))
def test_features_do_not_depend_on_the_order_of_participants(seed):
    order = np.random.default_rng(seed).permutation(5).tolist()
    ours, theirs = features_of(content(seed)), features_of(in_order(content(seed), order))
    assert np.allclose(ours, theirs, rtol=0, atol=1e-12)


def test_a_market_has_the_features_that_it_has_alone():
    assert features_of(content(1), content(2))[1].tobytes() == features_of(content(2))[0].tobytes()


@pytest.mark.parametrize("hidden", [(8, 6), (32, 32), (1, 1)])
def test_the_network_is_the_plain_one(hidden):
    """Against matrix products of numpy; each row has the same bits alone."""
    own, x = network(3, hidden), np.random.default_rng(1).normal(size=(17, len(NAMES)))
    h = np.maximum(np.maximum(x @ own.w1 + own.b1, 0) @ own.w2 + own.b2, 0) @ own.w3 + own.b3
    found = own.scores(x)
    assert np.allclose(found, 1 / (1 + np.exp(-h)), rtol=0, atol=1e-12)
    assert own.scores(x[5:6]).tobytes() == found[5].tobytes()


def test_extreme_weights_stay_in_the_unit_interval():
    own = SurrogateNetwork(*(1e6 * each for each in network()))
    found = own.scores(np.random.default_rng(0).normal(size=(50, len(NAMES))))
    assert ((found >= 0) & (found <= 1)).all()


def test_scores_are_undefined_where_the_measures_are():
    people, record = record_of([NOTHING, ([0, 0, 0, 0, 80], [60, 0, 0, 0, 0], [Deal(4, 0, 30, 100_000)])])
    scores = critic_of(people).review(record)
    assert np.isnan(np.array(scores)[:, 0]).all()
    assert np.isnan(scores.fbs[1])
    assert not np.isnan([scores.ftg[1], scores.fpp[1]]).any()


def test_the_file_gives_the_same_scores(tmp_path):
    write_surrogate(tmp_path / "deep" / "s.npz", Surrogate(network(), ABOUT))
    read = read_surrogate(tmp_path / "deep" / "s.npz")
    assert all(np.array_equal(a, b) for a, b in zip(read.network, network(), strict=True))
    assert {key: read.about[key] for key in ABOUT} == ABOUT
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["s.npz"]


def damaged(tmp_path, **changes):
    arrays = {
        **network()._asdict(),
        "about": np.array(json.dumps({"format": "marketsim surrogate 1", "features": NAMES, **ABOUT})),
    }
    np.savez(tmp_path / "s.npz", **{key: value for key, value in {**arrays, **changes}.items() if value is not None})
    return tmp_path / "s.npz"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"w1": None}, "this is no surrogate"),
        ({"w1": np.zeros((3, 8))}, "do not fit together"),
        ({"b3": np.full(3, np.nan)}, "not finite"),
        ({"b3": np.array([object()] * 3)}, "this is no surrogate"),
        ({"about": np.array("{}")}, "this is no surrogate"),
        ({"about": np.array("[")}, "this is no surrogate"),
        ({"about": np.array(json.dumps({"format": "marketsim surrogate 1", "features": ["ftg"]}))}, "other features"),
    ],
)
def test_a_file_that_is_none_is_told(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        read_surrogate(damaged(tmp_path, **changes))


def test_no_code_comes_with_a_file(tmp_path):
    """Pickled objects are refused, not loaded."""
    import pickle

    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    (tmp_path / "s.npz").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(InputError, match="this is no surrogate"):
        read_surrogate(tmp_path / "s.npz")
    with pytest.raises(InputError, match="this is no surrogate"):
        read_surrogate(damaged(tmp_path, b3=np.array([Trap()], dtype=object)))
    assert not (tmp_path / "sprung").exists()


def test_a_file_that_is_not_there_says_how_to_make_one(tmp_path):
    with pytest.raises(InputError, match="train-surrogate"):
        build(SurrogateCriticParams(file=str(tmp_path / "nix.npz")), critic_context(community(5)))


def audited(server, share, n=30, **changes):
    """Rows of n slots with audits, and the critic."""
    auditor = OllamaCriticParams(host=server.url, cache=False, load_deadline_s=0, deadline_s=5, **changes)
    critic = critic_of(community(5), audit_share=share, auditor=auditor)
    for slot in range(n):
        critic.watch(record_of([content(slot)], slot=slot)[1])
    critic.finish()
    return critic.drain(), critic


def test_audits_are_chosen_by_the_hash_of_the_slot():
    """The same slots whenever they occur, about as many as asked for; more with a larger share."""
    with OllamaServer() as server:
        chosen = [{row.slot for row in audited(server, share)[0] if row.audit_gap} for share in (0.3, 0.3, 0.7, 0.0)]
    assert chosen[0] == chosen[1] < chosen[2]
    assert 0 < len(chosen[0]) < 20
    assert chosen[3] == set()


def test_an_audit_changes_no_score_and_reports_the_difference():
    with OllamaServer(judge=lambda view: {"ftg": 50, "fbs": 50, "fpp": 50}) as server:
        rows, critic = audited(server, 1.0, n=6)
    plain_critic = critic_of(community(5))
    tally = CriticTally()
    tally.count(rows)
    gaps = []
    for row in rows:
        scores = np.array(plain_critic.review(record_of([content(row.slot)], slot=row.slot)[1]))[:, 0]
        assert [math.nan if score is None else score for score in row[3:6]] == pytest.approx(
            scores.tolist(), nan_ok=True
        )
        assert row.source == "surrogate"
        gaps += [abs(score - 0.5) for score, said in zip(scores, row.answer or (), strict=False) if said is not None]
    assert tally.summary()["critic_audit_gap"] == pytest.approx(np.mean(gaps))
    assert critic.facts()["audit_gap"] == pytest.approx(np.mean(gaps))
    assert critic.facts()["auditor"]["digest"] == "a2af6cc3eb7f"


def test_an_audit_that_fails_is_no_fallback():
    with OllamaServer(["500"] * 99) as server:
        rows, critic = audited(server, 1.0, n=3)
    asked = [row for row in rows if row.asked]
    assert asked
    assert all(row.audit_error and row.error is None for row in asked)
    assert critic.facts()["audits"] == 0


def test_a_learner_does_not_wait_for_audits():
    """A review for whose audit there is no room goes on and says so."""
    with OllamaServer(["hang"] * 99) as server:
        auditor = OllamaCriticParams(host=server.url, cache=False, load_deadline_s=0, deadline_s=30, in_flight=1)
        critic = critic_of(community(5), audit_share=1.0, auditor=auditor)
        for slot in range(4):
            critic.review(record_of([content(slot)], slot=slot)[1])
        critic.finish(wait=False)
        rows = critic.drain()
    reasons = [row.audit_error.partition(":")[0] for row in rows if row.audit_error]
    assert reasons == ["run_ended", *["no_room"] * (len(reasons) - 1)]
    assert len(reasons) > 1


def test_drift_is_a_difference_beyond_the_known_error():
    """1.5 times the held-out error plus 0.02, over at least 20 audits."""
    own = Surrogate(network(), ABOUT)
    assert own.drift_limit == pytest.approx(1.5 * 0.04 + 0.02)
    assert own.has_drifted(0.081, LEAST_AUDITS)
    assert not own.has_drifted(0.079, LEAST_AUDITS)
    assert not own.has_drifted(0.5, LEAST_AUDITS - 1)
    assert not own.has_drifted(None, LEAST_AUDITS)


def test_without_a_log_only_audits_are_written_down():
    with OllamaServer() as server:
        auditor = OllamaCriticParams(host=server.url, cache=False, load_deadline_s=0, deadline_s=5)
        critic = critic_of(community(5), audit_share=0.5, auditor=auditor, log=False)
        for slot in range(10):
            critic.watch(record_of([content(slot)], slot=slot)[1])
        critic.finish()
        rows = critic.drain()
    assert 0 < len(rows) < 10
    assert all(row.asked for row in rows)
