"""Prices from Yahoo: what the real yfinance brings from the loopback Yahoo, and what it remembers."""

from __future__ import annotations

import warnings
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from stockcast.errors import DataError
from stockcast.prices.yahoo import failures, session
from stockcast.prices.yahoo.answer import Meta, NotBars, answer_of, meta_of
from tests.loopback.faults import Empty
from tests.loopback.market import Market
from tests.loopback.yahoo import LoopbackYahoo
from tests.prices.asking import FRIDAY, MONDAY, NEW_YORK, SESSIONS, Asking, days, listing

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


def test_a_process_asks_once_for_the_time_zone_of_a_ticker_and_never_for_one_that_is_known(ask: Asking) -> None:
    ask()
    ask()
    ask("^GSPC", zone="America/New_York")
    assert [("range" in query) for query in ask.charts] == [True, False, False, False]


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "\0"])
def test_a_time_zone_that_is_none_is_asked_for(ask: Asking, zone: str) -> None:
    assert days(ask(zone=zone)) == SESSIONS[:-1]
    assert [("range" in query) for query in ask.charts] == [True, False]


def test_a_cookie_outlasts_its_session_and_is_given_with_its_age() -> None:
    cookies = session._Cookies()
    assert cookies.lookup("curlCffi") is None
    jar = {".yahoo.com": {"/": {"A3": "first"}}}
    cookies.store("curlCffi", jar)
    jar[".yahoo.com"]["/"]["A3"] = "second"
    found = cookies.lookup("curlCffi")
    assert found["cookie"] == {".yahoo.com": {"/": {"A3": "first"}}}
    assert timedelta(0) <= found["age"] < timedelta(minutes=1)
    cookies.store("curlCffi", None)
    assert cookies.lookup("curlCffi") is None


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
