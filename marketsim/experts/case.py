"""One prosumer's rest of a day: what its expert is told, and small random ones on which experts are compared."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.experts.model import ProsumerModel

_FEWEST, _MOST = 4, 12
_LENGTHS: Final = (0.25, 0.5, 1.0)


class DayCase(NamedTuple):
    """The slots that are left of a day, and the state in which the first of them opens; H slots."""

    slot_hours: float
    """Length of a slot [h]."""
    hour: FloatArray
    """Hour of the day at which each slot opens [h] [H]."""
    buy_price: FloatArray
    """Of the utility [currency/kWh] [H]."""
    sell_price: FloatArray
    """Of the utility, at most ``buy_price`` [currency/kWh] [H]."""
    load_kw: FloatArray
    """[kW] [H]."""
    pv_available_kw: FloatArray
    """[kW] [H]."""
    stored_kwh: float
    """In the battery, counted from empty; 0 without one [kWh]."""
    generator_kw: float
    """Of the slot before [kW]."""

    def state(self) -> dict[str, Any]:
        """The same as JSON has it: what code of an expert is called with."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in self._asdict().items()
        }


def random_cases(model: ProsumerModel, seed: int, count: int) -> list[DayCase]:
    """Small cases of 4 to 12 slots that use what the prosumer has; the same for the same seed."""
    rng = np.random.default_rng(seed)
    return [_random_case(model, rng) for _ in range(count)]


def _random_case(model: ProsumerModel, rng: np.random.Generator) -> DayCase:
    slots, hours = int(rng.integers(_FEWEST, _MOST + 1)), float(rng.choice(_LENGTHS))
    buy = rng.uniform(0.05, 0.5, slots)
    battery, generator = model.battery, model.generator
    level = 0.0 if battery is None else rng.uniform(battery.min_soc, battery.max_soc) * battery.energy_kwh
    power = 0.0 if generator is None else rng.uniform(generator.min_kw, generator.max_kw)
    return DayCase(
        slot_hours=hours,
        hour=np.asarray(24.0 - hours * np.arange(slots, 0, -1), dtype=np.float64),
        buy_price=buy,
        sell_price=buy * rng.uniform(0.0, 0.9, slots),
        load_kw=model.load_peak_kw * rng.uniform(0.2, 1.0, slots),
        pv_available_kw=model.pv_kw * np.maximum(rng.uniform(-0.3, 1.0, slots), 0.0),
        stored_kwh=float(level),
        generator_kw=float(power),
    )
