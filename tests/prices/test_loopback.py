"""The loopback Yahoo speaks yfinance's language: what the real package makes of its answers and of its faults."""

from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import yfinance
from curl_cffi import CurlOpt
from curl_cffi.requests import Session
from curl_cffi.requests import exceptions as curl
from yfinance import exceptions as yf

from stockcast.prices.history import History
from tests import synthetic
from tests.loopback.faults import (
    Dropped,
    Empty,
    Fault,
    Html,
    Nonsense,
    NotFound,
    RateLimited,
    ServerError,
    Slow,
    Truncated,
)
from tests.loopback.market import Listing, Market, listing_from
from tests.loopback.proxy import ConnectProxy
from tests.loopback.session import forget_yfinance, loopback_session, session_class
from tests.loopback.yahoo import LoopbackYahoo
from tests.prices.asking import AFTER_FRIDAYS_CLOSE, FRIDAY, MONDAY, NEW_YORK, SESSIONS, listing

# yfinance 1.7 still sorts in place, which pandas 3.1 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")

CHART = "https://query2.finance.yahoo.com/v8/finance/chart/AAPL?range=1d"


@pytest.fixture
def market() -> Market:
    return Market([listing(adjusted=1.0), listing("^GSPC", adjusted=1.0)], AFTER_FRIDAYS_CLOSE)


@pytest.fixture
def session(yahoo: LoopbackYahoo, tmp_path: Path) -> Iterator[Session[Any]]:
    forget_yfinance(tmp_path)
    yfinance.config.debug.hide_exceptions = False
    with loopback_session(yahoo) as opened:
        yield opened
    forget_yfinance(tmp_path)


def ticker(session: Session[Any], symbol: str = "AAPL") -> yfinance.Ticker:
    return yfinance.Ticker(symbol, session=session)


def bars(asked: yfinance.Ticker, end: str = "2024-07-01", timeout: float = 10) -> Any:
    """The bars of June as a frame, asked for as the product asks."""
    return asked.history(
        start="2024-06-01", end=end, auto_adjust=False, actions=True, repair=False, keepna=True, timeout=timeout
    )


def dates(frame: Any) -> list[date]:
    return [stamp.date() for stamp in frame.index]


# What is served


def test_bars_arrive_whole_at_midnight_of_the_exchange_and_only_up_to_now(session: Session[Any]) -> None:
    frame = bars(ticker(session))
    assert dates(frame) == SESSIONS[:-1]
    assert str(frame.index.tz) == "America/New_York"
    assert {stamp.hour for stamp in frame.index} == {0}
    want = {"Open": 108.5, "High": 110.25, "Low": 107.75, "Close": 109.0, "Adj Close": 109.0, "Volume": 10000}
    assert frame.iloc[-1].to_dict() == want | {"Dividends": 0.0, "Stock Splits": 0.0}


def test_the_end_of_a_span_is_exclusive(session: Session[Any]) -> None:
    assert dates(bars(ticker(session), end="2024-06-05")) == SESSIONS[:2]


def test_yfinance_asks_for_cookie_crumb_time_zone_and_prices(session: Session[Any], yahoo: LoopbackYahoo) -> None:
    bars(ticker(session, "^GSPC"))
    paths = [path for path, _ in yahoo.requests]
    assert paths.index("/") < paths.index("/v1/test/getcrumb") < paths.index("/v8/finance/chart/^GSPC")
    zone, prices = [query for path, query in yahoo.requests if path.startswith("/v8")]
    assert (zone["range"], zone["crumb"]) == ("1d", "loop.back")
    assert (prices["interval"], prices["events"]) == ("1d", "div,splits,capitalGains")
    assert int(prices["period1"]) == datetime(2024, 6, 1, tzinfo=NEW_YORK).timestamp()


def test_the_metadata_say_what_trades_where_and_until_when(session: Session[Any]) -> None:
    asked = ticker(session)
    bars(asked)
    meta = asked.history_metadata
    assert [meta[key] for key in ("currency", "symbol", "exchangeName", "instrumentType", "exchangeTimezoneName")] == [
        "USD",
        "AAPL",
        "NMS",
        "EQUITY",
        "America/New_York",
    ]
    assert (meta["regularMarketPrice"], meta["gmtoffset"], meta["timezone"]) == (109.0, -4 * 3600, "EDT")
    assert meta["firstTradeDate"] == datetime(2024, 6, 3, 9, 30, tzinfo=NEW_YORK)
    period = meta["currentTradingPeriod"]["regular"]
    assert (period["start"].hour, period["end"]) == (9, datetime(2024, 6, 14, 16, 0, tzinfo=NEW_YORK))


