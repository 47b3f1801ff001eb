"""Session fit: whose sessions the days of bars are, and whether they were moved by one."""

from __future__ import annotations

from datetime import date
from functools import cache
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockcast.prices.history import ONE_DAY, Dates
from stockcast.prices.sessionfit import DECISIVE, better_exchanges, better_shift, fitting_exchanges, session_fit
from stockcast.prices.sessions import SessionCalendar, load_calendar

FIRST, LAST = date(2006, 1, 2), date(2025, 12, 31)
SHORT, LONG = 60, 5000  # a quarter, twenty years
EXCHANGES = ("XNYS", "XLON", "XPAR", "XTKS", "XASX", "XSAU", "XTAE", "weekdays")


@cache
def calendar(exchange: str) -> SessionCalendar:
    return load_calendar(exchange, FIRST, LAST)


@cache
def days_of(exchange: str, count: int, start: date = FIRST) -> Dates:
    days = calendar(exchange).next_sessions(max(start, calendar(exchange).first), count)
    found = np.array(days, dtype="datetime64[D]")
    return found[found <= np.datetime64(LAST)]


def utc(days: Dates, zone: str, time: str = "00:00") -> Dates:
    """The dates in UTC of a time of day in a zone, as stamps that lost their zone have them."""
    import pandas as pd

    stamps = pd.to_datetime([f"{day} {time}" for day in days]).tz_localize(zone).tz_convert("UTC")
    return stamps.tz_localize(None).to_numpy().astype("datetime64[D]")


@pytest.mark.parametrize(("exchange", "count"), list(product(EXCHANGES, (SHORT, LONG))))
def test_an_exchanges_own_days_fit(exchange: str, count: int) -> None:
    fit = session_fit(days_of(exchange, count), calendar(exchange))
    assert fit.agrees
    assert not fit.doubtful
    assert (fit.shift, len(fit.missing)) == (0, 0)


def test_a_reading_that_explains_fewer_of_the_bars_is_not_clearly_better() -> None:
    saturday = np.array(["2010-01-09"], dtype="datetime64[D]")
    days = np.union1d(days_of("weekdays", 250, date(2010, 1, 1)), saturday)
    weekdays, always = (session_fit(days, load_calendar(name, FIRST, LAST)) for name in ("weekdays", "24/7"))
    assert weekdays.log_likelihood > always.log_likelihood + DECISIVE
    assert (len(weekdays.extra), len(always.extra)) == (1, 0)
    assert not weekdays.is_clearly_better(always)


@pytest.mark.parametrize(("exchange", "count", "shift"), list(product(EXCHANGES, (SHORT, LONG), (1, -1))))
def test_days_that_were_moved_by_one_are_moved_back(exchange: str, count: int, shift: int) -> None:
    moved = days_of(exchange, count) - shift * ONE_DAY
    assert better_shift(moved, calendar(exchange)) == shift
    assert session_fit(moved, calendar(exchange)).doubtful


