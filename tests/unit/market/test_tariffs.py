from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from marketsim.core.errors import ScenarioError
from marketsim.market.tariff_params import FlatParams, SeriesParams, TimeOfUseParams, Window
from marketsim.market.tariffs import build_flat, build_series, build_time_of_use
from marketsim.testing.device_kit import context
from marketsim.testing.worlds import clock, community

HOURLY = context(2, slots=48, slot_minutes=60)
QUARTERLY = context(2, slots=96, slot_minutes=15)
DAY = tuple(0.2 + 0.01 * hour for hour in range(24))
HEADER = "retail,feed_in\n"


def retail_of_day(tariff, ctx):
    return [int(tariff.at(ctx.clock.at(slot)).retail_ticks[0]) for slot in range(ctx.clock.slots)]


def test_a_flat_tariff_is_the_same_in_every_slot_and_market():
    ctx = replace(HOURLY, community=community(2, n_markets=3))
    tariff = build_flat(FlatParams(retail=0.3, feed_in=0.08), ctx)
    for slot in (0, 47, 1000):
        prices = tariff.at(ctx.clock.at(slot))
        assert prices.retail_ticks.tolist() == [300_000] * 3
        assert prices.feed_in_ticks.tolist() == [80_000] * 3
        assert prices.wholesale_ticks is None


def test_nobody_can_change_a_published_price():
    prices = build_flat(FlatParams(), HOURLY).at(HOURLY.clock.at(0))
    with pytest.raises(ValueError, match="read-only"):
        prices.retail_ticks[0] = 1


def test_the_wholesale_price_may_be_negative():
    prices = build_flat(FlatParams(wholesale=-0.05), HOURLY).at(HOURLY.clock.at(0))
    assert prices.wholesale_ticks.tolist() == [-50_000]


@pytest.mark.parametrize(
    "wrong", [{"retail": 1_001.0}, {"feed_in": -1_001.0}, {"retail": float("inf")}, {"retail": "dear"}]
)
def test_prices_are_numbers_within_bounds(wrong):
    with pytest.raises(ValidationError):
        FlatParams(**wrong)


@pytest.mark.parametrize(("retail", "feed_in"), [(0.3, 0.0), (0.3, -0.05), (0.0, 0.0), (-0.1, -0.2), (-0.1, -0.1)])
def test_prices_are_taken_as_they_are_whatever_their_sign(retail, feed_in):
    """Flat, by the hour, listed or from a file: the same ticks."""
    window = Window(from_hour=0, to_hour=24, retail=retail, feed_in=feed_in)
    for tariff in (
        build_flat(FlatParams(retail=retail, feed_in=feed_in), HOURLY),
        build_time_of_use(TimeOfUseParams(windows=(window,)), HOURLY),
        build_series(SeriesParams(retail=(retail,) * 24, feed_in=(feed_in,) * 24), HOURLY),
    ):
        prices = tariff.at(HOURLY.clock.at(5))
        assert (prices.retail_ticks[0], prices.feed_in_ticks[0]) == (round(retail * 1e6), round(feed_in * 1e6))


def test_feed_in_above_a_negative_retail_is_refused_with_its_time():
    """The common feed-in of a schedule, and the hour of a list."""
    night, noon = Window(from_hour=15, to_hour=11, retail=0.3), Window(from_hour=11, to_hour=15, retail=-0.1)
    with pytest.raises(
        ValidationError, match=r"common feed_in \(0.08\) exceeds windows\[1\].retail \(-0.1\): give the window"
    ):
        TimeOfUseParams(windows=(night, noon))
    retail = tuple(-0.1 if hour == 13 else 0.3 for hour in range(24))
    with pytest.raises(
        ValidationError, match=r"feed_in\[13\] \(0.0\) exceeds retail\[13\] \(-0.1\), from 13:00 of day 1"
    ):
        SeriesParams(retail=retail, feed_in=0.0)


def test_feed_in_above_retail_is_refused():
    with pytest.raises(ValidationError, match=r"feed_in \(0.4\) exceeds retail \(0.3\)"):
        FlatParams(retail=0.3, feed_in=0.4)


