"""Prices from Yahoo: the real yfinance against the loopback Yahoo, in fair weather and in every foul one."""

from __future__ import annotations

import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

from stockcast.errors import DataError, LockedError, SourceUnavailable, StockcastError, StorageError
from stockcast.prices.yahoo import failures, patience
from stockcast.prices.yahoo.answer import NotBars, answer_of, meta_of
from stockcast.prices.yahoo.client import Answer, Meta, fetch
from stockcast.prices.yahoo.deadline import Deadline
from stockcast.prices.yahoo.session import session_class as bounded
from tests.loopback.market import Listing, Market
from tests.loopback.proxy import ConnectProxy
from tests.loopback.session import forget_yfinance, session_class
from tests.loopback.yahoo import (
    Dropped,
    Empty,
    Fault,
    Html,
    LoopbackYahoo,
    Nonsense,
    NotFound,
    RateLimited,
    ServerError,
    Slow,
    Truncated,
)

NEW_YORK = ZoneInfo("America/New_York")
SESSIONS = [date(2024, 6, day) for day in (3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 17)]
FRIDAY, MONDAY = SESSIONS[-2:]
AFTER_FRIDAYS_CLOSE = datetime(2024, 6, 14, 18, 0, tzinfo=NEW_YORK)


def listing(symbol: str = "AAPL") -> Listing:
    close: list[float | None] = [100.0 + row for row in range(len(SESSIONS))]
    return Listing(
        symbol=symbol,
        sessions=list(SESSIONS),
        open=[99.5 + row for row in range(len(SESSIONS))],
        high=[101.25 + row for row in range(len(SESSIONS))],
        low=[98.75 + row for row in range(len(SESSIONS))],
        close=close,
        adjusted_close=[price * 0.5 for price in close if price],
        volume=[1000.0 * (row + 1) for row in range(len(SESSIONS))],
    )


@pytest.fixture
def market() -> Market:
    return Market([listing(), listing("^GSPC")], AFTER_FRIDAYS_CLOSE)


@pytest.fixture
def yahoo(market: Market) -> Iterator[LoopbackYahoo]:
    with LoopbackYahoo(market) as server:
        yield server


@dataclass
class Asking:
    """The product's own way to ask, at the loopback Yahoo; `pauses` are those that it would have made."""

    yahoo: LoopbackYahoo
    cache: Path
    pauses: list[float] = field(default_factory=list)
    seconds: float = 30.0
    during_pause: Callable[[], object] = lambda: None

    def __post_init__(self) -> None:
        made = session_class(self.yahoo, bounded())
        self.opened: list[Any] = []
        self.opening = lambda deadline: self.opened.append(made(deadline)) or self.opened[-1]

    def __call__(
        self, ticker: str = "AAPL", start: date | None = date(2024, 6, 1), now: datetime | None = None
    ) -> Answer:
        def sleep(seconds: float) -> None:
            self.pauses.append(seconds)
            self.during_pause()

        deadline = Deadline.after(self.seconds)
        moment = now or self.yahoo.market.now
        return fetch(ticker, start, moment, deadline, self.cache, self.opening, sleep)

    @property
    def charts(self) -> list[dict[str, str]]:
        """The questions for charts, oldest first."""
        return [query for path, query in self.yahoo.requests if path.startswith("/v8")]


@pytest.fixture
def ask(yahoo: LoopbackYahoo, tmp_path: Path) -> Iterator[Asking]:
    forget_yfinance(tmp_path / "before")
    yield Asking(yahoo, tmp_path / "cache" / "yfinance")
    forget_yfinance(tmp_path / "after")


def days(answer: Answer) -> list[date]:
    return answer.dates.astype(object).tolist()


# What comes


