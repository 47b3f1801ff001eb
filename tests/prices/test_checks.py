"""What the checks repair, what they refuse, and in which words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stockcast.errors import DataError
from stockcast.prices.checks import validated
from stockcast.prices.history import Floats, RawBars

SESSIONS = 60


def bars(sessions: int = SESSIONS) -> RawBars:
    """Weekday bars of a quiet stock, nothing wrong with them; row 2 of the file is the first one."""
    close = 100 + np.sin(np.arange(sessions))
    opening = 100 + np.cos(np.arange(sessions))
    return RawBars(
        ticker="AAPL",
        dates=np.busday_offset("2021-01-04", np.arange(sessions)).astype("datetime64[D]"),
        close=close,
        adjusted_close=close / 2,
        open=opening,
        high=np.maximum(opening, close) + 0.5,
        low=np.minimum(opening, close) - 0.5,
        volume=np.full(sessions, 1e6),
        source="data/AAPL.csv",
        label="AAPL.csv",
        rows=np.arange(2, sessions + 2),
    )


def put(values: Floats | None, at: int, value: float) -> Floats:
    assert values is not None
    changed = values.copy()
    changed[at] = value
    return changed


def closes(*values: float) -> RawBars:
    close = np.array(values)
    dates = np.busday_offset("2021-01-04", np.arange(len(close))).astype("datetime64[D]")
    return RawBars("AAPL", dates, close, label="AAPL.csv", rows=np.arange(2, len(close) + 2))


def test_bars_without_fault_pass_unchanged_and_without_a_note() -> None:
    raw = bars()
    history = validated(raw)
    for name in ("dates", "close", "adjusted_close", "open", "high", "low", "volume"):
        np.testing.assert_array_equal(getattr(history, name), getattr(raw, name))
    assert (history.ticker, history.source, history.splits, history.notes) == ("AAPL", "data/AAPL.csv", None, ())


@pytest.mark.parametrize("name", ["close", "adjusted_close"])
def test_a_row_without_a_close_is_left_out_with_a_note_that_names_it(name: str) -> None:
    raw = bars()
    raw = replace(raw, **{name: put(getattr(raw, name), SESSIONS - 1, np.nan)})
    history = validated(raw)
    assert len(history) == SESSIONS - 1
    assert history.notes == (f"No close on {raw.dates[-1]}: 1 row was left out.",)


def test_of_many_dates_three_are_named() -> None:
    raw = bars(200)
    close = raw.close.copy()
    close[[3, 50, 51, 120, 199]] = np.nan
    (note,) = validated(replace(raw, close=close)).notes
    assert note == f"No close on {raw.dates[3]}, {raw.dates[50]}, {raw.dates[51]} and 2 more: 5 rows were left out."


def test_more_than_one_row_in_twenty_without_a_close_is_refused() -> None:
    raw = bars()
    close = raw.close.copy()
    close[:3] = np.nan
    assert len(validated(replace(raw, close=close))) == SESSIONS - 3
    close[3] = np.nan
    with pytest.raises(DataError, match="no close in 4 of 60 rows, among them 2021-01-04"):
        validated(replace(raw, close=close))


@pytest.mark.parametrize(("name", "word"), [("close", "close"), ("adjusted_close", "adjusted close")])
@pytest.mark.parametrize(("value", "shown"), [(0.0, "0"), (-3.5, "-3.5"), (np.inf, "inf")])
def test_an_impossible_close_is_refused_with_row_and_date(name: str, word: str, value: float, shown: str) -> None:
    raw = bars()
    raw = replace(raw, **{name: put(getattr(raw, name), 7, value)})
    with pytest.raises(DataError, match=rf"AAPL.csv, row 9 \(2021-01-13\): the {word} is {shown}") as error:
        validated(raw)
    assert error.value.hint


def test_without_rows_the_date_alone_says_where() -> None:
    raw = replace(bars(), rows=None)
    with pytest.raises(DataError, match=r"^AAPL.csv, 2021-01-13: the close is 0"):
        validated(replace(raw, close=put(raw.close, 7, 0.0)))


def test_newest_first_is_turned_round_in_silence_and_disorder_sorted_with_a_note() -> None:
    raw = bars()
    turned = validated(raw.take(np.arange(SESSIONS)[::-1]))
    mixed = validated(raw.take(np.random.default_rng(0).permutation(SESSIONS)))
    np.testing.assert_array_equal(turned.close, raw.close)
    np.testing.assert_array_equal(mixed.volume, raw.volume)
    assert turned.notes == ()
    assert mixed.notes == ("The rows were not in order of date and were sorted.",)


def test_equal_rows_of_one_date_count_as_one() -> None:
    raw = bars()
    raw = replace(raw, open=put(raw.open, 9, np.nan))
    history = validated(raw.take(np.sort(np.append(np.arange(SESSIONS), [9, 9]))))
    np.testing.assert_array_equal(history.dates, raw.dates)
    assert f"{raw.dates[9]}: repeated rows were left out." in history.notes


@pytest.mark.parametrize("name", ["close", "open", "volume"])
def test_different_rows_of_one_date_are_refused_with_both_rows(name: str) -> None:
    raw = bars()
    twice = raw.take(np.array([*range(SESSIONS), 9]))
    twice = replace(twice, rows=np.arange(2, SESSIONS + 3))
    twice = replace(twice, **{name: put(getattr(twice, name), SESSIONS, 100.25)})
    with pytest.raises(DataError, match=r"different bars for 2021-01-15 \(rows 11 and 62\)"):
        validated(twice)


def test_a_row_without_a_close_does_not_contradict_the_one_that_has_it() -> None:
    raw = bars()
    twice = raw.take(np.array([*range(SESSIONS), 9]))
    assert len(validated(replace(twice, close=put(twice.close, 9, np.nan)))) == SESSIONS


@pytest.mark.parametrize("sessions", [0, 1])
def test_fewer_than_two_rows_are_refused(sessions: int) -> None:
    with pytest.raises(DataError, match=f"has {sessions} row"):
        validated(bars().take(np.arange(sessions)))


def test_a_gap_of_more_than_ten_weekdays_is_noted_with_both_dates() -> None:
    raw = bars()
    ten = raw.take(np.delete(np.arange(SESSIONS), np.arange(20, 30)))
    eleven = raw.take(np.delete(np.arange(SESSIONS), np.arange(20, 31)))
    assert validated(ten).notes == ()
    assert validated(eleven).notes == (f"No bars between {raw.dates[19]} and {raw.dates[31]} (11 weekdays).",)


def test_a_gap_of_a_year_is_refused_with_a_start_after_it() -> None:
    raw = bars(400)
    raw = raw.take(np.delete(np.arange(400), np.arange(50, 301)))
    with pytest.raises(DataError, match="no bar on 251 weekdays between") as error:
        validated(raw)
    assert f"--start {raw.dates[50]}" in error.value.hint


@pytest.mark.parametrize("step", [5, 21])
def test_weekly_and_monthly_bars_are_refused(step: int) -> None:
    with pytest.raises(DataError, match="is not daily"):
        validated(bars(400).take(np.arange(0, 400, step)))


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
@pytest.mark.parametrize("name", ["open", "high", "low"])
def test_a_price_that_is_none_becomes_missing_with_a_note(name: str, value: float) -> None:
    raw = bars()
    history = validated(replace(raw, **{name: put(getattr(raw, name), 5, value)}))
    values = getattr(history, name)
    assert np.flatnonzero(np.isnan(values)).tolist() == [5]
    assert history.notes == (f"No {name} in 1 row, among them 2021-01-11.",)


def test_a_column_that_is_mostly_missing_is_none() -> None:
    raw = bars()
    assert raw.open is not None
    opening = raw.open.copy()
    opening[:31] = 0.0
    history = validated(replace(raw, open=opening))
    assert history.open is None
    assert history.notes == ("No open prices: volatility is measured from closes only.",)


def test_missing_columns_are_told() -> None:
    history = validated(closes(100, 101, 102))
    assert history.notes == (
        "No open, high, low prices: volatility is measured from closes only.",
        "No volume: features that use it are left out.",
        "No adjusted close: dividends are not accounted for.",
    )
    np.testing.assert_array_equal(history.adjusted_close, history.close)


def test_a_close_that_is_adjusted_misses_nothing() -> None:
    notes = validated(replace(closes(100, 101, 102), close_is_adjusted=True)).notes
    assert not any("dividends" in note for note in notes)


def test_a_high_below_the_low_empties_that_row_and_many_are_refused() -> None:
    raw = bars()
    history = validated(replace(raw, high=put(raw.high, 5, 90.0)))
    for values in (history.open, history.high, history.low):
        assert values is not None
        assert np.flatnonzero(np.isnan(values)).tolist() == [5]
    assert history.notes == ("Open, high and low contradict each other on 2021-01-11 and are not used there.",)
    with pytest.raises(DataError, match=r"row 2 .*the high is below the low, as in 60 of 60 rows"):
        validated(replace(raw, high=raw.low, low=raw.high))


@pytest.mark.parametrize(("excess", "noted"), [(0.004, False), (0.01, True)])
def test_high_and_low_are_widened_to_hold_open_and_close(excess: float, noted: bool) -> None:
    raw = bars()
    assert raw.open is not None
    top, bottom = max(raw.open[5], raw.close[5]), min(raw.open[8], raw.close[8])
    high, low = put(raw.high, 5, top * (1 - excess)), put(raw.low, 8, bottom * (1 + excess))
    history = validated(replace(raw, high=high, low=low))
    assert history.high is not None
    assert history.low is not None
    assert (history.high[5], history.low[8]) == (top, bottom)
    assert bool(history.notes) is noted


def test_ranges_of_another_price_level_are_not_used() -> None:
    raw = bars()
    history = validated(replace(raw, close=raw.close / 2))
    assert (history.open, history.high, history.low) == (None, None, None)
    assert "do not fit the close in 60 rows" in history.notes[0]


def test_impossible_volumes_are_missing_and_zeros_stay() -> None:
    raw = bars()
    history = validated(replace(raw, volume=put(put(raw.volume, 3, -5.0), 4, 0.0)))
    assert history.volume is not None
    assert np.flatnonzero(np.isnan(history.volume)).tolist() == [3]
    assert history.volume[4] == 0
    assert history.notes == ("Impossible volumes on 2021-01-07 count as missing.",)


def test_a_column_of_zero_volumes_is_none() -> None:
    history = validated(replace(bars(), volume=np.zeros(SESSIONS)))
    assert history.volume is None
    assert history.notes == ("No volume: features that use it are left out.",)