@pytest.mark.parametrize(
    ("hour", "minute", "served", "ends"),
    [(8, 0, FRIDAY, MONDAY), (9, 30, MONDAY, MONDAY), (15, 59, MONDAY, MONDAY), (16, 0, MONDAY, MONDAY)],
)
def test_the_live_bar_comes_from_the_opening_on_and_only_the_period_tells_it(
    session: Session[Any], market: Market, hour: int, minute: int, served: date, ends: date
) -> None:
    market.now = datetime(2024, 6, 17, hour, minute, tzinfo=NEW_YORK)
    asked = ticker(session)
    assert dates(bars(asked))[-1] == served
    assert asked.history_metadata["currentTradingPeriod"]["regular"]["end"].date() == ends


def test_on_a_sunday_the_current_period_is_fridays(session: Session[Any], market: Market) -> None:
    market.now = datetime(2024, 6, 16, 12, 0, tzinfo=NEW_YORK)
    asked = ticker(session)
    assert dates(bars(asked))[-1] == FRIDAY
    assert asked.history_metadata["currentTradingPeriod"]["regular"]["end"].date() == FRIDAY


def test_a_listing_may_name_the_end_of_its_period_itself(session: Session[Any], market: Market) -> None:
    early = datetime(2024, 6, 14, 13, 0, tzinfo=NEW_YORK)
    market.listings["AAPL"].period_end = early
    asked = ticker(session)
    bars(asked)
    assert asked.history_metadata["currentTradingPeriod"]["regular"]["end"] == early


def test_an_exchange_elsewhere_keeps_its_own_days(session: Session[Any], market: Market) -> None:
    tokyo = listing("7203.T")
    tokyo.zone, tokyo.currency = "Asia/Tokyo", "JPY"
    market.add(tokyo)
    market.now = datetime(2024, 6, 16, 21, 0, tzinfo=NEW_YORK)  # Monday 10:00 in Tokyo
    frame = bars(ticker(session, "7203.T"))
    assert (dates(frame)[-1], str(frame.index.tz)) == (MONDAY, "Asia/Tokyo")


def test_a_range_counts_back_from_now(session: Session[Any], market: Market) -> None:
    assert dates(ticker(session).history(period="5d", auto_adjust=False)) == SESSIONS[5:10]
    market.now = AFTER_FRIDAYS_CLOSE + timedelta(days=24)
    assert dates(ticker(session).history(period="1mo", auto_adjust=False)) == SESSIONS[4:]
    assert dates(ticker(session).history(period="ytd", auto_adjust=False)) == SESSIONS


def test_a_blank_bar_is_kept_as_a_row_without_values(session: Session[Any], market: Market) -> None:
    market.blank("AAPL", FRIDAY)
    frame = bars(ticker(session))
    assert dates(frame)[-1] == FRIDAY
    assert all(math.isnan(frame[name].iloc[-1]) for name in ("Open", "High", "Low", "Close", "Adj Close"))


def test_a_split_restates_the_past_and_is_an_event(session: Session[Any], market: Market) -> None:
    market.split("AAPL", SESSIONS[5], 4)
    frame = bars(ticker(session))
    assert frame["Close"].tolist() == [close / 4 for close in range(100, 105)] + list(range(105, 110))
    assert frame["Adj Close"].tolist() == frame["Close"].tolist()
    assert frame["Volume"].tolist() == [4000.0 * row for row in range(1, 6)] + [1000.0 * row for row in range(6, 11)]
    assert {str(stamp.date()): ratio for stamp, ratio in frame["Stock Splits"].items() if ratio} == {"2024-06-10": 4.0}


def test_a_split_of_one_continuous_series_keeps_every_return(session: Session[Any], market: Market) -> None:
    market.split("AAPL", SESSIONS[5], 1.5, later_too=True)
    frame = bars(ticker(session))
    assert frame["Close"].tolist() == pytest.approx([close / 1.5 for close in range(100, 110)])
    assert market.listings["AAPL"].splits == {SESSIONS[5]: (3, 2)}