def test_bars_come_whole_with_the_date_of_the_exchange(ask: Asking) -> None:
    answer = ask()
    assert days(answer) == SESSIONS[:-1]
    assert answer.dates.dtype == np.dtype("datetime64[D]")
    newest = {
        name: float(getattr(answer, name)[-1])
        for name in ("open", "high", "low", "close", "adjusted_close", "volume", "dividends", "splits")
    }
    assert newest == {
        "open": 108.5,
        "high": 110.25,
        "low": 107.75,
        "close": 109.0,
        "adjusted_close": 54.5,
        "volume": 10000.0,
        "dividends": 0.0,
        "splits": 1.0,
    }
    assert {getattr(answer, name).dtype for name in newest} == {np.dtype(np.float64)}


def test_the_metadata_come_without_a_request_of_their_own(ask: Asking) -> None:
    meta = ask().meta
    assert (meta.symbol, meta.exchange_code, meta.zone, meta.currency, meta.kind) == (
        "AAPL",
        "NMS",
        "America/New_York",
        "USD",
        "EQUITY",
    )
    assert meta.period_end == datetime(2024, 6, 14, 20, 0, tzinfo=UTC)
    assert meta.name is None
    assert [("range" in query) for query in ask.charts] == [True, False]


def test_all_there_is_comes_without_a_start(ask: Asking) -> None:
    assert days(ask(start=None)) == SESSIONS[:-1]
    assert int(ask.charts[-1]["period1"]) < -2e9


def test_a_start_is_inclusive_and_asked_for_in_the_zone_of_the_exchange(ask: Asking) -> None:
    assert days(ask(start=FRIDAY)) == [FRIDAY]
    assert int(ask.charts[-1]["period1"]) == datetime(2024, 6, 14, tzinfo=NEW_YORK).timestamp()


def test_the_epoch_is_a_start_like_any_other(ask: Asking, market: Market) -> None:
    coin = listing("BTC-USD")
    coin.zone = "UTC"
    market.add(coin)
    assert len(ask("BTC-USD", start=date(1970, 1, 1))) == 10
    assert int(ask.charts[-1]["period1"]) < 0


def test_the_live_bar_comes_too_even_where_the_day_is_ahead_of_utc(ask: Asking, market: Market) -> None:
    auckland = listing("AIR.NZ")
    auckland.zone = "Pacific/Auckland"
    market.add(auckland)
    market.now = datetime(2024, 6, 17, 10, 0, tzinfo=ZoneInfo("Pacific/Auckland"))  # Sunday evening in UTC
    assert days(ask("AIR.NZ"))[-1] == MONDAY


def test_missing_values_stay_missing(ask: Asking, market: Market) -> None:
    market.blank("AAPL", FRIDAY)
    answer = ask()
    assert days(answer)[-1] == FRIDAY
    assert np.isnan(
        [answer.open[-1], answer.high[-1], answer.low[-1], answer.close[-1], answer.adjusted_close[-1]]
    ).all()


def test_splits_and_dividends_come_with_their_sessions(ask: Asking, market: Market) -> None:
    market.split("AAPL", SESSIONS[5], 4)
    market.dividend("AAPL", SESSIONS[7], 2.0)
    answer = ask()
    assert answer.splits.tolist() == [1.0] * 5 + [4.0] + [1.0] * 4
    assert answer.dividends.tolist() == [0.0] * 7 + [2.0] + [0.0] * 2
    assert answer.close[:6].tolist() == [25.0, 25.25, 25.5, 25.75, 26.0, 105.0]


@pytest.mark.parametrize("currency", ["GBp", "ZAc", "ILA"])
def test_prices_in_hundredths_of_a_currency_stay_what_they_are(ask: Asking, market: Market, currency: str) -> None:
    vodafone = listing("VOD.L")
    vodafone.currency, vodafone.zone, vodafone.exchange = currency, "Europe/London", "LSE"
    market.add(vodafone)
    answer = ask("VOD.L")
    assert (answer.meta.currency, float(answer.close[0])) == (currency, 100.0)


