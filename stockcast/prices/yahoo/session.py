"""The HTTP session that yfinance is given: no request outlasts the deadline, and every chart's reply is remembered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from stockcast.prices.yahoo.deadline import Deadline

CHART = "/v8/finance/chart/"

# bars, no-bars: a chart with and without any. refusal: an error in the chart's shape. nothing: a chart's shape around
# nothing. foreign: other JSON. page: no JSON. none: no answer came.
Body = Literal["bars", "no-bars", "refusal", "nothing", "foreign", "page", "none"]

_USUAL_LIMIT = 30.0
_SIDE_LIMIT = 10.0  # s, for cookies and crumbs, without which charts are sent as well


@dataclass(frozen=True)
class Reply:
    """What came of one request for a chart. meta: what the chart says of the ticker. words: the refusal's own."""

    body: Body
    status: int = 0
    meta: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""
    error: Exception | None = None


@lru_cache(maxsize=1)
def session_class() -> type[Any]:
    """A subclass of curl_cffi's Session, made as yfinance makes its own, to be called with a Deadline.

    `begin(deadline)` starts anew, `give_up()` makes every later request fail, `replies` are those to requests for
    charts since the beginning. yfinance's own time limits leave out its requests for cookies and crumbs.
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
            is_chart = CHART in url
            limit = _limit(others.pop("timeout", None), self.deadline.left(), is_chart)
            if self.given_up or limit <= 0:
                late = Timeout("no time was left for the request", CurlECode.OPERATION_TIMEDOUT)
                self._remember(is_chart, Reply("none", error=late))
                raise late
            others["timeout"] = limit
            try:
                response = super().request(method, url, *args, **others)
            except Exception as error:
                self._remember(is_chart, Reply("none", error=error))
                raise
            self._remember(is_chart, read(response.status_code, response.content) if is_chart else None)
            return response

        def _remember(self, is_chart: bool, reply: Reply | None) -> None:
            if is_chart and reply is not None:
                self.replies.append(reply)

    return BoundedSession


def open_session(deadline: Deadline) -> Any:
    """A new session. Its requests are made in the caller's thread, and end with the deadline."""
    return session_class()(deadline)


def read(status: int, content: bytes) -> Reply:
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


def _limit(asked: Any, left: float, is_chart: bool) -> float:
    """Seconds for a request. What is not a chart may take half of what is left: the chart needs time too."""
    limit = float(asked) if isinstance(asked, int | float) else _USUAL_LIMIT
    return min(limit, left) if is_chart else min(limit, left / 2, _SIDE_LIMIT)
