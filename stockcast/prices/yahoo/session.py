"""The HTTP session that yfinance is given, and yfinance's own state, which is the process's.

No request outlasts the deadline, and every chart's reply is remembered. yfinance's caches are files, and of its cookies
it unpickles whatever it finds there: none of them is opened; settings, caches, answers and cookies stay in memory.
"""

from __future__ import annotations

import json
import logging
import time
import warnings
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Literal

from stockcast.prices.yahoo.answer import is_zone


@dataclass(frozen=True)
class Deadline:
    """A moment `at` of the monotonic clock, which no change of the system's time moves, `seconds` after it was set."""

    at: float
    seconds: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """The deadline that many seconds from now."""
        return cls(time.monotonic() + seconds, seconds)

    def left(self) -> float:
        """Seconds that are left, 0 once it has passed."""
        return max(0.0, self.at - time.monotonic())

    @property
    def expired(self) -> bool:
        """Whether nothing is left."""
        return self.left() <= 0


CHART, CALENDAR = "/v8/finance/chart/", "/calendar/earnings"

# bars, no-bars: a chart with and without any. refusal: an error in the chart's shape. nothing: a chart's shape around
# nothing. foreign: other JSON. page: no JSON. none: no answer came. Of a calendar, which is a page with a table of
# reports in it: reports, no-reports, or another page.
Body = Literal["bars", "no-bars", "refusal", "nothing", "foreign", "page", "none", "reports", "no-reports"]

_USUAL_LIMIT = 30.0
_SIDE_LIMIT = 10.0  # s, for cookies and crumbs, without which charts are sent as well


@dataclass(frozen=True)
class Reply:
    """What came of one request for a chart or a calendar.

    meta: what the chart says of the ticker. words: the refusal's own. at: the server's time of it, in UTC.
    """

    body: Body
    status: int = 0
    meta: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""
    error: Exception | None = None
    at: datetime | None = None


@lru_cache(maxsize=1)
def session_class() -> type[Any]:
    """A subclass of curl_cffi's Session, made as yfinance makes its own, to be called with a Deadline.

    `begin(deadline)` starts anew, `give_up()` makes every later request fail, `replies` are those to requests for
    charts and calendars since the beginning. yfinance's own time limits leave out its requests for cookies and crumbs.
    """
    from curl_cffi import CurlECode
    from curl_cffi.requests import Session
    from curl_cffi.requests.exceptions import Timeout

    class BoundedSession(Session[Any]):
        def __init__(self, deadline: Deadline) -> None:
            super().__init__(impersonate="chrome")
            self.given_up = False
            self.begin(deadline)

        def begin(self, deadline: Deadline) -> None:
            self.deadline = deadline
            self.replies: list[Reply] = []

        def give_up(self) -> None:
            self.given_up = True

        # The parameters of the base are the caller's business: yfinance passes few, and newer ones may pass others.
        def request(self, method: Any, url: str, *args: Any, **others: Any) -> Any:
            read = reply_of if CHART in url else calendar_reply if CALENDAR in url else None
            limit = _limit(others.pop("timeout", None), self.deadline.left(), read is not None)
            if self.given_up or limit <= 0:
                late = Timeout("no time was left for the request", CurlECode.OPERATION_TIMEDOUT)
                self._remember(read and Reply("none", error=late))
                raise late
            others["timeout"] = limit
            try:
                response = super().request(method, url, *args, **others)
            except Exception as error:
                self._remember(read and Reply("none", error=error))
                raise
            self._remember(
                read and replace(read(response.status_code, response.content), at=_time_of(response.headers))
            )
            return response

        def _remember(self, reply: Reply | None) -> None:
            if reply is not None:
                self.replies.append(reply)

    return BoundedSession


def open_session(deadline: Deadline) -> Any:
    """A new session. Its requests are made in the caller's thread, and end with the deadline."""
    return session_class()(deadline)