def test_a_dividend_restates_adjusted_closes_alone(session: Session[Any], market: Market) -> None:
    market.dividend("AAPL", SESSIONS[5], 2.08)
    frame = bars(ticker(session))
    assert frame["Close"].tolist() == list(range(100, 110))
    adjusted = [close * 0.98 for close in range(100, 105)] + list(range(105, 110))
    assert frame["Adj Close"].tolist() == pytest.approx(adjusted)
    assert {str(stamp.date()): paid for stamp, paid in frame["Dividends"].items() if paid} == {"2024-06-10": 2.08}


def test_an_event_is_not_told_before_its_day(session: Session[Any], market: Market) -> None:
    market.dividend("AAPL", MONDAY, 1.0)
    assert set(bars(ticker(session))["Dividends"]) == {0.0}


def test_an_event_needs_a_session(market: Market) -> None:
    with pytest.raises(ValueError, match="2024-06-15 is no session of AAPL"):
        market.split("AAPL", date(2024, 6, 15), 2)
    with pytest.raises(ValueError, match="no close before 2024-06-03"):
        market.dividend("AAPL", SESSIONS[0], 1.0)


def test_a_listing_of_a_history_tells_its_splits_and_adjusts_for_them() -> None:
    plain = synthetic.history(sessions=4)
    ones, ratios = np.ones(4), np.array([1.0, 2.0, 1.0, 3.0])
    traded = History("F", plain.dates, ones * 12, ones * 2, volume=ones * 600, splits=ratios)
    made = listing_from(traded, "F")
    assert made.close == [2.0, 4.0, 4.0, 12.0]
    assert made.open == made.close
    assert made.adjusted_close == [2.0] * 4
    assert made.volume == [3600.0, 1800.0, 1800.0, 600.0]
    assert list(made.splits.values()) == [(2, 1), (3, 1)]


def test_a_history_comes_back_from_yfinance_to_the_last_digit(session: Session[Any], market: Market) -> None:
    made = synthetic.history(sessions=300, first="2023-06-01")
    market.add(listing_from(made, "FAKE"))
    frame = ticker(session, "FAKE").history(start="2023-01-01", end="2024-06-01", auto_adjust=False, keepna=True)
    kept = made.between(None, date(2024, 5, 31))
    assert dates(frame) == kept.dates.astype(object).tolist()
    np.testing.assert_array_equal(frame["Close"], kept.close)
    np.testing.assert_array_equal(frame["Open"], kept.open)
    np.testing.assert_array_equal(frame["Volume"], kept.volume)


def test_a_listing_and_a_clock_must_make_sense(market: Market) -> None:
    backwards = {name: [1.0, 1.0] for name in ("open", "high", "low", "close", "adjusted_close", "volume")}
    with pytest.raises(ValueError, match="go forward"):
        Listing("X", SESSIONS[1::-1], **backwards)
    with pytest.raises(ValueError, match="open has not one value per session"):
        Listing("X", SESSIONS[:3], **backwards)
    with pytest.raises(ValueError, match="needs a time zone"):
        market.now = datetime(2024, 6, 14)  # noqa: DTZ001


# What goes wrong


