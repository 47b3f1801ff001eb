"""yfinance's own state, which is the process's: settings, caches on disk, answers and cookies in memory."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from pickle import PickleError
from traceback import walk_tb

from stockcast.errors import StorageError

_COOKIES = ("_load_cookie_curlCffi", "_save_cookie_curlCffi")


def load() -> None:
    """Import yfinance, which takes a second or more: time that no limit for the network should pay for."""
    with warnings.catch_warnings():
        import yfinance  # noqa: F401 - its import is what is wanted


def prepare(cache: Path) -> None:
    """Errors are raised, nothing is logged, answers are not remembered, and the files are in the folder `cache`.

    Raises StorageError where the folder cannot be made.
    """
    import yfinance
    from yfinance import cache as caches
    from yfinance.data import YfData

    logging.getLogger("yfinance").setLevel(logging.CRITICAL + 1)
    yfinance.config.debug.hide_exceptions = False
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{cache} cannot be made: {error.strerror}", "free the disk, or choose --home") from error
    # Answers about the past are kept, errors too: a second attempt would get the first one's.
    YfData.cache_get.cache_clear()
    if caches._TzDBManager.get_location() != str(cache):
        forget_files(cache)


def forget_session() -> None:
    """Cookies and crumb belong to a session, and a lock to whoever waits in it: with a new session all are new."""
    from yfinance.data import SingletonMeta

    SingletonMeta._instances.clear()


def forget_files(cache: Path) -> None:
    """Let go of the opened caches; the next ones are those in `cache`."""
    from yfinance import cache as caches

    caches.set_tz_cache_location(str(cache))
    # Opened caches hold on to their files, and there is no public way to let them go.
    caches._TzCacheManager._tz_cache = None
    caches._CookieCacheManager._Cookie_cache = None
    caches._ISINCacheManager._isin_cache = None


def discard(cache: Path) -> None:
    """Throw the caches away: cookies and time zones can be had again."""
    forget_files(cache)
    shutil.rmtree(cache, ignore_errors=True)
    with suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)


@contextmanager
def closing_files() -> Iterator[None]:
    """Close what this thread opens: connections to SQLite belong to a thread, and it ends with the block."""
    from yfinance import cache as caches

    try:
        yield
    finally:
        for manager in (caches._TzDBManager, caches._CookieDBManager, caches._ISINDBManager):
            manager.close_db()


def is_of_the_cache(error: BaseException) -> bool:
    """Whether the caches failed: their database, a pickle in it, or what was pickled."""
    from peewee import PeeweeException

    if isinstance(error, PeeweeException | sqlite3.Error | PickleError):
        return True
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    return any(
        frame.f_globals.get("__name__") == "yfinance.cache" or frame.f_code.co_name in _COOKIES for frame in frames
    )
