"""Laws of the tariffs: every slot has its price, and no description of a day is accepted that leaves a doubt."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from marketsim.market.tariff_params import SeriesParams, TimeOfUseParams, Window
from marketsim.market.tariffs import build_series, build_time_of_use
from marketsim.testing.device_kit import context

CONTEXT = context(2, slots=96, slot_minutes=15)


@st.composite
def days(draw):
    """Windows that partition a day at whole quarters of an hour, in any order, one of them perhaps over midnight."""
    cuts = sorted(draw(st.sets(st.integers(0, 95), min_size=2, max_size=8)))
    ends = [*cuts[1:], cuts[0]]
    prices = draw(st.lists(st.floats(0.1, 1.0), min_size=len(cuts), max_size=len(cuts)))
    windows = [
        Window(from_hour=begin / 4, to_hour=(end / 4) or 24.0, retail=price)
        for begin, end, price in zip(cuts, ends, prices, strict=True)
    ]
    return draw(st.permutations(windows))


def holds(window, hour):
    if window.from_hour < window.to_hour:
        return window.from_hour <= hour < window.to_hour
    return hour >= window.from_hour or hour < window.to_hour


@settings(max_examples=50)
@given(days())
def test_every_slot_has_the_price_of_its_window(windows):
    tariff = build_time_of_use(TimeOfUseParams(windows=tuple(windows)), CONTEXT)
    for slot in range(96):
        [own] = [window for window in windows if holds(window, slot / 4)]
        assert tariff.at(CONTEXT.clock.at(slot)).retail_ticks.tolist() == [round(own.retail * 1e6)]


@settings(max_examples=50)
@given(days(), st.data())
def test_a_day_with_a_gap_or_an_overlap_is_refused(windows, data):
    """Leaving out any window, or letting any begin earlier, is told."""
    assume(len(windows) > 1)
    index = data.draw(st.integers(0, len(windows) - 1))
    with pytest.raises(ValidationError, match="no window from"):
        TimeOfUseParams(windows=tuple(windows[:index] + windows[index + 1 :]))
    window = windows[index]
    assume(window.from_hour > 0)
    earlier = window.model_copy(update={"from_hour": window.from_hour - 0.25})
    with pytest.raises(ValidationError, match="both hold|is empty"):
        TimeOfUseParams(windows=(*windows[:index], earlier, *windows[index + 1 :]))


@settings(max_examples=50)
@given(st.lists(st.floats(0.1, 1.0), min_size=24, max_size=24), st.sampled_from([15, 30, 60, 120]))
def test_the_mean_price_of_a_day_does_not_depend_on_the_slots(retail, slot_minutes):
    """Repeated in shorter slots or averaged over longer ones, a day costs the same on average."""
    ctx = context(1, slots=1440 // slot_minutes, slot_minutes=slot_minutes)
    tariff = build_series(SeriesParams(retail=tuple(retail), feed_in=0.05), ctx)
    prices = [int(tariff.at(ctx.clock.at(slot)).retail_ticks[0]) for slot in range(ctx.clock.slots)]
    assert abs(sum(prices) / len(prices) / 1e6 - sum(retail) / 24) <= 1e-6
