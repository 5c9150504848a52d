"""Bases of every parameter model; the one place of the core that knows pydantic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Final, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema

from marketsim.core.fence import Fence
from marketsim.core.field_docs import field_docs
from marketsim.core.named_file import NamedFile

if TYPE_CHECKING:
    from marketsim.core.build import AgentSpec

JsonSchema: TypeAlias = dict[str, Any]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
OR_NAME: Final = "marketsim-or-name"
"""Key in the JSON Schema of a model whose keys may stand for themselves: ``x`` for ``{x: {}}``."""


class Params(BaseModel):
    """Parameters of a part that a scenario can name: frozen, no unknown keys, finite numbers only.

    What is asked of a scenario before anything is built, its parameters say themselves: those that have a power, a price, a
    scale or a file override the method of it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchema:
        """The schema, with what stands below each field as its description."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        docs = field_docs(cls)
        for name, field in cls.model_fields.items():
            key = field.alias or name
            if key in properties and name in docs:
                properties[key].setdefault("description", docs[name])
        return schema

    def largest_power_kw(self) -> float:
        """Largest power that a device of these parameters draws or injects [kW]; 0: it is known when it is built."""
        return 0.0

    def largest_price(self) -> float:
        """Largest magnitude of a price in them [currency/kWh]; 0: none is known before the slots."""
        return 0.0

    def largest_scale(self) -> float:
        """Largest factor by which they scale the powers of agents [-]."""
        return 1.0

    def plant_scale(self) -> float:
        """Factor by which series of these parameters scale every PV plant beyond its rating [-]."""
        return 1.0

    def serves_anybody(self) -> bool:
        """Whether a source of these parameters has series for agents that the scenario did not name."""
        return True

    def tells_pv_of(self, agent: AgentSpec) -> bool:  # noqa: ARG002 - of all but files
        """Whether the PV that a source of these parameters has of an agent is all that its plant generates."""
        return True

    def without_rows(self) -> Self:
        """The same for a part that need not keep rows of what it did, where that can be chosen."""
        return self

    def files_read(self) -> tuple[str, ...]:
        """Files that are read whole when the part is built; where there are any, validation builds it."""
        return ()

    def files_named(self, fence: Fence, at: str) -> Iterator[NamedFile]:  # noqa: ARG002 - of parameters without files
        """Files that validation looks at without building the part; ``at`` is where the parameters stand in the scenario."""
        return iter(())

    def clients_named(self, at: str) -> tuple[tuple[str, str], ...]:  # noqa: ARG002 - of parameters that ask no model
        """(path in the scenario, name) of parts of the kind ``model`` that are to be asked; ``at`` as for ``files_named``."""
        return ()

    def asking(self, at: str) -> tuple[tuple[str, Params], ...]:  # noqa: ARG002 - of parameters that ask no model
        """(path in the scenario, parameters) of whoever asks a language model here; ``at`` as for ``files_named``."""
        return ()


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
