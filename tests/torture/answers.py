"""What is fuzzed besides files: the answers of the provider, and the rows that the store was given."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from curl_cffi.requests import Response, Session

from stockcast.config import FetchConfig, ReadOptions
from stockcast.pipeline.fetchsession import FetchSession
from stockcast.pipeline.source import PriceSource
from stockcast.prices.hours import load_hours
from stockcast.prices.sessions import load_calendar
from stockcast.prices.yahoo import client
from stockcast.prices.yahoo.answer import completed
from stockcast.prices.yahoo.session import Deadline, forget_all
from stockcast.prices.yahoo.session import session_class as bounded
from stockcast.progress import Silent
from stockcast.storage import eventstore, pricestore
from stockcast.storage.database import Database
from stockcast.storage.ledger import reading, recording
from tests.live.command import LAST, evening, listing
from tests.loopback.calendar import Report, page
from tests.loopback.chart import chart
from tests.loopback.market import Market
from tests.storage import entries
from tests.torture import mutation
from tests.torture.fuzzing import Case

CALENDAR = load_calendar("XNYS", date(2020, 1, 1), date(2022, 12, 31))
HOURS = load_hours("XNYS", date(2020, 1, 1), date(2022, 12, 31))

Said = tuple[int, bytes]
"""Status and content of an answer."""


def market() -> Market:
    """One company, with reports."""
    made = listing("AAPL", LAST, 80)
    made.reports = [Report.at(datetime(2021, month, 20, 20, 30, tzinfo=UTC), 1.0) for month in (4, 3, 2)]
    return Market([made], evening(LAST))


def said(sold: Market, path: str, query: dict[str, str]) -> Said:
    """What the provider answers."""
    if path.startswith("/v8/finance/chart/"):
        status, body = chart(sold, path.rpartition("/")[2], query)
        return status, json.dumps(body).encode()
    if path == "/calendar/earnings":
        return 200, page(sold, query.get("symbol", ""), 25).encode()
    return 200, b"crumb"


@contextmanager
def provider(answer: Callable[[str, dict[str, str]], Said]) -> Iterator[None]:
    """In this process and without a network: who is asked for a path and a query answers so, on the last evening."""

    class Canned(Session[Any]):
        def request(self, _method: Any, url: str, *_: Any, params: Any = None, **__: Any) -> Response:
            asked = urlsplit(url)
            query = dict(parse_qsl(asked.query)) | dict(parse_qsl(urlencode(params or {})))
            response = Response()
            response.url = url
            response.status_code, response.content = answer(unquote(asked.path), query)
            response.ok = response.status_code < 400
            return response

    class Bounded(bounded(), Canned):  # type: ignore[misc]
        pass

    before, now = client.open_session, os.environ.get("STOCKCAST_NOW")
    client.open_session = Bounded
    os.environ["STOCKCAST_NOW"] = evening(LAST).isoformat()
    forget_all()
    client._kept.drop()
    try:
        yield
    finally:
        client._kept.drop()
        forget_all()
        client.open_session = before
        os.environ.pop("STOCKCAST_NOW")
        if now is not None:
            os.environ["STOCKCAST_NOW"] = now


def answers(draw: Random, folder: Path) -> Callable[[], Case]:
    """Charts and calendars that are nearly right, into a store that is empty or has bars already."""
    sold = market()

    def damaged(path: str, query: dict[str, str]) -> Said:
        status, content = said(sold, path, query)
        if draw.random() < 0.3:
            return status, content
        if draw.random() < 0.05:
            return draw.choice((200, 204, 301, 401, 403, 404, 422, 429, 500, 503)), content
        if path.startswith("/v8/") and draw.random() < 0.85:
            return status, json.dumps(_chart(draw, json.loads(content))).encode("utf-8", "surrogatepass")
        return status, mutation.bytes_of(draw, content)

    def asked() -> object:
        """The answer alone: most cases, since a store takes its time."""
        with provider(damaged):
            start = draw.choice((None, LAST - timedelta(days=30)))
            got = client.ask_yahoo("AAPL", start, evening(LAST), Deadline.after(0.5), "America/New_York")
            return completed(got, CALENDAR, HOURS, evening(LAST))

    def fetched() -> object:
        with provider(damaged):
            if draw.random() < 0.5:
                with Database.open(folder) as db:
                    db.execute("DELETE FROM prices")
                    db.execute("DELETE FROM instruments")
                    db.execute("DELETE FROM event_requests")
            # An hour of retries is over at once: nobody sleeps.
            config = FetchConfig(timeout=0.5, pause=0)
            return PriceSource(folder, ReadOptions(), FetchSession(config, many=False)).load("AAPL", Silent()).history

    return lambda: draw.choice((asked, asked, asked, fetched))


def _chart(draw: Random, body: Any) -> Any:
    """A chart with a few numbers, stamps or words that are others."""
    try:
        result = body["chart"]["result"][0]
        quote, adjusted = result["indicators"]["quote"][0], result["indicators"]["adjclose"][0]["adjclose"]
        columns = [*quote.values(), adjusted, result["timestamp"]]
    except (KeyError, TypeError, IndexError):
        return mutation.tree_of(draw, body)
    for _ in range(draw.choice((1, 1, 2, 5))):
        kind, column = draw.random(), draw.choice(columns)
        if kind < 0.5 and column:
            column[draw.randrange(len(column))] = draw.choice((None, *mutation.LEAVES))
        elif kind < 0.6 and column:
            del column[draw.randrange(len(column))]
        elif kind < 0.7:
            result["meta"] = mutation.tree_of(draw, result["meta"])
        elif kind < 0.8:
            row = draw.randrange(max(1, len(result["timestamp"])))
            event = {"amount": draw.choice(mutation.LEAVES), "date": result["timestamp"][row : row + 1] or [0]}
            event["date"] = event["date"][0]
            split = {
                "date": event["date"],
                "numerator": draw.choice(mutation.LEAVES),
                "denominator": 1,
                "splitRatio": "2:1",
            }
            result["events"] = {"dividends": {"1": event}, "splits": {"1": split}}
        else:
            return mutation.tree_of(draw, body)
    return body


class _Undone(Exception):  # noqa: N818 - what takes back a transaction
    pass


def rows(draw: Random, folder: Path) -> Callable[[], Case]:
    """A store with a value that stockcast did not write; whatever reads it is asked for it."""
    with provider(partial(said, market())):
        PriceSource(folder, ReadOptions(), FetchSession(FetchConfig(pause=0), many=False)).load("AAPL", Silent())
    db = Database.open(folder)
    recording.record(db, [entries.entry(), entries.entry(entries.TUE, entries.WED)], entries.NOW)
    entries.settle(db, entries.TUE)
    recording.finish_run(db, recording.begin_run(db, entries.NOW), entries.LATER, {"tickers": ["AAPL"]})
    for kind, name in db.rows("SELECT type, name FROM sqlite_master WHERE type = 'trigger'"):
        db.execute(f"DROP {kind} {name}")
    db.execute("PRAGMA foreign_keys = OFF")
    db.execute("PRAGMA ignore_check_constraints = ON")
    tables = [name for (name,) in db.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    filled = [name for name in tables if not name.startswith("sqlite") and db.row(f"SELECT 1 FROM {name}")]  # noqa: S608
    cells = [(table, column[1]) for table in filled for column in db.rows(f"PRAGMA table_info({table})")]
    readers: tuple[Callable[[], object], ...] = (
        lambda: reading.rows(db), lambda: reading.latest(db), lambda: reading.documents_after(db, 0),
        lambda: reading.forecasts_from(db, "AAPL", entries.MON, "AAPL"), lambda: reading.open_forecasts(db, "AAPL"),
        lambda: reading.live_origins(db, "AAPL", "AAPL"), lambda: reading.last_id(db),
        lambda: reading.recorded_misses(db, "AAPL", "AAPL", 1, entries.FRI),
        lambda: pricestore.instrument(db, "AAPL"), lambda: pricestore.bars(db, "AAPL") is None,
        lambda: pricestore.last_session(db, "AAPL"), lambda: eventstore.snapshots(db, "AAPL"),
        lambda: eventstore.last_asked(db, "AAPL"), lambda: recording.last_runs(db),
        lambda: recording.all_trainings(db), lambda: recording.last_training(db, "AAPL", "AAPL"),
        lambda: entries.settle(db),
    )  # fmt: skip

    def following() -> Case:
        table, column = draw.choice(cells)
        known = db.row(f"SELECT {column} FROM {table} ORDER BY random()")  # noqa: S608 - names of our own tables
        assert known is not None
        value = _other(draw, known[0])
        change = f"UPDATE OR REPLACE {table} SET {column} = ?"  # noqa: S608
        if draw.random() < 0.5:
            change += f" WHERE {column} IS (SELECT max({column}) FROM {table})"  # noqa: S608
        return partial(_read_changed, db, change, value, draw.choice(readers))

    return following


def _other(draw: Random, known: Any) -> Any:
    if isinstance(known, str) and known[:1] in ("{", "["):
        return json.dumps(mutation.tree_of(draw, json.loads(known)))
    if isinstance(known, bytes) and draw.random() < 0.8:
        return mutation.bytes_of(draw, known)
    value = draw.choice(mutation.LEAVES[:-6])
    if isinstance(value, int) and abs(value) >= 2**63:
        return float(value)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _read_changed(db: Database, change: str, value: object, read: Callable[[], object]) -> object:
    """What is read of the store with a value changed; the change is taken back."""
    found: list[object] = []
    try:
        with db.transaction():
            try:
                db.execute(change, (value,))
            except Exception:  # noqa: BLE001 - a value that no row can have
                raise _Undone from None
            found.append(read())
            raise _Undone
    except _Undone:
        return found
