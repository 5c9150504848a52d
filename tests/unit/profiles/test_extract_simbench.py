from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from marketsim.core.errors import MissingDependency
from marketsim.profiles import extract_simbench
from marketsim.profiles.library import FULL_SCALE, simbench_library

LICENCE = Path(extract_simbench.__file__).parent / "data" / "LICENSE-SimBench.txt"


def labels() -> list[str]:
    """Local times with daylight saving of the quarter hours of 2016, as SimBench labels them."""
    rows = (datetime(2016, 1, 1) + timedelta(minutes=15 * row) for row in range(366 * 96))
    summer = datetime(2016, 3, 27, 2), datetime(2016, 10, 30, 2)
    local = (row + timedelta(hours=1) if summer[0] <= row < summer[1] else row for row in rows)
    return [f"{time:%d.%m.%Y %H:%M}" for time in local]


def test_packed_shapes_equal_simbench_to_half_a_step() -> None:
    pytest.importorskip("simbench", reason="compares with the simbench package, which runs do not need")
    for member, source in extract_simbench.read_shapes().items():
        packed = simbench_library().shape(member.partition("/")[2]).ravel()
        np.testing.assert_allclose(packed, np.clip(source, 0, 1), rtol=0, atol=0.5 / FULL_SCALE + 1e-12)


def test_labels_with_daylight_saving_are_recognised() -> None:
    assert labels()[86 * 96 + 8] == "27.03.2016 03:00"
    assert labels().count("30.10.2016 02:15") == 2
    assert extract_simbench.row_times_are_sound(labels())


@pytest.mark.parametrize("row", [0, 86 * 96 + 8, 303 * 96 + 10, 366 * 96 - 1])
def test_a_row_that_is_out_of_place_is_noticed(row: int) -> None:
    broken = labels()
    broken[row] = "12.07.2016 12:00"
    assert not extract_simbench.row_times_are_sound(broken)


def test_a_missing_row_is_noticed() -> None:
    assert not extract_simbench.row_times_are_sound(labels()[:-1])


def test_packing_clips_and_keeps_the_ends() -> None:
    packed = extract_simbench.pack(np.array([-1e-5, 0.0, 0.5, 1.0, 1.00001]))
    assert packed.dtype == np.uint16
    assert packed.tolist() == [0, 0, 32768, FULL_SCALE, FULL_SCALE]


def test_without_simbench_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "simbench", None)
    with pytest.raises(MissingDependency, match=r"marketsim\[simbench\]"):
        extract_simbench.read_shapes()


def test_without_a_file_name_it_says_how_it_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert extract_simbench.main([]) == 2
    assert "usage" in capsys.readouterr().err


def test_the_licence_lies_beside_the_data() -> None:
    text = LICENCE.read_text(encoding="utf-8")
    for part in ("Open Database License", "https://simbench.de", "Meinecke", "10.3390/en13123290", "odbl/1-0"):
        assert part in text
