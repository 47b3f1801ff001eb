"""Sessions: checked against exchange_calendars' finished calendars, which are built another way."""

from __future__ import annotations

import json
import warnings
from datetime import date, timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockcast.errors import ConfigError
from stockcast.prices.sessions import SessionCalendar, load_calendar
from stockcast.storage.codec import MisfitError, decode, encode
from tests.processes import cold

FIRST, THROUGH = date(1999, 1, 1), date(2028, 12, 31)
EXCHANGES = ("XNYS", "XLON", "XTKS", "24/7")

exchanges = st.sampled_from(EXCHANGES)
days = st.dates(FIRST, THROUGH)


@cache
def finished(exchange: str) -> list[date]:
    """Every session of FIRST .. THROUGH by exchange_calendars itself."""
    import exchange_calendars

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Series\.values returning an ndarray", DeprecationWarning)
        calendar = exchange_calendars.get_calendar(exchange, start=FIRST.isoformat(), end=THROUGH.isoformat())
    return [stamp.date() for stamp in calendar.sessions]


@cache
def loaded(exchange: str) -> SessionCalendar:
    return load_calendar(exchange, FIRST, THROUGH)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_every_day_of_thirty_years_agrees_with_the_finished_calendar(exchange: str) -> None:
    calendar = loaded(exchange)
    every_day = [FIRST + timedelta(days=n) for n in range((THROUGH - FIRST).days + 1)]
    assert [day for day in every_day if calendar.is_session(day)] == finished(exchange)


@given(exchanges, days, st.integers(0, 30))
def test_next_sessions_are_those_of_the_finished_calendar(exchange: str, after: date, count: int) -> None:
    expected = [day for day in finished(exchange) if day > after][:count]
    found = loaded(exchange).next_sessions(after, count)
    assert len(found) == count
    assert list(found[: len(expected)]) == expected
    assert not any(loaded(exchange).knows(day) for day in found[len(expected) :] if exchange != "24/7")


@given(exchanges, days, days)
def test_sessions_are_counted_after_the_first_day_up_to_the_last(exchange: str, after: date, until: date) -> None:
    expected = sum(after < day <= until for day in finished(exchange))
    assert loaded(exchange).count_between(after, until) == expected


@given(exchanges, days, days, st.integers(0, 40))
def test_a_shorter_span_says_the_same_of_the_days_that_it_knows(
    exchange: str, one: date, other: date, offset: int
) -> None:
    first, through = min(one, other), max(one, other)
    calendar = load_calendar(exchange, first, through)
    day = min(first + timedelta(days=offset), through)
    assert calendar.knows(day)
    assert calendar.is_session(day) == loaded(exchange).is_session(day)


@given(
    st.dates(date(2020, 1, 1), date(2020, 12, 31)),
    st.sets(st.dates(date(2020, 1, 1), date(2020, 12, 31)), max_size=40),
    st.text("01", min_size=7, max_size=7).filter(lambda mask: "1" in mask),
    st.integers(1, 20),
)
def test_counting_undoes_stepping_for_any_calendar(after: date, odd_days: set[date], weekmask: str, count: int) -> None:
    usual = {day for day in odd_days if weekmask[day.weekday()] == "1"}
    calendar = SessionCalendar(
        "TEST",
        date(2020, 1, 1),
        date(2020, 12, 31),
        weekmask,
        closures=tuple(sorted(usual)),
        extras=tuple(sorted(odd_days - usual)),
    )
    found = calendar.next_sessions(after, count)
    assert all(calendar.is_session(day) for day in found)
    assert [calendar.count_between(after, day) for day in found] == list(range(1, count + 1))
    every = np.arange("2020-01-01", "2021-01-01", dtype="datetime64[D]")
    assert calendar.contains(every).tolist() == [calendar.is_session(day) for day in every.tolist()]
    assert decode(SessionCalendar, json.loads(json.dumps(encode(calendar))), whole=True) == calendar


def test_monday_follows_the_thursday_before_good_friday() -> None:
    calendar = load_calendar("XNYS", date(2021, 1, 1), date(2021, 12, 31))
    assert calendar.next_sessions(date(2021, 4, 1), 2) == (date(2021, 4, 5), date(2021, 4, 6))
    assert calendar.count_between(date(2021, 4, 1), date(2021, 4, 5)) == 1
    assert not calendar.is_session(date(2021, 4, 2))


def test_a_day_that_is_not_ahead_is_zero_sessions_ahead() -> None:
    assert loaded("XNYS").count_between(date(2021, 4, 6), date(2021, 4, 1)) == 0
    assert loaded("XNYS").count_between(date(2021, 4, 1), date(2021, 4, 1)) == 0


def test_past_what_is_known_the_weekmask_decides_and_knows_says_so() -> None:
    calendar = load_calendar("XNYS", date(2021, 1, 1), date(2021, 3, 31))
    good_friday = date(2021, 4, 2)
    assert calendar.next_sessions(date(2021, 4, 1), 1) == (good_friday,)
    assert calendar.knows(date(2021, 3, 31))
    assert not calendar.knows(good_friday)


