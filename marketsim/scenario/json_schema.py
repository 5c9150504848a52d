"""The JSON Schema of scenarios (draft 2020-12), with every registered part, for editors and other tools."""

from __future__ import annotations

from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema

from marketsim.core.errors import MarketsimError
from marketsim.core.game import MARKET
from marketsim.core.params import OR_NAME, JsonSchema, Params
from marketsim.scenario.agents import BUILT_IN_KINDS, OWNER_SHARE
from marketsim.scenario.choice import Catalog
from marketsim.scenario.draw import LINK
from marketsim.scenario.model import Scenario
from marketsim.scenario.older import MARKET_SETTINGS
from marketsim.scenario.prepare import DEFAULTS, MAYBE_NULL, TAGS
from marketsim.scenario.quantity import BOUNDS

DIALECT: Final = GenerateJsonSchema.schema_dialect
_REFERENCES: Final = "#/$defs/{model}"
_BY_KEY: Final = (
    "tariff",
    "engine",
    "charges",
    "allocation",
    "reactive",
    "gate",
    "settlement",
    "sharing",
    "metric",
    "learner",
    "game",
    "expert",
    "strategy",
)
_BY_TAG: Final = {"profile": "profiles", "critic": "critic"}
"""Kinds that are named beside their parameters, and the section in which."""

_CHOICES: Final[dict[str, JsonSchema]] = {
    "integer": {"type": ["integer", "null"]},
    "text": {"type": "string"},
    "value": {"type": ["number", "string", "boolean", "null"]},
}
"""What is drawn by choice alone, or as a whole number."""


def json_schema(catalog: Catalog) -> JsonSchema:
    """The schema of a scenario that may name any part of ``catalog``."""
    schema = Scenario.model_json_schema(by_alias=True, ref_template=_REFERENCES)
    schema = _linked(schema)
    definitions: JsonSchema = schema.setdefault("$defs", {})
    for name, bounds in {"number": {}, **BOUNDS}.items():
        number: JsonSchema = {"type": "number", **bounds}
        choice: JsonSchema = (
            number if bounds else {"type": ["number", "null"]}
        )  # null is a value of some parts' parameters
        definitions[f"distribution:{name}"] = _distribution(number, choice)
    for name, item in _CHOICES.items():
        laws = {"integers": _array({"type": "integer"}, 2, 2)} if name == "integer" else {}
        definitions[f"distribution:{name}"] = _one_of_keys({**laws, "choice": _array(item, 1)})
    for kind in _BY_KEY:
        definitions[f"choice:{kind}"] = _by_key(kind, catalog, definitions)
    _open_game(definitions)
    for kind, section in _BY_TAG.items():
        definitions[f"choice:{kind}:{TAGS[section]}"] = _by_tag(kind, section, catalog, definitions)
    _open_agent(definitions["AgentEntry"], catalog, definitions)
    _open_top(schema)
    grid = definitions["GridSection"]
    grid["required"] = []
    grid["properties"]["gate"] = _or_null(grid["properties"]["gate"])
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


def _distribution(number: JsonSchema, choice: JsonSchema) -> JsonSchema:
    """A mapping with one law as its only key, all of whose values are such numbers, or one of such values."""
    mean: JsonSchema = {"type": "number", **({"minimum": 0} if len(number) > 1 else {})}
    end = {"minimum" if key == "exclusiveMinimum" else key: item for key, item in number.items()}
    laws: dict[str, JsonSchema] = {
        "uniform": _array(number, 2, 2),
        "normal": {
            "type": "array",
            "prefixItems": [mean, {"type": "number", "minimum": 0}, end, end],
            "anyOf": [{"minItems": 2, "maxItems": 2}, {"minItems": 4, "maxItems": 4}],
        },
        "triangular": _array(number, 3, 3),
        "integers": _array({**number, "type": "integer"}, 2, 2),
        "choice": _array(choice, 1),
    }
    return {"description": "Drawn for each agent of a group.", **_one_of_keys(laws)}


def _array(items: JsonSchema, least: int, most: int | None = None) -> JsonSchema:
    return {"type": "array", "items": items, "minItems": least, **({} if most is None else {"maxItems": most})}


def _one_of_keys(properties: dict[str, JsonSchema]) -> JsonSchema:
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }


def _by_key(kind: str, catalog: Catalog, definitions: JsonSchema) -> JsonSchema:
    names = list(catalog.names(kind))
    drawn = kind == "strategy"
    bodies = {name: _or_null(_params(kind, name, catalog, definitions, drawn)) for name in names}
    return {"anyOf": [{"enum": names}, _one_of_keys(bodies)]}


