"""Trading hours: when the sessions of an exchange end, as a small value that is kept with a ticker."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from stockcast.errors import ConfigError
from stockcast.prices.exchanges import ZONES
from stockcast.prices.history import ONE_DAY, Caution, Dates, listed
from stockcast.prices.sessions import (
    DEFAULT_EXCHANGE,
    PLAIN_WEEKMASKS,
    SessionCalendar,
    listed_days,
    load_calendar,
    rule_days,
    unbuilt,
    worked_out,
)

MIDNIGHT = "24:00"
"""The close of a session that lasts until the day is over."""


@dataclass(frozen=True)
class TradingHours:
    """Closing times by the clock of the IANA time zone `zone`.

    closes: (first session, "HH:MM") in the order of time; the first has None, for "ever since". early: single sessions
    that end at another time, as (session, "HH:MM"), strictly increasing. Raises ConfigError where that is not so.
    """

    zone: str
    closes: tuple[tuple[date | None, str], ...]
    early: tuple[tuple[date, str], ...] = ()

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError) as error:
            raise ConfigError(f"trading hours: unknown time zone {self.zone!r}", "fetch the ticker again") from error
        since = [day for day, _ in self.closes]
        if not since or since[0] is not None or None in since[1:]:
            raise _unusable("the first closing time alone holds ever since")
        for earlier, later in [*pairwise(day for day in since if day), *pairwise(day for day, _ in self.early)]:
            if later <= earlier:
                raise _unusable(f"the days do not increase at {later}")
        for _, close in (*self.closes, *self.early):
            _clock(close)

    def close_of(self, session: date) -> datetime:
        """When a session ends, in UTC."""
        close = self._early.get(session)
        days, at = _clock(_since(self.closes, session) if close is None else close)
        return datetime.combine(session + timedelta(days=days), at, ZoneInfo(self.zone)).astimezone(UTC)

    def session_date(self, now: datetime) -> date:
        """The date at the exchange."""
        return now.astimezone(ZoneInfo(self.zone)).date()

    def last_completed(self, calendar: SessionCalendar, now: datetime) -> date:
        """The last session of the calendar that is over at `now`."""
        day = self.session_date(now)
        while not (calendar.is_session(day) and self.close_of(day) <= now):
            day -= timedelta(days=1)
        return day

    @cached_property
    def _early(self) -> dict[date, str]:
        return dict(self.early)


def load_hours(
    exchange: str, first: date, through: date, zone: str | None = None, close: time | None = None
) -> TradingHours:
    """The trading hours of an exchange, by the definitions of the exchange_calendars package.

    "24/7" and "weekdays" are not in it: their sessions end at midnight in `zone`, or UTC, weekdays also at `close`
    where that is known.

    Args:
        exchange: Name of its calendar.
        first: First day of which single early closes are known.
        through: Last such day.
        zone: IANA name, for a calendar without holidays.
        close: Closing time, for "weekdays".

    Raises:
        ConfigError: The exchange is unknown, or `through` is before `first`.
    """
    name = load_calendar(exchange, first, through).exchange
    if name in PLAIN_WEEKMASKS:
        until = MIDNIGHT if close is None or name == "24/7" else _text(close)
        return TradingHours(zone or "UTC", ((None, until),))
    source = unbuilt(name)
    closes = tuple(
        (None if since is None else since.date(), _text(at, offset=int(source.close_offset)))
        for since, at in source.close_times
    )
    early = {day: _later(_since(closes, day), delay) for delay, days in _delayed(source) for day in days}
    with worked_out(name):
        special = _special(source, first, through)
    early |= {day: _text(at, offset=int(source.close_offset)) for at, days in special for day in days}
    within = sorted((day, close) for day, close in early.items() if first <= day <= through)
    return TradingHours(str(source.tz), closes, tuple(within))


_NEW_YORK = (time(9, 30), time(16))


@lru_cache(maxsize=8)
def usual_hours(exchange: str) -> tuple[time, time] | None:
    """When the sessions of an exchange open and close these years, by its own clock; None where nobody knows."""
    if exchange == DEFAULT_EXCHANGE:  # known without the calendar package
        return _NEW_YORK
    if exchange in PLAIN_WEEKMASKS:
        return None
    source = unbuilt(exchange)
    if int(source.open_offset) or int(source.close_offset):
        return None
    return source.open_times[-1][1], source.close_times[-1][1]


@dataclass(frozen=True)
class Elapsed:
    """How far the time has come at an exchange.

    Attributes:
        today: The date there.
        last: The last day whose bar may be whole: the day before while the session of today runs.
    """

    today: date
    last: date

    @classmethod
    def at(cls, exchange: str, days: Dates, now: datetime) -> Elapsed:
        """How far it has come at `now`; days: those of the bars, the hours are looked up where today is among them."""
        today = now.astimezone(ZoneInfo(ZONES.get(exchange, "UTC"))).date()
        runs = (days == np.datetime64(today)).any() and load_hours(exchange, today, today).close_of(today) > now
        return cls(today, today - _ONE_DAY if runs else today)

    def notes(self, days: Dates) -> list[Caution]:
        """What was left out of bars on these days, where `last` is the last that is kept."""
        found = []
        if (days == np.datetime64(self.today)).any() and self.last < self.today:
            found.append(
                Caution(f"The bar of {self.today} was left out, its session still runs: --allow-running-bar keeps it.")
            )
        ahead = days[days > np.datetime64(self.today)]
        if len(ahead):
            bars, are = ("bar", "was") if len(ahead) == 1 else ("bars", "were")
            found.append(
                Caution(f"{len(ahead):,} {bars} after today, {self.today}, {are} left out: {listed(np.sort(ahead))}.")
            )
        return found


def _special(source: Any, first: date, through: date) -> list[tuple[time, list[date]]]:
    """Days that end at another time, by that time; days without a session do no harm among them."""
    found = []
    for at, rule in source.special_closes:
        if isinstance(rule, int):  # a weekday, Monday is 0
            days = np.arange(np.datetime64(first, "D"), np.datetime64(through, "D") + ONE_DAY)
            days = days[np.is_busday(days, weekmask=[day == rule for day in range(7)])]
        else:
            days = rule_days(rule, first, through)
        found.append((at, days.tolist()))
    return found + [(at, listed_days(days).tolist()) for at, days in source.special_closes_adhoc]


def _delayed(source: Any) -> list[tuple[timedelta, list[date]]]:
    """Days of a later close, by how much later: Korea's exchange waits for those who sit the university exam."""
    delays = [(each[3], each[4]) for each in getattr(source, "special_offsets_adhoc", ())]
    return [(delay.to_pytimedelta(), [day.date() for day in days]) for delay, days in delays if delay is not None]


