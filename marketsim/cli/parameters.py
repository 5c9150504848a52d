"""Parameters of a part as lines for people: what may be written, the default, the meaning; nested ones below."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from marketsim.core.params import JsonSchema

_KINDS: Final = {"string": "text", "integer": "whole number", "boolean": "true or false", "null": "null"}
_BOUNDS: Final = (("minimum", ">="), ("exclusiveMinimum", ">"), ("maximum", "<="), ("exclusiveMaximum", "<"))


def parameter_lines(schema: JsonSchema, indent: str = "  ") -> Iterator[str]:
    """Lines for the parameters of a JSON Schema made from a parameter model."""
    yield from _lines(schema, schema.get("$defs", {}), indent)


def _lines(schema: JsonSchema, defs: JsonSchema, indent: str) -> Iterator[str]:
    required = schema.get("required", ())
    for name, item in schema.get("properties", {}).items():
        shown = (
            ", required" if name in required else f", default {_shown(item['default'])}" if "default" in item else ""
        )
        yield f"{indent}{name}: {_kind(item, defs)}{shown}"
        if item.get("description"):
            yield f"{indent}    {' '.join(item['description'].split())}"
        for nested in _nested(item, defs):
            yield from _lines(nested, defs, indent + "    ")


def _resolved(item: JsonSchema, defs: JsonSchema) -> JsonSchema:
    found: JsonSchema = defs[item["$ref"].rsplit("/", 1)[-1]] if "$ref" in item else item
    return found


def _nested(item: JsonSchema, defs: JsonSchema) -> list[JsonSchema]:
    """Mappings with keys of their own that may be written here."""
    inner = [item, *item.get("anyOf", ())]
    inner += [part[key] for part in tuple(inner) for key in ("items", "additionalProperties") if _is_schema(part, key)]
    return [found for found in (_resolved(part, defs) for part in inner) if found.get("properties")]


def _is_schema(item: JsonSchema, key: str) -> bool:
    return isinstance(item.get(key), Mapping)


def _kind(item: JsonSchema, defs: JsonSchema) -> str:
    item = _resolved(item, defs)
    if "anyOf" in item:
        return " or ".join(dict.fromkeys(_kind(option, defs) for option in item["anyOf"]))
    if "enum" in item or "const" in item:
        return " or ".join(str(value) for value in item.get("enum", [item.get("const")]))
    kind = item.get("type", "any")
    if kind == "array" and "prefixItems" in item:
        return f"list of {len(item['prefixItems'])}: {_kind(item['prefixItems'][0], defs)}"
    if kind == "array":
        return f"list of {_kind(item.get('items', {}), defs)}"
    if kind == "object" and _is_schema(item, "additionalProperties"):
        return f"mapping of names to {_kind(item['additionalProperties'], defs)}"
    if kind == "object":
        return "{" + ", ".join(item.get("properties", ())) + "}"
    bounds = [f" {sign} {item[key]:g}" for key, sign in _BOUNDS if key in item]
    return str(_KINDS.get(kind, kind)) + " and".join(bounds)


def _shown(default: Any) -> str:
    """A default as it would be written in a scenario; keys that are not set left out."""
    if isinstance(default, Mapping):
        return "{" + ", ".join(f"{key}: {_shown(value)}" for key, value in default.items() if value is not None) + "}"
    if isinstance(default, list):
        return "[" + ", ".join(_shown(value) for value in default) + "]"
    if isinstance(default, bool):
        return str(default).lower()
    return "none" if default is None else str(default)