NIGHT = Window(from_hour=22, to_hour=6, retail=0.2)
PEAK = Window(from_hour=6, to_hour=22, retail=0.4, feed_in=0.1)


def test_windows_set_prices_by_the_hour():
    """Night passes midnight; what a window leaves open is common to all."""
    tariff = build_time_of_use(TimeOfUseParams(windows=(PEAK, NIGHT), feed_in=0.05), QUARTERLY)
    retail = retail_of_day(tariff, QUARTERLY)
    assert retail == [200_000] * 24 + [400_000] * 64 + [200_000] * 8
    assert tariff.at(QUARTERLY.clock.at(0)).feed_in_ticks[0] == 50_000
    assert tariff.at(QUARTERLY.clock.at(40)).feed_in_ticks[0] == 100_000


def test_one_window_may_be_the_whole_day():
    tariff = build_time_of_use(TimeOfUseParams(windows=(Window(from_hour=0, to_hour=24, retail=0.3),)), HOURLY)
    assert set(retail_of_day(tariff, HOURLY)) == {300_000}


def test_all_gaps_and_overlaps_are_told_at_once():
    morning = Window(from_hour=1, to_hour=8, retail=0.3)
    noon = Window(from_hour=7, to_hour=13, retail=0.3)
    with pytest.raises(ValidationError) as caught:
        TimeOfUseParams(windows=(noon, morning))
    text = str(caught.value)
    assert "no window from 0 h to 1 h" in text
    assert "windows[1] and windows[0] both hold from 7 h to 8 h" in text
    assert "no window from 13 h to 24 h" in text


def test_common_feed_in_above_one_window_is_refused():
    with pytest.raises(ValidationError, match=r"feed_in \(0.25\) exceeds windows\[1\].retail \(0.2\)"):
        TimeOfUseParams(windows=(PEAK, NIGHT), feed_in=0.25)


def test_wholesale_is_given_for_all_windows_or_none():
    with pytest.raises(ValidationError, match="give all or none"):
        TimeOfUseParams(windows=(PEAK.model_copy(update={"wholesale": 0.1}), NIGHT))


def test_a_window_that_splits_a_slot_is_refused():
    windows = (Window(from_hour=0, to_hour=6.5, retail=0.3), Window(from_hour=6.5, to_hour=24, retail=0.3))
    with pytest.raises(ScenarioError, match="begin and end with a slot of 60 minutes") as caught:
        build_time_of_use(TimeOfUseParams(windows=windows), HOURLY)
    assert [problem.path for problem in caught.value.problems] == ["windows[0].to_hour", "windows[1].from_hour"]


def test_a_day_of_prices_repeats():
    tariff = build_series(SeriesParams(retail=DAY, feed_in=0.05), HOURLY)
    assert retail_of_day(tariff, HOURLY) == [round(price * 1e6) for price in DAY] * 2


def test_hourly_prices_hold_for_every_quarter():
    tariff = build_series(SeriesParams(retail=DAY, feed_in=0.05), QUARTERLY)
    assert retail_of_day(tariff, QUARTERLY) == np.repeat([round(price * 1e6) for price in DAY], 4).tolist()


def test_finer_prices_are_averaged_over_the_slot():
    params = SeriesParams(retail=(0.2, 0.4) * 24, feed_in=0.05, value_minutes=30)
    assert set(retail_of_day(build_series(params, HOURLY), HOURLY)) == {300_000}


def test_beyond_the_series_its_last_day_repeats():
    """Forecasts may look beyond the run."""
    two_days = (*([0.2] * 24), *DAY)
    tariff = build_series(SeriesParams(retail=two_days, feed_in=0.05), HOURLY)
    for slot in (50, 75, 24 * 400 + 2):
        assert tariff.at(HOURLY.clock.at(slot)) == tariff.at(HOURLY.clock.at(24 + slot % 24))


