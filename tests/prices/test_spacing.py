"""Gaps, and bars that are not daily."""

from __future__ import annotations

import numpy as np
import pytest

from stockcast.errors import DataError
from stockcast.prices.checks import validated
from stockcast.prices.history import Caution, RawBars
from tests.prices.plain import SESSIONS, bars

WEEK, MONTH = 5, 21


def sampled(*parts: tuple[int, int]) -> RawBars:
    """Bars one part after the other: how many, and how many weekdays apart."""
    steps = np.concatenate([np.full(count, step) for count, step in parts])
    return bars(int(steps.sum())).take(np.cumsum(steps) - steps)


def test_a_gap_of_more_than_ten_weekdays_is_noted_with_both_dates() -> None:
    raw = bars()
    ten = raw.take(np.delete(np.arange(SESSIONS), np.arange(20, 30)))
    eleven = raw.take(np.delete(np.arange(SESSIONS), np.arange(20, 31)))
    assert validated(ten).notes == ()
    assert validated(eleven).notes == (f"No bars between {raw.dates[19]} and {raw.dates[31]} (11 weekdays).",)


def test_a_gap_after_a_weekend_with_bars_is_of_the_weekdays_without_one() -> None:
    days = np.arange("2021-01-01", "2021-03-01", dtype="datetime64[D]")
    sunday, tuesday = np.datetime64("2021-01-10"), np.datetime64("2021-01-26")
    days = days[(days <= sunday) | (days >= tuesday)]
    coin = RawBars("BTC", days, 100 + np.sin(np.arange(len(days))), label="BTC.csv")
    assert f"No bars between {sunday} and {tuesday} (11 weekdays)." in validated(coin).notes


def test_a_gap_of_a_year_is_refused_with_a_start_after_it() -> None:
    whole = bars(400)
    assert len(validated(whole.take(np.delete(np.arange(400), np.arange(50, 300))))) == 150
    raw = whole.take(np.delete(np.arange(400), np.arange(50, 301)))
    with pytest.raises(DataError, match="no bar on 251 weekdays between") as error:
        validated(raw)
    assert f"--start {raw.dates[50]}" in error.value.hint


@pytest.mark.parametrize("step", [WEEK, MONTH])
def test_weekly_and_monthly_bars_are_refused(step: int) -> None:
    with pytest.raises(DataError, match="is not daily"):
        validated(sampled((40, step)))


@pytest.mark.parametrize("step", [WEEK, MONTH])
@pytest.mark.parametrize("count", [5, 30, 300])
def test_coarse_bars_before_daily_ones_are_left_out_with_a_caution(count: int, step: int) -> None:
    raw = sampled((count, step), (90, 1))
    history = validated(raw)
    np.testing.assert_array_equal(history.dates, raw.dates[count:])
    (note,) = history.notes
    assert isinstance(note, Caution)
    assert f"The first {count} bars from {raw.dates[0]}, {step} weekdays apart" in note
    assert str(raw.dates[count]) in note


@pytest.mark.parametrize("between", [1, 3])
def test_monthly_and_then_weekly_bars_before_daily_ones_are_left_out_together(between: int) -> None:
    raw = sampled((40, MONTH), (between, 1), (50, WEEK), (90, 1))
    np.testing.assert_array_equal(validated(raw).dates, raw.dates[90 + between :])


def test_coarse_bars_before_too_few_daily_ones_are_refused() -> None:
    with pytest.raises(DataError, match="is not daily"):
        validated(sampled((30, WEEK), (40, 1)))


@pytest.mark.parametrize("count", [5, 30])
def test_coarse_bars_after_daily_ones_are_refused_with_an_end_before_them(count: int) -> None:
    raw = sampled((100, 1), (count, WEEK))
    with pytest.raises(DataError, match=f"not daily from {raw.dates[100]} to {raw.dates[-1]}") as error:
        validated(raw)
    assert error.value.hint == f"Download daily prices, or use what is before with --end {raw.dates[100]}."
    assert len(validated(raw.take(np.arange(101)))) == 101


def test_coarse_bars_between_daily_ones_are_cautioned_of_where_few_and_refused_where_many() -> None:
    few, many = sampled((200, 1), (6, WEEK), (200, 1)), sampled((200, 1), (60, WEEK), (200, 1))
    assert validated(few).notes == (f"From {few.dates[200]} to {few.dates[206]} the bars are not daily (6 steps).",)
    with pytest.raises(DataError, match="is not daily") as error:
        validated(many)
    start = error.value.hint.rstrip(".").split()[-1]
    assert validated(many.take(np.flatnonzero(many.dates >= np.datetime64(start)))).notes == ()


def test_holidays_and_a_stock_that_is_not_traded_every_day_are_daily() -> None:
    raw = bars(400)
    traded = np.sort(np.random.default_rng(0).choice(400, 280, replace=False))
    assert not any("daily" in note for note in validated(raw.take(traded)).notes)