def _by_tag(kind: str, section: str, catalog: Catalog, definitions: JsonSchema) -> JsonSchema:
    names, tag = list(catalog.names(kind)), TAGS[section]
    bodies = []
    for name in names:
        body = dict(_params(kind, name, catalog, definitions, False))
        chosen = [] if name == DEFAULTS[section] else [tag]
        body["properties"] = {tag: {"const": name} if chosen else {"enum": [name, None]}, **body.get("properties", {})}
        body["required"] = [*chosen, *body.get("required", [])]
        bodies.append(body)
    return {"anyOf": [{"enum": names}, *bodies]}


def _open_game(definitions: JsonSchema) -> None:
    """The settings of the market game may stand without its name, as older versions wrote them."""
    choice = definitions["choice:game"]
    [market] = [each[MARKET] for each in (branch.get("properties", {}) for branch in choice["anyOf"]) if MARKET in each]
    settings = next(branch for branch in market["anyOf"] if "properties" in branch)
    known = {key: item for key, item in settings["properties"].items() if key in MARKET_SETTINGS}
    said = f"Settings of {MARKET}, as older versions wrote them."
    choice["anyOf"].append({**settings, "properties": known, "description": said})


def _or_null(schema: JsonSchema) -> JsonSchema:
    said: JsonSchema = {key: schema[key] for key in ("description", "default") if key in schema}
    return {"anyOf": [{key: item for key, item in schema.items() if key not in said}, {"type": "null"}], **said}


def _params(kind: str, name: str, catalog: Catalog, definitions: JsonSchema, drawn: bool) -> JsonSchema:
    """Schema of a part's parameters; its own definitions move to the top under a name of the part."""
    try:
        model = catalog.params(kind, name)
    except MarketsimError as error:
        return {"type": "object", "description": str(error)}
    prefix = f"{kind}.{name}"
    schema = model.model_json_schema(by_alias=True, ref_template=f"#/$defs/{prefix}.{{model}}")
    for own, definition in schema.pop("$defs", {}).items():
        definitions[f"{prefix}.{own}"] = _or_name(_drawn(definition) if drawn else definition)
    if model is Params:
        schema.pop("description", None)
    return _drawn(schema) if drawn else schema


def _or_name(schema: JsonSchema) -> JsonSchema:
    """A model of ``OneOf``: the name of a key, or a mapping in which one key is not null."""
    if not schema.pop(OR_NAME, False):
        return schema
    names = list(schema["properties"])
    one = [{"properties": {name: {"type": "object"}}, "required": [name]} for name in names]
    return {"anyOf": [{"enum": names}, {**schema, "oneOf": one}]}


def _drawn(schema: JsonSchema) -> JsonSchema:
    """A model each of whose values may be drawn."""
    return {**schema, "properties": {key: _or_drawn(item) for key, item in schema.get("properties", {}).items()}}


def _or_drawn(schema: JsonSchema) -> JsonSchema:
    """A value, or what it is drawn from; of a list each item by itself."""
    if schema.get("type") == "array":
        items = [_or_drawn(item) for item in schema.get("prefixItems", ())]
        return {**schema, "prefixItems": items} if items else schema
    types = {branch.get("type") for branch in (schema, *schema.get("anyOf", ()))}
    law = "number" if "number" in types else "integer" if "integer" in types else "value"
    return {"anyOf": [schema, {"$ref": f"#/$defs/distribution:{law}"}]}


def _open_agent(agent: JsonSchema, catalog: Catalog, definitions: JsonSchema) -> None:
    """Agents have their devices as keys, and the kinds that are registered."""
    share = {"type": "number", "minimum": 0, "maximum": 1, "description": "Part of the group that has the device."}
    for name in catalog.names("device"):
        body = _params("device", name, catalog, definitions, True)
        body["properties"] = {**body.get("properties", {}), OWNER_SHARE: share}
        agent["properties"][name] = _or_null(body)
    for key in MAYBE_NULL:
        agent["properties"][key] = _or_null(agent["properties"][key])
    kinds = list(dict.fromkeys((*BUILT_IN_KINDS, *catalog.names("agent"))))
    agent["properties"]["kind"] = {**agent["properties"]["kind"], "enum": kinds}


def _open_top(schema: JsonSchema) -> None:
    """What a scenario leaves out has defaults, or stands in the one that it extends."""
    description = "Scenario that this one is laid over, relative to this file and in the folder of the first one."
    schema["properties"]["extends"] = {"type": ["string", "null"], "description": description}
    required = [key for key in schema.pop("required", []) if key not in DEFAULTS and key != "name"]
    for key in schema["properties"].keys() - {*required, "extends"}:
        schema["properties"][key] = _or_null(schema["properties"][key])
    schema["anyOf"] = [{"required": required}, {"required": ["extends"]}]
