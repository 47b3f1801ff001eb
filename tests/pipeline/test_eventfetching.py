"""When the dates of reports are asked for, what is kept of them, and what a forecast sees."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from stockcast import pipeline
from stockcast.config import CovariatesConfig, FetchConfig
from stockcast.config.runs import RetrainConfig, RunConfig
from stockcast.errors import StockcastError, StorageError
from stockcast.pipeline.covariates import CovariateSource
from stockcast.pipeline.fetchsession import FetchSession
from stockcast.pipeline.source import PriceSource
from stockcast.prices.csvfile import ReadOptions
from stockcast.prices.events import AFTER, BEFORE, UNKNOWN, EventDates
from stockcast.prices.history import History
from stockcast.prices.yahoo.failures import Nonsense, ProviderDown
from stockcast.progress import Silent
from stockcast.storage import eventstore
from stockcast.storage.database import Database
from tests.pipeline.conftest import SetClock
from tests.pipeline.provider import MONDAY, THURSDAY, TUESDAY, WEDNESDAY, Provider, evening
from tests.progress import ProgressLog

PAST, NEXT = date(2021, 1, 27), date(2021, 4, 28)
REPORTS = [(PAST, AFTER), (NEXT, AFTER)]
QUIET = FetchConfig(pause=0)


@pytest.fixture(autouse=True)
def reporting(provider: Provider) -> None:
    """AAA has reported, and will again; of BBB nothing is known."""
    provider.reports["AAA"] = list(REPORTS)


def door(home: Path, config: FetchConfig = QUIET, read: ReadOptions | None = None) -> PriceSource:
    return PriceSource(home, read or ReadOptions(), FetchSession(config))


def loaded(home: Path, ticker: str = "AAA", **how: object) -> History:
    return door(home, **how).load(ticker).history  # type: ignore[arg-type]


def told(history: History) -> list[tuple[date, str]]:
    assert history.events is not None
    return list(zip(history.events.newest.days.tolist(), history.events.newest.whens, strict=True))


def test_dates_come_with_the_first_prices_and_are_kept(home: Path, provider: Provider) -> None:
    first = loaded(home)
    assert told(first) == REPORTS
    assert first.events is not None
    assert first.events.newest.source == "yahoo"
    assert first.events.newest.taken == THURSDAY
    assert first.events.calendar.exchange == "XNYS"
    assert told(loaded(home)) == REPORTS
    assert provider.asked_dates == [("AAA", THURSDAY)]


def test_they_are_asked_for_again_every_week_and_daily_before_a_report(
    home: Path, provider: Provider, clock: SetClock
) -> None:  # fmt: skip
    day = THURSDAY
    while day <= date(2021, 4, 30):
        clock(evening(day))
        loaded(home)
        day += timedelta(days=1)
    asked = [day for _, day in provider.asked_dates]
    # Thursdays, until on the fourteenth ten sessions are left; the day after the report a week begins.
    assert asked == [
        THURSDAY,
        date(2021, 4, 8),
        *(date(2021, 4, day) for day in (14, 15, 16, 19, 20, 21, 22, 23, 26, 27, 28)),
    ]


def test_they_are_asked_for_again_after_a_clock_that_was_ahead(
    home: Path, provider: Provider, clock: SetClock
) -> None:  # fmt: skip
    clock(evening(date(2031, 4, 1)))
    loaded(home)
    clock(datetime(2021, 5, 3, 21, tzinfo=UTC))
    loaded(home)
    assert [day for _, day in provider.asked_dates] == [date(2031, 4, 1), date(2021, 5, 3)]


def test_what_tells_the_same_is_not_kept_again_and_what_moves_is(
    home: Path, provider: Provider, clock: SetClock, db: Database
) -> None:  # fmt: skip
    loaded(home)
    clock(evening(date(2021, 4, 8)))
    loaded(home)
    assert [one.taken for one in eventstore.snapshots(db, "AAA")] == [THURSDAY]
    moved = [(PAST, AFTER), (date(2021, 4, 29), BEFORE)]
    provider.reports["AAA"] = moved
    clock(evening(date(2021, 4, 15)))
    history = loaded(home)
    assert told(history) == moved
    assert history.events is not None
    before, after = history.events.snapshots
    assert before.days.tolist() == [PAST, NEXT]
    assert (before.taken, after.taken) == (THURSDAY, date(2021, 4, 15))


def test_dates_that_stop_coming_are_kept(home: Path, provider: Provider, clock: SetClock) -> None:
    loaded(home)
    provider.reports.clear()
    clock(evening(date(2021, 4, 8)))
    log = ProgressLog()
    assert told(door(home).load("AAA", log).history) == REPORTS
    assert log.notes == ["AAA: the provider has no dates of its reports; those of 2021-04-01 serve"]


def test_without_dates_prices_come_and_one_note_says_so(home: Path, provider: Provider) -> None:
    log = ProgressLog()
    assert door(home).load("BBB", log).history.events is None
    assert log.notes == ["BBB: the provider has no dates of its reports; forecasts go without"]
    assert door(home).load("BBB", log).history.events is None
    assert len(log.notes) == 1
    assert provider.asked_dates == [("BBB", THURSDAY)]


@pytest.mark.parametrize("trouble", [ProviderDown("HTTP 500"), Nonsense("AAA", "x"), ProviderDown("HTTP 429")])
def test_a_failure_of_dates_fails_no_prices_and_is_tried_again_the_next_day(
    home: Path, provider: Provider, clock: SetClock, trouble: Exception
) -> None:  # fmt: skip
    provider.date_troubles = [trouble]
    log = ProgressLog()
    history = door(home).load("AAA", log).history
    assert history.events is None
    assert history.last == THURSDAY
    (note,) = log.notes
    assert note.startswith("AAA: no dates of its reports can be had: Yahoo Finance")
    assert note.endswith("; forecasts go without")
    loaded(home)
    clock(evening(MONDAY))
    assert told(loaded(home)) == REPORTS
    assert provider.asked_dates == [("AAA", THURSDAY), ("AAA", MONDAY)]


def test_older_dates_serve_while_the_provider_fails(home: Path, provider: Provider, clock: SetClock) -> None:
    loaded(home)
    provider.date_troubles = [ProviderDown("HTTP 500")]
    clock(evening(date(2021, 4, 8)))
    log = ProgressLog()
    assert told(door(home).load("AAA", log).history) == REPORTS
    assert log.notes[-1].endswith("; those of 2021-04-01 serve")


@pytest.mark.parametrize("trouble", [ProviderDown("HTTP 500"), Nonsense("T", "x")])
def test_a_provider_that_fails_is_asked_for_the_dates_of_three_tickers_alone(
    home: Path, provider: Provider, trouble: Exception
) -> None:  # fmt: skip
    names = [f"T{number}" for number in range(6)]
    for name in names:
        provider.listed[name] = provider.listed["AAA"]
    provider.date_troubles = [trouble] * 9
    log = ProgressLog()
    one = pipeline.fetch(names, home, QUIET, lambda _: log)
    assert [one(name).last for name in names] == [THURSDAY] * 6
    assert len(provider.asked_dates) == 3
    assert len(log.notes) == 3


def test_nothing_is_asked_for_offline_or_where_none_are_wanted(home: Path, provider: Provider, tmp_path: Path) -> None:
    loaded(home, read=ReadOptions(no_events=True))
    (tmp_path / "own.csv").write_text("ticker,date,when\nAAA,2021-04-29,bmo\n")
    own = ReadOptions(events=str(tmp_path / "own.csv"))
    assert told(loaded(home, read=own)) == [(date(2021, 4, 29), BEFORE)]
    assert loaded(home, config=FetchConfig(offline=True)).events is None
    assert provider.asked_dates == []
    assert told(loaded(home)) == REPORTS
    assert told(loaded(home, config=FetchConfig(offline=True))) == REPORTS
    assert loaded(home, read=ReadOptions(no_events=True)).events is None
    assert told(loaded(home, read=own)) == [(date(2021, 4, 29), BEFORE)]


def test_an_index_has_no_reports(home: Path, provider: Provider) -> None:
    provider.listed["^IDX"] = provider.listed["AAA"]
    log = ProgressLog()
    assert door(home).load("^IDX", log).history.events is None
    assert provider.asked_dates == []
    assert log.notes == []


def test_a_forecast_knows_the_dates_that_were_told_before_its_session(
    home: Path, provider: Provider, clock: SetClock
) -> None:  # fmt: skip
    loaded(home)
    provider.reports["AAA"] = [(PAST, AFTER), (TUESDAY, BEFORE)]
    clock(evening(date(2021, 4, 8)))
    known = loaded(home).events
    assert known is not None
    targets = np.array([THURSDAY, MONDAY, WEDNESDAY, date(2021, 4, 9)], dtype="datetime64[D]")
    assert known.places_N(targets).tolist() == [0, 0, 0, 1]
    assert known.is_hindsight_N(targets).tolist() == [True, False, False, False]


def test_snapshots_come_back_as_they_were_stored(db: Database) -> None:
    dates = EventDates.merged([(PAST, AFTER), (NEXT, UNKNOWN)], "yahoo", THURSDAY)
    assert eventstore.last_asked(db, "AAA") is None
    assert eventstore.keep_snapshot(db, "AAA", dates, THURSDAY)
    (found,) = eventstore.snapshots(db, "AAA")
    assert found.tells_as(dates)
    assert (found.source, found.taken) == ("yahoo", THURSDAY)
    assert eventstore.last_asked(db, "AAA") == eventstore.Asked(THURSDAY, failed=False)
    assert eventstore.snapshots(db, "BBB") == ()
    # A second answer of one day takes the place of the first.
    later = EventDates.merged([(PAST, AFTER), (NEXT, BEFORE)], "yahoo", THURSDAY)
    assert eventstore.keep_snapshot(db, "AAA", later, THURSDAY)
    (found,) = eventstore.snapshots(db, "AAA")
    assert found.tells_as(later)


def test_a_list_that_has_become_shorter_takes_nothing_of_the_past_away(db: Database) -> None:
    oldest = (date(2020, 10, 28), BEFORE)
    eventstore.keep_snapshot(db, "AAA", EventDates.merged([oldest, *REPORTS], "yahoo", THURSDAY), THURSDAY)

    def newest(*told: tuple[date, str]) -> list[tuple[date, str]]:
        eventstore.keep_snapshot(db, "AAA", EventDates.merged(told, "yahoo", MONDAY), MONDAY)
        found = eventstore.snapshots(db, "AAA")[-1]
        return list(zip(found.days.tolist(), found.whens, strict=True))

    # The oldest is no longer listed, and the one after it stands corrected.
    corrected = (date(2021, 1, 28), BEFORE)
    assert newest(corrected, (NEXT, AFTER)) == [oldest, corrected, (NEXT, AFTER)]
    # One that was to come is not the past: it was moved.
    moved = (date(2021, 5, 20), AFTER)
    assert newest(moved) == newest() == [oldest, corrected, moved]


def test_what_is_damaged_is_said(db: Database) -> None:
    db.execute("INSERT INTO event_snapshots VALUES ('AAA', '2021-04-01', 'yahoo', '[[\"soon\", \"amc\"]]')")
    with pytest.raises(StorageError, match="dates of reports of AAA"):
        eventstore.snapshots(db, "AAA")


def test_the_covariates_of_a_ticker_are_not_asked_for_their_reports(home: Path, provider: Provider) -> None:
    source = CovariateSource(CovariatesConfig(("BBB",)), door(home), Silent(), strict=False)
    assert source.found(door(home).load("AAA")) is not None
    assert provider.asked_dates == [("AAA", THURSDAY)]


@pytest.mark.parametrize("said", [{"no_events": True}, {"events": "own.csv"}])
def test_a_run_asks_for_none_where_its_configuration_says_so(
    home: Path, provider: Provider, said: dict[str, bool | str]
) -> None:  # fmt: skip
    never = RetrainConfig(first=False)
    for read, asked in ((ReadOptions(**said), []), (ReadOptions(), [("AAA", THURSDAY)])):  # type: ignore[arg-type]
        with pipeline.run(RunConfig(("AAA",), never, read=read), home) as work, pytest.raises(StockcastError):
            work.ticker("AAA", Silent())
        assert provider.asked_dates == asked
