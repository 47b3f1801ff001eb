from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from stockcast import pipeline
from stockcast.config.sources import FetchConfig
from stockcast.errors import DataError, SourceUnavailable
from stockcast.prices.yahoo.answer import Meta
from stockcast.prices.yahoo.failures import NoNetwork, UnknownTicker
from stockcast.progress import Silent
from stockcast.storage import pricestore
from stockcast.storage.database import Database
from tests.pipeline.conftest import SetClock
from tests.pipeline.provider import (
    MONDAY,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    Provider,
    evening,
    fetcher,
    series,
    stored,
)
from tests.progress import ProgressLog

QUIET = FetchConfig(pause=0)
STALE = FetchConfig(pause=0, allow_stale=True)


def dates(db: Database, ticker: str = "AAA") -> list[date]:
    bars = pricestore.bars(db, ticker)
    assert bars is not None
    found: list[date] = bars.dates.tolist()
    return found


def closes(db: Database, ticker: str = "AAA") -> dict[date, float]:
    bars = pricestore.bars(db, ticker)
    assert bars is not None
    return dict(zip(bars.dates.tolist(), bars.close.tolist(), strict=True))


# What is asked for.


def test_the_first_time_everything_is_fetched(provider: Provider, db: Database) -> None:
    result = fetcher(db).update("AAA")
    assert provider.asked == [("AAA", None)]
    assert (result.exchange, result.currency, result.last, result.age_sessions) == ("XNYS", "USD", THURSDAY, 0)
    assert (result.added, result.corrected, result.restated) == (result.sessions, 0, None)
    assert len(dates(db)) == result.sessions
    assert result.first == dates(db)[0]


def test_prices_of_the_last_session_are_not_asked_for_again(provider: Provider, clock: SetClock, db: Database) -> None:
    fetcher(db).update("AAA")
    # Saturday, after a holiday.
    clock(datetime(2021, 4, 3, 12, tzinfo=UTC))
    result = fetcher(db).update("AAA")
    assert (result.asked, result.age_sessions, len(provider.asked)) == (False, 0, 1)


def test_later_the_missing_sessions_and_ten_stored_ones_are_asked_for(
    provider: Provider, clock: SetClock, db: Database
) -> None:
    fetcher(db).update("AAA")
    before = closes(db)
    clock(evening(TUESDAY))
    result = fetcher(db).update("AAA")
    assert provider.asked[1:] == [("AAA", list(before)[-10])]
    assert (result.added, result.corrected, result.restated, result.last) == (2, 0, None, TUESDAY)
    assert {day: close for day, close in closes(db).items() if day in before} == before


def test_a_running_session_is_neither_stored_nor_missing(clock: SetClock, db: Database) -> None:
    fetcher(db).update("AAA")
    clock(datetime(2021, 4, 6, 19, 59, tzinfo=UTC))  # a minute before the close
    result = fetcher(db).update("AAA")
    assert (result.last, result.completed, result.age_sessions) == (MONDAY, MONDAY, 0)
    assert TUESDAY not in dates(db)


def test_a_ticker_with_nothing_but_a_running_session_is_tried_again_later(
    provider: Provider, clock: SetClock, db: Database
) -> None:
    provider.withdraw("AAA", slice(-1, None))
    clock(datetime(2021, 4, 30, 15, tzinfo=UTC))
    with pytest.raises(SourceUnavailable, match="0 completed sessions, and none are stored"):
        fetcher(db).update("AAA")
    assert pricestore.stored_tickers(db) == []


def test_prices_that_are_a_little_old_do_where_that_is_allowed(clock: SetClock, db: Database) -> None:
    fetcher(db).update("AAA")
    clock(evening(TUESDAY))
    result = fetcher(db, FetchConfig(max_age=2, pause=0)).update("AAA")
    assert (result.asked, result.age_sessions, result.last) == (False, 2, THURSDAY)
    assert fetcher(db, FetchConfig(max_age=1, pause=0)).update("AAA").last == TUESDAY


