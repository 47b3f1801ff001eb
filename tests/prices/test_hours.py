"""Trading hours: the package's own closing times are the oracle."""

from __future__ import annotations

import json
import warnings
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stockcast.errors import ConfigError
from stockcast.prices.hours import TradingHours, load_hours
from stockcast.prices.sessions import load_calendar
from stockcast.storage.codec import MisfitError, decode, encode
from tests.processes import cold

FIRST, THROUGH = date(2019, 1, 1), date(2025, 12, 31)
NEW_YORK = ZoneInfo("America/New_York")


def closes_of(name: str) -> dict[date, datetime]:
    """Sessions and their closes as exchange_calendars works them out."""
    import exchange_calendars

    with warnings.catch_warnings():
        # The package uses what pandas 4 will change.
        warnings.simplefilter("ignore", DeprecationWarning)
        built = exchange_calendars.get_calendar(name, start=str(FIRST), end=str(THROUGH))
        return {session.date(): close.to_pydatetime() for session, close in built.closes.items()}


@pytest.mark.parametrize(
    "name",
    [
        "XNYS",
        "XLON",
        "XTKS",
        "XHKG",
        "XFRA",
        "XETR",
        "XPAR",
        "XTSE",
        "XASX",
        "XBOM",
        "XKRX",
        "XKLS",
        "XOSL",
        "BVMF",
        "CMES",
    ],
)
def test_every_close_of_seven_years_is_that_of_exchange_calendars(name: str) -> None:
    want = closes_of(name)
    hours = load_hours(name, FIRST, THROUGH)
    assert {session: hours.close_of(session) for session in want} == want
    assert len(want) > 1500


@pytest.mark.parametrize(
    ("name", "session", "close"),
    [
        ("XNYS", date(2024, 11, 29), "2024-11-29T18:00+00:00"),  # the day after Thanksgiving, 13:00
        ("XNYS", date(2024, 7, 3), "2024-07-03T17:00+00:00"),
        ("XNYS", date(2024, 7, 5), "2024-07-05T20:00+00:00"),
        ("XLON", date(2024, 12, 24), "2024-12-24T12:30+00:00"),
        ("XTKS", date(2024, 11, 1), "2024-11-01T06:00+00:00"),
        ("XTKS", date(2024, 11, 5), "2024-11-05T06:30+00:00"),  # half an hour longer from then on
        ("XHKG", date(2024, 2, 9), "2024-02-09T04:00+00:00"),  # the eve of the new year
    ],
)
def test_closes_that_the_exchanges_announced(name: str, session: date, close: str) -> None:
    assert load_hours(name, FIRST, THROUGH).close_of(session) == datetime.fromisoformat(close)


def test_single_early_closes_are_kept_for_the_span_that_was_asked_for() -> None:
    hours = load_hours("NYSE", date(2024, 7, 1), date(2024, 12, 1))
    assert hours.early == ((date(2024, 7, 3), "13:00"), (date(2024, 11, 29), "13:00"))
    assert hours.close_of(date(2023, 11, 24)) == datetime(2023, 11, 24, 21, 0, tzinfo=UTC)


def test_what_trades_always_ends_at_midnight_and_weekdays_at_the_close_that_is_known() -> None:
    always = load_hours("24/7", FIRST, THROUGH, None, time(16, 0))
    assert always == TradingHours("UTC", ((None, "24:00"),))
    assert always.close_of(date(2024, 2, 29)) == datetime(2024, 3, 1, tzinfo=UTC)
    london = load_hours("weekdays", FIRST, THROUGH, "Europe/London")
    assert london.close_of(date(2024, 7, 1)) == datetime(2024, 7, 1, 23, 0, tzinfo=UTC)
    known = load_hours("Weekdays", FIRST, THROUGH, "Europe/London", time(16, 30))
    assert known.close_of(date(2024, 7, 1)) == datetime(2024, 7, 1, 15, 30, tzinfo=UTC)


def test_a_session_is_completed_from_its_close_on() -> None:
    calendar, hours = load_calendar("XNYS", FIRST, THROUGH), load_hours("XNYS", FIRST, THROUGH)
    friday = date(2024, 6, 14)

    def last(day: int, hour: int, minute: int = 0, second: int = 0) -> date:
        return hours.last_completed(calendar, datetime(2024, 6, day, hour, minute, second, tzinfo=NEW_YORK))

    assert last(14, 15, 59, 59) == date(2024, 6, 13)
    assert last(14, 16) == last(16, 23) == last(17, 15, 59) == friday
    assert last(19, 20) == date(2024, 6, 18)  # Juneteenth is no session
    black_friday = datetime(2024, 11, 29, 13, 0, tzinfo=NEW_YORK)
    assert hours.last_completed(calendar, black_friday) == date(2024, 11, 29)
    assert hours.last_completed(calendar, black_friday - timedelta(seconds=1)) == date(2024, 11, 27)


