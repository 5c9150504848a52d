"""An importer of one's own, in a file: households from a table of yearly demands."""

from __future__ import annotations

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
        self._days = days

    def read(self, source):
        data = Path(source).read_bytes()
        rows = [line.split(",") for line in data.decode().splitlines()]
        agents = [{"name": name, "kind": "consumer", "load": {"annual_kwh": float(kwh)}} for name, kwh in rows]
        total = sum(float(kwh) for _, kwh in rows)
        return ImportedScenario(
            scenario={
                "name": "households",
                "clock": {"start": "2016-07-12", "slots": 24 * self._days, "slot_minutes": 60},
                "tariff": {"flat": {}},
                "agents": agents,
            },
            tables={},
            sources={Path(source).name: hashlib.sha256(data).hexdigest()},
            taken=(f"{len(agents)} households",),
            assumed=("Households have shapes of 2016 (SimBench)",),
            left_out=(),
            quantities=(
                ImportedQuantity("demand", f"{Path(source).name}: kwh", total, "kWh", "agents", "", "load.annual_kwh"),
            ),
        )


@ms.hookimpl
def marketsim_parts():
    yield ms.Entry(
        kind="importer",
        name="households",
        build=lambda params, context: Households(params.days),
        params=Params,
        summary="households by their yearly demand",
    )
