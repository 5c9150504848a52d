"""What the money of a scenario is called: a label, which changes no result."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

PLAIN: Final = "currency"
"""Where a scenario does not say."""
MOST_LETTERS: Final = 12
_FORBIDDEN: Final = frozenset("<>&\"'`{}[]()|\\/#%^*:;,=")
_WORD: Final = re.compile(r"\bcurrency\b")


def is_label(text: object) -> bool:
    """Whether a text can stand for a currency: short, printable, no space, digit or sign that means something else."""
    return (
        isinstance(text, str)
        and 0 < len(text) <= MOST_LETTERS
        and text.isprintable()
        and not any(letter.isspace() or letter.isdigit() or letter in _FORBIDDEN for letter in text)
    )


def label_of(about: Mapping[str, object]) -> str:
    """The label in a run's manifest or scenario; the plain word where there is none that can be shown."""
    found = about.get("currency")
    return found if isinstance(found, str) and is_label(found) else PLAIN


def common_label(scenarios: Iterable[Mapping[str, object]]) -> str:
    """The label of several resolved scenarios; the plain word where they differ or do not say."""
    labels = {label_of(scenario) for scenario in scenarios}
    return labels.pop() if len(labels) == 1 else PLAIN


def named(text: str, label: str) -> str:
    """A unit or sentence with the label where ``currency`` stands."""
    return text if label == PLAIN else _WORD.sub(lambda _: label, text)
