"""Evidence: what a file says of its exchange is followed where its days bear it out, and stamps become its days."""

from __future__ import annotations

from datetime import date
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stockcast.prices.csvfile.dates import FileDates
from stockcast.prices.evidence import Listing, doubt, exchange_named, on_the_clock, settled
from stockcast.prices.exchanges import ZONES
from stockcast.prices.history import Dates
from stockcast.prices.sessions import SessionCalendar, load_calendar

FIRST, LAST = date(2019, 1, 2), date(2024, 12, 31)


@cache
def calendar(exchange: str) -> SessionCalendar:
    return load_calendar(exchange, FIRST, LAST)


def sessions(exchange: str, count: int = 500, first: date = date(2020, 1, 10)) -> Dates:
    return np.array(calendar(exchange).next_sessions(first, count), dtype="datetime64[D]")


def in_utc(days: Dates, zone: str, time: str) -> np.ndarray:
    """The moments at which it is `time` in a zone on these days."""
    import pandas as pd

    local = pd.to_datetime([f"{day} {time}" for day in days]).tz_localize(zone)
    return local.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[s]")


def stamped(days: Dates, zone: str, time: str, written: str = "UTC") -> FileDates:
    """The dates of a file whose stamps are of that time, written in UTC or with the offsets of another zone."""
    instants = in_utc(days, zone, time)
    shown = instants if written == "UTC" else on_the_clock(instants, written)
    times = shown - shown.astype("datetime64[D]")
    offset = "Z" if written == "UTC" else "+01:00"
    return FileDates(shown.astype("datetime64[D]"), instants=instants, offset=offset, times=times)


def taken(dates: FileDates, *tickers: str, named: str | None = None, usual: str = "XNYS") -> Listing:
    return settled(dates, tickers, named, calendar(usual), calendar)


@pytest.mark.parametrize(
    ("exchange", "words"),
    [
        ("XTKS", "7203.T 7203.t 7203.JP TYO:7203 ^N225 7203.XTKS"),
        ("XLON", "VOD.L vod.uk LON:VOD LSE_VOD"),
        ("XETR", "SAP.DE XETR:SAP"),
        ("XSHG", "600519.SS 000001.SZ sh.600000 sz000001 600519.SH 600519.XSHG 000001.XSHE SSE:600519"),
        ("XBOM", "RELIANCE.NS TCS.BO NSE:RELIANCE"),
        ("XKRX", "005930.KS"),
        ("XTSE", "SHOP.TO"),
        ("XASX", "BHP.AX"),
        ("BVMF", "PETR4.SA"),
        ("XNYS", "AAPL.US NASDAQ:AAPL NASDAQ_AAPL"),
        ("24/7", "BTC-USD ETH-EUR BTCUSDT BTCUSD BTC/USDT BINANCE:SOLUSDT"),
        ("weekdays", "EURUSD=X ES=F GC=F EURUSD EUR/USD XAUUSD"),
        (None, "AAPL GSPC ^GSPC BRK-B BRK.B FAKE stdin prices series TSE:7203"),
    ],
)
def test_a_ticker_names_its_exchange_by_its_form(exchange: str | None, words: str) -> None:
    assert {word: exchange_named(word) for word in words.split()} == dict.fromkeys(words.split(), exchange)


def test_words_of_bloomberg_name_it_too() -> None:
    assert [exchange_named(word) for word in ("7203 JT Equity", "VOD LN", "AAPL US Equity", "MY PRICES")] == [
        "XTKS", "XLON", "XNYS", None,
    ]  # fmt: skip


def test_every_exchange_with_a_suffix_has_a_clock() -> None:
    for word in ("7203.T", "VOD.L", "600519.SS", "BTC-USD"):
        assert exchange_named(word) in ZONES


@pytest.mark.parametrize(("ticker", "exchange"), [("7203.T", "XTKS"), ("VOD.L", "XLON"), ("BTC-USD", "24/7")])
def test_a_name_is_followed_where_the_days_bear_it_out(ticker: str, exchange: str) -> None:
    found = taken(FileDates(sessions(exchange)), "stem", ticker)
    assert (found.calendar.exchange, found.why) == (exchange, f"as the ticker {ticker} says")
    assert found.fit.agrees
    assert found.remarks(FileDates(sessions(exchange))) == [
        f"it is taken to trade on {exchange}, as the ticker {ticker} says; --exchange names another"
    ]


def test_a_name_is_followed_where_the_days_do_not_tell_the_exchanges_apart() -> None:
    week = sessions("XNYS", 5, date(2020, 3, 1))
    assert taken(FileDates(week), "VOD.L").calendar.exchange == "XLON"


@pytest.mark.parametrize("ticker", ["7203.T", "BTC-USD", "daily.de", "EURUSD=X"])
def test_a_name_is_not_followed_against_the_days(ticker: str) -> None:
    found = taken(FileDates(sessions("XNYS")), ticker)
    assert (found.calendar.exchange, found.why) == ("XNYS", None)


def test_what_the_file_itself_names_comes_first() -> None:
    assert taken(FileDates(sessions("XTKS")), "VOD.L", named="XTKS").why == "as the file says"


def test_a_name_that_says_what_is_usual_says_nothing() -> None:
    assert taken(FileDates(sessions("XNYS")), "AAPL.US").remarks(FileDates(sessions("XNYS"))) == []


def test_bars_on_every_day_are_of_every_day() -> None:
    found = taken(FileDates(sessions("24/7", 90)), "bitcoin")
    assert (found.calendar.exchange, found.why) == ("24/7", "as bars on every day of the week say")


