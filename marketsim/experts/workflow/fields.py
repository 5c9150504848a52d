"""The form of a prosumer: one field a question, in the order in which they are asked."""

from __future__ import annotations

from typing import Final, NamedTuple

from marketsim.experts.workflow.quantities import Dimension


class FieldSpec(NamedTuple):
    """One field of the form."""

    path: str
    """In ``ProsumerModel``."""
    device: str
    """Asked only where there is this device; empty: always."""
    dimension: Dimension
    question: str
    """What is asked for, in words that end a question."""
    unit: str
    needed: bool = False
    """Whether a description without it is refused; else there is a default."""


DEVICES: Final[dict[str, str]] = {
    "pv": "photovoltaic panels (PV, solar)",
    "battery": "a battery or another electric store",
    "generator": "a generator that can be dispatched (diesel, gas, CHP)",
    "curtailable": "a part of the load that may be curtailed, shed or left unserved",
}
"""What a prosumer may have beside its load."""
FIELDS: Final = (
    FieldSpec("load_peak_kw", "", "power", "the largest load (peak demand)", "kW", needed=True),
    FieldSpec("pv_kw", "pv", "power", "the rated power of the PV", "kW", needed=True),
    FieldSpec("battery.energy_kwh", "battery", "energy", "the capacity of the battery", "kWh", needed=True),
    FieldSpec(
        "battery.power_kw", "battery", "power", "the charging and discharging power of the battery", "kW", needed=True
    ),
    FieldSpec("battery.efficiency", "battery", "share", "the efficiency of the battery", ""),
    FieldSpec("battery.min_soc", "battery", "share", "the lowest state of charge of the battery", ""),
    FieldSpec("battery.max_soc", "battery", "share", "the highest state of charge of the battery", ""),
    FieldSpec("battery.wear_per_kwh", "battery", "price", "the cost of the battery's wear", "currency/kWh"),
    FieldSpec("generator.max_kw", "generator", "power", "the largest power of the generator", "kW", needed=True),
    FieldSpec("generator.min_kw", "generator", "power", "the smallest power of the generator", "kW"),
    FieldSpec("generator.ramp_kw_per_h", "generator", "ramp", "how fast the generator's power may change", "kW/h"),
    FieldSpec("generator.cost_per_kwh", "generator", "price", "the cost of generation", "currency/kWh", needed=True),
    FieldSpec(
        "generator.quadratic_cost", "generator", "quadratic", "the quadratic cost of generation", "currency/(kW² h)"
    ),
    FieldSpec(
        "curtailable.share", "curtailable", "share", "the share of the load that may be curtailed", "", needed=True
    ),
    FieldSpec(
        "curtailable.cost_per_kwh", "curtailable", "price", "the cost of curtailed load", "currency/kWh", needed=True
    ),
    FieldSpec("min_power_factor", "", "number", "the least power factor (cos phi) of the inverter", ""),
)
"""All of them."""
BY_PATH: Final = {field.path: field for field in FIELDS}