def test_an_unknown_ticker_fails_first_over_its_summary_and_then_over_its_time_zone(session: Session[Any]) -> None:
    for _ in range(2):
        with pytest.raises(curl.HTTPError, match="404"):
            bars(ticker(session, "NOPE"))
    with pytest.raises(yf.YFTzMissingError):
        bars(ticker(session, "NOPE"))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (RateLimited(), yf.YFRateLimitError),
        (NotFound(), yf.YFPricesMissingError),
        (ServerError(), json.JSONDecodeError),
        (Html(), yf.YFDataException),
        (Html("<html>Sign in</html>"), json.JSONDecodeError),
        (Dropped(), curl.ConnectionError),
        (Empty(), yf.YFPricesMissingError),
        (Nonsense(), yf.YFPricesMissingError),
        (Truncated(), json.JSONDecodeError),
    ],
)
def test_a_fault_of_the_prices_becomes_the_error_that_yfinance_makes_of_it(
    session: Session[Any], yahoo: LoopbackYahoo, fault: Fault, error: type[Exception]
) -> None:
    yahoo.script("AAPL", [fault], sticky=True, kind="prices")
    with pytest.raises(error):
        bars(ticker(session))
    assert dates(bars(ticker(session, "^GSPC"))) == SESSIONS[:-1]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (RateLimited(), yf.YFRateLimitError),
        (NotFound(), curl.HTTPError),
        (Html(), json.JSONDecodeError),
        (Dropped(), curl.ConnectionError),
        (Nonsense(), KeyError),
    ],
)
def test_a_fault_of_the_time_zone_has_errors_of_its_own(
    session: Session[Any], yahoo: LoopbackYahoo, fault: Fault, error: type[Exception]
) -> None:
    yahoo.script("*", [fault], sticky=True, kind="zone")
    with pytest.raises(error):
        bars(ticker(session))


def test_an_answer_that_comes_too_late_is_a_time_out_and_holds_nobody_up(
    session: Session[Any], yahoo: LoopbackYahoo
) -> None:
    yahoo.script("AAPL", [Slow(3600)], kind="prices")
    with pytest.raises(curl.Timeout):
        bars(ticker(session), timeout=0.2)


def test_an_answer_that_comes_late_is_the_right_one(session: Session[Any], yahoo: LoopbackYahoo) -> None:
    yahoo.script("AAPL", [Slow(0.05)])
    assert dates(bars(ticker(session))) == SESSIONS[:-1]


@pytest.mark.parametrize("kind", ["cookie", "crumb"])
@pytest.mark.parametrize("fault", [RateLimited(), Dropped(), Html("<html></html>")])
def test_prices_come_without_cookie_and_crumb(
    session: Session[Any], yahoo: LoopbackYahoo, kind: Any, fault: Fault
) -> None:
    yahoo.script("*", [fault], sticky=True, kind=kind)
    assert dates(bars(ticker(session))) == SESSIONS[:-1]


def test_a_script_is_played_once_one_fault_a_request(session: Session[Any], yahoo: LoopbackYahoo) -> None:
    yahoo.script("AAPL", [None, RateLimited()])
    assert dates(bars(ticker(session))) == SESSIONS[:-1]  # yfinance asks a second time
    assert [("range" in query) for path, query in yahoo.requests if path.startswith("/v8")] == [True, False, False]


def test_a_sticky_script_keeps_its_last_fault_until_it_heals(session: Session[Any], yahoo: LoopbackYahoo) -> None:
    yahoo.script("AAPL", [None, RateLimited()], sticky=True)
    for _ in range(3):
        with pytest.raises(yf.YFRateLimitError):
            bars(ticker(session))
    yahoo.heal()
    assert dates(bars(ticker(session))) == SESSIONS[:-1]


def test_a_client_that_goes_away_leaves_no_trace(market: Market, capfd: pytest.CaptureFixture[str]) -> None:
    with LoopbackYahoo(market) as yahoo:
        here = ("127.0.0.1", urlsplit(yahoo.url).port)
        yahoo.script("AAPL", [Slow(0.02)])
        with socket.create_connection(here) as early:
            early.sendall(b"GET /v8/finance/chart/AAPL?range=max HTTP/1.1\r\nHost: x\r\n\r\n")
        with socket.create_connection(here) as silent:
            silent.sendall(b"GET /v8/fin")
        idle = socket.create_connection(here)
    idle.close()
    assert capfd.readouterr() == ("", "")


def test_a_mistake_in_an_answer_is_not_lost(market: Market) -> None:
    market.listings["AAPL"].close = [object()]  # type: ignore[list-item]
    server = LoopbackYahoo(market)
    with pytest.raises(TypeError), server, loopback_session(server) as session, pytest.raises(curl.ConnectionError):
        session.get(CHART)


# Where yfinance is


def test_yfinance_keeps_answers_about_the_past_until_it_is_made_to_forget(
    session: Session[Any], market: Market, yahoo: LoopbackYahoo, tmp_path: Path
) -> None:
    before = bars(ticker(session))
    market.split("AAPL", SESSIONS[5], 4)
    asked = len(yahoo.requests)
    assert bars(ticker(session)).equals(before)
    assert len(yahoo.requests) == asked
    forget_yfinance(tmp_path / "anew")
    assert bars(ticker(session))["Close"].iloc[0] == 25.0
    assert (tmp_path / "anew" / "tkr-tz.db").exists()


