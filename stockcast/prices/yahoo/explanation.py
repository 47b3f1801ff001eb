"""Explanation: what an exception of yfinance comes to, seen beside what the provider replied.

The exception alone does not tell. A missing time zone, for one, is an unknown ticker as well as an outage.
"""

from __future__ import annotations

from collections.abc import Sequence

from stockcast.errors import StockcastError
from stockcast.prices.yahoo.failures import Nonsense, ProviderDown, RateLimited, UnknownTicker, of_curl
from stockcast.prices.yahoo.session import Reply

_REFUSALS = (400, 404, 422)
"""How the provider answers for tickers that it does not know, and for those that are not written as tickers."""

_NOTHING_SINCE = "exist for startDate"
"""In the words with which it answers for a span without sessions."""


def explained(ticker: str, error: Exception, replies: Sequence[Reply]) -> StockcastError:
    """The error for the user. replies: those to the requests for charts, the last of which decides."""
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
    return Nonsense(ticker, f"{type(error).__name__}: {error}")


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
