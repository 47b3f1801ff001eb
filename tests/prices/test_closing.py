"""Closing: which session of one exchange is over when one of another ends, against a search over instants."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockcast.prices.hours import MIDNIGHT, Closing, TradingHours, load_hours

FIRST, LAST = date(2015, 1, 1), date(2019, 12, 31)
SUMMER = date(2018, 6, 6)
NEW_YORK, LONDON, TOKYO, CBOE = (
    Closing(name, load_hours(name, FIRST, LAST)) for name in ("XNYS", "XLON", "XTKS", "XCBF")
)
COINS = Closing("24/7", TradingHours("UTC", ((None, MIDNIGHT),)))


@pytest.mark.parametrize(
    ("covariate", "series", "days_before"),
    [
        (TOKYO, NEW_YORK, 0),
        (TOKYO, LONDON, 0),
        (LONDON, NEW_YORK, 0),
        (NEW_YORK, TOKYO, 1),
        (NEW_YORK, LONDON, 1),
        (LONDON, TOKYO, 1),
        (NEW_YORK, NEW_YORK, 0),
        (CBOE, NEW_YORK, 1),  # ^VIX: a quarter of an hour too late
        (NEW_YORK, CBOE, 0),
        (COINS, NEW_YORK, 1),
        (COINS, COINS, 0),
    ],
)
def test_a_session_of_the_same_date_is_known_only_where_it_is_over(
    covariate: Closing, series: Closing, days_before: int
) -> None:
    assert covariate.newest_before(series, SUMMER) == SUMMER - timedelta(days=days_before)


def test_an_early_close_comes_too_early_for_what_closes_as_ever() -> None:
    half_day = date(2018, 11, 23)  # New York ends at 13:00, an hour and a half after London
    assert NEW_YORK.hours is not None
    assert NEW_YORK.hours.close_of(half_day) == datetime(2018, 11, 23, 18, tzinfo=UTC)
    late = Closing("late", TradingHours("America/New_York", ((None, "15:00"),)))
    assert late.newest_before(NEW_YORK, half_day) == date(2018, 11, 22)
    assert late.newest_before(NEW_YORK, SUMMER) == SUMMER


def test_the_same_exchange_closes_with_itself_however_much_is_known_of_it() -> None:
    half_day = date(2018, 11, 23)
    unaware = Closing("XNYS", TradingHours("America/New_York", ((None, "16:00"),)))
    assert unaware.newest_before(NEW_YORK, half_day) == half_day
    assert Closing("XNYS").newest_before(NEW_YORK, half_day) == half_day


def test_what_closes_later_at_the_same_exchange_is_compared_close_by_close() -> None:
    options = Closing("XNYS", TradingHours("America/New_York", ((None, "16:15"),)))
    assert options.newest_before(NEW_YORK, SUMMER) == SUMMER - timedelta(days=1)
    assert NEW_YORK.newest_before(options, SUMMER) == SUMMER


def test_an_exchange_with_the_hours_of_another_is_compared_close_by_close() -> None:
    twin = Closing("XTWIN", TradingHours("America/New_York", ((None, "16:00"),)))
    assert twin.newest_before(NEW_YORK, SUMMER) == SUMMER
    assert twin.newest_before(NEW_YORK, date(2018, 11, 23)) == date(2018, 11, 22)


def test_dates_of_two_exchanges_without_hours_say_nothing() -> None:
    with pytest.raises(ValueError, match="XLON and XNYS"):
        Closing("XLON").newest_before(NEW_YORK, SUMMER)
    with pytest.raises(ValueError, match="XNYS and XLON"):
        NEW_YORK.newest_before(Closing("XLON"), SUMMER)


ZONES = (
    "America/New_York",
    "Europe/London",
    "Asia/Tokyo",
    "Pacific/Auckland",
    "Pacific/Honolulu",
    "UTC",
    "Asia/Kolkata",
)
CLOCKS = st.sampled_from([f"{hour:02d}:{minute:02d}" for hour in range(25) for minute in (0, 15, 30) if hour < 24])
HOURS = st.builds(
    lambda zone, close, early: TradingHours(zone, ((None, close),), tuple(sorted(early.items()))),
    st.sampled_from(ZONES),
    CLOCKS | st.just(MIDNIGHT),
    st.dictionaries(st.dates(date(2018, 3, 1), date(2018, 3, 20)), CLOCKS, max_size=4),
)


@given(HOURS, HOURS, st.dates(date(2018, 3, 1), date(2018, 3, 20)))
def test_the_newest_date_is_the_last_whose_close_has_come(
    covariate: TradingHours, series: TradingHours, session: date
) -> None:
    newest = Closing("A", covariate).newest_before(Closing("B", series), session)
    over = [
        day
        for day in (session - timedelta(days=k) for k in range(5))
        if covariate.close_of(day) <= series.close_of(session)
    ]
    assert newest == over[0]
    assert newest <= session