def test_offline_nothing_is_asked_for(provider: Provider, clock: SetClock, db: Database) -> None:
    offline = FetchConfig(offline=True)
    with pytest.raises(DataError, match="no prices of AAA are stored"):
        fetcher(db, offline).update("AAA")
    fetcher(db).update("AAA")
    clock(evening(TUESDAY))
    assert fetcher(db, offline).update("AAA").age_sessions == 2
    assert len(provider.asked) == 1


def test_a_provider_without_news_changes_nothing(provider: Provider, clock: SetClock, db: Database) -> None:
    fetcher(db).update("AAA")
    before = closes(db)
    provider.withdraw("AAA", slice(0, 5))
    clock(evening(MONDAY))
    result = fetcher(db).update("AAA")
    assert (result.asked, result.added, result.age_sessions, result.last) == (True, 0, 1, THURSDAY)
    assert closes(db) == before


def test_an_earlier_clock_sees_no_later_bars(clock: SetClock, db: Database) -> None:
    clock(evening(WEDNESDAY))
    fetcher(db).update("AAA")
    clock(evening(MONDAY))
    series = stored(db, "AAA")
    assert (series.history.last, series.completed, series.age) == (MONDAY, MONDAY, 0)
    clock(datetime(2020, 1, 2, tzinfo=UTC))
    with pytest.raises(DataError, match="no prices of AAA"):
        stored(db, "AAA")


def test_tickers_in_small_letters_are_the_same_tickers(db: Database, home: Path) -> None:
    one = pipeline.fetch(["aaa", "AAA"], home, QUIET, lambda _: Silent())
    assert [one("aaa").asked, one("AAA").asked] == [True, False]
    assert pricestore.stored_tickers(db) == ["AAA"]


# What the provider has changed.


def test_a_bar_that_was_not_final_is_corrected_alone(provider: Provider, clock: SetClock, db: Database) -> None:
    fetcher(db).update("AAA")
    before = closes(db)
    provider.correct("AAA", THURSDAY, close=before[THURSDAY] * 1.01, volume=7.0)
    clock(evening(MONDAY))
    result = fetcher(db).update("AAA")
    assert (result.added, result.corrected, result.restated) == (1, 1, None)
    assert [start for _, start in provider.asked].count(None) == 1
    now = closes(db)
    assert now[THURSDAY] == pytest.approx(before[THURSDAY] * 1.01)
    assert {day: now[day] for day in list(before)[:-1]} == {day: before[day] for day in list(before)[:-1]}


def test_a_split_replaces_the_history_and_is_named(provider: Provider, clock: SetClock, db: Database) -> None:
    fetcher(db).update("AAA")
    before, log = closes(db), ProgressLog()
    provider.split("AAA", MONDAY, 4)
    clock(evening(MONDAY))
    result = fetcher(db, log=log).update("AAA")
    assert provider.asked[-1] == ("AAA", None)
    assert result.restated == (
        f"history restated by the split of 2021-04-05 (4 new shares for one): {len(before)} stored bars were replaced"
    )
    assert log.notes == [f"AAA: {result.restated}"]
    assert result.added == 1
    now = closes(db)
    assert [now[day] for day in before] == pytest.approx([close / 4 for close in before.values()])


def test_a_dividend_replaces_the_history_and_is_named(provider: Provider, clock: SetClock, db: Database) -> None:
    fetcher(db).update("AAA")
    before = pricestore.bars(db, "AAA")
    provider.dividend("AAA", MONDAY, 0.25)
    clock(evening(MONDAY))
    restated = fetcher(db).update("AAA").restated
    assert restated
    assert restated.startswith("history restated by the dividend of 2021-04-05 (0.25 a share)")
    now = pricestore.bars(db, "AAA")
    assert before is not None
    assert now is not None
    factor = 1 - 0.25 / before.close[-1]
    assert now.adjusted_close[:-1] == pytest.approx(before.adjusted_close * factor)
    assert now.close[:-1].tolist() == before.close.tolist()


def test_a_dividend_that_was_known_explains_no_later_restatement(
    provider: Provider, clock: SetClock, db: Database
) -> None:
    provider.dividend("AAA", THURSDAY, 0.25)
    fetcher(db).update("AAA")
    provider.listed["AAA"] = series("AAA", seed=9)
    provider.dividend("AAA", THURSDAY, 0.25)
    clock(evening(MONDAY))
    restated = fetcher(db).update("AAA").restated
    assert restated
    assert restated.startswith("history restated by the provider: ")


