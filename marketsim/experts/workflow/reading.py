"""Port of whoever reads a description: rules, or a language model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from marketsim.experts.workflow.fields import FieldSpec
from marketsim.experts.workflow.quantities import Quantity


class FieldFinding(NamedTuple):
    """What a reader says that the text states."""

    quote: str
    """The words of the text, as they stand there."""
    number: float
    """The number as it stands there."""


class DescriptionReader(Protocol):
    """Whoever reads a description; None: the text does not state it. Failure where there is no answer.

    ``wrong`` is what is wrong with what was answered before; empty: it is asked for the first time.
    """

    def has(self, device: str, text: str, wrong: str = "") -> str | None:
        """A quotation that says that there is a device of ``DEVICES``."""
        ...

    def find(self, field: FieldSpec, text: str, wrong: str = "") -> FieldFinding | None:
        """What the text states of a field."""
        ...

    def which(self, quantity: Quantity, fields: Sequence[FieldSpec], text: str) -> str | None:
        """Path of the one of these fields that a quantity of the text states, when each of them was said to be it."""
        ...
