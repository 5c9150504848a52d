"""The JSON Schema of scenarios (draft 2020-12), with every registered part, for editors and other tools."""

from __future__ import annotations

from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema

from marketsim.core.errors import MarketsimError
from marketsim.core.params import Params
from marketsim.scenario.agents import BUILT_IN_KINDS, OWNER_SHARE
from marketsim.scenario.choice import Catalog
from marketsim.scenario.draw import LINK
from marketsim.scenario.model import Scenario
from marketsim.scenario.prepare import DEFAULTS

DIALECT: Final = GenerateJsonSchema.schema_dialect
_REFERENCES: Final = "#/$defs/{model}"
_BY_KEY: Final = ("tariff", "engine", "charges", "allocation", "reactive", "metric", "learner", "strategy")
_BY_TAG: Final = {"profile": "source", "critic": "kind"}

Schema = dict[str, Any]


def json_schema(catalog: Catalog) -> Schema:
    """The schema of a scenario that may name any part of ``catalog``."""
    schema = Scenario.model_json_schema(by_alias=True, ref_template=_REFERENCES)
    schema = _linked(schema)
    definitions: Schema = schema.setdefault("$defs", {})
    definitions["distribution"] = _distribution()
    for kind in _BY_KEY:
        definitions[f"choice:{kind}"] = _by_key(kind, catalog, definitions)
    for kind, tag in _BY_TAG.items():
        definitions[f"choice:{kind}:{tag}"] = _by_tag(kind, tag, catalog, definitions)
    _open_agent(definitions["AgentEntry"], catalog, definitions)
    _open_top(schema)
    definitions["GridSection"]["required"] = []
    return {"$schema": DIALECT, "title": "marketsim scenario", **{k: v for k, v in schema.items() if k != "title"}}


def _linked(schema: Any) -> Any:
    """Fields refer to definitions of this module by name; pydantic takes no reference that it has not made."""
    if isinstance(schema, list):
        return [_linked(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        "$ref" if key == LINK else key: f"#/$defs/{item}" if key == LINK else _linked(item)
        for key, item in schema.items()
    }


def _distribution() -> Schema:
    """A mapping with one law as its only key."""
    numbers = {"type": "array", "items": {"type": "number"}}
    laws: dict[str, Schema] = {
        "uniform": {**numbers, "minItems": 2, "maxItems": 2},
        "normal": {**numbers, "minItems": 2, "maxItems": 4},
        "triangular": {**numbers, "minItems": 3, "maxItems": 3},
        "integers": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
        "choice": {"type": "array", "minItems": 1, "items": {"type": ["number", "string", "boolean", "null"]}},
    }
    return {"description": "Drawn for each agent of a group.", **_one_of_keys(laws)}


def _one_of_keys(properties: dict[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }


def _by_key(kind: str, catalog: Catalog, definitions: Schema) -> Schema:
    names = list(catalog.names(kind))
    drawn = kind == "strategy"
    bodies = {name: _or_null(_params(kind, name, catalog, definitions, drawn)) for name in names}
    return {"anyOf": [{"enum": names}, _one_of_keys(bodies)]}


def _by_tag(kind: str, tag: str, catalog: Catalog, definitions: Schema) -> Schema:
    names = list(catalog.names(kind))
    bodies = []
    for name in names:
        body = dict(_params(kind, name, catalog, definitions, False))
        body["properties"] = {tag: {"const": name}, **body.get("properties", {})}
        body["required"] = [tag, *body.get("required", [])]
        bodies.append(body)
    return {"anyOf": [{"enum": names}, *bodies]}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _params(kind: str, name: str, catalog: Catalog, definitions: Schema, drawn: bool) -> Schema:
    """Schema of a part's parameters; its own definitions move to the top under a name of the part."""
    try:
        model = catalog.params(kind, name)
    except MarketsimError as error:
        return {"type": "object", "description": str(error)}
    prefix = f"{kind}.{name}"
    schema = model.model_json_schema(by_alias=True, ref_template=f"#/$defs/{prefix}.{{model}}")
    for own, definition in schema.pop("$defs", {}).items():
        definitions[f"{prefix}.{own}"] = definition
    if model is Params:
        schema.pop("description", None)
    if drawn:
        schema["properties"] = {key: _or_drawn(item) for key, item in schema.get("properties", {}).items()}
    return schema


def _or_drawn(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"$ref": "#/$defs/distribution"}]}


def _open_agent(agent: Schema, catalog: Catalog, definitions: Schema) -> None:
    """Agents have their devices as keys, and the kinds that are registered."""
    share = {"type": "number", "minimum": 0, "maximum": 1, "description": "Part of the group that has the device."}
    for name in catalog.names("device"):
        body = _params("device", name, catalog, definitions, True)
        body["properties"] = {**body.get("properties", {}), OWNER_SHARE: share}
        agent["properties"][name] = _or_null(body)
    kinds = list(dict.fromkeys((*BUILT_IN_KINDS, *catalog.names("agent"))))
    agent["properties"]["kind"] = {**agent["properties"]["kind"], "enum": kinds}


def _open_top(schema: Schema) -> None:
    """What a scenario leaves out has defaults, or stands in the one that it extends."""
    description = "Scenario that this one is laid over, relative to this file and in the folder of the first one."
    schema["properties"]["extends"] = {"type": ["string", "null"], "description": description}
    for key in DEFAULTS:
        schema["properties"][key] = _or_null(schema["properties"][key])
    required = [key for key in schema.pop("required", []) if key not in DEFAULTS and key != "name"]
    schema["anyOf"] = [{"required": required}, {"required": ["extends"]}]
