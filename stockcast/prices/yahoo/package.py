"""yfinance's own state, which is the process's: settings, caches, answers and cookies, all of it in memory.

Its own caches are files, and of its cookies it unpickles whatever it finds there: none of them is opened.
"""

from __future__ import annotations

import logging
import time
import warnings
from copy import deepcopy
from datetime import timedelta
from typing import Any

from stockcast.prices.yahoo.answer import is_zone


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


def load() -> None:
    """Import yfinance, which takes a second or more: time that no limit for the network should pay for."""
    with warnings.catch_warnings():
        import yfinance  # noqa: F401 - its import is what is wanted


def prepare(ticker: str, zone: str | None) -> None:
    """Errors are raised, nothing is logged, answers are not remembered, and nothing is read from or put on the disk.

    zone: the time zone of the ticker's exchange, where it is known, which saves a question for it.
    """
    import yfinance
    from yfinance import cache as caches
    from yfinance.data import YfData

    logging.getLogger("yfinance").setLevel(logging.CRITICAL + 1)
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