def test_an_early_close_is_known_of_the_first_and_of_the_last_day_that_is_asked_for() -> None:
    day = date(2024, 7, 3)
    assert load_hours("XNYS", day, THROUGH).close_of(day) == datetime(2024, 7, 3, 17, tzinfo=UTC)
    assert load_hours("XNYS", FIRST, day).close_of(day) == datetime(2024, 7, 3, 17, tzinfo=UTC)


def test_the_date_is_that_of_the_exchange() -> None:
    late = datetime(2024, 6, 14, 23, 0, tzinfo=UTC)
    assert load_hours("XTKS", FIRST, THROUGH).session_date(late) == date(2024, 6, 15)
    assert load_hours("XNYS", FIRST, THROUGH).session_date(late) == date(2024, 6, 14)


def test_a_coin_of_yesterday_is_completed_at_midnight() -> None:
    calendar, hours = load_calendar("24/7", FIRST, THROUGH), load_hours("24/7", FIRST, THROUGH)
    assert hours.last_completed(calendar, datetime(2024, 6, 15, tzinfo=UTC)) == date(2024, 6, 14)
    assert hours.last_completed(calendar, datetime(2024, 6, 14, 23, 59, tzinfo=UTC)) == date(2024, 6, 13)


@given(st.integers(0, 6 * 366 * 24 * 60))
def test_the_last_completed_session_is_over_and_the_next_one_is_not(minutes: int) -> None:
    now = datetime(2019, 2, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    calendar, hours = load_calendar("XNYS", FIRST, THROUGH), load_hours("XNYS", FIRST, THROUGH)
    last = hours.last_completed(calendar, now)
    assert hours.close_of(last) <= now < hours.close_of(calendar.next_sessions(last, 1)[0])


@pytest.mark.parametrize("name", ["XNYS", "XTKS", "24/7", "XSGO"])
def test_hours_come_back_from_json(name: str) -> None:
    hours = load_hours(name, FIRST, THROUGH)
    assert decode(TradingHours, json.loads(json.dumps(encode(hours))), whole=True) == hours


GOOD: dict[str, Any] = {"zone": "America/New_York", "closes": [[None, "16:00"]], "early": [["2024-07-03", "13:00"]]}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"zone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"zone": ""}, "zone"),
        ({"zone": None}, "None"),
        ({"closes": []}, "ever since"),
        ({"closes": [["2024-01-01", "16:00"]]}, "ever since"),
        ({"closes": [[None, "16:00"], [None, "17:00"]]}, "ever since"),
        ({"closes": [[None, "16:00"], ["2024-01-02", "17:00"], ["2024-01-01", "18:00"]]}, "2024-01-01"),
        ({"closes": [[None, "4 pm"]]}, "4 pm"),
        ({"closes": [[None, "16:60"]]}, "16:60"),
        ({"closes": [[None, 16]]}, "16"),
        ({"closes": None}, "None, not a list"),
        ({"early": [["2024-07-03", "13:00"], ["2024-07-03", "14:00"]]}, "2024-07-03"),
        ({"early": [["3 July", "13:00"]]}, "3 July"),
        ({"early": [["2024-07-03"]]}, r"early\[0\] has 1 members, not 2"),
    ],
)
def test_damaged_hours_are_refused(change: dict[str, Any], reason: str) -> None:
    assert decode(TradingHours, GOOD).early == ((date(2024, 7, 3), "13:00"),)
    with pytest.raises(MisfitError, match=reason):
        decode(TradingHours, {**GOOD, **change})


@pytest.mark.parametrize("key", sorted(GOOD))
def test_hours_without_a_part_are_refused(key: str) -> None:
    with pytest.raises(MisfitError, match=f"{key} is missing"):
        decode(TradingHours, {name: value for name, value in GOOD.items() if name != key}, whole=True)


def test_an_unknown_exchange_and_a_span_that_ends_before_it_starts_are_refused() -> None:
    with pytest.raises(ConfigError, match="XNSY"):
        load_hours("XNSY", FIRST, THROUGH)
    with pytest.raises(ConfigError, match="before its start"):
        load_hours("XNYS", THROUGH, FIRST)


def test_stored_hours_are_used_without_importing_pandas() -> None:
    script = (
        "import json, sys\n"
        "from datetime import date\n"
        "from stockcast.prices.hours import TradingHours\n"
        "from stockcast.storage.codec import decode\n"
        "print(decode(TradingHours, json.load(sys.stdin)).close_of(date(2024, 7, 3)))\n"
        "assert not {'pandas', 'exchange_calendars', 'scipy'} & set(sys.modules)\n"
    )
    told = json.dumps(GOOD)
    assert cold(code=script, stdin=told).succeeded().out == "2024-07-03 17:00:00+00:00\n"
