"""Asking the loopback Yahoo for prices as the product asks Yahoo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from stockcast.prices.yahoo.answer import Answer
from stockcast.prices.yahoo.client import ask_yahoo
from stockcast.prices.yahoo.session import Deadline
from stockcast.prices.yahoo.session import session_class as bounded
from tests.loopback.market import Listing
from tests.loopback.session import session_class
from tests.loopback.yahoo import LoopbackYahoo

NEW_YORK = ZoneInfo("America/New_York")
# Ten sessions from Monday 3 to Friday 14 June 2024, and one more on the Monday after.
SESSIONS = [date(2024, 6, day) for day in (3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 17)]
FRIDAY, MONDAY = SESSIONS[-2:]
AFTER_FRIDAYS_CLOSE = datetime(2024, 6, 14, 18, 0, tzinfo=NEW_YORK)


def listing(symbol: str = "AAPL", adjusted: float = 0.5) -> Listing:
    """Rising prices. adjusted: the adjusted close over the close."""
    close: list[float | None] = [100.0 + row for row in range(len(SESSIONS))]
    return Listing(
        symbol=symbol,
        sessions=list(SESSIONS),
        open=[99.5 + row for row in range(len(SESSIONS))],
        high=[101.25 + row for row in range(len(SESSIONS))],
        low=[98.75 + row for row in range(len(SESSIONS))],
        close=close,
        adjusted_close=[price * adjusted for price in close if price],
        volume=[1000.0 * (row + 1) for row in range(len(SESSIONS))],
    )


@dataclass
class Asking:
    """The product's own way to ask, at the loopback Yahoo; `pauses` are those that it would have made."""

    yahoo: LoopbackYahoo
    pauses: list[float] = field(default_factory=list)
    seconds: float = 30.0
    during_pause: Callable[[], object] = lambda: None

    def __post_init__(self) -> None:
        made = session_class(self.yahoo, bounded())
        self.opened: list[Any] = []
        self.opening = lambda deadline: self.opened.append(made(deadline)) or self.opened[-1]

    def __call__(
        self,
        ticker: str = "AAPL",
        start: date | None = date(2024, 6, 1),
        now: datetime | None = None,
        zone: str | None = None,
    ) -> Answer:
        def sleep(seconds: float) -> None:
            self.pauses.append(seconds)
            self.during_pause()

        deadline = Deadline.after(self.seconds)
        moment = now or self.yahoo.market.now
        return ask_yahoo(ticker, start, moment, deadline, zone, self.opening, sleep)

    @property
    def charts(self) -> list[dict[str, str]]:
        """The questions for charts, oldest first."""
        return [query for path, query in self.yahoo.requests if path.startswith("/v8")]


def days(answer: Answer) -> list[date]:
    return answer.dates.astype(object).tolist()
