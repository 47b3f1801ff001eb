"""Dates of reports on their way from the provider into the store and into a forecast, as a user sees it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.live.command import LAST, MONDAY, THURSDAY, WEDNESDAY, Live, evening, listing, live, rows
from tests.loopback.calendar import Report
from tests.loopback.faults import Html
from tests.loopback.market import Listing

ROWS = [
    Report("April 6, 2021 at 4 PM EDT"),
    Report("January 26, 2021 at 4 PM EST", 1.5),
    Report("October 27, 2020 at 4 PM EDT", 1.4),
]
"""The next report is after the close of Tuesday: Wednesday's session reacts."""


def reporting() -> Listing:
    return replace(listing("AAA", LAST), reports=list(ROWS))


def calendars(here: Live) -> int:
    """How often the provider was asked for dates of reports."""
    return sum(path == "/calendar/earnings" for path, _ in here.yahoo.requests)


def snapshots(here: Live) -> list[tuple[str, str, str]]:
    return rows(here.home, "SELECT ticker, taken, dates FROM event_snapshots ORDER BY ticker, taken")


def test_dates_come_with_the_prices_are_refreshed_and_stand_in_the_forecast(tmp_path: Path) -> None:
    with live(tmp_path / "home", [reporting()], evening(THURSDAY)) as here:
        here("fetch", "AAA").succeeded()
        dates = '[["2020-10-27", "amc"], ["2021-01-26", "amc"], ["2021-04-06", "amc"]]'
        assert snapshots(here) == [("AAA", "2021-04-01", dates)]
        # A report is near: the next day of prices brings its date again, which has moved.
        here.market.listings["AAA"].reports[0] = Report("April 6, 2021 at 6 AM EDT")
        here.market.now = evening(MONDAY)
        (forecast,) = here("predict", "AAA", "--json").succeeded().data
        assert calendars(here) == 2
        assert [taken for _, taken, _ in snapshots(here)] == ["2021-04-01", "2021-04-05"]
        assert (forecast["event"]["day"], forecast["event"]["when"]) == ("2021-04-06", "bmo")
        assert (forecast["event"]["source"], forecast["event"]["as_of"]) == ("yahoo", "2021-04-05")
        # Nothing is asked for where nothing may be, and what is stored serves.
        (offline,) = here("predict", "AAA", "--json", "--offline", "--no-record").succeeded().data
        assert offline["event"] == forecast["event"]
        (without,) = here("predict", "AAA", "--json", "--no-events", "--no-record").succeeded().data
        assert without["event"] is None
        own = tmp_path / "own.csv"
        own.write_text("date,when,ticker\n2021-04-06,7:00,AAA\n2021-01-26,amc,AAA\n")
        (told,) = here("predict", "AAA", "--json", "--events", own, "--no-record").succeeded().data
        assert (told["event"]["when"], told["event"]["source"]) == ("bmo", str(own))
        assert calendars(here) == 2


def test_a_provider_without_dates_keeps_no_prices_back_and_that_is_said_once(tmp_path: Path) -> None:
    with live(tmp_path / "home", [reporting()], evening(WEDNESDAY)) as here:
        here.yahoo.script("AAA", [Html()], sticky=True, kind="calendar")
        done = here("predict", "AAA", "--json").succeeded()
        assert done.data[0]["event"] is None
        assert done.err.count("AAA: no dates of its reports can be had: Yahoo Finance is down") == 1
        assert "a page that is no calendar" in done.err
        assert "forecasts go without" in done.err
        assert "no dates" not in here("predict", "AAA", "--offline").succeeded().err
        assert snapshots(here) == []
