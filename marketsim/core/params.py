"""Bases of every parameter model; the one place of the core that knows pydantic."""

from __future__ import annotations

from typing import Final, Self

from pydantic import BaseModel, ConfigDict, model_validator

OR_NAME: Final = "marketsim-or-name"
"""Key in the JSON Schema of a model whose keys may stand for themselves: ``x`` for ``{x: {}}``."""


class Params(BaseModel):
    """Parameters of a part that a scenario can name: frozen, no unknown keys, finite numbers only."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True, use_attribute_docstrings=True
    )


class OneOf(Params):
    """Exactly one of its keys with parameters of its own, or the name of that key alone."""

    model_config = ConfigDict(json_schema_extra={OR_NAME: True})

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: object) -> object:
        return {value: {}} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if len(self.set_keys) != 1:
            raise ValueError(f"choose exactly one of {', '.join(type(self).model_fields)}")
        return self

    @property
    def set_keys(self) -> tuple[tuple[str, Params], ...]:
        """Keys that are set with their parameters; one in a valid choice."""
        return tuple((name, own) for name in type(self).model_fields if (own := getattr(self, name)) is not None)

    @property
    def chosen(self) -> Params:
        """Parameters of the chosen key."""
        return self.set_keys[0][1]
