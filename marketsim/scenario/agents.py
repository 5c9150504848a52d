"""Agents as scenarios declare them: one by one, or as groups whose numbers are drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias

from pydantic import Field, PlainValidator, ValidationInfo, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue, SkipJsonSchema

from marketsim.core.params import Params
from marketsim.scenario import quantity
from marketsim.scenario.choice import Context, chosen, context_of, default, find_model, validate_params
from marketsim.scenario.draw import LINK, Draw, fill, read_template, varies
from marketsim.scenario.owners import MaybeOwners
from marketsim.scenario.problems import Detail, InvalidValue, holds
from marketsim.scenario.tree import Loc

BUILT_IN_KINDS: Final = ("prosumer", "consumer")
MAX_COUNT: Final = 250_000
OWNER_SHARE: Final = "owner_share"
"""Key beside a device's parameters: the part of the group that has the device, each agent with this probability."""


class PartTemplate(NamedTuple):
    """A device or strategy of a group before its numbers are drawn."""

    name: str
    model: type[Params]
    template: dict[str, Any]
    """Parameters as written, with a ``Draw`` in place of each distribution."""
    fixed: Params | None
    """The parameters, where nothing is drawn: the same for all."""
    owner_share: float | None = None
    """Probability with which each agent of the group has the device; None: all have it."""


def read_part(
    name: str, raw: dict[str, Any], model: type[Params], loc: Loc, owner_share: float | None = None
) -> PartTemplate:
    """A part of a group. Distributions are checked at their medians here, and at each agent's draw later."""
    template = read_template(raw, loc)
    part = PartTemplate(name, model, template, None, owner_share)
    params = drawn_params(part, _median, loc)
    return part if varies(template) else part._replace(fixed=params)


def drawn_params(part: PartTemplate, uniform: Callable[[Loc], float], loc: Loc) -> Params:
    """Parameters of one agent; ``InvalidValue`` with the distribution beside a value that the part's model refuses."""
    try:
        return validate_params(part.model, fill(part.template, uniform, loc), loc, (OWNER_SHARE,))
    except InvalidValue as error:
        details = [detail._replace(hint=_origin(part.template, detail, len(loc))) for detail in error.details]
    raise InvalidValue(details)


def _origin(template: Any, detail: Detail, head: int) -> str:
    for key in detail.loc[head:]:
        template = template[key] if holds(template, key) else None
    return f"drawn from {template.law}: {list(template.arguments)}" if isinstance(template, Draw) else detail.hint


def _median(_: Loc) -> float:
    return 0.5


def _read_strategy(value: object, info: ValidationInfo) -> PartTemplate:
    name, raw = chosen("strategy", value)
    return read_part(name, raw, find_model("strategy", name, context_of(info)), (name,))


def _read_devices(value: dict[str, Any], info: ValidationInfo) -> dict[str, PartTemplate]:
    parts: dict[str, PartTemplate] = {}
    wrong: list[Detail] = []
    for name, raw in value.items():
        try:
            if raw is not None:  # ``null`` takes away what an extended scenario gave
                parts[name] = _read_device(name, raw, context_of(info))
        except InvalidValue as error:
            wrong += error.details
    if wrong:
        raise InvalidValue(wrong)
    return parts


def _read_device(name: str, raw: object, context: Context) -> PartTemplate:
    if not isinstance(raw, dict):
        raise InvalidValue([Detail((name,), "must be a mapping of the device's parameters", raw)])
    share = _owner_share(raw, (name, OWNER_SHARE))
    parameters = {key: item for key, item in raw.items() if key != OWNER_SHARE}
    return read_part(name, parameters, find_model("device", name, context, (name,)), (name,), share)


def _owner_share(raw: dict[str, Any], loc: Loc) -> float | None:
    if OWNER_SHARE not in raw:
        return None
    share = raw[OWNER_SHARE]
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        hint = "the part of the group that has the device"
        raise InvalidValue([Detail(loc, "must be a number from 0 to 1", share, hint)])
    return float(share)


class Sample(Params):
    """Buses drawn with the seed, each as often as any other."""

    sample: tuple[quantity.Bus, ...] | Literal["loads"]
    """Buses to draw from, or all buses with a load."""


def _read_buses(value: object) -> tuple[str, ...] | Sample | Literal["loads"] | None:
    if value is None or value == "loads":
        return value
    if isinstance(value, dict) and set(value) == {"sample"}:
        sample = value["sample"]
        return Sample(sample="loads" if sample == "loads" else _bus_list(sample, ("sample",)))
    return _bus_list(value, ())


