"""The page of critics says what the code says."""

import json
import re
from pathlib import Path

import pytest

from marketsim.builtin import built_in_registry
from marketsim.core.language_model import REASONS
from marketsim.fairness.critic import Critique
from marketsim.fairness.prompt import WORDINGS
from marketsim.fairness.slot import measure
from marketsim.fairness.slot_view import slot_views
from marketsim.fairness.surrogate_features import NAMES
from marketsim.fairness.surrogate_file import DRIFT_FACTOR, DRIFT_SLACK, LEAST_AUDITS
from marketsim.learning.surrogate import HIDDEN
from marketsim.testing.records import Deal, slot_record
from marketsim.testing.worlds import community

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "critics.md").read_text(encoding="utf-8")


def test_every_critic_is_on_the_page():
    assert all(f"| `{name}`" in PAGE for name in built_in_registry().names("critic"))


@pytest.mark.parametrize("wording", WORDINGS)
def test_the_page_has_what_the_model_is_told(wording):
    """To the letter."""
    assert f"```\n{WORDINGS[wording]}\n```" in PAGE


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_is_explained(reason):
    assert f"| `{reason}` | {REASONS[reason]} |" in PAGE


def test_every_field_of_the_log_is_named():
    words = {word for span in re.findall(r"`([^`\n]+)`", PAGE) for word in span.split()}
    assert set(Critique._fields) <= words


def test_the_example_of_a_slot_is_one():
    example = re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1]
    said = json.loads(example)
    people = community(3)
    deals = [Deal(2, 0, 30, 100_000), Deal(2, 1, 40, 200_000), Deal(2, 0, 10, 180_000)]
    record = slot_record(people, [0, 0, 90], [60, 40, 0], deals=deals)
    (view,) = slot_views(record, people, measure(record, people), [0])
    assert json.loads(view.text()) == said


def test_numbers_of_the_surrogate_are_those_of_the_code():
    assert f"two hidden layers of {HIDDEN} units" in PAGE
    assert f"{len(NAMES)} numbers of a slot" in PAGE
    flat = " ".join(PAGE.split())
    assert (
        f"over at least {LEAST_AUDITS} answers exceeds {DRIFT_FACTOR} times its own held-out error plus {DRIFT_SLACK}"
        in flat
    )
