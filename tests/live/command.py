"""The installed command in processes of its own, against a Yahoo on the loopback interface; nothing is patched.

Prices are AAA's and BBB's, made up, on the sessions of New York; Friday 2021-04-02 is a holiday.
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from tests import synthetic
from tests.loopback.market import Listing, Market, listing_from
from tests.loopback.proxy import ConnectProxy
from tests.loopback.yahoo import LoopbackYahoo
from tests.processes import LIMIT, Completed, Process, cold

CONFIG = 'tickers = ["AAA", "BBB"]\n[model]\nseeds = 1\nsteps = 20\n[retrain]\nevery = 0\n[limits]\npause = 0\n'

LAST = date(2021, 4, 30)
THURSDAY, MONDAY, TUESDAY, WEDNESDAY, NEXT_THURSDAY = (
    date(2021, 4, 1), date(2021, 4, 5), date(2021, 4, 6), date(2021, 4, 7), date(2021, 4, 8)
)  # fmt: skip
LATE = 600  # s, of an answer that nobody waits for
NOBODY = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}  # the discard port: it is closed

_OF_THE_READER = (
    "STOCKCAST_NOW", "STOCKCAST_HOME", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "PYTHONIOENCODING", "XDG_DATA_HOME", "TZ"
)  # fmt: skip

Tables = dict[str, list[tuple[Any, ...]]]


@dataclass
class Live:
    """A home, the provider it sees, and the time that both take it to be."""

    home: Path
    market: Market
    yahoo: LoopbackYahoo
    proxy: ConnectProxy

    def at(self, *moment: int) -> None:
        """Set the clock, in UTC: year, month, day, hour and minute."""
        self.market.now = utc(*moment)

    def __call__(self, *words: str | Path, more: Mapping[str, str] | None = None, umask: int = 0o022) -> Completed:
        """Run a command line to its end; `more` are variables of its environment."""
        return self.start(*words, more=more, umask=umask).completed()

    def start(
        self,
        *words: str | Path,
        home: Path | None = None,
        more: Mapping[str, str] | None = None,
        umask: int = 0o022,
    ) -> Process:
        """Begin a command line, in another home perhaps."""
        home = home or self.home
        home.mkdir(parents=True, exist_ok=True)
        return Process(words, home, self.environment(home) | dict(more or {}), umask=umask)

    def cold(self, *words: str | Path) -> Completed:
        """Run a command line to its end in a process that begins from nothing, as a user's does."""
        return cold(*words, folder=self.home, env=self.environment(self.home))

    @property
    def asked(self) -> list[tuple[str, dict[str, str]]]:
        """What the provider was asked of prices by period: symbol and query."""
        return [
            (path.rpartition("/")[2], query)
            for path, query in self.yahoo.requests
            if path.startswith("/v8/finance/chart/") and "period1" in query
        ]

    def environment(self, home: Path) -> dict[str, str]:
        """The variables of a command in a home."""
        kept = {name: value for name, value in os.environ.items() if name not in _OF_THE_READER}
        own = {
            "HOME": str(home),
            "USERPROFILE": str(home),
            "STOCKCAST_HOME": str(home),
            "STOCKCAST_NOW": self.market.now.isoformat(),
            "STOCKCAST_JOBS": "1",  # the suite has a process a core already
        }
        return kept | self.proxy.environment(home / "cache") | own


@contextmanager
def live(home: Path, listings: Sequence[Listing], now: datetime) -> Iterator[Live]:
    """A loopback Yahoo with these listings, and commands that see it."""
    market = Market(listings, now)
    with LoopbackYahoo(market) as yahoo, ConnectProxy(yahoo) as proxy:
        try:
            yield Live(home, market, yahoo, proxy)
        finally:
            yahoo.closing.set()  # the proxy waits for its threads, and nobody for slow answers
        assert proxy.refused == []


def utc(*moment: int) -> datetime:
    """A moment in UTC."""
    return datetime(*moment, tzinfo=UTC)  # type: ignore[arg-type, misc]


def listing(
    symbol: str, last: date, sessions: int = 520, calendar: str = "XNYS", seed: int = 0, **told: Any
) -> Listing:
    """Made-up prices on the sessions of a calendar, the newest on `last`; told: what the provider says of it."""
    made = synthetic.on_exchange(symbol, last, sessions, seed, calendar)
    return replace(listing_from(made, symbol), **told)


def tables(home: Path) -> Tables:
    """Every table of the store, row by row, but for SQLite's own; the test fails where the file is not whole."""
    with closing(sqlite3.connect(home / "stockcast.db")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        # The counters of ids move when a record is begun and discarded.
        own = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        names = [name for (name,) in db.execute(own)]
        return {name: sorted(db.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr) for name in names}  # noqa: S608


def rows(home: Path, question: str, *values: object) -> list[tuple[Any, ...]]:
    """What the store answers to SQL."""
    with closing(sqlite3.connect(home / "stockcast.db")) as db:
        return db.execute(question, values).fetchall()


def stored(home: Path, ticker: str) -> dict[str, float]:
    """Stored closes by session."""
    return dict(rows(home, "SELECT session, close FROM prices WHERE ticker = ? ORDER BY session", ticker))


def copied(source: Path, target: Path) -> Path:
    """A home of one's own, as another one is."""
    shutil.copytree(source, target)
    return target


def lines(path: Path) -> list[Any]:
    """The documents of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def evening(day: date) -> datetime:
    """An hour after New York's close."""
    return datetime(day.year, day.month, day.day, 21, tzinfo=UTC)


def listings() -> list[Listing]:
    return [listing("AAA", LAST, seed=1), listing("BBB", LAST, seed=2)]


def table_of(content: Path | str) -> list[dict[str, str]]:
    """The rows of a CSV."""
    text = content.read_bytes().decode() if isinstance(content, Path) else content
    return list(csv.DictReader(io.StringIO(text, newline="")))


def configure(here: Live, tickers: Sequence[str]) -> None:
    (here.home / "stockcast.toml").write_text(CONFIG.replace('["AAA", "BBB"]', json.dumps(list(tickers))))


def asked(here: Live) -> None:
    """Wait until somebody asks for a chart."""
    until(lambda: any(path.startswith("/v8/") for path, _ in here.yahoo.requests))


def until(happened: Callable[[], bool]) -> None:
    last = time.monotonic() + LIMIT
    while not happened():
        assert time.monotonic() < last
        time.sleep(0.01)