def test_a_second_ticker_is_asked_for_in_the_same_session_with_the_same_crumb(
    ask: Asking, yahoo: LoopbackYahoo
) -> None:
    ask()
    ask("^GSPC")
    assert [path for path, _ in yahoo.requests].count("/v1/test/getcrumb") == 1
    assert {query["crumb"] for query in ask.charts} == {"loop.back"}
    assert len(ask.opened) == 1


def test_the_time_zone_is_remembered_in_the_folder(ask: Asking) -> None:
    ask()
    ask()
    assert [("range" in query) for query in ask.charts] == [True, False, False]
    assert (ask.cache / "tkr-tz.db").exists()


def test_another_folder_is_used_from_then_on(ask: Asking, tmp_path: Path) -> None:
    ask()
    ask.cache = tmp_path / "elsewhere"
    ask()
    assert (tmp_path / "elsewhere" / "tkr-tz.db").exists()


def test_the_past_is_asked_for_anew_each_time(ask: Asking, market: Market) -> None:
    ask()
    market.split("AAPL", SESSIONS[5], 2)
    assert float(ask().close[0]) == 50.0


def test_nothing_is_said_and_no_filter_of_warnings_stays(ask: Asking, capfd: pytest.CaptureFixture[str]) -> None:
    before = list(warnings.filters)
    ask()
    with pytest.raises(DataError):
        ask("NOPE")
    assert warnings.filters == before
    assert capfd.readouterr() == ("", "")


# Nothing new


def test_no_session_since_the_start_is_an_answer_without_bars(ask: Asking, yahoo: LoopbackYahoo) -> None:
    ask()
    answer = ask(start=date(2024, 6, 15))
    assert len(answer) == 0
    assert answer.dates.dtype == np.dtype("datetime64[D]")
    assert (answer.meta.exchange_code, answer.close.tolist()) == ("NMS", [])
    yahoo.script("AAPL", [Empty()], kind="prices")
    assert len(ask()) == 0


def test_a_span_that_the_provider_refuses_for_want_of_data_is_an_answer_without_bars(
    ask: Asking, market: Market
) -> None:
    # The clock of the product says 2020, and the listing is younger: Yahoo answers with 400.
    answer = ask(start=date(2020, 1, 1), now=datetime(2020, 2, 1, tzinfo=UTC))
    assert len(answer) == 0
    assert answer.meta.zone == market.listings["AAPL"].zone


def test_a_ticker_without_any_bars_has_no_prices(ask: Asking, yahoo: LoopbackYahoo) -> None:
    yahoo.script("AAPL", [Empty()], sticky=True)
    with pytest.raises(failures.UnknownTicker, match="AAPL"):
        ask(start=None)


# What goes wrong

FAULTS: list[tuple[Fault, type[StockcastError], str]] = [
    (RateLimited(), failures.RateLimited, "too many requests"),
    (NotFound(), failures.UnknownTicker, "unknown or delisted"),
    (ServerError(), failures.ProviderDown, "HTTP 500"),
    (Html(), failures.ProviderDown, "a page that is no data"),
    (Html("<html>Sign in</html>"), failures.ProviderDown, "a page that is no data"),
    (Dropped(), failures.Dropped, "Empty reply"),
    (Nonsense(), failures.ProviderDown, "data that are no chart"),
    (Truncated(), failures.ProviderDown, "a page that is no data"),
]


@pytest.mark.parametrize("kind", ["zone", "prices", "chart"])
@pytest.mark.parametrize(("fault", "error", "words"), FAULTS)
def test_a_fault_is_the_same_error_wherever_it_strikes(
    ask: Asking, yahoo: LoopbackYahoo, kind: Any, fault: Fault, error: type[StockcastError], words: str
) -> None:
    yahoo.script("*", [fault], sticky=True, kind=kind)
    with pytest.raises(error, match=words) as caught:
        ask()
    assert caught.value.hint
    yahoo.heal()
    assert days(ask()) == SESSIONS[:-1]


