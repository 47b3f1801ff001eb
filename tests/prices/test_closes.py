"""Which rows are bars: blanks, first prices, impossible closes, repeated days."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from stockcast.errors import DataError
from stockcast.prices.checks import validated
from stockcast.prices.history import Caution, RawBars
from stockcast.prices.sessions import SessionCalendar, load_calendar
from tests.prices.plain import SESSIONS, bars, closes, put

WEEKDAYS = SessionCalendar("weekdays", date.min, date.max, "1111100")
"""The sessions of the plain bars."""


def doubled(raw: RawBars, at: int, **changed: float) -> RawBars:
    """The bars with the one at `at` once more, as the last row, with other values."""
    twice = raw.take(np.array([*range(len(raw)), at]))
    twice = replace(twice, rows=np.arange(2, len(twice) + 2))
    for name, value in changed.items():
        twice = replace(twice, **{name: put(getattr(twice, name), len(raw), value)})
    return twice


def without_prices(raw: RawBars, *at: int) -> RawBars:
    return replace(raw, close=put(raw.close, list(at), np.nan))


def test_a_row_without_a_close_is_left_out_with_a_caution_that_names_it() -> None:
    raw = bars()
    history = validated(without_prices(raw, 7))
    assert len(history) == SESSIONS - 1
    assert history.notes == (f"No close on {raw.dates[7]}: 1 row was left out.",)
    assert isinstance(history.notes[0], Caution)


def test_of_many_dates_three_are_named() -> None:
    raw = bars(200)
    (note,) = validated(without_prices(raw, 3, 50, 51, 120, 190)).notes
    assert note == f"No close on {raw.dates[3]}, {raw.dates[50]}, {raw.dates[51]} and 2 more: 5 rows were left out."


def test_a_newest_row_without_a_close_says_that_its_session_is_not_in() -> None:
    raw = bars()
    (note,) = validated(without_prices(raw, SESSIONS - 1)).notes
    assert note == (
        "2021-03-26 has no close: 1 row was left out, and the newest bar is of 2021-03-25, although the file says that "
        "a later session is over."
    )
    assert isinstance(note, Caution)


def test_more_than_one_row_in_twenty_without_a_close_is_refused() -> None:
    raw = bars()
    assert len(validated(without_prices(raw, 5, 6, 7))) == SESSIONS - 3
    with pytest.raises(DataError, match="no close in 4 of 60 rows, among them 2021-01-11"):
        validated(without_prices(raw, 5, 6, 7, 8))


def test_blanks_on_another_exchange_s_days_name_it() -> None:
    tokyo, new_york = (load_calendar(name, date(2023, 1, 1), date(2024, 6, 30)) for name in ("XTKS", "XNYS"))
    days = np.arange("2023-01-04", "2024-06-01", dtype="datetime64[D]")
    days = days[tokyo.contains(days) | new_york.contains(days)]
    close = np.where(tokyo.contains(days), 100 + np.sin(np.arange(len(days))), np.nan)
    raw = RawBars("TOYOTA", days, close, label="both.csv")
    with pytest.raises(DataError, match="has no close in 20 of") as error:
        validated(raw, new_york)
    assert "say --exchange XTKS," in error.value.hint
    assert not any("close on" in note or "no close" in note for note in validated(raw, tokyo).notes)


@pytest.mark.parametrize("calendar", [None, WEEKDAYS])
def test_rows_after_the_last_price_are_named_and_no_more(calendar: SessionCalendar | None) -> None:
    (note,) = validated(without_prices(bars(), *range(40, 60)), calendar).notes
    assert note.startswith("2021-03-01, 2021-03-02, 2021-03-03 and 17 more have no close: 20 rows were left out")


@pytest.mark.parametrize("calendar", [None, WEEKDAYS])
def test_rows_before_the_first_price_cost_nothing(calendar: SessionCalendar | None) -> None:
    history = validated(without_prices(bars(), *range(40)), calendar)
    assert (len(history), history.notes) == (SESSIONS - 40, ())


def with_weekends(raw: RawBars) -> RawBars:
    """The bars in a table that has every day, blank on those of another ticker."""
    days = np.arange(raw.dates[0], raw.dates[-1] + np.timedelta64(3, "D"))
    at = np.searchsorted(days, raw.dates)
    close = np.full(len(days), np.nan)
    close[at] = raw.close
    return RawBars(raw.ticker, days, close, label=raw.label)


@pytest.mark.parametrize("calendar", [None, WEEKDAYS])
def test_blank_weekends_of_a_coin_beside_cost_nothing_and_are_no_newest_session(
    calendar: SessionCalendar | None,
) -> None:
    history = validated(with_weekends(bars()), calendar)
    np.testing.assert_array_equal(history.dates, bars().dates)
    assert not any("close on" in note or "no close" in note for note in history.notes)


def test_blank_holidays_cost_nothing_where_the_calendar_knows_them() -> None:
    raw = bars(100)
    holidays = (5, 20, 35, 50, 65, 80, 99)
    calendar = replace(WEEKDAYS, closures=tuple(raw.dates[list(holidays)].tolist()))
    blank = without_prices(raw, *holidays)
    assert validated(blank, calendar).notes == ()
    with pytest.raises(DataError, match="no close in 6 of 99 rows"):
        validated(blank, WEEKDAYS)


def test_a_calendar_that_the_prices_contradict_excuses_no_blank() -> None:
    days = np.arange("2021-01-04", "2021-05-01", dtype="datetime64[D]")
    coin = RawBars("BTC", days, 100 + np.sin(np.arange(len(days))), label="BTC.csv")
    weekend = [at for at, day in enumerate(days) if not np.is_busday(day)]
    blank = weekend[1::3]
    with pytest.raises(DataError, match=f"no close in {len(blank)} of"):
        validated(replace(coin, close=put(coin.close, blank, np.nan)), WEEKDAYS)


@pytest.mark.parametrize(("name", "word"), [("close", "close"), ("adjusted_close", "adjusted close")])
@pytest.mark.parametrize(("value", "shown"), [(-3.5, "-3.5"), (np.inf, "inf")])
def test_an_impossible_close_is_refused_with_row_and_date(name: str, word: str, value: float, shown: str) -> None:
    raw = bars()
    raw = replace(raw, **{name: put(getattr(raw, name), 7, value)})
    with pytest.raises(DataError, match=rf"AAPL.csv, row 9 \(2021-01-13\): the {word} is {shown}") as error:
        validated(raw)
    assert error.value.hint == "Correct or delete that row, or use what follows with --start 2021-01-14."


def test_negative_prices_are_refused_with_a_reason_and_a_start_after_all_of_them() -> None:
    raw = replace(bars(), close=put(bars().close, [7, 9], -37.63), adjusted_close=None)
    with pytest.raises(DataError, match="which a price below zero does not have") as error:
        validated(raw)
    assert "as in 1 more row up to 2021-01-15" in error.value.message
    assert f"--start {raw.dates[10]}" in error.value.hint
    assert len(validated(raw.take(np.arange(10, SESSIONS)))) == SESSIONS - 10


def test_an_impossible_close_at_the_end_is_left_out_from_there() -> None:
    raw = bars(300)
    with pytest.raises(DataError) as error:
        validated(replace(raw, close=put(raw.close, 295, 0.0)))
    assert error.value.hint.endswith(f"use what is before with --end {raw.dates[294]}.")


def test_zeros_before_the_first_price_are_no_prices() -> None:
    raw = closes(0.0, 0.0, np.nan, *(100.0 + np.sin(np.arange(90))))
    history = validated(raw)
    assert len(history) == 90
    assert f"The close is 0 before {raw.dates[3]}, the first price: 2 rows were left out." in history.notes


def test_closes_that_are_all_zero_are_too_small_to_be_written() -> None:
    with pytest.raises(DataError, match="has no close but 0 in 90 rows") as error:
        validated(closes(*([0.0] * 90)))
    assert "more of them" in error.value.hint


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


@pytest.mark.parametrize("blank", [np.nan, 0.0])
def test_a_blank_adjusted_close_takes_over_the_adjustment_of_the_row_before(blank: float) -> None:
    raw = bars()
    ratio = np.where(np.arange(SESSIONS) < 20, 0.5, 0.55)  # a dividend since which it is another
    history = validated(replace(raw, adjusted_close=put(ratio * raw.close, SESSIONS - 1, blank)))
    np.testing.assert_allclose(history.adjusted_close, ratio * raw.close, rtol=1e-15)
    assert history.notes == ("No adjusted close on 2021-03-26: the close was adjusted as in the row before.",)


def test_an_adjusted_close_that_begins_later_begins_the_history() -> None:
    raw = bars()
    history = validated(replace(raw, adjusted_close=put(raw.adjusted_close, list(range(20)), np.nan)))
    np.testing.assert_array_equal(history.dates, raw.dates[20:])
    assert history.notes == (f"The adjusted close begins on {raw.dates[20]}: 20 rows were left out before it.",)


@pytest.mark.parametrize("blank", [list(range(40)), list(range(1, 60, 2)), list(range(60))])
def test_an_adjusted_close_with_many_blanks_is_not_used(blank: list[int]) -> None:
    raw = bars()
    history = validated(replace(raw, adjusted_close=put(raw.adjusted_close, blank, np.nan)))
    np.testing.assert_array_equal(history.adjusted_close, raw.close)
    assert history.notes == (
        f"The adjusted close is missing in {len(blank)} of 60 rows and is not used.",
        "No adjusted close: dividends are not accounted for.",
    )


def test_equal_rows_of_one_date_count_as_one() -> None:
    raw = bars()
    raw = replace(raw, open=put(raw.open, 9, np.nan))
    history = validated(raw.take(np.sort(np.append(np.arange(SESSIONS), [9, 9]))))
    np.testing.assert_array_equal(history.dates, raw.dates)
    assert f"{raw.dates[9]}: repeated rows were left out." in history.notes


@pytest.mark.parametrize(
    "changed", [{"volume": 5e5}, {"open": np.nan}, {"close": 100.41, "adjusted_close": 50.21}, {"high": 100.9 + 1e-4}]
)
def test_rows_of_one_date_that_rounding_or_a_volume_tells_apart_count_as_one(changed: dict[str, float]) -> None:
    raw = bars()
    raw = replace(raw, high=put(raw.high, 9, 100.9), close=put(raw.close, 9, 100.4121), adjusted_close=raw.close / 2)
    raw = replace(raw, adjusted_close=put(raw.adjusted_close, 9, 50.206))
    assert len(validated(doubled(raw, 9, **changed))) == SESSIONS


@pytest.mark.parametrize("name", ["close", "open"])
def test_different_rows_of_one_date_are_refused_with_both_rows(name: str) -> None:
    with pytest.raises(DataError, match=r"different bars for 2021-01-15 \(rows 11 and 62\)") as error:
        validated(doubled(bars(), 9, **{name: 100.25}))
    assert error.value.hint == "Keep one row per session, or use what follows with --start 2021-01-18."


def test_a_row_without_a_close_does_not_contradict_the_one_that_has_it() -> None:
    assert len(validated(doubled(bars(), 9, close=np.nan))) == SESSIONS


@pytest.mark.parametrize("newest_first", [False, True])
def test_of_two_bars_of_the_newest_day_the_final_one_is_taken(newest_first: bool) -> None:
    raw = doubled(bars(), SESSIONS - 1, close=101.5, high=102.0, volume=3e6)
    raw = raw.take(np.arange(len(raw))[::-1]) if newest_first else raw
    history = validated(raw)
    assert (len(history), history.close[-1]) == (SESSIONS, 101.5)
    assert history.notes == ("2021-03-26 has two different bars, the newest ones: the earlier row was left out.",)


@pytest.mark.parametrize("close", [140.0, 60.0])
def test_two_newest_bars_far_apart_are_of_two_companies(close: float) -> None:
    with pytest.raises(DataError, match="different bars for 2021-03-26"):
        validated(doubled(bars(), SESSIONS - 1, close=close, high=close + 1, low=close - 1))


def test_a_table_of_several_tickers_is_named_as_one() -> None:
    one = bars()
    other = replace(one, close=one.close * 3, open=None, high=None, low=None, adjusted_close=None)
    both = RawBars(
        "X", np.concatenate([one.dates, other.dates]), np.concatenate([one.close, other.close]), label="x.csv"
    )
    with pytest.raises(DataError, match="several different bars for 60 of its 60 days") as error:
        validated(both)
    assert "a column that is called Ticker" in error.value.hint


@pytest.mark.parametrize("sessions", [0, 1])
def test_fewer_than_two_rows_are_refused(sessions: int) -> None:
    with pytest.raises(DataError, match=f"has {sessions} row"):
        validated(bars().take(np.arange(sessions)))
