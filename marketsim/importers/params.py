"""Parameters of the importers, which ``marketsim import NAME SOURCE --set KEY=VALUE`` sets. Every default is an assumption."""

from __future__ import annotations

import datetime
from typing import Annotated, TypeAlias

from pydantic import Field

from marketsim.core.params import Params, Share

Days: TypeAlias = Annotated[int, Field(ge=1, le=3_660)]
Word: TypeAlias = Annotated[str, Field(min_length=1, max_length=1_000)]
ImportPrice: TypeAlias = Annotated[float, Field(ge=1e-6, le=1_000)]


class FeederChoice(Params):
    """Where the agents sit, of data that know no feeder."""

    feeder: Word | None = None
    """Feeder on which the agents sit, as ``grid.feeder`` names it, such as ``pandapower:create_kerber_landnetz_kabel_1``; a
    file (``file:NET.json``) is copied. Null: no grid."""
    buses: tuple[Word | int, ...] | None = None
    """Buses that are taken in turn; null: those of the feeder that have a load."""


class CityLearnParams(FeederChoice):
    """Of a CityLearn data set: a folder with ``schema.json``."""

    buildings: Annotated[tuple[Word, ...], Field(min_length=1)] | None = None
    """Buildings that are taken, by name; null: all that the schema includes."""
    start: datetime.date | None = None
    """Date of the first row; null: the schema's ``start_date``, else the first year from 2016 in which the first day of the
    first row's month is the weekday that the row says."""
    days: Days = 7
    """Days of the run; the tables hold all that there is."""
    feed_in_share: Share = 0.3
    """What the utility pays for energy, as a share of the data's electricity price [-]."""


class SimBenchParams(Params):
    """Of a SimBench net with its own profiles; the source is its code, such as ``1-LV-rural1--0-sw``."""

    start: datetime.date = datetime.date(2016, 1, 4)
    """First day of the run, in 2016."""
    days: Days = 7
    """Days of the run."""
    history_days: Annotated[int, Field(ge=0, le=366)] = 14
    """Days before the run that the tables hold, too, from which forecasts are made."""
    whole_year: bool = False
    """Whether the tables hold the whole year, so that the clock can be set to any day of it; large nets then load slowly."""
    retail: ImportPrice = 0.30
    """What the utility takes for energy [currency/kWh]."""
    feed_in: ImportPrice = 0.08
    """What the utility pays for energy [currency/kWh]."""


class PandapowerParams(Params):
    """Of a pandapower net, which holds one operating point and no series; the source is its file."""

    start: datetime.date = datetime.date(2016, 7, 11)
    """First day of the run."""
    days: Days = 7
    """Days of the run."""
    retail: ImportPrice = 0.30
    """What the utility takes for energy [currency/kWh]."""
    feed_in: ImportPrice = 0.08
    """What the utility pays for energy [currency/kWh]."""


class HamletParams(FeederChoice):
    """Of a scenario folder that HAMLET's creator has made, with the folders ``agents`` and ``general``."""

    days: Days = 7
    """Days of the run, at most those that the data have."""
    utc_offset_hours: Annotated[int, Field(ge=-12, le=14)] = 1
    """Hours by which local standard time is ahead of UTC, in which HAMLET's times are [h]."""
    retail: ImportPrice = 0.30
    """What the utility takes for energy [currency/kWh]; HAMLET's own prices are those of its markets."""
    feed_in: ImportPrice = 0.08
    """What the utility pays for energy [currency/kWh]."""