def test_saturday_sessions_are_extras() -> None:
    calendar = load_calendar("XBOM", date(2024, 1, 1), date(2024, 12, 31))
    budget_rehearsal = date(2024, 1, 20)
    assert calendar.extras == (budget_rehearsal,)
    assert calendar.is_session(budget_rehearsal)
    assert calendar.next_sessions(date(2024, 1, 19), 1) == (budget_rehearsal,)


def test_tel_aviv_moves_from_sundays_to_fridays_in_2026() -> None:
    calendar = load_calendar("XTAE", date(2025, 1, 1), date(2026, 12, 31))
    assert not calendar.is_session(date(2025, 6, 1))  # the eve of Pentecost
    assert calendar.is_session(date(2025, 6, 8))
    assert not calendar.is_session(date(2025, 6, 6))
    assert calendar.is_session(date(2026, 6, 5))
    assert not calendar.is_session(date(2026, 6, 7))


def test_outside_the_recorded_years_of_an_exchange_the_weekmask_decides() -> None:
    calendar = load_calendar("XTKS", date(1990, 1, 1), date(1999, 12, 31))
    assert calendar.first == date(1997, 1, 1)
    assert calendar.is_session(date(1996, 12, 25))
    assert not calendar.is_session(date(1998, 1, 1))
    nothing_known = load_calendar("XSAU", date(1990, 1, 1), date(1999, 12, 31))
    assert not nothing_known.knows(date(1995, 1, 1))
    assert nothing_known.next_sessions(date(2000, 1, 6), 1) == (date(2000, 1, 9),)


def test_two_calendars_have_no_holidays_and_know_every_day() -> None:
    always = load_calendar("24/7", date(2021, 1, 1), date(2021, 1, 2))
    assert always.next_sessions(date(2020, 12, 24), 2) == (date(2020, 12, 25), date(2020, 12, 26))
    weekdays = load_calendar("Weekdays", date(2021, 1, 1), date(2021, 1, 2))
    assert weekdays.next_sessions(date(2020, 12, 24), 2) == (date(2020, 12, 25), date(2020, 12, 28))
    assert always.knows(date(2050, 1, 1))
    assert weekdays.knows(date(1950, 1, 1))


@pytest.mark.parametrize("name", ["NYSE", "nasdaq", " xnys "])
def test_usual_names_mean_the_same_exchange_whatever_the_case(name: str) -> None:
    assert load_calendar(name, date(2021, 1, 1), date(2021, 12, 31)).exchange == "XNYS"


def test_an_unknown_exchange_is_refused_with_near_and_common_names() -> None:
    with pytest.raises(ConfigError, match="'XNSY'") as caught:
        load_calendar("XNSY", FIRST, THROUGH)
    assert "XNYS" in caught.value.hint
    assert "weekdays" in caught.value.hint
    with pytest.raises(ConfigError, match="''"):
        load_calendar("", FIRST, THROUGH)


def test_a_span_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ConfigError, match="2020-12-31"):
        load_calendar("XNYS", date(2021, 1, 1), date(2020, 12, 31))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"weekmask": "11111"}, "11111"),
        ({"weekmask": "0000000"}, "0000000"),
        ({"closures": ["2021-04-03"]}, "2021-04-03"),
        ({"closures": ["2021-04-02", "2021-04-01"]}, "do not increase at 2021-04-01"),
        ({"extras": ["2021-04-02"]}, "2021-04-02"),
        ({"first": "yesterday"}, "yesterday"),
        ({"through": None}, "through is None, not a date"),
    ],
)
def test_a_damaged_description_is_refused(change: dict[str, object], reason: str) -> None:
    good = encode(SessionCalendar("XNYS", date(2021, 1, 1), date(2021, 12, 31), "1111100", (date(2021, 4, 2),)))
    with pytest.raises(MisfitError, match=reason):
        decode(SessionCalendar, {**good, **change})


def test_a_description_without_its_closures_is_refused() -> None:
    good = encode(SessionCalendar("XNYS", date(2021, 1, 1), date(2021, 12, 31), "1111100"))
    del good["closures"]
    with pytest.raises(MisfitError, match="closures is missing"):
        decode(SessionCalendar, good, whole=True)


def test_a_described_calendar_is_used_without_importing_pandas() -> None:
    script = (
        "import json, sys\n"
        "from datetime import date\n"
        "from stockcast.prices.sessions import SessionCalendar\n"
        "from stockcast.storage.codec import decode\n"
        "calendar = decode(SessionCalendar, json.load(sys.stdin))\n"
        "print(calendar.next_sessions(date(2021, 4, 1), 1)[0])\n"
        "assert not {'pandas', 'exchange_calendars', 'scipy'} & set(sys.modules)\n"
    )
    described = json.dumps(encode(load_calendar("XNYS", date(2021, 1, 1), date(2021, 12, 31))))
    assert cold(code=script, stdin=described).succeeded().out == "2021-04-05\n"
