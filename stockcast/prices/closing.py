"""Closing: which session of one series is over when a session of another one ends, wherever the two trade."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from stockcast.prices.hours import TradingHours

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Closing:
    """When the sessions of a series end.

    exchange: name of its calendar. hours: None where nobody has looked them up, which will do beside a series of the
    same exchange.
    """

    exchange: str
    hours: TradingHours | None = None

    def is_that_of(self, other: Closing) -> bool:
        """Whether sessions of one date end together.

        The usual closing times are compared beside the exchange: one that is told early closes of more years than
        the other is no other exchange for it.
        """
        if self.exchange != other.exchange:
            return False
        mine, theirs = self.hours, other.hours
        return mine is None or theirs is None or (mine.zone, mine.closes) == (theirs.zone, theirs.closes)

    def newest_before(self, other: Closing, session: date) -> date:
        """The last date whose session here, if there was one, is over at the close of the other series' `session`.

        It is never a later date than the session's own, even where one would be over. Raises ValueError where the
        hours of two exchanges are not known: dates alone do not tell.
        """
        if self.is_that_of(other):
            return session
        if self.hours is None or other.hours is None:
            raise ValueError(f"the hours of {self.exchange} and {other.exchange} are needed")
        end, day = other.hours.close_of(session), session
        while self.hours.close_of(day) > end:
            day -= _ONE_DAY
        return day
