"""Client: daily bars of a ticker through yfinance's `Ticker.history`, within one deadline.

`yfinance.download` is never used: it returns an empty frame whatever went wrong.
"""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from stockcast.errors import DataError
from stockcast.prices.yahoo import package
from stockcast.prices.yahoo.answer import Answer, Meta, NotBars, answer_of, meta_of, without_bars
from stockcast.prices.yahoo.deadline import Deadline
from stockcast.prices.yahoo.explanation import explained, has_nothing_new
from stockcast.prices.yahoo.failures import Nonsense, YahooFailure
from stockcast.prices.yahoo.retry import Backoff, within
from stockcast.prices.yahoo.session import Reply, open_session

__all__ = ["Answer", "Meta", "fetch"]

EARLIEST = date(1900, 1, 1)
"""Before the provider's oldest series."""

OpenSession = Callable[[Deadline], Any]

_EPOCH = date(1970, 1, 1)
_CHART_LIMIT = 30.0  # s for one request for prices; a whole history is a megabyte
_TICKER = re.compile(r"[^\s/\\?#%\x00-\x20]{1,40}")
_ISIN = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]")


def fetch(
    ticker: str,
    start: date | None,
    now: datetime,
    deadline: Deadline,
    zone: str | None = None,
    opening: OpenSession | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> Answer:
    """Daily bars of the sessions from `start` on (None: all there are), the unfinished one of `now` among them.

    Without bars where the provider knows the ticker and has none since `start`. zone: that of the ticker's exchange,
    where it is known. A process asks for a cookie and a crumb with its first ticker, and for a zone that it does not
    know. opening makes the session, `sleep` pauses between attempts: rate limits are retried until the deadline, other
    passing failures twice.

    Raises DataError for what is no ticker, UnknownTicker (a DataError), YahooFailure (a SourceUnavailable) where the
    provider cannot answer.
    """
    _refuse_other_words(ticker)
    backoff = Backoff(deadline, sleep)
    while True:
        try:
            return _attempt(ticker, start, now, deadline, zone, opening or open_session)
        except YahooFailure as failure:
            if not backoff.again(failure):
                raise


class _Kept:
    """The session that the next ticker is asked for with: it has the cookies and the crumb."""

    def __init__(self) -> None:
        self._session: Any = None
        self._opening: OpenSession | None = None

    def session(self, opening: OpenSession, deadline: Deadline) -> Any:
        if self._session is None or opening is not self._opening:
            package.forget_session()
            self._session, self._opening = opening(deadline), opening
        self._session.begin(deadline)
        return self._session

    def drop(self) -> None:
        """Begin anew next time, whoever may still be waiting in the old session."""
        if self._session is not None:
            self._session.give_up()
        self._session = None


_kept = _Kept()


def _attempt(
    ticker: str, start: date | None, now: datetime, deadline: Deadline, zone: str | None, opening: OpenSession
) -> Answer:
    with _unwarned():
        package.prepare(ticker, zone)
        session = _kept.session(opening, deadline)
        try:
            return within(deadline, lambda: _asked(ticker, start, now, session))
        except BaseException:
            _kept.drop()
            raise


def _asked(ticker: str, start: date | None, now: datetime, session: Any) -> Answer:
    """The answer to one request; yfinance's errors become ours."""
    import yfinance

    first = start or EARLIEST
    try:
        frame = yfinance.Ticker(ticker, session=session).history(
            # The epoch in UTC is 0, which yfinance takes for no start at all.
            start=first - timedelta(days=1) if first == _EPOCH else first,
            # It is exclusive, and the day of an exchange may be ahead of that of UTC.
            end=now.astimezone(UTC).date() + timedelta(days=2),
            interval="1d",
            auto_adjust=False,
            actions=True,
            repair=False,
            keepna=True,
            timeout=_CHART_LIMIT,
        )
        return answer_of(ticker, frame, meta_of(ticker, _told(session.replies)), start)
    except NotBars as error:
        raise Nonsense(ticker, str(error)) from error
    except Exception as error:
        meta = _told(session.replies)
        if start is not None and has_nothing_new(error, session.replies):
            return without_bars(ticker, meta_of(ticker, meta))
        raise explained(ticker, error, session.replies) from error


def _told(replies: Sequence[Reply]) -> Any:
    """The newest metadata among the replies."""
    return next((reply.meta for reply in reversed(replies) if reply.meta), {})


def _refuse_other_words(ticker: str) -> None:
    if _ISIN.fullmatch(ticker.upper()):
        raise DataError(f"{ticker} is an ISIN, not a ticker", "search for it at finance.yahoo.com, and use its symbol")
    if not _TICKER.fullmatch(ticker) or not ticker.isprintable():
        raise DataError(f"{ticker!r} is no ticker", "write it as finance.yahoo.com does, for example BRK-B or ^GSPC")


@contextmanager
def _unwarned() -> Iterator[None]:
    """What yfinance does with pandas that pandas means to change is not the reader's business."""
    with warnings.catch_warnings():
        # Its import makes its own deprecations visible to everybody: only what is said after it holds.
        import yfinance  # noqa: F401 - its import is what is wanted

        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        yield
