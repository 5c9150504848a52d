"""The source ``synthetic``: a computed year, with numpy alone.

Sun and clouds are those of one place, so every market has its own clouds and its agents share them. Times are solar.
"""

from __future__ import annotations

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.build import BuildContext
from marketsim.profiles.calendar import WEEKDAY_OF, is_workday
from marketsim.profiles.daily import DayProfiles
from marketsim.profiles.library import DAYS, STEPS_PER_DAY, Library
from marketsim.profiles.params import SyntheticParams
from marketsim.profiles.shapes import ShapeDays

_DAY = np.arange(DAYS)[:, None]
_HOUR = (np.arange(STEPS_PER_DAY)[None, :] + 0.5) * 24.0 / STEPS_PER_DAY
"""Middle of each quarter hour [h]."""
_HABITS = {
    "early": (6.5, 17.5),
    "regular": (7.5, 19.0),
    "late": (9.0, 20.5),
    "midday": (12.0, 18.5),
    "night": (8.0, 22.0),
}
"""Hours of the morning and of the evening peak of the household shapes."""
_PLANES = {"south": (30.0, 0.0), "east": (30.0, -90.0), "west": (30.0, 90.0), "flat": (0.0, 0.0)}
"""Tilt and azimuth (from south, west positive) of the PV shapes [degrees]."""


def build(params: SyntheticParams, context: BuildContext) -> DayProfiles:
    """Profiles of all agents from computed years, one a market."""
    fixed = {name: household(*peaks) for name, peaks in _HABITS.items()} | {"demand": heat_demand()}
    clear = {name: clear_sky(params.latitude, *plane) for name, plane in _PLANES.items()}
    kinds = {"household": tuple(_HABITS), "heat": ("demand",), "pv": tuple(_PLANES)}
    libraries = []
    for market in range(context.community.n_markets):
        sky = clearness(context.streams.generator("profiles.clouds", market), params.cloudiness)
        shapes = fixed | {name: power * sky for name, power in clear.items()}
        libraries.append(Library(kinds, shapes.__getitem__))
    source = ShapeDays(context, libraries, params, params.days, params.diversification)
    return DayProfiles(context, source, params.forecast.chosen)


def sun(latitude: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Direction to the sun (south, west, up) as unit vectors in solar time, each [366, 96].

    Declination by Cooper (1969), doi 10.1016/0038-092X(69)90047-4.
    """
    phi = np.radians(latitude)
    declination = np.radians(23.45) * np.sin(2 * np.pi * (285 + _DAY) / 365)
    angle = np.radians(15.0 * (_HOUR - 12.0))
    south = np.sin(phi) * np.cos(declination) * np.cos(angle) - np.cos(phi) * np.sin(declination)
    west = np.cos(declination) * np.sin(angle)
    up = np.cos(phi) * np.cos(declination) * np.cos(angle) + np.sin(phi) * np.sin(declination)
    return south, west, up


def clear_sky(latitude: float, tilt: float, azimuth: float) -> FloatArray:
    """PV power of a plane under a clear sky, per rated power at 1 kW/m2 [p.u.] [366, 96].

    Beam 1.353 * 0.7 ** (AM ** 0.678) kW/m2 (Meinel and Meinel 1976), air mass by Kasten and Young (1989), doi
    10.1364/AO.28.004735, and an isotropic diffuse part of a tenth of the beam.
    """
    south, west, up = sun(latitude)
    elevation = np.degrees(np.arcsin(np.clip(up, 0.0, 1.0)))
    air_mass = 1.0 / (np.clip(up, 0.0, 1.0) + 0.50572 * (elevation + 6.07995) ** -1.6364)
    beam = np.where(up > 0, 1.353 * 0.7 ** (air_mass**0.678), 0.0)
    slope, towards = np.radians(tilt), np.radians(azimuth)
    facing = np.sin(slope) * (np.cos(towards) * south + np.sin(towards) * west) + np.cos(slope) * up
    return np.asarray(np.minimum(beam * (np.maximum(facing, 0.0) + 0.1 * (1 + np.cos(slope)) / 2), 1.0))


def clearness(rng: np.random.Generator, cloudiness: float) -> FloatArray:
    """Share of the clear sky's energy that clouds let through [366, 96], with mean ``1 - cloudiness``.

    u ** p with u nearly uniform and p = c / (1 - c), whose mean is 1 - c; u is the logistic image of a normal
    number, one part a day and one a first-order autoregression within the day (correlation 0.9 a quarter hour).
    """
    within = rng.standard_normal((DAYS, STEPS_PER_DAY))
    for step in range(1, STEPS_PER_DAY):
        within[:, step] = 0.9 * within[:, step - 1] + np.sqrt(1 - 0.9**2) * within[:, step]
    mixed = 0.8 * rng.standard_normal((DAYS, 1)) + 0.6 * within
    uniform = 1.0 / (1.0 + np.exp(-1.702 * mixed))
    return np.asarray(uniform ** (cloudiness / (1.0 - cloudiness)))


def household(morning_h: float, evening_h: float) -> FloatArray:
    """Load of a household: a base, a morning and a higher evening peak, more in winter and on weekends [366, 96]."""

    def peak(hour: float, width_h: float) -> FloatArray:
        return np.exp(-0.5 * (((_HOUR - hour + 12) % 24 - 12) / width_h) ** 2)

    free = ~is_workday(WEEKDAY_OF)[:, None]
    day = 0.2 + 0.35 * peak(morning_h, 1.2) + 0.7 * peak(evening_h, 2.0) + free * 0.25 * peak(13.0, 2.5)
    year = day * (1.0 + 0.2 * np.cos(2 * np.pi * (_DAY - 15) / DAYS))
    return np.asarray(year / year.max())


def heat_demand() -> FloatArray:
    """Heat demand of a building: degrees below 15 C of a sinusoidal year and day, with hot water all year [366, 96]."""
    celsius = 10.0 - 9.0 * np.cos(2 * np.pi * (_DAY - 15) / DAYS) - 3.0 * np.cos(2 * np.pi * (_HOUR - 3) / 24)
    year = np.maximum(15.0 - celsius, 0.0) + 1.0
    return np.asarray(year / year.max())