@pytest.mark.parametrize(
    ("exchange", "zone", "time"),
    [
        ("XTKS", "Asia/Tokyo", "00:00"),
        ("XTKS", "Asia/Tokyo", "15:00"),
        ("XKRX", "Asia/Seoul", "00:00"),
        ("XPAR", "Europe/Paris", "00:00"),
        ("XLON", "Europe/London", "00:00"),
        ("XHEL", "Europe/Helsinki", "00:00"),
        ("XIST", "Europe/Istanbul", "00:00"),
        ("XBOM", "Asia/Kolkata", "00:00"),
        ("XASX", "Australia/Sydney", "10:00"),
    ],
)
def test_offsets_name_the_exchange_of_their_clock(exchange: str, zone: str, time: str) -> None:
    days = sessions(exchange)
    dates = stamped(days, zone, time, written=zone)
    found = taken(dates, "prices")
    assert found.calendar.exchange == exchange
    assert found.why is not None
    assert np.array_equal(found.days_of(dates), days)


@pytest.mark.parametrize("time", ["00:00", "09:30", "16:00"])
@pytest.mark.parametrize("written", ["UTC", "America/New_York"])
def test_stamps_of_new_york_need_no_word(time: str, written: str) -> None:
    days = sessions("XNYS")
    dates = stamped(days, "America/New_York", time, written)
    found = taken(dates, "prices")
    assert (found.calendar.exchange, found.why, found.strayed) == ("XNYS", None, False)
    assert np.array_equal(found.days_of(dates), days)


@pytest.mark.parametrize(
    ("exchange", "zone", "time"),
    [
        ("XTKS", "Asia/Tokyo", "00:00"),
        ("XTKS", "Asia/Tokyo", "09:00"),
        ("XPAR", "Europe/Paris", "00:00"),
        ("XASX", "Australia/Sydney", "10:00"),
        ("XNYS", "America/New_York", "00:00"),
        ("XNYS", "America/New_York", "20:00"),
    ],
)
def test_stamps_in_utc_become_the_days_of_the_exchange(exchange: str, zone: str, time: str) -> None:
    days = sessions(exchange)
    dates = stamped(days, zone, time)
    found = Listing.of(dates, calendar(exchange))
    assert not found.strayed
    assert np.array_equal(found.days_of(dates), days)
    assert found.fit.agrees


@pytest.mark.parametrize(
    ("exchange", "zone", "time"),
    [("XTKS", "Asia/Tokyo", "00:00"), ("XPAR", "Europe/Paris", "00:00"), ("XASX", "Australia/Sydney", "10:00")],
)
def test_one_time_of_day_names_the_exchange_where_the_usual_one_does_not_fit(
    exchange: str, zone: str, time: str
) -> None:
    days = sessions(exchange)
    dates = stamped(days, zone, time)
    found = taken(dates, "prices")
    assert (found.calendar.exchange, found.why) == (exchange, f"as stamps of {time} there say")
    assert np.array_equal(found.days_of(dates), days)


def test_days_as_written_are_taken_where_the_clock_fits_less_and_that_is_said() -> None:
    days = sessions("XNYS")
    dates = FileDates(days, example="2023-01-11T02:00:00Z", instants=days + np.timedelta64(7200, "s"), offset="Z")
    found = Listing.of(dates, calendar("XNYS"))
    assert found.strayed
    assert np.array_equal(found.days_of(dates), days)
    (remark,) = found.remarks(dates)
    assert "(2023-01-11T02:00:00Z) are taken for the days that are written" in remark


# From 1950 to 2033: before, and after 2037, the zones of older pandas are rougher. The zone itself is given, not its
# name, which older pandas would look up in an older table of zones.
@given(st.sampled_from(sorted(set(ZONES.values()))), st.integers(-600_000_000, 2_000_000_000), st.integers(1, 90_000))
@settings(max_examples=60, deadline=None)
def test_the_clock_is_that_of_the_zone(zone: str, first: int, step: int) -> None:
    import pandas as pd

    instants = (first + step * np.arange(40)).astype("datetime64[s]")
    local = pd.DatetimeIndex(instants).tz_localize("UTC").tz_convert(ZoneInfo(zone)).tz_localize(None)
    assert np.array_equal(on_the_clock(instants, zone), local.to_numpy().astype("datetime64[s]"))


def test_a_few_bars_on_other_days_are_not_worth_a_word() -> None:
    days = np.union1d(sessions("XNYS", 500), np.array(["2023-07-04"], dtype="datetime64[D]"))
    assert doubt(days, calendar("XNYS"), "AAA") is None


def test_a_weekday_that_never_comes_is() -> None:
    said = doubt(in_utc(sessions("XTKS"), "Asia/Tokyo", "00:00").astype("datetime64[D]"), calendar("XTKS"), "AAA")
    assert said is not None
    assert "none is on a Friday" in said
    assert "a day later they would fit" in said
    assert "\n" not in said


def test_an_empty_file_has_the_usual_exchange() -> None:
    assert taken(FileDates(np.array([], dtype="datetime64[D]")), "7203.T").calendar.exchange == "XNYS"


def test_a_bar_on_a_holiday_is_told_where_another_exchange_explains_it() -> None:
    days = sessions("XETR", 90, date(2024, 1, 15))  # one of them is a holiday in New York
    said = doubt(days, calendar("XNYS"), "AAA")
    assert said is not None
    assert "1 of its 90 bars is on a day without a session of XNYS" in said
    assert said.endswith("--exchange XETR")
