"""Session fit: how the days of bars go with the sessions of an exchange, and which other reading would go better.

The dates of a file are somebody's word. Stamps in UTC put the bars of an exchange in the east on the day before, a file
of one exchange is taken for one of another, a coin trades on Sundays: each of them moves what is known on a day, and
each shows in the days alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from math import lgamma
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stockcast.errors import ConfigError
from stockcast.prices.exchanges import ALWAYS
from stockcast.prices.exchanges import WEEKDAYS as MONDAY_TO_FRIDAY
from stockcast.prices.history import ONE_DAY, Dates, listed
from stockcast.prices.sessions import SessionCalendar, load_calendar

WEEKDAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

DECISIVE = 5.0
"""By how much the log likelihood of one reading has to be above another's: odds of 150 to 1."""

CANDIDATES = (
    *(ALWAYS, MONDAY_TO_FRIDAY, "XNYS", "XTKS", "XLON", "XHKG", "XSHG", "XETR", "XPAR", "XASX", "XBOM", "XTSE", "BVMF"),
    *("XSWX", "XSTO", "XTAI", "XSES", "XNZE", "XMEX", "XJSE", "XSAU", "XTAE", "CMES", "XKRX"),
)
"""Calendars that days are tried on which do not fit the one they are taken for, the likely and the quick ones first;
of those alike the best known.
"""

_MISSING, _EXTRA = 30.0, 100.0
"""One in so many sessions lacks its bar, and one in so many other days has one, as far as is known beforehand."""
_OFTEN = 4  # times that a weekday has to come before its absence says something
_REGULAR = 0.2  # share of a weekday's dates with a bar from which on it is no exception
_FEW = 0.01  # share of bars on other days that providers' fillers and the calendars' small errors come to
_MOST_MISSING = 0.1  # sessions without a bar, as a share of the bars, that an exchange's own series has at most
_SUMMER = (4, 10)  # months that have summer time in the north, and winter time in the south

Shift = Literal[-1, 0, 1]
_SHIFTS: tuple[Shift, Shift] = (1, -1)
_Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class SessionFit:
    """Days with a bar beside the sessions of an exchange.

    Attributes:
        exchange: Name of its calendar.
        bars: Days that were compared: those that the calendar knows.
        extra: Days with a bar that are no sessions.
        missing: Sessions between the first and the last day without a bar.
        absent: Weekdays, Monday is 0, on which it has sessions often and the bars never are.
        foreign: Weekdays on which the bars often are and it has no session.
        shift: By how many days the bars would have to be moved to fit clearly better; 0 where they are best as they
            are.
        log_likelihood: How well the days fit, comparable for the same days alone.
    """

    exchange: str
    bars: int
    extra: Dates = field(repr=False)
    missing: Dates = field(repr=False)
    absent: tuple[int, ...] = ()
    foreign: tuple[int, ...] = ()
    shift: Shift = 0
    log_likelihood: float = 0.0

    @property
    def agrees(self) -> bool:
        """Whether there is nothing to say: every bar is on a session, and no weekday is without any."""
        return not len(self.extra) and not self.absent

    @property
    def doubtful(self) -> bool:
        """Whether the days are more than a few exceptions away from being those of the exchange."""
        many = len(self.extra) > 1 and len(self.extra) > _FEW * self.bars
        return bool(self.shift or self.absent or self.foreign or many)

    @property
    def is_own(self) -> bool:
        """Whether the days may well be those of the exchange, with nothing to be explained."""
        by_weekdays = self.shift or self.absent or self.foreign
        return not by_weekdays and len(self.extra) <= 2 * _FEW * self.bars and self.has_most

    @property
    def has_most(self) -> bool:
        """Whether few sessions lack their bar."""
        return len(self.missing) <= _MOST_MISSING * self.bars

    @property
    def has_nearly_all(self) -> bool:
        """Whether no more sessions lack their bar than a provider loses."""
        return len(self.missing) <= _FEW * self.bars

    def is_clearly_better(self, other: SessionFit) -> bool:
        """Whether the same days fit here and not there, beyond reasonable doubt."""
        return self.log_likelihood - other.log_likelihood > DECISIVE and 2 * len(self.extra) <= len(other.extra)

    def sentence(self, name: str, better: Sequence[str] = ()) -> str:
        """What is to be known, in one line: which days are no sessions, which never have a bar, and what that means.

        Args:
            name: What the bars are of.
            better: Exchanges that the days fit better, as `better_exchanges` finds them.
        """
        said = []
        if len(self.extra):
            verb = "is on a day" if len(self.extra) == 1 else "are on days"
            where = self._on_weekdays() or listed(self.extra)
            of = f"{len(self.extra):,} of its {self.bars:,} bars"
            said.append(f"{of} {verb} without a session of {self.exchange} ({where})")
        if self.absent:
            said.append(f"none {'is' if said else 'of its bars is'} on a {_named(self.absent, 'or a ')}")
        elif 2 * len(self.missing) > len(self.extra):
            said.append(
                f"{len(self.missing):,} of {'its sessions' if said else f'the sessions of {self.exchange}'} have no bar"
            )
        meaning = self._meaning(better)
        return f"{name}: {' and '.join(said)}{f': {meaning}' if meaning else ''}"

    def hint(self, better: Sequence[str] = (), option: str | None = "--exchange {}") -> str:
        """What to do about it.

        Args:
            better: Exchanges that the days fit better.
            option: How an exchange is named where the bars come from; None where it is certain.
        """
        own = "write the dates of the exchange's own sessions, or the stamps with their offset"
        if option is None:
            return own if self.shift else "leave out rows of days on which nothing was traded"
        named = f"name the exchange they are from: {option.format(better[0] if better else 'CODE')}"
        if better:
            return named
        if self.shift:
            return f"{own}; or {named}"
        if not self.doubtful:
            return f"leave out rows of days on which nothing was traded, or {named}"
        return f"{named} ({option.format(ALWAYS)} for what is traded every day)"

    def _on_weekdays(self) -> str:
        """How many of the extra days are on which weekday, where whole weekdays are what is wrong."""
        weekdays = _weekdays(self.extra)
        counts = [(int((weekdays == day).sum()), WEEKDAY_NAMES[day]) for day in self.foreign]
        return " and ".join(f"{count:,} on {name}s" for count, name in counts)

    def _meaning(self, better: Sequence[str]) -> str:
        if ALWAYS in better[:1]:
            return "it is traded seven days a week"
        names = [f"{MONDAY_TO_FRIDAY} without holidays" if name == MONDAY_TO_FRIDAY else name for name in better]
        fits = f"its days are those of {' or '.join(names)}" if better else ""
        if not self.shift:
            return fits
        way = "later" if self.shift > 0 else "earlier"
        why = "as of stamps in UTC, or of when a session opens" if self.shift > 0 else "as of stamps the day after"
        shifted = f"a day {way} they would fit, {why}"
        return f"{fits}; or {shifted}" if fits else shifted


