"""Prices from Yahoo in foul weather: each fault has an error of its own, and nothing is waited for without end."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from stockcast.errors import DataError, SourceUnavailable, StockcastError
from stockcast.prices.yahoo import client, failures
from stockcast.prices.yahoo.session import Deadline
from stockcast.prices.yahoo.session import session_class as bounded
from tests.loopback.faults import Dropped, Fault, Html, Nonsense, NotFound, RateLimited, ServerError, Slow, Truncated
from tests.loopback.market import Market
from tests.loopback.proxy import ConnectProxy
from tests.loopback.session import session_class
from tests.loopback.yahoo import LoopbackYahoo
from tests.prices.asking import SESSIONS, Asking, days

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
            return super().request(method, f"http://nowhere.invalid{urlsplit(url).path}", *args, **others)

    ask.opening = Nowhere
    with pytest.raises(failures.NoNetwork, match=r"nowhere\.invalid"):
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
        here, elsewhere = proxy.environment(tmp_path), stranger.environment(tmp_path)
        for name, value in here.items():
            monkeypatch.setenv(name, value if "PROXY" in name.upper() else elsewhere[name])
        ask.opening = bounded()
        with pytest.raises(failures.NotTrusted, match="certificate"):
            ask()
    assert ask.pauses == []


# Patience


def test_rate_limits_are_waited_out_with_growing_pauses(ask: Asking, yahoo: LoopbackYahoo) -> None:
    yahoo.script("AAPL", [RateLimited()] * 8)  # yfinance asks twice each time
    assert days(ask()) == SESSIONS[:-1]
    assert len(ask.pauses) == 4
    for pause, middle in zip(ask.pauses, (1, 2, 4, 8), strict=True):
        assert 0.75 * middle <= pause <= 1.25 * middle


def test_a_pause_that_would_outlast_the_deadline_is_not_begun(ask: Asking, yahoo: LoopbackYahoo) -> None:
    yahoo.script("AAPL", [RateLimited()], sticky=True)
    ask.seconds = 23.5  # more than 1.25 * 16 s, less than 0.75 * 32 s: whatever the jitter, the sixth is too long
    with pytest.raises(failures.RateLimited):
        ask()
    assert len(ask.pauses) == 5  # none of them was slept
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
        client.within(Deadline.after(0.0), lambda: release.wait(60))
    release.set()


def test_an_error_of_the_work_is_raised_where_it_is_waited_for() -> None:
    def broken() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        client.within(Deadline.after(10), broken)