@pytest.mark.parametrize("kept", [slice(-30, None), slice(0, -21)], ids=["its beginning", "its end"])
def test_a_restated_history_without_a_part_of_the_stored_one_is_refused(
    kept: slice, provider: Provider, clock: SetClock, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetcher(db).update("AAA")
    before = closes(db)
    provider.split("AAA", MONDAY, 2)
    clock(evening(MONDAY))
    ask = provider.fetch

    def short(ticker: str, start: date | None, *rest: object) -> object:
        if start is None:
            provider.withdraw(ticker, kept)
        return ask(ticker, start, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr("stockcast.prices.yahoo.client.ask_yahoo", short)
    with pytest.raises(SourceUnavailable, match="stored") as caught:
        fetcher(db).update("AAA")
    assert "nothing was changed" in caught.value.hint
    assert closes(db) == before


# Where the provider is away.


def test_stored_prices_serve_only_where_they_may(provider: Provider, clock: SetClock, db: Database) -> None:
    fetcher(db).update("AAA")
    clock(evening(MONDAY))
    for trouble in (NoNetwork("down"), UnknownTicker("AAA")):
        provider.troubles = [trouble]
        with pytest.raises(type(trouble)) as caught:
            fetcher(db).update("AAA")
        assert "stored prices end on 2021-04-01: predict --allow-stale" in str(getattr(caught.value, "hint", ""))
        provider.troubles, log = [trouble], ProgressLog()
        result = fetcher(db, STALE, log).update("AAA")
        assert (result.asked, result.last, result.age_sessions) == (True, THURSDAY, 1)
        assert log.notes
        assert "stored prices up to 2021-04-01 serve" in log.notes[0]


# What is known of the exchange.


def test_an_exchange_that_cannot_be_told_is_said_once_and_improves(
    provider: Provider, clock: SetClock, db: Database
) -> None:
    log = ProgressLog()
    provider.listed["AAA"] = series("AAA", meta=Meta("", exchange_code="???", zone="Antarctica/Troll"))
    assert fetcher(db, log=log).update("AAA").exchange == "weekdays"
    assert len(log.notes) == 1
    assert "???" in log.notes[0]
    clock(evening(MONDAY))
    fetcher(db, log=log).update("AAA")
    assert len(log.notes) == 1
    provider.listed["AAA"] = series("AAA")
    clock(evening(TUESDAY))
    assert fetcher(db).update("AAA").exchange == "XNYS"


def test_an_answer_that_does_not_tell_the_exchange_changes_nothing_about_it(
    provider: Provider, clock: SetClock, db: Database
) -> None:
    fetcher(db).update("AAA")
    provider.listed["AAA"] = series("AAA", seed=1, meta=Meta("", exchange_code="???"))
    clock(evening(MONDAY))
    result = fetcher(db).update("AAA")
    assert (result.exchange, result.currency) == ("XNYS", "USD")


def test_a_period_that_ends_at_midnight_belongs_to_the_day_before(
    provider: Provider, clock: SetClock, db: Database
) -> None:
    midnight = datetime(2021, 4, 6, 4, tzinfo=UTC)
    meta = Meta("", exchange_code="CMX", zone="America/New_York", kind="FUTURE", period_end=midnight)
    provider.listed["AAA"] = series("AAA", meta=meta)
    clock(evening(MONDAY))
    assert fetcher(db).update("AAA").last == THURSDAY


def test_sessions_are_known_for_more_than_a_year_ahead(clock: SetClock, db: Database) -> None:
    fetcher(db).update("AAA")
    clock(evening(MONDAY))
    fetcher(db).update("AAA")
    calendar = stored(db, "AAA").calendar
    assert calendar.knows(calendar.next_sessions(MONDAY, 250)[-1])


def test_a_damaged_bar_in_the_store_is_refused_with_its_date(provider: Provider, db: Database) -> None:
    provider.correct("AAA", THURSDAY, close=-37.63)
    fetcher(db).update("AAA")
    with pytest.raises(DataError, match=r"2021-04-01.*-37\.63"):
        stored(db, "AAA")
    assert np.isfinite(closes(db)[THURSDAY])