def test_every_failure_has_words_and_a_name_of_its_own() -> None:
    kinds = [
        failures.RateLimited(),
        failures.ProviderDown("x"),
        failures.Dropped("x"),
        failures.NoNetwork("x"),
        failures.NotTrusted("x"),
        failures.TimedOut("x"),
        failures.Nonsense("AAPL", "x"),
    ]
    assert len({kind.message for kind in kinds}) == len({kind.reason for kind in kinds}) == len(kinds)
    assert all(isinstance(kind, SourceUnavailable) and kind.hint for kind in kinds)
    assert [kind.reason for kind in kinds if not kind.for_every_ticker] == ["nonsense"]


def test_an_unknown_ticker_is_named_with_both_causes(ask: Asking) -> None:
    for _ in range(3):  # yfinance takes other ways the first times
        with pytest.raises(failures.UnknownTicker) as caught:
            ask("NOPE")
        assert "NOPE" in caught.value.message
        assert "unknown or delisted, or the provider is failing" in caught.value.message
        assert "try again later" in caught.value.hint
        assert isinstance(caught.value, DataError)
    assert ask.pauses == []


def test_an_outage_is_not_taken_for_an_unknown_ticker(ask: Asking, yahoo: LoopbackYahoo) -> None:
    yahoo.script("NOPE", [ServerError()], sticky=True)
    for _ in range(3):
        with pytest.raises(failures.ProviderDown):
            ask("NOPE")


@pytest.mark.parametrize("ticker", ["", "AA PL", "AAPL/../x", "AAPL?x", "A\nB", "A#B", "A%41", "X" * 41])
def test_what_is_no_ticker_is_refused_without_asking(ask: Asking, yahoo: LoopbackYahoo, ticker: str) -> None:
    with pytest.raises(DataError, match="no ticker"):
        ask(ticker)
    assert yahoo.requests == []


def test_an_isin_is_refused_without_asking(ask: Asking, yahoo: LoopbackYahoo) -> None:
    with pytest.raises(DataError, match="ISIN"):
        ask("US0378331005")
    assert yahoo.requests == []


@pytest.mark.parametrize("column", ["close", "volume"])
def test_columns_of_different_lengths_are_no_bars(ask: Asking, market: Market, column: str) -> None:
    del getattr(market.listings["AAPL"], column)[:3]
    with pytest.raises(failures.Nonsense, match="AAPL") as caught:
        ask()
    assert not caught.value.for_every_ticker
    assert ask.pauses == []


def test_without_a_network_the_name_of_the_server_is_said(ask: Asking, yahoo: LoopbackYahoo) -> None:
    class Nowhere(bounded()):  # type: ignore[misc]
        def request(self, method: Any, url: str, *args: Any, **others: Any) -> Any:
            return super().request(method, "http://nowhere.invalid/v8/finance/chart/AAPL", *args, **others)

    ask.opening = Nowhere
    with pytest.raises(failures.NoNetwork, match="nowhere.invalid"):
        ask()
    assert yahoo.requests == []


def test_a_refused_connection_is_no_network(ask: Asking, market: Market) -> None:
    with LoopbackYahoo(market) as gone:
        made = session_class(gone, bounded())
    ask.opening = made
    with pytest.raises(failures.NoNetwork, match="connect"):
        ask()