def test_a_series_that_ends_within_the_run_is_refused():
    ctx = context(2, slots=72, slot_minutes=60)
    with pytest.raises(ScenarioError, match=r"neither one day nor the run.*48 values") as caught:
        build_series(SeriesParams(retail=DAY * 2, feed_in=0.05), ctx)
    assert "72 for the 3 days" in caught.value.problems[0].hint


def test_values_and_slots_must_fit_together():
    ctx = context(2, slots=36, slot_minutes=40)
    with pytest.raises(ScenarioError, match="60 minutes and a slot of 40 do not fit"):
        build_series(SeriesParams(retail=DAY, feed_in=0.05), ctx)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({}, "give either retail or file"),
        ({"retail": DAY}, "give feed_in beside retail"),
        ({"retail": DAY, "feed_in": (0.05,)}, "feed_in has 1 values, retail has 24"),
        ({"retail": (0.1, 0.3), "feed_in": 0.2}, r"feed_in\[0\] \(0.2\) exceeds retail\[0\] \(0.1\)"),
        ({"retail": DAY, "feed_in": 0.1, "value_minutes": 7}, "does not divide a day"),
        ({"file": "p.csv", "feed_in": (0.1,)}, "single prices or columns of the file"),
    ],
)
def test_an_inconsistent_series_is_refused(wrong, message):
    with pytest.raises(ValidationError, match=message):
        SeriesParams(**wrong)


@pytest.fixture
def price_file(tmp_path):
    def write(text):
        path = tmp_path / "prices.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_prices_come_from_a_file(price_file):
    text = "retail,feed_in,wholesale\n" + "".join(f"{price},0.05,-0.01\n" for price in DAY)
    tariff = build_series(SeriesParams(file=price_file(text)), HOURLY)
    assert retail_of_day(tariff, HOURLY)[:24] == [round(price * 1e6) for price in DAY]
    assert tariff.at(HOURLY.clock.at(3)).wholesale_ticks.tolist() == [-10_000]


def test_prices_of_a_file_have_both_signs_and_feed_in_above_retail_is_named_by_its_line(price_file):
    rows = ["0.3,0", *["-0.05,-0.1"] * 2, *["0.3,-0.02"] * 21]
    tariff = build_series(SeriesParams(file=price_file(HEADER + "\n".join(rows))), HOURLY)
    assert retail_of_day(tariff, HOURLY)[:4] == [300_000, -50_000, -50_000, 300_000]
    assert [int(tariff.at(HOURLY.clock.at(hour)).feed_in_ticks[0]) for hour in range(4)] == [
        0,
        -100_000,
        -100_000,
        -20_000,
    ]
    wrong = price_file(HEADER + "\n".join([*rows[:2], "-0.05,0.0", *rows[3:]]))
    with pytest.raises(ScenarioError, match=r"prices\.csv:4: feed_in exceeds retail \(got 0.0 > -0.05"):
        build_series(SeriesParams(file=wrong), HOURLY)


def test_the_time_column_places_the_rows(price_file):
    """The file begins a day before the run, with other prices."""
    rows = [f"2016-07-{11 + hour // 24}T{hour % 24:02d}:00,{0.9 if hour < 24 else 0.3}" for hour in range(72)]
    tariff = build_series(SeriesParams(file=price_file("time,retail\n" + "\n".join(rows)), feed_in=0.1), HOURLY)
    assert set(retail_of_day(tariff, HOURLY)) == {300_000}


@pytest.mark.parametrize("hours", [1, 24, 25, 47])
def test_dated_prices_that_end_before_the_run_are_refused(price_file, hours):
    """Prices of the 12th of July are none of the 13th; only a day without a date repeats."""
    rows = [f"2016-07-{12 + hour // 24}T{hour % 24:02d}:00,0.3" for hour in range(hours)]
    file = price_file("time,retail\n" + "\n".join(rows))
    ctx = context(2, slots=48, slot_minutes=60)
    with pytest.raises(ScenarioError, match=r"prices end at .* the run at 2016-07-14 00:00:00") as caught:
        build_series(SeriesParams(file=file, feed_in=0.1), ctx)
    assert "leave out the column time" in caught.value.problems[0].hint
    again = price_file("retail\n" + "0.3\n" * 24)
    assert set(retail_of_day(build_series(SeriesParams(file=again, feed_in=0.1), ctx), ctx)) == {300_000}


