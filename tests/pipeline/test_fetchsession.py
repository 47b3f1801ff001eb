"""Many tickers share one time limit, with a pause between two; a provider that is away is not asked for ever."""

from __future__ import annotations

import time

import pytest

from stockcast.config.sources import FetchConfig
from stockcast.errors import SourceUnavailable
from stockcast.pipeline.fetchsession import FetchSession
from stockcast.prices.yahoo.failures import NoNetwork, Nonsense
from stockcast.storage.database import Database
from tests.pipeline.conftest import SetClock
from tests.pipeline.provider import MONDAY, Provider, evening, fetcher

QUIET = FetchConfig(pause=0)


def test_after_some_failures_in_a_row_the_others_are_not_tried(
    provider: Provider, clock: SetClock, db: Database
) -> None:
    fetcher(db).update("AAA")
    clock(evening(MONDAY))
    provider.troubles = [NoNetwork("down"), NoNetwork("down")]
    fetch_session = FetchSession(QUIET, retry=2)
    for ticker in ("BBB", "AAA"):
        with pytest.raises(NoNetwork):
            fetcher(db, fetch_session=fetch_session).update(ticker)
    with pytest.raises(SourceUnavailable, match="CCC was not tried after 2 failures: no network") as caught:
        fetcher(db, fetch_session=fetch_session).update("CCC")
    # What was said of the stored prices of AAA does not concern CCC.
    assert "stored prices" not in caught.value.hint
    assert [ticker for ticker, _ in provider.asked] == ["AAA", "BBB", "AAA"]


def test_an_answer_or_nonsense_about_one_ticker_is_no_reason_to_give_up(provider: Provider, db: Database) -> None:
    fetch_session = FetchSession(QUIET, retry=2)
    provider.troubles = [NoNetwork("down"), None, NoNetwork("down"), Nonsense("X", "words"), Nonsense("X", "words")]
    for ticker in ("X", "AAA", "X", "X", "X"):
        try:
            fetcher(db, fetch_session=fetch_session).update(ticker)
        except SourceUnavailable:
            continue
    assert fetcher(db, fetch_session=fetch_session).update("BBB").asked


def test_all_tickers_share_one_limit_and_what_is_done_between_them_does_not_count(
    provider: Provider, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: moment)
    fetch_session = FetchSession(FetchConfig(timeout=100, pause=0))
    ask = provider.fetch

    def slow(*question: object) -> object:
        nonlocal moment
        moment += 30
        return ask(*question)  # type: ignore[arg-type]

    monkeypatch.setattr("stockcast.prices.yahoo.client.ask_yahoo", slow)
    fetcher(db, fetch_session=fetch_session).update("AAA")
    moment += 3600  # a training
    fetcher(db, fetch_session=fetch_session).update("BBB")
    assert [deadline.seconds for deadline in provider.deadlines] == [100, 100]
    assert provider.deadlines[0].at == 1100
    assert provider.deadlines[1].at == 1030 + 3600 + 70


def test_between_two_tickers_there_is_a_pause(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    fetch_session = FetchSession(FetchConfig(pause=2))
    for ticker in ("AAA", "BBB"):
        fetcher(db, fetch_session=fetch_session).update(ticker)
    assert len(slept) == 1
    assert 1 <= slept[0] <= 3
