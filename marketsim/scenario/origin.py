"""Where an imported scenario comes from: the report that the import wrote beside it, read as data.

The scenario names it under ``origin``; a run writes it into its manifest and tells what was left out.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, TypeAlias

from pydantic import Field, ValidationError

from marketsim.core.errors import Problem, ScenarioError
from marketsim.core.fence import Fence
from marketsim.core.files import MIB, json_value, read_text
from marketsim.core.params import Params

MOST_BYTES: Final = 4 * MIB
_MOST_NOTES: Final = 40

Sentence: TypeAlias = Annotated[str, Field(min_length=1, max_length=1_000)]
Sentences: TypeAlias = Annotated[tuple[Sentence, ...], Field(max_length=10_000)]


class ComparedSum(Params):
    """A sum over the source and over what was written of it."""

    what: Sentence
    source: Sentence
    """File of the source and what in it."""
    source_sum: float
    """Sum in the source, in ``unit``."""
    written: Sentence
    """Table or key of agents."""
    written_sum: float
    """Sum as the program reads it from there, in ``unit``."""
    unit: Annotated[str, Field(min_length=1, max_length=20)]


class Origin(Params):
    """What an import did."""

    importer: Sentence
    version: Sentence
    """Of marketsim."""
    source: Sentence
    """As the user named it, without the folders above."""
    files: Annotated[dict[Sentence, Sentence], Field(max_length=100_000)]
    """SHA-256 of each file that was read."""
    options: dict[Sentence, Any]
    """Parameters of the importer, every default visible."""
    taken: Sentences
    assumed: Sentences
    left_out: Sentences
    sums: Annotated[tuple[ComparedSum, ...], Field(max_length=1_000_000)]
    """Energies and other sums, compared."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What whoever runs the scenario should know."""
        told = tuple(f"The import ({self.importer}) left out: {each}" for each in self.left_out)
        more = len(told) - _MOST_NOTES
        return told if more <= 0 else (*told[:_MOST_NOTES], f"The import left out {more} more things; see its report.")


def text_of_origin(origin: Origin) -> str:
    """The report as its file holds it."""
    return json.dumps(origin.model_dump(mode="json"), indent=1) + "\n"


def read_origin(name: str, fence: Fence) -> Origin:
    """The report that a scenario names; ScenarioError where it is none."""
    path = fence.file(name, ScenarioError, "the report of an import")
    value = json_value(read_text(path, MOST_BYTES, ScenarioError), path, ScenarioError)
    try:
        return Origin.model_validate(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        places = [".".join(str(part) for part in each["loc"]) for each in found]
        hint = "import the data again with marketsim import, or leave origin out"
        told = [f"no report of an import: {at}: {each['msg']}" for each, at in zip(found, places, strict=True)]
        wrong = [Problem(message, hint=hint, file=str(path)) for message in told]
        raise ScenarioError(wrong[:20]) from None
