"""Labels of currencies."""

from __future__ import annotations

import pytest

from marketsim.core.currency import PLAIN, common_label, is_label, label_of, named


@pytest.mark.parametrize("text", ["EUR", "€", "US$", "zł", "kr.", "₺", "A" * 12])
def test_short_printable_names_are_labels(text: str) -> None:
    assert is_label(text)
    assert label_of({"currency": text}) == text
    assert named("1e-9 currency/kWh, currency", text) == f"1e-9 {text}/kWh, {text}"


@pytest.mark.parametrize(
    "text", ["", " ", "A" * 13, "EU R", "E\nR", "<b>", 'E"', "%{x}", "1", "\u202eRUE", "E\x1b", 5, None, ["EUR"], "a/b"]
)
def test_what_could_be_taken_for_something_else_is_none(text: object) -> None:
    """A manifest may be a stranger's: what cannot be shown is the plain word."""
    assert not is_label(text)
    assert label_of({"currency": text}) == PLAIN


def test_scenarios_that_differ_have_no_common_label() -> None:
    assert common_label([{"currency": "EUR"}, {"currency": "EUR"}]) == "EUR"
    assert common_label([{"currency": "EUR"}, {}]) == PLAIN
    assert common_label([]) == PLAIN
