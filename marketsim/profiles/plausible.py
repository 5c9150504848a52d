"""What series can be: ranges of energy and power that households and plants have, and doubts about those outside of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from marketsim.core.alike import listed
from marketsim.core.arrays import FloatArray
from marketsim.core.build import AgentSpec
from marketsim.profiles.series import FilePowers
from marketsim.profiles.series_column import SeriesColumn

_HOURS: Final = 24.0


class Range(NamedTuple):
    """From the least to the most that is plausible."""

    least: float
    most: float
    words: str

    def holds(self, value: float) -> bool:
        """Whether a value lies in it."""
        return self.least <= value <= self.most


HOUSEHOLD: Final = Range(2.0, 60.0, "a household takes 2 to 60 kWh a day")
"""Energy a day [kWh]: from a small flat to a house with a heat pump and a vehicle."""
PLANT: Final = Range(0.2, 8.5, "PV yields 0.2 to 8.5 kWh a day for each rated kW")
"""Energy a day by rated power [kWh/kW]: from a dull week in winter to the clearest in summer."""
HEAT: Final = Range(1.0, 400.0, "heating a house takes 1 to 400 kWh of heat a day")
"""Energy a day [kWh]."""
RANGES: Final[Mapping[str, Range]] = {"load": HOUSEHOLD, "pv": PLANT, "heat": HEAT}
_FAR: Final = 10.0
"""A load this many times outside of what a household takes is told before a run."""
_OVER_RATING: Final = 1.5
"""A plant's mean power of a step over its rating, at most [-]."""


def in_words(kwh: float) -> str:
    """Energy with as many digits as a doubt needs [kWh]."""
    return f"{kwh:,.0f}" if kwh >= 1_000 else f"{kwh:.3g}"


def doubts(
    agents: Sequence[AgentSpec], sources: Mapping[str, Sequence[SeriesColumn | None]], series: FilePowers
) -> tuple[str, ...]:
    """What whoever runs it should look at, of series that agents take as metered: each kind in a sentence."""
    loads = [
        (spec.name, float(series.powers[source.key].mean()) * _HOURS)
        for spec, source in zip(agents, sources["load"], strict=True)
        if source is not None and not (spec.load.peak_kw or spec.load.annual_kwh)
    ]
    much = [each for each in loads if each[1] > _FAR * HOUSEHOLD.most]
    little = [each for each in loads if 0 < each[1] < HOUSEHOLD.least / _FAR]
    plants = [
        (spec.name, most_kw)
        for spec, source in zip(agents, sources["pv"], strict=True)
        if source is not None and (most_kw := _largest_kw(source, series)) > _OVER_RATING * spec.pv_kw
    ]
    told = []
    for found, unit in ((much, "w, wh or a counter"), (little, "kw or kwh")):
        if found:
            name, kwh = found[0]
            told.append(
                f"As metered, the load of {listed([each for each, _ in found])} is {in_words(kwh)} kWh a day ({name}); "
                f"{HOUSEHOLD.words}. If that is not meant, say what the column holds: profiles.values ({unit})."
            )
    if plants:
        name, most_kw = plants[0]
        told.append(
            f"The pv of {listed([each for each, _ in plants])} is above pv_kw: up to {most_kw:.4g} kW ({name}). "
            "If the column is of another plant, state its rating: pv_rating_kw."
        )
    return tuple(told)


def _largest_kw(source: SeriesColumn, series: FilePowers) -> float:
    """Largest power of a plant as the agent has it [kW]."""
    power: FloatArray = series.powers[source.key]
    return float(power.max(initial=0.0)) * source.scale_of(power, series.steps.hours)