def test_a_proxy_that_refuses_is_no_network(ask: Asking, yahoo: LoopbackYahoo, monkeypatch: pytest.MonkeyPatch) -> None:
    # The loopback Yahoo answers CONNECT with 501, as a server that is no proxy does.
    monkeypatch.setenv("HTTPS_PROXY", yahoo.url)
    for name in ("NO_PROXY", "no_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    ask.opening = bounded()
    with pytest.raises(failures.NoNetwork, match="CONNECT"):
        ask()


def test_a_certificate_of_nobody_knows_whom_is_not_trusted(
    ask: Asking, yahoo: LoopbackYahoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ConnectProxy(yahoo) as stranger, ConnectProxy(yahoo) as proxy:
        for name, value in proxy.environment(tmp_path).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("CURL_CA_BUNDLE", stranger.environment(tmp_path)["CURL_CA_BUNDLE"])
        ask.opening = bounded()
        with pytest.raises(failures.NotTrusted, match="certificate"):
            ask()
    assert ask.pauses == []


def test_a_frame_that_is_none_of_bars_is_told_by_its_columns_and_dates() -> None:
    frame = pd.DataFrame(
        dict.fromkeys(("Open", "High", "Low", "Close", "Adj Close", "Volume", "Dividends", "Stock Splits"), 1.0),
        index=pd.DatetimeIndex(["2024-06-04", "2024-06-03"], tz="America/New_York"),
    )
    with pytest.raises(NotBars, match="go forward"):
        answer_of("AAPL", frame, Meta("AAPL"), None)
    with pytest.raises(NotBars, match="without Adj Close, Stock Splits"):
        answer_of("AAPL", frame[::-1].drop(columns=["Stock Splits", "Adj Close"]), Meta("AAPL"), None)
    assert days(answer_of("AAPL", frame[::-1], Meta("AAPL"), date(2024, 6, 4))) == [date(2024, 6, 4)]


def test_metadata_of_other_types_count_as_not_said() -> None:
    said = {"symbol": 7, "exchangeTimezoneName": "Mars/Olympus", "currency": "", "currentTradingPeriod": [1]}
    assert meta_of("AAPL", said) == Meta("AAPL")
    assert meta_of("AAPL", {"currentTradingPeriod": {"regular": {"end": "soon"}}}).period_end is None
    assert meta_of("AAPL", {"shortName": "Apple"}).name == "Apple"
    assert meta_of("AAPL", {"shortName": "Apple", "longName": "Apple Inc."}).name == "Apple Inc."


# Caches


@pytest.mark.parametrize("name", ["tkr-tz.db", "cookies.db"])
def test_a_broken_cache_is_thrown_away(ask: Asking, name: str) -> None:
    ask.cache.mkdir(parents=True)
    (ask.cache / name).write_bytes(b"this is no database, and longer than a header of one hundred bytes" * 9)
    (ask.cache / "old").write_text("old")
    assert days(ask()) == SESSIONS[:-1]
    assert not (ask.cache / "old").exists()


@pytest.mark.parametrize(
    "stored", [b"no pickle", b"", pickle.dumps({}), pickle.dumps({"yahoo.com": {}}), pickle.dumps(7)]
)
def test_a_cookie_that_cannot_be_read_is_thrown_away(ask: Asking, stored: bytes) -> None:
    ask()
    forget_yfinance(ask.cache)
    with closing(sqlite3.connect(ask.cache / "cookies.db")) as base, base:
        base.execute("insert into _cookieschema values ('curlCffi', '2024-06-01T00:00:00', ?)", [stored])
    assert days(ask()) == SESSIONS[:-1]
    with closing(sqlite3.connect(ask.cache / "cookies.db")) as base:
        assert base.execute("select * from _cookieschema").fetchall() == []


def test_a_database_that_stays_locked_is_told_from_the_network(
    ask: Asking, monkeypatch: pytest.MonkeyPatch, yahoo: LoopbackYahoo
) -> None:
    def locked(*_: object) -> None:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr("yfinance.cache._TzCache.lookup", locked)
    with pytest.raises(StorageError, match="database is locked") as caught:
        ask()
    assert str(ask.cache) in caught.value.hint
    assert yahoo.requests == []


def test_a_folder_that_cannot_be_made_is_named(ask: Asking, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ask.cache = tmp_path / "file" / "cache"
    with pytest.raises(StorageError, match="file"):
        ask()
    (tmp_path / "cache").mkdir()
    ask.cache = tmp_path / "cache" / "taken"
    ask.cache.write_text("")
    with pytest.raises(StorageError, match="taken"):
        ask()


def test_another_process_is_waited_for_until_the_deadline(ask: Asking, yahoo: LoopbackYahoo) -> None:
    ask.cache.parent.mkdir()
    ask.seconds = 0.2
    with FileLock(ask.cache.with_name("yfinance.lock")), pytest.raises(LockedError, match="all the time"):
        ask()
    assert yahoo.requests == []
    ask.seconds = 30.0
    assert days(ask()) == SESSIONS[:-1]


def test_the_lock_is_free_during_a_pause_and_afterwards(ask: Asking, yahoo: LoopbackYahoo) -> None:
    taken: list[bool] = []

    def take() -> None:
        with FileLock(ask.cache.with_name("yfinance.lock"), timeout=0) as lock:
            taken.append(lock.is_locked)

    ask.during_pause = take
    yahoo.script("AAPL", [Dropped()])
    ask()
    take()
    assert taken == [True, True]


# Patience


def test_rate_limits_are_waited_out_with_growing_pauses(ask: Asking, yahoo: LoopbackYahoo) -> None:
    yahoo.script("AAPL", [RateLimited()] * 8)  # yfinance asks twice each time
    assert days(ask()) == SESSIONS[:-1]
    assert len(ask.pauses) == 4
    for pause, middle in zip(ask.pauses, (1, 2, 4, 8), strict=True):
        assert 0.75 * middle <= pause <= 1.25 * middle


def test_a_pause_that_would_outlast_the_deadline_is_not_begun(ask: Asking, yahoo: LoopbackYahoo) -> None:
    yahoo.script("AAPL", [RateLimited()], sticky=True)
    ask.seconds = 20.0
    with pytest.raises(failures.RateLimited):
        ask()
    assert len(ask.pauses) == 5  # of 1, 2, 4, 8 and 16 s, give or take a quarter; none of them was slept
    ask.pauses.clear()
    ask.seconds = 0.7
    with pytest.raises(failures.RateLimited):
        ask()
    assert ask.pauses == []


@pytest.mark.parametrize("fault", [Dropped(), ServerError(), Html(), Truncated()])
def test_a_passing_failure_is_tried_again_twice(ask: Asking, yahoo: LoopbackYahoo, fault: Fault) -> None:
    yahoo.script("AAPL", [fault], sticky=True)
    with pytest.raises(SourceUnavailable):
        ask()
    assert len(ask.pauses) == 2
    ask.during_pause = yahoo.heal
    assert days(ask()) == SESSIONS[:-1]


def test_each_attempt_after_a_failure_has_a_new_session(ask: Asking, yahoo: LoopbackYahoo) -> None:
    yahoo.script("AAPL", [Dropped()])
    ask()
    assert len(ask.opened) == 2


def test_cookies_and_crumbs_are_not_waited_for_until_the_end(ask: Asking, yahoo: LoopbackYahoo) -> None:
    yahoo.script("*", [Slow(3600)], sticky=True, kind="cookie")
    ask.seconds = 4.0
    assert days(ask()) == SESSIONS[:-1]


@pytest.mark.parametrize("kind", ["zone", "prices"])
def test_an_answer_that_does_not_come_is_a_time_out(ask: Asking, yahoo: LoopbackYahoo, kind: Any) -> None:
    yahoo.script("AAPL", [Slow(3600)], sticky=True, kind=kind)
    ask.seconds = 0.5
    with pytest.raises(failures.TimedOut):
        ask()
    yahoo.heal()
    ask.seconds = 30.0
    assert days(ask()) == SESSIONS[:-1]


def test_a_deadline_that_has_passed_asks_nobody(ask: Asking, yahoo: LoopbackYahoo) -> None:
    ask.seconds = 0.0
    with pytest.raises(failures.TimedOut):
        ask()
    assert yahoo.requests == []


def test_work_that_ignores_the_deadline_is_left_alone() -> None:
    release = threading.Event()
    with pytest.raises(failures.TimedOut):
        patience.within(Deadline.after(0.0), lambda: release.wait(60))
    release.set()


def test_an_error_of_the_work_is_raised_where_it_is_waited_for() -> None:
    def broken() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        patience.within(Deadline.after(10), broken)


# As a user meets it: a process of its own, nothing patched

CHILD = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from stockcast.errors import StockcastError
from stockcast.prices.yahoo.client import fetch
from stockcast.prices.yahoo.deadline import Deadline
from stockcast.prices.yahoo.probe import probe
now = datetime(2024, 6, 14, 22, 0, tzinfo=UTC)
seconds, cache, what = float(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
print("begun", flush=True)
try:
    if what == "probe":
        print(probe(Deadline.after(seconds)).tzinfo)
    else:
        for ticker in what.split(","):
            answer = fetch(ticker, None, now, Deadline.after(seconds), cache)
            print(ticker, len(answer), answer.dates[-1])
except StockcastError as error:
    print(type(error).__name__)
"""


def child(proxy: ConnectProxy, folder: Path, what: str, seconds: float = 30.0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(seconds), str(folder / "cache"), what],
        env=os.environ | proxy.environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def heard(process: subprocess.Popen[str]) -> tuple[list[str], str]:
    out, err = process.communicate(timeout=60)
    return out.splitlines()[1:], err


def test_a_process_of_its_own_asks_for_two_tickers(yahoo: LoopbackYahoo, tmp_path: Path) -> None:
    with ConnectProxy(yahoo) as proxy:
        assert heard(child(proxy, tmp_path, "AAPL,^GSPC")) == (["AAPL 10 2024-06-14", "^GSPC 10 2024-06-14"], "")
    asked = [path for path, _ in yahoo.requests]
    assert asked.count("/") == asked.count("/v1/test/getcrumb") == 1
    assert not (tmp_path / "py-yfinance").exists()


def test_two_cold_processes_at_once_do_not_hurt_each_other(yahoo: LoopbackYahoo, tmp_path: Path) -> None:
    with ConnectProxy(yahoo) as proxy:
        both = [child(proxy, tmp_path, "AAPL"), child(proxy, tmp_path, "AAPL")]
        assert [heard(process) for process in both] == [(["AAPL 10 2024-06-14"], "")] * 2


def test_the_probe_tells_the_time_of_the_provider_or_what_keeps_it(yahoo: LoopbackYahoo, tmp_path: Path) -> None:
    with ConnectProxy(yahoo) as proxy:
        assert heard(child(proxy, tmp_path, "probe")) == (["UTC"], "")
        yahoo.script("^GSPC", [RateLimited()])
        assert heard(child(proxy, tmp_path, "probe")) == (["RateLimited"], "")


@pytest.mark.skipif(sys.platform == "win32", reason="a console's Ctrl-C cannot be sent to one process alone")
def test_ctrl_c_is_heard_while_the_provider_is_silent(yahoo: LoopbackYahoo, tmp_path: Path) -> None:
    yahoo.script("AAPL", [Slow(3600)], sticky=True)
    with ConnectProxy(yahoo) as proxy:
        process = child(proxy, tmp_path, "AAPL", 3000.0)
        assert wait_for(lambda: any(path.startswith("/v8") for path, _ in yahoo.requests))
        process.send_signal(signal.SIGINT)
        _, err = heard(process)  # long before the limit of any request
    assert process.returncode == -signal.SIGINT
    assert err.rstrip().endswith("KeyboardInterrupt")


def wait_for(happened: Callable[[], bool], seconds: float = 60.0) -> bool:
    end = Deadline.after(seconds)
    while not happened() and not end.expired:
        time.sleep(0.02)
    return happened()