def test_a_session_of_a_class_of_ones_own_comes_here_too(yahoo: LoopbackYahoo, session: Session[Any]) -> None:
    seen: list[str] = []

    class Counting(Session[Any]):
        def request(self, method: Any, url: str, *args: Any, **kwargs: Any) -> Any:
            seen.append(url)
            return super().request(method, url, *args, **kwargs)

    with session_class(yahoo, Counting)(impersonate="chrome") as own:
        assert dates(bars(ticker(own))) == SESSIONS[:-1]
    assert len(seen) == len(yahoo.requests)
    assert all(url.startswith(yahoo.url) for url in seen)
    del session  # asked for because it makes yfinance forget


CHILD = """
import json, sys, yfinance
frame = yfinance.Ticker("AAPL").history(
    start="2024-06-01", end="2024-07-01", auto_adjust=False, actions=True, keepna=True
)
print(json.dumps([[str(stamp.date()), close] for stamp, close in frame["Close"].items()]))
"""


def run_child(environment: dict[str, str]) -> list[list[Any]]:
    """Session and close of every bar that the child got."""
    command = [sys.executable, "-c", CHILD]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=True)
    answer: list[list[Any]] = json.loads(done.stdout)
    return answer


def through(proxy: ConnectProxy, cache: Path) -> Session[Any]:
    """A session that goes to the proxy, whatever the environment of the tests excepts from proxies."""
    there = proxy.environment(cache)
    options: dict[Any, Any] = {CurlOpt.NOPROXY: ""}
    return Session(proxy=there["HTTPS_PROXY"], verify=there["CURL_CA_BUNDLE"], curl_options=options)


def test_an_unchanged_yfinance_in_a_process_of_its_own_comes_through_the_proxy(
    yahoo: LoopbackYahoo, tmp_path: Path
) -> None:
    want = [[str(day), 100.0 + row] for row, day in enumerate(SESSIONS[:-1])]
    with ConnectProxy(yahoo) as proxy:
        assert run_child(proxy.environment(tmp_path)) == want
        assert (tmp_path / "py-yfinance" / "cookies.db").exists()
        first = [path for path, _ in yahoo.requests]
        yahoo.requests.clear()
        assert run_child(proxy.environment(tmp_path)) == want
    again = [path for path, _ in yahoo.requests]
    assert first == ["/", "/v1/test/getcrumb", "/v8/finance/chart/AAPL", "/v8/finance/chart/AAPL"]
    # Cookie and time zone are in the cache by now.
    assert again == ["/v1/test/getcrumb", "/v8/finance/chart/AAPL"]


def test_the_proxy_lets_nobody_out(yahoo: LoopbackYahoo, tmp_path: Path) -> None:
    with ConnectProxy(yahoo) as proxy, through(proxy, tmp_path) as session:
        assert session.get(CHART).status_code == 200
        for outside in ("https://example.org/", "https://notyahoo.com/"):
            with pytest.raises(curl.RequestException, match="502"):
                session.get(outside)
    assert proxy.refused == ["example.org", "notyahoo.com"]


def test_a_dropped_connection_is_dropped_behind_the_proxy_too(yahoo: LoopbackYahoo, tmp_path: Path) -> None:
    yahoo.script("*", [Dropped()], sticky=True)
    with ConnectProxy(yahoo) as proxy, through(proxy, tmp_path) as session, pytest.raises(curl.RequestException):
        session.get(CHART)
    assert len(yahoo.requests) == 1


def test_an_authority_that_nobody_vouches_for_is_refused(yahoo: LoopbackYahoo, tmp_path: Path) -> None:
    with ConnectProxy(yahoo) as stranger, ConnectProxy(yahoo) as proxy, through(proxy, tmp_path) as session:
        session.verify = stranger.environment(tmp_path)["CURL_CA_BUNDLE"]
        with pytest.raises(curl.RequestException, match="certificate"):
            session.get(CHART)
    assert yahoo.requests == []