def _since(closes: Sequence[tuple[date | None, str]], session: date) -> str:
    """The closing time that holds for a session."""
    return closes[bisect_right([day or date.min for day, _ in closes], session) - 1][1]


def _later(close: str, delay: timedelta) -> str:
    hours, minutes = divmod(int(close[:2]) * 60 + int(close[3:]) + int(delay.total_seconds()) // 60, 60)
    return f"{hours:02d}:{minutes:02d}"


def _text(at: time, offset: int = 0) -> str:
    return f"{at.hour + 24 * offset:02d}:{at.minute:02d}"


def _clock(text: str) -> tuple[int, time]:
    """Days after the session's own, and time of day. Raises ConfigError."""
    hours, separator, minutes = text.partition(":")
    if not (separator and len(text) == 5 and hours.isdigit() and minutes.isdigit() and int(minutes) < 60):
        raise _unusable(f"{text!r} is no time of day")
    days, hour = divmod(int(hours), 24)
    return days, time(hour, int(minutes))


def _unusable(reason: str) -> ConfigError:
    return ConfigError(f"trading hours: {reason}", "fetch the ticker again")


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

        It is never a later date than the session's own, even where one would be over.

        Args:
            other: When the sessions of the other series end.
            session: One of its sessions.

        Raises:
            ValueError: The hours of two exchanges are not known: dates alone do not tell.
        """
        if self.is_that_of(other):
            return session
        if self.hours is None or other.hours is None:
            raise ValueError(f"the hours of {self.exchange} and {other.exchange} are needed")
        end, day = other.hours.close_of(session), session
        while self.hours.close_of(day) > end:
            day -= _ONE_DAY
        return day
