"""LoopbackYahoo: an HTTP server that speaks what yfinance asks for: cookie, crumb, charts, calendars; and faults."""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from email.utils import formatdate
from http import HTTPStatus
from time import time
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.loopback.calendar import page
from tests.loopback.chart import chart, not_found, without_bars
from tests.loopback.faults import (
    Dropped,
    Empty,
    Fault,
    Html,
    Nonsense,
    NotFound,
    RateLimited,
    ServerError,
    Slow,
    Truncated,
)
from tests.loopback.market import Market
from tests.loopback.server import QuietHandler, QuietServer, hang_up

# zone: a chart by range, from which yfinance learns the time zone; prices: a chart by period; chart: either; calendar:
# the page of a company's reports.
Kind = Literal["cookie", "crumb", "zone", "prices", "chart", "calendar"]
Question = tuple[str, dict[str, str]]

_CHART = re.compile(r"/v8/finance/chart/([^/]+)")
_SUMMARY = re.compile(r"/v10/finance/quoteSummary/([^/]+)")
_CRUMB = "loop.back"
_YEAR = 365 * 24 * 3600
_JSON, _TEXT, _HTML = "application/json;charset=utf-8", "text/plain;charset=utf-8", "text/html;charset=utf-8"


class LoopbackYahoo:
    """Yahoo within a `with` block: `url` is where it answers over plain HTTP, `requests` what it was asked so far.

    Hosts are not told apart: the path says what is asked. Consent pages and quote summaries, to which yfinance turns
    after a failure, get 404: it then finds no token, and no time zone. Answers bear the machine's time, or that of
    `dated`, where it is set.
    """

    def __init__(self, market: Market) -> None:
        self.market = market
        self.requests: list[Question] = []
        self.dated: datetime | None = None
        self.server = _YahooServer(self)
        self.closing = threading.Event()
        self._scripts: dict[tuple[str, str], tuple[deque[Fault | None], bool]] = {}
        self._guard = threading.Lock()

    @property
    def url(self) -> str:
        """Scheme, host and port, without a path."""
        return self.server.url

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        self.closing.set()  # slow answers need not be waited for
        self.server.__exit__(kind, value, trace)

    def script(
        self, symbol: str, faults: Sequence[Fault | None], *, sticky: bool = False, kind: Kind = "chart"
    ) -> None:
        """The next requests of this kind for `symbol` ("*": for any) meet these faults, one each; None is no fault.

        With `sticky` the last one stays. A new script replaces the old one of the same symbol and kind; a symbol's own
        script goes before that of "*", and one for zone or prices before one for charts. yfinance repeats a request
        whose answer had a status of 400 or more: a failure that it shall see needs to come twice, or to be sticky.
        """
        with self._guard:
            self._scripts[symbol.upper(), kind] = deque(faults), sticky

    def heal(self) -> None:
        """Forget every script."""
        with self._guard:
            self._scripts.clear()

    def fault(self, kinds: Sequence[Kind], symbol: str) -> Fault | None:
        """The fault that is due for a request, taken from its script; None: answer as usual."""
        with self._guard:
            for name in (symbol.upper(), "*"):
                for kind in kinds:
                    faults, sticky = self._scripts.get((name, kind), (None, False))
                    if faults:
                        return faults[0] if sticky and len(faults) == 1 else faults.popleft()
        return None

    def log(self, path: str, query: dict[str, str]) -> None:
        """Remember what was asked."""
        with self._guard:
            self.requests.append((path, query))


class _YahooServer(QuietServer):
    def __init__(self, yahoo: LoopbackYahoo) -> None:
        super().__init__(YahooHandler)
        self.yahoo = yahoo


