"""Known ahead: the columns against a count of sessions one by one, and what a path meets against the columns."""

from __future__ import annotations

import math
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockcast.prices.history import Floats
from stockcast.prices.sessions import SessionCalendar, load_calendar
from stockcast.windows.covariates import KNOWN_NAMES, REACH, Schedule, known_columns
from stockcast.windows.seasonality import target_sessions

NEW_YORK = load_calendar("XNYS", date(2018, 1, 1), date(2019, 6, 30))
WITH_EXTRA = SessionCalendar(
    "X", date(2018, 1, 1), date(2019, 6, 30), "1111100", (date(2018, 5, 1), date(2018, 5, 10)), (date(2018, 5, 5),)
)
CALENDARS = (NEW_YORK, WITH_EXTRA, load_calendar("24/7", date(2018, 1, 1), date(2019, 6, 30)))
DAYS = st.dates(date(2018, 3, 1), date(2018, 9, 30))


def columns(days: list[date], origins: list[date], calendar: SessionCalendar = NEW_YORK) -> dict[str, Floats]:
    dates_T = np.array(origins, dtype="datetime64[D]")
    listed = np.array(sorted(set(days)), dtype="datetime64[D]")
    return known_columns(listed, dates_T, target_sessions(dates_T, calendar), calendar)


def session_of(day: date, calendar: SessionCalendar) -> date:
    return next(d for d in (day + timedelta(days=k) for k in range(20)) if calendar.is_session(d))


def expected(days: list[date], origin: date, calendar: SessionCalendar) -> list[float]:
    """By walking from session to session."""
    events = {session_of(day, calendar) for day in days}
    ahead = calendar.next_sessions(origin, REACH + 1)
    back = [d for d in (origin - timedelta(days=k) for k in range(100)) if calendar.is_session(d)][: REACH + 1]
    to_next = next((k for k, session in enumerate(ahead) if session in events), None)
    since = next((k for k, session in enumerate(back) if session in events), None)
    return [
        float(ahead[0] in events),
        float(origin in events),
        0.0 if to_next is None else math.exp(-to_next / 5),
        0.0 if since is None else math.exp(-since / 5),
    ]


@given(st.lists(DAYS, max_size=5), DAYS, st.sampled_from(CALENDARS))
def test_sessions_are_counted_as_they_come(days: list[date], origin: date, calendar: SessionCalendar) -> None:
    origin = session_of(origin, calendar)
    found = columns(days, [origin], calendar)
    assert tuple(found) == KNOWN_NAMES
    np.testing.assert_allclose([column[0] for column in found.values()], expected(days, origin, calendar), rtol=1e-12)


@given(st.lists(DAYS, max_size=5), st.lists(DAYS, min_size=1, max_size=30))
def test_an_origin_has_the_same_bytes_in_any_company(days: list[date], origins: list[date]) -> None:
    together = columns(days, origins)
    for at, origin in enumerate(origins):
        alone = columns(days, [origin])
        assert [c[0].tobytes() for c in alone.values()] == [c[at].tobytes() for c in together.values()]


def test_a_day_without_a_session_belongs_to_the_next_one() -> None:
    friday, saturday, monday = date(2018, 6, 8), date(2018, 6, 9), date(2018, 6, 11)
    assert columns([saturday], [friday])["known:target"] == 1
    assert columns([saturday], [monday])["known:before"] == 1
    good_friday, thursday = date(2018, 3, 30), date(2018, 3, 29)
    assert columns([good_friday], [thursday])["known:target"] == 1


def test_what_is_far_off_does_not_show() -> None:
    origin = date(2018, 6, 6)
    far = NEW_YORK.next_sessions(origin, REACH + 2)
    assert columns([far[-1]], [origin])["known:sessions_to_next"] == 0
    assert columns([far[-2]], [origin])["known:sessions_to_next"] == pytest.approx(math.exp(-REACH / 5))


@given(st.lists(DAYS, max_size=5), DAYS, st.integers(1, 12), st.sampled_from(CALENDARS))
def test_a_path_meets_what_the_sessions_on_its_way_would_have_seen(
    days: list[date], origin: date, steps: int, calendar: SessionCalendar
) -> None:
    listed = np.array(sorted(set(days)), dtype="datetime64[D]")
    session = calendar.next_sessions(origin, steps)[-1]
    found = columns(days, [session], calendar)
    after = Schedule(calendar, listed).after(origin, steps)
    assert {name: after[name] for name in KNOWN_NAMES} == {name: column[0] for name, column in found.items()}