def session_fit(days: Dates, calendar: SessionCalendar) -> SessionFit:
    """The days of bars beside the sessions of a calendar.

    Args:
        days: Days with a bar, in any order.
        calendar: The sessions that they are taken for; days outside what it knows are not compared.
    """
    days = np.unique(days.astype("datetime64[D]"))
    known = days[(days >= np.datetime64(calendar.first, "D")) & (days <= np.datetime64(calendar.through, "D"))]
    if not len(known):
        return SessionFit(calendar.exchange, 0, known, known)
    span, traded, sessions = _compared(known, calendar)
    weekdays = _weekdays(span)
    absent, foreign = [], []
    for day in range(7):
        on_day = weekdays == day
        due, had = int((sessions & on_day).sum()), int((traded & on_day).sum())
        if due >= _OFTEN and not had:
            absent.append(day)
        elif not due and had > 1 and had > _REGULAR * int(on_day.sum()):
            foreign.append(day)
    # A series that lacks most sessions lacks weekdays, too, and that says nothing about whose they are.
    absent = absent if 2 * int((traded & sessions).sum()) > int(sessions.sum()) else []
    return SessionFit(
        exchange=calendar.exchange,
        bars=len(known),
        extra=span[traded & ~sessions],
        missing=span[sessions & ~traded],
        absent=tuple(absent),
        foreign=tuple(foreign),
        shift=better_shift(known, calendar),
        log_likelihood=_log_likelihood(traded, sessions),
    )


def better_shift(days: Dates, calendar: SessionCalendar) -> Shift:
    """Whether the days, moved by one, fit clearly better: 1 where each bar belongs to the day after its stamp.

    Looked at are all of them, the halves of the years with and without summer time (midnight in London is the day
    before in UTC in summer alone), and single years, since files are put together.

    Args:
        days: Days with a bar, in any order.
        calendar: The sessions that they are taken for.
    """
    days = np.unique(days.astype("datetime64[D]"))
    if not len(days):
        return 0
    # Of days that are all sessions none can be moved to a better place, and so it is for nearly every file.
    if calendar.contains(days).all():
        return 0
    tables = {shift: _compared(days + shift * ONE_DAY, calendar) for shift in (0, *_SHIFTS)}
    for part in _parts(tables[0][0]):
        own, *moved = (_in_part(tables[shift], part) for shift in (0, *_SHIFTS))
        for shift, other in zip(_SHIFTS, moved, strict=True):
            if _is_decisive(own, other):
                return shift
    # Moved by what pandas calls a business day, no bar is on a Sunday, but those before a holiday are on it.
    weekdays = days[np.is_busday(days)]
    if len(weekdays):
        own = _in_part(_compared(weekdays, calendar))
        for shift in _SHIFTS:
            if _is_decisive(own, _in_part(_compared(np.busday_offset(weekdays, shift), calendar))):
                return shift
    return 0


