"""Client: daily bars of a ticker through yfinance's `Ticker.history`, within one deadline; and whether Yahoo answers.

`yfinance.download` is never used: it returns an empty frame whatever went wrong.
"""

from __future__ import annotations

import random
import re
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from stockcast.errors import DataError
from stockcast.prices.yahoo.answer import Answer, Meta, NotBars, answer_of, meta_of, without_bars
from stockcast.prices.yahoo.failures import (
    Nonsense,
    ProviderDown,
    RateLimited,
    TimedOut,
    YahooFailure,
    explained,
    has_nothing_new,
    of_curl,
)
from stockcast.prices.yahoo.session import CHART, Deadline, Reply, forget_session, open_session, prepare

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # s
MOST_RETRIES = 2
"""Retries after a failure that is no rate limit; those go on until the deadline."""

_GRACE = 0.5  # s: a request that notices its own time-out says more than we could
_POLL = 0.05  # s between two looks, since on Windows a longer wait would keep Ctrl-C waiting

T = TypeVar("T")


class _Outcome(Generic[T]):
    def __init__(self) -> None:
        self.values: list[T] = []
        self.error: BaseException | None = None


def within(deadline: Deadline, work: Callable[[], T]) -> T:
    """Run `work` in a thread of its own and wait for it here, up to the deadline.

    libcurl answers neither Ctrl-C nor alarms; whoever waits does. The thread is left to itself when the wait ends
    early.

    Args:
        deadline: When the wait ends.
        work: What is waited for.

    Returns:
        What `work` returns.

    Raises:
        TimedOut: The deadline is over. Besides, whatever `work` raises.
    """
    outcome = _Outcome[T]()

    def working() -> None:
        try:
            outcome.values.append(work())
        except BaseException as error:  # noqa: BLE001 - it is raised again by whoever waits
            outcome.error = error

    thread = threading.Thread(target=working, daemon=True, name="yahoo")
    thread.start()
    last = Deadline.after(deadline.left() + _GRACE)
    while thread.is_alive():
        if last.expired:
            raise TimedOut(f"{deadline.seconds:g} s are over")
        thread.join(_POLL)
    if outcome.error is not None:
        raise outcome.error
    return outcome.values[0]


class Backoff:
    """Pauses that double, give or take a quarter, while the deadline leaves time for them."""

    def __init__(self, deadline: Deadline, sleep: Callable[[float], object]) -> None:
        self._deadline = deadline
        self._sleep = sleep
        self._pause = FIRST_PAUSE
        self._retries = 0

    def again(self, failure: YahooFailure) -> bool:
        """Whether to try once more; where so, the pause before it is over."""
        if not failure.passing:
            return False
        if not isinstance(failure, RateLimited):
            self._retries += 1
            if self._retries > MOST_RETRIES:
                return False
        # Machines with one crontab do not ask in step.
        pause = self._pause * random.uniform(0.75, 1.25)  # noqa: S311 - a pause is no secret
        if pause >= self._deadline.left():
            return False
        self._sleep(pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        return True


EARLIEST = date(1900, 1, 1)
"""Before the provider's oldest series."""

OpenSession = Callable[[Deadline], Any]

_EPOCH, _LATEST = date(1970, 1, 1), date(2261, 12, 31)  # pandas knows no later year
_CHART_LIMIT = 30.0  # s for one request for prices; a whole history is a megabyte
_TICKER = re.compile(r"[^\s/\\?#%\x00-\x20]{1,40}")
_ISIN = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]")