def test_every_bad_line_of_a_file_is_named(price_file):
    text = HEADER + "0.3,0.05\nnan,0.05\n\n0.3\n0.3,cheap\n0.3,-2000\n"
    with pytest.raises(ScenarioError) as caught:
        build_series(SeriesParams(file=price_file(text)), HOURLY)
    assert [problem.line for problem in caught.value.problems] == [3, 5, 6]
    assert caught.value.problems[2].message == "no valid feed_in, in 2 lines (6, 7)"


@pytest.mark.parametrize("cell", ["1_0", "０.3", "0x1", "inf", "1e400", "0 .3", "", "-"])
def test_prices_are_written_with_digits_alone(price_file, cell):
    with pytest.raises(ScenarioError, match=r"prices\.csv:3: no valid retail"):
        build_series(SeriesParams(file=price_file(HEADER + f"0.3,0.05\n{cell},0.05\n")), HOURLY)


def test_a_decimal_comma_is_recognised(price_file):
    with pytest.raises(ScenarioError, match="write decimals with a point"):
        build_series(SeriesParams(file=price_file(HEADER + '"0,3",0.05\n')), HOURLY)


def test_a_file_of_prices_that_ends_too_early_is_the_fault_of_the_file(price_file):
    with pytest.raises(ScenarioError, match=r"file: the prices cover neither one day nor the run \(got 30 values\)"):
        build_series(SeriesParams(file=price_file(HEADER + "0.3,0.05\n" * 30)), HOURLY)


def test_feed_in_above_retail_in_a_file_is_named(price_file):
    text = HEADER + "0.3,0.05\n\n" * 23 + "0.3,0.4\n"
    with pytest.raises(ScenarioError, match=r"prices.csv:48: feed_in exceeds retail \(got 0.4 > 0.3\)"):
        build_series(SeriesParams(file=price_file(text)), HOURLY)


def test_many_problems_are_counted(price_file):
    with pytest.raises(ScenarioError, match=r"no valid retail, in 100 lines \(2, 3, 4, 5, 6 ... 101\)"):
        build_series(SeriesParams(file=price_file(HEADER + "x,0.05\n" * 100)), HOURLY)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column 'retail'"),
        ("price,feed_in\n", "unknown column"),
        ("retail\n", "neither a column 'feed_in'"),
        ("retail,retail,feed_in\n", "named twice"),
        (b"retail,feed_in\n\xff\xfe\n", r":2:1: the file is not UTF-8"),
        (b"PK\x03\x04", "a workbook or an archive"),
        (b"retail,feed_in\n0.3,\x00\n", r":2: the file holds bytes that are 0"),
        ("retail;feed_in\n0,3;0,05\n", "not separated by commas"),
        ('retail,feed_in\n"0.3,0.05\n', "not closed"),
        ("time,retail,feed_in\n2016-07-12T00:00+02:00,0.3,0.1\n", "without an offset"),
        ("time,retail,feed_in\n2016-07-12T00:00,0.3,0.1\n2016-07-12T02:00,0.3,0.1\n", "not 60 minutes after the last"),
        ("time,retail,feed_in\n2016-07-13T00:00,0.3,0.1\n", "no row begins at 2016-07-12"),
        ("time,retail,feed_in\n", "no row begins at 2016-07-12"),
        (HEADER, "cover neither one day nor the run"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(price_file, text, message):
    with pytest.raises(ScenarioError, match=message):
        build_series(SeriesParams(file=price_file(text)), HOURLY)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ScenarioError, match=r"nowhere.csv: there is no such file"):
        build_series(SeriesParams(file=tmp_path / "nowhere.csv"), HOURLY)


def test_looking_up_a_price_makes_nothing_new():
    """A tariff of one day answers a slot with the record of its hour."""
    tariff = build_flat(FlatParams(), HOURLY)
    assert tariff.at(clock().at(1)) is tariff.at(clock().at(2))
