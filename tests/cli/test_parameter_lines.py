"""Parameters of a part as lines for people."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import Field

from marketsim.builtin import built_in_registry
from marketsim.cli.parameters import parameter_lines
from marketsim.core.params import Params


class Inner(Params):
    """Something with keys of its own."""

    depth: int = Field(3, ge=1, lt=9, description="How deep.")


class Outer(Params):
    """A part."""

    mode: Literal["slow", "fast"] = Field("slow", description="Which\n  of both.")
    share: float = Field(0.5, gt=0, le=1, description="Share [-].")
    limit_kw: float | None = Field(None, ge=0, description="Limit [kW]; none: no limit.")
    named: str = Field(description="A name.")
    on: bool = Field(True, description="Whether it runs.")
    pair: tuple[int, int] = Field((1, 2), description="Two numbers.")
    inner: Inner = Field(Inner(depth=4), description="Nested.")
    many: list[Inner] = Field([], description="Several.")
    by_name: dict[str, Inner] = Field({}, description="By name.")


LINES = """\
  mode: slow or fast, default slow
      Which of both.
  share: number > 0 and <= 1, default 0.5
      Share [-].
  limit_kw: number >= 0 or null, default none
      Limit [kW]; none: no limit.
  named: text, required
      A name.
  on: true or false, default true
      Whether it runs.
  pair: list of 2: whole number, default [1, 2]
      Two numbers.
  inner: {depth}, default {depth: 4}
      Nested.
      depth: whole number >= 1 and < 9, default 3
          How deep.
  many: list of {depth}, default []
      Several.
      depth: whole number >= 1 and < 9, default 3
          How deep.
  by_name: mapping of names to {depth}, default {}
      By name.
      depth: whole number >= 1 and < 9, default 3
          How deep.
"""


def test_every_kind_of_parameter_in_plain_words():
    """Choices, bounds, defaults, and nested keys below their parameter."""
    assert "\n".join(parameter_lines(Outer.model_json_schema())) + "\n" == LINES


@pytest.mark.parametrize("entry", built_in_registry().entries(None), ids=lambda entry: f"{entry.kind}-{entry.name}")
def test_no_line_of_a_built_in_part_speaks_python(entry):
    """No class paths, annotations or Python literals."""
    schema = built_in_registry().params(entry.kind, entry.name).model_json_schema(by_alias=True)
    for line in parameter_lines(schema):
        written = line.split(": ", 1)[-1].split(",")[0]
        for word in ("Literal", "marketsim.", " None", "True", "False", "typing", "<class", "$ref"):
            assert word not in written, line
