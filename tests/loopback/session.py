"""yfinance in the test's own process: a session that goes to the loopback Yahoo, and a way to forget the last test."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from curl_cffi import CurlOpt
from curl_cffi.requests import Session

from tests.loopback.yahoo import LoopbackYahoo


def session_class(yahoo: LoopbackYahoo, base: type[Session[Any]] = Session) -> type[Session[Any]]:
    """A subclass of `base` whose every request goes to the loopback Yahoo, whatever host it names.

    Path and query are kept: the loopback Yahoo tells by them what is asked. `base.request` sees the rewritten address.
    The cookie then belongs to 127.0.0.1; yfinance, which stores Yahoo's only, asks for one before every request.
    """

    class LoopbackSession(base):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            # The environment of whoever runs the tests may name a proxy.
            self.curl_options[CurlOpt.NOPROXY] = "*"

        def request(self, method: Any, url: str, *args: Any, **kwargs: Any) -> Any:
            there = urlsplit(yahoo.url)
            here = urlsplit(url)._replace(scheme=there.scheme, netloc=there.netloc)
            return super().request(method, urlunsplit(here), *args, **kwargs)

    return LoopbackSession


def loopback_session(yahoo: LoopbackYahoo) -> Session[Any]:
    """A session as yfinance makes its own, but for where it goes. Close it, or use it in a `with` block."""
    return session_class(yahoo)(impersonate="chrome")


def forget_yfinance(cache: Path) -> None:
    """What yfinance keeps in this process is as after its import; its cache files go to `cache` from now on.

    Call it before and after every test that uses yfinance in process, and between two requests whose answers must
    differ: yfinance keeps the last answers about the past in memory.
    """
    from yfinance import base, data
    from yfinance import cache as caches
    from yfinance.config import YfConfig

    data.YfData.cache_get.cache_clear()
    data.SingletonMeta._instances.clear()
    base._tz_info_fetch_ctr = 0
    YfConfig._load_option()
    caches.set_tz_cache_location(str(cache))
    caches._TzCacheManager._tz_cache = None
    caches._CookieCacheManager._Cookie_cache = None
    caches._ISINCacheManager._isin_cache = None