def _bus_list(value: object, loc: Loc) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        hint = "for example buses: [48, 78], buses: loads, or buses: {sample: loads}"
        raise InvalidValue([Detail(loc, "must be a list of buses", value, hint)])
    buses: list[str] = []
    wrong: list[Detail] = []
    for position, item in enumerate(value):
        try:
            buses.append(quantity.read_bus(item))
        except InvalidValue as error:
            wrong += [detail._replace(loc=(*loc, position)) for detail in error.details]
    if wrong:
        raise InvalidValue(wrong)
    return tuple(buses)


_BUS_LIST: Final = {"type": "array", "minItems": 1, "items": {"type": ["string", "integer"], "minLength": 1}}
_SAMPLE: Final = {
    "type": "object",
    "properties": {"sample": {"anyOf": [{"const": "loads"}, _BUS_LIST]}},
    "required": ["sample"],
    "additionalProperties": False,
}
_BUSES_SCHEMA: Final[JsonSchemaValue] = {"anyOf": [_BUS_LIST, {"const": "loads"}, _SAMPLE, {"type": "null"}]}

Buses: TypeAlias = Annotated[
    tuple[str, ...] | Sample | Literal["loads"] | None, PlainValidator(_read_buses), WithJsonSchema(_BUSES_SCHEMA)
]
StrategyChoice: TypeAlias = Annotated[
    PartTemplate, PlainValidator(_read_strategy), WithJsonSchema({LINK: "choice:strategy"})
]
DeviceChoices: TypeAlias = Annotated[Mapping[str, PartTemplate], PlainValidator(_read_devices)]


class ConnectionLimit(Params):
    """What a connection carries; the key left out: unlimited."""

    import_kw: quantity.MaybeNonNegative = Field(default=None, alias="import")
    """Largest net consumption [kW]."""
    export_kw: quantity.MaybeNonNegative = Field(default=None, alias="export")
    """Largest net generation [kW]."""


class LoadEntry(Params):
    """Firm load; one of ``peak_kw`` and ``annual_kwh``."""

    shape: quantity.MaybeText = None
    """Name of a shape of the profile source; left out: the source chooses a household."""
    peak_kw: quantity.MaybePeak = None
    """Largest load of the year [kW]; ``feeder``: nominal load of the bus, shared by all agents there that say so."""
    annual_kwh: quantity.MaybeNonNegative = None
    """Energy a year [kWh]."""
    power_factor: quantity.DrawnPowerFactor = 1.0
    """Lagging, above 0; ``feeder``: that of the bus's nominal load."""


class AgentEntry(Params):
    """An agent, or with ``count`` a group of agents. Every registered device is a further key of it."""

    name: str | None = Field(default=None, pattern=r"^[\w][\w .:+-]*$", max_length=100)
    """Unique; letters, digits, blanks and ``_ . : + -``. Members of a group are numbered behind it. Left out: the kind and
    a number."""
    kind: str
    """``prosumer``, ``consumer``, or an agent kind of a plugin."""
    group: int | None = Field(default=None, ge=0)
    """Position in the list from which the agent was resolved; written by the program."""
    count: int | None = Field(default=None, ge=1, le=MAX_COUNT)
    """Makes it a group of so many agents."""
    bus: quantity.Bus | None = None
    """Bus of the feeder, by name or index."""
    buses: Buses = None
    """Buses of a group: a list, assigned in turn; ``loads``; or ``{sample: [...]}`` or ``{sample: loads}``, drawn."""
    load: LoadEntry = LoadEntry()
    """Firm load; left out: none."""
    pv_kw: quantity.NonNegative = 0.0
    """Rated PV power [kW]."""
    pv_shape: quantity.MaybeText = None
    """Name of a PV shape of the profile source; left out: the source chooses."""
    inverter_kva: quantity.MaybePositive = None
    """Apparent power of the inverter [kVA]; left out: unlimited."""
    connection_kw: ConnectionLimit = ConnectionLimit()
    """Limits of the connection [kW]."""
    income_class: quantity.MaybeText = None
    """For measures of equity."""
    income: quantity.MaybePositive = None
    """Disposable income a month [currency], in proportion to which bills are a burden."""
    owners: MaybeOwners = None
    """Who owns it, a shared asset: ``equal``, ``{class: NAME}`` or parts by name; the sharing ``dividend`` pays them."""
    strategy: StrategyChoice = default("truthful")
    """How it trades."""
    devices: SkipJsonSchema[DeviceChoices] = Field(default={})
    """Filled from the keys that are names of devices."""
