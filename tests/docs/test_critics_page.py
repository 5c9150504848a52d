"""The page of critics says what the code says."""

import json
import re
from pathlib import Path

import pytest

from marketsim.builtin import built_in_registry
from marketsim.core.language_model import REASONS
from marketsim.fairness.critic import Critique
from marketsim.fairness.prompt import WORDINGS
from marketsim.fairness.surrogate_features import NAMES
from marketsim.fairness.surrogate_file import DRIFT_FACTOR, DRIFT_SLACK, LEAST_AUDITS
from marketsim.learning.surrogate import HIDDEN

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "critics.md").read_text(encoding="utf-8")


def test_every_critic_is_on_the_page():
    assert all(f"| `{name}`" in PAGE for name in built_in_registry().names("critic"))


@pytest.mark.parametrize("wording", WORDINGS)
def test_the_page_has_what_the_model_is_told(wording):
    """To the letter."""
    assert f"```text\n{WORDINGS[wording]}\n```" in PAGE


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_explained(reason):
    assert f"| `{reason}` | {REASONS[reason]} |" in PAGE


def test_every_field_of_the_log_is_named():
    words = {word for span in re.findall(r"`([^`\n]+)`", PAGE) for word in span.split()}
    assert set(Critique._fields) <= words


def test_the_example_of_a_slot_is_one():
    example = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1]
    assert {"retail", "feed_in", "tradable_wh", "traded_wh", "sellers", "buyers"} == set(json.loads(example))


def test_numbers_of_the_surrogate_are_those_of_the_code():
    assert f"two hidden layers of {HIDDEN} units" in PAGE
    assert f"{len(NAMES)} numbers of a slot" in PAGE
    flat = " ".join(PAGE.split())
    assert (
        f"over at least {LEAST_AUDITS} answers exceeds {DRIFT_FACTOR} times its own held-out error plus {DRIFT_SLACK}"
        in flat
    )
