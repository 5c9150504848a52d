from __future__ import annotations

import numpy as np
import pytest

from marketsim.profiles.extract_simbench import SHAPES
from marketsim.profiles.library import LOAD_KINDS, Library, shape_names, simbench_library


def test_the_package_ships_every_shape_that_the_extraction_takes() -> None:
    assert {kind: shape_names(kind) for kind in SHAPES} == dict(SHAPES)


def test_five_household_and_eight_pv_shapes_exist() -> None:
    assert shape_names("household") == ("H0-A", "H0-B", "H0-C", "H0-G", "H0-L")
    assert shape_names("pv") == tuple(f"PV{n}" for n in range(1, 9))


def test_loads_are_all_kinds_but_pv_with_households_first() -> None:
    assert shape_names("load")[:5] == shape_names("household")
    assert set(shape_names("load")) == {name for kind in LOAD_KINDS for name in shape_names(kind)}
    assert not set(shape_names("load")) & set(shape_names("pv"))


@pytest.mark.parametrize("name", [*shape_names("load"), *shape_names("pv")])
def test_every_shape_is_a_leap_year_of_quarter_hours_within_its_rating(name: str) -> None:
    year = simbench_library().shape(name)
    assert year.shape == (366, 96)
    assert year.min() >= 0.0
    assert 0.3 < year.max() <= 1.0


def test_shapes_cannot_be_changed_by_who_reads_them() -> None:
    with pytest.raises(ValueError, match="read-only"):
        simbench_library().shape("H0-A")[0, 0] = 1.0


def test_pv_stands_at_night_and_its_noon_does_not_move_with_daylight_saving() -> None:
    year = simbench_library().shape("PV3")
    hour = np.arange(96) / 4
    noon = (year[:, :] * hour).sum(axis=1)[70:104].sum() / year[70:104].sum()
    before, after = ((year[days] * hour).sum() / year[days].sum() for days in (slice(72, 86), slice(87, 101)))
    assert year[:, (hour < 2) | (hour > 22.5)].max() == 0.0
    assert abs(before - after) < 0.5
    assert 11.0 < noon < 13.0


def test_workplaces_start_an_hour_earlier_by_standard_time_in_summer() -> None:
    """Rows are standard time: who lives by the clock moves against them on 27 March."""
    year = simbench_library().shape("G0-A")
    winter = year[57:85].reshape(4, 7, 96)[:, :5].mean(axis=(0, 1))
    summer = year[92:120].reshape(4, 7, 96)[:, :5].mean(axis=(0, 1))
    fit = [np.corrcoef(winter, np.roll(summer, shift))[0, 1] for shift in range(-8, 9)]
    assert int(np.argmax(fit)) - 8 in (3, 4, 5)


def test_an_unknown_name_gets_the_closest_or_the_whole_list() -> None:
    assert simbench_library().closest("load", "H0_A") == "did you mean 'H0-A'?"
    assert "PV1, PV2" in simbench_library().closest("pv", "rooftop")


def test_unknown_kinds_and_shapes_are_key_errors() -> None:
    with pytest.raises(KeyError):
        shape_names("wind")
    with pytest.raises(KeyError):
        simbench_library().shape("H0-Z")


def test_a_library_without_a_kind_has_no_loads_of_it() -> None:
    library = Library({"household": ("one",), "pv": ("roof",)}, {"one": np.ones((366, 96))}.__getitem__)
    assert library.names("load") == ("one",)
