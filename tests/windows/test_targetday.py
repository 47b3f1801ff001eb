"""Target days: equal to the calendar's own stepping, and weekends told apart from holidays."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stockcast.prices.history import ONE_DAY
from stockcast.prices.sessions import SessionCalendar, load_calendar
from stockcast.windows.seasonality import DAY_NAMES, day_columns, target_sessions

YEAR = st.dates(date(2020, 1, 1), date(2020, 12, 31))
MASKS = st.text("01", min_size=7, max_size=7).filter(lambda mask: "1" in mask)


@st.composite
def calendars(draw: st.DrawFn) -> SessionCalendar:
    mask, odd = draw(MASKS), draw(st.sets(YEAR, max_size=60))
    closures = {day for day in odd if mask[day.weekday()] == "1"}
    first, through = sorted((draw(YEAR), draw(YEAR)))
    return SessionCalendar("TEST", first, through, mask, tuple(sorted(closures)), tuple(sorted(odd - closures)))


def days(*text: str) -> np.ndarray:
    return np.array(text, dtype="datetime64[D]")


@given(calendars(), st.lists(st.dates(date(2019, 11, 1), date(2021, 3, 1)), max_size=80))
def test_targets_are_the_next_sessions_of_any_calendar(calendar: SessionCalendar, dates: list[date]) -> None:
    found = target_sessions(np.array(dates, dtype="datetime64[D]"), calendar)
    assert found.tolist() == [calendar.next_sessions(day, 1)[0] for day in dates]


@given(calendars())
def test_weekend_and_holiday_add_up_to_the_nights_beyond_the_first(calendar: SessionCalendar) -> None:
    dates = np.arange("2019-12-01", "2021-02-01", dtype="datetime64[D]")
    targets = target_sessions(dates, calendar)
    columns = day_columns(dates, targets, calendar.weekmask)
    nights = (targets - dates).astype(int)
    assert (columns["target_weekend"] + columns["target_holiday"] + 1 == nights).all()
    for day, target, holidays in zip(dates.tolist(), targets.tolist(), columns["target_holiday"], strict=True):
        between = [day + timedelta(days=k) for k in range(1, (target - day).days)]
        assert holidays == sum(calendar.weekmask[closed.weekday()] == "1" for closed in between)


def test_the_days_round_easter_and_independence_day() -> None:
    calendar = load_calendar("XNYS", date(2021, 1, 1), date(2021, 12, 31))
    dates = days("2021-03-31", "2021-04-01", "2021-04-05", "2021-04-08", "2021-04-09", "2021-07-02")
    targets = target_sessions(dates, calendar)
    assert (targets == days("2021-04-01", "2021-04-05", "2021-04-06", "2021-04-09", "2021-04-12", "2021-07-06")).all()
    columns = day_columns(dates, targets)
    assert tuple(columns) == DAY_NAMES
    assert columns["target_monday"].tolist() == [0, 1, 0, 0, 1, 0]
    assert columns["target_friday"].tolist() == [0, 0, 0, 1, 0, 0]
    assert columns["target_weekend"].tolist() == [0, 2, 0, 0, 2, 2]
    assert columns["target_holiday"].tolist() == [0, 1, 0, 0, 0, 1]


def test_where_holidays_are_not_known_the_weekmask_alone_decides() -> None:
    calendar = load_calendar("XNYS", date(2021, 1, 1), date(2021, 3, 31))
    assert target_sessions(days("2021-04-01"), calendar) == days("2021-04-02")


def test_a_market_that_never_closes_has_neither_weekends_nor_holidays() -> None:
    calendar = load_calendar("24/7", date(2021, 1, 1), date(2021, 12, 31))
    dates = np.arange("2021-01-01", "2021-03-01", dtype="datetime64[D]")
    targets = target_sessions(dates, calendar)
    assert (targets == dates + ONE_DAY).all()
    columns = day_columns(dates, targets, calendar.weekmask)
    assert not columns["target_weekend"].any()
    assert not columns["target_holiday"].any()
    assert columns["target_monday"].sum() == 9


def test_dates_with_a_time_of_day_unit_are_days_all_the_same() -> None:
    calendar = load_calendar("weekdays", date(2021, 1, 1), date(2021, 12, 31))
    assert target_sessions(days("2021-01-01").astype("datetime64[ns]"), calendar) == days("2021-01-04")
