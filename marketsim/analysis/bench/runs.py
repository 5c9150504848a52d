"""Whole runs: a day and a year of ieee141, and days of 1,000 and 10,000 prosumers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from marketsim.analysis.bench.rows import BenchFailed, BenchRow, median_s, once_s
from marketsim.app.ready import load_scenario
from marketsim.app.ready_scenario import ReadyScenario
from marketsim.app.running import simulate

IEEE141: Final[Mapping[str, Any]] = {
    "name": "bench141",
    "clock": {"start": "2016-07-12", "slots": 96, "slot_minutes": 15},
    "grid": {"feeder": "feeder141", "source_pu": 1.02, "voltage_band_pu": [0.95, 1.05]},
    "tariff": {"flat": {"retail": 0.30, "feed_in": 0.08, "wholesale": 0.06}},
    "profiles": {"source": "simbench_2016", "demand_scale": 0.7},
    "agents": [
        {
            "kind": "prosumer",
            "count": 20,
            "buses": [48, 78, 102, 127, 59, 109, 130, 140, 67, 95, 133, 136, 62, 86, 106, 138, 74, 100, 116, 134],
            "load": {"shape": "lv_semiurb4", "peak_kw": 120, "power_factor": 0.95},
            "pv_kw": {"uniform": [200, 800]},
            "battery": {"energy_kwh": 400, "power_kw": 100},
            "strategy": {"zero_intelligence": {}},
        }
    ],
    "output": {"voltages": True},
}
"""20 prosumers of ieee141 without its consumers, as the targets state it."""


INNER_BUSES: Final = [str(bus) for bus in range(2, 142)]
"""Buses of feeder141 but its source."""


def prosumers(count: int, feeder: str, buses: list[str], pv_kw: tuple[float, float], slots: int = 96) -> ReadyScenario:
    """A day, or so many slots, of so many prosumers with batteries on a feeder."""
    group = {
        "kind": "prosumer",
        "count": count,
        "buses": buses,
        "load": {"annual_kwh": {"uniform": [2_500, 6_000]}, "power_factor": 0.97},
        "pv_kw": {"uniform": list(pv_kw)},
        "battery": {"energy_kwh": 8, "power_kw": 4},
        "strategy": {"zero_intelligence": {}},
    }
    grid = {**IEEE141["grid"], "feeder": feeder}
    clock = {**IEEE141["clock"], "slots": slots}
    changed = {"name": f"bench{count}", "clock": clock, "grid": grid, "agents": [group], "output": {}}
    return load_scenario({**IEEE141, **changed})


def written(ready: ReadyScenario, folder: str | Path) -> Callable[[], None]:
    """The whole run with its tables; BenchFailed if it breaks a law or disagrees with the independent check."""

    def run() -> None:
        summary = simulate(ready, folder, force=True).summary
        if summary["money_imbalance"] or summary["energy_imbalance_wh"] or summary["validation_mismatches"]:
            raise BenchFailed(f"the laws do not hold: {summary}")

    return run


def day_rows(one_runpp_s: float) -> list[BenchRow]:
    """A day of ieee141's prosumers, all tables written, in units of one ``runpp``; the whole scenario beside it."""
    with tempfile.TemporaryDirectory() as folder:
        taken_s = median_s(written(load_scenario(IEEE141), Path(folder) / "run"))
    detail = (
        f"20 prosumers, 96 slots, gate ac, tables written: {taken_s * 1e3:.0f} ms, runpp {one_runpp_s * 1e3:.1f} ms"
    )
    return [BenchRow("day of ieee141 in units of one runpp", taken_s / one_runpp_s, "runpp", 10, 6, False, detail)]


def year_rows() -> list[BenchRow]:
    """A year of the same."""
    with tempfile.TemporaryDirectory() as folder:
        ready = load_scenario({**IEEE141, "clock": {"start": "2016-01-01", "slots": 35_040, "slot_minutes": 15}})
        half = load_scenario({**IEEE141, "clock": {"start": "2016-01-01", "slots": 9_600, "slot_minutes": 15}})
        before = once_s(written(half, Path(folder) / "run"))
        early = peak_rss_mb()
        taken_s = once_s(written(ready, Path(folder) / "run"))
        grown = peak_rss_mb() - early
    detail = f"35,040 slots; peak memory grows by {grown:.0f} MB from 100 to 365 days (100 days: {before:.0f} s)"
    return [BenchRow("year of ieee141", taken_s, "s", 60, 30, False, detail)]


def scale_rows() -> list[BenchRow]:
    """Days of 1,000 prosumers on feeder141 and of 10,000 on 72 of them behind one source, and the growth."""
    many = [f"{bus}@{copy}" for copy in range(72) for bus in INNER_BUSES]
    with tempfile.TemporaryDirectory() as folder:
        small_s = median_s(written(prosumers(1_000, "feeder141", INNER_BUSES, (4, 12)), Path(folder) / "small"), 3)
        large_s = once_s(written(prosumers(10_000, "feeder141*72", many, (4, 12)), Path(folder) / "large"))
    memory = f"peak memory of the process {peak_rss_mb() / 1024:.1f} GB"
    grown = f"{small_s:.2f} s to {large_s:.2f} s"
    return [
        BenchRow("day, 1,000 prosumers on feeder141", small_s, "s", 3, 1, False, "96 slots, gate ac, tables written"),
        BenchRow("day, 10,000 prosumers on 72 feeders", large_s, "s", 20, 8, False, f"10,081 buses, gate ac; {memory}"),
        BenchRow("growth from 1,000 to 10,000", large_s / small_s, "x", 12, 10.5, False, grown),
    ]


def peak_rss_mb() -> float:
    """Highest resident memory of this process so far [MB]; NaN where the system does not tell."""
    try:
        import resource
    except ImportError:
        return float("nan")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
