"""Answers of a real model, as recorded: they replay on today's slots, and the page says what they are worth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

import marketsim as ms
from marketsim.fairness.critic_log import read_log

ROOT = Path(__file__).resolve().parents[2]
RECORDED = ROOT / "tests/golden/critic"
LOG = RECORDED / "judged.jsonl"
SCORES = ("FTG", "FBS", "FPP")


@pytest.fixture(scope="module")
def answered():
    """(model, rule) [n, 3] of all slots that the model was asked about."""
    rows = [row for row in read_log(LOG) if row.answer is not None]
    return np.array([row.answer for row in rows], dtype=float), np.array([row.rule for row in rows], dtype=float)


def test_one_model_has_answered_at_least_three_hundred_questions(answered):
    rows = [row for row in read_log(LOG) if row.answer is not None]
    assert len(rows) >= 300
    assert {(row.model, row.wording) for row in rows} == {("qwen2.5-coder:1.5b", "formulas")}
    assert len({row.digest for row in rows}) == 1
    assert LOG.stat().st_size < 1_000_000


def test_the_recorded_slots_are_those_of_today():
    """A replay refuses a slot whose inputs differ from what was judged; scores are the model's where it answered."""
    rows = read_log(LOG)
    replay = {"clock.slots": len(rows), "critic": {"kind": "replay", "file": "judged.jsonl"}}
    run = ms.simulate(ms.load_scenario(RECORDED / "pilot_varied.yaml", replay))
    said = [(row.slot, row.ftg, row.fbs, row.fpp) for row in rows]
    assert [(each["slot"], each["ftg"], each["fbs"], each["fpp"]) for each in run.critiques] == said


def test_the_page_says_what_the_answers_are_worth(answered):
    """Mean error, that of the best constant, and the rank correlation with the rule, score by score."""
    page = (ROOT / "docs/critics.md").read_text(encoding="utf-8")
    model, rule = answered
    for column, name in enumerate(SCORES):
        known = np.isfinite(model[:, column]) & np.isfinite(rule[:, column])
        said, right = model[known, column], rule[known, column]
        error, constant = np.abs(said - right).mean(), np.abs(right - np.median(right)).mean()
        rank, highest = spearmanr(said, right).statistic, np.mean(said == 1.0)
        row = f"| {name} | {known.sum()} | {error:.3f} | {constant:.3f} | {rank:.2f} | {100 * highest:.0f} % |"
        assert row in page, row
