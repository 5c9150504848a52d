"""An importer of one's own, in a file: households from a table of yearly demands."""

import hashlib
from pathlib import Path

import marketsim as ms
from marketsim.core.imported import ImportedQuantity, ImportedScenario


class Params(ms.Params):
    days: int = 1
    """Days of the run."""


class Households:
    """Reads lines of ``name,kwh a year``."""

    def __init__(self, days):
        self._clock = {"start": "2016-07-12", "slots": 24 * days, "slot_minutes": 60}

    def read(self, source):
        data, file = Path(source).read_bytes(), Path(source).name
        demands = {name: float(kwh) for name, kwh in (line.split(",") for line in data.decode().splitlines())}
        agents = [{"name": name, "kind": "consumer", "load": {"annual_kwh": kwh}} for name, kwh in demands.items()]
        demand = ImportedQuantity(
            "demand", f"{file}: kwh", sum(demands.values()), "kWh", "agents", "", "load.annual_kwh"
        )
        scenario = {"name": "households", "clock": self._clock, "tariff": {"flat": {}}, "agents": agents}
        sources, taken = {file: hashlib.sha256(data).hexdigest()}, (f"{len(agents)} households",)
        assumed = ("Households have shapes of 2016 (SimBench)",)
        return ImportedScenario(scenario, {}, sources, taken, assumed, left_out=(), quantities=(demand,))


@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(kind="importer", name="households", params=Params, build=lambda params, _: Households(params.days))
