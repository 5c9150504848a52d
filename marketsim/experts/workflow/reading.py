"""Port of whoever reads a description: rules, or a language model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from marketsim.experts.workflow.fields import FieldSpec


class FieldFinding(NamedTuple):
    """What a reader says that the text states."""

    quote: str
    """The words of the text, as they stand there."""
    number: float
    """The number as it stands there."""


class DescriptionReader(Protocol):
    """Whoever reads a description; None: the text does not state it. Failure where there is no answer."""

    def has(self, device: str, text: str) -> str | None:
        """A quotation that says that there is a device of ``DEVICES``."""
        ...

    def find(self, field: FieldSpec, text: str) -> FieldFinding | None:
        """What the text states of a field."""
        ...

    def choose(self, question: str, choices: Sequence[str], text: str) -> str | None:
        """The one of some choices that answers a question about the text; None: none of them.

        Asked where an answer was not borne out by the text, or where one number was said to be two things.
        """
        ...