def ask_yahoo(
    ticker: str,
    start: date | None,
    now: datetime,
    deadline: Deadline,
    zone: str | None = None,
    opening: OpenSession | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> Answer:
    """Daily bars of a ticker, the unfinished one of `now` among them.

    A process asks for a cookie and a crumb with its first ticker, and for a zone that it does not know. Rate limits are
    retried until the deadline, other passing failures twice.

    Args:
        ticker: As finance.yahoo.com writes it.
        start: First session that is wanted; None: all there are.
        now: The moment of the question.
        deadline: When the answer has to be there.
        zone: Time zone of the ticker's exchange, where it is known.
        opening: Makes the session; None: `open_session`.
        sleep: Pauses between attempts.

    Returns:
        The bars; none where the provider knows the ticker and has none since `start`.

    Raises:
        DataError: It is no ticker, or an unknown one (UnknownTicker).
        YahooFailure: The provider cannot answer; a SourceUnavailable.
    """
    _refuse_other_words(ticker)
    backoff = Backoff(deadline, sleep)
    while True:
        try:
            return attempt(lambda session: _asked(ticker, start, now, session), ticker, deadline, zone, opening)
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
            forget_session()
            self._session, self._opening = opening(deadline), opening
        self._session.begin(deadline)
        return self._session

    def drop(self) -> None:
        """Begin anew next time, whoever may still be waiting in the old session."""
        if self._session is not None:
            self._session.give_up()
        self._session = None


_kept = _Kept()


def attempt(
    ask: Callable[[Any], T], ticker: str, deadline: Deadline, zone: str | None, opening: OpenSession | None = None
) -> T:
    """One question, in the session that has the cookies; it is dropped where that fails.

    Args:
        ask: Asks with a session, and gives the answer.
        ticker: What it is about.
        deadline: When the answer has to be there.
        zone: Time zone of the ticker's exchange, where it is known.
        opening: Makes a session; None: `open_session`.

    Raises:
        YahooFailure: TimedOut after the deadline. Besides, whatever `ask` raises.
    """
    with _unwarned():
        prepare(ticker, zone)
        session = _kept.session(opening or open_session, deadline)
        try:
            return within(deadline, lambda: ask(session))
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
            end=min(now.astimezone(UTC).date(), _LATEST) + timedelta(days=2),
            interval="1d",
            auto_adjust=False,
            actions=True,
            repair=False,
            keepna=True,
            timeout=_CHART_LIMIT,
        )
        return answer_of(ticker, frame, _told(ticker, session.replies), start)
    except NotBars as error:
        raise Nonsense(ticker, str(error)) from error
    except Exception as error:
        if start is not None and has_nothing_new(error, session.replies):
            return without_bars(ticker, _told(ticker, session.replies))
        raise explained(ticker, error, session.replies) from error


def _told(ticker: str, replies: Sequence[Reply]) -> Meta:
    """The newest metadata among the replies, and the newest time."""
    meta = next((reply.meta for reply in reversed(replies) if reply.meta), {})
    return replace(meta_of(ticker, meta), answered=replies[-1].at if replies else None)


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


_PROBED_TICKER = "^GSPC"


def probe(deadline: Deadline) -> datetime | None:
    """Ask for one day of an index.

    Args:
        deadline: When the answer has to be there.

    Returns:
        The time of the answer in UTC; None where it names none.

    Raises:
        YahooFailure: No network, a time-out, a rate limit, an error of the provider.
    """
    return within(deadline, lambda: _probed(deadline))


def _probed(deadline: Deadline) -> datetime | None:
    from curl_cffi.requests.exceptions import RequestException

    with open_session(deadline) as session:
        try:
            session.get(
                f"https://query2.finance.yahoo.com{CHART}{quote(_PROBED_TICKER)}",
                params={"range": "1d", "interval": "1d"},
            )
        except RequestException as error:
            raise of_curl(error) from error
        reply: Reply = session.replies[-1]
    if reply.status == 429:
        raise RateLimited
    # Also an error is an answer, in the shape of a chart: the provider is there.
    if reply.body not in ("bars", "no-bars", "nothing", "refusal") or reply.status >= 500:
        raise ProviderDown(f"HTTP {reply.status}" if reply.status != 200 else "a page that is no data")
    return reply.at
