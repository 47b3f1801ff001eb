"""Dates of reports from Yahoo: its page with all that is known to be wrong on it, and its failures."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import pytest

from stockcast.prices.events import AFTER, BEFORE, UNKNOWN, EventDates
from stockcast.prices.yahoo import failures
from stockcast.prices.yahoo.events import ask_event_dates
from stockcast.prices.yahoo.session import Deadline
from tests.loopback.calendar import Report
from tests.loopback.faults import Dropped, Empty, Fault, Html, Nonsense, NotFound, RateLimited, ServerError, Truncated
from tests.loopback.market import Market
from tests.loopback.yahoo import LoopbackYahoo
from tests.prices.asking import NEW_YORK, Asking

HOURS = (time(9, 30), time(16))


def reports(market: Market, *rows: Report | tuple[str, float | None]) -> None:
    """These rows are on the page of AAPL."""
    market.listings["AAPL"].reports = [row if isinstance(row, Report) else Report(*row) for row in rows]


def told(ask: Asking, zone: str = "America/New_York", hours: tuple[time, time] | None = HOURS) -> EventDates:
    return ask_event_dates("AAPL", ask.yahoo.market.now, Deadline.after(20), zone, hours, ask.opening)


def pairs(dates: EventDates) -> list[tuple[str, str]]:
    return list(zip(dates.days.astype(str).tolist(), dates.whens, strict=True))


def test_past_and_coming_dates_come_with_their_hour_and_the_day_on_which_they_were_told(
    ask: Asking, market: Market
) -> None:
    reports(
        market,
        ("August 1, 2024 at 4 PM EDT", None),
        ("May 2, 2024 at 6 AM EDT", 1.53),
        ("February 1, 2024 at 4 PM EST", 2.18),
    )
    found = told(ask)
    assert pairs(found) == [("2024-02-01", AFTER), ("2024-05-02", BEFORE), ("2024-08-01", AFTER)]
    assert found.source == "yahoo"
    assert found.taken == date(2024, 6, 14)
    asked = [query for path, query in ask.yahoo.requests if path == "/calendar/earnings"]
    assert [(query["symbol"], query["size"]) for query in asked] == [("AAPL", "100")]


def test_they_are_taken_on_the_day_of_the_exchange(ask: Asking, market: Market) -> None:
    reports(market, ("May 2, 2024 at 4 PM EDT", 1.53))
    market.now = datetime(2024, 6, 14, 22, 0, tzinfo=NEW_YORK)
    assert told(ask).taken == date(2024, 6, 14)
    assert told(ask, "Asia/Tokyo").taken == date(2024, 6, 15)


def test_a_day_that_was_taken_for_midnight_in_utc_is_that_day_with_its_hour_unknown(
    ask: Asking, market: Market
) -> None:
    # The evening before in New York, in winter and in summer; midnight in either zone.
    reports(
        market,
        ("October 28, 2024 at 8 PM EDT", None),
        ("July 23, 2024 at 12 AM UTC", 1.0),
        ("April 25, 2024 at 12 AM EDT", 1.0),
        ("February 3, 2024 at 7 PM EST", 1.0),
    )
    expected = ["2024-02-04", "2024-04-25", "2024-07-23", "2024-10-29"]
    assert pairs(told(ask)) == [(day, UNKNOWN) for day in expected]


def test_an_hour_within_the_session_is_no_hour(ask: Asking, market: Market) -> None:
    reports(market, ("May 2, 2024 at 11 AM EDT", 1.0), ("February 1, 2024 at 9 AM EST", 1.0))
    assert pairs(told(ask)) == [("2024-02-01", BEFORE), ("2024-05-02", UNKNOWN)]
    assert pairs(told(ask, hours=None)) == [("2024-02-01", UNKNOWN), ("2024-05-02", UNKNOWN)]


def test_days_and_hours_are_those_of_the_exchange(ask: Asking, market: Market) -> None:
    # Seven in London, before its open; the morning of the next day in Tokyo.
    reports(market, ("July 30, 2024 at 2 AM EDT", None), ("May 9, 2024 at 11 PM EDT", 1.0))
    assert pairs(told(ask, "Europe/London", (time(8), time(16, 30))))[-1] == ("2024-07-30", BEFORE)
    assert pairs(told(ask, "Asia/Tokyo", (time(9), time(15))))[0] == ("2024-05-10", UNKNOWN)


def test_a_date_that_stands_twice_or_was_moved_counts_once(ask: Asking, market: Market) -> None:
    reports(
        market,
        ("August 5, 2024 at 4 PM EDT", None),  # an estimate before, and its better one
        ("August 1, 2024 at 4 PM EDT", None),
        ("May 6, 2024 at 4 PM EDT", None),  # where it was expected
        ("May 2, 2024 at 4 PM EDT", 1.5),
        ("May 2, 2024 at 12 AM EDT", 1.5),
        ("February 2, 2024 at 6 AM EST", 1.5),  # the call after the report
        ("February 1, 2024 at 4 PM EST", 1.5),
        ("February 1, 2024 at 4 PM EST", 1.5),
    )
    assert pairs(told(ask)) == [("2024-02-01", AFTER), ("2024-05-02", AFTER), ("2024-08-01", AFTER)]


def test_a_row_without_a_date_is_passed_over(ask: Asking, market: Market) -> None:
    reports(market, ("May 2, 2024 at 4 PM EDT", 1.53), ("-", None))
    assert pairs(told(ask)) == [("2024-05-02", AFTER)]


def test_a_company_without_reports_has_none(ask: Asking, yahoo: LoopbackYahoo, market: Market) -> None:
    assert len(told(ask)) == 0
    reports(market, ("May 2, 2024 at 4 PM EDT", 1.53))
    yahoo.script("AAPL", [Empty()], kind="calendar")
    assert len(told(ask)) == 0
    assert len(told(ask)) == 1


FAULTS: list[tuple[Fault, type[failures.YahooFailure], str]] = [
    (RateLimited(), failures.RateLimited, "too many requests"),
    (ServerError(), failures.ProviderDown, "HTTP 500"),
    (NotFound(), failures.ProviderDown, "HTTP 404"),
    (Html(), failures.ProviderDown, "a page that is no calendar"),
    (Nonsense(), failures.ProviderDown, "a page that is no calendar"),
    (Dropped(), failures.Dropped, "Empty reply"),
    (Html("<html><table><tr><td>earnings</td></tr></table></html>"), failures.Nonsense, "no calendar of reports"),
]


@pytest.mark.parametrize(("fault", "error", "words"), FAULTS)
def test_each_failure_is_told_apart_and_asked_no_more_than_once(
    ask: Asking, yahoo: LoopbackYahoo, market: Market, fault: Fault, error: type[failures.YahooFailure], words: str
) -> None:
    reports(market, ("May 2, 2024 at 4 PM EDT", 1.53))
    yahoo.script("*", [fault], sticky=True, kind="calendar")
    with pytest.raises(error, match=words) as caught:
        told(ask)
    assert caught.value.hint
    asked: list[Any] = [path for path, _ in yahoo.requests if path == "/calendar/earnings"]
    assert len(asked) <= 2  # yfinance repeats what had an error's status
    yahoo.heal()
    assert pairs(told(ask)) == [("2024-05-02", AFTER)]


def test_a_page_that_is_cut_short_is_a_failure_or_the_rows_that_came(
    ask: Asking, yahoo: LoopbackYahoo, market: Market
) -> None:
    reports(market, *((f"May 2, {year} at 4 PM EDT", 1.0) for year in range(2024, 2004, -1)))
    yahoo.script("AAPL", [Truncated()], kind="calendar")
    assert 0 < len(told(ask)) < 20


def test_prices_and_dates_are_asked_for_in_one_session(ask: Asking, market: Market) -> None:
    reports(market, ("May 2, 2024 at 4 PM EDT", 1.53))
    ask()
    told(ask)
    assert len(ask.opened) == 1
    paths = [path for path, _ in ask.yahoo.requests]
    assert paths.count("/v1/test/getcrumb") == 1
