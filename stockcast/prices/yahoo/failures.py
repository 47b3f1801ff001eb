"""Failures of the provider, told apart by what helps: wait, mend the network, or mend the ticker.

The exception of yfinance alone does not tell: a missing time zone is an unknown ticker as well as an outage. So it is
seen beside what the provider replied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from stockcast.errors import DataError, SourceUnavailable, StockcastError
from stockcast.prices.yahoo.session import Reply

NAME = "Yahoo Finance"


class YahooFailure(SourceUnavailable):
    """Anything that keeps the provider from answering.

    reason: a stable word for it. for_every_ticker: whether another ticker would fare no better now. passing: whether
    the same request may succeed a moment later.
    """

    reason: ClassVar[str]
    for_every_ticker: ClassVar[bool] = True
    passing: ClassVar[bool] = True


class RateLimited(YahooFailure):
    """Too many requests."""

    reason = "rate_limited"

    def __init__(self) -> None:
        super().__init__(
            f"{NAME} limits how often it may be asked from here (HTTP 429, too many requests)",
            "wait some minutes, then ask for fewer tickers or with longer pauses between them",
        )


class ProviderDown(YahooFailure):
    """The provider answers, but with no chart."""

    reason = "provider_down"

    def __init__(self, answer: str) -> None:
        super().__init__(f"{NAME} is down: it answered with {answer}", "try again later")


class Dropped(YahooFailure):
    """The connection broke."""

    reason = "dropped"

    def __init__(self, words: str) -> None:
        super().__init__(f"the connection to {NAME} broke: {words}", "try again later")


class NoNetwork(YahooFailure):
    """The provider cannot be reached from here."""

    reason = "no_network"

    def __init__(self, words: str) -> None:
        super().__init__(
            f"no network: {NAME} cannot be reached ({words})",
            "check the connection, and HTTPS_PROXY where there is a proxy",
        )


class NotTrusted(YahooFailure):
    """Whoever answered could not prove to be the provider."""

    reason = "not_trusted"
    passing = False

    def __init__(self, words: str) -> None:
        super().__init__(
            f"no secure connection to {NAME}: {words}",
            "where a proxy reads the traffic, name its certificate in CURL_CA_BUNDLE; check the clock of this machine",
        )


class TimedOut(YahooFailure):
    """Nothing came in time."""

    reason = "timed_out"

    def __init__(self, words: str) -> None:
        super().__init__(f"{NAME} did not answer in time: {words}", "try again, or allow more time with --timeout")


class Nonsense(YahooFailure):
    """An answer about this ticker that are no daily bars, or no calendar of reports."""

    reason = "nonsense"
    for_every_ticker = False
    passing = False

    def __init__(self, ticker: str, words: str, wanted: str = "that are no daily bars") -> None:
        super().__init__(
            f"{NAME} sent an answer about {ticker} {wanted}: {words}",
            "try again later; if it stays so, a newer yfinance may know the new format",
        )


class UnknownTicker(DataError):  # noqa: N818 - says what happened, like those of stockcast.errors
    """The provider has no prices of this ticker."""

    reason: ClassVar[str] = "unknown_ticker"

    def __init__(self, ticker: str, words: str = "") -> None:
        told = f" ({words.rstrip('.')})" if words else ""
        super().__init__(
            f"{NAME} has no prices of {ticker}{told}: it is unknown or delisted, or the provider is failing",
            "check how finance.yahoo.com spells it, for example BRK-B, ^GSPC or VOD.L; where it worked before, try "
            "again later",
        )


def of_curl(error: Any) -> YahooFailure:
    """What a failed request comes to. error: an exception of curl_cffi's requests."""
    from curl_cffi import CurlECode
    from curl_cffi.requests import exceptions

    words = _words(error)
    if isinstance(error, exceptions.Timeout):
        return TimedOut(words)
    if isinstance(error, exceptions.SSLError) and error.code != CurlECode.SSL_CONNECT_ERROR:
        return NotTrusted(words)
    unreachable = error.code in (CurlECode.COULDNT_CONNECT, CurlECode.COULDNT_RESOLVE_HOST)
    if unreachable or isinstance(error, exceptions.DNSError | exceptions.ProxyError):
        return NoNetwork(words)
    return Dropped(words)


def _words(error: BaseException) -> str:
    """curl's own words, without the advice behind them."""
    words = str(error).partition(" See http")[0].removeprefix("Failed to perform, ")
    return " ".join(words.split()).rstrip(".") or type(error).__name__


_REFUSALS = (400, 404, 422)
"""How the provider answers for tickers that it does not know, and for those that are not written as tickers."""

_NOTHING_SINCE = "exist for startDate"
"""In the words with which it answers for a span without sessions."""


def explained(
    ticker: str, error: Exception, replies: Sequence[Reply], wanted: str = "that are no daily bars"
) -> StockcastError:
    """The error for the user.

    Args:
        ticker: What was asked for.
        error: An exception of yfinance.
        replies: Those to the requests for charts or calendars, the last of which decides.
        wanted: What an answer that makes no sense was to be.
    """
    from curl_cffi.requests.exceptions import HTTPError, RequestException
    from yfinance.exceptions import YFRateLimitError, YFTickerMissingError

    last = replies[-1] if replies else Reply("none", error=error)
    if isinstance(error, YFRateLimitError) or last.status == 429:
        return RateLimited()
    if isinstance(last.error, RequestException) and not isinstance(last.error, HTTPError):
        return of_curl(last.error)
    refused = last.body == "refusal" and last.status in _REFUSALS
    if refused or last.body == "nothing" or (last.body == "no-bars" and isinstance(error, YFTickerMissingError)):
        return UnknownTicker(ticker, last.words)
    if answered := _no_chart(last):
        return ProviderDown(answered)
    return Nonsense(ticker, f"{type(error).__name__}: {error}", wanted)


def has_nothing_new(error: Exception, replies: Sequence[Reply]) -> bool:
    """Whether the provider knows the ticker and has no bars of the span."""
    from yfinance.exceptions import YFPricesMissingError

    if not isinstance(error, YFPricesMissingError) or not replies:
        return False
    last = replies[-1]
    return last.body == "no-bars" or (last.body == "refusal" and _NOTHING_SINCE in last.words)


def _no_chart(reply: Reply) -> str:
    """What came in the place of a chart; nothing where a chart came."""
    if reply.status >= 400:
        return f"HTTP {reply.status}{f' ({reply.words})' if reply.words else ''}"
    return {"page": "a page that is no data", "foreign": "data that are no chart", "refusal": reply.words}.get(
        reply.body, ""
    )