def fitting_exchanges(days: Dates, calendars: Iterable[SessionCalendar]) -> list[SessionFit]:
    """How the days fit each of the calendars, the best first; of those alike the first.

    Args:
        days: Days with a bar, in any order.
        calendars: Those that come into question.
    """
    found = [session_fit(days, calendar) for calendar in calendars]
    return sorted((fit for fit in found if fit.bars), key=lambda fit: -fit.log_likelihood)


def better_exchanges(days: Dates, calendar: SessionCalendar, most: int = 3) -> list[str]:
    """Exchanges that the days fit clearly better than the one they are taken for, the best first.

    Calendars are worked out for it, which may take a second: ask where a fit is doubtful alone.

    Args:
        days: Days with a bar, in any order.
        calendar: The sessions that they are taken for.
        most: How many are named at most.
    """
    taken = session_fit(days, calendar)
    moved = session_fit(days + taken.shift * ONE_DAY, calendar)
    # Sunday to Thursday is the week of two exchanges, and of all of the east in UTC: weekdays alone are not enough.
    own = [one for one in _tried(days) if one.is_own]
    better = [one for one in own if one.exchange != taken.exchange and one.is_clearly_better(taken)]
    better = [one for one in better if not taken.shift or one.is_clearly_better(moved)]
    alike = [one for one in better if better[0].log_likelihood - one.log_likelihood <= DECISIVE]
    return [one.exchange for one in alike[:most]]


def _tried(days: Dates) -> list[SessionFit]:
    """How the days fit each of CANDIDATES, the best first; none is tried after one without a single exception."""
    first, last = days.min().astype(object), days.max().astype(object)
    found: list[SessionFit] = []
    for name in CANDIDATES:
        with suppress(ConfigError):  # one that the installed packages cannot work out
            found += fitting_exchanges(days, [load_calendar(name, first, last + timedelta(days=1))])
        if found and not len(found[-1].extra) and not len(found[-1].missing):
            return found[-1:]
    return sorted(found, key=lambda fit: -fit.log_likelihood)


def _compared(days: Dates, calendar: SessionCalendar) -> tuple[Dates, _Mask, _Mask]:
    """Every date from the first day to the last, whether it has a bar, and whether it is a session."""
    span: Dates = np.arange(days[0], days[-1] + ONE_DAY)
    traded = np.zeros(len(span), dtype=np.bool_)
    traded[(days - days[0]).astype(np.int64)] = True
    return span, traded, calendar.contains(span)


def _weekdays(days: Dates) -> NDArray[np.int64]:
    """Monday is 0; 1970-01-01 was a Thursday."""
    return (days.astype("datetime64[D]").astype(np.int64) + 3) % 7


def _parts(span: Dates) -> Iterator[_Mask]:
    """Stretches of time that may have stamps of their own: all of it, its summers, its winters, and each year."""
    yield np.ones(len(span), dtype=np.bool_)
    month = span.astype("datetime64[M]").astype(np.int64) % 12 + 1
    summer = (month >= _SUMMER[0]) & (month <= _SUMMER[1])
    yield summer
    yield ~summer
    year = span.astype("datetime64[Y]")
    for one in np.unique(year):
        yield year == one


def _in_part(table: tuple[Dates, _Mask, _Mask], part: _Mask | slice = slice(None)) -> tuple[int, float]:
    """Bars on other days, and the log likelihood, in a part of the time; a table that was moved keeps its places."""
    _, traded, sessions = table
    traded, sessions = traded[part], sessions[part]
    return int((traded & ~sessions).sum()), _log_likelihood(traded, sessions)


def _is_decisive(own: tuple[int, float], other: tuple[int, float]) -> bool:
    """Whether the days are better elsewhere: most bars that are on other days are on sessions there."""
    return own[0] > 1 and 4 * other[0] <= own[0] and other[1] - own[1] > DECISIVE


def _log_likelihood(traded: _Mask, sessions: _Mask) -> float:
    """Log probability of the days with a bar, given which are sessions.

    A session lacks its bar, and another day has one, each with a chance that is not known: beta-binomial, with
    Beta(1, 30) and Beta(1, 100) before anything is seen.
    """
    missing, extra = int((sessions & ~traded).sum()), int((traded & ~sessions).sum())
    due = int(sessions.sum())
    return _beta_binomial(missing, due, _MISSING) + _beta_binomial(extra, len(sessions) - due, _EXTRA)


def _beta_binomial(count: int, of: int, prior: float) -> float:
    """Log probability of one order of so many events, their chance being Beta(1, prior)."""
    after = lgamma(1 + count) + lgamma(prior + of - count) - lgamma(1 + prior + of)
    return after - (lgamma(1) + lgamma(prior) - lgamma(1 + prior))


def _named(weekdays: Sequence[int], joined: str) -> str:
    return f" {joined}".join(WEEKDAY_NAMES[day] for day in weekdays)
