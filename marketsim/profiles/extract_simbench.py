"""Extract the shapes of the SimBench year into the one small file that ships with the package.

``python -m marketsim.profiles.extract_simbench OUT`` needs ``pip install 'marketsim[simbench]'`` and is run once, by
whoever maintains the data; nothing of it runs with a simulation. What it does, and what it leaves as it is:

* It takes the active power of all household, commercial and agricultural shapes, of six low-voltage areas, of
  the PV, home and public charging and heat-pump shapes of the "today" scenario. Reactive power is left out: agents have
  a power factor.
* The rows of SimBench are 366 x 96 equal steps from 1 January 2016, 00:00. Their *labels* follow daylight saving:
  27 March has no 02:00-02:45, on 30 October these stand twice. Rows are kept, labels are dropped: row k is the quarter
  hour k of the year in standard time (CET), as SimBench itself steps through it. So no hour is missing or doubled;
  ``row_times_are_sound`` checks it.
* By their rows, commercial and agricultural shapes move by one hour in summer, as people do who live by the clock; PV
  does not, as the sun. Household and heat-pump shapes do not move either (households rise at 06:00 in all seasons), and
  the second 02:00 hour of the households' 30 October repeats the first: artefacts of the source, left as they are.
* Left as they are, too: 24 October without any PV, and further whole days without PV in winter; households
  whose 23 and 30 December repeat 16 December and 5 January; PV in units of the rating, at most about 0.6.
* Values are clipped to [0, 1] (the source dips to -0.00001) and stored as 16 bit steps of 1/65535.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np

from marketsim.core.arrays import FloatArray
from marketsim.core.errors import MissingDependency
from marketsim.profiles.library import DAYS, FULL_SCALE, STEPS_PER_DAY

_FOLDER: Final = "networks/1-complete_data-mixed-all-0-sw"
SHAPES: Final[Mapping[str, tuple[str, ...]]] = {
    "household": ("H0-A", "H0-B", "H0-C", "H0-G", "H0-L"),
    "commercial": (
        *("G0-A", "G0-M", "G1-A", "G1-B", "G1-C", "G2-A", "G3-A", "G3-H", "G3-M", "G4-A", "G4-B", "G4-H", "G4-M"),
        *("G5-A", "G6-A", "BL-H", "WB-H", "H0-H"),
    ),
    "agricultural": ("L0-A", "L1-A", "L2-A", "L2-M"),
    "area": ("lv_rural1", "lv_rural2", "lv_rural3", "lv_semiurb4", "lv_semiurb5", "lv_urban6"),
    "ev": (
        *("HLS_A_3.7", "HLS_B_3.7", "HLS_C_3.7", "HLS_A_11.0", "HLS_B_11.0", "HLS_A_22.0"),
        *("APLS_A_3.7", "APLS_B_3.7", "APLS_A_11.0", "APLS_B_11.0", "APLS_A_22.0", "APLS_A_50.0"),
    ),
    "heat": (
        *("Air_Parallel_1", "Air_Parallel_2", "Air_Semi-Parallel_1", "Air_Semi-Parallel_2"),
        *("Air_Alternative_1", "Air_Alternative_2", "Soil_Alternative_1", "Soil_Alternative_2"),
    ),
    "pv": ("PV1", "PV2", "PV3", "PV4", "PV5", "PV6", "PV7", "PV8"),
}
"""What is taken, by kind."""


def main(arguments: Sequence[str]) -> int:
    """Write the file that ``arguments`` name; returns the exit status."""
    if len(arguments) != 1:
        print("usage: python -m marketsim.profiles.extract_simbench OUT.npz", file=sys.stderr)  # noqa: T201
        return 2
    np.savez_compressed(arguments[0], **{name: pack(shape) for name, shape in read_shapes().items()})  # type: ignore[arg-type]
    return 0


def read_shapes() -> dict[str, FloatArray]:
    """Every shape of ``SHAPES`` from the installed SimBench, under ``kind/name``, in p.u. of its rating [35136]."""
    import pandas as pd

    package = importlib.util.find_spec("simbench")
    if package is None or package.origin is None:
        raise MissingDependency("simbench", "simbench", "extracting the profiles")
    folder = Path(package.origin).parent / _FOLDER
    tables = {
        file: pd.read_csv(folder / file, sep=";", usecols=["time", *columns]) for file, columns in _columns().items()
    }
    for table in tables.values():
        if not row_times_are_sound(table["time"].tolist()):
            raise ValueError(f"the rows in {folder} are no longer the quarter hours of 2016 in order")
    return {
        f"{kind}/{name}": tables[_file(kind)][_heading(kind, name)].to_numpy(dtype=np.float64)
        for kind, names in SHAPES.items()
        for name in names
    }


def _file(kind: str) -> str:
    return "RESProfile.csv" if kind == "pv" else "LoadProfile.csv"


def _heading(kind: str, name: str) -> str:
    return name if kind == "pv" else f"{name}_pload"


def _columns() -> dict[str, list[str]]:
    """Headings wanted from each file."""
    columns: dict[str, list[str]] = {}
    for kind, names in SHAPES.items():
        columns.setdefault(_file(kind), []).extend(_heading(kind, name) for name in names)
    return columns


def pack(shape: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    """Values in [0, 1] as 16 bit steps; what lies outside is clipped."""
    return np.rint(np.clip(shape, 0.0, 1.0) * FULL_SCALE).astype(np.uint16)


def row_times_are_sound(labels: Sequence[str]) -> bool:
    """Whether row k is the quarter hour k of 2016 in standard time, its label in local time with daylight saving."""
    if len(labels) != DAYS * STEPS_PER_DAY:
        return False
    start = datetime(2016, 1, 1)
    summer = datetime(2016, 3, 27, 2), datetime(2016, 10, 30, 2)
    for row, label in enumerate(labels):
        standard = start + timedelta(minutes=15 * row)
        saved = timedelta(hours=1) if summer[0] <= standard < summer[1] else timedelta(0)
        if f"{standard + saved:%d.%m.%Y %H:%M}" != label:
            return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
