"""Completed bars: nothing of a running session is taken for its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from stockcast.prices.hours import TradingHours, load_hours
from stockcast.prices.sessions import SessionCalendar, load_calendar
from stockcast.prices.yahoo.answer import Answer, Meta, completed, without_bars
from tests.loopback.market import Market
from tests.prices.asking import FRIDAY, MONDAY, NEW_YORK, SESSIONS, Asking, days

SPAN = date(2024, 1, 1), date(2025, 12, 31)


@pytest.fixture(scope="module")
def calendar() -> SessionCalendar:
    return load_calendar("XNYS", *SPAN)


@pytest.fixture(scope="module")
def hours() -> TradingHours:
    return load_hours("XNYS", *SPAN)


def bars(*sessions: date, period_end: datetime | None = None) -> Answer:
    """One bar for each session, whose close is its position, from 1 on."""
    count = len(sessions)
    numbers = np.arange(1.0, count + 1)
    return Answer(
        ticker="AAPL",
        dates=np.array(sessions, dtype="datetime64[D]"),
        open=numbers,
        high=numbers,
        low=numbers,
        close=numbers,
        adjusted_close=numbers,
        volume=numbers,
        dividends=np.zeros(count),
        splits=np.ones(count),
        meta=Meta("AAPL", zone="America/New_York", period_end=period_end),
    )


def emptied(answer: Answer, *at: int) -> Answer:
    close = answer.close.copy()
    close[list(at)] = np.nan
    return replace(answer, close=close)


def at(day: date, hour: int, minute: int = 0, zone: ZoneInfo = NEW_YORK) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)


def test_the_bar_of_a_session_is_taken_from_its_close_on(calendar: SessionCalendar, hours: TradingHours) -> None:
    answer = bars(*SESSIONS)
    before, notes = completed(answer, calendar, hours, at(MONDAY, 15, 59))
    assert (days(before), notes) == (SESSIONS[:-1], ())
    after, notes = completed(answer, calendar, hours, at(MONDAY, 16))
    assert (days(after), notes) == (SESSIONS, ())


def test_an_early_close_is_known(calendar: SessionCalendar, hours: TradingHours) -> None:
    black_friday = date(2024, 11, 29)
    answer = bars(date(2024, 11, 27), black_friday)
    assert len(completed(answer, calendar, hours, at(black_friday, 12, 59))[0]) == 1
    assert len(completed(answer, calendar, hours, at(black_friday, 13))[0]) == 2


def test_a_session_that_the_provider_says_goes_on_is_not_over(calendar: SessionCalendar, hours: TradingHours) -> None:
    answer = bars(FRIDAY, MONDAY, period_end=at(MONDAY, 17))
    assert days(completed(answer, calendar, hours, at(MONDAY, 16, 59))[0]) == [FRIDAY]
    assert days(completed(answer, calendar, hours, at(MONDAY, 17))[0]) == [FRIDAY, MONDAY]


def test_the_end_of_another_session_says_nothing(calendar: SessionCalendar, hours: TradingHours) -> None:
    # A replay: the provider's period is of today, the product's clock stands in the past.
    answer = bars(FRIDAY, MONDAY, period_end=at(date(2025, 6, 2), 16))
    assert days(completed(answer, calendar, hours, at(MONDAY, 18))[0]) == [FRIDAY, MONDAY]


def test_a_session_that_ended_early_by_the_provider_still_waits_for_the_trading_hours(
    calendar: SessionCalendar, hours: TradingHours
) -> None:
    answer = bars(FRIDAY, MONDAY, period_end=at(MONDAY, 13))
    assert days(completed(answer, calendar, hours, at(MONDAY, 14))[0]) == [FRIDAY]


def test_bars_of_the_future_are_left_out(calendar: SessionCalendar, hours: TradingHours) -> None:
    answer = bars(FRIDAY, MONDAY, date(2024, 6, 18), date(2025, 1, 2))
    assert days(completed(answer, calendar, hours, at(MONDAY, 18))[0]) == [FRIDAY, MONDAY]


def test_a_newest_bar_without_a_close_is_left_out_and_named(calendar: SessionCalendar, hours: TradingHours) -> None:
    answer = emptied(bars(FRIDAY, MONDAY), 1)
    final, notes = completed(answer, calendar, hours, at(MONDAY, 18))
    assert days(final) == [FRIDAY]
    assert notes == ("AAPL: the bar of 2024-06-17 has no close yet and is left out",)


def test_a_bar_without_an_adjusted_close_is_one_without_a_close(calendar: SessionCalendar, hours: TradingHours) -> None:
    answer = replace(bars(FRIDAY, MONDAY), adjusted_close=np.array([1.0, np.nan]))
    assert days(completed(answer, calendar, hours, at(MONDAY, 18))[0]) == [FRIDAY]


def test_older_bars_without_a_close_are_told_apart(calendar: SessionCalendar, hours: TradingHours) -> None:
    now = at(MONDAY, 18)
    final, notes = completed(emptied(bars(*SESSIONS), 2), calendar, hours, now)
    assert len(final) == len(SESSIONS) - 1
    assert notes == ("AAPL: the bar of 2024-06-05 has no close and is left out",)
    _, notes = completed(emptied(bars(*SESSIONS), 0, 2, len(SESSIONS) - 1), calendar, hours, now)
    assert notes == (
        "AAPL: 2 bars have no close and are left out: 2024-06-03 and 2024-06-05",
        "AAPL: the bar of 2024-06-17 has no close yet and is left out",
    )


def test_an_unfinished_bar_without_a_close_is_not_worth_a_word(calendar: SessionCalendar, hours: TradingHours) -> None:
    final, notes = completed(emptied(bars(FRIDAY, MONDAY), 1), calendar, hours, at(MONDAY, 12))
    assert (days(final), notes) == ([FRIDAY], ())


def test_of_a_session_that_comes_twice_the_later_bar_is_kept(calendar: SessionCalendar, hours: TradingHours) -> None:
    final, notes = completed(bars(FRIDAY, FRIDAY, MONDAY, MONDAY), calendar, hours, at(MONDAY, 18))
    assert (days(final), final.close.tolist(), notes) == ([FRIDAY, MONDAY], [2.0, 4.0], ())


def test_of_a_session_that_comes_twice_the_bar_with_a_close_is_kept(
    calendar: SessionCalendar, hours: TradingHours
) -> None:
    final, notes = completed(emptied(bars(FRIDAY, MONDAY, MONDAY), 2), calendar, hours, at(MONDAY, 18))
    assert (days(final), final.close.tolist(), notes) == ([FRIDAY, MONDAY], [1.0, 2.0], ())


def test_a_live_bar_beside_the_daily_one_is_left_out_with_it(calendar: SessionCalendar, hours: TradingHours) -> None:
    assert days(completed(bars(FRIDAY, MONDAY, MONDAY), calendar, hours, at(MONDAY, 12))[0]) == [FRIDAY]


def test_no_bars_stay_no_bars(calendar: SessionCalendar, hours: TradingHours) -> None:
    final, notes = completed(without_bars("AAPL", Meta("AAPL")), calendar, hours, at(MONDAY, 18))
    assert (len(final), notes) == (0, ())
    final, _ = completed(bars(MONDAY), calendar, hours, at(MONDAY, 12))
    assert final.dates.dtype == np.dtype("datetime64[D]")


def test_a_day_of_a_coin_ends_at_midnight_in_utc() -> None:
    calendar, hours = load_calendar("24/7", *SPAN), load_hours("24/7", *SPAN, "UTC")
    answer = bars(date(2024, 6, 15), date(2024, 6, 16))
    midnight = datetime(2024, 6, 17, tzinfo=UTC)
    assert len(completed(answer, calendar, hours, midnight - timedelta(seconds=1))[0]) == 1
    assert len(completed(answer, calendar, hours, midnight)[0]) == 2


@pytest.mark.parametrize(("hour", "last"), [(8, FRIDAY), (9, FRIDAY), (15, FRIDAY), (16, MONDAY), (20, MONDAY)])
def test_what_yahoo_sends_through_a_day_is_final_only_after_the_close(
    ask: Asking, market: Market, calendar: SessionCalendar, hours: TradingHours, hour: int, last: date
) -> None:
    market.now = datetime(2024, 6, 17, hour, 45, tzinfo=NEW_YORK)
    final, notes = completed(ask(), calendar, hours, market.now)
    assert (days(final)[-1], notes) == (last, ())


def test_the_blank_newest_bar_of_yahoo_is_named(
    ask: Asking, market: Market, calendar: SessionCalendar, hours: TradingHours
) -> None:
    market.blank("AAPL", FRIDAY)
    final, notes = completed(ask(), calendar, hours, market.now)
    assert days(final) == SESSIONS[:-2]
    assert notes == ("AAPL: the bar of 2024-06-14 has no close yet and is left out",)
