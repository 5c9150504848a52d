"""Who owns a shared asset, as scenarios write it: ``equal``, ``{class: NAME}``, or parts by the names of members."""

from __future__ import annotations

import math
from typing import Annotated, Any, Final, TypeAlias

from pydantic import PlainValidator, WithJsonSchema

from marketsim.core.build import Owners

_CLASS: Final = "class"
_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [
        {"const": "equal"},
        {
            "type": "object",
            "properties": {_CLASS: {"type": "string"}},
            "required": [_CLASS],
            "additionalProperties": False,
        },
        {"type": "object", "additionalProperties": {"type": "number", "exclusiveMinimum": 0}},
        {"type": "null"},
    ]
}


def read_owners(value: Any) -> Owners | None:
    """ValueError for what is none of them."""
    match value:
        case None | Owners():
            return value
        case "equal":
            return Owners()
        case {"class": str(name)} if len(value) == 1:
            return Owners(income_class=name)
        case dict() if value and all(isinstance(name, str) and _is_part(part) for name, part in value.items()):
            return Owners(parts=tuple((name, float(part)) for name, part in value.items()))
    raise ValueError("must be equal, {class: NAME of an income class}, or {NAME of a member: PART above 0, ...}")


def _is_part(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and 0 < value <= 1e6


def written_owners(owners: Owners | None) -> str | dict[str, Any] | None:
    """As a scenario declares it."""
    if owners is None:
        return None
    if owners.parts:
        return dict(owners.parts)
    return "equal" if owners.income_class is None else {_CLASS: owners.income_class}


MaybeOwners: TypeAlias = Annotated[Owners | None, PlainValidator(read_owners), WithJsonSchema(_SCHEMA)]