def reply_of(status: int, content: bytes) -> Reply:
    """What an answer to a request for a chart is."""
    try:
        data = json.loads(content)
    except ValueError:
        return Reply("page", status)
    chart = data.get("chart") if isinstance(data, dict) else None
    if not isinstance(chart, dict):
        return Reply("foreign", status)
    if error := chart.get("error"):
        words = error.get("description") if isinstance(error, dict) else error
        return Reply("refusal", status, words=str(words))
    result = chart.get("result")
    if not result:
        return Reply("nothing", status)
    first = result[0] if isinstance(result, list) else None
    meta = first.get("meta") if isinstance(first, dict) else None
    if not isinstance(first, dict) or not isinstance(meta, dict):
        return Reply("foreign", status)
    return Reply("bars" if first.get("timestamp") else "no-bars", status, meta)


def _time_of(headers: Mapping[str, str | None]) -> datetime | None:
    """When an answer was given, by the server's clock; None where it does not say."""
    try:
        return parsedate_to_datetime(headers["Date"] or "").astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def calendar_reply(status: int, content: bytes) -> Reply:
    """What an answer to a request for a calendar of reports is: a company without any has a page without a table."""
    text = content.lower()
    if b"<table" in text:
        return Reply("reports", status)
    return Reply("no-reports" if b"earnings" in text and status < 400 else "page", status)


def _limit(asked: Any, left: float, is_wanted: bool) -> float:
    """Seconds for a request. What leads to the answer alone may take half of what is left: the answer needs time."""
    limit = float(asked) if isinstance(asked, int | float) else _USUAL_LIMIT
    return min(limit, left) if is_wanted else min(limit, left / 2, _SIDE_LIMIT)


class _Memory:
    """Stands where yfinance keeps a cache, with its two methods; what is stored lives as long as the process."""

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}

    def lookup(self, key: str) -> Any:
        """What was stored under the key; None where nothing was."""
        return self._kept.get(key)

    def store(self, key: str, value: Any) -> None:
        """Keep the value, or with None forget the one that was kept."""
        self._kept[key] = value


class _Cookies(_Memory):
    """The same for cookies, which are found with their age. A copy is kept: the session goes on changing its own."""

    def lookup(self, key: str) -> Any:
        """A dict with `cookie` and its `age`; None where nothing was stored."""
        found = super().lookup(key)
        return found and {"cookie": deepcopy(found[0]), "age": timedelta(seconds=time.monotonic() - found[1])}

    def store(self, key: str, value: Any) -> None:
        """Keep the cookie with the time, or with None forget it."""
        super().store(key, value and (deepcopy(value), time.monotonic()))


_zones, _cookies, _isins = _Memory(), _Cookies(), _Memory()


def load_yfinance() -> None:
    """Import yfinance, which takes a second or more: time that no limit for the network should pay for."""
    with warnings.catch_warnings():
        import yfinance  # noqa: F401 - its import is what is wanted


def prepare(ticker: str, zone: str | None) -> None:
    """Make yfinance raise errors, log nothing, remember no answers, and neither read from the disk nor write to it.

    Args:
        ticker: What will be asked for.
        zone: Time zone of its exchange, where it is known, which saves a question for it.
    """
    import yfinance
    from yfinance import cache as caches
    from yfinance.data import YfData

    for name in ("yfinance", "bs4"):  # the second reads pages for it
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    yfinance.config.debug.hide_exceptions = False
    # Answers about the past are kept, errors too: a second attempt would get the first one's.
    YfData.cache_get.cache_clear()
    caches._TzCacheManager._tz_cache = _zones
    caches._CookieCacheManager._Cookie_cache = _cookies
    caches._ISINCacheManager._isin_cache = _isins
    if zone is not None and is_zone(zone):
        _zones.store(ticker.upper(), zone)


def forget_session() -> None:
    """The crumb belongs to a session, and a lock to whoever waits in it: with a new session all are new."""
    from yfinance.data import SingletonMeta

    SingletonMeta._instances.clear()


def forget_all() -> None:
    """Forget time zones, cookies and session: the next question is asked as the first one of a process is."""
    for memory in (_zones, _cookies, _isins):
        memory._kept.clear()
    forget_session()