class YahooHandler(QuietHandler):
    """One connection to the loopback Yahoo; `server` is that of a LoopbackYahoo, whoever accepted the connection."""

    server: _YahooServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        path, query = unquote(address.path), dict(parse_qsl(address.query))
        self.server.yahoo.log(path, query)
        asked = _CHART.fullmatch(path)
        if path == "/":
            self._cookie()
        elif path == "/v1/test/getcrumb":
            self._crumb()
        elif asked:
            self._chart(asked[1], query)
        elif path == "/calendar/earnings":
            self._calendar(query)
        elif summary := _SUMMARY.fullmatch(path):
            error = {"code": "Not Found", "description": f"Quote not found for symbol: {summary[1]}"}
            self._answer(404, _JSON, json.dumps({"quoteSummary": {"result": None, "error": error}}))
        else:
            self._answer(404, _HTML, "<html><body>Not Found</body></html>")

    def do_POST(self) -> None:
        self.server.yahoo.log(unquote(urlsplit(self.path).path), {})
        self._answer(404, _HTML, "<html><body>Not Found</body></html>")

    def _cookie(self) -> None:
        """The cookie comes with a 404: nobody is meant to read the page."""
        fault = self.server.yahoo.fault(["cookie"], "*")
        if not self._failed(fault):
            # A browser takes a cookie for Yahoo's domain from Yahoo's hosts only.
            domain = "; Domain=.yahoo.com" if self._host().endswith(".yahoo.com") else ""
            life = f"Expires={formatdate(time() + _YEAR, usegmt=True)}; Max-Age={_YEAR}"
            cookie = f"A3=d=loopback&S=loopback; {life}{domain}; Path=/; HttpOnly"
            self._answer(404, _HTML, "", {"Set-Cookie": cookie})

    def _crumb(self) -> None:
        """No crumb without the cookie, as at Yahoo."""
        fault = self.server.yahoo.fault(["crumb"], "*")
        if self._failed(fault):
            return
        if "A3=" in self.headers.get("Cookie", ""):
            self._answer(200, _TEXT, _CRUMB)
        else:
            error = {"code": "Unauthorized", "description": "Invalid Cookie"}
            self._answer(401, _JSON, json.dumps({"finance": {"result": None, "error": error}}))

    def _chart(self, symbol: str, query: dict[str, str]) -> None:
        yahoo = self.server.yahoo
        fault = yahoo.fault(["prices" if "period1" in query else "zone", "chart"], symbol)
        if self._failed(fault):
            return
        if isinstance(fault, NotFound):
            status, body = not_found()
        elif isinstance(fault, Empty):
            status, body = without_bars(yahoo.market, symbol, query)
        else:
            status, body = chart(yahoo.market, symbol, query)
        text = json.dumps(body)
        self._answer(status, _JSON, text[: len(text) // 2] if isinstance(fault, Truncated) else text)

    def _calendar(self, query: dict[str, str]) -> None:
        yahoo, symbol = self.server.yahoo, query.get("symbol", "")
        fault = yahoo.fault(["calendar"], symbol)
        if self._failed(fault):
            return
        if isinstance(fault, NotFound):
            self._answer(404, _HTML, "<html><body>Not Found</body></html>")
            return
        text = page(yahoo.market, "" if isinstance(fault, Empty) else symbol, int(query.get("size", "25")))
        self._answer(200, _HTML, text[: len(text) // 2] if isinstance(fault, Truncated) else text)

    def _failed(self, fault: Fault | None) -> bool:
        """Whether the fault took the answer's place; faults of a chart's content are left to it."""
        match fault:
            case RateLimited():
                self._answer(429, _HTML, "Too Many Requests\r\n")
            case ServerError():
                self._answer(500, _TEXT, "Internal Server Error")
            case Html(text):
                self._answer(200, _HTML, text)
            case Nonsense():
                self._answer(200, _JSON, json.dumps({"surprise": [1, 2, 3]}))
            case Dropped():
                hang_up(self.connection)
                self.close_connection = True
            case Slow(seconds):
                # Where the server closes meanwhile there is nobody left to answer.
                self.close_connection = self.server.yahoo.closing.wait(seconds)
                return self.close_connection
            case _:
                return False
        return True

    def _answer(self, status: int, kind: str, text: str, more: dict[str, str] | None = None) -> None:
        body = text.encode()
        self.send_response(status, HTTPStatus(status).phrase)
        headers: dict[str, Any] = {"Content-Type": kind, "Content-Length": len(body), "Connection": "close"}
        for name, value in (headers | (more or {})).items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The time that answers bear."""
        dated = self.server.yahoo.dated
        return super().date_time_string(timestamp if dated is None else dated.timestamp())

    def _host(self) -> str:
        return self.headers.get("Host", "").partition(":")[0].lower()
