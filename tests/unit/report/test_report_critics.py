"""The critic beside the rule."""

import numpy as np
import pytest

from marketsim.report.critics import critic_view


class Logged:
    """A run with a critic's log."""

    def __init__(self, *entries):
        self.critiques = [
            {
                "slot": slot,
                "market": market,
                "ftg": ftg,
                "fbs": None,
                "fpp": 0.5,
                "source": source,
                "latency_s": 2.0,
                "error": error,
            }
            for slot, market, ftg, source, error in entries
        ]


SERIES = {"ftg": np.array([0.2, 0.4, np.nan]), "fbs": np.array([0.1, 0.1, 0.1]), "fpp": np.array([0.5, 0.5, 0.5])}
SLOTS = np.arange(3)


def test_differences_are_those_of_the_same_slot():
    """Slots that the critic skipped and scores that one of them leaves undefined do not count."""
    view = critic_view(Logged((1, 0, 0.9, "model", None), (2, 0, 0.7, "model", None)), SERIES, SLOTS)
    assert view.mean_difference["ftg"] == pytest.approx(0.5)
    assert np.isnan(view.mean_difference["fbs"])
    assert view.mean_difference["fpp"] == 0.0
    assert [(each.slot, each.score) for each in view.largest] == [(1, "ftg")]


def test_sources_and_failures_are_counted():
    view = critic_view(
        Logged((0, 0, 0.2, "model", None), (1, 0, 0.4, "rule", "timed out"), (0, 1, 0.9, "model", None)), SERIES, SLOTS
    )
    assert view.sources == {"model": 1, "rule": 1}
    assert view.errors == {"timed out": 1}
    assert not view.is_rule
    assert view.latency_median_s == 2.0


def test_a_run_of_the_rule_alone_is_told():
    assert critic_view(Logged((0, 0, 0.2, "rule", None)), SERIES, SLOTS).is_rule


def test_without_a_log_there_is_nothing_to_show():
    assert critic_view(Logged(), SERIES, SLOTS) is None