@given(
    st.sampled_from(EXCHANGES), st.sampled_from((SHORT, 250, LONG)), st.sampled_from((-1, 0, 1)),
    st.floats(0.0, 0.3), st.floats(0.0, 0.02), st.integers(0, 2**32),
)  # fmt: skip
def test_a_shift_is_found_through_gaps_and_strange_rows_and_only_where_there_is_one(
    exchange: str, count: int, shift: int, lost: float, strange: float, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    days = days_of(exchange, count)
    kept = days[draw.random(len(days)) >= lost]
    every = np.arange(days[0], days[-1])
    mixed = np.union1d(kept, every[draw.random(len(every)) < strange]) - shift * ONE_DAY
    assert better_shift(mixed, calendar(exchange)) == shift


@pytest.mark.parametrize(
    ("exchange", "zone", "time"),
    [
        ("XTKS", "Asia/Tokyo", "00:00"),
        ("XPAR", "Europe/Paris", "00:00"),
        ("XASX", "Australia/Sydney", "10:00"),  # the day before in the south's summer alone
        ("XLON", "Europe/London", "00:00"),  # and in the north's
    ],
)
def test_stamps_in_utc_are_a_day_early(exchange: str, zone: str, time: str) -> None:
    assert better_shift(utc(days_of(exchange, 1500), zone, time), calendar(exchange)) == 1


def test_a_file_whose_older_part_is_in_utc_is_found() -> None:
    days = days_of("XTKS", 3000)
    mixed = np.concatenate([days[:400] - ONE_DAY, days[401:]])
    assert better_shift(mixed, calendar("XTKS")) == 1


def test_sessions_that_open_on_the_evening_before_are_a_day_early() -> None:
    assert better_shift(days_of("weekdays", 250) - ONE_DAY, calendar("weekdays")) == 1


@pytest.mark.parametrize(("exchange", "shift"), list(product(("XNYS", "XLON", "XTKS", "XASX"), (1, -1))))
def test_days_that_were_moved_by_a_business_day_are_found_by_their_holidays(exchange: str, shift: int) -> None:
    moved = np.busday_offset(days_of(exchange, 500), -shift)
    assert better_shift(moved, calendar(exchange)) == shift


@pytest.mark.parametrize(("own", "taken"), list(permutations(("XNYS", "XLON", "XPAR", "XTKS", "XASX", "weekdays"), 2)))
@pytest.mark.parametrize("count", [250, 2500])
def test_another_exchanges_days_are_not_moved(own: str, taken: str, count: int) -> None:
    assert better_shift(days_of(own, count), calendar(taken)) == 0


def test_bars_of_every_day_and_of_six_days_are_not_moved() -> None:
    every = np.arange(np.datetime64("2020-01-01"), np.datetime64("2024-01-01"))
    sunday = (every.astype(np.int64) + 3) % 7 == 6
    assert better_shift(every, calendar("XNYS")) == 0
    assert better_shift(np.union1d(every[np.is_busday(every)], every[sunday]), calendar("weekdays")) == 0
    assert session_fit(every, calendar("24/7")).agrees


@pytest.mark.parametrize(("own", "taken"), [("XTKS", "XNYS"), ("XNYS", "XTKS"), ("XASX", "XNYS"), ("XLON", "XNYS")])
def test_another_exchange_is_found_by_its_holidays(own: str, taken: str) -> None:
    days = days_of(own, 500)
    assert session_fit(days, calendar(taken)).doubtful
    assert better_exchanges(days, calendar(taken))[0] == own
    ranked = fitting_exchanges(days, [calendar(name) for name in EXCHANGES])
    assert ranked[0].exchange == own
    assert ranked[0].is_clearly_better(session_fit(days, calendar(taken)))


def test_no_exchange_is_better_than_the_own_one_or_than_a_shift() -> None:
    assert better_exchanges(days_of("XNYS", 500), calendar("XNYS")) == []
    assert better_exchanges(days_of("XTKS", 500) - ONE_DAY, calendar("XTKS")) == []


def test_weekdays_that_never_come_and_that_are_none_of_the_exchange_are_named() -> None:
    fit = session_fit(days_of("XTKS", 250) - ONE_DAY, calendar("XTKS"))
    assert (fit.absent, fit.foreign, fit.shift) == ((4,), (6,), 1)
    assert fit.sentence("tk") == (
        f"tk: {len(fit.extra)} of its 250 bars are on days without a session of XTKS (47 on Sundays) and none is on a "
        "Friday: a day later they would fit, as of stamps in UTC, or of when a session opens"
    )
    assert fit.hint().startswith("write the dates of the exchange's own sessions")


def test_a_series_that_lacks_most_sessions_says_nothing_by_the_weekdays_that_it_lacks() -> None:
    days = days_of("weekdays", 500)
    weekday = (days.astype(np.int64) + 3) % 7
    assert session_fit(days[weekday < 2], calendar("weekdays")).absent == ()
    assert session_fit(days[weekday < 3], calendar("weekdays")).absent == (3, 4)


def test_a_coin_is_said_to_be_traded_every_day() -> None:
    every = np.arange(np.datetime64("2024-02-25"), np.datetime64("2024-05-25"))
    fit, better = session_fit(every, calendar("XNYS")), better_exchanges(every, calendar("XNYS"))
    assert better == ["24/7"]
    assert fit.sentence("BTC", better) == (
        "BTC: 26 of its 90 bars are on days without a session of XNYS (12 on Saturdays and 13 on Sundays): it is "
        "traded seven days a week"
    )
    assert fit.hint(better) == "name the exchange they are from: --exchange 24/7"
    assert fit.hint(better, "--with BTC.csv@{}") == "name the exchange they are from: --with BTC.csv@24/7"


def test_few_exceptions_are_said_without_a_doubt() -> None:
    days = np.union1d(days_of("XNYS", 500), np.array(["2006-07-04", "2006-12-25"], "datetime64[D]"))
    fit = session_fit(days, calendar("XNYS"))
    assert (fit.agrees, fit.doubtful) == (False, False)
    assert fit.sentence("GE") == (
        "GE: 2 of its 502 bars are on days without a session of XNYS (2006-07-04 and 2006-12-25)"
    )


def test_days_that_the_calendar_does_not_know_are_not_compared() -> None:
    late = np.array(["2030-01-05", "2030-01-06"], "datetime64[D]")
    assert session_fit(late, calendar("XNYS")).bars == 0
    assert session_fit(late, calendar("XNYS")).agrees
    assert fitting_exchanges(late, [calendar("XNYS")]) == []
    assert better_shift(np.empty(0, "datetime64[D]"), calendar("XNYS")) == 0
